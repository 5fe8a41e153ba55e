"""One search over pages, actions, requests, groups, models, providers and keys, for what a person may see."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.http import urlencode

from access.models import ApiKey, Role, User
from access.rules import visible_keys
from groups.models import RoutingGroup, VirtualModel
from pages.discs import Disc, disc_of
from pages.palette.destinations import ACTIONS, PAGES, VERBS, Destination, GroupVerb, those_of, verb_in
from providers.models import LanguageModel, Provider
from providers.presets import preset_of
from usage.models import RequestRecord
from usage.rules import owner_seen_by

# A call id is found by its first characters; shorter ones would be any word.
CALL_ID = re.compile(r"[0-9a-f]{6,32}|[0-9a-f-]{20,64}")


@dataclass(frozen=True, slots=True)
class Hit:
    """One result, and the page that it opens."""

    title: str
    note: str
    url: str
    icon: str = ""
    disc: Disc | None = None


@dataclass(frozen=True, slots=True)
class HitList:
    """The hits of one kind; `has_more` if there are more than requested."""

    title: str
    hits: tuple[Hit, ...]
    has_more: bool = False


def find(text: str, *, reader: User, most: int) -> list[HitList]:
    """The matches by kind, at most `most` of each; for an empty text the pages and what can be made.

    A query for each kind, each with a limit: requests by their primary key, the others by name. Keys are found by
    name; nothing of their secrets is read.
    """
    pages = _places("Pages", reader, PAGES, text)
    actions = _places("Actions", reader, ACTIONS, text)
    kinds = [actions, pages] if not text else [*_stored(text, reader, most), actions, pages]
    return [kind for kind in kinds if kind.hits]


def _places(title: str, reader: User, places: Iterable[Destination], text: str) -> HitList:
    found = those_of(reader, places, text)
    return HitList(title, tuple(Hit(place.title, place.note, place.url, place.icon) for place in found))


def _stored(text: str, reader: User, most: int) -> list[HitList]:
    """What is in the database; without a role only one's own requests."""
    role = reader.effective_role
    found = [_requests(text, reader, most)]
    if not role.includes(Role.VIEWER):
        return found
    if verb := verb_in(text, role):
        found.append(_told(*verb, most))
    groups = _groups(text, most)
    keys = visible_keys(reader).select_related("owner").filter(name__icontains=text)
    models = LanguageModel.objects.select_related("provider").matching(q=text)
    return [
        *found,
        groups,
        _verbs(groups, role),
        _kind("Virtual models", VirtualModel.objects.matching(q=text), _of_virtual, most),
        _kind("Providers", Provider.objects.matching(q=text), _of_provider, most),
        _kind("Models", models, _of_model, most),
        _kind("API keys", keys.order_by("name", "pk"), _of_key, most),
    ]


def _requests(text: str, reader: User, most: int) -> HitList:
    if not CALL_ID.fullmatch(text.lower()):
        return HitList("Requests", ())
    rows = RequestRecord.objects.whose_id_begins(text) if "-" not in text else _exactly(text)
    owner = owner_seen_by(reader)
    rows = rows.filter(owner=owner) if owner else rows
    return _kind("Requests", rows.order_by("pk").only("model_group", "outcome", "started_at"), _of_request, most)


def _exactly(call_id: str) -> QuerySet[RequestRecord]:
    return RequestRecord.objects.filter(pk=call_id.lower())


def _groups(text: str, most: int) -> HitList:
    """Groups whose name begins with the text, then those that have it anywhere."""
    first = list(RoutingGroup.objects.filter(name__istartswith=text).order_by("name")[: most + 1])
    left = most + 1 - len(first)
    rest = RoutingGroup.objects.matching(q=text).exclude(name__istartswith=text).order_by("name")[:left] if left else []
    hits = tuple(_of_group(group) for group in (*first, *rest))
    return HitList("Groups", hits[:most], has_more=len(hits) > most)


def _told(verb: GroupVerb, name: str, most: int) -> HitList:
    """A verb of several groups: what `rehearse chat` asks for."""
    groups = RoutingGroup.objects.filter(name__icontains=name).order_by("name")
    return _kind(verb.title, groups, lambda group: _of_verb(verb, group.name, group.pk), most)


def _verbs(groups: HitList, role: Role) -> HitList:
    """What can be done with the first group that was found."""
    if not groups.hits:
        return HitList("", ())
    name, home = groups.hits[0].title, groups.hits[0].url
    pk = home.rsplit("/", 1)[1]
    verbs = [_of_verb(verb, name, pk) for verb in VERBS if role.includes(verb.role)]
    failed = f"{reverse('request-list')}?{urlencode({'group': name, 'outcome': 'failed'})}"
    return HitList(f"Actions on {name}", (*verbs, Hit(f"Failed requests of {name}", "", failed, "activity")))


def _kind(title: str, rows: QuerySet[Any], hit_of: Callable[[Any], Hit], most: int) -> HitList:
    hits = tuple(hit_of(row) for row in rows[: most + 1])
    return HitList(title, hits[:most], has_more=len(hits) > most)


def _of_request(record: RequestRecord) -> Hit:
    note = f"{record.model_group} · {record.outcome} · {record.started_at:%Y-%m-%d %H:%M:%S} UTC"
    return Hit(record.call_id, note, reverse("request-detail", args=[record.call_id]), "activity")


def _of_group(group: RoutingGroup) -> Hit:
    note = group.get_strategy_display()
    note = note if group.is_active else f"{note}, inactive"
    return Hit(group.name, note, reverse("group-detail", args=[group.pk]), "waypoints")


def _of_verb(verb: GroupVerb, name: str, pk: object) -> Hit:
    return Hit(f"{verb.title} {name}", "", reverse(verb.url_name, args=[pk]), verb.icon)


def _of_virtual(row: VirtualModel) -> Hit:
    return Hit(row.name, "" if row.is_active else "inactive", reverse("playground", args=[row.pk]), "sparkles")


def _of_provider(provider: Provider) -> Hit:
    url = reverse("provider-detail", args=[provider.pk])
    return Hit(provider.name, preset_of(provider.type).display_name, url, disc=disc_of(provider))


def _of_model(model: LanguageModel) -> Hit:
    title = model.display_name or model.name
    note = model.provider.name if title == model.name else f"{model.provider.name} · {model.name}"
    return Hit(title, note, reverse("model-detail", args=[model.pk]), disc=disc_of(model.provider))


def _of_key(key: ApiKey) -> Hit:
    return Hit(key.name, f"of {key.owner.username}", reverse("key-detail", args=[key.pk]), "key-round")
