"""What stands between a number and its unit in sentences and on pages: `43 %`, `149 ms`."""

from __future__ import annotations

# The narrow space at which no line breaks. The usual thin space (U+2009) leaves a lone "%" on the next line.
THIN = "\u202f"


def unit(number: object, name: str) -> str:
    """A number and its unit."""
    return f"{number}{THIN}{name}"
