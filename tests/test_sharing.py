"""What the suite itself promises: no server without a marker, shared servers in one worker, data of its own."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import httpx
import pytest
from django.conf import settings

from access.models import User
from tests import databases, servers
from tests.servers import console, free_port, running
from tests.sharing import reaches

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")


def _through_another(folder: Path) -> None:
    with console(folder):
        pass


def test_a_server_is_seen_through_the_functions_that_start_it():
    assert reaches(_through_another)
    assert reaches(console)
    assert not reaches(free_port)


def test_a_test_that_starts_a_server_behind_our_back_is_refused(tmp_path: Path):
    start = getattr(servers, "run" + "ning")
    with pytest.raises(AssertionError, match="mark it"), start([], url="", ready=None, log=tmp_path / "log", env={}):
        pass


def test_one_that_names_it_may(request: pytest.FixtureRequest, tmp_path: Path):
    assert request.node.get_closest_marker("server")
    command = ["python3", "-m", "http.server", "--bind", "127.0.0.1", str(port := free_port())]
    url = f"http://127.0.0.1:{port}"
    with running(command, url=url, ready="/", log=tmp_path / "log", env=dict(os.environ)):
        assert httpx.get(url).status_code == 200


def test_a_test_has_a_second_try_until_too_many_needed_one(pytestconfig: pytest.Config):
    assert (pytestconfig.getoption("reruns"), pytestconfig.getoption("max_suite_reruns")) == (1, 10)


def test_a_test_with_a_database_runs_on_every_database(request: pytest.FixtureRequest, alice: User):
    assert request.node.get_closest_marker("stored")


def test_one_without_runs_once(request: pytest.FixtureRequest):
    assert not request.node.get_closest_marker("stored")


@pytest.mark.xdist_group("together")
@pytest.mark.parametrize("number", [1, 2])
def test_a_group_is_part_of_the_name_that_workers_are_chosen_by(request: pytest.FixtureRequest, number: int):
    assert request.node.nodeid.endswith("@together") == bool(WORKER)


def test_a_port_of_ours_is_given_to_nobody_else_and_answers_nobody():
    port = free_port()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_each_worker_keeps_to_its_own_folder():
    assert settings.DATA_DIR.name == (WORKER or settings.DATA_DIR.name)
    assert WORKER in os.environ["DATABASE_URL"] or os.environ["DATABASE_URL"].startswith("postgres")


def test_children_run_with_the_settings_of_the_product():
    assert os.environ["DJANGO_SETTINGS_MODULE"] == "routing_console.settings"


def test_a_migrated_file_is_kept_until_a_migration_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "room" / "migrations").mkdir(parents=True)
    (tmp_path / "routing_console").mkdir()
    for name in ("room/migrations/0001_initial.py", "routing_console/settings.py", "requirements.txt"):
        (tmp_path / name).write_text("")
    made = []
    monkeypatch.setattr(databases, "ROOT", tmp_path)
    monkeypatch.setattr(databases, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(databases, "share_templates", lambda: tmp_path)
    monkeypatch.setattr(
        databases, "_migrate_once", lambda *_: made.append((tmp_path / "template.sqlite3").write_text(""))
    )
    states = []
    for content in ("", "", "operations = []"):
        (tmp_path / "room" / "migrations" / "0001_initial.py").write_text(content)
        databases.state_of_the_migrations.cache_clear()
        states.append(databases.sqlite_template())
    databases.state_of_the_migrations.cache_clear()
    assert (len(made), len(set(states))) == (2, 2)
    assert list((tmp_path / "kept").iterdir()) == states[-1:]
