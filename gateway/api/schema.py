"""The gateway's hot routes in the OpenAPI schema: Django does not know them (see `gateway/asgi.py`)."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

OBJECT: Schema = {"type": "object", "additionalProperties": True}
MODEL: Schema = {
    "type": "string",
    "description": "A routing group, a virtual model, or `provider/model` of the catalog.",
}
MESSAGES: Schema = {"type": "array", "minItems": 1, "items": {**OBJECT, "required": ["role"]}}
CHAT: Schema = {
    **OBJECT,
    "required": ["model", "messages"],
    "properties": {"model": MODEL, "messages": MESSAGES, "stream": {"type": "boolean"}},
}
EMBEDDINGS: Schema = {
    **OBJECT,
    "required": ["model", "input"],
    "properties": {"model": MODEL, "input": {"oneOf": [{"type": "string"}, {"type": "array", "items": {}}]}},
}
RESPONSES: Schema = {
    **OBJECT,
    "required": ["model", "input"],
    "properties": {
        "model": MODEL,
        "input": {"oneOf": [{"type": "string"}, {"type": "array", "items": OBJECT}]},
        "max_output_tokens": {"type": "integer", "minimum": 1},
        "stream": {"type": "boolean"},
    },
}
ANTHROPIC_MESSAGES: Schema = {
    **OBJECT,
    "required": ["model", "messages", "max_tokens"],
    "properties": {
        "model": MODEL,
        "messages": MESSAGES,
        "max_tokens": {"type": "integer", "minimum": 1},
        "stream": {"type": "boolean"},
    },
}
TEXTS: Schema = {"oneOf": [{"type": "string"}, {"type": "array", "items": {}}]}
COMPLETIONS: Schema = {
    **OBJECT,
    "required": ["model", "prompt"],
    "properties": {"model": MODEL, "prompt": TEXTS, "stream": {"type": "boolean"}},
}
IMAGES: Schema = {
    **OBJECT,
    "required": ["model", "prompt"],
    "properties": {
        "model": MODEL,
        "prompt": {"type": "string"},
        "n": {"type": "integer", "minimum": 1},
        "stream": {"type": "boolean"},
    },
}
SPEECH: Schema = {
    **OBJECT,
    "required": ["model", "input"],
    "properties": {
        "model": MODEL,
        "input": {"type": "string"},
        "voice": {},
        "stream_format": {"type": "string", "enum": ["audio", "sse"]},
    },
}
TRANSCRIPTION: Schema = {
    **OBJECT,
    "required": ["file", "model"],
    "properties": {
        "file": {"type": "string", "format": "binary"},
        "model": MODEL,
        "response_format": {"type": "string", "description": "json, text, srt, vtt or verbose_json."},
        "stream": {"type": "boolean"},
    },
}
RERANK: Schema = {
    **OBJECT,
    "required": ["model", "query", "documents"],
    "properties": {
        "model": MODEL,
        "query": {"type": "string"},
        "documents": {"type": "array", "minItems": 1, "items": {}},
        "top_n": {"type": "integer", "minimum": 1},
    },
}
ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": "string", "nullable": True},
                "code": {"type": "string", "nullable": True},
            },
        }
    },
}
ANTHROPIC_ERROR: Schema = {
    "type": "object",
    "required": ["type", "error", "request_id"],
    "properties": {
        "type": {"type": "string", "enum": ["error"]},
        "error": {
            "type": "object",
            "required": ["type", "message"],
            "properties": {"type": {"type": "string"}, "message": {"type": "string"}},
        },
        "request_id": {"type": "string"},
    },
}
# Where a key is asked for.
OF_KEYS = {
    "401": "No key, or a wrong one.",
    "403": "This key may not do this.",
    "429": "Too many wrong keys came from this address; see Retry-After.",
    "503": "No configuration is loaded yet, or the database is away; see Retry-After.",
}
ERRORS = {
    **OF_KEYS,
    "400": "The request cannot be routed as it is, or every upstream refuses it.",
    "402": "The account that pays for this key is out of credits.",
    "403": "This key may not call this model or group.",
    "404": "No such model.",
    "408": "The body did not arrive within BODY_DEADLINE_S.",
    "413": "The body is too large.",
    "415": "The body is packed in a way that is not read.",
    "422": "Every upstream refuses the request.",
    "429": "Rate limited, too many wrong keys, or everything is cooling down; see Retry-After.",
    "502": "The upstream failed.",
    "503": "The upstream, the group or this server is unavailable; see Retry-After.",
    "504": "The upstream, or the whole request, took too long.",
}


def add_gateway(result: Schema, generator: Any, request: Any, public: bool) -> Schema:
    """drf-spectacular's postprocessing hook."""
    result["paths"] = dict(sorted({**result["paths"], **PATHS}.items()))
    return result


def _operation(
    name: str, summary: str, *, body: Schema | None = None, is_open: bool = False, error: Schema = ERROR
) -> Schema:
    errors: dict[str, str] = {} if is_open else OF_KEYS if body is None else dict(sorted(ERRORS.items()))
    answers = {"200": _content("Done.", OBJECT)} | {status: _content(why, error) for status, why in errors.items()}
    operation: Schema = {"operationId": name, "summary": summary, "tags": ["gateway"], "responses": answers}
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return operation if is_open else {**operation, "security": [{"bearer": []}]}


def _form_operation(name: str, summary: str) -> Schema:
    operation = _operation(name, summary, body=TRANSCRIPTION)
    operation["requestBody"]["content"] = {"multipart/form-data": {"schema": TRANSCRIPTION}}
    return operation


def _model_operation() -> Schema:
    operation = _operation("model", "One of them; its name may have slashes.")
    operation["parameters"] = [{"name": "model", "in": "path", "required": True, "schema": {"type": "string"}}]
    operation["responses"]["404"] = _content(ERRORS["404"], ERROR)
    return operation


def _metrics_operation() -> Schema:
    operation = _operation("metrics", "Prometheus' text; with a key that may read, or METRICS_KEY.")
    operation["responses"]["200"] = {"description": "Done.", "content": {"text/plain": {"schema": {"type": "string"}}}}
    operation["responses"]["503"] = _content("The folder of the metrics can't be written or read.", ERROR)
    return operation


def _of_stored(name: str, summary: str) -> Schema:
    operation = _operation(name, summary)
    operation["parameters"] = [{"name": "response_id", "in": "path", "required": True, "schema": {"type": "string"}}]
    unknown = "No such response, or another key's."
    more = {"404": unknown, "503": DATABASE_AWAY} | {status: ERRORS[status] for status in ("400", "502", "504")}
    operation["responses"] |= {status: _content(why, ERROR) for status, why in more.items()}
    return operation


def _content(description: str, schema: Schema) -> Schema:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


DATABASE_AWAY = "Nobody knows who owns it, because the database is away; see Retry-After."
STORED: Schema = {
    "/v1/responses/{response_id}": {
        "get": _of_stored("response", "A stored response, for the key that made it."),
        "delete": _of_stored("response_delete", "Deletes a stored response at its provider."),
    },
    "/v1/responses/{response_id}/cancel": {"post": _of_stored("response_cancel", "Cancels a response that goes on.")},
    "/v1/responses/{response_id}/input_items": {
        "get": _of_stored("response_input_items", "What a stored response was made of.")
    },
}
PATHS: Schema = {
    **STORED,
    "/v1/chat/completions": {
        "post": _operation(
            "chat_completions", "OpenAI's chat completions; `stream` gives server-sent events.", body=CHAT
        )
    },
    "/v1/responses": {
        "post": _operation("responses", "OpenAI's Responses; `stream` gives server-sent events.", body=RESPONSES)
    },
    "/v1/messages": {
        "post": _operation(
            "messages",
            "Anthropic's Messages; `stream` gives server-sent events. Errors have Anthropic's shape.",
            body=ANTHROPIC_MESSAGES,
            error=ANTHROPIC_ERROR,
        )
    },
    "/v1/embeddings": {"post": _operation("embeddings", "OpenAI's embeddings.", body=EMBEDDINGS)},
    "/v1/completions": {
        "post": _operation("completions", "OpenAI's completions; `stream` gives server-sent events.", body=COMPLETIONS)
    },
    "/v1/moderations": {"post": _operation("moderations", "OpenAI's moderations.", body=EMBEDDINGS)},
    "/v1/rerank": {
        "post": _operation("rerank", "Documents by their relevance, as Cohere, Jina and vLLM rank them.", body=RERANK)
    },
    "/v1/images/generations": {
        "post": _operation("images", "OpenAI's image generation; `stream` gives server-sent events.", body=IMAGES)
    },
    "/v1/audio/speech": {
        "post": _operation("speech", "OpenAI's speech: the answer is audio, as it is made.", body=SPEECH)
    },
    "/v1/audio/transcriptions": {
        "post": _form_operation("transcriptions", "OpenAI's transcriptions; `stream` gives server-sent events.")
    },
    "/v1/audio/translations": {"post": _form_operation("translations", "The same, translated into English.")},
    "/v2/rerank": {"post": _operation("rerank_v2", "The same, for Cohere's clients.", body=RERANK)},
    "/v1/messages/count_tokens": {
        "post": _operation(
            "count_tokens",
            "The input tokens of a request to `/v1/messages`, estimated; free of charge and of limits.",
            body={**ANTHROPIC_MESSAGES, "required": ["model", "messages"]},
            error=ANTHROPIC_ERROR,
        )
    },
    "/v1/models": {"get": _operation("models", "What this key can call, with limits and prices.")},
    "/v1/models/{model}": {"get": _model_operation()},
    "/livez": {"get": _operation("livez", "The process lives.", is_open=True)},
    "/healthz": {"get": _operation("healthz", "The same as `/livez`.", is_open=True)},
    "/readyz": {"get": _operation("readyz", "Requests are served; for load balancers.", is_open=True)},
    "/metrics": {"get": _metrics_operation()},
    "/readyz/console": {"get": _operation("readyz_console", "Pages and the REST API work too.", is_open=True)},
}
for path in ("/readyz", "/readyz/console"):
    PATHS[path]["get"]["responses"]["503"] = _content("Not ready; `failing` says why.", OBJECT)
