"""What is exported and imported again means the same: every group, of all seven strategies."""

from __future__ import annotations

from dataclasses import replace

import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings

from engine.spec import RetryPolicy
from groups.deployments.placements import Placement
from groups.models import Strategy
from groups.rules import NOT_LITELLMS
from interchange import own_json
from interchange.bundle import Bundle, GroupDraft
from interchange.files import FileFormat, bundle_from, checked
from interchange.litellm_config import export
from tests.pages.groups.drafts import bundles

many = hypothesis_settings(max_examples=60, deadline=None, derandomize=True)


@many
@given(bundle=bundles())
def test_our_json_loses_nothing(bundle):
    read, file_format = bundle_from(own_json.written(bundle))
    assert file_format is FileFormat.JSON
    assert (read.groups, read.providers, read.models) == (bundle.groups, bundle.providers, bundle.models)
    assert own_json.written(read) == own_json.written(bundle)


@many
@given(bundle=bundles())
def test_litellms_yaml_carries_what_it_can(bundle):
    text = checked(export.written(bundle))
    assert "sealed/" not in text
    read, file_format = bundle_from(text)
    assert file_format is FileFormat.LITELLM
    assert read.remarks == ()
    assert [carried(group, bundle) for group in read.groups] == [carried(group, bundle) for group in bundle.groups]
    assert read.providers == bundle_providers(read, bundle)
    assert {(m.provider, m.name): m.prices for m in read.models} == carried_prices(bundle)


@many
@given(bundle=bundles())
def test_exporting_what_was_imported_gives_the_same_yaml(bundle):
    once = export.written(bundle)
    again = export.written(bundle_from(once)[0])
    assert yaml.safe_load(again) == yaml.safe_load(once)


def carried_prices(bundle: Bundle) -> dict:
    """The prices of models; LiteLLM looks at them for cost-based groups only, so only these have them."""
    said = {(m.provider, m.name): m.prices for m in bundle.models}
    by_cost = [group for group in bundle.groups if group.strategy == Strategy.COST_BASED]
    priced = {(p.provider, p.model_name) for group in by_cost for p in group.deployments}
    return {key: prices if key in priced else {} for key, prices in said.items()}


def bundle_providers(read: Bundle, bundle: Bundle) -> tuple:
    """The same providers, in the order of their first deployment; LiteLLM has no word for what is spoken with them."""
    known = (bundle.provider(provider.name) for provider in read.providers)
    return tuple(replace(one, dialects=[], extra_headers={}, extra_body={}) for one in known if one)


def carried(group: GroupDraft, bundle: Bundle) -> GroupDraft:
    """What of a group LiteLLM's format has a word for; a setting that equals the default is no setting."""
    lost = NOT_LITELLMS["cooldown_config"]
    fields = {
        "strategy": str(group.strategy),
        "fallback_config": group.config("fallback_config"),
        "cooldown_config": {key: v for key, v in group.config("cooldown_config").items() if key not in lost},
        "retry_config": retry_of(group, bundle),
    }
    return GroupDraft(group.name, tuple(placed(p, group.strategy) for p in group.deployments), fields)


def placed(placement: Placement, strategy: str) -> Placement:
    """Order and weight are exported for the strategy that needs them only; LiteLLM has no wait for a place, no
    capacity and no region."""
    return replace(
        placement,
        max_wait_s=None,
        capacity={},
        region="",
        priority=placement.priority if strategy == Strategy.PRIORITY_FAILOVER else None,
        weight=placement.weight if strategy == Strategy.WEIGHTED else None,
    )


def retry_of(group: GroupDraft, bundle: Bundle) -> dict:
    """Without what LiteLLM has no word for; what it has for the whole router survives when all groups share it."""
    lost = ("stream_idle_timeout_s", "total_timeout_s", *NOT_LITELLMS["retry_config"])
    config = {key: value for key, value in group.config("retry_config").items() if key not in lost}
    for key in export.ROUTER_ONLY:
        default = getattr(RetryPolicy(), key)
        values = {other.config("retry_config").get(key, default) for other in bundle.groups}
        value = config.pop(key, default)
        if len(values) == 1 and value != default:
            config[key] = value
    timeouts = {key: config[key] for key in ("timeout_s", "first_token_timeout_s") if key in config}
    default = RetryPolicy(timeout_s=timeouts.get("timeout_s", 60.0))
    if RetryPolicy(**timeouts).limit_s(is_stream=True) == default.limit_s(is_stream=True):
        config.pop("first_token_timeout_s", None)
    return config
