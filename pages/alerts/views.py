"""Alerts: the open ones, the resolved ones, the rules that raise them, and the channels that tell them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from access.models import Role
from access.rules import can_operate, has_role
from lib.exceptions import Conflict
from pages.alerts.alert_rows import rows_of
from pages.alerts.channel_views import channel_rows
from pages.alerts.form import AlertRulesForm
from pages.guards import PersonRequest, requires
from pages.parts import page_of, page_or_part, wants_part, way_back
from usage.alerting import acknowledge, change_rules, current_rules, webhook, withdraw_acknowledgement
from usage.models import Alert

PAGE = "alerts/alert_list.html"
PAGE_SIZE = 10
# More than anybody reads, even on the worst day of a large console.
MOST_OPEN = 200
MOST_DIGITS = 18


@require_safe
@vary_on_headers("HX-Request")
@requires(Role.VIEWER, to="see alerts")
def alert_list(request: PersonRequest) -> HttpResponse:
    """The open alerts; htmx reloads them when there is news."""
    return page_or_part(request, PAGE, "open-alerts", {"tab": "open", **_open(request)})


@require_safe
@vary_on_headers("HX-Request")
@requires(Role.VIEWER, to="see alerts")
def alerts_resolved(request: PersonRequest) -> HttpResponse:
    """The resolved alerts, newest first; htmx reloads them when there is news."""
    return page_or_part(request, PAGE, "resolved-alerts", {"tab": "resolved", **_resolved(request)})


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Role.VIEWER, to="see alerts")
def alert_rules(request: PersonRequest) -> HttpResponseBase:
    """The thresholds; POST saves them."""
    if request.method == "POST":
        return _save_rules(request)
    return _rules_page(request, AlertRulesForm(current_rules()))


@require_safe
@requires(Role.VIEWER, to="see alerts")
def alert_channels(request: PersonRequest) -> HttpResponse:
    """The channels, and the webhook of the settings."""
    return _channels_page(request)


@requires(Role.ADMIN, to="change when alerts are raised")
def _save_rules(request: PersonRequest) -> HttpResponseBase:
    form = AlertRulesForm(current_rules(), request.POST)
    rules = form.accepted(lambda: change_rules(by=request.user, settings=form.settings()))
    if rules:
        return _saved(request, AlertRulesForm(rules))
    if not wants_part(request):
        return _rules_page(request, form, status=422)
    return render(request, f"{PAGE}#alert-rules", {"rules_form": form, "can_edit": True}, status=422)


@require_POST
@requires(Role.OPERATOR, to="acknowledge alerts")
def alert_acknowledge(request: PersonRequest) -> HttpResponseBase:
    """POST `acknowledge` or `withdraw` with the id of an open alert; back to the page that asked."""
    act = withdraw_acknowledgement if "withdraw" in request.POST else acknowledge
    asked = request.POST.get("withdraw") or request.POST.get("acknowledge", "")
    if not asked.isdecimal() or len(asked) > MOST_DIGITS:
        raise Http404
    try:
        act(by=request.user, alert_id=int(asked))
    except Alert.DoesNotExist:
        raise Http404
    except Conflict as conflict:
        messages.error(request, str(conflict))
    return redirect(way_back(request, "alert-list"))


@require_POST
@requires(Role.ADMIN, to="send a test alert")
def alert_test(request: PersonRequest) -> HttpResponseBase:
    """Sends a test alert to the webhook, and shows the result."""
    try:
        webhook.send_test_alert(by=request.user)
    except webhook.NotDelivered as error:
        trial = {"is_taken": False, "text": f"Not delivered: {error}"}
    else:
        trial = {"is_taken": True, "text": "The webhook accepted it."}
    if wants_part(request):
        return render(request, f"{PAGE}#alert-webhook", {**_webhook(request), "trial": trial})
    return _channels_page(request, trial=trial)


def _saved(request: PersonRequest, form: AlertRulesForm) -> HttpResponseBase:
    if wants_part(request):
        context = {"rules_form": form, "can_edit": True, "is_saved": True}
        return render(request, f"{PAGE}#alert-rules", context)
    messages.success(request, "The thresholds are saved.")
    return redirect("alert-rules")


def _rules_page(request: PersonRequest, form: AlertRulesForm, *, status: int = 200) -> HttpResponse:
    context = {"tab": "rules", "rules_form": form, "can_edit": has_role(request.user, Role.ADMIN)}
    return render(request, PAGE, context, status=status)


def _channels_page(request: PersonRequest, **more: Any) -> HttpResponse:
    return render(request, PAGE, {"tab": "channels", "channels": channel_rows(), **_webhook(request), **more})


def _open(request: PersonRequest) -> dict[str, Any]:
    alerts = list(Alert.objects.open().order_by("-raised_at", "-pk")[:MOST_OPEN])
    return {"open": rows_of(alerts, reader=request.user), "can_operate": can_operate(request.user)}


def _resolved(request: PersonRequest) -> dict[str, Any]:
    page = page_of(request, Alert.objects.resolved(), PAGE_SIZE)
    return {"resolved": rows_of([*page], reader=request.user), "page": page, "is_first": page.number == 1}


def _webhook(request: PersonRequest) -> dict[str, Any]:
    """Whether there is a webhook; only admins see its host."""
    can_edit = has_role(request.user, Role.ADMIN)
    return {
        "can_edit": can_edit,
        "has_webhook": bool(settings.ALERT_WEBHOOK_URL),
        "is_signed": bool(settings.ALERT_WEBHOOK_SECRET),
        "webhook_host": webhook.host() if can_edit else "",
    }
