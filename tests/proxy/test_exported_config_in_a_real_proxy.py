"""An export is what it says: a LiteLLM proxy starts on it and routes through each group."""

from __future__ import annotations

import pytest

from groups.models import Strategy

GROUPS = [*(f"by-{strategy}" for strategy in Strategy.values), "falls-back"]


def test_it_lists_the_groups_as_its_models_and_nothing_else(proxy):
    assert sorted(model["id"] for model in proxy.get("/v1/models")["data"]) == sorted(GROUPS)


@pytest.mark.parametrize("group", GROUPS)
def test_a_request_goes_through_each_group(proxy, group):
    answer = proxy.ask(group)
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"]


def test_the_first_tier_answers_and_the_next_when_it_fails(proxy):
    proxy.upstream.reset()
    assert proxy.ask("by-priority-failover").status_code == 200
    proxy.upstream.script({"type": "fail", "status": 429, "times": 2})
    assert proxy.ask("by-priority-failover").status_code == 200
    assert proxy.upstream_models() == ["llama", "llama", "llama", "mistral"]


def test_the_proxy_sees_the_providers_key_and_the_file_does_not(proxy):
    assert "sk-of-the-lab" not in proxy.config
    assert "os.environ/LAB_API_KEY" in proxy.config


def test_weights_order_and_strategies_are_where_the_proxy_looks(proxy):
    rows = [row for row in proxy.get("/v1/model/info")["data"] if row["model_name"] == "by-weighted"]
    assert [row["litellm_params"]["weight"] for row in rows] == [1, 2, 3]
    rows = [row for row in proxy.get("/v1/model/info")["data"] if row["model_name"] == "by-priority-failover"]
    assert [row["litellm_params"]["order"] for row in rows] == [1, 2, 3]
