"""How fast the deployments of a run were, on its page."""

from __future__ import annotations

from django.test import Client

from access.models import User
from pages.live_tester.run_speeds import speeds_of_run
from tester.models import Run
from tester.scene.drawings import drawn_group_of

MEASURED = {
    "first_token_ms": {"samples": [100.0, 200.0, 300.0, 9000.0]},
    "tokens_per_s": {"samples": [70.0, 50.0, 60.0, 60.0]},
    "paired": True,
    "prefill_tokens_per_s": 4000.0,
    "source": "measured",
    "rows": 1200,
    "oldest_at": "2026-11-28T10:00:00+00:00",
    "newest_at": "2026-11-30T10:00:00+00:00",
}


def page(client: Client, bob: User, run: Run) -> str:
    client.force_login(bob)
    html = client.get(f"/runs/{run.pk}").content.decode()
    return " ".join(html.split())


def test_a_run_says_which_profiles_are_measured_given_or_neither(client, bob, rehearsed, ids):
    run = rehearsed(num_requests=5)
    run.config["profiles"] = {ids[0]: MEASURED, ids[1]: {"first_token_ms": 7.0, "jitter": 0.0, "source": "given"}}
    run.save()
    html = page(client, bob, run)
    assert "measured: 1,200 answers, 2026-11-28 to 2026-11-30; prompts are read at 4,000 tokens/s" in html
    measured, given = speeds_of_run(run, drawn_group_of(run)).lines
    assert (measured.p50_ms, measured.p95_ms, measured.tokens_per_s) == (300, 9000, 60)
    assert (given.p50_ms, given.p95_ms, given.source) == (7, 7, "given")


def test_of_streams_and_whole_answers_those_are_shown_that_the_run_had(rehearsed, ids):
    run = rehearsed(num_requests=5)
    run.config["profiles"] = {ids[0]: {**MEASURED, "whole_answers": {"first_token_ms": 800.0, "rows": 30}}}
    (line,) = speeds_of_run(run, drawn_group_of(run)).lines
    assert (round(line.p50_ms / 10), line.source) == (78, "measured: 30 answers")
    run.config["workload"]["is_stream"] = True
    assert speeds_of_run(run, drawn_group_of(run)).lines[0].p50_ms == 300


def test_a_seed_says_whose_profiles_it_has_and_that_there_are_newer_ones(client, bob, simulate):
    first = simulate(num_requests=5, seed=9)["run_id"]
    run = Run.objects.get(pk=simulate(num_requests=5, seed=9)["run_id"])
    html = page(client, bob, run)
    assert f'<a href="/runs/{first}">the first run with this seed</a>' in html
    assert "newer measurements" not in html
    run.config["profiles_from"]["newer_measured_at"] = "2026-11-30T10:20:00+00:00"
    run.save()
    assert "There are newer measurements, the newest of 2026-11-30 10:20 UTC" in page(client, bob, run)
    assert "not measured, a typical model" in page(client, bob, run)


def test_a_run_says_what_its_deployments_take_at_a_time_and_what_that_cannot_know(client, bob, rehearsed, ids):
    run = rehearsed(num_requests=5)
    few = "<td>no limit: too few answers to tell</td>"
    html = page(client, bob, run)
    assert html.count(few) == 2
    assert "where others use the same upstream" not in html
    measured = {"source": "measured", "slots": 4, "queue": 6, "rows": 812, "most_at_once": 10}
    run.config["capacities"][ids[0]] = measured
    run.save()
    html = page(client, bob, run)
    assert "<td>4 at a time, 6 wait; measured: 812 answers</td>" in html
    assert "where others use the same upstream as well, fewer slots or none are found" in html
    del run.config["capacities"]
    run.save()
    assert "<td>not told</td>" in page(client, bob, run)


def test_runs_of_older_versions_still_have_their_page(client, bob, rehearsed, ids):
    run = rehearsed(num_requests=5)
    old = {"first_token_ms": 412.5, "tokens_per_s": 71.0, "jitter": 0.4, "source": "measured"}
    run.config["profiles"] = {ids[0]: old}
    run.save()
    assert speeds_of_run(run, drawn_group_of(run)).lines[0].source == "measured"
    assert "How fast the deployments answer in this run" in page(client, bob, run)
    run.config["profiles"] = {ids[0]: {"pace": "fast"}}
    run.save()
    assert "How fast the deployments answer in this run" not in page(client, bob, run)
