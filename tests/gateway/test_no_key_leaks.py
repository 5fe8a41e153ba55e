"""Recognisable keys go in through every door of a real server, and must not appear anywhere."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from providers.secrets import SHOWN
from tests.fakes import Exchange, Ok, ScriptedUpstream, Status
from tests.forks import run_python
from tests.servers import MASTER_KEY, Console, console

pytestmark = pytest.mark.once  # on SQLite, whose files are read for keys, too
# One that no pattern recognises, as many vendors' are, and one that looks like a key.
PLAIN, SK = "planted9f8e7d6c5b4a39281706f5e4d3c2", "sk-planted-1a2b3c4d5e6f70819202a3b4"
AWS_ID, AWS_SECRET = "AKIAPLANTEDQ7W8E9R0T", "plantedAwsSecret0p9o8i7u6y5t4r3e2w1q"
OWN, OWN_SK = "plantedOwn5t4r3e2w1q0p9o8i7u6y5t", "sk-planted-own-9z8y7x6w5v4u3t2s1r0q"
HI = {"messages": [{"role": "user", "content": "hi"}]}


@dataclass(frozen=True)
class Repeats:
    """An error that repeats the key it was given, and one that was not."""

    code: int

    async def play(self, exchange: Exchange) -> None:
        given = exchange.headers.get("x-api-key") or exchange.headers.get("authorization", "").removeprefix("Bearer ")
        message = f"Incorrect API key provided: {given}, or {SK}. You can find your key in your account."
        await Status(self.code, message=message).play(exchange)


@dataclass
class Stage:
    """A server that was given keys, everything it said, and where else to look."""

    console: Console
    upstream: ScriptedUpstream
    downstream_key: str = ""
    said: list[tuple[str, str]] = field(default_factory=list)

    def send(self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, key: str = MASTER_KEY) -> Any:
        """One request; keeps what came back, and gives it as JSON where it is."""
        content = raw if raw is not None else None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        answer = httpx.request(method, self.console.url + path, content=content, headers=headers, timeout=60)
        self.said.append((f"{method} {path} {answer.status_code}", f"{answer.headers} {answer.text}"))
        assert answer.status_code != 500, answer.text
        return answer.json() if "json" in answer.headers.get("content-type", "") else answer.text

    @property
    def needles(self) -> list[str]:
        """The keys without what their hints may show."""
        keys = (PLAIN, SK, AWS_ID, AWS_SECRET, OWN, OWN_SK, self.downstream_key)
        return [key.removeprefix("sk-rc-").removeprefix("sk-")[:-SHOWN] for key in keys]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("leaks")
    with ScriptedUpstream() as upstream, console(folder, LOG_LEVEL="DEBUG") as ours:
        stage = Stage(ours, upstream)
        _plant_downstream(stage)
        providers = _plant_in_providers(stage)
        _plant_in_refusals(stage, providers)
        _plant_own_keys(stage)
        _let_the_upstream_repeat_them(stage, providers)
        _read_everything(stage)
        _walk_the_pages(stage)
        yield stage


def _manage(stage: Stage, *arguments: str) -> str:
    return run_python(["manage.py", *arguments], stage.console.env)


def _plant_downstream(stage: Stage) -> None:
    _manage(stage, "create_user", "olga", "--role", "operator")
    stage.downstream_key = _manage(stage, "create_api_key", "--owner", "olga").splitlines()[-1]
    stage.send("GET", "/v1/models", key=stage.downstream_key)
    stage.send("POST", "/v1/chat/completions", {"model": "nobody", **HI}, key=stage.downstream_key)
    stage.send("DELETE", "/api/v1/llm/providers/x", key=stage.downstream_key)
    stage.send("GET", "/v1/models", key=stage.downstream_key + "x")
    stage.send("GET", "/api/v1/llm/providers", key=stage.downstream_key[:-1])


def _plant_in_providers(stage: Stage) -> dict[str, str]:
    """Providers with keys, one of them rotated; their ids."""
    url = "/api/v1/llm/providers"
    custom = {"name": "Ours", "type": "custom", "api_base": stage.upstream.url, "apiKey": SK, "models": ["m"]}
    ours = stage.send("POST", url, custom)["provider"]["id"]
    stage.send("PATCH", f"{url}/{ours}", {"api_key": PLAIN})
    pair = {"aws_access_key_id": AWS_ID, "aws_secret_access_key": AWS_SECRET}
    aws = {"type": "aws", "settings": {"aws_region_name": "eu-central-1"}, "credentials": pair}
    bedrock = stage.send("POST", url, aws)["provider"]["id"]
    foreign = {"type": "anthropic", "api_key": PLAIN, "api_base": stage.upstream.url, "models": ["claude-sonnet-4-5"]}
    anthropic = stage.send("POST", url, foreign)["provider"]["id"]
    gone = stage.send("POST", url, {"type": "openai", "api_key": SK})["provider"]["id"]
    stage.send("DELETE", f"{url}/{gone}")
    return {"ours": ours, "bedrock": bedrock, "anthropic": anthropic}


REFUSED: list[Any] = [
    {"type": "openai", "api_key": [PLAIN]},
    {"type": "openai", "api_key": {"key": PLAIN}},
    {"type": "openai", "api_key": PLAIN, "apiKey": SK},
    {"type": "openai", "api_key": f"{PLAIN}\n{SK}"},
    {"type": "openai", "api_key": f"{PLAIN}é"},
    {"type": "openai", "api_key": PLAIN, "priority": 0},
    {"type": "openai", "api_key": PLAIN, "name": "a/b"},
    {"type": "openai", "api_key": PLAIN, "enabled": PLAIN},
    {"type": "openai", "api_key": PLAIN, "priority": PLAIN},
    {"type": "openai", "api_key": PLAIN, "models": PLAIN},
    {"type": "openai", "apikeyy": PLAIN},
    {"type": "openai", "credentials": {"aws_secret_access_key": AWS_SECRET}},
    {"type": "aws", "credentials": {"aws_secret_access_key": AWS_SECRET}, "settings": {"aws_region_name": "x"}},
    {"type": "aws", "credentials": {"aws_secret_access_key": [AWS_SECRET]}},
    {"type": "aws", "credentials": AWS_SECRET},
    {"type": PLAIN, "api_key": PLAIN},
    {"type": "custom", "api_base": f"https://me:{PLAIN}@example.com/v1"},
    {"type": "custom", "api_base": f"https://example.com/v1?key={PLAIN}"},
    {"type": "custom", "api_base": PLAIN, "api_key": PLAIN},
    [PLAIN],
    PLAIN,
]


def _plant_in_refusals(stage: Stage, providers: dict[str, str]) -> None:
    for body in REFUSED:
        stage.send("POST", "/api/v1/llm/providers", body)
        stage.send("PATCH", f"/api/v1/llm/providers/{providers['ours']}", body)
        renamed = (
            {"provider" if name == "type" else name: value for name, value in body.items()}
            if isinstance(body, dict)
            else body
        )
        stage.send("POST", "/api/v1/llm/test", renamed)
    broken = f'{{"type": "openai", "api_key": "{PLAIN}"'.encode()
    for raw in (broken, broken + b"\xff}", PLAIN.encode(), broken + b', "x": 1e999}'):
        stage.send("POST", "/api/v1/llm/providers", raw=raw)
        stage.send("PUT", f"/api/v1/llm/providers/{providers['ours']}", raw=raw)


OWN_REFUSED: list[Any] = [
    {"provider": "Ours", "api_key": [OWN]},
    {"provider": "Ours", "api_key": f"{OWN}\n{OWN_SK}"},
    {"provider": "Ours", "api_key": f"{OWN}é"},
    {"provider": "Ours", "api_key": OWN, "apiKey": OWN_SK},
    {"provider": "Ours", "api_key": OWN, "may_fall_back": OWN},
    {"provider": OWN, "api_key": OWN},
    {"provider": [OWN_SK], "api_key": OWN},
    {"provider": "Ours", "apikeyy": OWN},
    [OWN],
]


def _plant_own_keys(stage: Stage) -> None:
    """Olga brings a key for one provider and another for the other; one was replaced."""
    url = "/api/v1/llm/users/me/byok"
    mine: dict[str, Any] = {"key": stage.downstream_key}
    for body in OWN_REFUSED:
        stage.send("POST", url, body, **mine)
        stage.send("PATCH", url, body, **mine)
        stage.send("DELETE", url, body, **mine)
        stage.send("POST", f"{url}/test", body, **mine)
    stage.send("POST", url, {"provider": "Ours", "api_key": OWN_SK}, **mine)
    stage.send("POST", url, {"provider": "Ours", "api_key": OWN, "may_fall_back": True}, **mine)
    stage.send("POST", url, {"provider": "anthropic", "api_key": OWN_SK}, **mine)
    stage.send("POST", f"{url}/test", {"provider": "Ours"}, **mine)
    for path in (url, "/api/v1/llm/users/olga/byok", "/api/v1/llm/byok"):
        stage.send("GET", path)
        stage.send("GET", path, **mine)


def _let_the_upstream_repeat_them(stage: Stage, providers: dict[str, str]) -> None:
    """The upstream answers as some do: with the key it refuses, the console's or olga's own."""
    models = [model["id"] for model in stage.send("GET", "/api/v1/llm/models")["models"]]
    for number, model in enumerate(models):
        deployments = [{"model_id": model, "priority": 1}]
        group = {
            "routing_group_name": f"g{number}",
            "routing_strategy": "priority-failover",
            "deployments": deployments,
        }
        stage.console.call("POST", "/v1/routing_group", group)
    for usual in (Repeats(401), Repeats(500), Repeats(400)):
        stage.upstream.usual = usual
        for provider in providers.values():
            stage.send("POST", f"/api/v1/llm/providers/{provider}/test")
            stage.send("POST", f"/api/v1/llm/providers/{provider}/discover")
        for kind in ("custom", "anthropic", "openai"):
            stage.send("POST", "/api/v1/llm/test", {"provider": kind, "api_key": PLAIN, "api_base": stage.upstream.url})
        for own in ("Ours", "anthropic"):
            stage.send("POST", "/api/v1/llm/users/me/byok/test", {"provider": own}, key=stage.downstream_key)
        for group in stage.send("GET", "/v1/routing_group")["routing_groups"]:
            stage.send("POST", f"/v1/routing_group/{group['routing_group_id']}/test", {})
            for is_stream in (False, True):
                body = {"model": group["routing_group_name"], "stream": is_stream, **HI}
                stage.send("POST", "/v1/chat/completions", body, key=stage.downstream_key)
    stage.upstream.usual = Ok()


def _read_everything(stage: Stage) -> None:
    for path in (
        *("/api/v1/llm/providers", "/api/v1/llm/models", "/api/v1/llm/catalog/updates", "/api/v1/llm/cooldowns"),
        *("/v1/routing_group", "/v1/routing_group/export?format=json", "/v1/routing_group/export?format=litellm"),
        *("/v1/models", "/api/schema?format=json", "/readyz", "/readyz/console"),
    ):
        stage.send("GET", path)
    for text in [text for _, text in stage.said]:
        for call_id in re.findall(r"x-litellm-call-id': '([\w-]+)'", text):
            stage.send("GET", f"/v1/requests/{call_id}/attempts")


def _walk_the_pages(stage: Stage) -> None:
    """Signs in as admin and follows every link there is."""
    with httpx.Client(base_url=stage.console.url, follow_redirects=True, timeout=60) as browser:
        browser.get("/sign-in")
        form = {"username": "admin", "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        browser.post("/sign-in", data={**form, "password": stage.downstream_key})
        form["csrfmiddlewaretoken"] = browser.cookies["csrftoken"]
        assert browser.post("/sign-in", data={**form, "password": MASTER_KEY}).url.path != "/sign-in"
        _type_own_keys(stage, browser)
        seen, waiting = set[str](), ["/", "/account", "/byok", "/providers", "/admin/auditlog/logentry/"]
        while waiting and len(seen) < 150:
            path = waiting.pop(0)
            seen.add(path)
            answer = browser.get(path)
            stage.said.append((f"page {path} {answer.status_code}", answer.text))
            links = re.findall(r'(?:href|hx-get)="(/(?!static/)[^"#]*)', answer.text)
            waiting += [link for link in dict.fromkeys(links) if link not in seen and link not in waiting]
        assert len(seen) > 10


def _type_own_keys(stage: Stage, browser: httpx.Client) -> None:
    providers = stage.send("GET", "/api/v1/llm/providers")["providers"]
    form = {"csrfmiddlewaretoken": browser.cookies["csrftoken"], "provider": providers[0]["id"], "next": "/account"}
    for key in (f"{OWN}é", OWN_SK):
        answer = browser.post("/account/own-keys", data={**form, "api_key": key})
        stage.said.append((f"own key {answer.status_code}", answer.text))


def _in_responses(stage: Stage) -> dict[str, str]:
    return dict(stage.said)


def _in_the_log(stage: Stage) -> dict[str, str]:
    return {"log": stage.console.log.read_text()}


def _in_the_database(stage: Stage) -> dict[str, str]:
    dumped = _manage(stage, "dumpdata", "--all")
    files = stage.console.log.parent.glob("console.sqlite3*")
    return {"rows": dumped, **{file.name: file.read_bytes().decode("latin-1") for file in files}}


def _in_other_files(stage: Stage) -> dict[str, str]:
    files = (file for file in stage.console.log.parent.rglob("*") if file.is_file())
    return {file.name: file.read_bytes().decode("latin-1") for file in files}


@pytest.mark.parametrize("places", [_in_responses, _in_the_log, _in_the_database, _in_other_files])
def test_no_key_is_to_be_found(stage: Stage, places: Callable[[Stage], dict[str, str]]):
    found = places(stage)
    assert sum(map(len, found.values())) > 1000
    leaks = {f"{key[:8]}… in {name}" for name, text in found.items() for key in stage.needles if key in text}
    assert not leaks


def test_the_keys_did_arrive_where_they_belong(stage: Stage):
    sent = {exchange.headers.get("authorization", "") for exchange in stage.upstream.seen}
    sent |= {exchange.headers.get("x-api-key", "") for exchange in stage.upstream.seen}
    assert {f"Bearer {PLAIN}", PLAIN, f"Bearer {OWN}", OWN_SK} <= sent


def test_what_the_upstream_said_is_shown_but_for_the_key(stage: Stage):
    repeated = [where for where, text in stage.said if "Incorrect API key provided: ****" in text]
    assert {where.split("/")[1] for where in repeated} >= {"api", "v1"}


def test_every_change_is_on_record(stage: Stage):
    entries = json.loads(_manage(stage, "dumpdata", "auditlog.logentry"))
    changes = [entry["fields"]["changes"] for entry in entries]
    assert {"api_key": ["set", "replaced"]} in [json.loads(c) if isinstance(c, str) else c for c in changes]
