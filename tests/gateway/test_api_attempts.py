"""`/v1/requests/{call_id}/attempts` where there is nothing to find."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("call_id", ["%F0%9F%A6%84", "a.b", "%27"])
def test_what_no_request_can_be_called_is_not_found(as_charlie, call_id):
    answer = as_charlie.get(f"/v1/requests/{call_id}/attempts")
    assert (answer.status_code, list(answer.json())) == (404, ["detail"])
