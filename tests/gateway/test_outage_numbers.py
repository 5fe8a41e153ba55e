"""A total outage has the same numbers wherever they are shown."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.servers import MASTER_KEY, Console, becomes, console, llmock

CALLS = 40
BEARER = {"Authorization": f"Bearer {MASTER_KEY}"}
OUTAGE = {"retry_config": {"num_retries": 0}, "cooldown_config": {"cooldown_time_s": 300, "allowed_fails": 0}}


@pytest.fixture(scope="module")
def down(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Console, str, Counter[int]]]:
    """A console whose upstreams are all down, the id of its group, and the statuses of 40 calls."""
    folder = tmp_path_factory.mktemp("outage")
    with llmock(folder) as upstream, console(folder) as ours:
        upstream.script({"type": "fail", "status": 503, "times": None})
        models = [ours.add_model(provider=name, api_base=upstream.api_base) for name in ("Down", "Down, too")]
        group = ours.add_group("everything", models, **OUTAGE)
        statuses = Counter(_ask(ours) for _ in range(CALLS))
        becomes(lambda: len(_log(ours)), CALLS, deadline_s=20)
        yield ours, group, statuses


def _ask(ours: Console) -> int:
    body = {"model": "everything", "messages": [{"role": "user", "content": "hi"}]}
    return httpx.post(f"{ours.url}/v1/chat/completions", json=body, headers=BEARER, timeout=30).status_code


def _log(ours: Console, **query: str) -> list[dict[str, Any]]:
    said = httpx.get(f"{ours.url}/api/v1/llm/requests", params={"size": "200", **query}, headers=BEARER, timeout=30)
    rows: list[dict[str, Any]] = said.json()["requests"]
    return rows


@pytest.fixture
def page(down: tuple[Console, str, Counter[int]]) -> Iterator[httpx.Client]:
    """A browser of the admin."""
    with httpx.Client(base_url=down[0].url, follow_redirects=True, timeout=60) as browser:
        browser.get("/sign-in")
        form = {"username": "admin", "password": MASTER_KEY, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        assert browser.post("/sign-in", data=form).url.path != "/sign-in"
        yield browser


def text_of(answer: httpx.Response) -> str:
    """What people read, without markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text))


def test_callers_are_told_once_that_it_failed_and_then_that_all_cool_down(down):
    assert down[2] == {503: 1, 429: CALLS - 1}


def test_the_log_says_that_each_failed(down):
    rows = _log(down[0])
    assert Counter(row["outcome"] for row in rows) == {"failed": CALLS}
    assert (len(_log(down[0], outcome="failed")), _log(down[0], outcome="refused")) == (CALLS, [])


def test_the_page_of_the_log_finds_them_as_failed(page):
    assert text_of(page.get("/requests?outcome=failed")).count(" failed ") >= CALLS
    assert "everything" not in text_of(page.get("/requests?outcome=refused"))


def test_the_usage_api_says_so(down):
    answer = down[0].call("GET", "/api/v1/llm/usage")
    for numbers in (answer, *answer["by_group"], answer["by_day"][-1]):
        told = [numbers[name] for name in ("successes", "failures", "refused", "left", "success_rate")]
        assert told == [0, CALLS, 0, 0, 0.0]


def test_the_usage_page_says_so(page):
    text = text_of(page.get("/usage"))
    assert re.search(rf"Success rate 0\s% {CALLS} failed", text), text
    assert "0 refused, 0 left" in text


def test_the_overview_says_so(page):
    text = text_of(page.get("/"))
    assert re.search(rf"Answered 0\s% {CALLS} of {CALLS} failed", text), text
    assert "refused" not in text


def test_the_groups_table_says_so(down, page):
    text = text_of(page.get(f"/groups/activity?id={down[1]}"))
    assert re.search(rf"{CALLS} requests in 24 h {CALLS} failed 0\s% success", text), text
    assert "refused" not in text


def test_the_files_say_so(page):
    rows = list(csv.DictReader(io.StringIO(page.get("/usage/requests.csv").content.decode("utf-8-sig"))))
    assert Counter(row["outcome"] for row in rows) == {"failed": CALLS}
    sums = list(csv.DictReader(io.StringIO(page.get("/usage/costs.csv").content.decode("utf-8-sig"))))
    counted = Counter[str]()
    for row in sums:
        counted.update({name: int(row[name]) for name in ("successes", "failures", "refused", "left")})
    assert counted == {"successes": 0, "failures": CALLS, "refused": 0, "left": 0}
