"""The states of providers on the overview: traffic decides, the probe only without any."""

from __future__ import annotations

import pytest

from pages.overview.provider_states import provider_lines, state_of
from tester.scene.states import CardState
from tests.factories import make_provider
from tests.usage.logged import logged, tried
from usage.health.recent import Tries


def tries(tried: int, failed: int) -> Tries:
    return Tries("p", "Nebius", tried, failed)


@pytest.mark.parametrize(
    ("has_error", "recent", "cut_off", "state"),
    [
        (False, None, None, CardState.STANDBY),
        (True, None, None, CardState.DOWN),
        (False, tries(100, 0), None, CardState.ANSWERING),
        (False, tries(100, 6), None, CardState.DEGRADED),
        (False, tries(100, 60), None, CardState.DOWN),
        (False, tries(100, 3), "UpstreamConnectionError", CardState.DOWN),
        (False, None, "UpstreamConnectionError", CardState.DOWN),
        (False, tries(100, 100), "AuthenticationError", CardState.KEY_REJECTED),
        (False, tries(100, 100), "RateLimitError", CardState.OVER_QUOTA),
    ],
)
def test_a_state_follows_the_attempts(has_error, recent, cut_off, state):
    assert state_of(has_error=has_error, recent=recent, cut_off=cut_off) is state


@pytest.mark.django_db
def test_providers_that_fail_come_first_and_are_not_counted_as_answering(django_assert_num_queries):
    well, down = make_provider(name="Azure"), make_provider(name="Nebius")
    make_provider(name="Off", enabled=False)
    for number in range(3):
        attempts = [
            tried("Nebius", status="error", provider_id=str(down.pk), moved_on="fallback_error"),
            tried("Azure", provider_id=str(well.pk)),
        ]
        logged(f"a{number}", age_min=0, attempts=attempts)
    with django_assert_num_queries(3):
        found = provider_lines([])
    assert [(line.name, line.state, line.answered, line.tried) for line in found.shown] == [
        ("Nebius", CardState.DOWN, 0, 3),
        ("Azure", CardState.ANSWERING, 3, 3),
    ]
    assert (found.on, found.answering, found.failing) == (2, 1, 1)
