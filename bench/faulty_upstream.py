"""The faults of a rehearsal as a real HTTP server, in real time: `make fidelity` puts it behind the gateway.

`PUT /job` takes a job (see `engine/jobs.py`) and starts its clock; `POST /{upstream model}/v1/chat/completions`
then fares as that deployment does in the rehearsal. The tokens of a request are in its `user` field, "in,out".
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import httpx

from engine.ledger import Attempt, Trace
from engine.rehearsal.jobs import Job
from engine.spec import DeploymentSpec, RetryPolicy
from engine.upstreams.call import Call
from engine.upstreams.failures import status_of
from engine.upstreams.rehearsed import RehearsedUpstream

# The gateway's limits decide, not ours.
PATIENT = RetryPolicy(timeout_s=3600.0, stream_idle_timeout_s=3600.0)
ANSWER = {"role": "assistant", "content": "ok"}


class State:
    """The job that is played."""

    upstream: RehearsedUpstream
    deployments: dict[str, DeploymentSpec]


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    body = await _body(receive)
    if scope["method"] == "PUT":
        job = Job.from_json(json.loads(body))
        State.upstream = RehearsedUpstream(job.specs, job.scenario, job.profiles, job.seed)
        State.deployments = {d.upstream_model: d for spec in job.specs for d in spec.deployments}
        await _answer(send, 200, {})
    elif scope["method"] == "POST":
        await _play(State.deployments[scope["path"].split("/")[1]], json.loads(body), send)
    else:
        await _answer(send, 200, {"status": "ready"})


async def _play(deployment: DeploymentSpec, body: dict[str, Any], send: Any) -> None:
    incoming, outgoing = (int(part) for part in body["user"].split(","))
    call = Call("chat/completions", body, Trace("live", "live"), tokens=(incoming, outgoing))
    attempt = Attempt(deployment.deployment_id, deployment.name, deployment.provider, "live", 1, time.time())
    try:
        result = await State.upstream.send(call, deployment, PATIENT, attempt)
    except asyncio.CancelledError:
        raise
    except Exception as error:
        response = getattr(error, "response", None) or httpx.Response(500)
        wait = response.headers.get("retry-after")
        await _answer(send, status_of(error) or 500, {"error": {"message": str(error)}}, wait)
        return
    usage = {"prompt_tokens": incoming, "completion_tokens": outgoing, "total_tokens": incoming + outgoing}
    choice = {"index": 0, "message": ANSWER, "finish_reason": "stop"}
    await _answer(
        send, 200, {"id": "live", "model": body["model"], "choices": [choice], "usage": usage if result else {}}
    )


async def _body(receive: Any) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _answer(send: Any, status: int, content: dict[str, Any], retry_after: str | None = None) -> None:
    headers = [(b"content-type", b"application/json")]
    if retry_after is not None:
        headers.append((b"retry-after", retry_after.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(content).encode()})
