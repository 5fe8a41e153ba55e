"""Rights: every address of the URL configuration, requested with every role.

An address that is added without a line in RULES fails. Rights that hang on whose thing it is (my key, our team) are
tested where they live; here it counts who gets through the door at all.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from access.actions import issue_key, revoke_key
from access.keys import COMMAND_LINE
from access.models import ApiKey, Role, User
from gateway.doors import paths
from tests.rights import ANYBODY, HOT_ROUTES, KNOWN, RULES

SOMETHING = uuid.UUID(int=7)
EXAMPLES = {"uuid": SOMETHING, "string": SOMETHING, "slug": SOMETHING, "int": 7, "path": SOMETHING}
# Django's own pages for staff.
NOT_OURS = "admin"
API = ("/v1/", "/api/v1/", "/api/schema")
CHANGES = ("post", "put", "patch", "delete")
Ask = Callable[[str, str], HttpResponse]


def routes(patterns: list[Any], before: str = "/") -> Iterator[tuple[str, str]]:
    """The name of each address, and an example of it."""
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield pattern.name or str(pattern.pattern), before + example_of(pattern)
        elif isinstance(pattern, URLResolver) and pattern.namespace != NOT_OURS:
            yield from routes(pattern.url_patterns, before + str(pattern.pattern))


def example_of(pattern: URLPattern) -> str:
    route = str(pattern.pattern)
    for name, converter in pattern.pattern.converters.items():
        kind = type(converter).__name__.removesuffix("Converter").lower()
        route = route.replace(f"<{'str' if kind == 'string' else kind}:{name}>", str(EXAMPLES[kind]))
    return route


ROUTES = dict(routes(get_resolver().url_patterns))


@pytest.fixture
def people(alice: User, bob: User, charlie: User, dora: User) -> dict[str, Role]:
    return {user.username: user.effective_role for user in (alice, bob, charlie, dora)}


@pytest.fixture
def with_keys(people: dict[str, Role], alice: User) -> dict[str, Ask]:
    """Everybody with a key of their own, and what an admin's key is worth when it is over."""
    keys = {name: new_key(User.objects.get(username=name))[1] for name in people}
    expired, keys["an expired key"] = new_key(alice)
    ApiKey.objects.filter(pk=expired.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    revoked, keys["a revoked key"] = new_key(alice)
    revoke_key(by=COMMAND_LINE, key=revoked)
    return {who: asking(Client(headers={"Authorization": f"Bearer {key}"})) for who, key in keys.items()}


@pytest.fixture
def with_sessions(people: dict[str, Role]) -> dict[str, Ask]:
    clients = {name: Client() for name in people}
    for name, client in clients.items():
        client.force_login(User.objects.get(username=name))
    return {name: asking(client) for name, client in clients.items()}


def new_key(owner: User) -> tuple[ApiKey, str]:
    return issue_key(by=COMMAND_LINE, owner=owner, name="test")


def asking(client: Client) -> Ask:
    def ask(method: str, url: str) -> HttpResponse:
        is_json = method != "get" and url.startswith(API)
        body = {"data": "{}", "content_type": "application/json"} if is_json else {}
        answer: HttpResponse = getattr(client, method)(url, **body)
        return answer

    return ask


def was_let_in(answer: HttpResponse) -> bool:
    is_sent_away = answer.status_code == 302 and answer.headers["Location"].startswith("/sign-in?next=")
    return answer.status_code not in (401, 403) and not is_sent_away


def may(role: Role | None, wanted: str) -> bool:
    """Whether this role (None: not signed in) may open an address with this rule."""
    if wanted == ANYBODY or role is None:
        return wanted == ANYBODY
    return wanted == KNOWN or role.includes(Role(wanted))


def test_every_address_has_a_rule_and_every_rule_an_address():
    assert sorted(ROUTES) == sorted(RULES)
    assert {*paths.WAYS} == HOT_ROUTES


@pytest.mark.parametrize("name", sorted(ROUTES))
def test_an_address_opens_for_the_roles_in_the_table(name: str, people: dict, with_keys: dict, with_sessions: dict):
    is_api = ROUTES[name].startswith(API)
    callers = {**with_sessions, "nobody": asking(Client()), **(with_keys if is_api else {})}
    seen, wanted = {}, {}
    for method in ("get", *CHANGES) if is_api else ("get", "post"):
        for who, ask in callers.items():
            answer = ask(method, ROUTES[name])
            if answer.status_code != 405:
                seen[method, who] = was_let_in(answer)
                wanted[method, who] = may(people.get(who), RULES[name][method != "get"])
    assert seen == wanted
    assert seen, "no method is answered at all"
