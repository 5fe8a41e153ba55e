"""The plugin for LiteLLM's proxy: one file, made of the console's own code, that decides as the console does."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command

from engine.virtual import decide
from groups.models import RoutingGroup
from groups.virtual.actions import create_virtual_model
from groups.virtual.specs import active_virtual_specs
from groups.virtual.tiers import TierPlan
from tests.factories import make_group, make_model, make_provider

pytestmark = pytest.mark.django_db
PROMPTS = ("hi", "cat test.py", "Implement consensus", "One. Two. Three!", "```x```", 'Say "é漢字" \\n', "")


@pytest.fixture
def exported(bob, tmp_path: Path) -> Path:
    lab = make_provider(name="Lab", api_base="https://lab.example.com/v1", key="sk-of-the-lab-12345")
    for name in ("mini", "standard"):
        make_group(name=name, models=[make_model(provider=lab, name=f"{name}-model")], strategy="priority-failover")
    tiers = [TierPlan(pool="mini"), TierPlan(pool="standard", minimum_score=50)]
    words = ["prove", "it's", '"quoted"', "漢字", 'triple"""quotes', "back\\slash"]
    create_virtual_model(by=bob, name="auto-chat", tiers=tiers, scoring={"complex_keywords": words})
    call_command("export_litellm_plugin", tmp_path / "made")
    return tmp_path / "made"


def loaded(folder: Path) -> Any:
    """The plugin as LiteLLM loads it: by its path, without a place among the imported modules."""
    spec = importlib.util.spec_from_file_location("routing_console_plugin", folder / "routing_console_plugin.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rewritten(plugin: Any, **data: Any) -> dict[str, Any]:
    return dict(asyncio.run(plugin.router_instance.async_pre_call_hook(None, None, data, "acompletion")))


def test_it_decides_as_the_console_does(exported):
    plugin = loaded(exported)
    spec = plugin.VIRTUAL_MODELS[0]
    for text in PROMPTS:
        messages = [{"role": "user", "content": text}]
        data = rewritten(plugin, model="auto-chat", messages=messages)
        assert data["model"] == decide(messages, spec).tier.pool


def test_it_holds_the_very_virtual_models(exported):
    plugin = loaded(exported)
    assert repr(plugin.VIRTUAL_MODELS) == repr(tuple(active_virtual_specs()))
    assert plugin.POOLS == ("mini", "standard")
    assert "from engine" not in (exported / "routing_console_plugin.py").read_text()


def test_the_decision_is_said_in_headers_and_on_stderr(exported, capsys):
    plugin = loaded(exported)
    data = rewritten(plugin, model="auto-chat", messages=[{"role": "user", "content": "hi"}])
    headers = asyncio.run(plugin.router_instance.async_post_call_response_headers_hook(data=data))
    assert headers == {
        "x-routing-virtual-model": "auto-chat",
        "x-routing-pool": "mini",
        "x-routing-score": "-98",
    }
    assert 'virtual_model=auto-chat pool=mini score=-98 decision="simple"' in capsys.readouterr().err


def test_other_requests_are_left_alone_and_odd_ones_get_the_default(exported):
    plugin = loaded(exported)
    assert rewritten(plugin, model="mini", messages=[]) == {"model": "mini", "messages": []}
    assert rewritten(plugin, model="auto-chat", input="text")["model"] == "standard"
    assert rewritten(plugin, model="auto-chat", metadata="no object")["model"] == "standard"


def test_the_configuration_knows_virtual_and_physical_models_and_both_registrations(exported):
    text = (exported / "config.yaml").read_text()
    config = yaml.safe_load(text)
    names = [(row["model_name"], row["litellm_params"]["model"]) for row in config["model_list"]]
    assert names == [
        ("auto-chat", "openai/standard-model"),
        ("mini", "openai/mini-model"),
        ("standard", "openai/standard-model"),
    ]
    callbacks = ["routing_console_plugin.router_instance"]
    assert config["general_settings"]["callbacks"] == config["litellm_settings"]["callbacks"] == callbacks
    assert config["router_settings"]["redis_host"] == "os.environ/REDIS_HOST"
    assert "${" not in text
    assert "sk-of-the-lab" not in text


def test_docker_compose_starts_it_with_redis_and_names_the_keys(exported):
    services = yaml.safe_load((exported / "docker-compose.yml").read_text())["services"]
    assert sorted(services) == ["litellm", "redis"]
    assert {"PYTHONPATH=/app", "LITELLM_MASTER_KEY", "LAB_API_KEY"} <= set(services["litellm"]["environment"])
    assert "./routing_console_plugin.py:/app/routing_console_plugin.py:ro" in services["litellm"]["volumes"]


def test_a_pool_that_is_not_in_the_file_gives_way_to_the_default(exported):
    RoutingGroup.objects.filter(name="mini").update(is_active=False)
    call_command("export_litellm_plugin", exported)
    data = rewritten(loaded(exported), model="auto-chat", messages=[{"role": "user", "content": "hi"}])
    assert data["model"] == "standard"


def test_without_a_virtual_model_or_a_folder_it_says_what_to_do(tmp_path, exported):
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match="Name another folder"):
        call_command("export_litellm_plugin", tmp_path / "file")
    RoutingGroup.objects.update(is_active=False)
    with pytest.raises(CommandError, match="no active virtual model"):
        call_command("export_litellm_plugin", exported)
