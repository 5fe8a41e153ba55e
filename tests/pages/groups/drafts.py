"""Random routing groups of all seven strategies, as files hold them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from engine.core.failures import Kind
from groups.config_checks import FALLBACK
from groups.deployments.placements import Placement
from groups.models import Strategy
from interchange.bundle import Bundle, GroupDraft, ModelDraft, ProviderDraft
from interchange.references import distinct_references
from providers.catalog.price_map import PRICES
from providers.models import LimitName, SystemRole

PROVIDERS = (
    ProviderDraft(name="OpenAI", type="openai"),
    ProviderDraft(name="OpenAI (MY_TEAM_TOKEN)", type="openai"),
    ProviderDraft(name="Größe & Co", type="custom", api_base="https://llm.example.com/v1"),
    ProviderDraft(
        name="Groq",
        type="groq",
        dialects=["chat", "responses"],
        extra_headers={"X-Title": "shop"},
        extra_body={"provider": {"data_collection": "deny"}, "safe": [True, None, 1.5]},
    ),
    ProviderDraft(name="Lab: #1 \u2028'x'", type="vllm", api_base="http://10.0.0.7:8000/v1"),
    ProviderDraft(
        name="EU", type="azure", api_base="https://eu.openai.azure.com", settings={"api_version": "2025-01-01"}
    ),
)
KEYED = {p.name for p in PROVIDERS if p.type != "vllm"}
REFERENCES = distinct_references(p.name for p in PROVIDERS if p.name in KEYED)
MODELS = ("gpt-4o", "openai/gpt-oss-20b", "meta-llama/Llama-3.3-70B-Instruct", "a:b", "on", "1.5")
seconds = st.floats(0.01, 3600).map(lambda value: round(value, 2))
limits = st.none() | st.integers(1, 1_000_000)
shares = st.floats(0.01, 1).map(lambda value: round(value, 2))
error_rule = st.fixed_dictionaries(
    {"here": st.integers(0, 20)}, optional={"elsewhere": st.booleans(), "wait_s": st.integers(0, 300)}
)

retry = st.fixed_dictionaries(
    {},
    optional={
        "num_retries": st.integers(0, 20),
        "timeout_s": seconds,
        "first_token_timeout_s": seconds,
        "retry_after_s": st.integers(0, 300),
        "max_fallbacks": st.integers(0, 100),
        "stream_idle_timeout_s": seconds,
        "total_timeout_s": seconds,
        "retry_after_max_s": st.integers(0, 300),
        "retry_budget": shares,
        "by_error": st.dictionaries(st.sampled_from([kind.value for kind in Kind]), error_rule, min_size=1),
    },
)
cooldown = st.fixed_dictionaries(
    {},
    optional={
        "cooldown_time_s": st.integers(0, 86_400),
        "allowed_fails": st.integers(0, 10_000),
        "first_s": st.integers(1, 60),
        "longest_s": st.integers(60, 86_400),
        "failure_rate": shares,
        "consecutive_failures": st.integers(1, 50),
        "retry_after_cap_s": seconds,
        "last_deployment_s": seconds,
    },
)

words: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {}, optional={"limit_name": st.sampled_from(LimitName.values), "system_role": st.sampled_from(SystemRole.values)}
)
price = st.integers(0, 10**9).map(lambda millionths: Decimal(millionths).scaleb(-6))
prices: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries({}, optional=dict.fromkeys(PRICES, price))


@st.composite
def placements(draw: st.DrawFn, strategy: str) -> tuple[Placement, ...]:
    places = st.tuples(st.sampled_from(PROVIDERS), st.sampled_from(MODELS))
    chosen = draw(st.lists(places, min_size=1, max_size=5, unique=True))
    is_weighted, is_tiered = strategy == Strategy.WEIGHTED, strategy == Strategy.PRIORITY_FAILOVER
    return tuple(
        Placement(
            provider=provider.name,
            model_name=model,
            priority=draw(st.integers(1, 1000)) if is_tiered else draw(st.none() | st.integers(1, 1000)),
            weight=draw(st.integers(0 if number else 1, 1_000_000)) if is_weighted else None,
            display_name=draw(st.sampled_from(("", "EU west", "日本"))),
            rpm=draw(limits),
            tpm=draw(limits),
            max_parallel=draw(st.none() | st.integers(1, 100_000)),
            max_wait_s=draw(st.none() | st.integers(1, 300).map(float)),
            region=draw(st.sampled_from(("", "eu-west-1"))),
            capacity=draw(st.sampled_from([{}, {"slots": 2, "queue": 8, "decode_tokens_per_s": 900.5}])),
        )
        for number, (provider, model) in enumerate(chosen)
    )


@st.composite
def groups(draw: st.DrawFn, name: str, earlier: list[str]) -> GroupDraft:
    strategy = draw(st.sampled_from(Strategy.values))
    names = st.lists(st.sampled_from(earlier), unique=True, max_size=3) if earlier else st.just([])
    fallback = {key: value for key in FALLBACK if (value := draw(names))}
    fields = {
        "strategy": strategy,
        "description": draw(st.sampled_from(("", "For the 'EU': a\nb # c"))),
        "is_active": True,
        "retry_config": draw(retry),
        "cooldown_config": draw(cooldown),
        "fallback_config": fallback,
        "settings": {},
        "assigned_team_ids": draw(st.sampled_from(([], ["t1", "t2"]))),
        "assigned_key_ids": [],
    }
    return GroupDraft(name, draw(placements(strategy)), fields)


@st.composite
def bundles(draw: st.DrawFn) -> Bundle:
    """One to four groups, each falling back to some before it, with their providers and models."""
    names = draw(
        st.lists(st.from_regex(r"[A-Za-z0-9_.:/-]{1,20}", fullmatch=True), min_size=1, max_size=4, unique=True)
    )
    made = tuple(draw(groups(name, names[:number])) for number, name in enumerate(names))
    used = {placement.provider for group in made for placement in group.deployments}
    places = dict.fromkeys((p.provider, p.model_name) for group in made for p in group.deployments)
    keyed = (p for p in PROVIDERS if p.name in used)
    return Bundle(
        groups=made,
        providers=tuple(replace(p, key_reference=REFERENCES.get(p.name, "")) for p in keyed),
        models=tuple(ModelDraft(provider=p, name=m, **draw(prices), **draw(words)) for p, m in places),
    )
