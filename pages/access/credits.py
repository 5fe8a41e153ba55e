"""The pages of credits: the accounts, one account with its ledger, and the forms for admins."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from access.credits import actions
from access.credits.money import dollars
from access.credits.rules import Holder, can_manage, check_can_see, seen_by
from access.credits.statements import matching, summary, with_last_top_up
from access.models import Account, MovementKind, Role, Team, User
from pages.access.forms.credits import CreditLimitsForm, MoveForm, NewAccountForm
from pages.guards import PersonRequest, requires
from pages.parts import wants_part

LIST, ACCOUNT, NEW = "access/credit_list.html", "access/credit_account.html", "access/credit_new.html"
PAGE_SIZE, LINES, NAMES_OFFERED = 50, 25, 200
readers_only = requires(Role.VIEWER, to="see credits")
admins_only = requires(Role.ADMIN, to="change credits")


@require_safe
@vary_on_headers("HX-Request")
@readers_only
def credit_list(request: PersonRequest) -> HttpResponse:
    """The accounts that the person may see; the URL has the search and the page."""
    q = _words(request)
    rows = with_last_top_up(Account.objects.filter(seen_by(request.user))).order_by(
        Coalesce("user__username", "team__name"), "pk"
    )
    rows = rows.filter(Q(user__username__icontains=q) | Q(team__name__icontains=q)) if q else rows
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": [summary(account) for account in page],
        "q": q,
        "query": urlencode({"q": q} if q else {}),
        "is_part": wants_part(request),
        "can_edit": can_manage(request.user),
    }
    return render(request, LIST + "#credit-rows" if wants_part(request) else LIST, context)


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def credit_new(request: PersonRequest) -> HttpResponseBase:
    """A first top-up or cap; POST opens the account."""
    if request.method != "POST":
        return _new_page(request, NewAccountForm(initial=request.GET.dict()))
    form = NewAccountForm(request.POST)
    if form.is_valid():
        said = form.cleaned_data
        try:
            account = actions.open_account(
                by=request.user, holder=said["holder"], usd=said["amount"], monthly_cap_usd=said["monthly_cap"]
            )
            messages.success(request, f"{account.holder_name} has an account.")
            return redirect("credit-account", account.pk)
        except ValidationError as error:
            form.blame(error)
    return _new_page(request, form, status=422)


@require_safe
@readers_only
def credit_account(request: PersonRequest, account_id: int) -> HttpResponse:
    """One account with its ledger; for admins with forms."""
    return _account_page(request, _seen(request, account_id))


@require_POST
@admins_only
def credit_move(request: PersonRequest, account_id: int) -> HttpResponseBase:
    """Books a top-up or a correction."""
    account = _seen(request, account_id)
    form = MoveForm(request.POST)
    if form.is_valid():
        said = form.cleaned_data
        move = actions.top_up if said["kind"] == MovementKind.TOP_UP else actions.correct
        try:
            line = move(by=request.user, holder=_holder(account), usd=said["amount"], reason=said["reason"])
            messages.success(request, f"{line.get_kind_display()} of {dollars(said['amount'])} is booked.")
            return _done(request, account)
        except ValidationError as error:
            form.blame(error)
    return _account_page(request, account, move_form=form, status=422)


@require_POST
@admins_only
def credit_limits(request: PersonRequest, account_id: int) -> HttpResponseBase:
    """Sets the limits."""
    account = _seen(request, account_id)
    form = CreditLimitsForm(request.POST)
    if form.is_valid():
        try:
            actions.set_limits(by=request.user, holder=_holder(account), **form.limits())
            messages.success(request, f"The limits of {account.holder_name} are saved.")
            return _done(request, account)
        except ValidationError as error:
            form.blame(error)
    return _account_page(request, account, limits_form=form, status=422)


def _words(request: PersonRequest) -> str:
    """The search words."""
    return request.GET.get("q", "").replace("\x00", "").strip()[:200]


def _seen(request: PersonRequest, account_id: int) -> Any:
    account = get_object_or_404(with_last_top_up(Account.objects.all()), pk=account_id)
    check_can_see(request.user, _holder(account))
    return account


def _holder(account: Any) -> Holder:
    holder: Holder = account.team or account.user
    return holder


def _done(request: PersonRequest, account: Account) -> HttpResponseBase:
    if not wants_part(request):
        return redirect("credit-account", account.pk)
    return _account_page(request, _seen(request, account.pk))


def _account_page(
    request: PersonRequest,
    account: Any,
    *,
    move_form: MoveForm | None = None,
    limits_form: CreditLimitsForm | None = None,
    status: int = 200,
) -> HttpResponse:
    q = _words(request)
    context = {
        "credits": summary(account),
        "q": q,
        "page": Paginator(matching(account.movements.all(), q), LINES).get_page(request.GET.get("page")),
        "move_form": move_form or MoveForm(),
        "limits_form": limits_form or CreditLimitsForm.of(account),
        "can_edit": can_manage(request.user),
        "is_part": wants_part(request),
    }
    part = ACCOUNT + "#credit-body" if wants_part(request) else ACCOUNT
    return render(request, part, context, status=status)


def _new_page(request: PersonRequest, form: NewAccountForm, *, status: int = 200) -> HttpResponse:
    people = User.objects.filter(is_active=True, account=None).order_by("username")
    names = people.values_list("username", flat=True)[:NAMES_OFFERED]
    teams = Team.objects.filter(account=None).values_list("name", flat=True)[:NAMES_OFFERED]
    return render(request, NEW, {"form": form, "people": names, "teams": teams}, status=status)
