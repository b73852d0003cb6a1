"""Escalation policies on record: who hears of an alarm next while nobody answers."""

from coldchain.registry.schema_people import policy
from coldchain.registry.versioned import Versioned

POLICIES = Versioned(policy, "policy")
