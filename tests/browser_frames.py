"""From a commit to the frame that shows it: changing an alarm, and noting when the inbox says something new."""

from sqlalchemy import Connection, update

from coldchain.registry.schema import alarm
from coldchain.registry.store import bump_revision


def note_severity(connection: Connection, shipment: str, *, flip: bool) -> None:
    """What the engine does when an alarm worsens: another value in its row, and the revision moves."""
    about = (alarm.c.subject_id == shipment, alarm.c.cause == "high")
    connection.execute(update(alarm).where(*about).values(peak_mc=19_000 if flip else 18_000))
    bump_revision(connection)


# The time of every painted frame in which the inbox said something new.
NOTE_FRAMES = """() => {
  window.frames_ = [];
  let words = document.getElementById('tower-inbox').textContent.replace(/\\d+ (s|min|h|d)\\b/g, '');
  new MutationObserver(() => requestAnimationFrame(() => {
    const now = document.getElementById('tower-inbox').textContent.replace(/\\d+ (s|min|h|d)\\b/g, '');
    if (now !== words) { words = now; window.frames_.push(Date.now()); }
  })).observe(document.getElementById('tower-inbox'), { subtree: true, childList: true, characterData: true });
}"""
