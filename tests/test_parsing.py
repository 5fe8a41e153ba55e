from __future__ import annotations

import ast
import gc
from pathlib import Path

import pytest


class Parser:
    """Parses when it is collected as garbage, which it is from the beginning."""

    collected = 0

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        type(self).collected += 1
        ast.parse("a + b")


@pytest.fixture
def _eager_collection():
    usual = gc.get_threshold()
    gc.set_threshold(50)
    yield
    gc.set_threshold(*usual)


@pytest.mark.usefixtures("_eager_collection")
def test_garbage_that_parses_does_not_disturb_what_is_being_parsed():
    source = Path(ast.__file__).read_text()
    for _ in range(20):
        Parser()
        ast.parse(source)
    gc.collect()
    assert Parser.collected == 20
