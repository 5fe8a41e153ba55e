"""The product's settings without what only costs tests time; each worker of pytest-xdist keeps to its own data.

Servers and commands that tests start run with the product's settings (`conftest.py` sees to it).
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")


def _claim_places() -> None:
    """A data folder and a Redis database of this worker alone, for it and its children."""
    folder = Path(os.environ.get("ROUTING_CONSOLE_DATA") or Path(__file__).parent.parent / "var" / "test") / WORKER
    os.environ["ROUTING_CONSOLE_DATA"] = str(folder)
    if not os.environ.get("DATABASE_URL", "").startswith("postgres"):  # there, pytest-django names one per worker
        os.environ["DATABASE_URL"] = f"sqlite:///{folder / 'test.sqlite3'}"
    if redis := os.environ.get("REDIS_URL"):
        number = 1 + int(WORKER.removeprefix("gw"))
        os.environ["REDIS_URL"] = urlsplit(redis)._replace(path=f"/{number}").geturl()


if WORKER:
    _claim_places()

from routing_console.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the usual one takes 0.3 s on purpose
REHEARSAL_SEEDS = 1  # tests that want more ask for them: the others would go on after the test
FAILED_KEYS_PER_MINUTE = 0  # all tests come from one address
REHEARSAL_WORKERS = 1  # each takes seven seconds of CPU to start, in each process of pytest
WHITENOISE_AUTOREFRESH = True  # looks for a file when it is asked for, not for all at each test client
