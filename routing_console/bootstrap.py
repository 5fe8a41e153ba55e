"""Generated secrets: made once, kept in the data folder, readable only by their owner."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def kept_secret(folder: Path, name: str, make: Callable[[], str]) -> str:
    """The content of `folder/name`; generated and written with mode 0600 if the file is absent.

    Two processes starting at once agree: the first to create the file wins, the other reads it.
    """
    path = folder / name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f".{name}.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(make() + "\n")
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()
