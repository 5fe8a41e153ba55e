"""Provider types and the price map."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal

import pytest

from providers.catalog import UNKNOWN, lookup
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


def test_a_model_is_found_under_litellms_prefix():
    assert lookup(type="fireworks", model_name="accounts/fireworks/models/llama-v3p3-70b-instruct").context_length
    assert lookup(type="nebius", model_name="meta-llama/Llama-3.3-70B-Instruct").input_cost_per_million == Decimal(
        "0.13"
    )


@pytest.mark.parametrize(
    ("type", "model"), [("custom", "gpt-4o"), ("groq", "gpt-4o"), ("openai", "no-such"), ("openai", "sample_spec")]
)
def test_what_is_not_known_stays_open(type, model):
    assert lookup(type=type, model_name=model) == UNKNOWN


def test_the_map_is_read_without_importing_litellm():
    code = (
        "import sys; from providers.catalog import lookup; lookup(type='openai', model_name='gpt-4o'); "
        "sys.exit('litellm' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
