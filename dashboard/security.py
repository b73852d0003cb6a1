"""Cookies, headers and the origin of a request: the small rules that the gate applies to everything."""

import hmac
import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from dashboard.services import WebSettings

CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf"
BACKGROUND_HEADER = "X-Coldchain-Background"  # sent by what happens without the person: it keeps no session alive
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


def session_cookie(settings: WebSettings) -> str:
    """The session cookie's name; the prefix binds it to this very host, which browsers allow over https only."""
    return "__Host-coldchain" if settings.secure_cookies else "coldchain"


def csrf_cookie(settings: WebSettings) -> str:
    """The name of the readable cookie whose value goes into the header `X-CSRF-Token` of writing requests."""
    return "__Host-coldchain-csrf" if settings.secure_cookies else "coldchain-csrf"


def set_session(settings: WebSettings, value: str) -> str:
    """The Set-Cookie header that signs a browser in."""
    return _cookie(settings, session_cookie(settings), value, settings.absolute_ms // 1000, "HttpOnly; SameSite=Lax")


def set_csrf(settings: WebSettings, value: str) -> str:
    """The Set-Cookie header of the readable token."""
    return _cookie(settings, csrf_cookie(settings), value, settings.absolute_ms // 1000, "SameSite=Strict")


def drop_cookies(settings: WebSettings) -> list[str]:
    """The Set-Cookie headers that sign a browser out."""
    session, csrf = session_cookie(settings), csrf_cookie(settings)
    return [
        _cookie(settings, session, "", 0, "HttpOnly; SameSite=Lax"),
        _cookie(settings, csrf, "", 0, "SameSite=Strict"),
    ]


def _cookie(settings: WebSettings, name: str, value: str, max_age_s: int, attributes: str) -> str:
    secure = "; Secure" if settings.secure_cookies else ""
    return f"{name}={value}; Path=/; Max-Age={max_age_s}; {attributes}{secure}"


def foreign(headers: Mapping[str, str], settings: WebSettings) -> bool:
    """Whether a browser says that another site made this request; programs send neither header."""
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return True
    origin = headers.get("origin")
    if origin is None:
        return False
    try:
        site = urlsplit(origin).netloc
    except ValueError:
        return True
    return site not in {headers.get("host", ""), urlsplit(settings.public_url).netloc} - {""}


def same_token(sent: str | None, expected: str) -> bool:
    """Compare without telling by time how much was right."""
    return sent is not None and hmac.compare_digest(sent.encode(), expected.encode())


def by_clock(body: bytes) -> bool:
    """Whether a page's callback was called by a clock in the page or by the live stream, and by no person."""
    try:
        changed = json.loads(body)["changedPropIds"]
        return bool(changed) and all(one == "live.data" or one.endswith(".n_intervals") for one in changed)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False


def local_path(path: str | None) -> str:
    """`path` if it leads somewhere on this site, else the start page."""
    usable = path is not None and path.startswith("/") and not path.startswith(("//", "/\\"))
    clean = path is not None and not any(ord(c) < 33 or c == "\\" for c in path)
    return path if path and usable and clean else "/"


def client_address(settings: WebSettings, headers: Mapping[str, str], peer: str | None) -> str | None:
    """Who calls: the peer, or what the own proxy in front says of it."""
    if settings.behind_proxy and (forwarded := headers.get("x-forwarded-for")):
        return forwarded.rsplit(",", 1)[-1].strip()[:64]
    return peer


def page_policy(settings: WebSettings, nonce: str) -> str:
    """The content security policy of pages and of what they load. Grid, charts and map need inline styles."""
    tiles = ""
    if settings.tiles_url:
        parts = urlsplit(settings.tiles_url)
        tiles = f" {parts.scheme}://{parts.netloc}"
    return (
        f"default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; "
        f"img-src 'self' data: blob:{tiles}; connect-src 'self'{tiles}; worker-src 'self' blob:; "
        "font-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
COMMON_HEADERS = (
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
)
