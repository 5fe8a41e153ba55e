"""Log rows of an upstream -> a rehearsal of its group, against answers of that upstream which are not in the log.

The upstream has its own random numbers and shapes; nothing of it is shared with the simulator.
"""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tester.models import Run
from tests.factories import make_group, make_model, make_provider
from usage.models import RequestRecord

Chance = Callable[[], float]
Request = tuple[int, int]
LOGGED, HELD_OUT = 1_000, 6_000


def chance(name: str) -> Chance:
    """Numbers between 0 and 1 from hashes of a counter."""

    def numbers() -> Iterator[float]:
        count = 0
        while True:
            digest = hashlib.sha256(f"{name}:{count}".encode()).digest()
            yield (int.from_bytes(digest[:8], "big") + 0.5) / 2**64
            count += 1

    found = numbers()
    return lambda: next(found)


def two_ways(draw: Chance, read: int, written: int) -> tuple[float, float]:
    """Most requests find a warm machine, the others wait for one; ms to the first token, and for the rest."""
    first = 180 + 60 * draw() if draw() < 0.8 else 1400 + 300 * draw()
    return first + read / 4, written * (11 + 4 * draw())


def heavy_tail(draw: Chance, read: int, written: int) -> tuple[float, float]:
    """A Pareto wait before the first token."""
    return 150 + 90 * draw() ** (-1 / 2.2) + read / 6, written * (8 + 3 * draw())


def under_load(draw: Chance, read: int, written: int) -> tuple[float, float]:
    """A Weibull factor on all of it: what is slow to begin is slow to the end."""
    factor = 0.6 + 0.5 * (-math.log(draw())) ** (1 / 1.4)
    return (250 + read / 8) * factor, written * 14 * factor


def request(draw: Chance) -> Request:
    """Prompts of two kinds, and answers of many lengths."""
    read = 200 + 600 * draw() if draw() < 0.7 else 3000 + 2000 * draw()
    return round(read), round(40 + 300 * draw() ** 2)


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[math.ceil(share * len(values)) - 1]


def log(model_id: str, requests: list[Request], times: list[tuple[float, float]], *, is_stream: bool) -> None:
    now = timezone.now()
    rows = [
        RequestRecord(
            call_id=f"{model_id}-{n}",
            model_group="measured",
            deployment_id=model_id,
            started_at=now - timedelta(seconds=n),
            duration_ms=first + rest + 3,
            status=200,
            outcome="answered",
            is_stream=is_stream,
            input_tokens=read,
            output_tokens=written,
            attempts=[
                {
                    "deployment_id": model_id,
                    "status": "success",
                    "duration_ms": first + rest,
                    "first_token_ms": first if is_stream else None,
                }
            ],
        )
        for n, ((read, written), (first, rest)) in enumerate(zip(requests, times, strict=True))
    ]
    RequestRecord.objects.bulk_create(rows)


def trace_of(requests: list[Request]) -> str:
    text = io.StringIO()
    text.write("TIMESTAMP,ContextTokens,GeneratedTokens\n")
    for n, (read, written) in enumerate(requests):
        text.write(f"2026-01-01 {n // 3600:02}:{n // 60 % 60:02}:{n % 60:02},{read},{written}\n")
    return text.getvalue()


@pytest.fixture
def deployment(db: None) -> Any:
    return make_model(provider=make_provider(name="Nebius"))


@pytest.mark.parametrize("is_stream", [True, False], ids=["streams", "whole answers"])
@pytest.mark.parametrize("upstream", [two_ways, heavy_tail, under_load])
def test_a_rehearsal_has_the_latencies_of_the_measured_upstream(deployment, as_bob, upstream, is_stream: bool):
    group = make_group(name="measured", models=[deployment], retry_config={"num_retries": 0, "timeout_s": 300})
    draw = chance(f"{upstream.__name__}:log")
    requests = [request(draw) for _ in range(LOGGED)]
    log(str(deployment.pk), requests, [upstream(draw, *one) for one in requests], is_stream=is_stream)
    draw = chance(f"{upstream.__name__}:world")
    asked = [request(draw) for _ in range(HELD_OUT)]
    truth = [sum(upstream(draw, *one)) for one in asked]
    workload = {"kind": "trace", "csv": trace_of(asked), "is_stream": is_stream}
    answer = as_bob.post(f"/v1/routing_group/{group.pk}/simulate", {"seed": 3, "workload": workload})
    assert answer.status_code == 200, answer.content
    result = answer.json()
    assert result["successful_requests"] == HELD_OUT
    for share, name in ((0.5, "latency_p50_ms"), (0.95, "latency_p95_ms"), (0.99, "latency_p99_ms")):
        assert result[name] == pytest.approx(quantile(truth, share), rel=0.1), name
    (profile,) = Run.objects.get(pk=result["run_id"]).config["profiles"].values()
    assert (profile["source"], profile["rows"]) == ("measured", LOGGED)


def test_a_seed_gives_the_same_bytes_from_measured_profiles(deployment, as_bob):
    group = make_group(name="measured", models=[deployment])
    draw = chance("bytes")
    requests = [request(draw) for _ in range(100)]
    log(str(deployment.pk), requests, [heavy_tail(draw, *one) for one in requests], is_stream=True)
    answers = []
    for _ in range(2):
        result = as_bob.post(f"/v1/routing_group/{group.pk}/simulate", {"seed": 3, "num_requests": 200}).json()
        answers.append({name: value for name, value in result.items() if name != "run_id"})
        RequestRecord.objects.all().delete()  # what is measured later does not matter
    assert answers[0] == answers[1]
