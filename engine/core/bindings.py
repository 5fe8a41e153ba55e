"""Which deployment answered each conversation last, so that the next request goes where its cache is. No I/O."""

from __future__ import annotations

from collections import OrderedDict

# About 20 MB; beyond it the one that is silent for longest is forgotten.
MOST_CONVERSATIONS = 100_000


class Bindings:
    """Those of one process: the name of a conversation -> the key of a deployment. Seconds on the driver's clock."""

    __slots__ = ("_bound", "_most")

    def __init__(self, most: int = MOST_CONVERSATIONS) -> None:
        self._bound: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._most = most

    def __len__(self) -> int:
        return len(self._bound)

    def get(self, conversation: str, now: float) -> str:
        """The deployment that answered it last; empty when nobody did, or too long ago."""
        key, until_s = self._bound.get(conversation, ("", 0.0))
        return key if now < until_s else ""

    def put(self, conversation: str, key: str, until_s: float) -> None:
        """This deployment has answered it; remembered until `until_s`."""
        self._bound[conversation] = key, until_s
        self._bound.move_to_end(conversation)
        if len(self._bound) > self._most:
            self._bound.popitem(last=False)
