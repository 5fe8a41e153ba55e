"""Changes that arrive at once, at two server processes on one database."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.servers import MASTER_KEY, Console, console, console_beside

pytestmark = pytest.mark.both
HEADERS = {"Authorization": f"Bearer {MASTER_KEY}"}
GROUPS = "/v1/routing_group"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Console, Console]]:
    folder = tmp_path_factory.mktemp("pair")
    with console(folder) as one, console_beside(one, folder) as other:
        yield one, other


@pytest.fixture
def model(pair) -> str:
    return pair[0].add_model(provider=f"Provider {next(_numbers)}", api_base="http://127.0.0.1:9/v1")


@pytest.fixture
def at_once(pair) -> Callable[..., list[httpx.Response]]:
    """Sends calls `(method, path, body[, headers])` together, to the two servers in turn."""

    def send(*calls: tuple[Any, ...]) -> list[httpx.Response]:
        def one(number: int, method: str, path: str, body: Any, headers: Any = None) -> httpx.Response:
            url = pair[number % 2].url + path
            return httpx.request(method, url, json=body, headers={**HEADERS, **(headers or {})}, timeout=60)

        with ThreadPoolExecutor(len(calls)) as threads:
            return [f.result() for f in [threads.submit(one, n, *call) for n, call in enumerate(calls)]]

    return send


def statuses(answers: list[httpx.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def test_changes_of_different_fields_all_arrive(pair, model, at_once):
    group_id = pair[0].add_group("fields", [model])
    changes: list[dict[str, Any]] = [
        {"description": "changed"},
        {"retry_config": {"num_retries": 7}},
        {"cooldown_config": {"cooldown_time_s": 9}},
        {"assigned_team_ids": ["t"]},
        {"settings": {"in_power_levels": True}},
        {"is_active": False},
        {"routing_group_name": "fields-2"},
        {"assigned_key_ids": ["k"]},
    ]
    answers = at_once(*[("PATCH", f"{GROUPS}/{group_id}", change) for change in changes])
    assert statuses(answers) == {200: len(changes)}
    group = pair[1].call("GET", f"{GROUPS}/{group_id}")
    for change in changes:
        assert group.items() >= change.items()
    assert group["revision"] == 1 + len(changes)


def test_of_changes_to_one_version_the_first_wins(pair, model, at_once):
    group_id = pair[0].add_group("versions", [model])
    etag = httpx.get(f"{pair[0].url}{GROUPS}/{group_id}", headers=HEADERS).headers["etag"]
    calls = [("PATCH", f"{GROUPS}/{group_id}", {"description": str(n)}, {"If-Match": etag}) for n in range(6)]
    assert statuses(at_once(*calls)) == {200: 1, 412: 5}


def test_two_changes_cannot_close_a_circle_together(pair, model, at_once):
    for number in range(5):
        names = [f"left-{number}", f"right-{number}"]
        ids = [pair[0].add_group(name, [model]) for name in names]
        bodies = [{"fallback_config": {"fallback_groups": [name]}} for name in reversed(names)]
        calls = [("PATCH", f"{GROUPS}/{row}", body) for row, body in zip(ids, bodies, strict=True)]
        assert statuses(at_once(*calls)) == {200: 1, 400: 1}


def test_a_name_goes_to_one_and_the_others_hear_why(pair, model, at_once):
    body = {"routing_group_name": "wanted", "routing_strategy": "least-busy", "deployments": [{"model_id": model}]}
    answers = at_once(*[("POST", GROUPS, body)] * 6)
    assert statuses(answers) == {201: 1, 400: 5}
    assert all("routing_group_name" in answer.json() for answer in answers if answer.status_code == 400)


def test_a_model_is_either_used_or_gone(pair, at_once):
    for number in range(5):
        model = pair[0].add_model(provider=f"Gone {number}", api_base="http://127.0.0.1:9/v1")
        body = {
            "routing_group_name": f"uses-{number}",
            "routing_strategy": "least-busy",
            "deployments": [{"model_id": model}],
        }
        created, deleted = at_once(("POST", GROUPS, body), ("DELETE", f"/api/v1/llm/models/{model}", None))
        assert (created.status_code, deleted.status_code) in {(201, 409), (400, 200)}
