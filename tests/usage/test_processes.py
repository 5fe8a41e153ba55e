"""Server processes list themselves, and say when they share nothing."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.utils import timezone

from engine.shared.store import StoreLink
from tests.page import html_of
from usage.alerting import settle
from usage.health.processes import KEPT_FOR, RUNS_FOR, processes_now, say_alive, say_ended
from usage.models import Alert, AlertKind, ServerProcess

pytestmark = pytest.mark.django_db


def running(*links: StoreLink) -> None:
    for link in links:
        say_alive(uuid4(), link=link)


@pytest.mark.parametrize(
    ("links", "trouble"),
    [
        ((), ""),
        ((StoreLink.ALONE,), ""),
        ((StoreLink.SHARING, StoreLink.SHARING), ""),
        ((StoreLink.ALONE, StoreLink.ALONE), "2 server processes share no state."),
        ((StoreLink.SHARING, StoreLink.ALONE), "2 server processes run, and 1 of them share no state."),
        ((StoreLink.AWAY,), "The server process can't reach Redis"),
        ((StoreLink.SHARING, StoreLink.AWAY), "1 of 2 server processes can't reach Redis"),
    ],
)
def test_processes_that_know_nothing_of_each_other_are_trouble(links, trouble):
    running(*links)
    assert processes_now().trouble.startswith(trouble)
    assert bool(processes_now().trouble) == bool(trouble)


def test_a_process_that_ended_or_says_nothing_any_more_does_not_count():
    one, other, ended = uuid4(), uuid4(), uuid4()
    for process in (one, other, ended):
        say_alive(process, link=StoreLink.ALONE)
    say_ended(ended)
    ServerProcess.objects.filter(pk=other).update(seen_at=timezone.now() - RUNS_FOR - timedelta(seconds=1))
    assert (processes_now().all, processes_now().trouble) == (1, "")
    ServerProcess.objects.filter(pk=other).update(seen_at=timezone.now() - KEPT_FOR - timedelta(seconds=1))
    say_alive(one, link=StoreLink.ALONE)
    assert [row.pk for row in ServerProcess.objects.all()] == [one]


def test_the_overview_and_verify_say_so(client, charlie, capsys):
    client.force_login(charlie)
    assert "share no state" not in html_of(client.get("/"))
    running(StoreLink.ALONE, StoreLink.ALONE)
    assert "2 server processes share no state" in html_of(client.get("/"))
    call_command("verify")
    assert "2 server processes share no state" in capsys.readouterr().out


def test_processes_with_other_secrets_than_the_rest_raise_an_alert(settings):
    say_alive(uuid4(), link=StoreLink.SHARING)
    settle([AlertKind.SECRETS_DIFFER])
    assert not Alert.objects.exists()
    settings.MASTER_KEY = "sk-rc-another"
    say_alive(other := uuid4(), link=StoreLink.SHARING)
    assert processes_now().trouble.startswith("2 server processes have 2 different sets of secrets.")
    settle([AlertKind.SECRETS_DIFFER])
    assert "SECRET_KEY" in Alert.objects.open().get().message
    say_ended(other)
    settle([AlertKind.SECRETS_DIFFER])
    assert not Alert.objects.open().exists()


def test_a_process_that_cannot_read_the_keys_raises_an_alert():
    say_alive(uuid4(), link=StoreLink.SHARING)
    say_alive(uuid4(), link=StoreLink.SHARING, reads_keys=False)
    assert processes_now().trouble.startswith("1 of 2 server processes can't read the stored API keys")
    settle([AlertKind.SECRETS_DIFFER])
    assert "ENCRYPTION_KEYS" in Alert.objects.open().get().message
