"""Provider types and the price map."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal

import pytest

from providers.catalog.price_map import FIELDS, UNKNOWN, lookup, restored, stored
from providers.presets import ROWS, is_known, litellm_providers, preset_of


@pytest.mark.parametrize(
    ("type", "litellm_name"),
    [
        ("together", "together_ai"),
        ("fireworks", "fireworks_ai"),
        ("google", "gemini"),
        ("aws", "bedrock"),
        ("nebius", "nebius"),
        ("custom", "openai"),
        ("vllm", "openai"),
        ("ollama", "ollama"),
        ("deepseek", "deepseek"),
        ("fireworks_ai", "fireworks_ai"),
    ],
)
def test_types_have_litellm_names(type, litellm_name):
    assert is_known(type)
    assert preset_of(type).litellm_provider == litellm_name


def test_our_rows_are_distinct_and_known_to_litellm():
    assert len({row.type for row in ROWS}) == len(ROWS)
    assert {row.litellm_provider for row in ROWS} <= litellm_providers()


def test_nonsense_is_not_a_type():
    assert not is_known("openia")
    assert not is_known("")


def test_prices_are_per_million_tokens():
    known = lookup(type="openai", model_name="gpt-4o")
    assert known.input_cost_per_million == Decimal("2.5")
    assert known.output_cost_per_million == Decimal(10)
    assert known.context_length == 128_000
    assert {"chat", "tools", "vision"} <= set(known.capabilities)


@pytest.mark.parametrize(
    ("type", "name", "unit", "usd"),
    [
        ("cohere", "rerank-v3.5", "search", "0.002"),
        ("openai", "tts-1", "character", "0.000015"),
        ("aiml", "dall-e-3", "image", "0.052"),
        ("openai", "whisper-1", "second", "0.0001"),
        ("openai", "gpt-4o", "", None),
    ],
)
def test_a_model_has_the_price_of_its_unit(type, name, unit, usd):
    known = lookup(type=type, model_name=name)
    assert (known.unit, known.price_per_unit) == (unit, None if usd is None else Decimal(usd))


def test_a_base_model_is_looked_up_instead_also_for_a_server_of_ones_own():
    assert lookup(type="azure", model_name="ours", base_model="gpt-4o").max_output_tokens == 16_384
    assert lookup(type="custom", model_name="ours", base_model="azure/gpt-4o").context_length == 128_000
    assert lookup(type="custom", model_name="ours", base_model="nobody-knows") == UNKNOWN


def test_a_model_is_found_under_litellms_prefix():
    assert lookup(type="fireworks", model_name="accounts/fireworks/models/llama-v3p3-70b-instruct").context_length
    assert lookup(type="nebius", model_name="meta-llama/Llama-3.3-70B-Instruct").input_cost_per_million == Decimal(
        "0.13"
    )


@pytest.mark.parametrize(
    ("name", "input_usd", "output_usd"),
    [
        ("openai/gpt-4o", "2.5", "10"),
        ("openai/gpt-4o:online", "2.5", "10"),
        ("anthropic/claude-sonnet-4.5", "3", "15"),
        ("google/gemini-2.5-pro", "1.25", "10"),
    ],
)
def test_a_model_behind_openrouter_costs_what_its_vendor_charges(name, input_usd, output_usd):
    known = lookup(type="openrouter", model_name=name)
    assert (known.input_cost_per_million, known.output_cost_per_million) == (Decimal(input_usd), Decimal(output_usd))


@pytest.mark.parametrize(
    "name", ["deepseek/deepseek-r1:free", "meta-llama/llama-3.3-70b-instruct", "gpt-4o", "openai/"]
)
def test_but_nothing_is_guessed_behind_openrouter(name):
    assert lookup(type="openrouter", model_name=name) == UNKNOWN


def test_cached_and_reasoning_tokens_have_their_own_prices_where_the_map_has_them():
    assert lookup(type="openai", model_name="gpt-4o").cached_input_cost_per_million == Decimal("1.25")
    assert lookup(type="dashscope", model_name="qwen-turbo").reasoning_cost_per_million == Decimal("0.5")
    assert lookup(type="google", model_name="gemini-2.5-pro").reasoning_cost_per_million is None


def test_what_is_written_to_a_prompt_cache_has_a_price_of_its_own():
    claude = lookup(type="anthropic", model_name="claude-sonnet-4-5")
    assert (claude.input_cost_per_million, claude.cache_write_cost_per_million) == (Decimal(3), Decimal("3.75"))
    assert lookup(type="openai", model_name="gpt-4o").cache_write_cost_per_million is None


def test_an_entry_survives_being_stored():
    entry = lookup(type="openai", model_name="gpt-4o")
    kept = json.loads(json.dumps(stored(entry)))
    assert {name: restored(name, kept[name]) for name in FIELDS} == {
        **{name: getattr(entry, name) for name in FIELDS},
        "capabilities": list(entry.capabilities),
    }


@pytest.mark.parametrize(
    ("type", "model"), [("custom", "gpt-4o"), ("groq", "gpt-4o"), ("openai", "no-such"), ("openai", "sample_spec")]
)
def test_what_is_not_known_stays_open(type, model):
    assert lookup(type=type, model_name=model) == UNKNOWN


def test_the_map_is_read_without_importing_litellm():
    code = (
        "import sys; from providers.catalog.price_map import lookup; lookup(type='openai', model_name='gpt-4o'); "
        "sys.exit('litellm' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
