"""Colours as numbers: read from CSS, mixed in the Oklab space like in browsers, written as hex. Pure."""

from __future__ import annotations

from typing import NamedTuple

NAMED = {"white": "#ffffff", "black": "#000000", "transparent": "#00000000"}
HEX_SHORT = (4, 5)


class Colour(NamedTuple):
    """sRGB and alpha, each 0 to 1."""

    red: float
    green: float
    blue: float
    alpha: float = 1.0

    @classmethod
    def read(cls, text: str) -> Colour | None:
        """`#rgb`, `#rgba`, `#rrggbb`, `#rrggbbaa`, white, black, transparent; None for anything else."""
        code = NAMED.get(text, text)
        if not code.startswith("#"):
            return None
        digits = "".join(d * 2 for d in code[1:]) if len(code) in HEX_SHORT else code[1:]
        return cls(*(int(digits[n : n + 2], 16) / 255 for n in range(0, len(digits), 2)))

    @property
    def hex(self) -> str:
        """Without alpha: old SVG viewers support no other form."""
        return "#" + "".join(f"{round(255 * part):02x}" for part in self[:3])


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`color-mix(in oklab, …)`: the given share of the first, the rest of the second, weighted by their alphas."""
    alpha = first.alpha * share + second.alpha * (1 - share)
    if not alpha:
        return Colour(0, 0, 0, 0)
    pairs = zip(_to_oklab(first), _to_oklab(second), strict=True)
    mixed = [(a * first.alpha * share + b * second.alpha * (1 - share)) / alpha for a, b in pairs]
    return Colour(*_from_oklab(mixed), alpha)


# Björn Ottosson's matrices, as in CSS Color 4.
def _to_oklab(colour: Colour) -> list[float]:
    r, g, b = (_linear(part) for part in colour[:3])
    cones = (
        0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b,
        0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b,
        0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b,
    )
    l, m, s = (cone ** (1 / 3) for cone in cones)  # noqa: E741 the names they have everywhere
    return [
        0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
        1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
        0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s,
    ]


def _from_oklab(lab: list[float]) -> tuple[float, float, float]:
    lightness, a, b = lab
    l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3  # noqa: E741
    m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    s = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        _companded(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
        _companded(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
        _companded(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s),
    )


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def _companded(part: float) -> float:
    part = min(1.0, max(0.0, part))
    return 12.92 * part if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055
