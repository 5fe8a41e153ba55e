"""Changes of keys, teams and people that arrive at once, at a real server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.servers import MASTER_KEY, Console, console

pytestmark = pytest.mark.both
HEADERS = {"Authorization": f"Bearer {MASTER_KEY}"}
Send = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with console(tmp_path_factory.mktemp("keys")) as running:
        yield running


@pytest.fixture
def send(server) -> Send:
    def send(method: str, path: str, body: Any = None) -> httpx.Response:
        return httpx.request(method, f"{server.url}/api/v1/llm/{path}", json=body, headers=HEADERS, timeout=60)

    return send


@pytest.fixture(scope="module")
def erin(server) -> str:
    person = {"username": "erin", "role": "viewer", "password": "a long enough word"}
    httpx.post(f"{server.url}/api/v1/llm/users", json=person, headers=HEADERS, timeout=60).raise_for_status()
    return "erin"


def at_once(send: Send, *calls: tuple[Any, ...]) -> list[httpx.Response]:
    with ThreadPoolExecutor(len(calls)) as threads:
        return [future.result() for future in [threads.submit(send, *call) for call in calls]]


def test_a_key_is_rotated_once_however_many_ask(send, erin):
    key = send("POST", "keys", {"name": "ci", "owner": erin}).json()["id"]
    answers = at_once(send, *[("POST", f"keys/{key}/rotate")] * 6)
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 5}
    assert send("GET", "keys").json()["total"] == 2


def test_a_removed_member_has_no_key_of_the_team_in_any_order_of_events(send, erin):
    team = send("POST", "teams", {"name": "red"}).json()["id"]
    send("POST", f"teams/{team}/members", {"user": erin})
    issue = ("POST", "keys", {"name": "a", "owner": erin, "team": team})
    answers = at_once(send, issue, issue, ("DELETE", f"teams/{team}/members/{erin}"), issue, issue)
    assert {answer.status_code for answer in answers} <= {200, 201, 400}
    assert send("GET", f"keys?team={team}&status=usable").json()["total"] == 0


def test_a_team_is_deleted_once(send):
    team = send("POST", "teams", {"name": "blue"}).json()["id"]
    answers = at_once(send, *[("DELETE", f"teams/{team}")] * 4, ("PATCH", f"teams/{team}", {"name": "green"}))
    assert Counter(answer.status_code for answer in answers[:4]) == {200: 1, 404: 3}
    assert answers[4].status_code in (200, 404)


def test_of_admins_who_are_all_demoted_at_once_one_stays(send):
    admins = ["ann", "ben", "cat", "dan", "eve", "fay"]
    for name in admins:
        send("POST", "users", {"username": name, "role": "admin", "password": "a long enough word"}).raise_for_status()
    changes = [{"role": "viewer"}, {"is_active": False}] * 3
    calls = [("PATCH", f"users/{name}", change) for name, change in zip(admins, changes, strict=True)]
    assert Counter(answer.status_code for answer in at_once(send, *calls)) == {200: 5, 409: 1}
    assert send("GET", "users?role=admin&status=active").json()["total"] == 1
