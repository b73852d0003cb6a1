"""How an alarm climbs by its policy: which step is next, when it is due, and what begins a new climb. All pure."""

from typing import NamedTuple

from alerts.decisions import REPEAT_RETURNED_MS, Reason, Told
from alerts.policy import Policy
from coldchain.domain.finding import AlarmCondition, Condition

# What asks everybody anew, from the first step on.
_AFRESH = frozenset({Reason.RAISED, Reason.ACK_TIMEOUT, Reason.SHELF_ENDED})


class Next(NamedTuple):
    """The step to take; `again` says that it is the last one once more, or an alarm that is over: a new occasion."""

    step: int
    again: bool


def begins(reason: Reason, now: AlarmCondition, told: Told | None, *, reopened: bool) -> bool:
    """Whether an announcement begins a climb: routes are looked through again, and the first step is taken."""
    if now.condition is Condition.RETURNED:
        return reason is Reason.RAISED  # what was over before anybody was told
    if reason in _AFRESH or reopened:
        return True
    over = told is not None and told.condition is Condition.RETURNED
    return reason in (Reason.WORSENED, Reason.AMENDED) and (told is None or over or now.severity > told.severity)


def next_step(policy: Policy, step: int | None, *, over: bool) -> Next:
    """What follows step `step` while nobody answers; None: none has been taken."""
    following = 0 if step is None else step + 1
    return Next(min(following, policy.last), again=over or following > policy.last)


def due_ms(policy: Policy, step: int, climb_ms: int, now: AlarmCondition, now_ms: int) -> int:
    """When the next step is due after `step` was taken now; the last one repeats without end.

    An alarm that is over climbs on as slowly as it is repeated without a policy. A climb from the future was begun by a
    clock that has been put back: it counts as begun when its step would have been.
    """
    if now.condition is Condition.RETURNED:
        return now_ms + REPEAT_RETURNED_MS[now.severity]
    if step >= policy.last:
        return now_ms + policy.repeat_last_ms
    begun = begun_ms(policy, step, now_ms) if climb_ms > now_ms else climb_ms
    return max(now_ms, begun + policy.steps[step + 1].after_ms)


def begun_ms(policy: Policy, step: int, now_ms: int) -> int:
    """When a climb began whose step `step` is due now."""
    return now_ms - policy.steps[step].after_ms
