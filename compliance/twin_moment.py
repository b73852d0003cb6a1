"""The twin's reading of a moment, from the calendar's own rules."""


def moment_ms(text: str) -> int:
    """Milliseconds of `YYYY-MM-DDTHH:MM:SS.mmmZ`, counted from the calendar's own rules."""
    year, month, day = int(text[0:4]), int(text[5:7]), int(text[8:10])
    # Days since 1970 in the proleptic calendar, the year taken to begin in March.
    shifted = year - (month <= 2)
    era_day = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    days = shifted * 365 + shifted // 4 - shifted // 100 + shifted // 400 + era_day - 719_468
    clock = (int(text[11:13]) * 60 + int(text[14:16])) * 60 + int(text[17:19])
    return (days * 86_400 + clock) * 1000 + int(text[20:23])
