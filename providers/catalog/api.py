"""`/api/v1/llm/catalog`: models to add, and updates after an upgrade of LiteLLM."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lib.authors import author_of
from lib.serializers import Page, PageQuery, StrictSerializer
from providers import actions, rules
from providers.catalog import price_map, search
from providers.catalog import updates as catalog_updates
from providers.catalog.quality import guessed
from providers.models import LanguageModel
from providers.serializers import PriceField

MOST_ACCEPTED_AT_ONCE = 1_000
VALUE = {
    "oneOf": [{"type": "number"}, {"type": "string"}, {"type": "array", "items": {"type": "string"}}],
    "nullable": True,
}


class CatalogQuery(PageQuery):
    """The search: words of the name, and the provider type."""

    type = serializers.CharField(max_length=64, required=False)


class CatalogModelSerializer(serializers.Serializer):
    """A model that can be added. Prices are US dollars per million tokens; null means unknown."""

    type = serializers.CharField()
    model_name = serializers.CharField(source="name")
    input_cost_per_million = PriceField(source="entry.input_cost_per_million")
    output_cost_per_million = PriceField(source="entry.output_cost_per_million")
    cached_input_cost_per_million = PriceField(source="entry.cached_input_cost_per_million")
    cache_write_cost_per_million = PriceField(source="entry.cache_write_cost_per_million")
    reasoning_cost_per_million = PriceField(source="entry.reasoning_cost_per_million")
    unit = serializers.CharField(source="entry.unit")
    price_per_unit = serializers.FloatField(source="entry.price_per_unit", allow_null=True)
    context_length = serializers.IntegerField(source="entry.context_length", allow_null=True)
    max_output_tokens = serializers.IntegerField(source="entry.max_output_tokens", allow_null=True)
    capabilities = serializers.ListField(child=serializers.CharField(), source="entry.capabilities")
    quality_score = serializers.SerializerMethodField()

    def get_quality_score(self, model: search.CatalogModel) -> int | None:
        return guessed(model.entry.output_cost_per_million)


class CatalogPage(Page):
    """One page of the catalog."""

    models = CatalogModelSerializer(many=True)


class CatalogChangeSerializer(serializers.Serializer):
    """A field with its accepted value and the price map's current one: a number, a list of words, or null."""

    field = serializers.CharField()
    accepted = serializers.SerializerMethodField()
    today = serializers.SerializerMethodField()

    @extend_schema_field(VALUE)
    def get_accepted(self, change: catalog_updates.CatalogChange) -> Any:
        return _plain(change.field, change.accepted)

    @extend_schema_field(VALUE)
    def get_today(self, change: catalog_updates.CatalogChange) -> Any:
        return _plain(change.field, change.today)


class CatalogUpdateSerializer(serializers.Serializer):
    """The updates of one model."""

    id = serializers.UUIDField(source="model.id")
    provider_name = serializers.CharField(source="model.provider.name")
    model_name = serializers.CharField(source="model.name")
    changes = CatalogChangeSerializer(many=True)


class CatalogUpdatePage(Page):
    """One page of updates."""

    updates = CatalogUpdateSerializer(many=True)


class UpdatesDecided(StrictSerializer):
    """The models whose updates to accept or decline."""

    ids = serializers.ListField(child=serializers.UUIDField(), allow_empty=False, max_length=MOST_ACCEPTED_AT_ONCE)


class UpdatesSettled(serializers.Serializer):
    """The models whose updates were accepted or declined; models without updates are ignored."""

    success = serializers.BooleanField(default=True)
    ids = serializers.ListField(child=serializers.UUIDField())


class CatalogView(APIView):
    """The models in LiteLLM's price map."""

    @extend_schema(parameters=[CatalogQuery], responses=CatalogPage, operation_id="search_catalog")
    def get(self, request: Request) -> Response:
        query = CatalogQuery.checked(request.query_params)
        if type := query.get("type", ""):
            rules.check_type(type)
        page, size = query["page"], query["size"]
        found, total = search.search(type=type, q=query["q"], start=(page - 1) * size, size=size)
        rows = CatalogModelSerializer(found, many=True).data
        return Response({"models": rows, "total": total, "page": page, "size": size})


class CatalogUpdates(APIView):
    """The differences between accepted values and the price map of the installed LiteLLM."""

    @extend_schema(parameters=[PageQuery], responses=CatalogUpdatePage, operation_id="list_catalog_updates")
    def get(self, request: Request) -> Response:
        query = PageQuery.checked(request.query_params)
        page, size = query["page"], query["size"]
        models = LanguageModel.objects.matching(q=query["q"])
        found, total = catalog_updates.updates_of(models, start=(page - 1) * size, size=size)
        rows = CatalogUpdateSerializer(found, many=True).data
        return Response({"updates": rows, "total": total, "page": page, "size": size})


class AcceptCatalogUpdates(APIView):
    """Accepts the differences. Typed values stay."""

    @extend_schema(request=UpdatesDecided, responses=UpdatesSettled, operation_id="accept_catalog_updates")
    def post(self, request: Request) -> Response:
        changed = actions.accept_catalog_updates(by=author_of(request), **UpdatesDecided.checked(request.data))
        return Response({"success": True, "ids": [str(model.id) for model in changed]})


class DeclineCatalogUpdates(APIView):
    """Keeps the models' values. They count as typed from then on, so the same updates do not appear again."""

    @extend_schema(request=UpdatesDecided, responses=UpdatesSettled, operation_id="decline_catalog_updates")
    def post(self, request: Request) -> Response:
        kept = actions.decline_catalog_updates(by=author_of(request), **UpdatesDecided.checked(request.data))
        return Response({"success": True, "ids": [str(model.id) for model in kept]})


def _plain(field: str, value: Any) -> Any:
    """A value of a catalog entry as JSON: prices become numbers."""
    value = price_map.restored(field, value)
    return float(value) if price_map.is_price(field) and value is not None else value
