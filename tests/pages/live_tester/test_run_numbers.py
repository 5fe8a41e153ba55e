"""The numbers of a run on its page: medians and ranges, what hangs on chance, and the file."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.test import Client
from django.utils.html import strip_tags

from access.models import User
from tester.models import Run
from tests.factories import make_group, make_model, make_provider

SOME: dict[str, Any] = {"num_requests": 60, "workload": {"kind": "poisson", "rate_per_s": 5}, "seed": 7, "seeds": 4}


def page_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def charlies_page(charlie: User) -> Client:
    return page_of(charlie)


@pytest.fixture
def bobs_page(bob: User) -> Client:
    return page_of(bob)


@pytest.fixture
def measured(as_bob, url):
    """A run whose seeds are all done."""

    def make(**asked: Any) -> Run:
        answer = as_bob.post(f"{url}?wait=seeds", {**SOME, **asked})
        return Run.objects.get(pk=answer.json()["run_id"])

    return make


def words(content: bytes) -> str:
    return " ".join(strip_tags(content.decode()).split())


def card(page: Client, run: Run) -> str:
    answer = page.get(f"/runs/{run.pk}/numbers", headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_page_has_each_number_with_its_median_and_range(charlies_page, measured):
    run = measured()
    low, middle, high = run.ranges["latency_p95_ms"]
    text = words(charlies_page.get(f"/runs/{run.pk}").content)
    assert "The same rehearsal under 4 seeds." in text
    assert f"Latency p95 {run.result['latency_p95_ms']:,.0f} ms {middle:,.0f} ms {low:,.0f} to {high:,.0f} ms" in text
    assert "Success 100 % 100 % 100 %" in text


def test_the_share_of_a_latency_based_group_hangs_on_chance_and_the_page_says_so(charlies_page, as_bob):
    models = [make_model(provider=make_provider(name=name)) for name in ("Nebius", "Fireworks")]
    group = make_group(name="fast", strategy="latency-based-routing", models=models)
    answer = as_bob.post(f"/v1/routing_group/{group.pk}/simulate?wait=seeds", {**SOME, "seeds": 10}).json()
    shares = [found for name, found in answer["ranges"].items() if name.startswith("share:")]
    assert all(high - low > 0.1 for low, _, high in shares)
    text = words(charlies_page.get(f"/runs/{answer['run_id']}").content)
    assert "Some numbers hang on chance. Over 10 seeds: share of" in text


def test_while_seeds_are_under_way_the_card_says_how_many_and_asks_again(charlies_page, bobs_page, measured):
    run = measured()
    Run.objects.update(measured=run.measured[:2])
    told = card(charlies_page, run)
    assert "2 of 4 seeds are done; the others follow." in words(told.encode())
    assert 'hx-trigger="every 1s"' in told
    assert "Stop the other seeds" not in told
    assert "Stop the other seeds" in card(bobs_page, run)
    bobs_page.post(f"/runs/{run.pk}/cancel")
    stopped = card(bobs_page, run)
    assert "2 of 4 seeds are done; the others were stopped." in words(stopped.encode())
    assert "hx-trigger" not in stopped


def test_one_seed_has_no_median_and_failures_have_their_cause(charlies_page, measured):
    told = words(card(charlies_page, measured(seeds=1, scenario="everything-down")).encode())
    assert "Median" not in told
    assert "Failed: all cooling down" in told
    assert "Success 0 %" in told


def test_without_a_result_the_card_is_hidden(charlies_page, measured):
    run = measured(seeds=1)
    Run.objects.update(result=None)
    assert "hidden" in card(charlies_page, run)
    assert charlies_page.get(f"/runs/{run.pk}").status_code == 200


def test_without_javascript_the_address_of_the_card_is_the_page(charlies_page, measured):
    run = measured(seeds=1)
    assert charlies_page.get(f"/runs/{run.pk}/numbers")["Location"] == f"/runs/{run.pk}"


def test_the_numbers_are_a_file(charlies_page, measured):
    run = measured()
    answer = charlies_page.get(f"/runs/{run.pk}/numbers.csv")
    assert answer["Content-Disposition"] == 'attachment; filename="chat-healthy-7.csv"'
    rows = {row["metric"]: row for row in csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))}
    assert float(rows["latency_p95_ms"]["median"]) == run.ranges["latency_p95_ms"].median
    assert rows["latency_p95_ms"]["seeds"] == "4"
