"""The failures that we mean: each is one line that names what was wrong and what to do about it."""


class ColdchainError(Exception):
    """A deliberate refusal or failure; the command line prints it as one line and exits with 2."""


class ConfigError(ColdchainError):
    """The configuration cannot be used; the text names every mistake with its key."""


class InvalidValue(ColdchainError):
    """A value breaks a rule of the domain; the text names the field, the value and the remedy."""


class NotFound(ColdchainError):
    """No such thing, or none that this viewer may see: the two look alike on purpose."""


class Forbidden(ColdchainError):
    """The person is known but lacks the permission that the text names."""


class Stale(ColdchainError):
    """Somebody else changed the row first (compare-and-set on its version); read it again and retry."""


class TransientError(ColdchainError):
    """May work later: the caller that owns the backoff tries again."""


class PermanentError(ColdchainError):
    """Will never work as it is: recorded with its evidence and shown to a person, never retried."""
