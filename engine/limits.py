"""Limits that a process sets once for all its calls of upstreams."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """`answer_mb`: the most megabytes of an answer that is not streamed, decompressed."""

    answer_mb: int = 64

    @property
    def answer_bytes(self) -> int:
        return self.answer_mb * 1024 * 1024


_adopted = Limits()


def adopt(limits: Limits) -> None:
    """Makes these the limits of this process."""
    global _adopted
    _adopted = limits


def adopted() -> Limits:
    """The limits of this process."""
    return _adopted
