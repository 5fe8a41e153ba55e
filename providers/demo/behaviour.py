"""The demo's three providers, and their current behaviour.

The behaviour is in one small file per provider in the data folder, which is replaced atomically and read again when it
changes. So all server processes agree without communication, and an outage survives a restart.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from django.conf import settings

DROP: Literal["drop"] = "drop"
DEMO_KEY = "demo-upstream-key-guards-nothing"
"""The bearer key of the demo upstream: not a secret, only there so that the real code path runs."""


class BadDemoSettings(ValueError):
    """An invalid body for `PUT …/settings`; the message names the field and the reason."""


@dataclass(frozen=True, slots=True)
class DemoModel:
    """One model of a demo provider; prices are US dollars per million tokens."""

    name: str
    display_name: str
    input_usd: Decimal
    output_usd: Decimal
    context_length: int


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """How a demo provider answers. `failure_status` is an HTTP status, or "drop" to cut the connection."""

    latency_ms: float
    jitter_ms: float = 15.0
    chunk_ms: float = 12.0
    failure_rate: float = 0.0
    failure_status: int | Literal["drop"] = 503
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class DemoProvider:
    """One provider of the demo: its name, its models, and its default behaviour."""

    slug: str
    name: str
    models: tuple[DemoModel, ...]
    usual: DemoSettings


def _llama(name: str, input_usd: str, output_usd: str) -> DemoModel:
    return DemoModel(name, "Llama 3.3 70B", Decimal(input_usd), Decimal(output_usd), 131_072)


PROVIDERS = {
    demo.slug: demo
    for demo in (
        DemoProvider(
            "nebius",
            "Nebius",
            (
                _llama("meta-llama/Llama-3.3-70B-Instruct", "0.13", "0.40"),
                DemoModel("BAAI/bge-en-icl", "BGE en-ICL", Decimal("0.01"), Decimal(0), 32_768),
            ),
            DemoSettings(latency_ms=150),
        ),
        DemoProvider(
            "fireworks",
            "Fireworks",
            (_llama("accounts/fireworks/models/llama-v3p3-70b-instruct", "0.90", "0.90"),),
            DemoSettings(latency_ms=225),
        ),
        DemoProvider(
            "azure", "Azure", (_llama("Llama-3.3-70B-Instruct", "0.71", "0.71"),), DemoSettings(latency_ms=320)
        ),
    )
}

ANYWHERE = ("0.0.0.0", "::", "", "localhost")


def api_base(demo: DemoProvider) -> str:
    """The address at which this server answers as the provider: the base URL of its row."""
    host = "127.0.0.1" if settings.HOST in ANYWHERE else settings.HOST
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.PORT}{path_of(demo)}"


def path_of(demo: DemoProvider) -> str:
    """The end of `api_base`, which identifies a demo provider on any port."""
    return f"/demo/upstream/{demo.slug}/v1"


def demo_at(address: str) -> DemoProvider | None:
    """The demo provider with this base URL, on any port; None for a provider of one's own."""
    return next((demo for demo in PROVIDERS.values() if address.endswith(path_of(demo))), None)


LIMITS: dict[str, tuple[float, float]] = {
    "latency_ms": (0, 120_000),
    "jitter_ms": (0, 60_000),
    "chunk_ms": (0, 10_000),
    "failure_rate": (0, 1),
    "retry_after_s": (0, 3_600),
}


def parse(demo: DemoProvider, body: object) -> DemoSettings:
    """The settings in a JSON body; missing fields have this provider's defaults."""
    if not isinstance(body, dict):
        raise BadDemoSettings("Send a JSON object.")
    known = {field.name for field in fields(DemoSettings)}
    if unknown := sorted(set(body) - known):
        raise BadDemoSettings(f"Unknown: {', '.join(map(str, unknown))}. Known: {', '.join(sorted(known))}.")
    for name, value in body.items():
        _check(name, value)
    return replace(demo.usual, **body)


def _check(name: str, value: Any) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if name == "failure_status":
        if value != DROP and not (isinstance(value, int) and is_number and 400 <= value <= 599):
            raise BadDemoSettings('failure_status: give a status from 400 to 599, or "drop" to cut the connection.')
        return
    if name == "retry_after_s" and value is None:
        return
    low, high = LIMITS[name]
    if not is_number or not low <= value <= high:
        raise BadDemoSettings(f"{name}: give a number from {low:g} to {high:g}.")


_seen: dict[Path, tuple[tuple[int, int], DemoSettings]] = {}


def current(demo: DemoProvider) -> DemoSettings:
    """The provider's current behaviour. One `stat` if nothing changed."""
    path = _path(demo)
    try:
        stat = path.stat()
    except FileNotFoundError:
        return demo.usual
    version = (stat.st_mtime_ns, stat.st_ino)
    if path not in _seen or _seen[path][0] != version:
        _seen[path] = (version, parse(demo, json.loads(path.read_text())))
    return _seen[path][1]


def store(demo: DemoProvider, wanted: DemoSettings) -> None:
    """Stores the settings for every server process, from the next request on."""
    path = _path(demo)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps(asdict(wanted)) + "\n")
    draft.replace(path)


def _path(demo: DemoProvider) -> Path:
    return Path(settings.DATA_DIR) / "demo" / f"{demo.slug}.json"
