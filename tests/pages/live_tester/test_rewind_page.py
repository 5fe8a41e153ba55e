"""Rewinding an incident: from the pages that tell of one to a filled-in form, a run, and the same again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from pages.live_tester import views
from pages.live_tester.rewinding import rewind_url
from tester.models import Run
from tests.usage.logged import logged, tried
from usage.models import Alert, AlertKind

pytestmark = pytest.mark.django_db
BEGAN = datetime(2030, 1, 31, 14, 30, tzinfo=UTC)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are stored, and not begun."""
    monkeypatch.setattr(views, "conduct_in_background", lambda run, job: None)


@pytest.fixture
def incident(group):
    """Thirty requests in thirty seconds, of which the second half failed at the first deployment."""
    first = str(group.deployments.first().model_id)
    for n in range(30):
        at, has_failed = BEGAN + timedelta(seconds=n), n >= 15
        attempt = tried(
            status="error" if has_failed else "success",
            status_code=503 if has_failed else 200,
            deployment_id=first,
            started_at=at.isoformat(),
        )
        logged(
            f"{n:032x}", model_group=group.name, started_at=at, attempts=[attempt], status=503 if has_failed else 200
        )
    return group


def form_of(answer) -> dict[str, str]:
    """What a browser would send of the form as it is shown."""
    form = answer.context["form"]
    values = {field.name: field.value() for field in form if field.name not in ("traffic_file", "send", "confirmed")}
    return {name: str(value) for name, value in values.items() if value not in (None, "", False)}


def show(client, group, **period):
    return client.get(reverse("live-tester", args=[group.pk]), period)


PERIOD = {"from": "2030-01-31T14:30:00Z", "until": "2030-01-31T14:31:00Z"}


def test_a_link_fills_the_form_with_the_recorded_traffic_and_its_failures(bob, client, incident):
    client.force_login(bob)
    page = show(client, incident, **PERIOD)
    assert "30 requests from 2030-01-31 14:30:00 to 14:31:00 UTC, 15 failed." in page.content.decode()
    filled = form_of(page)
    assert (filled["traffic"], filled["recorded_from"]) == ("recorded", "2030-01-31 14:30:00")
    fault = json.loads(filled["faults"])
    assert (fault["kind"], fault["from_s"], fault["probability"]) == ("server_error", 14.5, 1.0)


def test_one_press_starts_it_and_the_run_can_be_changed_and_watched_again(bob, client, incident, started):
    client.force_login(bob)
    sent = form_of(show(client, incident, **PERIOD))
    assert client.post(reverse("live-tester", args=[incident.pk]), sent).status_code == 302
    run = Run.objects.get()
    assert (run.config["num_requests"], run.scenario) == (30, "recorded-failures")
    assert len(run.config["scenario"]["faults"]) == 1

    again = form_of(client.get(reverse("run", args=[run.pk])))
    assert (again["traffic"], again["arrivals_of"]) == ("again", str(run.pk))
    again.pop("faults")
    assert client.post(reverse("live-tester", args=[incident.pk]), again).status_code == 302
    healed = Run.objects.order_by("created_at").last()
    assert healed.config["workload"]["arrivals"] == run.config["workload"]["arrivals"]
    assert healed.config["scenario"]["faults"] == []


def test_where_nothing_was_recorded_it_says_so(bob, client, group):
    client.force_login(bob)
    text = show(client, group, **PERIOD).content.decode()
    assert "Nothing to rewind" in text
    assert "No request to" in text


@pytest.mark.parametrize("period", [{"from": "then"}, {**PERIOD, "until": "later"}])
def test_a_broken_link_says_so_too(bob, client, group, period):
    client.force_login(bob)
    assert "Nothing to rewind" in show(client, group, **period).content.decode()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"recorded_from": ""}, "This field is required."),
        ({"recorded_until": "soon"}, "Give a moment such as"),
        ({"recorded_until": "2030-01-31 14:00"}, "Give a moment after from."),
        ({"faults": "{"}, "line 1: no JSON."),
        ({"faults": '{"kind": "odd", "target": "*"}'}, "line 1.kind"),
        ({"faults": '{"kind": "timeout", "target": "nobody"}'}, "No deployment of"),
        ({"mode": "real"}, "Choose Mock for recorded traffic"),
        ({"traffic": "file"}, "This field is required."),
    ],
)
def test_bad_input_is_named_in_the_form(bob, client, incident, started, changed, words):
    client.force_login(bob)
    sent = form_of(show(client, incident, **PERIOD)) | changed
    answer = client.post(reverse("live-tester", args=[incident.pk]), sent)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03,10,20\n2023-11-16 18:17:09,1,2\n", 302, ""),
        ('{"at": "2030-01-31T14:30:00Z", "stream": true}\n{"at": "2030-01-31T14:30:05Z"}\n', 302, ""),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03,many,20\n", 422, "line 2: ContextTokens"),
        ("nothing\n", 422, "line 1: the header must name"),
        ('{"at": "2030-01-31T14:30:00Z"}\n{"at": 5}\n', 422, "line 2: at must look like"),
    ],
)
def test_a_file_is_a_workload(bob, client, group, started, text, status, words):
    client.force_login(bob)
    sent = form_of(show(client, group)) | {"traffic": "file"}
    file = SimpleUploadedFile("traffic.txt", text.encode())
    answer = client.post(reverse("live-tester", args=[group.pk]), {**sent, "traffic_file": file})
    assert answer.status_code == status
    assert words in answer.content.decode()
    if status == 302:
        assert Run.objects.get().config["num_requests"] == 2


def test_a_link_begins_before_the_trouble(group):
    address = urlsplit(rewind_url(group.pk, BEGAN, BEGAN + timedelta(minutes=5)))
    query = parse_qs(address.query)
    assert query == {"from": ["2030-01-31T14:28:00.000000Z"], "until": ["2030-01-31T14:35:00.000000Z"]}


@pytest.mark.parametrize("page", ["home", "alert-list"])
def test_an_open_alert_of_a_group_can_be_rewound(bob, client, group, page):
    client.force_login(bob)
    Alert.objects.create(
        kind=AlertKind.GROUP_FAILING, subject=group.name, message="It fails.", raised_at=timezone.now()
    )
    text = client.get(reverse(page)).content.decode()
    assert "Rewind this incident" in text
    assert f"{reverse('live-tester', args=[group.pk])}?from=" in text


def test_the_page_of_a_group_rewinds_the_last_minutes(bob, client, group):
    client.force_login(bob)
    assert "Rewind the last 15 minutes" in client.get(reverse("group-detail", args=[group.pk])).content.decode()
