"""The cooldown board as a page."""

from __future__ import annotations

import pytest

from groups.models import RoutingGroup
from providers.models import LanguageModel, Provider
from tests.factories import make_group, make_model
from tests.page import HTMX, html_of
from tests.usage.cooling import cooling as make_cooling
from usage.models import BreakerTrip, CooldownRecord

pytestmark = pytest.mark.django_db
URL = "/providers/cooldowns"


@pytest.fixture
def cooling(db) -> CooldownRecord:
    return make_cooling()


def end_of(row: CooldownRecord) -> str:
    return f"{URL}/{row.breaker}/end"


def test_it_says_who_why_and_how_long(client, charlie, cooling):
    client.force_login(charlie)
    html = html_of(client.get(URL))
    for text in ("Llama", "Nebius", "chat", "2×429", "Slow down", "Cooling"):
        assert text in html, text
    assert end_of(cooling) not in html
    assert html_of(client.get(URL, headers=HTMX)).strip().startswith('<div id="cooldowns"')


def test_an_operator_ends_one(client, bob, cooling):
    client.force_login(bob)
    assert end_of(cooling) in html_of(client.get(URL))
    html = html_of(client.post(end_of(cooling), {"next": URL}, follow=True))
    assert "It is back in service." in html
    assert "Nothing cools down" in html
    assert "over already" in html_of(client.post(end_of(cooling), {"next": URL}, follow=True))


@pytest.mark.parametrize("person", ["charlie", "dora"])
def test_others_may_not(client, request, person, cooling):
    client.force_login(request.getfixturevalue(person))
    assert client.post(end_of(cooling)).status_code == 403
    assert CooldownRecord.objects.exists()


def test_an_end_is_not_got(client, bob, cooling):
    client.force_login(bob)
    assert client.get(end_of(cooling)).status_code == 405


def test_few_queries(client, bob, cooling, django_assert_num_queries):
    client.force_login(bob)
    with django_assert_num_queries(5):
        client.get(URL)


# Stop using


@pytest.fixture
def model(db) -> LanguageModel:
    model = make_model(name="llama")
    make_group(name="chat", models=[model])
    return model


def stop_of(row: LanguageModel | Provider) -> str:
    return f"{URL}/{'deployment' if isinstance(row, LanguageModel) else 'key'}:{row.pk}/stop"


def test_the_form_says_which_groups_use_it(client, bob, model):
    client.force_login(bob)
    html = html_of(client.get(stop_of(model)))
    for text in ("Stop using llama of", "It is used by chat.", "For how long", "15 minutes", "Why"):
        assert text in html, text


def test_an_operator_stops_a_deployment_and_uses_it_again(client, bob, model):
    client.force_login(bob)
    html = html_of(
        client.post(stop_of(model), {"for_s": "900", "why": "It answers nonsense.", "next": URL}, follow=True)
    )
    for text in ("is not used for 15 minutes", "Stopped by hand", "It answers nonsense.", ">bob<", "Use again"):
        assert text in html, text
    assert "It answers nonsense." in html_of(client.get("/"))
    assert "It answers nonsense." in html_of(client.get(f"/groups/{RoutingGroup.objects.get().pk}"))
    html = html_of(client.post(f"{URL}/deployment:{model.pk}/end", {"next": URL}, follow=True))
    assert "Nothing cools down" in html


def test_an_operator_stops_all_models_of_a_provider(client, bob, model):
    client.force_login(bob)
    provider = model.provider
    page = f"/providers/{provider.pk}"
    assert stop_of(provider) in html_of(client.get(page))
    html = html_of(client.post(stop_of(provider), {"for_s": "3600", "why": "maintenance", "next": page}, follow=True))
    for text in ("is not used for 1 hour", "Out of use now", f"All models of {provider.name}", "maintenance"):
        assert text in html, text


@pytest.mark.parametrize("fields", [{"for_s": "900"}, {"for_s": "7", "why": "x"}, {"for_s": "900", "why": "x" * 201}])
def test_a_form_with_a_mistake_comes_back(client, bob, model, fields):
    client.force_login(bob)
    answer = client.post(stop_of(model), fields)
    assert answer.status_code == 422
    assert 'class="error"' in html_of(answer)
    assert not BreakerTrip.objects.exists()


@pytest.mark.parametrize("person", ["charlie", "dora"])
def test_others_may_not_stop_anything(client, request, person, model):
    client.force_login(request.getfixturevalue(person))
    assert client.post(stop_of(model), {"for_s": "900", "why": "x"}).status_code == 403
    assert client.get(stop_of(model)).status_code == 403
    assert not BreakerTrip.objects.exists()


@pytest.mark.parametrize("name", ["deployment:x", "key:", "x", "deployment:00000000-0000-4000-8000-000000000001"])
def test_what_is_not_there_is_a_404(client, bob, name):
    client.force_login(bob)
    assert client.get(f"{URL}/{name}/stop").status_code == 404
