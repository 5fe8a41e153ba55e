"""What can go wrong in any room, with the HTTP meaning the doors give it."""


class DomainError(Exception):
    """A refusal whose message is written for the person who must act (400)."""


class NotAllowed(DomainError):
    """The caller is known but lacks the right (403)."""


class Conflict(DomainError):
    """The request is fine but the present state forbids it (409)."""


class Stale(DomainError):
    """The caller meant an older version of the row than there is (412)."""
