"""What LiteLLM's proxy, Portkey's gateway and this console answer at each door, before an upstream of chat alone.

    python -m bench.doors --litellm .venv-litellm/bin/litellm

Prints one line a question. It asks; it does not judge.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from bench import peers
from bench.processes import free_port, running
from tests.clients.speech import Turn, of
from tests.fakes import Behaviour, CutStream, Exchange, ScriptedUpstream, Status, TruncatedStream
from tests.servers import MASTER_KEY, console

HI = [{"role": "user", "content": "Hello"}]
CHAT, MESSAGES = {"messages": HI}, {"messages": HI, "max_tokens": 20}
ORIGIN = "https://app.example.com"
ALONE: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("chat", "/v1/chat/completions", CHAT),
    ("chat, streamed", "/v1/chat/completions", {**CHAT, "stream": True}),
    ("responses", "/v1/responses", {"input": "Hello"}),
    ("responses, streamed", "/v1/responses", {"input": "Hello", "stream": True}),
    ("messages", "/v1/messages", MESSAGES),
    ("messages, streamed", "/v1/messages", {**MESSAGES, "stream": True}),
    ("count_tokens", "/v1/messages/count_tokens", CHAT),
    ("unknown path", "/v1/nonsense", CHAT),
)
# What the first of two upstreams does, each an upstream of its own so that no question is answered by a cooldown.
FIRSTS: tuple[tuple[str, Behaviour, bool], ...] = (
    ("503 at the first of two", Status(503), False),
    ("400 at the first of two", Status(400), False),
    ("429 at the first of two", Status(429), False),
    ("stream cut before any content", CutStream(0), True),
    ("stream cut after two chunks", CutStream(2), True),
    ("stream ended without its end", TruncatedStream(2), True),
)


class ChatAlone:
    """An upstream that knows `/chat/completions` and no other path."""

    async def play(self, exchange: Exchange) -> None:
        if not exchange.path.endswith("/chat/completions"):
            await exchange.answer(404, {"error": {"message": "no such path", "type": "invalid_request_error"}})
            return
        speech, turn = of(exchange.path), Turn("Hello there", None)
        if not exchange.is_stream:
            await exchange.answer(200, speech.whole(exchange.body, turn))
            return
        exchange.start_stream()
        for event in speech.events(exchange.body, turn):
            await exchange.event(event.decode().removeprefix("data: ").strip())
        await exchange.end_stream()


@dataclass(frozen=True)
class Gateway:
    """Where to ask: `door` has the headers for one upstream, `pairs` those for two where the second one comes after."""

    name: str
    base: str
    door: dict[str, str]
    pairs: list[dict[str, str]]


@contextmanager
def litellm(folder: Path, firsts: list[str], second: str, executable: str) -> Iterator[Gateway]:
    """LiteLLM's proxy without a database. Each pair falls back to `one`; `door` is of the type that it bridges."""
    port, key = free_port(), "sk-of-the-doors"
    pairs = [(f"pair-{number}", base) for number, base in enumerate(firsts)]
    models = [_litellm_row("door", "custom_openai/gpt-4o", second), _litellm_row("one", "openai/gpt-4o", second)]
    models += [_litellm_row(name, "openai/gpt-4o", base) for name, base in pairs]
    settings = {"num_retries": 0, "fallbacks": [{name: ["one"]} for name, _ in pairs]}
    config = {"model_list": models, "general_settings": {"master_key": key}, "router_settings": settings}
    (folder / "litellm.yaml").write_text(json.dumps(config))
    command = [executable, "--config", str(folder / "litellm.yaml"), "--host", "127.0.0.1", "--port", str(port)]
    env = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION"}
    url = f"http://127.0.0.1:{port}"
    with running(command, ready=f"{url}/health/liveliness", log=folder / "litellm.log", env=env, deadline_s=300):
        yield _gateway("LiteLLM", url, key, firsts)


def _litellm_row(name: str, model: str, base: str) -> dict[str, Any]:
    return {"model_name": name, "litellm_params": {"model": model, "api_base": base, "api_key": "sk-x"}}


@contextmanager
def portkey(folder: Path, firsts: list[str], second: str) -> Iterator[Gateway | None]:
    """Portkey's gateway: each request says where it goes."""
    with peers.portkey(folder, second) as found:
        if not found:
            yield None
            return
        one = {"x-portkey-provider": "openai", "x-portkey-custom-host": second, "authorization": "Bearer sk-x"}
        pairs = [{"x-portkey-config": json.dumps(_fallback(first, second))} for first in firsts]
        yield Gateway("Portkey", f"http://127.0.0.1:{found.port}", one, pairs)


def _fallback(first: str, second: str) -> dict[str, Any]:
    targets = [{"provider": "openai", "custom_host": base, "api_key": "sk-x"} for base in (first, second)]
    return {"strategy": {"mode": "fallback"}, "targets": targets}


@contextmanager
def ours(folder: Path, firsts: list[str], second: str) -> Iterator[Gateway]:
    """This console: each pair has its two deployments in order, without retries."""
    with console(folder, CORS_ORIGINS=ORIGIN) as server:
        last = server.add_model(provider="last", api_base=second)
        server.add_group("door", [last])
        for number, base in enumerate(firsts):
            models = [server.add_model(provider=f"first {number}", api_base=base), last]
            server.add_group(f"pair-{number}", models, retry_config={"num_retries": 0})
        yield _gateway("Routing Console", server.url, MASTER_KEY, firsts)


def _gateway(name: str, url: str, key: str, firsts: list[str]) -> Gateway:
    head = {"authorization": f"Bearer {key}"}
    return Gateway(name, url, head | {"x-model": "door"}, [head | {"x-model": f"pair-{n}"} for n in range(len(firsts))])


def questions(gateway: Gateway) -> Iterator[tuple[str, str]]:
    """Each question with what came back."""
    for title, path, body in ALONE:
        yield title, _ask(gateway, path, body, gateway.door)
    for (title, _, is_stream), pair in zip(FIRSTS, gateway.pairs, strict=True):
        yield title, _ask(gateway, "/v1/chat/completions", {**CHAT, "stream": is_stream}, pair)
    yield "CORS preflight", _preflight(gateway)


def _ask(gateway: Gateway, path: str, body: dict[str, Any], headers: dict[str, str]) -> str:
    sent = {"model": headers.get("x-model", "gpt-4o"), **body}
    try:
        answer = httpx.post(gateway.base + path, json=sent, headers=headers, timeout=60)
    except httpx.HTTPError as error:
        return f"{type(error).__name__} in the client"
    kind = answer.headers.get("content-type", "").split(";")[0]
    if "stream" in kind and path.endswith("/chat/completions"):
        return f"{answer.status_code} {_heard(answer.text)}"
    text = " ".join(answer.text.split())
    return f"{answer.status_code} {kind} {text if len(text) < 700 else text[:350] + ' … ' + text[-350:]}"


def _heard(stream: str) -> str:
    """The text of a stream, its finish reasons and errors, and whether it ended with [DONE]."""
    lines = [line.removeprefix("data: ") for line in stream.splitlines() if line.startswith("data: {")]
    told = [json.loads(line) for line in lines]
    choices = [choice for one in told for choice in one.get("choices", ())]
    text = "".join((choice.get("delta") or {}).get("content") or "" for choice in choices)
    reasons = [choice["finish_reason"] for choice in choices if choice.get("finish_reason")]
    errors = [one["error"] for one in told if "error" in one]
    return f"text {text!r}, finish {reasons}, errors {errors}, done {'[DONE]' in stream}"


def _preflight(gateway: Gateway) -> str:
    asked = {"origin": ORIGIN, "access-control-request-method": "POST"}
    asked["access-control-request-headers"] = "authorization,content-type"
    answer = httpx.options(f"{gateway.base}/v1/chat/completions", headers=asked, timeout=60)
    told = {name: value for name, value in answer.headers.items() if name.startswith("access-control")}
    return f"{answer.status_code} {told}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--litellm", default=".venv-litellm/bin/litellm", help="the executable of LiteLLM's proxy")
    options = parser.parse_args()
    os.environ.pop("DATABASE_URL", None)  # LiteLLM takes it for its own
    with tempfile.TemporaryDirectory() as name, ExitStack() as started:
        folder = Path(name)
        second = started.enter_context(ScriptedUpstream(ChatAlone())).url
        firsts = [started.enter_context(ScriptedUpstream(behaviour)).url for _, behaviour, _ in FIRSTS]
        for start in (ours, portkey, partial(litellm, executable=options.litellm)):
            with start(folder, firsts, second) as gateway:
                for question, answer in questions(gateway) if gateway else ():
                    print(f"{gateway.name} | {question} | {answer}", flush=True)


if __name__ == "__main__":
    main()
