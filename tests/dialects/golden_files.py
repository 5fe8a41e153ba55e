"""Golden files of translations: `golden/PAIR/CASE/`, with what was asked, sent, got and given.

`asked` is a client's request, `sent` what an upstream gets, `got` what it answers, `given` what the client gets; a case
has one way or both. `GOLDEN=write` rewrites `sent` and `given`: read the difference before you commit it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent / "golden"


def cases(pair: str, name: str) -> list[Path]:
    """The files of this name in every case of a pair."""
    return sorted((ROOT / pair).glob(f"*/{name}"))


def case_of(path: Path) -> str:
    """The name of a case, for pytest."""
    return path.parent.name


def read(path: Path) -> Any:
    """The JSON of a file."""
    return json.loads(path.read_text())


def events(path: Path) -> list[dict[str, Any]]:
    """The data of each event of a stream, without `[DONE]`."""
    lines = path.read_text().splitlines()
    data = [line.removeprefix("data:").strip() for line in lines if line.startswith("data:")]
    return [json.loads(one) for one in data if one != "[DONE]"]


def sse(chunks: list[dict[str, Any]]) -> str:
    """A stream of events without names."""
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)


def agrees(path: Path, made: object) -> None:
    """Asserts that a golden file has what was made: a text, or JSON."""
    text = made if isinstance(made, str) else json.dumps(made, indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(text)
    if isinstance(made, str):
        assert made == path.read_text()
    else:
        assert made == read(path)
