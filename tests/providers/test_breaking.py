"""A demo provider that is broken for a while."""

from __future__ import annotations

import pytest

from providers.demo.behaviour import PROVIDERS, DemoSettings, demo_at, store
from providers.demo.breaking import BROKEN_FOR_S, behaviour_at, break_for_a_while, broken_for_s, repair

NEBIUS, AZURE = PROVIDERS["nebius"], PROVIDERS["azure"]
NOW = 1_900_000_000.0


@pytest.fixture(autouse=True)
def _folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path


def test_a_broken_provider_fails_everything_and_works_again_by_itself():
    break_for_a_while(NEBIUS, now=NOW)
    assert broken_for_s(NEBIUS, now=NOW + 18) == pytest.approx(BROKEN_FOR_S - 18)
    broken = behaviour_at(NEBIUS, now=NOW + BROKEN_FOR_S - 1)
    assert (broken.failure_rate, broken.failure_status) == (1.0, 503)
    assert behaviour_at(NEBIUS, now=NOW + BROKEN_FOR_S) == NEBIUS.usual
    assert behaviour_at(AZURE, now=NOW) == AZURE.usual


def test_a_repaired_provider_behaves_as_it_was_set():
    store(NEBIUS, DemoSettings(latency_ms=7))
    break_for_a_while(NEBIUS, now=NOW)
    assert behaviour_at(NEBIUS, now=NOW).latency_ms == 7
    repair(NEBIUS)
    repair(NEBIUS)
    assert behaviour_at(NEBIUS, now=NOW) == DemoSettings(latency_ms=7)


def test_a_second_break_begins_anew():
    break_for_a_while(NEBIUS, now=NOW)
    break_for_a_while(NEBIUS, now=NOW + 40)
    assert broken_for_s(NEBIUS, now=NOW + 60) == pytest.approx(BROKEN_FOR_S - 20)


def test_only_the_demos_own_addresses_are_the_demos():
    assert demo_at("http://10.0.0.7:9000/demo/upstream/azure/v1") is AZURE
    assert demo_at("https://api.openai.com/v1") is None
    assert demo_at("") is None
