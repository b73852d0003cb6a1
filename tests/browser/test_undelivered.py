"""When no channel works, whoever looks at any page learns of it within a minute, and of its end."""

import time

import pytest
from browser_tools import Opener
from browser_world import World
from sqlalchemy import delete, select, update

from coldchain.registry.schema import alarm, delivery_attempt, outbox, person
from coldchain.registry.store import bump_revision, new_id

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SAYS = "document.getElementById('undelivered').textContent.includes('No message has reached anybody')"


def stuck(world: World) -> str:
    """A message whose first attempt failed more than a minute ago, as all since."""
    now_ms, id_ = int(time.time() * 1000), new_id()
    with world.registry.write() as connection:
        # What this world has delivered it has delivered a moment ago.
        connection.execute(update(outbox).values(accepted_ms=outbox.c.accepted_ms - 600_000))
        some = connection.execute(select(alarm.c.id)).scalars().first()
        whom = connection.execute(select(person.c.id)).scalars().first()
        row = {"alarm": some, "occasion": 900, "step": 0, "recipient": whom, "channel": "email", "reason": "repeat"}
        times = {"created_ms": now_ms - 61_000, "next_due_ms": now_ms + 60_000}
        values = {"address": "", "content": {}, "state": "failed_temporary"}
        connection.execute(outbox.insert().values(id=id_, **row, **times, **values))
        connection.execute(delivery_attempt.insert().values(outbox=id_, started_ms=now_ms - 61_000))
        bump_revision(connection)
    return id_


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_a_banner_on_every_page_says_that_nobody_is_reached_until_somebody_is(
    opened: Opener, world: World, width: int, scheme: str
) -> None:
    watched = opened(width=width, scheme=scheme)
    watched.open("/shipments")
    assert not watched.page.evaluate(SAYS)
    row = stuck(world)
    watched.until(SAYS)  # without a reload
    watched.open("/loggers")
    watched.until(SAYS)
    assert watched.axe() == []
    with world.registry.write() as connection:
        connection.execute(delete(delivery_attempt).where(delivery_attempt.c.outbox == row))
        connection.execute(delete(outbox).where(outbox.c.id == row))
    watched.until(f"!{SAYS}")
