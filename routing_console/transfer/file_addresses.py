"""Addresses of static files, which change with their content, so that a browser keeps a file for good.

The hash of all files is a folder of the address and no part of each name: modules and stylesheets name each other
relatively, so nothing has to be rewritten or collected.
"""

from __future__ import annotations

import hashlib
import re
from importlib.metadata import version
from pathlib import Path

# Whose files are served beside our own.
PACKAGES = ("django", "djangorestframework", "django-htmx", "drf-spectacular-sidecar")
DIGITS = 12
STATIC = "/static/"
WITH_ANY_HASH = re.compile(rf"^{STATIC}(?:[0-9a-f]{{{DIGITS}}}/)?")


def content_hash(folder: Path) -> str:
    """Of every file below the folder, with its path, and of the packages' versions."""
    digest = hashlib.sha256(" ".join(map(version, PACKAGES)).encode())
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        digest.update(f"\0{path.relative_to(folder).as_posix()}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:DIGITS]


def is_hashed(_path: str, url: str) -> bool:
    """Whether a file has an address that no other content will ever have."""
    found = WITH_ANY_HASH.match(url)
    return found is not None and found.group() != STATIC
