"""The lines of the alias box, each with what it means or why it means nothing."""

from __future__ import annotations

from dataclasses import dataclass

from groups.routing_rules.aliases import parsed
from groups.routing_rules.checks import troubles_with
from groups.routing_rules.targets import all_targets


@dataclass(frozen=True, slots=True)
class AliasLine:
    """One line. `leads_to` is the name that is called; `why` is what is wrong, `is_wrong` if that forbids saving."""

    number: int
    text: str
    alias: str = ""
    target: str = ""
    leads_to: str = ""
    why: str = ""
    is_wrong: bool = False


def alias_lines(text: str) -> list[AliasLine]:
    """The lines that say something, in order; eight queries."""
    aliases, problems = parsed(text)
    troubles, targets = troubles_with(aliases), all_targets()
    wrong = {problem.number: problem for problem in problems}
    lines, left = list[AliasLine](), iter(aliases.items())
    for number, line in enumerate(text.splitlines(), start=1):
        if number in wrong:
            lines.append(AliasLine(number, line.strip(), why=wrong[number].why, is_wrong=True))
        elif line.strip() and not line.strip().startswith("#"):
            alias, target = next(left)
            why, is_fatal = troubles.get(alias, ("", False))
            lines.append(AliasLine(number, line.strip(), alias, target, targets.find(target) or "", why, is_fatal))
    return lines
