"""Whether an attempt counts as a failure of its provider."""

from __future__ import annotations

import pytest

from tests.usage.logged import tried
from usage.request_log.attempts import has_failed


@pytest.mark.parametrize("status_code", [401, 402, 403, 404, 408, 429, 500, 502, 503, 529, None])
def test_a_provider_failed_what_it_did_not_answer(status_code):
    assert has_failed(tried(status="error", status_code=status_code)) is True


def test_a_provider_did_not_fail_what_it_answered():
    assert has_failed(tried()) is False


@pytest.mark.parametrize("status_code", [400, 413, 422])
def test_a_bad_request_says_nothing_about_the_provider(status_code):
    assert has_failed(tried(status="error", status_code=status_code)) is None


@pytest.mark.parametrize("status", ["pending", "cancelled"])
def test_an_attempt_without_an_end_says_nothing(status):
    assert has_failed(tried(status=status, status_code=None)) is None


@pytest.mark.parametrize(("status_code", "failed"), [(401, None), (402, None), (429, None), (500, True), (None, True)])
def test_the_refusal_of_a_callers_own_key_is_the_callers_trouble(status_code, failed):
    assert has_failed(tried(status="error", status_code=status_code, own_key=True)) is failed
