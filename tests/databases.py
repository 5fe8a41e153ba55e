"""Migrated databases for tests: migrated once in a test run, copied from then on."""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "var" / "test" / "templates"
VARIABLE = "ROUTING_CONSOLE_TEST_TEMPLATES"


def is_postgres() -> bool:
    """Whether DATABASE_URL is PostgreSQL; SQLite otherwise."""
    return os.environ.get("DATABASE_URL", "").startswith("postgres")


@contextmanager
def own_database(folder: Path) -> Iterator[str]:
    """A migrated database on the engine under test; gives its URL."""
    if is_postgres():
        with _on_postgres(os.environ["DATABASE_URL"], f"rc_test_{uuid.uuid4().hex}", postgres_template()) as url:
            yield url
        return
    path = folder / "console.sqlite3"
    shutil.copyfile(sqlite_template(), path)
    yield f"sqlite:///{path}"


@contextmanager
def _on_postgres(server: str, name: str, template: str = "template1") -> Iterator[str]:
    import psycopg

    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        drop(server, name)


def drop(server: str, name: str) -> None:
    import psycopg

    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def share_templates() -> Path:
    """The folder of the templates; the process that asks first makes it, its children find it."""
    if VARIABLE not in os.environ:
        folder = os.environ[VARIABLE] = tempfile.mkdtemp(prefix="rc-templates-")
        atexit.register(_remove_templates, Path(folder), os.environ.get("DATABASE_URL", ""))
    return Path(os.environ[VARIABLE])


def _remove_templates(folder: Path, server: str) -> None:
    if (folder / "postgres.migrated").exists():
        drop(server, _template_name(folder))
    shutil.rmtree(folder, ignore_errors=True)


def sqlite_template() -> Path:
    """A migrated file to copy. It stays for the next runs, until a migration, a setting or a library changes."""
    path = KEPT / f"{state_of_the_migrations()}.sqlite3"
    if not path.exists():
        made = share_templates() / "template.sqlite3"
        _migrate_once("sqlite", f"sqlite:///{made}")
        _keep(made, path)
    return path


def _keep(made: Path, path: Path) -> None:
    KEPT.mkdir(parents=True, exist_ok=True)
    for outdated in KEPT.glob("*.sqlite3"):
        outdated.unlink(missing_ok=True)
    copy = path.with_suffix(f".{os.getpid()}")
    shutil.copyfile(made, copy)
    copy.replace(path)  # whole, or not there


@cache
def state_of_the_migrations() -> str:
    """A hash of all that a migrated database comes from."""
    state = hashlib.sha256()
    sources = [*ROOT.glob("*/migrations/*.py"), ROOT / "routing_console" / "settings.py", ROOT / "requirements.txt"]
    for path in sorted(sources):
        state.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return state.hexdigest()[:20]


def postgres_template() -> str:
    """The name of a migrated database to copy."""
    server, name = os.environ["DATABASE_URL"], _template_name(share_templates())
    _migrate_once("postgres", urlsplit(server)._replace(path=f"/{name}").geturl(), server)
    return name


def _template_name(folder: Path) -> str:
    return folder.name.replace("-", "_").lower()


def _migrate_once(kind: str, url: str, server: str = "") -> None:
    folder = share_templates()
    done = folder / f"{kind}.migrated"
    with (folder / f"{kind}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists():
            return
        if server:
            _make(server, urlsplit(url).path.lstrip("/"))
        migrate(folder, url)
        done.touch()


def _make(server: str, name: str) -> None:
    import psycopg

    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')


def migrate(folder: Path, url: str) -> None:
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "routing_console.settings"}
    env |= {"ROUTING_CONSOLE_DATA": str(folder), "DATABASE_URL": url, "REDIS_URL": ""}
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=env, check=True, timeout=300)


@contextmanager
def filled_in_memory(name: str) -> Iterator[None]:
    """Keeps SQLite's shared database in memory of this name, with all tables, while entered."""
    with closing(sqlite3.connect(name, uri=True)) as memory:
        with closing(sqlite3.connect(sqlite_template())) as template:
            template.backup(memory)
        yield
