"""Numbers that JSON does not have, or nobody can mean, in what upstreams send: no client and no ledger gets them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.engine.direct_calls import DONE, Sent, Whole
from tests.fakes import ScriptedUpstream
from tests.gateway.conftest import Stage
from tests.gateway.doors.test_small_doors_over_the_wire import Place

pytestmark = pytest.mark.once

_numbers = itertools.count(1)
HI = [{"role": "user", "content": "hi"}]
ODD = ["NaN", "Infinity", "-Infinity", "1e999", "-5", "9" * 400]
# Each door, and what is asked there.
DOORS: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": HI},
    "/v1/responses": {"input": "hi"},
    "/v1/messages": {"messages": HI, "max_tokens": 9},
    "/v1/completions": {"prompt": "hi"},
    "/v1/embeddings": {"input": "hi"},
    "/v1/rerank": {"query": "hi", "documents": ["a"]},
    "/v1/moderations": {"input": "hi"},
    "/v1/images/generations": {"prompt": "hi"},
}
STREAMED = ["/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/completions"]
USAGE = '"usage":{"prompt_tokens":%s,"completion_tokens":%s,"total_tokens":%s}'
CHOICE = '{"index":0,"finish_reason":"stop","logprobs":%s,"text":"yes NaN",'
CHOICE += '"message":{"role":"assistant","content":"yes NaN"}}'
WHOLE = '{"id":"x","object":"any","created":%s,"model":"m","choices":[' + CHOICE + '],"data":[{"embedding":[%s]}],'
WHOLE += '"results":[{"index":0,"relevance_score":%s}],"meta":{"billed_units":{"search_units":%s}},' + USAGE + "}"
PART = '{"id":"x","object":"any","created":%s,"model":"m","choices":[{"index":0,"finish_reason":%s,"logprobs":%s,'
PART += '"text":"yes","delta":{"content":"yes"}}]}'


@pytest.fixture
def place(stage: Stage, make_group: Callable[..., str]) -> Iterator[Place]:
    with ScriptedUpstream() as upstream:
        model = stage.console.add_model(provider=f"Counts oddly {next(_numbers)}", api_base=upstream.url)
        yield Place(stage, upstream, make_group(model))


def strict(text: str | bytes) -> Any:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def check_counted(place: Place, answer: httpx.Response) -> None:
    row = place.logged(answer)
    for name in ("input_tokens", "output_tokens", "units"):
        assert row[name] is None or 0 <= row[name] <= 2**31, (name, row[name])
    assert row["cost_usd"] is None or 0 <= row["cost_usd"] < 1


@pytest.mark.parametrize("number", ODD, ids=lambda number: number[:8])
@pytest.mark.parametrize("path", [*DOORS])
def test_a_whole_answer_has_only_numbers_of_json(place: Place, path: str, number: str):
    place.upstream.script(Whole((WHOLE.replace("%s", number)).encode()))
    answer = place.post(path, **DOORS[path])
    assert answer.status_code == 200, answer.text
    strict(answer.content)
    check_counted(place, answer)


@pytest.mark.parametrize("number", ODD, ids=lambda number: number[:8])
@pytest.mark.parametrize("path", STREAMED)
def test_a_stream_has_only_numbers_of_json(place: Place, path: str, number: str):
    parts = [PART % (number, "null", number), PART % (number, "null", number), PART % (number, '"stop"', number)]
    parts.append('{"id":"x","choices":[],' + USAGE % (number, number, number) + "}")
    place.upstream.script(Sent((*(f"data: {part}\n\n".encode() for part in parts), DONE)))
    answer = place.post(path, stream=True, **DOORS[path])
    assert answer.status_code == 200
    lines = [line[5:].strip() for line in answer.text.split("\n") if line.startswith("data:")]
    for line in lines:
        assert line == "[DONE]" or strict(line)
    assert answer.text.count("yes") >= 2
    assert '"error"' not in answer.text.replace('"error":null', "")
    check_counted(place, answer)
