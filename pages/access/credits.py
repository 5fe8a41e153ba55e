"""The pages of credits: the accounts, one account with its ledger, and the forms for admins."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
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
from access.models import Account, Movement, MovementKind, Role, Team, User
from pages.access.forms.credits import CreditLimitsForm, MoveForm, NewAccountForm
from pages.guards import PersonRequest, requires
from pages.parts import page_of, page_or_part, wants_part, words_in

LIST, ACCOUNT, NEW = "access/credit_list.html", "access/credit_account.html", "access/credit_new.html"
PAGE_SIZE, LINES, NAMES_OFFERED = 50, 25, 200
readers_only = requires(Role.VIEWER, to="see credits")
admins_only = requires(Role.ADMIN, to="change credits")


@require_safe
@vary_on_headers("HX-Request")
@readers_only
def credit_list(request: PersonRequest) -> HttpResponse:
    """The accounts that the person may see; the URL has the search and the page."""
    q = words_in(request)
    rows = with_last_top_up(Account.objects.filter(seen_by(request.user))).order_by(
        Coalesce("user__username", "team__name"), "pk"
    )
    rows = rows.filter(Q(user__username__icontains=q) | Q(team__name__icontains=q)) if q else rows
    page = page_of(request, rows, PAGE_SIZE)
    context = {
        "page": page,
        "rows": [summary(account) for account in page],
        "q": q,
        "query": urlencode({"q": q} if q else {}),
        "can_edit": can_manage(request.user),
    }
    return page_or_part(request, LIST, "credit-rows", context)


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def credit_new(request: PersonRequest) -> HttpResponseBase:
    """A first top-up or cap; POST opens the account."""
    if request.method != "POST":
        return _new_page(request, NewAccountForm(initial=request.GET.dict()))
    form = NewAccountForm(request.POST)
    account = form.accepted(lambda: actions.open_account(by=request.user, **form.account()))
    if account is None:
        return _new_page(request, form)
    messages.success(request, f"{account.holder_name} has an account.")
    return redirect("credit-account", account.pk)


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
    line = form.accepted(lambda: _moved(request, account, form))
    if line is None:
        return _account_page(request, account, move_form=form)
    messages.success(request, f"{line.get_kind_display()} of {dollars(form.cleaned_data['amount'])} is booked.")
    return _done(request, account)


@require_POST
@admins_only
def credit_limits(request: PersonRequest, account_id: int) -> HttpResponseBase:
    """Sets the limits."""
    account = _seen(request, account_id)
    form = CreditLimitsForm(request.POST)
    if not form.accepted(lambda: actions.set_limits(by=request.user, holder=_holder(account), **form.limits())):
        return _account_page(request, account, limits_form=form)
    messages.success(request, f"The limits of {account.holder_name} are saved.")
    return _done(request, account)


def _seen(request: PersonRequest, account_id: int) -> Any:
    account = get_object_or_404(with_last_top_up(Account.objects.all()), pk=account_id)
    check_can_see(request.user, _holder(account))
    return account


def _moved(request: PersonRequest, account: Any, form: MoveForm) -> Movement:
    said = form.cleaned_data
    move = actions.top_up if said["kind"] == MovementKind.TOP_UP else actions.correct
    return move(by=request.user, holder=_holder(account), usd=said["amount"], reason=said["reason"])


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
) -> HttpResponse:
    q = words_in(request)
    sent = move_form or limits_form
    context = {
        "credits": summary(account),
        "q": q,
        "query": urlencode({"q": q} if q else {}),
        "page": page_of(request, matching(account.movements.all(), q), LINES),
        "move_form": move_form or MoveForm(),
        "limits_form": limits_form or CreditLimitsForm.of(account),
        "can_edit": can_manage(request.user),
    }
    return page_or_part(request, ACCOUNT, "credit-body", context, status=sent.status if sent else 200)


def _new_page(request: PersonRequest, form: NewAccountForm) -> HttpResponse:
    people = User.objects.filter(is_active=True, account=None).order_by("username")
    names = people.values_list("username", flat=True)[:NAMES_OFFERED]
    teams = Team.objects.filter(account=None).values_list("name", flat=True)[:NAMES_OFFERED]
    return render(request, NEW, {"form": form, "people": names, "teams": teams}, status=form.status)
