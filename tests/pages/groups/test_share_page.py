"""Read-only links to the traffic of a group: made and revoked by operators, opened by anybody."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from access.models import User
from groups.models import Deployment, RoutingGroup, SharedLink
from groups.sharing.links import MOST_LINKS, link_of, share_group, token_of
from pages.groups.home import live_parts
from pages.groups.home.shared_views import SharedViews
from tests.factories import make_model, make_provider
from tests.page import html_of
from tests.usage.log import finished, log
from tests.usage.logged import tried
from usage.models import Alert, AlertKind, BreakerTrip

pytestmark = pytest.mark.django_db
WEEK = timedelta(days=7)


@pytest.fixture
def group() -> RoutingGroup:
    group = RoutingGroup.objects.create(
        name="chat", description="internal words", strategy="weighted", created_by="mira", updated_by="mira"
    )
    Deployment.objects.create(
        group=group, position=0, weight=1, model=make_model(provider=make_provider(name="Nebius"))
    )
    return group


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_parts, "shared", SharedViews(seconds=0.0))


def link_to(group: RoutingGroup, bob: User) -> str:
    """The path of a new link."""
    return f"/shared/{token_of(share_group(by=bob, group=group, length=WEEK))}"


def busy(group: RoutingGroup) -> None:
    """A request with all that a public page must not show, an alert, and a trip by hand."""
    place = str(group.deployments.get().model_id)
    bad = tried("Nebius", deployment_id=place, status="error", error_class="Timeout", error_message="secret words")
    who: dict[str, Any] = {"owner": "dora", "key_name": "dora's key", "key_id": "k1", "team": "secret team"}
    good = tried("Azure", tier=2, fallback_depth=1)
    log(finished("c" * 32, model_group="chat", fell_back=True, attempts=[bad, good], **who))
    log(finished("d" * 32, model_group="chat", status=503, error_class="Timeout", attempts=[bad], **who))
    now = timezone.now()
    until = now + WEEK
    BreakerTrip.objects.create(
        breaker=f"deployment:{place}", provider="Nebius", why="told me", by="mira", since=now, until=until
    )
    Alert.objects.create(kind=AlertKind.GROUP_FAILING, subject="chat", message="chat failed 1 of 2.", raised_at=now)


def test_an_operator_makes_a_link_and_anybody_opens_it(client, bob, group):
    client.force_login(bob)
    answer = client.post(f"/groups/{group.pk}/share", {"days": "7"}, follow=True)
    [link] = SharedLink.objects.all()
    assert link.created_by == "bob"
    assert timedelta(days=6, hours=23) < link.expires_at - timezone.now() <= WEEK
    path = urlsplit(answer.context["links"][0].url).path
    assert path in html_of(answer)
    shown = html_of(Client().get(path))
    assert "chat" in shown
    assert "No requests in the last 15 minutes." in shown


def test_the_shared_page_shows_the_traffic_and_no_keys_prompts_or_people(bob, group):
    busy(group)
    path, visitor = link_to(group, bob), Client()
    for html in (html_of(visitor.get(path)), visitor.get(f"{path}/now").content.decode()):
        assert "1 of 2 failed" in html
        assert "chat failed 1 of 2." in html
        for secret in (
            "dora",
            "mira",
            "bob",
            "secret",
            "told me",
            "k1",
            "internal words",
            "c" * 32,
            "/requests",
            "/keys",
        ):
            assert secret not in html, secret
        assert "<form" not in html
        assert "/end" not in html


def test_nobody_may_frame_index_keep_or_pass_on_the_shared_page(bob, group):
    answer = Client().get(link_to(group, bob))
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in answer.headers["X-Robots-Tag"]
    assert "no-store" in answer.headers["Cache-Control"]
    assert not answer.cookies


@pytest.mark.parametrize("end", ["", "/now"])
def test_a_link_opens_nothing_once_it_is_expired_revoked_forged_or_of_a_group_that_is_gone(client, bob, group, end):
    path = link_to(group, bob)
    link = SharedLink.objects.get()
    assert client.get(path + end).status_code == 200
    assert client.get(f"{path[:-2]}xx{end}").status_code == 404
    assert client.get(f"/shared/{link.pk.hex}{end}").status_code == 404
    SharedLink.objects.update(expires_at=timezone.now())
    assert client.get(path + end).status_code == 404
    SharedLink.objects.update(expires_at=timezone.now() + WEEK)
    client.force_login(bob)
    client.post(f"/groups/{group.pk}/share/{link.pk}/revoke")
    assert client.get(path + end).status_code == 404
    assert SharedLink.objects.get().revoked_by == "bob"
    SharedLink.objects.update(revoked_at=None)
    RoutingGroup.objects.all().delete()
    assert client.get(path + end).status_code == 404


def test_a_forged_token_asks_no_database(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert link_of("0" * 32 + ":forged") is None


def test_a_link_needs_a_known_length_and_a_group_has_only_so_many(client, bob, group):
    client.force_login(bob)
    answer = client.post(f"/groups/{group.pk}/share", {"days": "9999"})
    assert answer.status_code == 422
    assert "Choose 1, 7, 30 or 90 days." in html_of(answer)
    for _ in range(MOST_LINKS):
        share_group(by=bob, group=group, length=WEEK)
    answer = client.post(f"/groups/{group.pk}/share", {"days": "1"})
    assert answer.status_code == 422
    assert "Revoke one first." in html_of(answer)


def test_viewers_see_no_links_and_make_none(client, charlie, bob, group):
    link_to(group, bob)
    client.force_login(charlie)
    assert f"/groups/{group.pk}/share" not in html_of(client.get(f"/groups/{group.pk}"))
    assert client.get(f"/groups/{group.pk}/share").status_code == 403
    assert client.post(f"/groups/{group.pk}/share", {"days": "1"}).status_code == 403
    assert SharedLink.objects.count() == 1
