"""Python 3.11.7 fails in `ast.parse` when a collection of garbage interrupts it and some `__del__` parses, too.

Writing a traceback parses, so a forgotten task is enough. Where pytest was showing a failure or reading a test, this
`SystemError` ended the whole run.
"""

from __future__ import annotations

import ast
import gc
from functools import wraps
from typing import Any

_parse = ast.parse


@wraps(_parse)
def uninterrupted(*arguments: Any, **options: Any) -> ast.AST:
    """`ast.parse`, with no collection of garbage meanwhile."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return _parse(*arguments, **options)
    finally:
        if was_enabled:
            gc.enable()
