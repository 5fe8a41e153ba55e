"""Thoughts that only their maker can read: what each place has said of those that it was sent, in this process.

Encrypted reasoning and signatures of thinking are valid where they were made, and nobody else can tell where that was:
a client sends them back as it got them, perhaps to another deployment. So they are sent, and left out from then on
where they were refused. What a place has accepted stays there.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from engine.spec import DeploymentSpec

MOST = 20_000
# The end of such a text is a checksum or the like: as good as all of it.
TAIL = 64
_accepted: OrderedDict[tuple[object, str], bool] = OrderedDict()


@dataclass(frozen=True, slots=True)
class Thoughts:
    """What a request to a deployment had of them."""

    deployment: DeploymentSpec
    texts: Collection[str]


def refused(deployment: DeploymentSpec, thoughts: Iterable[str]) -> frozenset[str]:
    """Those of these thoughts that were refused there."""
    place = _place(deployment)
    return frozenset(one for one in thoughts if _accepted.get((place, one[-TAIL:])) is False)


def accept(sent: Thoughts | None) -> None:
    """An answer came of a request with these."""
    if sent is None:
        return
    place = _place(sent.deployment)
    for one in sent.texts:
        _note((place, one[-TAIL:]), is_accepted=True)


def refuse(deployment: DeploymentSpec, thoughts: Iterable[str]) -> bool:
    """One of these was refused: it is taken to be any that was not accepted before, or else any. False without any."""
    place, sent = _place(deployment), list(thoughts)
    new = [one for one in sent if (place, one[-TAIL:]) not in _accepted] or sent
    for one in new:
        _note((place, one[-TAIL:]), is_accepted=False)
    return bool(new)


def _note(key: tuple[object, str], *, is_accepted: bool) -> None:
    _accepted[key] = is_accepted
    _accepted.move_to_end(key)
    if len(_accepted) > MOST:
        _accepted.popitem(last=False)


def _place(deployment: DeploymentSpec) -> tuple[object, ...]:
    return deployment.api_base, deployment.api_key, deployment.upstream_model
