"""What is ours alone in the data folder: the folder, the database, and secrets that are made once."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def private_folder(folder: Path, *, is_ours: bool = False) -> Path:
    """Makes it, for its owner alone; one that is there stays as it is unless it `is_ours`: others may use it, too."""
    if is_ours and folder.exists():
        with suppress(PermissionError):
            folder.chmod(0o700)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def private_file(path: Path) -> None:
    """Makes it, if it is not there, and keeps it from all but its owner. SQLite's files beside it get the same mode."""
    path.touch(mode=0o600)
    with suppress(PermissionError):  # another's, who decides
        path.chmod(0o600)


def kept_secret(folder: Path, name: str, make: Callable[[], str]) -> str:
    """The content of `folder/name`; generated and written with mode 0600 if the file is absent.

    Two processes starting at once agree: the first to create the file wins, the other reads it.
    """
    path = folder / name
    if not path.exists():
        private_folder(folder)
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
