"""`/api/v1/llm/test`, `providers/{id}/test` and `providers/{id}/discover`: real calls to a provider."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engine.probes.findings import Finding
from lib.serializers import StrictSerializer, errors_named, row_or_404
from providers.catalog import price_map
from providers.catalog.price_map import CatalogEntry
from providers.health import connection_check
from providers.models import LanguageModel, Provider


@dataclass(frozen=True, slots=True)
class Offer:
    """One model that a provider serves. `entry` is the price map's data of it."""

    name: str
    is_added: bool
    entry: CatalogEntry

    @property
    def is_known(self) -> bool:
        """Whether the price map has it; otherwise people type its prices."""
        return self.entry != price_map.UNKNOWN


def offers_of(provider: Provider, names: Iterable[str]) -> list[Offer]:
    """The models that a provider listed, in its order; one query."""
    added = frozenset(LanguageModel.objects.filter(provider=provider).values_list("name", flat=True))
    return [Offer(name, name in added, price_map.lookup(type=provider.type, model_name=name)) for name in names]


OPERATOR = "operator"


class ConnectionTest(StrictSerializer):
    """An unsaved connection, with the fields of a new provider.

    `model`, if given, is asked for one token, which shows that there is credit.
    """

    provider = serializers.CharField(max_length=64)
    api_key = serializers.CharField(max_length=4096, allow_blank=True, default="")
    api_base = serializers.CharField(max_length=512, allow_blank=True, default="")
    model = serializers.CharField(max_length=256, allow_blank=True, default="")
    settings = serializers.DictField(child=serializers.CharField(max_length=256), default=dict)
    credentials = serializers.DictField(child=serializers.CharField(max_length=4096), default=dict)


class ConnectionTested(serializers.Serializer):
    """The result. `latency` is in milliseconds; `error` and `error_kind` are set if `success` is false.

    `dialects` says of `chat`, `responses` and `messages` whether the server answered it, null where that can't be told.
    """

    success = serializers.BooleanField()
    latency = serializers.FloatField(source="latency_ms")
    models_available = serializers.IntegerField(required=False)
    models = serializers.ListField(child=serializers.CharField(), required=False)
    dialects = serializers.DictField(child=serializers.BooleanField(allow_null=True), required=False)
    error = serializers.CharField(required=False)
    error_kind = serializers.CharField(required=False)


class OfferSerializer(serializers.Serializer):
    """A model that the provider serves. Prices are US dollars per million tokens; null means unknown."""

    name = serializers.CharField()
    is_added = serializers.BooleanField()
    is_known = serializers.BooleanField()
    input_cost_per_million = serializers.FloatField(source="entry.input_cost_per_million", allow_null=True)
    output_cost_per_million = serializers.FloatField(source="entry.output_cost_per_million", allow_null=True)
    context_length = serializers.IntegerField(source="entry.context_length", allow_null=True)
    capabilities = serializers.ListField(source="entry.capabilities", child=serializers.CharField())


class Discovered(serializers.Serializer):
    """The provider's models, or the error."""

    success = serializers.BooleanField()
    latency = serializers.FloatField()
    models = OfferSerializer(many=True, required=False)
    total = serializers.IntegerField(required=False)
    error = serializers.CharField(required=False)
    error_kind = serializers.CharField(required=False)


class UnsavedTest(APIView):
    """Tests an address and a key before they are saved."""

    @extend_schema(request=ConnectionTest, responses=ConnectionTested, operation_id="test_connection")
    def post(self, request: Request) -> Response:
        asked = ConnectionTest.checked(request.data)
        with errors_named(type="provider", row="api_base"):
            target = connection_check.unsaved_target(type=asked.pop("provider"), **asked)
        return Response(tested_json(connection_check.check(target)))


class SavedTest(APIView):
    """Tests a saved provider; its card shows the result too."""

    write_role = OPERATOR

    @extend_schema(request=None, responses=ConnectionTested, operation_id="test_provider")
    def post(self, request: Request, provider_id: str) -> Response:
        provider = row_or_404(Provider.objects.select_related("key"), provider_id)
        return Response(tested_json(connection_check.check_saved(provider)))


class Discovery(APIView):
    """Asks a provider for its models, and says which of them are known and which were added."""

    write_role = OPERATOR

    @extend_schema(request=None, responses=Discovered, operation_id="discover_models")
    def post(self, request: Request, provider_id: str) -> Response:
        provider = row_or_404(Provider.objects.select_related("key"), provider_id)
        found = connection_check.models_of(provider)
        if not found.is_ok:
            return Response(tested_json(found))
        return Response(_discovered_json(found, offers_of(provider, found.models)))


def tested_json(finding: Finding) -> dict[str, Any]:
    """A finding in the API's shape."""
    spoken = {"dialects": dict(finding.spoken)} if finding.spoken else {}
    if finding.is_ok:
        models = list(finding.models)
        answer = {"success": True, "latency": finding.latency_ms, "models_available": len(models), "models": models}
        return answer | spoken
    return {
        "success": False,
        "latency": finding.latency_ms,
        "error": finding.error,
        "error_kind": str(finding.trouble),
        **spoken,
    }


def _discovered_json(found: Finding, offers: list[Offer]) -> dict[str, Any]:
    rows = OfferSerializer(offers, many=True).data
    return {"success": True, "latency": found.latency_ms, "models": rows, "total": len(offers)}
