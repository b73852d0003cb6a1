"""Which field a refusal is about, so that a page can say it beside that field."""

from collections.abc import Sequence


def beside(words: str, fields: Sequence[str]) -> tuple[dict[str, str], str]:
    """(mistake by field, what belongs to no field) of a refusal `field: what is wrong`, or `field.part: …`."""
    name, colon, rest = words.partition(":")
    field = name.strip().partition(".")[0]
    if colon and field in fields:
        part = name.strip().partition(".")[2]
        said = f"{part}: {rest.strip()}" if part else rest.strip()
        return {field: said[:1].upper() + said[1:]}, ""
    return {}, words
