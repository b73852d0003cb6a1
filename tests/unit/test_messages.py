"""What people read: mails and SMS that say the one thing that matters first, whatever names they contain."""

from collections.abc import Mapping
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from html.parser import HTMLParser

import pytest
from alert_cast import HIGH, MINUTE, NOON, RETURNED
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts import gsm7
from alerts.announcement import AlarmFacts, Announcement, Reader, SubjectCard, facts_of, read_announcement
from alerts.channels.port import Message
from alerts.channels.smtp import _mail
from alerts.messages import Links, Sending, mail, sms
from alerts.messages_digest import DAILY, digest_mail
from alerts.phrases import Phrases, clean, shown
from alerts.texts import LANGUAGES, texts
from coldchain.domain.finding import Severity

ALARM = "1a2b3c4d-0000-4000-8000-000000000001"
CARD = SubjectCard("shipment", "5e0f", "SHP-2026-0042", "Munich → Lisbon", "Refrigerated 2–8 °C", "Europe/Berlin")
FACTS = facts_of(ALARM, HIGH, CARD)
OVER = facts_of(ALARM, RETURNED, CARD)
LINKS = Links(
    f"http://127.0.0.1:8050/excursions?alarm={ALARM}", "http://127.0.0.1:8050/excursions?alarm=1a2b3c4d",
    "http://127.0.0.1:8050/api/v1/ack/" + "t" * 103, alarms="http://127.0.0.1:8050/alarms/",
)  # fmt: skip
SENDING = Sending("9f8e7d6c-0000-4000-8000-000000000002", NOON, NOON + 1000, possible_repeat=False)


def announce(*facts: AlarmFacts, reason: str = "raised", digest: bool = False, **reader: object) -> Announcement:
    person = replace(Reader("p", "Alice", "Europe/Berlin", "en"), **reader)
    return Announcement(reason, NOON, person, facts or (FACTS,), digest)


def a_mail(*facts: AlarmFacts, sending: Sending = SENDING, **more: object) -> Message:
    return mail("alice@example.org", announce(*facts, **more), LINKS, sending, "cold.example.org")


def a_digest(*facts: AlarmFacts, values: Mapping[str, str] | None = None, **more: object) -> Message:
    announcement = replace(announce(*facts, digest=True, **more), values=values or {})
    return digest_mail("alice@example.org", announcement, LINKS, SENDING, "cold.example.org")


def an_sms(*facts: AlarmFacts, sending: Sending = SENDING, **more: object) -> Message:
    return sms("+4915100000001", announce(*facts, **more), LINKS, sending)


def test_the_first_line_says_what_how_much_which_limit_since_when_how_bad_and_what_to_do() -> None:
    assert a_mail().text.splitlines()[0] == (
        "CRITICAL: SHP-2026-0042 (Munich → Lisbon) is at 12.4 °C, above the limit of 8 °C since 12:46 CET (14 min). "
        "Check cooling and doors now; if it cannot be cooled, move the goods."
    )


def test_the_html_begins_with_the_same_words_as_the_text() -> None:
    message = a_mail()
    assert visible(message.html).startswith("CRITICAL: SHP-2026-0042 (Munich → Lisbon) is at 12.4 °C")


def test_the_subject_carries_severity_name_value_and_limit() -> None:
    assert a_mail().subject == "CRITICAL: SHP-2026-0042 12.4 °C, above 8 °C"


def test_times_are_given_in_the_readers_zone_and_in_utc() -> None:
    assert "Since (first reading outside): 22 Nov 2026 12:46 CET (11:46 UTC)" in a_mail().text
    silent = replace(FACTS, cause="silence", channel="", value_mc=None, peak_mc=None, limit_mc=None)
    assert "Since (last reading): 22 Nov 2026 12:46 CET (11:46 UTC)" in a_mail(silent).text
    assert "22 Nov 2026 11:46 UTC" in a_mail(zone="UTC").text
    assert "22 Nov 2026 20:46 JST (11:46 UTC)" in a_mail(zone="Asia/Tokyo").text


def test_an_unknown_zone_costs_no_message() -> None:
    assert "UTC" in a_mail(zone="Mars/Olympus").text.splitlines()[0]


def test_a_mail_links_to_the_alarm_and_to_its_acknowledgement() -> None:
    message = a_mail()
    for link in (LINKS.open, LINKS.acknowledge):
        assert link in message.text
        assert f'href="{link}"' in message.html


def test_who_may_not_acknowledge_gets_no_such_link() -> None:
    message = mail("a@b.c", announce(), replace(LINKS, acknowledge=None), SENDING, "x.org")
    assert "/ack/" not in message.text + message.html


def test_every_mail_of_an_alarm_belongs_to_one_thread_and_every_row_has_its_own_lasting_id() -> None:
    first, second = a_mail(), a_mail(sending=replace(SENDING, id="2" * 36))
    assert first.headers["References"] == second.headers["References"] == f"<alarm.{ALARM}@cold.example.org>"
    assert first.headers["Message-ID"] == f"<{SENDING.id}@cold.example.org>"
    again = a_mail(sending=replace(SENDING, leaves_ms=NOON + MINUTE, possible_repeat=True))
    assert again.headers["Message-ID"] == first.headers["Message-ID"]


def test_a_possible_repeat_says_so_in_subject_text_header_and_sms() -> None:
    again = replace(SENDING, possible_repeat=True)
    message = a_mail(sending=again)
    assert message.subject.startswith("[REPEAT?] CRITICAL")
    assert "POSSIBLE REPEAT" in message.text
    assert "POSSIBLE REPEAT" in visible(message.html)
    assert message.headers["X-Coldchain-Repeat"] == "possible"
    assert an_sms(sending=again).text.startswith("REPEAT? CRITICAL")


def test_a_repeat_a_late_finding_and_a_delay_say_so() -> None:
    assert "REPEAT: nobody has acknowledged" in a_mail(reason="repeat").text
    late = a_mail(replace(OVER, late=True))
    assert late.subject.startswith("[LATE] Over (CRITICAL)")
    assert "DISCOVERED LATE" in late.text
    assert an_sms(replace(OVER, late=True)).text.startswith("LATE OVER SHP-2026-0042 (CRITICAL)")
    delayed = a_mail(sending=replace(SENDING, leaves_ms=NOON + 6 * MINUTE))
    assert "DELAYED: this message was written 22 Nov 2026 13:00 CET" in delayed.text
    assert "DELAYED" not in a_mail().text


def test_an_unverified_address_is_told_so() -> None:
    assert "not been verified" in a_mail(verified=False).text
    assert "not been verified" not in a_mail().text


def test_the_end_names_peak_and_duration_and_asks_for_an_assessment() -> None:
    line = a_mail(OVER).text.splitlines()[0]
    assert line.startswith("CRITICAL, over: SHP-2026-0042 (Munich → Lisbon) was above 8 °C from 12:46 CET to 13:20 CET")
    assert "(34 min), peak 12.8 °C" in line
    assert "Do not release" in line


def test_a_value_back_inside_is_not_called_outside() -> None:
    line = a_mail(replace(FACTS, condition="returning", value_mc=7_400)).text.splitlines()[0]
    assert "reached 12.8 °C, limit 8 °C" in line
    assert "now 7.4 °C" in line
    assert "is at" not in line


def test_silence_is_called_unknown_never_well() -> None:
    silent = replace(FACTS, cause="silence", severity=2, channel="", value_mc=None, peak_mc=None, limit_mc=None)
    line = a_mail(silent).text.splitlines()[0]
    assert line.startswith("MAJOR: SHP-2026-0042 (Munich → Lisbon) has sent no data since 12:46 CET (14 min).")
    assert "temperature is unknown" in line


def test_goods_that_nobody_watches_any_more_are_never_called_recovered() -> None:
    unseen = replace(OVER, monitoring_ended=True)
    message = a_mail(unseen)
    line = message.text.splitlines()[0]
    assert line.startswith(
        "CRITICAL, no longer watched: SHP-2026-0042 (Munich → Lisbon) was still above 8 °C at the last"
    )
    assert "Nobody saw the goods come back" in line
    assert "over" not in line.split(":")[0]
    assert message.subject == "Unwatched (CRITICAL): SHP-2026-0042 too warm at the end"
    assert an_sms(unseen).text.startswith("UNWATCHED SHP-2026-0042 (CRITICAL): still above 8 C at 13:20 CET")
    silent = replace(unseen, cause="silence", peak_mc=None, value_mc=None, limit_mc=None)
    assert "not expected to any more" in a_mail(silent).text.splitlines()[0]
    assert "nicht mehr überwacht" in a_mail(unseen, language="de").text


def test_the_end_says_of_what_and_the_side_of_the_limit_is_named() -> None:
    assert a_mail(OVER).subject == "Over (CRITICAL): SHP-2026-0042 too warm for 34 min"
    silent = replace(OVER, cause="silence", peak_mc=None, value_mc=None, limit_mc=None)
    assert a_mail(silent).subject == "Over (CRITICAL): SHP-2026-0042 no data for 34 min"
    assert "keine Daten" in an_sms(silent, language="de").text
    cold = replace(FACTS, cause="low", limit_mc=2_000, value_mc=-800, peak_mc=-800)
    assert a_mail(cold).subject == "CRITICAL: SHP-2026-0042 -0.8 °C, below 2 °C"
    back = replace(FACTS, condition="returning", value_mc=7_400)
    assert a_mail(back).subject == "CRITICAL: SHP-2026-0042 7.4 °C, limit 8 °C"


def test_the_silence_of_one_channel_names_it_and_that_of_a_logger_does_not() -> None:
    silent = replace(FACTS, cause="silence", severity=2, value_mc=None, peak_mc=None, limit_mc=None)
    one = a_mail(replace(silent, channel="probe1")).text
    assert "(Munich → Lisbon), probe1 of logger 130500109088, has sent no data since" in one
    assert "Logger / channel: 130500109088\n" in a_mail(replace(silent, channel="")).text


def test_trouble_of_the_product_itself_says_what_it_is() -> None:
    trouble = replace(
        FACTS, subject=SubjectCard("system", "", "Coldchain"), cause="contact_fault", severity=2, logger="",
        rules=("messages to Bob by email are refused; correct the address",), value_mc=None, peak_mc=None,
        limit_mc=None,
    )  # fmt: skip
    line = a_mail(trouble).text.splitlines()[0]
    assert line.startswith(
        "MAJOR: Coldchain: contact fault since 12:46 CET (14 min): messages to Bob by email are refused; correct the "
        "address. "
    )
    assert "What was found: messages to Bob" in a_mail(trouble).text
    assert a_mail(trouble).subject == "MAJOR: Coldchain: contact fault: messages to Bob by email are…"
    assert an_sms(trouble).text.endswith("Open the alarm. http://127.0.0.1:8050/excursions?alarm=1a2b3c4d")
    assert an_sms(trouble).text.startswith("MAJOR Coldchain: contact fault: messages to Bob by email are...")


ROOM = replace(CARD, kind="store", label="Cold room A", detail="Munich DC")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_store_is_named_with_its_site_everywhere_because_each_site_has_a_cold_room_a(language: str) -> None:
    room = replace(FACTS, subject=ROOM)
    message = a_mail(room, language=language)
    for text in (message.subject, message.text.splitlines()[0], an_sms(room, language=language).text):
        assert "Cold room A (Munich DC)" in text


def test_humidity_is_told_in_per_cent_with_value_limit_and_advice() -> None:
    damp = replace(FACTS, subject=ROOM, cause="humidity_high", value_mc=85_300, peak_mc=91_000, limit_mc=60_000)
    message, short = a_mail(damp), an_sms(damp).text
    assert message.subject == "CRITICAL: Cold room A (Munich DC) 85.3 % RH, above 60 % RH"
    assert "is at 85.3 % RH, above the limit of 60 % RH since 12:46 CET (14 min). Check doors" in message.text
    assert "Latest value: 85.3 % RH" in message.text
    assert "85.3 % RH, above 60 % RH, since 12:46 CET" in short
    assert "Limit: 60 % RH\nPeak: 91.0 % RH" in message.text
    assert "Open the alarm" not in short
    over = a_mail(replace(damp, condition="returned", end_ms=NOON - MINUTE)).text.splitlines()[0]
    assert "was above 60 % RH from" in over
    bare = replace(damp, value_mc=None, peak_mc=None, limit_mc=None)
    assert "?" not in a_mail(bare).text.splitlines()[0]


def test_a_fast_change_says_where_the_temperature_is_now() -> None:
    fast = replace(FACTS, cause="rate", limit_mc=None)
    assert "changed its temperature fast since 12:46 CET (14 min); now 12.4 °C" in a_mail(fast).text.splitlines()[0]
    assert "fast change since 12:46 CET (14 min), now 12.4 C. Check doors" in an_sms(fast).text


@pytest.mark.parametrize(
    ("reason", "mark"),
    [("worsened", "WORSE"), ("ack_timeout", "STILL ACTIVE"), ("shelf_ended", "STILL ACTIVE"), ("amended", "AMENDED")],
)
def test_what_is_news_of_a_known_alarm_is_told_from_the_first_message_at_a_glance(reason: str, mark: str) -> None:
    assert a_mail(reason=reason).subject == f"[{mark}] {a_mail().subject}"
    assert an_sms(reason=reason).text.startswith(f"{mark} CRITICAL SHP-2026-0042")


def test_an_sms_of_the_end_says_which_limit_and_gives_the_zone_once() -> None:
    assert "above 8 C 12:46-13:20 CET (34 min), peak 12.8 C." in an_sms(OVER).text
    earlier = replace(OVER, onset_ms=OVER.onset_ms - 24 * 60 * MINUTE)
    assert "above 8 C 21 Nov 12:46 CET - 13:20 CET" in an_sms(earlier).text


def test_a_number_is_never_parted_from_its_unit_on_a_narrow_screen() -> None:
    html = a_mail().html
    for words in ("12.4&nbsp;°C", "8&nbsp;°C", "(14&nbsp;min)", "12:46&nbsp;CET"):
        assert words in html
    damp = replace(FACTS, cause="humidity_high", value_mc=85_300, peak_mc=91_000, limit_mc=60_000)
    assert "85.3&nbsp;%" in a_mail(damp).html


def test_a_line_of_the_text_that_leads_to_a_link_ends_in_one_colon() -> None:
    for language in LANGUAGES:
        lines = a_mail(language=language).text.splitlines()
        assert all(line.count(": ") == 0 for line in lines if line.endswith(":"))


def test_a_refuted_alarm_is_corrected() -> None:
    message = a_mail(replace(OVER, rules=()), reason="amended")
    assert message.subject == "Correction (CRITICAL): SHP-2026-0042"
    assert "no longer holds" in message.text.splitlines()[0]


def test_a_digest_lists_every_finding_and_has_nothing_to_acknowledge_in_a_hurry() -> None:
    cold = replace(OVER, cause="low", limit_mc=2_000, peak_mc=-1_200, severity=2)
    message = a_digest(OVER, replace(cold, alarm="2" * 36))
    assert message.subject == "CRITICAL: late findings in stored data (2)"
    assert "12:46 CET to 13:20 CET (34 min), limit 2 °C, lowest -1.2 °C" in message.text
    assert "lowest -1.2 °C" in visible(message.html)
    assert "nothing needs cooling now" in message.text.splitlines()[0]
    assert "/ack/" not in message.text + message.html
    assert [f'href="{LINKS.alarms}{id_}"' in message.html for id_ in ("1a2b3c4d", "22222222")] == [True, True]


@pytest.mark.parametrize(("language", "words"), [("en", "daily digest (1)"), ("de", "Tagesübersicht (1)")])
def test_a_daily_digest_does_not_say_that_its_goods_have_arrived(language: str, words: str) -> None:
    message = a_digest(replace(FACTS, severity=int(Severity.MINOR)), values=DAILY, language=language)
    assert message.subject.endswith(words)
    assert "SHP-2026-0042" in message.text
    assert "arrived" not in message.text
    assert "angekommen" not in message.text


@pytest.mark.parametrize(("language", "words"), [("en", "lowest -1.2 C."), ("de", "tiefster Wert -1,2 C.")])
def test_what_was_too_cold_has_a_lowest_value_in_every_channel(language: str, words: str) -> None:
    cold = replace(OVER, cause="low", limit_mc=2_000, peak_mc=-1_200)
    assert words in an_sms(cold, language=language).text
    assert words in an_sms(replace(cold, monitoring_ended=True), language=language).text
    mail = a_mail(cold, language=language)
    assert "Lowest: -1.2 °C" in mail.text or "Tiefster Wert: -1,2 °C" in mail.text
    assert "peak" not in mail.text.lower()


@pytest.mark.parametrize(
    ("value_mc", "limit_mc", "text"),
    [
        (8_001, 8_000, "8.001"), (8_040, 8_000, "8.04"), (8_050, 8_000, "8.05"), (8_060, 8_000, "8.1"),
        (8_000, 8_000, "8.0"), (7_960, 8_000, "7.96"), (1_999, 2_000, "1.999"), (-500, 2_000, "-0.5"),
        (-40, 0, "-0.04"), (12_400, 8_000, "12.4"), (5_250, None, "5.2"), (5_350, None, "5.4"),
    ],
)  # fmt: skip
def test_a_value_is_shown_on_its_side_of_the_limit(value_mc: int, limit_mc: int | None, text: str) -> None:
    assert shown(value_mc, limit_mc) == text


@given(st.integers(-100_000, 100_000), st.integers(-100_000, 100_000))
def test_no_shown_value_changes_sides(value_mc: int, limit_mc: int) -> None:
    seen = round(float(shown(value_mc, limit_mc)) * 1000)
    assert (seen > limit_mc) == (value_mc > limit_mc)
    assert (seen < limit_mc) == (value_mc < limit_mc)
    assert abs(seen - value_mc) <= 50


def test_names_cannot_break_out_of_the_html_or_the_headers() -> None:
    hostile = '"><script>alert(1)</script><img src=x>\r\nBcc: eve@example.org\u202e'
    message = a_mail(replace(FACTS, subject=replace(CARD, label=hostile, detail=hostile, product=hostile)))
    assert "<script" not in message.html
    assert "<img" not in message.html
    assert "\u202e" not in message.html + message.text + message.subject
    parsed = message_from_bytes(_mail(message, "cold@example.org"), policy=default)
    assert parsed["Bcc"] is None
    assert parsed["To"] == "alice@example.org"


def test_nothing_in_a_mail_is_loaded_from_outside() -> None:
    html = a_mail().html
    for word in ("src=", "url(", "@import", "<link", "<img", "<script"):
        assert word not in html


@settings(max_examples=200, deadline=None)
@given(
    st.text(min_size=1, max_size=120),
    st.sampled_from(["high", "low", "silence", "sensor_fault", "something_new"]),
    st.sampled_from(["active", "returning", "returned"]),
    st.booleans(),
    st.sampled_from(LANGUAGES),
    st.sampled_from(["raised", "repeat", "returned", "amended"]),
)
def test_any_name_fits_one_sms_of_gsm_characters_and_a_short_subject(
    label: str, cause: str, condition: str, repeat: bool, language: str, reason: str
) -> None:
    facts = replace(FACTS, subject=replace(CARD, label=label), cause=cause, condition=condition, late=repeat)
    sending = replace(SENDING, possible_repeat=repeat)
    text = an_sms(facts, sending=sending, reason=reason, language=language).text
    assert gsm7.gsm7(text) == text
    assert gsm7.septets(text) <= 160
    message = a_mail(facts, sending=sending, reason=reason, language=language)
    assert len(message.subject) <= 70
    assert "\n" not in message.subject
    severity = "KRITISCH" if language == "de" else "CRITICAL"
    assert severity in message.subject
    assert severity in text


def test_an_sms_names_value_limit_onset_advice_and_the_alarm() -> None:
    said = "CRITICAL SHP-2026-0042: 12.4 C, above 8 C, since 12:46 CET (14 min). Check cooling, move goods. "
    assert an_sms().text == f"{said}http://127.0.0.1:8050/excursions?alarm=1a2b3c4d"
    far = replace(LINKS, short="https://coldchain.logistics.a-long-name.example.org/alarms/1a2b3c4d")
    assert sms("+49", announce(), far, SENDING).text == f"{said}#1a2b3c4d"


def test_a_name_in_another_script_is_replaced_by_what_can_be_sent() -> None:
    assert "CRITICAL shipment 5e0f:" in an_sms(replace(FACTS, subject=replace(CARD, label="运输四十二号"))).text
    assert "Lodz Zolc" in an_sms(replace(FACTS, subject=replace(CARD, label="Łódź Żółć"))).text.replace("ó", "o")


def test_characters_that_count_twice_are_counted_twice() -> None:
    assert gsm7.septets("a€[]") == 7
    assert gsm7.gsm7("8 °C → “ok”…") == '8 C - "ok"...'


def test_german_speaks_german_with_its_own_decimal_mark() -> None:
    assert "hat 12,4 °C, über der Grenze von 8 °C seit 12:46 CET" in a_mail(language="de").text
    assert "12,4 C, über 8 C" in an_sms(language="de").text


def test_every_language_has_the_same_texts_with_the_same_names() -> None:
    def names(text: str) -> set[str]:
        return {part.split("}")[0] for part in text.split("{")[1:]}

    first, *others = (texts(language).entries for language in LANGUAGES)
    for other in others:
        assert first.keys() == other.keys()
        assert {k: names(v) for k, v in first.items()} == {k: names(v) for k, v in other.items()}


def test_an_unprepared_language_reads_english() -> None:
    assert "above the limit" in a_mail(language="fi").text


def test_a_duration_has_two_units_at_most() -> None:
    phrases = Phrases("en", "UTC", NOON)
    said = [phrases.duration(seconds * 1000) for seconds in (5, 90, 3_600, 5_000, 172_800, 200_000)]
    assert said == ["5 s", "1 min", "1 h", "1 h 23 min", "2 d 0 h", "2 d 7 h"]


def test_a_time_of_another_day_carries_its_date() -> None:
    phrases = Phrases("en", "Europe/Berlin", NOON)
    assert phrases.time(NOON - 24 * 60 * MINUTE) == "21 Nov 13:00 CET"
    assert phrases.time(NOON - 365 * 24 * 60 * MINUTE) == "22 Nov 2025 13:00 CET"


def test_clean_keeps_one_line() -> None:
    assert clean(" a\r\n\tb\u2028c\x00d ") == "a b c d"
    assert clean("x" * 100, 10) == "x" * 9 + "…"


def test_what_the_outbox_keeps_reads_back_as_it_was() -> None:
    announcement = announce(FACTS, OVER, digest=True)
    assert read_announcement(announcement.as_json()) == announcement


def test_urgent_mail_is_marked_urgent_only_while_it_is() -> None:
    assert a_mail().headers["Importance"] == "high"
    assert "Importance" not in a_mail(OVER).headers
    assert "Importance" not in a_mail(replace(FACTS, severity=int(Severity.MAJOR))).headers


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.hidden += tag in ("title", "style")

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in ("title", "style")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.said.append(data)


def visible(html: str) -> str:
    parser = _Text()
    parser.feed(html)
    return " ".join(part for part in parser.said if part.strip()).replace("\xa0", " ")
