"""CSS values with `var`, `light-dark` and `color-mix` replaced by their values. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tester.picture.colours import Colour, mix

Theme = str
FUNCTIONS = ("var(", "light-dark(", "color-mix(")


def resolved(value: str, variables: Mapping[str, str], theme: Theme) -> str:
    """The value for an element with these custom properties; "" for an unknown variable."""
    text = value.strip()
    while (found := _innermost(text)) is not None:
        begins, ends, name = found
        arguments = [part.strip() for part in parts_of(text[begins + len(name) : ends - 1], ",")]
        text = text[:begins] + _replaced(name, arguments, variables, theme) + text[ends:]
    return text.strip()


def parts_of(text: str, separator: str) -> Iterator[str]:
    """The text between separators outside parentheses."""
    depth, begins = 0, 0
    for place, glyph in enumerate(text):
        depth += (glyph in "([") - (glyph in ")]")
        if glyph == separator and not depth:
            yield text[begins:place]
            begins = place + 1
    yield text[begins:]


def _innermost(text: str) -> tuple[int, int, str] | None:
    """The start, end and name of the last function call, which contains no other."""
    begins, name = max((text.rfind(name), name) for name in FUNCTIONS)
    if begins < 0:
        return None
    depth = 0
    for place in range(begins, len(text)):
        depth += (text[place] == "(") - (text[place] == ")")
        if text[place] == ")" and not depth:
            return begins, place + 1, name
    return None


def _replaced(name: str, arguments: list[str], variables: Mapping[str, str], theme: Theme) -> str:
    if name == "var(":
        default = arguments[1] if len(arguments) > 1 else ""
        return variables.get(arguments[0], default)
    if name == "light-dark(":
        return arguments[0 if theme == "light" else 1]
    return _mixed(arguments[1:])


def _mixed(arguments: list[str]) -> str:
    """The mixed colour. One of two shares may be missing; the two add up to 100%."""
    names, shares = zip(*(_with_share(argument) for argument in arguments), strict=True)
    first, second = (Colour.read(name) for name in names)
    if first is None or second is None:
        return ""
    share = shares[0] if shares[0] is not None else 1 - shares[1] if shares[1] is not None else 0.5
    colour = mix(first, second, share)
    return f"{colour.hex}{round(255 * colour.alpha):02x}"


def _with_share(argument: str) -> tuple[str, float | None]:
    name, _, percent = argument.partition(" ")
    return name, float(percent.strip(" %")) / 100 if percent else None
