"""Who may go on with a stream that broke after its first content. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from engine.core.actions import Ask
from engine.core.failures import Failure, Kind
from engine.core.state import Target

# The most attempts to rescue one stream.
MOST_RESCUES = 2
# What the ledger says of an attempt that can't be joined to what the caller has.
ANOTHER_ANSWER = "It began another answer than the one that the caller has."


def rescuers(broken: Ask, failure: Failure, continues: Callable[[Target], bool]) -> Iterator[tuple[Target, bool]]:
    """The targets of its group in the order in which they are asked, each with whether it can continue the answer.

    Those that continue come before those that have to start again, and the one where it broke before the others,
    unless it has fallen silent.
    """
    here = broken.target
    others = [target for target in broken.visit.group.targets() if target is not here]
    order = [*others, here] if failure.kind is Kind.TIMEOUT else [here, *others]
    able = [target for target in order if continues(target)]
    yield from ((target, True) for target in able)
    yield from ((target, False) for target in order if target not in able)
