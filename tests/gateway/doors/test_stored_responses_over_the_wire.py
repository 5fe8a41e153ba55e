"""Responses that their provider keeps: their owner goes on from them, reads and deletes them, and nobody else does."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from openai import BadRequestError, InternalServerError, NotFoundError, OpenAI

from tests.fakes import ScriptedUpstream, Status
from tests.gateway.conftest import Stage
from tests.gateway.keeping_upstream import Keeping
from tests.gateway.owners import client_of, issued, new_key
from tests.servers import MASTER_KEY, Console, becomes, console_beside

_numbers = itertools.count(1)


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_conversation_goes_on_from_its_last_response(stage: Stage, group: str, is_stream: bool):
    client = stage.client
    first = client.responses.create(model=group, input="one")
    if is_stream:
        with client.responses.stream(model=group, input="two", previous_response_id=first.id) as stream:
            second: Any = stream.get_final_response()
    else:
        second = client.responses.create(model=group, input="two", previous_response_id=first.id)
    assert (first.output_text, second.output_text) == ("turn 1", "turn 2")
    third = client.responses.create(model=group, input="three", previous_response_id=second.id)
    assert third.output_text == "turn 3"


def test_its_owner_reads_cancels_and_deletes_a_response(stage: Stage, group: str, store: Keeping):
    client = stage.client
    made = client.responses.create(model=group, input="one")
    assert client.responses.retrieve(made.id).output_text == "turn 1"
    assert [item.id for item in client.responses.input_items.list(made.id)] == ["msg_in"]
    assert client.responses.cancel(made.id).status == "cancelled"
    client.responses.delete(made.id)
    assert made.id not in store.kept
    with pytest.raises(NotFoundError):
        client.responses.retrieve(made.id)


def test_its_owner_cancels_a_response_that_is_being_made(stage: Stage, group: str, store: Keeping, upstream):
    store.runs_in_background = True
    mine, other = stage.client, new_key(stage.console)
    with mine.responses.create(model=group, input="one", stream=True) as stream:
        events: Iterator[Any] = iter(stream)
        made = next(events).response
        assert (made.status, mine.responses.retrieve(made.id).status) == ("in_progress", "in_progress")
        asked = upstream.count
        with pytest.raises(NotFoundError):
            other.responses.cancel(made.id)
        assert upstream.count == asked
        done = mine.responses.cancel(made.id)
        assert (upstream.seen[-1].method, upstream.seen[-1].path) == ("POST", f"/v1/responses/{made.id}/cancel")
        assert (done.id, done.status) == (made.id, "cancelled")
        *_, last = events
    assert (last.type, last.response.id) == ("response.failed", made.id)
    assert mine.responses.cancel(made.id).status == "cancelled"
    assert mine.responses.retrieve(made.id).status == "cancelled"


def test_who_has_left_a_stream_can_cancel_what_goes_on(stage: Stage, group: str, store: Keeping):
    store.runs_in_background = True
    with stage.client.responses.create(model=group, input="one", stream=True) as stream:
        first: Any = next(iter(stream))
    assert stage.client.responses.retrieve(first.response.id).status == "in_progress"
    assert stage.client.responses.cancel(first.response.id).status == "cancelled"


def test_a_provider_that_refuses_to_cancel_is_quoted_and_goes_on_serving(stage: Stage, group: str, store: Keeping):
    store.runs_in_background = True
    made = stage.client.responses.create(model=group, input="one")
    for _ in range(4):
        with pytest.raises(BadRequestError, match="Cannot cancel a synchronous response"):
            stage.client.responses.cancel(made.id)
    assert stage.client.responses.create(model=group, input="two").output_text == "turn 1"


def test_another_key_is_told_what_it_is_told_of_an_unknown_response(stage: Stage, group: str, upstream):
    mine, other = stage.client, new_key(stage.console)
    made = mine.responses.create(model=group, input="one")
    asked = upstream.count
    for call in (
        lambda id: other.responses.retrieve(id),
        lambda id: other.responses.delete(id),
        lambda id: other.responses.cancel(id),
        lambda id: other.responses.input_items.list(id),
    ):
        said = []
        for response_id in (made.id, made.id[:-1] + "z"):
            with pytest.raises(NotFoundError) as caught:
                call(response_id)
            said.append((caught.value.message.replace(response_id, "ID"), caught.value.code, caught.value.param))
        assert said[0] == said[1]
    said = []
    for response_id in (made.id, made.id[:-1] + "z"):
        with pytest.raises(BadRequestError) as refused:
            other.responses.create(model=group, input="two", previous_response_id=response_id)
        said.append((refused.value.message.replace(response_id, "ID"), refused.value.code, refused.value.param))
    assert said[0] == said[1]
    assert said[0][1:] == ("previous_response_not_found", "previous_response_id")
    assert upstream.count == asked
    assert mine.responses.retrieve(made.id).id == made.id


def test_a_rotated_key_keeps_its_responses(stage: Stage, group: str):
    console = stage.console
    old = client_of(console, (made := issued(console))["key"])
    response = old.responses.create(model=group, input="one")
    turned = console.call("POST", f"/api/v1/llm/keys/{made['id']}/rotate", {"overlap_hours": 1})
    new = client_of(console, turned["key"])
    second = new.responses.create(model=group, input="two", previous_response_id=response.id)
    assert old.responses.retrieve(second.id).output_text == "turn 2"


def test_without_store_nothing_is_kept(stage: Stage, group: str, store: Keeping):
    made = stage.client.responses.create(model=group, input="one", store=False)
    assert not store.kept
    with pytest.raises(NotFoundError):
        stage.client.responses.retrieve(made.id)


def test_a_request_goes_to_the_deployment_that_keeps_its_history(
    stage: Stage, make_group: Callable[..., str], add_model: Callable[..., str], upstream: ScriptedUpstream
):
    with ScriptedUpstream(Keeping()) as other:
        first, second = add_model(other), add_model(upstream)
        group = make_group(first, second)
        other.script(Status(503), Status(503))
        made = stage.client.responses.create(model=group, input="one")
        stage.console.renew_key(first)
        assert upstream.count == 1
        raw = stage.client.responses.with_raw_response.create(model=group, input="two", previous_response_id=made.id)
        assert raw.parse().output_text == "turn 2"
        attempts = stage.console.call("GET", f"/v1/requests/{raw.headers['x-litellm-call-id']}/attempts")
    assert [attempt["deployment_id"] for attempt in attempts["attempts"]] == [second]
    [skip] = attempts["skipped"]
    assert (skip["deployment_id"], skip["reason"]) == (first, "unsuitable")
    assert "is kept at" in skip["message"]


def test_a_deployment_that_cools_down_is_named_and_waited_for(
    stage: Stage, make_group: Callable[..., str], add_model: Callable[..., str], upstream: ScriptedUpstream
):
    keeper = add_model(upstream)
    group = make_group(keeper, stage.models[0])
    made = stage.client.responses.create(model=group, input="one")
    stage.console.call("POST", "/api/v1/llm/cooldowns", {"deployment_id": keeper, "for_s": 60, "why": "a test"})
    stage.console.catch_up()
    with pytest.raises(InternalServerError) as caught:
        stage.client.responses.create(model=group, input="two", previous_response_id=made.id)
    assert (caught.value.status_code, caught.value.code) == (503, "response_unavailable")
    assert 0 < int(caught.value.response.headers["retry-after"]) <= 60
    assert stage.client.responses.retrieve(made.id).output_text == "turn 1"


def test_a_group_without_that_deployment_says_where_the_history_is(
    stage: Stage, group: str, make_group: Callable[..., str], add_model: Callable[..., str]
):
    made = stage.client.responses.create(model=group, input="one")
    with ScriptedUpstream(Keeping()) as other:
        elsewhere = make_group(add_model(other))
        with pytest.raises(BadRequestError) as caught:
            stage.client.responses.create(model=elsewhere, input="two", previous_response_id=made.id)
    assert (caught.value.code, caught.value.param) == ("previous_response_not_found", "previous_response_id")
    assert "is kept at" in caught.value.message


def test_a_history_that_its_provider_lost_takes_nobody_out_of_service(stage: Stage, group: str, upstream):
    made = stage.client.responses.create(model=group, input="one")
    upstream.script(Status(404), Status(404))
    for _ in range(2):
        with pytest.raises(BadRequestError) as caught:
            stage.client.responses.create(model=group, input="two", previous_response_id=made.id)
        assert caught.value.code == "previous_response_not_found"
    assert stage.client.responses.create(model=group, input="two", previous_response_id=made.id).output_text == "turn 2"


def test_an_item_is_referred_to_by_its_owner_alone(stage: Stage, group: str, upstream):
    made = stage.client.responses.create(model=group, input="one")
    turn: Any = [{"type": "item_reference", "id": made.output[0].id}, {"role": "user", "content": "two"}]
    assert stage.client.responses.create(model=group, input=turn).output_text == "turn 1"
    assert upstream.seen[-1].body["input"] == turn
    with pytest.raises(BadRequestError) as caught:
        new_key(stage.console).responses.create(model=group, input=turn)
    assert (caught.value.param, upstream.count) == ("input[0]", 2)


@pytest.mark.parametrize("cuts_after", [1, 5])
def test_a_stream_that_breaks_leaves_its_owner_what_was_kept(stage: Stage, group: str, store: Keeping, cuts_after: int):
    store.cuts_after = cuts_after
    seen = []
    try:
        with stage.client.responses.create(model=group, input="one", stream=True) as stream:
            seen = [event.type for event in stream]
    except InternalServerError:
        pass
    assert ("response.output_text.delta" in seen) == (cuts_after == 5)
    for response_id in store.kept:
        if seen:
            assert stage.client.responses.retrieve(response_id).id == response_id
        else:  # before there was anything to see, another could have answered
            with pytest.raises(NotFoundError):
                stage.client.responses.retrieve(response_id)


@pytest.mark.parametrize("response_id", ["..", "%2e%2e", "a%2Fb", "resp_%00", "resp%201", "x" * 300, "%F0%9F%A6%84"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_odd_id_is_no_id(stage: Stage, group: str, upstream, response_id: str, method: str):
    connection = HTTPConnection(urlsplit(stage.console.url).netloc, timeout=30)  # others tidy up an address
    connection.request(method, f"/v1/responses/{response_id}", headers={"Authorization": f"Bearer {MASTER_KEY}"})
    answer = connection.getresponse()
    assert (answer.status, "error" in json.loads(answer.read())) == (404, True)
    assert upstream.count == 0


def test_a_stored_response_is_streamed_again_to_its_owner(stage: Stage, group: str, upstream: ScriptedUpstream):
    made = stage.client.responses.create(model=group, input="one")
    again = list(stage.client.responses.retrieve(made.id, stream=True))
    assert (again[0].type, again[-1].type) == ("response.created", "response.completed")
    later = list(stage.client.responses.retrieve(made.id, stream=True, starting_after=4))
    assert [event.sequence_number for event in later] == [event.sequence_number for event in again[5:]]
    asked = upstream.count
    with pytest.raises(NotFoundError):
        new_key(stage.console).responses.retrieve(made.id, stream=True)
    assert upstream.count == asked


def test_a_replay_that_breaks_ends_with_the_failure_of_the_response(stage: Stage, group: str, store: Keeping):
    made = stage.client.responses.create(model=group, input="one")
    store.cuts_after = 5
    events: list[Any] = list(stage.client.responses.retrieve(made.id, stream=True))
    last = events[-1]
    assert (last.type, last.response.id, last.sequence_number) == ("response.failed", made.id, 5)


def test_a_provider_that_streams_nothing_again_is_said_to(stage: Stage, group: str, store: Keeping):
    made, store.streams_again = stage.client.responses.create(model=group, input="one"), False
    with pytest.raises(BadRequestError) as caught:
        list(stage.client.responses.retrieve(made.id, stream=True))
    assert caught.value.param == "stream"


def test_reading_costs_nothing_and_is_not_logged(stage: Stage, group: str):
    client = stage.client
    made = client.responses.create(model=group, input="one")
    for _ in range(3):
        client.responses.retrieve(made.id)
    client.responses.delete(made.id)
    client.responses.create(model=group, input="two")
    path = f"/api/v1/llm/requests?group={group}"
    becomes(lambda: len(stage.console.call("GET", path)["requests"]), 2)


@pytest.mark.parametrize("name", ["conversation", "prompt", "background"])
def test_what_providers_keep_for_all_callers_together_is_refused(stage: Stage, group: str, name: str, upstream):
    with pytest.raises(BadRequestError) as caught:
        stage.client.post("/responses", cast_to=object, body={"model": group, "input": "x", name: {"id": "pmpt_1"}})
    assert (caught.value.param, upstream.count) == (name, 0)


@pytest.fixture(scope="session")
def beside(_stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A second process of our server, on the same database."""
    with console_beside(_stage.console, tmp_path_factory.mktemp("beside")) as other:
        yield other


def client_beside(beside: Console, group: str) -> OpenAI:
    """A client of the second process, once that knows the group."""
    client = client_of(beside, MASTER_KEY)
    becomes(lambda: group in [model.id for model in client.models.list()], True)
    return client


def test_an_id_works_at_once_in_every_process(stage: Stage, group: str, beside: Console):
    here, there = stage.client, client_beside(beside, group)
    made = here.responses.create(model=group, input="one")
    for turn in range(2, 12):
        here, there = there, here
        assert here.responses.retrieve(made.id).id == made.id
        made = here.responses.create(model=group, input="more", previous_response_id=made.id)
        assert made.output_text == f"turn {turn}"


def test_the_id_of_a_stream_works_elsewhere_from_its_first_event_on(stage: Stage, group: str, beside: Console):
    there = client_beside(beside, group)
    with stage.client.responses.create(model=group, input="one", stream=True) as stream:
        first: Any = next(iter(stream))
        assert first.type == "response.created"
        assert there.responses.retrieve(first.response.id).id == first.response.id


def test_one_who_leaves_within_a_stream_can_delete_what_was_kept(stage: Stage, group: str, store: Keeping):
    with stage.client.responses.create(model=group, input="one", stream=True) as stream:
        first: Any = next(iter(stream))
    stage.client.responses.delete(first.response.id)
    assert not store.kept


def test_a_virtual_model_stays_in_the_pool_that_keeps_the_conversation(
    stage: Stage, make_group: Callable[..., str], add_model: Callable[..., str], upstream: ScriptedUpstream
):
    easy, hard = make_group(add_model(upstream)), make_group(add_model(upstream))
    name = f"kept-{next(_numbers)}"
    tiers = [{"pool": easy}, {"pool": hard, "minimum_score": 50}]
    stage.console.call("POST", "/v1/virtual_models", {"name": name, "tiers": tiers})
    stage.console.catch_up()
    client = stage.client.responses.with_raw_response
    first = client.create(model=name, input="hi")
    assert first.headers["x-routing-pool"] == easy
    harder = "Implement a distributed consensus algorithm"
    second = client.create(model=name, previous_response_id=first.parse().id, input=harder)
    assert (second.headers["x-routing-pool"], second.parse().output_text) == (easy, "turn 2")


def test_what_a_deleted_deployment_kept_is_gone_and_says_so(
    stage: Stage, make_group: Callable[..., str], add_model: Callable[..., str], upstream: ScriptedUpstream
):
    model = add_model(upstream)
    group = make_group(model)
    made = stage.client.responses.create(model=group, input="one")
    provider = stage.console.call("GET", f"/api/v1/llm/models/{model}")["provider"]
    stage.console.call("PATCH", f"/api/v1/llm/providers/{provider}", {"enabled": False})
    stage.console.catch_up()
    with pytest.raises(NotFoundError) as caught:
        stage.client.responses.retrieve(made.id)
    assert "is not here any more" in caught.value.message
    assert upstream.count == 1
