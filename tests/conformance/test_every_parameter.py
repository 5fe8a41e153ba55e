"""No parameter of any door is dropped without a word: it changes what the provider gets, or it is reported, or the
deployment is passed over, or the request is refused."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dialects.call_ids import REPLACED
from engine.dialects.translation import Malformed
from engine.ledger import Trace
from engine.spec import DeploymentSpec, Secret
from engine.upstreams import choose, through_litellm
from engine.upstreams.call import Call
from engine.upstreams.direct import OpenAISpeech
from engine.upstreams.messages import ChatOverMessagesSpeech, MessagesSpeech
from engine.upstreams.responses import ChatOverResponsesSpeech, ResponsesSpeech
from tests.conformance import published
from tests.conformance.parameters import PLAIN, PROBES, Body
from tests.engine.scripted import deployment

ENDPOINTS: dict[str, Any] = {"chat": "chat/completions", "responses": "responses", "messages": "messages"}
MODELS = {"chat": "gpt-4o", "responses": "gpt-5.1", "messages": "claude-sonnet-4-5", "litellm": "llama"}
NATIVE: dict[str, Any] = {"responses": ResponsesSpeech(), "messages": MessagesSpeech()}
SPOKEN: dict[str, Any] = {
    "chat": OpenAISpeech(),
    "responses": ChatOverResponsesSpeech(),
    "messages": ChatOverMessagesSpeech(),
}
PUBLISHED = {"chat": published.CHAT, "responses": published.RESPONSES, "messages": published.MESSAGES}
CASES = [
    pytest.param(door, dialect, name, added, id=f"{door} over {dialect}: {name} {number}")
    for door, dialect in itertools.product(PROBES, MODELS)
    for number, (name, added) in enumerate(PROBES[door])
]
# What needs no word, because the client gets what it asked for.
MEANT = {
    ("chat", "stream_options"): "padding is OpenAI's own; the tokens are always asked for",
    ("responses", "stream_options"): "the same",
}

# Two names of one wish, and here with one value: only one of them can be told apart elsewhere.
ONE_WISH = (
    {"thinking", "output_config.effort"},
    {"user", "safety_identifier"},
    {"output_config", "output_format"},
)


def spec_of(dialect: str) -> DeploymentSpec:
    kind = "huggingface" if dialect == "litellm" else "openai"
    base = deployment("d", provider_type=kind, upstream_model=MODELS[dialect], api_base="https://llm.example.com/v1")
    return DeploymentSpec(**{**_fields(base), "dialects": frozenset({dialect}), "api_key": Secret("key-of-a-test")})


def _fields(spec: DeploymentSpec) -> dict[str, Any]:
    return {name: getattr(spec, name) for name in DeploymentSpec.__dataclass_fields__}


def sent(door: str, dialect: str, body: Body) -> tuple[Any, tuple[str, ...]] | str:
    """What the provider gets, and what is reported; or why it is not asked."""
    call = Call(ENDPOINTS[door], body, Trace("r", "g"), is_stream=bool(body.get("stream")))
    spec = spec_of(dialect)
    try:
        if (why := choose.obstacle(call, spec)) is not None:
            return why.param
    except Malformed as wrong:
        return wrong.param
    reported = choose._dropped(call, spec)
    if dialect == "litellm":
        known = through_litellm.supported(spec.provider_type, spec.upstream_model) or frozenset()
        passed = {name: value for name, value in call.chat.items() if name in known or name in ("messages", "model")}
        lost = through_litellm._dropped(call, spec)
        return passed, lost if door == "chat" else (*call.view.dropped, *call.view.named(lost))
    request = (NATIVE if door == dialect else SPOKEN).get(dialect, SPOKEN[dialect]).request(call, spec)
    return json.loads(request.body), reported


def test_every_published_parameter_is_probed():
    for door, names in PUBLISHED.items():
        probed = {name for _, added in PROBES[door] for name in added} | PLAIN[door].keys()
        assert names <= probed, (door, names - probed)


@pytest.mark.parametrize(("door", "dialect", "name", "added"), CASES)
def test_a_parameter_arrives_or_is_reported(door: str, dialect: str, name: str, added: Body):
    with_it = sent(door, dialect, {**PLAIN[door], **added})
    if isinstance(with_it, str):
        assert with_it
        return
    body, reported = with_it
    if _is_told(name, reported):
        return
    without = sent(door, dialect, _without(door, name, added))
    assert not isinstance(without, str)
    assert body != without[0] or (door, name) in MEANT, f"{name} is lost without a word"


@pytest.mark.parametrize("dialect", MODELS)
@pytest.mark.parametrize("door", PROBES)
@given(data=st.data())
@settings(max_examples=20)
def test_a_parameter_among_others_arrives_or_is_reported(door: str, dialect: str, data: st.DataObject):
    picked = _apart(data.draw(st.lists(st.sampled_from(PROBES[door]), min_size=2, max_size=6)))
    with_all = sent(door, dialect, _joined(door, picked))
    if isinstance(with_all, str):
        assert with_all
        return
    for one in picked:
        without = sent(door, dialect, _joined(door, [other for other in picked if other is not one]))
        is_same = not isinstance(without, str) and without[0] == with_all[0]
        is_told = _is_told(one[0], with_all[1]) or (door, one[0]) in MEANT
        assert is_told or not is_same, f"{one[0]} is lost without a word"


def _apart(probes: list[tuple[str, Body]]) -> list[tuple[str, Body]]:
    """Those that fit into one request: none sets a field that an earlier one has set, or says the same."""
    kept: list[tuple[str, Body]] = []
    for name, added in probes:
        says_the_same = any({name, other} in ONE_WISH for other, _ in kept)
        if not says_the_same and all(added.keys().isdisjoint(other) for _, other in kept):
            kept.append((name, added))
    return kept


def _joined(door: str, probes: list[tuple[str, Body]]) -> Body:
    return {**PLAIN[door], **{name: value for _, added in probes for name, value in added.items()}}


def _is_told(name: str, reported: tuple[str, ...]) -> bool:
    """Whether a parameter, or a part of it, is reported; an id that goes out as another is no loss."""
    lead = name.partition(".")[0]
    return any(one.partition(".")[0] == lead for one in reported if one not in REPLACED)


def _without(door: str, name: str, added: Body) -> Body:
    """The same request but for the field; the plain one where the name is that of a kind of content."""
    body, last = {**PLAIN[door], **added}, name.rpartition(".")[2]
    if last not in PLAIN[door] and f'"{last}":' in json.dumps(body):
        stripped: Body = json.loads(json.dumps(body), object_hook=lambda f: {k: v for k, v in f.items() if k != last})
        return stripped
    return PLAIN[door]
