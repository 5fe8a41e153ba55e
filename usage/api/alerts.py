"""`/api/v1/llm/alerts`: alerts, their thresholds, and tests of the webhook."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.authentication import actor_of
from access.models import Role
from lib.serializers import Page, StrictSerializer, page_answer
from usage.alerting import (
    WATCHED,
    RuleSetting,
    acknowledge,
    change_rules,
    checked_threshold,
    current_rules,
    webhook,
    withdraw_acknowledgement,
)
from usage.alerting.news import WebhookState, news_of
from usage.models import Alert, AlertKind, AlertRule

STATES = ("open", "resolved", "all")
ALERT_ID = re.compile(r"[0-9]{1,18}")


class AlertsQuery(StrictSerializer):
    """The filter of alerts: open ones without a `state`; all kinds without a `kind`."""

    state = serializers.ChoiceField(choices=STATES, default="open")
    kind = serializers.ChoiceField(choices=AlertKind.choices, required=False)
    page = serializers.IntegerField(min_value=1, max_value=1_000_000, default=1)
    size = serializers.IntegerField(min_value=1, max_value=200, default=50)


class AlertSerializer(serializers.ModelSerializer):
    """One alert.

    `subject` is the id of its subject; `webhook` is the delivery state of its latest event, `off` without a webhook.
    """

    webhook = serializers.SerializerMethodField()

    class Meta:
        model = Alert
        fields = (
            *("id", "kind", "subject", "message", "raised_at", "resolved_at", "acknowledged_at", "acknowledged_by"),
            *("webhook", "told_at", "send_error"),
        )

    def get_webhook(self, alert: Alert) -> WebhookState:
        return news_of(alert, has_webhook=bool(settings.ALERT_WEBHOOK_URL)).state


class AlertPage(Page):
    """Some alerts, the newest first."""

    alerts = AlertSerializer(many=True)


class AlertRuleSerializer(StrictSerializer):
    """The threshold of one kind of alert, with its bounds."""

    kind = serializers.ChoiceField(choices=AlertKind.choices)
    threshold = serializers.FloatField()
    is_enabled = serializers.BooleanField(default=True)
    unit = serializers.CharField(read_only=True)
    meaning = serializers.CharField(read_only=True)
    lowest = serializers.FloatField(read_only=True)
    highest = serializers.FloatField(read_only=True)
    usual = serializers.FloatField(read_only=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            checked_threshold(AlertKind(attrs["kind"]), attrs["threshold"])
        except ValidationError as error:
            raise serializers.ValidationError({"threshold": error.messages})
        return attrs


class AlertRules(StrictSerializer):
    """The rules: in a request those to set, in an answer all."""

    rules = AlertRuleSerializer(many=True, allow_empty=False)

    def validate_rules(self, rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if len({rule["kind"] for rule in rules}) < len(rules):
            raise serializers.ValidationError("Give each kind once.")
        return rules


class AlertTested(serializers.Serializer):
    """The result of a test alert; `error` says why it was not delivered."""

    success = serializers.BooleanField()
    error = serializers.CharField(required=False)


class AlertList(APIView):
    """The alerts, open or resolved."""

    @extend_schema(parameters=[AlertsQuery], responses=AlertPage, operation_id="list_alerts")
    def get(self, request: Request) -> Response:
        asked = AlertsQuery.checked(request.query_params.dict())
        rows = Alert.objects.order_by("-raised_at", "-pk")
        if asked["state"] != "all":
            rows = rows.filter(resolved_at__isnull=asked["state"] == "open")
        rows = rows.filter(kind=asked["kind"]) if "kind" in asked else rows
        return page_answer("alerts", rows, AlertSerializer, page=asked["page"], size=asked["size"])


class AlertAcknowledgement(APIView):
    """That somebody takes care of an open alert."""

    write_role = Role.OPERATOR

    @extend_schema(request=None, responses=AlertSerializer, operation_id="acknowledge_alert")
    def post(self, request: Request, alert_id: str) -> Response:
        """Acknowledges it; the first who did stays. 409 for a resolved one."""
        return _answered(acknowledge, request, alert_id)

    @extend_schema(responses=AlertSerializer, operation_id="withdraw_acknowledgement")
    def delete(self, request: Request, alert_id: str) -> Response:
        """Takes that back. 409 for a resolved one."""
        return _answered(withdraw_acknowledgement, request, alert_id)


def _answered(act: Callable[..., Alert], request: Request, alert_id: str) -> Response:
    try:
        alert = act(by=actor_of(request), alert_id=int(alert_id) if ALERT_ID.fullmatch(alert_id) else 0)
    except Alert.DoesNotExist:
        raise Http404("There is no alert with this id.")
    return Response(AlertSerializer(alert).data)


class AlertRuleList(APIView):
    """The thresholds."""

    @extend_schema(responses=AlertRules, operation_id="list_alert_rules")
    def get(self, request: Request) -> Response:
        return Response(_rules_json(current_rules()))

    @extend_schema(request=AlertRules, responses=AlertRules, operation_id="set_alert_rules")
    def put(self, request: Request) -> Response:
        """Sets the given rules; the others stay as they are."""
        rules = AlertRules.checked(request.data)["rules"]
        given = {AlertKind(rule["kind"]): rule for rule in rules}
        wanted = {kind: RuleSetting(rule["threshold"], rule["is_enabled"]) for kind, rule in given.items()}
        return Response(_rules_json(change_rules(by=actor_of(request), settings=wanted)))


class AlertTest(APIView):
    """A test alert for the webhook."""

    write_role = Role.ADMIN

    @extend_schema(request=None, responses=AlertTested, operation_id="send_test_alert")
    def post(self, request: Request) -> Response:
        try:
            webhook.send_test_alert(by=actor_of(request))
        except webhook.NotDelivered as error:
            return Response({"success": False, "error": str(error)})
        return Response({"success": True})


def _rules_json(rules: dict[AlertKind, AlertRule]) -> Any:
    lines = [_line(kind, rule) for kind, rule in rules.items()]
    return {"rules": AlertRuleSerializer(lines, many=True).data}


def _line(kind: AlertKind, rule: AlertRule) -> dict[str, Any]:
    watched = WATCHED[kind]
    about = {name: getattr(watched, name) for name in ("unit", "meaning", "lowest", "highest", "usual")}
    return {"kind": kind, "threshold": rule.threshold, "is_enabled": rule.is_enabled, **about}
