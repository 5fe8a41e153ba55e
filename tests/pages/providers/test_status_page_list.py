"""The page of status pages: what is there, an import by file, its refusals, and who may."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from access.keys import COMMAND_LINE
from providers.models import StatusPage
from providers.status_pages import actions
from tests.page import html_of
from tests.providers.status_pages.statuspage import incident, page

pytestmark = pytest.mark.django_db
URL = "/providers/status-pages"


def file_with(text: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("incidents.json", text.encode(), content_type="application/json")


def test_a_file_is_imported_and_what_was_left_out_is_said(client, alice):
    client.force_login(alice)
    assert "No status page yet" in html_of(client.get(URL))
    file = file_with(page(incident(1), incident(2, impact="awful")))
    html = html_of(client.post(URL, {"file": file, "url": "", "name": ""}, follow=True))
    assert "acme-ai: 2 added, 0 changed, 0 as before." in html
    assert "1 left out. id2: impact: Give one of" in html
    assert "from a file" in html
    row = StatusPage.objects.get()
    assert "are deleted" in html_of(client.post(f"{URL}/{row.pk}/delete", follow=True))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Give an address or a file"),
        ({"url": "ftp://x.example"}, "This address can&#x27;t be called"),
        ({"file": "nonsense"}, "This is not JSON"),
    ],
)
def test_what_is_no_status_page_is_said_beside_its_field(client, alice, fields, words):
    client.force_login(alice)
    said = {name: file_with(value) if name == "file" else value for name, value in fields.items()}
    answer = client.post(URL, said)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not StatusPage.objects.exists()


def test_a_page_that_could_not_be_read_shows_why_and_a_file_can_not_be_read_again(client, alice):
    client.force_login(alice)
    row = actions.import_content(by=COMMAND_LINE, content=page(incident())).page
    html = html_of(client.post(f"{URL}/{row.pk}/refresh", follow=True))
    assert "Import a newer file" in html
    StatusPage.objects.update(error="The page answered 503.")
    assert "The page answered 503." in html_of(client.get(URL))


def test_viewers_see_the_pages_and_cannot_import(client, charlie):
    client.force_login(charlie)
    html = html_of(client.get(URL))
    assert "Import incidents" not in html
    assert client.post(URL, {"file": file_with(page(incident()))}).status_code == 403
