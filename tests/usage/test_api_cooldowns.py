"""`/api/v1/llm/cooldowns`."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from providers import config_version
from usage.models import CooldownRecord

pytestmark = pytest.mark.django_db
URL = "/api/v1/llm/cooldowns"
GROUP, DEPLOYMENT = uuid4(), uuid4()


def cooling(*, left_s: float = 30, **fields) -> CooldownRecord:
    now = timezone.now()
    values = {
        "process": uuid4(),
        "group_id": GROUP,
        "group_name": "chat",
        "deployment_id": DEPLOYMENT,
        "deployment_name": "Llama",
        "provider": "Nebius",
        "error_class": "RateLimitError",
        "error": "Slow down",
        "since": now,
        "until": now + timedelta(seconds=left_s),
    }
    return CooldownRecord.objects.create(**{**values, **fields})


def test_the_board_merges_the_processes_and_leaves_out_what_is_over(as_charlie):
    cooling(left_s=10)
    cooling(left_s=30)
    cooling(left_s=-1, deployment_id=uuid4())
    body = as_charlie.get(URL).json()
    (row,) = body["cooldowns"]
    expected = {"group": "chat", "deployment": "Llama", "provider": "Nebius", "error": "Slow down", "processes": 2}
    assert row.items() >= expected.items()
    assert 15 <= row["seconds_left"] <= 30
    assert (row["id"], body["total"]) == (f"{GROUP}.{DEPLOYMENT}", 1)


def test_a_reset_deletes_the_rows_of_all_processes_and_tells_them(as_bob):
    cooling()
    cooling()
    other = cooling(group_id=uuid4())
    version = config_version.current()
    answer = as_bob.delete(f"{URL}/{GROUP}.{DEPLOYMENT}")
    assert (answer.status_code, answer.json()["processes"]) == (200, 2)
    assert list(CooldownRecord.objects.all()) == [other]
    assert config_version.current() == version + 1


@pytest.mark.parametrize("row_id", [f"{GROUP}.{DEPLOYMENT}", "x", f"{GROUP}", f"{GROUP}.7", "%00"])
def test_what_does_not_cool_down_is_404(as_bob, row_id):
    answer = as_bob.delete(f"{URL}/{row_id}")
    assert (answer.status_code, list(answer.json())) == (404, ["detail"])


def test_rights_and_wrong_methods(as_alice, as_charlie, as_dora, as_nobody):
    cooling()
    one = f"{URL}/{GROUP}.{DEPLOYMENT}"
    assert {as_charlie.delete(one).status_code, as_dora.delete(one).status_code, as_dora.get(URL).status_code} == {403}
    assert {as_nobody.get(URL).status_code, as_nobody.delete(one).status_code} == {401}
    assert (as_alice.post(URL).status_code, as_alice.get(one).status_code) == (405, 405)


def test_the_board_takes_the_same_queries_for_many_rows(as_charlie, django_assert_num_queries):
    for _ in range(5):
        cooling(deployment_id=uuid4())
    with django_assert_num_queries(3):  # the key, the rows
        as_charlie.get(URL)
