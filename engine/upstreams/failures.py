"""Upstream trouble -> LiteLLM's exceptions (which the router understands) -> words for people.

LiteLLM's own mapping decides the class, so that a direct connection cools down, retries and falls back
exactly like one through LiteLLM.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import httpx
import litellm
from litellm.llms.openai.common_utils import OpenAIError
from pydantic_core import from_json, to_json

from engine.redaction import redact
from engine.spec import DeploymentSpec

litellm.suppress_debug_info = True
MESSAGE_LIMIT = 500
BODY_LIMIT = 4096


class UpstreamConnectionError(litellm.InternalServerError):
    """No connection, or one that broke. To the router it is what LiteLLM makes of it: a server error."""


def from_response(deployment: DeploymentSpec, status: int, body: bytes, headers: Mapping[str, str]) -> Exception:
    """The exception for an HTTP answer that is an error; Retry-After travels in its `response`."""
    # Worded as the openai package does it, which is what LiteLLM looks for codes and types in.
    text = redact(f"Error code: {status} - {body[:BODY_LIMIT].decode('utf-8', 'replace')}")
    kept = {name.lower(): value for name, value in headers.items() if name.lower().startswith("retry-after")}
    mapped = _mapped(deployment, OpenAIError(status_code=status, message=text, headers=httpx.Headers(kept)))
    # Set on every class alike: LiteLLM loses the headers of some, and the router looks for them in `response`.
    request = httpx.Request("POST", "http://upstream.invalid/")
    mapped.response = httpx.Response(status, headers=kept, request=request)  # type: ignore[attr-defined]
    message = _message_in(body) or f"{deployment.provider} answered {status} without a message."
    mapped.upstream_message = redact(message)  # type: ignore[attr-defined]
    return mapped


def from_event(deployment: DeploymentSpec, error: object) -> Exception:
    """The exception for an error object that came as an event of a stream."""
    fields = error if isinstance(error, dict) else {"message": str(error)}
    code = str(fields.get("code") or fields.get("status"))
    status = int(code) if code.isdecimal() and 400 <= int(code) < 600 else 500
    return from_response(deployment, status, to_json({"error": fields}), {})


def unreachable(deployment: DeploymentSpec, why: str) -> Exception:
    """The connection failed or broke."""
    return UpstreamConnectionError(
        message=f"{deployment.provider}: {redact(why)}", llm_provider=deployment.provider, model=deployment.name
    )


def invalid(deployment: DeploymentSpec, why: str) -> Exception:
    """The upstream answered something that is not the OpenAI protocol."""
    return litellm.BadGatewayError(  # type: ignore[no-any-return]
        message=f"{deployment.provider} {why}", llm_provider=deployment.provider, model=deployment.name
    )


def timed_out(deployment: DeploymentSpec, what: str, after_s: float) -> Exception:
    """One of the group's time limits ran out."""
    return litellm.Timeout(  # type: ignore[no-any-return]
        message=f"{deployment.provider}: {what} after {after_s:g} s.",
        model=deployment.name,
        llm_provider=deployment.provider,
    )


def unusable(deployment: DeploymentSpec) -> Exception:
    """The deployment has a problem of our own making, such as a key that cannot be decrypted: nobody was asked."""
    error: Exception = litellm.AuthenticationError(
        message=str(deployment.problem), llm_provider=deployment.provider, model=deployment.name
    )
    error.is_unusable = True  # type: ignore[attr-defined]
    # LiteLLM appends to the message of an error, and not to this.
    error.upstream_message = deployment.problem  # type: ignore[attr-defined]
    return error


def message_of(error: BaseException) -> str:
    """What to show of an error: LiteLLM's prefixes and anything like a key taken out, at most 500 characters."""
    text = str(getattr(error, "upstream_message", None) or getattr(error, "message", None) or error)[:BODY_LIMIT]
    while (shorter := re.sub(r"^(litellm\.)?\w*(Error|Exception|Timeout)\s*[:-]\s*", "", text)) != text:
        text = shorter
    return redact(text)[:MESSAGE_LIMIT]


def hide_secrets(error: BaseException, deployment: DeploymentSpec) -> None:
    """Takes the deployment's own secrets out of an error: an upstream may repeat the key it refuses."""
    for secret in deployment.secrets:
        error.args = tuple(redact(arg, secret=secret) if isinstance(arg, str) else arg for arg in error.args)
        for name in ("message", "upstream_message"):
            if isinstance(text := getattr(error, name, None), str):
                setattr(error, name, redact(text, secret=secret))


def status_of(error: BaseException) -> int | None:
    """The HTTP status an error stands for."""
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def retry_after_s(error: BaseException) -> float | None:
    """Seconds of the upstream's Retry-After, if it sent a number."""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    try:
        return max(0.0, float(headers.get("retry-after", "")))
    except ValueError:
        return None


def _mapped(deployment: DeploymentSpec, error: Exception) -> Exception:
    try:
        litellm.exception_type(model=deployment.upstream_model, original_exception=error, custom_llm_provider="openai")
    except Exception as mapped:
        return mapped
    return error


def _message_in(body: bytes) -> str | None:
    try:
        content = from_json(body)
    except ValueError:
        return body[:200].decode("utf-8", "replace").strip() or None
    error = content.get("error", content.get("detail")) if isinstance(content, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    return str(message) if message else None
