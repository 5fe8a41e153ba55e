"""Errors of any room, with their HTTP meaning."""


class DomainError(Exception):
    """A refusal with a message for the person who must act (400)."""


class NotAllowed(DomainError):
    """The caller is known but lacks the right (403)."""


class Conflict(DomainError):
    """The request is valid but the current state forbids it (409)."""


class TooSoon(DomainError):
    """The same was done a moment ago; it may be done again in `wait_s` (429)."""

    def __init__(self, message: str, wait_s: int) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class Stale(DomainError):
    """The caller named an older version of the row (412)."""
