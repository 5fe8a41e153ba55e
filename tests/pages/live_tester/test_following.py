"""The Live Tester's form follows the chosen scenario, and with its defaults every failure scenario strikes."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import pytest

from engine.faults.scenarios import SCENARIOS
from pages.live_tester import views
from pages.live_tester.following import controls_for, followed
from tests.engine.working import WorkerProcess
from tests.factories import make_group, make_model, make_provider
from tests.page import html_of

FAILING = [name for name in SCENARIOS if name != "healthy"]


class Form(HTMLParser):
    """What a browser would post of the form `simulate` when nobody touches it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._select = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        row = {name: value or "" for name, value in attrs}
        if tag == "select" and row.get("form") == "simulate":
            self._select = row["name"]
        elif tag == "option" and self._select and "selected" in row:
            self.values[self._select] = row["value"]
        elif tag == "input" and row.get("name") and (row["type"] not in ("radio", "checkbox") or "checked" in row):
            self.values[row["name"]] = row.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The jobs that were handed to the background."""
    found: list[Any] = []
    monkeypatch.setattr(views, "conduct_in_background", lambda run, job: found.append(job))
    return found


@pytest.fixture(params=["priority-failover", "weighted", "simple-shuffle"])
def any_group(request: pytest.FixtureRequest, db: None) -> Any:
    models = [make_model(provider=make_provider(name=name)) for name in ("Nebius", "Fireworks", "Azure")]
    return _in_a_region(make_group(name="chat", strategy=request.param, models=models))


@pytest.fixture
def group(group: Any) -> Any:
    return _in_a_region(group)


def _in_a_region(group: Any) -> Any:
    """The outage of a region is offered where one is known."""
    group.deployments.update(region="eu-west-1")
    return group


@pytest.fixture(scope="module")
def worker() -> Iterator[WorkerProcess]:
    with WorkerProcess() as process:
        yield process


def page(client: Any, group: Any, query: str = "") -> str:
    return html_of(client.get(f"/groups/{group.pk}/live{query}"))


@pytest.mark.parametrize("name", FAILING)
def test_every_failure_scenario_strikes_with_the_defaults_of_the_page(client, bob, any_group, started, worker, name):
    client.force_login(bob)
    untouched = Form(page(client, any_group, f"?scenario={name}")).values
    assert client.post(f"/groups/{any_group.pk}/live", {**untouched, "seed": "7"}).status_code == 302
    _, result = worker.run(started[0])
    assert result["faults_not_struck"] == []


@pytest.mark.parametrize("name", FAILING)
def test_without_javascript_choosing_a_scenario_and_pressing_the_button_is_the_same(client, bob, group, started, name):
    client.force_login(bob)
    for query, chosen in (("", {"scenario": name}), (f"?scenario={name}", {})):
        client.post(f"/groups/{group.pk}/live", {**Form(page(client, group, query)).values, **chosen, "seed": "7"})
    first, second = started
    assert first.workload == second.workload
    assert first.scenario.name == name


def test_the_page_says_what_the_chosen_scenario_does_and_lists_the_others(client, bob, group):
    client.force_login(bob)
    html = page(client, group, "?scenario=revoked-key")
    assert f'id="scenario-does">{SCENARIOS["revoked-key"].description}<' in html.replace("&#x27;", "'")
    assert all(f'?scenario={name}"' in html for name in SCENARIOS)


def test_htmx_gets_the_controls_that_follow(client, bob, group):
    client.force_login(bob)
    sent = {"scenario": "broken-streams", "filled_for": "healthy", "num_requests": "77", "traffic": "closed"}
    html = page(client, group, "?" + "&".join(f"{name}={value}" for name, value in sent.items()))
    values = Form(html).values
    assert (values["num_requests"], values["traffic"], values["answers"]) == ("77", "poisson", "streamed")
    assert (values["filled_for"], values["scenario"]) == ("broken-streams", "broken-streams")


def said(scenario: str, before: str | None = "healthy", **typed: str) -> dict[str, str]:
    shown = {} if before is None else {**{n: str(v) for n, v in controls_for(before).items()}, "filled_for": before}
    return {**shown, "scenario": scenario, **typed}


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        (said("primary-outage"), {"num_requests": 450, "traffic": "poisson", "rate_per_s": 5}),
        (said("primary-outage", num_requests="60"), {"num_requests": 60, "traffic": "poisson"}),
        (said("primary-outage", concurrency="20"), {"num_requests": 450, "traffic": "closed", "concurrency": 20}),
        (said("primary-outage", traffic="poisson", rate_per_s="40"), {"num_requests": 3600, "rate_per_s": 40}),
        (said("small-context"), {"input_tokens": 1500, "answers": "whole"}),
        (said("small-context", input_tokens="20"), {"input_tokens": 20}),
        (said("healthy", "broken-streams"), {"num_requests": 100, "traffic": "closed", "answers": "whole"}),
        (said("healthy", "small-context"), {"input_tokens": 500, "concurrency": 10}),
        (said("slow-creep", None, num_requests="9", concurrency="2"), {"num_requests": 9, "traffic": "closed"}),
    ],
)
def test_what_somebody_changed_stays_and_the_rest_follows(form: dict[str, str], wanted: dict[str, Any]):
    assert wanted.items() <= followed(form).items()


def test_real_requests_are_no_more_than_without_a_scenario_unless_somebody_says_so():
    untouched = said("primary-outage", "primary-outage", mode="real")
    assert {"num_requests": 100, "traffic": "closed", "filled_for": "healthy"}.items() <= followed(untouched).items()
    assert followed({**untouched, "num_requests": "3"})["num_requests"] == 3


def test_back_at_mock_the_controls_follow_the_scenario_again():
    assert followed(said("primary-outage", "healthy", mode="mock"))["num_requests"] == 450


@pytest.mark.parametrize(
    "form",
    [
        said("healthy"),
        said("meteor"),
        said("primary-outage", num_requests="many"),
        said("primary-outage", traffic="trickle"),
        {},
    ],
)
def test_a_form_that_has_followed_or_says_nonsense_is_left_alone(form: dict[str, str]):
    assert followed(form) == {}


def test_a_newcomer_is_offered_an_outage_that_begins_and_ends_inside_the_run(client, bob, group):
    client.force_login(bob)
    values = Form(page(client, group, "")).values
    assert (values["scenario"], values["filled_for"]) == ("primary-outage", "primary-outage")
    assert (values["num_requests"], values["traffic"], values["rate_per_s"]) == ("450", "poisson", "5")


def test_the_healthy_run_is_still_one_choice_away(client, bob, group):
    client.force_login(bob)
    values = Form(page(client, group, "?scenario=healthy")).values
    assert (values["scenario"], values["num_requests"], values["traffic"]) == ("healthy", "100", "closed")


def test_htmx_gets_the_controls_of_real_requests(client, bob, group):
    client.force_login(bob)
    shown = Form(page(client, group, "")).values
    sent = {name: shown[name] for name in ("scenario", "filled_for", "num_requests", "traffic", "rate_per_s")}
    html = page(client, group, f"?{urlencode({**sent, 'mode': 'real'})}")
    values = Form(html).values
    assert (values["mode"], values["num_requests"], values["traffic"]) == ("real", "100", "closed")
