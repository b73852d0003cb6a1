"""From the wire to the journal, losing nothing."""
