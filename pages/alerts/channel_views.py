"""Channels of alerts: add, change, test, delete; for admins."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, resolve_url
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from access.models import Role
from pages.alerts.channel_form import ChannelForm
from pages.dialogs import dialog, done
from pages.guards import PersonRequest, requires
from pages.parts import Question, ask
from usage.alerting.channels.channel_changes import delete_channel, save_channel, send_test
from usage.alerting.webhook import NotDelivered
from usage.models import AlertChannel, AlertKind

FORM = "alerts/channel.html"
MOST_SHOWN = 100
admins_only = requires(Role.ADMIN, to="set where alerts are told")


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """A channel for the list: which alerts it gets, and when it is silent."""

    channel: AlertChannel
    gets: str
    quiet: str


def channel_rows() -> list[ChannelRow]:
    """All channels by name; one query."""
    return [_row(channel) for channel in AlertChannel.objects.all()[:MOST_SHOWN]]


def _row(channel: AlertChannel) -> ChannelRow:
    gets = ", ".join(AlertKind(kind).label for kind in channel.kinds) or "all alerts"
    quiet = ""
    if channel.quiet_from is not None and channel.quiet_until is not None:
        quiet = f"quiet {channel.quiet_from:%H:%M} to {channel.quiet_until:%H:%M} {channel.timezone}"
    return ChannelRow(channel, gets, quiet)


@sensitive_post_parameters("address", "secret")
@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def channel_new(request: PersonRequest) -> HttpResponseBase:
    """A new channel."""
    form = ChannelForm(request.POST if request.method == "POST" else None)
    saved = form.accepted(lambda: save_channel(by=request.user, draft=form.draft))
    if saved:
        return done(request, f"The channel {saved.name} is added. Send a test to see that it arrives.")
    return _form_page(request, form, None)


@sensitive_post_parameters("address", "secret")
@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def channel_edit(request: PersonRequest, channel_id: int) -> HttpResponseBase:
    """A stored channel; POST changes it."""
    channel = get_object_or_404(AlertChannel, pk=channel_id)
    form = ChannelForm(request.POST if request.method == "POST" else None, channel=channel)
    saved = form.accepted(lambda: save_channel(by=request.user, draft=form.draft, channel=channel))
    if saved:
        return done(request, f"The channel {saved.name} is saved.")
    return _form_page(request, form, AlertChannel.objects.get(pk=channel_id))


@require_POST
@admins_only
def channel_test(request: PersonRequest, channel_id: int) -> HttpResponse:
    """Sends a test alert to one channel, and says on the page whether it arrived."""
    channel = get_object_or_404(AlertChannel, pk=channel_id)
    try:
        send_test(by=request.user, channel=channel)
    except NotDelivered as error:
        messages.error(request, f"{channel.name} did not get the test alert: {error}.")
    else:
        messages.success(request, f"{channel.name} took the test alert.")
    return redirect("alert-channels")


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def channel_delete(request: PersonRequest, channel_id: int) -> HttpResponseBase:
    """GET asks, POST deletes."""
    channel = get_object_or_404(AlertChannel, pk=channel_id)
    if request.method == "POST":
        delete_channel(by=request.user, channel=channel)
        messages.success(request, f"The channel {channel.name} is deleted.")
        return redirect("alert-channels")
    consequence = "It is told nothing more, not even that open alerts are resolved. Its address is forgotten."
    return ask(
        request,
        Question(
            "Delete this channel?", (channel.name,), consequence, "Delete the channel", resolve_url("alert-channels")
        ),
    )


def _form_page(request: PersonRequest, form: ChannelForm, channel: AlertChannel | None) -> HttpResponse:
    context = {"form": form, "channel": channel, "action": request.path, "next": resolve_url("alert-channels")}
    return dialog(request, FORM, "channel", context, status=form.status)
