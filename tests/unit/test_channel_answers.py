"""What an HTTP answer, or a conversation that broke off, means for a message: when to try again, and what to say."""

import pytest

from alerts.channels.deadline import Deadline
from alerts.channels.http_answers import wait_s


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [(None, None), ("", None), ("17", 17.0), (" 17 ", 17.0), ("0", 0.0), ("86400", 3600.0), ("-1", None),
     ("1.5", None), ("soon", None), ("Mon, 23 Nov 2026 12:00:00 GMT", None), ("١٧", None)],
)  # fmt: skip
def test_a_wait_is_a_whole_number_of_seconds_and_an_hour_at_most(
    retry_after: str | None, seconds: float | None
) -> None:
    assert wait_s(retry_after) == seconds


@pytest.mark.parametrize("doubt", [True, False])
def test_what_broke_off_in_time_is_told_in_the_errors_words(doubt: bool) -> None:
    lost = Deadline().lost(ConnectionResetError("reset by peer"), ambiguous=doubt)
    assert (str(lost), lost.code, lost.ambiguous) == ("reset by peer", "connection", doubt)
    assert str(Deadline().lost(ConnectionResetError(), ambiguous=doubt)) == "ConnectionResetError"
    assert len(str(Deadline().lost(OSError("x" * 500), ambiguous=doubt))) == 300


def test_silence_is_told_as_such_whatever_the_error() -> None:
    passed = Deadline()
    passed.passed = True
    for lost in (passed.lost(OSError("bad file"), ambiguous=True), Deadline().lost(TimeoutError(), ambiguous=True)):
        assert (str(lost), lost.code) == ("no answer within the deadline", "timeout")
