"""What the OpenAPI schema says about failures.

A view declares its successes; how it may fail follows from what it takes, and is added here for all of them.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema

Schema = dict[str, Any]
# Its query names a person or a team.
WHOSE = "/api/v1/llm/credits"
CHANGES = frozenset({"post", "put", "patch", "delete"})
# The bodies of failures of the REST API.
COMPONENTS: Schema = {
    "Failure": {"type": "object", "required": ["detail"], "properties": {"detail": {"type": "string"}}},
    "BadRequest": {
        "type": "object",
        "description": "Why, for each field; `non_field_errors` is about the whole body, `detail` about the request.",
        "additionalProperties": {},
    },
}
ABOUT = (
    'Failures of `/api/` and of groups, runs and virtual models are `{"detail": why}`, or 400 with the fields. '
    "Those of the gateway have OpenAI's shape, or Anthropic's below `/v1/messages`. "
    "A method that a path does not have is answered 405, with those that it has in `Allow`."
)


class TrueSchema(AutoSchema):
    """Deletions are answered with what is gone now, so 200 and not 204."""

    def _get_response_bodies(self, direction: str = "response") -> Schema:
        found = self.get_response_serializers()
        if self.method == "DELETE" and not isinstance(found, dict):
            return {"200": self._get_response_for_code(found, "200", direction=direction)}
        return dict(super()._get_response_bodies(direction))


def add_failures(result: Schema, generator: Any, request: Any, public: bool) -> Schema:
    """drf-spectacular's postprocessing hook: how each operation of the REST API may fail."""
    result["components"]["schemas"] |= COMPONENTS
    result["info"]["description"] = ABOUT
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            for status, (shape, why) in failures_of(path, method, operation).items():
                operation["responses"].setdefault(status, _failure(shape, why))
            operation["responses"] = dict(sorted(operation["responses"].items()))
    return result


def failures_of(path: str, method: str, operation: Schema) -> dict[str, tuple[str, str]]:
    """The statuses with which an operation may fail: the component of its answer and the reason."""
    found = {
        "400": ("BadRequest", "Something in the request is wrong; the answer names it."),
        "401": ("Failure", "No key and no session, or a wrong key."),
        "403": ("Failure", "The key or the person may not do this."),
        "406": ("Failure", "The answer is not to be had in what `Accept` asks for."),
        "429": ("Failure", "Too many wrong keys came from this address; see Retry-After."),
        "503": ("Failure", "The database is away, or the server is busy; see Retry-After."),
    }
    names = {parameter["name"] for parameter in operation.get("parameters", ())}
    if "{" in path or "format" in names or path.startswith(WHOSE) or operation.get("requestBody"):
        found["404"] = ("Failure", "There is nothing with this id or name.")
    if method in CHANGES:
        found["409"] = ("Failure", "The current state forbids it, or somebody else changed it at the same time.")
    if "If-Match" in names:
        found["412"] = ("Failure", "It was changed since the version that If-Match names.")
    if operation.get("requestBody"):
        found["408"] = ("Failure", "The body did not arrive within BODY_DEADLINE_S.")
        found["413"] = ("Failure", "The body is larger than MAX_REQUEST_MB allows.")
        found["415"] = ("Failure", "The body is not JSON, by its Content-Type.")
    return found


def _failure(shape: str, why: str) -> Schema:
    schema = {"$ref": f"#/components/schemas/{shape}"}
    return {"description": why, "content": {"application/json": {"schema": schema}}}
