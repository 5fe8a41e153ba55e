"""Importing incidents: from a file and from an address, again and again, and what is refused."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from access.keys import COMMAND_LINE
from engine import addresses
from engine.exceptions import BadInput
from engine.history.page_reader import MOST_BYTES
from gateway.background import page_follower as background
from providers.models import ReportedIncident, StatusPage
from providers.status_pages import actions
from providers.status_pages.fetching import address_of_page
from tests.fakes import Exchange, ScriptedUpstream, Status
from tests.odd_servers import Moved, Page, Paths
from tests.providers.status_pages.statuspage import incident, page

pytestmark = pytest.mark.django_db
URL = "/api/v1/llm/status-pages"
PATH = "/api/v2/incidents.json"


@dataclass(frozen=True)
class Says:
    """A body of JSON."""

    text: str

    async def play(self, exchange: Exchange) -> None:
        body = self.text.encode()
        exchange.head(200, {"Content-Type": "application/json", "Content-Length": str(len(body))})
        exchange.writer.write(body)
        await exchange.writer.drain()


def served(upstream: ScriptedUpstream, *incidents: object) -> str:
    """The front of a status page with these incidents."""
    upstream.usual = Paths({PATH: Says(page(*incidents))})
    return upstream.url.removesuffix("/v1")


def stored() -> set[tuple[str, str]]:
    return set(ReportedIncident.objects.values_list("external_id", "service"))


def test_a_file_is_imported_and_its_incidents_can_be_rehearsed(as_alice):
    answer = as_alice.post(URL, {"content": page(incident(1), incident(2, impact="awful"))})
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert (told["added"], told["changed"], told["unchanged"]) == (2, 0, 0)
    assert told["services"] == ["acme-ai", "acme-ai-chat-api"]
    assert told["skipped"] == [
        {"incident": "id2", "why": "impact: Give one of none, maintenance, minor, major, critical."}
    ]
    assert {one.service for one in actions.stored_incidents()} == {"acme-ai", "acme-ai-chat-api"}
    (listed,) = as_alice.get(URL).json()["status_pages"]
    assert (listed["name"], listed["incidents"], listed["url"]) == ("acme-ai", 1, "")
    incidents = as_alice.get(f"{URL}/{listed['id']}/incidents").json()
    assert incidents["total"] == 2


def test_the_content_may_be_an_object_too(as_alice):
    body = {"content": {"page": {"name": "Acme"}, "incidents": [incident()]}, "name": "mine"}
    assert as_alice.post(URL, body).json()["status_page"]["name"] == "mine"


def test_what_changed_is_changed_and_what_the_page_forgot_stays():
    actions.import_content(by=COMMAND_LINE, content=page(incident(1), incident(2, resolved_at=None, status="open")))
    again = actions.import_content(by=COMMAND_LINE, content=page(incident(2), incident(3)))
    assert (again.added, again.changed, again.unchanged) == (2, 2, 0)
    assert {name for name, _ in stored()} == {"id1", "id2", "id3"}
    assert not ReportedIncident.objects.filter(end=None).exists()


def test_an_import_that_is_refused_changes_nothing(as_alice):
    actions.import_content(by=COMMAND_LINE, content=page(incident(1)))
    before = stored()
    answer = as_alice.post(URL, {"content": "nonsense", "name": "acme-ai"})
    assert answer.status_code == 400
    assert "not JSON" in str(answer.json()["content"])
    assert stored() == before


def test_an_address_is_read_at_the_usual_path_and_kept(as_alice, upstream):
    front = served(upstream, incident())
    answer = as_alice.post(URL, {"url": front})
    assert answer.status_code == 200, answer.content
    told = answer.json()["status_page"]
    assert told["url"] == f"{front}{PATH}"
    assert told["refreshed_at"] is not None
    served(upstream, incident(), incident(2))
    assert as_alice.post(f"{URL}/{told['id']}/refresh").json()["added"] == 2
    assert as_alice.delete(f"{URL}/{told['id']}").json()["deleted"] is True
    assert not stored()


def test_an_address_with_a_path_is_taken_as_it_is():
    assert address_of_page("https://status.example.com") == f"https://status.example.com{PATH}"
    assert address_of_page("https://status.example.com/feed.json") == "https://status.example.com/feed.json"


def test_a_redirect_is_followed_but_not_for_ever(upstream):
    front = served(upstream, incident())
    upstream.usual = Paths({"/old": Moved(f"{front}{PATH}"), PATH: Says(page(incident())), "/loop": Moved("/loop")})
    assert actions.import_from_url(by=COMMAND_LINE, url=f"{front}/old").added == 2
    with pytest.raises(BadInput, match="more than 3 times"):
        actions.import_from_url(by=COMMAND_LINE, url=f"{front}/loop")


def test_a_redirect_to_a_forbidden_address_is_refused_and_said(upstream):
    front = served(upstream)
    upstream.usual = Paths({"/old": Moved("http://169.254.169.254/latest"), "/file": Moved("file:///etc/passwd")})
    with pytest.raises(BadInput, match="redirects to an address that can't be called: Link-local"):
        actions.import_from_url(by=COMMAND_LINE, url=f"{front}/old")
    with pytest.raises(BadInput, match="redirects to an address that can't be called: give a URL"):
        actions.import_from_url(by=COMMAND_LINE, url=f"{front}/file")


def test_private_addresses_are_called_only_where_upstreams_may_have_them(upstream, monkeypatch):
    monkeypatch.setattr(addresses, "_adopted", addresses.AddressPolicy())
    with pytest.raises(BadInput, match="Private addresses are off"):
        actions.import_from_url(by=COMMAND_LINE, url=served(upstream, incident()))
    assert upstream.count == 0


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (Status(404), "answered 404"),
        (Page(), "not JSON"),
        (Says(" " * (MOST_BYTES + 1)), "larger than 5 MB"),
        (Says("{}"), "incidents.json"),
    ],
)
def test_a_page_that_is_none_has_a_clear_answer(upstream, behaviour, words):
    upstream.usual = Paths({PATH: behaviour})
    with pytest.raises(BadInput, match=words) as refused:
        actions.import_from_url(by=COMMAND_LINE, url=upstream.url.removesuffix("/v1"))
    assert refused.value.field == "url"


@pytest.mark.parametrize(
    "body", [{}, {"url": "https://x.example", "content": "{}"}, {"url": "ftp://x.example"}, {"url": "not an address"}]
)
def test_one_source_is_wanted_and_a_web_address(as_alice, body):
    answer = as_alice.post(URL, body)
    assert answer.status_code == 400
    assert "url" in answer.json()


def test_only_admins_import(as_bob, as_charlie):
    assert as_bob.post(URL, {"content": page(incident())}).status_code == 403
    assert as_charlie.get(URL).status_code == 200


def test_pages_are_read_again_in_the_background_when_they_are_due(upstream):
    actions.import_from_url(by=COMMAND_LINE, url=served(upstream, incident()))
    actions.import_content(by=COMMAND_LINE, content=page(incident(), name="From a file"))
    assert actions.claim_due(interval_s=3600) == []
    StatusPage.objects.update(refreshed_at=timezone.now() - timedelta(hours=2))
    (due,) = actions.claim_due(interval_s=3600)
    assert due.name == "acme-ai"
    assert actions.claim_due(interval_s=3600) == []  # another process has it


def test_a_page_that_fails_in_the_background_keeps_its_error_and_its_incidents(upstream, monkeypatch):
    monkeypatch.setattr("django.db.connections.close_all", lambda: None)
    actions.import_from_url(by=COMMAND_LINE, url=served(upstream, incident()))
    before = stored()
    StatusPage.objects.update(refreshed_at=None)
    upstream.usual = Status(503)
    background.look(interval_s=60)
    row = StatusPage.objects.get()
    assert row.error == "The page answered 503, where 200 was expected."
    assert stored() == before
    served(upstream, incident(), incident(2))
    StatusPage.objects.update(refreshed_at=None)
    background.look(interval_s=60)
    assert StatusPage.objects.get().error == ""
    assert len(stored()) == 4


def test_the_command_imports_a_file_and_refuses_what_is_none(tmp_path):
    out, err = io.StringIO(), io.StringIO()
    file = tmp_path / "incidents.json"
    file.write_text(page(incident(1), incident(2, impact="awful")))
    call_command("import_incidents", str(file), stdout=out, stderr=err)
    assert "acme-ai: 2 added, 0 changed, 0 as before. Services: acme-ai, acme-ai-chat-api." in out.getvalue()
    assert "Left out: id2: impact" in err.getvalue()
    file.write_text("nonsense")
    with pytest.raises(CommandError, match="Nothing was changed") as refused:
        call_command("import_incidents", str(file), stdout=out, stderr=err)
    assert refused.value.returncode == 2
    with pytest.raises(CommandError, match="can't be read"):
        call_command("import_incidents", str(tmp_path / "nothing.json"), stdout=out, stderr=err)
