"""Text for SMS: the GSM 03.38 seven-bit alphabet, and other scripts brought into it as well as can be."""

import unicodedata

SEPTETS = 160  # of one SMS

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€")  # two septets each
_PLAIN = {
    "–": "-", "—": "-", "−": "-", "→": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"',
    "…": "...", "·": "-", "•": "-", "×": "x", "÷": "/", "≤": "<=", "≥": ">=", "°": "", "º": "", "µ": "u", "μ": "u",
    "Ð": "D", "ð": "d", "Þ": "Th", "þ": "th", "Ł": "L", "ł": "l", "Đ": "D", "đ": "d", "ı": "i", "œ": "oe", "Œ": "OE",
    "`": "'", "\t": " ", "\u00a0": " ",
}  # fmt: skip


def gsm7(text: str) -> str:
    """`text` in the alphabet: accents dropped where needed, what has no counterpart replaced by `?` once per run."""
    out: list[str] = []
    for character in unicodedata.normalize("NFC", text):
        known = _known(character)
        if known != "?" or character == "?" or not out or out[-1] != "?":
            out.append(known)
    return "".join(out)


def _known(character: str) -> str:
    if character in _BASIC or character in _EXTENDED:
        return character
    if character in _PLAIN:
        return _PLAIN[character]
    bare = "".join(c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c))
    if bare and all(c in _BASIC or c in _EXTENDED for c in bare):
        return bare
    return "?"


def septets(text: str) -> int:
    """How much of an SMS's 160 septets `text` takes, which must be in the alphabet."""
    return sum(2 if character in _EXTENDED else 1 for character in text)


def fits(text: str) -> bool:
    """Whether `text` is one SMS."""
    return septets(text) <= SEPTETS


def cut(text: str, length: int) -> str:
    """`text` in at most `length` septets, ending in `..` where something was cut off."""
    if septets(text) <= length:
        return text
    kept = text
    while kept and septets(kept) > length - 2:
        kept = kept[:-1]
    return kept.rstrip() + ".."
