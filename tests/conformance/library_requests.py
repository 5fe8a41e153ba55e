"""Requests of the small doors as real libraries write them, and values of their parameters by the libraries' types."""

from __future__ import annotations

import types
from collections.abc import Iterable, Sequence
from typing import Any, Literal, Required, Union, get_args, get_origin

import httpx
from hypothesis import strategies as st
from litellm.types.rerank import RerankRequest
from openai import OpenAI
from openai.types import completion_create_params, embedding_create_params, image_generate_params
from openai.types.audio import speech_create_params, transcription_create_params, translation_create_params
from openai.types.moderation_create_params import ModerationCreateParams
from typing_extensions import get_type_hints, is_typeddict

Body = dict[str, Any]
Asked = tuple[str, bytes]
UNIONS: tuple[Any, ...] = (Union, types.UnionType)
LITERAL: Any = Literal
REQUIRED: Any = Required
LISTS = (list, Sequence, Iterable)
TEXT = st.text("abcdefgh", min_size=1, max_size=8)
SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: st.integers(1, 9),
    float: st.floats(0.1, 0.9),
    bool: st.booleans(),
    dict: st.dictionaries(TEXT, TEXT, min_size=1, max_size=2),
}
FILE = ("a.mp3", b"\xff\xfbsound", "audio/mpeg")
# What each door has to be told, in the simplest words.
PLAIN: dict[str, Body] = {
    "completions": {"model": "g", "prompt": "ping"},
    "embeddings": {"model": "g", "input": "ping"},
    "moderations": {"model": "g", "input": "ping"},
    "rerank": {"model": "g", "query": "ping", "documents": ["ping", "pong"]},
    "images/generations": {"model": "g", "prompt": "ping"},
    "audio/speech": {"model": "g", "input": "ping", "voice": "alloy"},
    "audio/transcriptions": {"model": "g", "file": FILE},
    "audio/translations": {"model": "g", "file": FILE},
}


def _types_of(kind: type, streaming: type | None = None) -> dict[str, Any]:
    """The types of the parameters; a stream is `True` in one of two types, and `False` in the other."""
    return get_type_hints(kind) | ({"stream": bool} if streaming and "stream" in streaming.__annotations__ else {})


TYPES: dict[str, dict[str, Any]] = {
    "completions": _types_of(
        completion_create_params.CompletionCreateParamsBase, completion_create_params.CompletionCreateParamsStreaming
    ),
    "embeddings": _types_of(embedding_create_params.EmbeddingCreateParams),
    "moderations": _types_of(ModerationCreateParams),
    "rerank": {name: field.annotation for name, field in RerankRequest.model_fields.items()},
    "images/generations": _types_of(
        image_generate_params.ImageGenerateParamsBase, image_generate_params.ImageGenerateParamsStreaming
    ),
    "audio/speech": _types_of(speech_create_params.SpeechCreateParams),
    "audio/transcriptions": _types_of(
        transcription_create_params.TranscriptionCreateParamsBase,
        transcription_create_params.TranscriptionCreateParamsStreaming,
    ),
    "audio/translations": _types_of(translation_create_params.TranslationCreateParams),
}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a type of a library that ask for something: null asks for nothing."""
    origin: Any = get_origin(kind)
    inner: Any = get_args(kind)
    if origin in UNIONS:
        return st.one_of(*(values(one) for one in inner if one is not type(None)))
    if origin is LITERAL:
        return st.sampled_from(inner)
    if origin in LISTS:
        return st.lists(values(inner[0]), min_size=1, max_size=2)
    if origin is dict:
        return st.dictionaries(values(inner[0]), values(inner[1]), min_size=1, max_size=2)
    if is_typeddict(kind):
        named = get_type_hints(kind, include_extras=True).items()
        required = {name: values(get_args(hint)[0]) for name, hint in named if get_origin(hint) is REQUIRED}
        rest = {name: values(hint) for name, hint in named if name not in required}
        return st.fixed_dictionaries(required, optional=rest)
    return SCALARS[kind]


def written(door: str, body: Body) -> Asked:
    """The Content-Type and the bytes of a request, as the library of the door writes them."""
    if door == "rerank":
        return "application/json", RerankRequest(**body).model_dump_json(exclude_none=True).encode()
    seen: list[httpx.Request] = []
    with httpx.Client(transport=httpx.MockTransport(lambda asked: _noted(seen, asked))) as http:
        client = OpenAI(api_key="key-of-a-test", base_url="https://llm.example.com/v1", http_client=http)
        _methods(client)[door](**body)
    [asked] = seen
    return asked.headers["content-type"], asked.content


def _noted(seen: list[httpx.Request], asked: httpx.Request) -> httpx.Response:
    asked.read()
    seen.append(asked)
    return httpx.Response(200, json={})


def _methods(client: OpenAI) -> dict[str, Any]:
    return {
        "completions": client.completions.with_raw_response.create,
        "embeddings": client.embeddings.with_raw_response.create,
        "moderations": client.moderations.with_raw_response.create,
        "images/generations": client.images.with_raw_response.generate,
        "audio/speech": client.audio.speech.with_raw_response.create,
        "audio/transcriptions": client.audio.transcriptions.with_raw_response.create,
        "audio/translations": client.audio.translations.with_raw_response.create,
    }
