"""`/api/v1/llm/byok`: people with own keys, and the saved cost, for admins."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.byok.api import KeyProvider, OwnKeyUser
from access.models import Role
from lib.serializers import Page, PageQuery, page_of
from usage.analytics import byok_report


class BroughtKey(serializers.Serializer):
    """One own key, by its hint."""

    provider = KeyProvider(source="key.provider")
    key = serializers.CharField(source="key.hint")
    status = serializers.CharField(source="key.status")


class BringerSerializer(serializers.Serializer):
    """A person with own keys. `requests` and `saved_usd` are of the last 30 days."""

    user = OwnKeyUser()
    keys = BroughtKey(many=True)
    requests = serializers.IntegerField()
    saved_usd = serializers.FloatField()


class ByokPage(Page):
    """The totals, and one page of people. `saved_usd` is the list price of requests with own keys."""

    period = serializers.CharField()
    users_with_own_keys = serializers.IntegerField(source="numbers.users")
    providers = serializers.IntegerField(source="numbers.providers")
    keys = serializers.IntegerField(source="numbers.keys")
    requests = serializers.IntegerField(source="numbers.requests")
    saved_usd = serializers.FloatField(source="numbers.saved_usd")
    users = BringerSerializer(many=True)


class Byok(APIView):
    """BYOK in numbers."""

    read_role = Role.ADMIN

    @extend_schema(parameters=[PageQuery], responses=ByokPage, operation_id="read_byok")
    def get(self, request: Request) -> Response:
        query, report = PageQuery.checked(request.query_params), byok_report.report_of()
        people, about = page_of(byok_report.people_with_own_keys(query.pop("q")), **query)
        answer = {"period": byok_report.PERIOD, "numbers": byok_report.numbers_of(report), **about}
        return Response(ByokPage({**answer, "users": byok_report.lines_of(people, report)}).data)
