"""What a path means to clients: OpenAI's, Anthropic's and Azure's have different addresses for the same call."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from django.urls import Resolver404, resolve

from engine.upstreams.call import TRANSCRIPTS, Endpoint

# Addresses of the three clients, and ours. Django's own routes are below `/v1/` too.
OPENAI, AZURE, AZURE_V1, DEPLOYMENTS = "/v1/", "/openai/", "/openai/v1/", "/openai/deployments/"


class Asks(Enum):
    """What a request is for."""

    ANSWER = "an answer of a model"
    COUNT = "a count of tokens"
    MODELS = "the list of models"
    MODEL = "one model of it"
    STORED = "a response that a provider keeps"
    HEALTH = "whether the process lives"
    READINESS = "whether it can serve"
    CONSOLE_READINESS = "whether pages and REST work too"
    METRICS = "what monitoring counts"
    NOTHING = "nothing that is here"


@dataclass(frozen=True, slots=True)
class Way:
    """A path's meaning. `model` is the one named in the path, `response_id` the response, `part` what is below it.

    `why` is for a path that leads nowhere.
    """

    asks: Asks
    endpoint: Endpoint = "chat/completions"
    model: str = ""
    why: str = ""
    response_id: str = ""
    part: str = ""

    @property
    def is_known(self) -> bool:
        """Whether it is a part of OpenAI's API that is not served."""
        return self.why in NOT_SERVED.values()

    @property
    def is_form(self) -> bool:
        """Whether its request is a form with a file."""
        return self.endpoint in TRANSCRIPTS

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that it answers; none for a path that leads nowhere."""
        if self.asks is Asks.NOTHING:
            return ()
        if self.asks is Asks.STORED:
            return PARTS[self.part]
        return ("POST",) if self.asks in (Asks.ANSWER, Asks.COUNT) else ("GET", "HEAD")


# What there is of a stored response, with the methods.
PARTS = {"": ("GET", "DELETE"), "cancel": ("POST",), "input_items": ("GET",)}
# OpenAI's names that stand where an id does.
NO_IDS = frozenset({"input_tokens", "compact"})
ENDPOINTS: tuple[Endpoint, ...] = (
    *("chat/completions", "responses", "messages"),
    *("embeddings", "completions", "moderations", "rerank", "images/generations", "audio/speech"),
    *TRANSCRIPTS,
)
CALLS: dict[str, Way] = {name: Way(Asks.ANSWER, name) for name in ENDPOINTS}
# `chat/completions` ends with the name of another.
BY_LENGTH = sorted(CALLS, key=len, reverse=True)
WAYS: dict[str, Way] = {
    **{OPENAI + name: way for name, way in CALLS.items()},
    "/v2/rerank": CALLS["rerank"],  # Cohere's clients
    "/v1/messages/count_tokens": Way(Asks.COUNT, "messages"),
    "/v1/models": Way(Asks.MODELS),
    "/livez": Way(Asks.HEALTH),
    "/healthz": Way(Asks.HEALTH),
    "/readyz": Way(Asks.READINESS),
    "/readyz/console": Way(Asks.CONSOLE_READINESS),
    "/metrics": Way(Asks.METRICS),
}
# Of OpenAI's API, with the reason; everything below them too.
NOT_SERVED = {
    "batches": "Batches are not served: send each request by itself.",
    "files": "Files are not served: put their content into the request.",
    "realtime": "Realtime sessions are not served: use chat completions with stream.",
    "messages/batches": "Batches are not served: send each request by itself.",
    "conversations": "Conversations are not served: go on from a response by its id, or send the whole conversation.",
    "vector_stores": "Vector stores are not served: search by a function tool of your own.",
    "containers": "Containers are not served: let the provider make one for each request.",
    "uploads": "Files are not served: put their content into the request.",
}


def way_of(path: str, method: str) -> Way | None:
    """The meaning of a path, with or without a slash at its end; None for those of Django."""
    return WAYS.get(path) or _rarer(path, method)


def _rarer(path: str, method: str) -> Way | None:
    path = path.rstrip("/")
    if (way := WAYS.get(path)) is not None:
        return way
    if path == OPENAI.rstrip("/") and method == "POST":
        return _nothing(method, path)
    if path.startswith("/v1/v1/"):  # a client that adds /v1 to an address that has it
        path = path.removeprefix("/v1")
    if path.startswith(DEPLOYMENTS):
        return _of_deployment(path.removeprefix(DEPLOYMENTS)) or _nothing(method, path)
    if path.startswith(AZURE):
        path = OPENAI + path.removeprefix(AZURE_V1 if path.startswith(AZURE_V1) else AZURE)
        return WAYS.get(path) or _one(path) or _nothing(method, path)
    if path.startswith(OPENAI):
        return WAYS.get(path) or _one(path) or (None if _is_django(path) else _nothing(method, path))
    if path.startswith("/responses/"):
        return _one_response("/v1" + path)
    # A base URL without /v1. `GET /models` is a page, and so may others be.
    if method not in ("POST", "OPTIONS"):
        return None
    return CALLS.get(path.removeprefix("/")) or (_nothing(method, f"/v1{path}") if _is_not_served(path) else None)


def not_served(method: str, path: str) -> Way:
    """The way of a path that leads nowhere."""
    for prefix in (AZURE_V1, AZURE, OPENAI):
        path = path.removeprefix(prefix)
    return _nothing(method, OPENAI + path.strip("/"))


def refuses_socket(path: str) -> bool:
    """Whether a websocket to this path is for an API that is not served: OpenAI's realtime sessions, or any other."""
    return path.startswith((OPENAI, AZURE)) or _is_not_served(path)


def _is_not_served(path: str) -> bool:
    return path.removeprefix("/").partition("/")[0] in NOT_SERVED


def _one(path: str) -> Way | None:
    return _one_model(path) or _one_response(path)


def _one_response(path: str) -> Way | None:
    """`/v1/responses/ID`, and what is below it."""
    response_id, slash, part = path.removeprefix("/v1/responses/").partition("/")
    if not path.startswith("/v1/responses/") or part not in PARTS or (slash and not part) or response_id in NO_IDS:
        return None
    return Way(Asks.STORED, "responses", response_id=response_id, part=part) if response_id else None


def _one_model(path: str) -> Way | None:
    """`/v1/models/NAME`; the name may have slashes."""
    name = path.removeprefix("/v1/models/")
    return Way(Asks.MODEL, model=name) if name != path and name else None


def _of_deployment(rest: str) -> Way | None:
    """Azure's `NAME/chat/completions`; the name may have slashes."""
    found = next((name for name in BY_LENGTH if rest.endswith("/" + name)), None)
    model = rest.removesuffix(f"/{found}")
    return replace(CALLS[found], model=model) if found and model else None


def _nothing(method: str, path: str) -> Way:
    rest = path.removeprefix(OPENAI)
    known = next((why for name, why in NOT_SERVED.items() if f"{rest}/".startswith(f"{name}/")), "")
    why = known or f"There is no {method} {path[:128]}. See /api/docs for what there is."
    return Way(Asks.NOTHING, why=why)


def _is_django(path: str) -> bool:
    try:
        resolve(path)
    except Resolver404:
        return False
    return True
