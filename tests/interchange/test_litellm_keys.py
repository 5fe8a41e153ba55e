"""No key of a LiteLLM file is dropped in silence: it changes what is imported, or a remark names it."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from interchange.bundle import Bundle
from interchange.files import bundle_from, checked

# What the proxy's settings page lists beside the router's own parameters.
GENERAL = (
    *("default_fallbacks", "fallbacks", "context_window_fallbacks", "content_policy_fallbacks", "num_retries"),
    *("request_timeout", "allowed_fails", "cache", "cache_params", "callbacks", "success_callback", "drop_params"),
    *("set_verbose", "json_logs", "model_alias_map", "default_team_settings", "max_budget", "budget_duration"),
    *("ssl_verify", "guardrails", "upperbound_key_generate_params", "modify_params", "turn_off_message_logging"),
)
SECTIONS = (
    *("general_settings", "environment_variables", "callback_settings", "guardrails", "mcp_servers", "include"),
    *("vector_store_registry", "files_settings", "finetune_settings", "search_tools", "prompts", "credential_list"),
)

# References are sealed with the key of the installation, which the database confirms.
pytestmark = pytest.mark.django_db
ENTRY = ("rpm", "tpm", "weight", "order", "model_info", "litellm_params", "timeout", "description")
VALUES: tuple[Any, ...] = (7, "some-word", ["some-word"], {"some": "word"})


def file_with(room: str, key: str, value: Any) -> str:
    entry: dict[str, Any] = {"model_name": "chat", "litellm_params": {"model": "openai/gpt-4o"}, "model_info": {}}
    document: dict[str, Any] = {"model_list": [entry, {**entry, "model_name": "other"}]}
    rooms = {"entry": entry, "litellm_params": entry["litellm_params"], "model_info": entry["model_info"]}
    place = rooms.get(room)
    if place is None:
        place = document if room == "document" else document.setdefault(room, {})
    place[key] = value
    return yaml.safe_dump(document)


def read(text: str) -> Bundle:
    return bundle_from(checked(text), "litellm")[0]


def words(bundle: Bundle) -> str:
    needs = (need for provider in bundle.providers for need in provider.needs)
    return "\n".join((*(f"{remark.place}: {remark.why}" for remark in bundle.remarks), *needs))


def meaning(bundle: Bundle) -> tuple[Any, ...]:
    return bundle.groups, bundle.providers, bundle.models, dict(bundle.aliases)


def check(room: str, key: str) -> None:
    without = read(file_with(room, "a-key-to-compare-with", 1))
    for value in VALUES:
        bundle = read(file_with(room, key, value))
        assert key in words(bundle) or meaning(bundle) != meaning(without), (key, value)


def litellm_keys() -> dict[str, list[str]]:
    """The keys that the installed LiteLLM takes, by room."""
    from litellm import Router
    from litellm.types.router import LiteLLM_Params, ModelInfo

    return {
        "litellm_params": sorted({*LiteLLM_Params.model_fields} - {"model"}),
        "model_info": sorted(ModelInfo.model_fields),
        "router_settings": sorted({*inspect.signature(Router.__init__).parameters} - {"self", "model_list"}),
        "litellm_settings": list(GENERAL),
        "entry": list(ENTRY),
        "document": list(SECTIONS),
    }


# These are asked about, and change nothing where they say what holds here anyway.
SAYING_NOTHING = {
    ("router_settings", "enable_weighted_failover"),
    ("model_info", "mode"),
    ("document", "router_settings"),
}


@pytest.mark.parametrize(
    "room", ["litellm_params", "model_info", "router_settings", "litellm_settings", "entry", "document"]
)
def test_every_key_that_litellm_knows_is_taken_over_or_named(room):
    for key in litellm_keys()[room]:
        if (room, key) not in SAYING_NOTHING:
            check(room, key)


@hypothesis_settings(max_examples=60, deadline=None, derandomize=True)
@given(
    room=st.sampled_from(("litellm_params", "model_info", "router_settings", "litellm_settings", "entry", "document")),
    key=st.from_regex(r"[a-z][a-z_]{3,30}[a-z]", fullmatch=True),
)
def test_a_key_that_nobody_knows_is_named(room, key):
    assert key in words(read(file_with(room, f"{key}_of_ours", 7)))


def test_hundreds_of_keys_are_all_named():
    entry = {"model_name": "a", "litellm_params": {"model": "openai/m", **{f"key_{n}": n for n in range(300)}}}
    said = words(read(yaml.safe_dump({"model_list": [entry]})))
    assert all(f"key_{n}" in said for n in range(300))
    assert all(len(remark) < 3000 for remark in said.splitlines())


def test_values_are_never_quoted():
    entry = {
        "model_name": "a",
        "litellm_params": {"model": "openai/m", "azure_ad_token": "tok-secret", "x": "y-secret"},
    }
    general = {"master_key": "sk-secret", "database_url": "postgres://u:p-secret@h/d"}
    bundle = read(yaml.safe_dump({"model_list": [entry], "general_settings": general}))
    assert "secret" not in words(bundle).replace("client_secret", "")
