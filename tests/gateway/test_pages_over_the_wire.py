"""What only a real server shows about the doors behind the gateway."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import httpx

from tests.gateway.conftest import Stage
from tests.servers import MASTER_KEY, becomes

BEARER = {"Authorization": f"Bearer {MASTER_KEY}", "Content-Type": "application/json"}


def test_a_body_in_chunks_is_not_taken_for_empty(stage: Stage):
    group_id = stage.console.add_group("chunked", [stage.models[0]])

    def chunks() -> Iterator[bytes]:
        yield b'{"description": '
        yield b'"said in two parts"}'

    url = f"{stage.console.url}/v1/routing_group/{group_id}"
    answer = httpx.patch(url, content=chunks(), headers=BEARER, timeout=20)
    assert answer.json()["description"] == "said in two parts"


def test_a_wrong_address_is_json_for_programs_and_a_page_for_people(stage: Stage):
    missing = httpx.get(f"{stage.console.url}/v1/no-such-thing", headers=BEARER, timeout=20)
    assert (missing.status_code, list(missing.json())) == (404, ["error"])
    unknown = httpx.get(f"{stage.console.url}/api/v1/no-such-thing", headers=BEARER, timeout=20)
    assert (unknown.status_code, list(unknown.json())) == (404, ["detail"])
    page = httpx.get(f"{stage.console.url}/no-such-page", timeout=20)
    assert (page.status_code, page.headers["content-type"][:9]) == (404, "text/html")


def test_health_and_readiness(stage: Stage):
    for path in ("/livez", "/healthz"):
        assert httpx.get(stage.console.url + path, timeout=20).json() == {"status": "ok"}
    for path in ("/readyz", "/readyz/console"):
        becomes(partial(_readiness, stage.console.url + path), (200, {}))


def _readiness(url: str) -> tuple[int, dict[str, str]]:
    answer = httpx.get(url, timeout=20)
    return answer.status_code, answer.json()["failing"]


def test_a_test_request_shows_its_traces(stage: Stage):
    group_id = stage.console.add_group("tried", stage.models)
    stage.first.script({"type": "fail", "status": 503, "times": None})
    result = stage.console.call("POST", f"/v1/routing_group/{group_id}/test", {"max_tokens": 5})
    assert result["success"]
    assert result["response_text"]
    assert result["final_provider"] == "Second"
    assert [t["status"] for t in result["traces"]][-1] == "success"
    assert result["traces"][-1]["was_fallback"]
    assert result["traces"][-1]["fallback_depth"] == 1
    assert stage.attempts(result["call_id"])[-1]["provider"] == "Second"


def test_a_mock_test_asks_no_provider_and_works_on_an_inactive_group(stage: Stage):
    group_id = stage.console.add_group("draft", stage.models, is_active=False)
    result = stage.console.call("POST", f"/v1/routing_group/{group_id}/test", {"mock": True})
    assert (result["success"], result["response_text"]) == (True, "Mock test response")
    assert stage.first.requests() == []


def test_a_bad_test_request_is_a_400_that_names_the_field(stage: Stage):
    group_id = stage.console.add_group("tried-badly", [stage.models[0]])
    url = f"{stage.console.url}/v1/routing_group/{group_id}/test"
    for body, field in [({"messages": []}, "messages"), ({"mock": "x"}, "mock"), ({"max_tokens": -1}, "max_tokens")]:
        answer = httpx.post(url, json=body, headers=BEARER, timeout=20)
        assert (answer.status_code, list(answer.json())) == (400, [field])
