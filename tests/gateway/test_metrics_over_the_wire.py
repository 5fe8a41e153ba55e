"""`/metrics` of a real server: who may read it, and that alert rules and dashboard ask for what it has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from openai import OpenAI
from prometheus_client.parser import text_string_to_metric_families

from tests.gateway.conftest import Stage
from tests.gateway.owners import issued
from tests.servers import MASTER_KEY, Console, console, console_beside, eventually, free_port
from usage.metrics.declared import METRICS

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
HI: Any = [{"role": "user", "content": "hi"}]
# Added by Prometheus, or a part of a histogram.
EVERYWHERE = {"instance", "job", "le"}


def metrics_of(url: str, key: str = "") -> dict[str, Any]:
    """The families by name."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    answer = httpx.get(f"{url}/metrics", headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


def total(families: dict[str, Any], name: str, **labels: str) -> float:
    """The sum of the samples with these labels."""
    found = (sample for family in families.values() for sample in family.samples if sample.name == name)
    return sum(one.value for one in found if labels.items() <= one.labels.items())


def expressions() -> Iterator[str]:
    rules = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"]
    yield from (rule["expr"] for group in rules for rule in group["rules"])
    panels = json.loads((DEPLOY / "grafana-dashboard.json").read_text())["panels"]
    yield from (target["expr"] for panel in panels for target in panel["targets"])


def test_requests_are_counted_by_group_provider_model_and_outcome(stage: Stage, make_group):
    group = make_group()
    stage.first.script({"type": "fail", "status": 503, "times": None})
    stage.client.chat.completions.create(model=group, messages=HI)
    found = metrics_of(stage.console.url, MASTER_KEY)
    assert total(found, "routing_console_requests_total", group=group, provider="Second", outcome="answered") == 1
    assert total(found, "routing_console_fallbacks_total", group=group) == 1
    assert total(found, "routing_console_tokens_total", group=group, direction="output") > 0
    assert total(found, "routing_console_breaker_state", provider="First") > 0


def test_a_model_that_nobody_knows_makes_no_series(stage: Stage):
    headers = {"Authorization": f"Bearer {MASTER_KEY}"}
    body = {"model": "made-up-by-a-client", "messages": HI}
    answer = httpx.post(f"{stage.console.url}/v1/chat/completions", json=body, headers=headers, timeout=30)
    assert answer.status_code == 404
    text = httpx.get(f"{stage.console.url}/metrics", headers=headers, timeout=30).text
    assert 'outcome="refused"' in text
    assert "made-up-by-a-client" not in text


def test_a_server_shows_every_metric_that_is_declared(stage: Stage):
    assert {one.name for one in metrics_of(stage.console.url, MASTER_KEY).values()} == {
        f"routing_console_{metric.name}" for metric in METRICS
    }


def test_alert_rules_and_dashboard_ask_for_metrics_and_labels_that_a_server_has(stage: Stage):
    found = metrics_of(stage.console.url, MASTER_KEY)
    suffixes = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_count", "_sum"]}
    names = {name + suffix for name, family in found.items() for suffix in suffixes[family.type]}
    labels = {f"routing_console_{metric.name}": {*metric.labels, *EVERYWHERE} for metric in METRICS}
    asked = list(expressions())
    assert len(asked) > 30
    for expression in asked:
        used = re.findall(r"(routing_console_\w+)(?:\{([^}]*)\})?", expression)
        assert used, expression
        assert {name for name, _ in used} <= names, expression
        by = {one.strip() for inside in re.findall(r"by \(([^)]*)\)", expression) for one in inside.split(",")}
        for name, selector in used:
            known = labels[re.sub(r"_(total|bucket|count|sum)$", "", name)]
            assert {*re.findall(r"(\w+)[!=]", selector), *by} <= known, expression


@pytest.mark.parametrize(("key", "status"), [("", 401), ("sk-rc-of-nobody", 401)])
def test_metrics_are_not_for_everybody(stage: Stage, key: str, status: int):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    before = total(metrics_of(stage.console.url, MASTER_KEY), "routing_console_unauthorized_total")
    assert httpx.get(f"{stage.console.url}/metrics", headers=headers, timeout=30).status_code == status
    assert total(metrics_of(stage.console.url, MASTER_KEY), "routing_console_unauthorized_total") == before + 1


def test_a_key_that_may_only_call_models_reads_no_metrics(stage: Stage):
    key = issued(stage.console, scopes=["call"])["key"]
    stage.console.catch_up()
    answer = httpx.get(f"{stage.console.url}/metrics", headers={"Authorization": f"Bearer {key}"}, timeout=30)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "missing_scope")


def ask(ours: Console, group: str) -> None:
    OpenAI(base_url=f"{ours.url}/v1", api_key=MASTER_KEY, timeout=60).chat.completions.create(model=group, messages=HI)


@pytest.mark.slow
@pytest.mark.once
def test_a_worker_that_is_killed_takes_nothing_with_it(stage: Stage, tmp_path: Path):
    """Neither what it counted, nor the port of the metrics."""
    port = str(free_port())
    own = f"http://127.0.0.1:{port}"
    with console(tmp_path, METRICS_PORT=port, METRICS_KEY="of-prometheus") as one:
        one.add_group("counted", [one.add_model(provider="First", api_base=stage.first.api_base)])
        with console_beside(one, tmp_path) as two:
            ask(one, "counted")
            ask(two, "counted")
            assert eventually(lambda: answered(two.url, "of-prometheus") == 2, 30)
            assert eventually(lambda: answered(own) == 2, 30)
            one.process.kill()
            assert eventually(lambda: answered(own) == 2, 30)
            assert eventually(lambda: total(metrics_of(own), "routing_console_processes") == 1, 30)
            ask(two, "counted")
            assert eventually(lambda: answered(own) == 3, 30)


def answered(url: str, key: str = "") -> float | None:
    """How many requests have been answered; None while nobody has the port."""
    try:
        return total(metrics_of(url, key), "routing_console_requests_total", group="counted", outcome="answered")
    except httpx.TransportError:
        return None
