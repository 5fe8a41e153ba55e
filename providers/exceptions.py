"""Errors of providers, their keys and their models."""

from __future__ import annotations

from lib.exceptions import Conflict


class UnreadableKey(Conflict):
    """A stored key that none of the ENCRYPTION_KEYS decrypts."""

    def __init__(self, provider: str) -> None:
        super().__init__(
            f"The stored key of provider '{provider}' can't be decrypted. Put the old key back into "
            "ENCRYPTION_KEYS (the first encrypts, all decrypt), or store the provider's API key again."
        )
        self.provider = provider


class WrongEncryptionKeys(Conflict):
    """None of the ENCRYPTION_KEYS of this process is the one that the secrets in the database are encrypted with."""

    def __init__(self) -> None:
        super().__init__(
            "The secrets in the database are encrypted with a key that is not in the ENCRYPTION_KEYS of this process. "
            "Give it the keys of the other processes, or put the old key back (the first encrypts, all decrypt). If "
            "the old key is lost: manage.py rotate_keys --lost, then store the API keys of all providers again."
        )


class ModelInUse(Conflict):
    """A model can't be deleted while routing groups use it."""

    def __init__(self, what: str, groups: list[str]) -> None:
        super().__init__(f"{what} is used by {', '.join(groups)}. Take it out of these routing groups first.")
        self.groups = groups
