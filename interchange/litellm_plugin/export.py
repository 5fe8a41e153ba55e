"""The active groups and virtual models as a folder that starts a LiteLLM proxy with the same decisions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from engine.virtual import VirtualSpec
from groups.exceptions import NothingToExport
from groups.models import RoutingGroup
from groups.virtual.specs import active_virtual_specs
from interchange import rows
from interchange.bundle import Bundle, GroupDraft
from interchange.litellm_config import export
from interchange.litellm_plugin.composing import INSTANCE, NAME, plugin

CALLBACKS = [f"{NAME}.{INSTANCE}"]
# The proxy runs a hook before each call only for plugins in `litellm_settings`; older proxies read the other section
# too.
SECTIONS: dict[str, dict[str, Any]] = {
    "router_settings": {"redis_host": "os.environ/REDIS_HOST", "redis_port": "os.environ/REDIS_PORT"},
    "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY", "callbacks": CALLBACKS},
    "litellm_settings": {"callbacks": CALLBACKS},
}
PORT = 4000
IS_ALIVE = f"import urllib.request; urllib.request.urlopen('http://127.0.0.1:{PORT}/health/liveliness')"


@dataclass(frozen=True, slots=True)
class Folder:
    """Texts by file name, and the required environment variables."""

    files: dict[str, str]
    variables: tuple[str, ...]


def folder() -> Folder:
    """Configuration, plugin and docker-compose.yml; a few queries. Raises NothingToExport without a virtual model."""
    groups, left_out = rows.servable(RoutingGroup.objects.with_credentials())
    pools = {group.name for group in groups}
    specs = [spec for spec in active_virtual_specs() if pools & {tier.pool for tier in spec.tiers}]
    if not specs:
        raise NothingToExport
    bundle = rows.bundle_of(groups)
    virtual = tuple(_stand_in(spec, bundle, pools) for spec in specs)
    whole = replace(bundle, groups=(*virtual, *bundle.groups))
    variables = ("LITELLM_MASTER_KEY", *(p.key_reference for p in bundle.providers if p.key_reference))
    files = {
        "config.yaml": export.written(whole, left_out=left_out, sections=SECTIONS),
        f"{NAME}.py": plugin(specs, pools),
        "docker-compose.yml": _compose(variables),
    }
    return Folder(files, variables)


def _stand_in(spec: VirtualSpec, bundle: Bundle, pools: Collection[str]) -> GroupDraft:
    """An entry for the virtual model's own name: the proxy refuses unknown names before it asks plugins.

    It has the deployments of the default tier's pool, so that it answers even without the plugin.
    """
    names = [spec.default_tier.pool, *(tier.pool for tier in reversed(spec.tiers))]
    pool = next(name for name in names if name in pools)
    return replace(next(group for group in bundle.groups if group.name == pool), name=spec.name)


def _compose(variables: Sequence[str]) -> str:
    """The proxy and a Redis for its cooldowns; the variables come from the environment of `docker compose`."""
    mounts = [f"./{name}:/app/{name}:ro" for name in ("config.yaml", f"{NAME}.py")]
    services = {
        "litellm": {
            "image": "ghcr.io/berriai/litellm:main-stable",
            "command": ["--config", "/app/config.yaml", "--port", str(PORT)],
            "ports": [f"{PORT}:{PORT}"],
            "volumes": mounts,
            "environment": ["PYTHONPATH=/app", "REDIS_HOST=redis", "REDIS_PORT=6379", *variables],
            "extra_hosts": ["host.docker.internal:host-gateway"],
            "depends_on": {"redis": {"condition": "service_healthy"}},
            "healthcheck": _health(["CMD", "python3", "-c", IS_ALIVE], start_period="60s"),
            "restart": "unless-stopped",
        },
        "redis": {
            "image": "redis:7-alpine",
            "command": ["redis-server", "--save", "", "--appendonly", "no"],
            "healthcheck": _health(["CMD", "redis-cli", "ping"]),
            "restart": "unless-stopped",
        },
    }
    return yaml.safe_dump({"services": services}, sort_keys=False, width=120)


def _health(test: list[str], **more: str) -> dict[str, object]:
    return {"test": test, "interval": "10s", "timeout": "5s", "retries": 5, **more}
