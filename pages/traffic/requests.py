"""The request log, and the page of one request."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from access.models import Role
from access.rules import can_operate, can_read
from groups.models import RoutingGroup, Strategy
from lib.ids import uuid_of
from pages.guards import PersonRequest, requires
from pages.live_tester.rewinding import rewind_url
from pages.parts import page_or_part
from pages.traffic.figures import units_text
from pages.traffic.filter_pages import marks_in, saved_in
from pages.traffic.request_course import sentence_of, step_counts
from pages.traffic.request_rows import axis_in, rows_of, steps_in
from providers.models import LanguageModel
from usage.models import RequestRecord
from usage.request_log.cost_lines import computation_of
from usage.request_log.filter import RequestFilterForm
from usage.request_log.log_search import LogCursor, LogPage, LogQuery, count_newer, matching, page_of
from usage.request_log.recorder import recorder
from usage.request_log.waterfall import Ghost
from usage.rules import check_may_see, owner_seen_by

PAGE = "traffic/request_list.html"
PAGE_SIZE = 50
MOST_NEWS = 1000

# Everybody sees their own requests.
signed_in = requires(Role.STRANGER, to="see requests")


@require_safe
@vary_on_headers("HX-Request")
@signed_in
def request_list(request: PersonRequest) -> HttpResponse:
    """The log, newest first; the URL has search and filters; `seen` is the newest request that the reader has seen."""
    form = RequestFilterForm(request.GET)
    context = {"form": form, "reads_all": can_read(request.user)}
    if form.is_valid():
        context |= _page(request, form)
    return page_or_part(request, PAGE, "request-rows", context, status=200 if form.is_valid() else 422)


def _page(request: PersonRequest, form: RequestFilterForm) -> dict[str, Any]:
    wanted = form.wanted(owner=owner_seen_by(request.user))
    page = page_of(matching(wanted), before=form.before_mark, size=PAGE_SIZE)
    saved = saved_in(request, form)
    return {
        "rows": rows_of(page.records, seen=_mark(request)),
        "next": page.next,
        "newest": LogCursor.of(page.records[0]) if page.records else "",
        "is_first": form.before_mark is None,
        "suggestions": _suggestions(page),
        "marks": marks_in(form),
        "saved": saved,
        "is_saved": any(link.is_on for link in saved),
    }


def _suggestions(page: LogPage) -> dict[str, list[str]]:
    """The suggestions of the filter's fields: the names on the page."""
    fields = {"groups": "model_group", "users": "owner", "keys": "key_name", "providers": "provider"}
    fields["virtual"] = "virtual_model"
    shown = {name: {getattr(record, field) for record in page.records} for name, field in fields.items()}
    return {name: sorted(values - {""}) for name, values in shown.items()}


@require_safe
@signed_in
def request_news(request: PersonRequest) -> HttpResponse:
    """The button with the number of requests in the filter since `seen`."""
    form, seen = RequestFilterForm(request.GET), _mark(request)
    count = 0
    if form.is_valid() and seen is not None:
        found = matching(form.wanted(owner=owner_seen_by(request.user)))
        count = count_newer(found, seen, most=MOST_NEWS)
    context = {"form": form, "count": count, "is_many": count == MOST_NEWS, "newest": seen or ""}
    return render(request, f"{PAGE}#request-news", context)


def _mark(request: PersonRequest) -> LogCursor | None:
    """The newest request that the reader has seen; None for an invalid value."""
    try:
        return LogCursor.parse(request.GET.get("seen", ""))
    except ValueError:
        return None


@require_safe
@signed_in
def request_detail(request: PersonRequest, call_id: str) -> HttpResponse:
    """Everything about one request, with its waterfall of attempts."""
    record = recorder.find(call_id) or RequestRecord.objects.find(call_id)
    if record is None:
        return render(request, "traffic/request_gone.html", _gone(call_id), status=404)
    check_may_see(record, reader=request.user)
    return render(request, "traffic/request_detail.html", _everything(record, request))


def _gone(call_id: str) -> dict[str, str]:
    hours = settings.ATTEMPTS_RETENTION_HOURS
    kept = f"{hours / 24:g} days" if hours >= 48 else f"{hours:g} hours"
    return {"call_id": call_id, "kept": kept}


def _everything(record: RequestRecord, request: PersonRequest) -> dict[str, Any]:
    model = _model_of(record)
    group = RoutingGroup.objects.filter(name=record.model_group).only("name", "strategy").first()
    steps = steps_in(record)
    causes = (step.cause_call_id for step in steps if isinstance(step, Ghost) and step.cause_call_id)
    return {
        "record": record,
        "row": rows_of([record])[0],
        "steps": steps,
        "step_counts": step_counts(steps),
        "axis": axis_in(record),
        "ended_at": record.started_at + timedelta(milliseconds=record.duration_ms),
        "cause_call_id": next(causes, ""),
        "moment_url": _moment_url(record, group) if can_operate(request.user) else "",
        **_neighbours(record, request),
        "course": sentence_of(record),
        "links_causes": True,
        "group": group,
        "has_tiers": group is not None and group.strategy == Strategy.PRIORITY_FAILOVER,
        "model": model,
        "computation": computation_of(record, model),
        "units": units_text(record.unit, record.units or 0.0),
        "reads_all": can_read(request.user),
    }


def _moment_url(record: RequestRecord, group: RoutingGroup | None) -> str:
    """The Live Tester with the traffic around this request; "" if its group is gone."""
    if group is None:
        return ""
    return rewind_url(group.pk, record.started_at, record.started_at + timedelta(minutes=1))


def _neighbours(record: RequestRecord, request: PersonRequest) -> dict[str, str]:
    """The call ids of the requests before and after in the log of this reader; two queries, or four (`oldest`)."""
    found, here = matching(LogQuery(owner=owner_seen_by(request.user))).only("call_id"), LogCursor.of(record)
    older = found.filter(here.is_older).newest(1, until=record.started_at)
    newer = found.filter(here.is_newer).order_by("started_at", "call_id").oldest(1, since=record.started_at)
    return {name: rows[0].call_id if rows else "" for name, rows in (("older", older), ("newer", newer))}


def _model_of(record: RequestRecord) -> LanguageModel | None:
    """The model that answered, if it is still in the catalog."""
    found = uuid_of(record.deployment_id)
    return LanguageModel.objects.filter(pk=found).first() if found else None
