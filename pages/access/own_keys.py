"""The pages of own keys: people manage their own, admins may delete anybody's."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from access.byok import keys
from access.models import OwnKey, Role
from access.rules import check_sees_own_keys
from pages.access.forms.own_keys import OwnKeyForm
from pages.access.own_key_panel import panel_of
from pages.guards import PersonRequest, requires
from pages.parts import Question, ask, wants_part, way_back

PAGE, PART = "access/byok.html", "access/_own_keys.html#own-keys"
keepers_only = requires(Role.STRANGER, to="keep own keys")


@sensitive_post_parameters("api_key")
@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
@keepers_only
def own_key_list(request: PersonRequest) -> HttpResponse:
    """The person's own keys and a form; POST stores a key.

    `?provider=ID` opens the form to replace that provider's key.
    """
    if request.method == "POST":
        return _posted(request)
    chosen = request.GET.get("provider", "")
    mine = keys.own_keys_of(request.user) if chosen else ()
    replaced = next((row for row in mine if str(row.provider_id) == chosen), None)
    initial = {"provider": replaced.provider_id, "may_fall_back": replaced.may_fall_back} if replaced else None
    return _shown(request, OwnKeyForm(initial=initial))


@require_POST
@keepers_only
def own_key_test(request: PersonRequest, key_id: int) -> HttpResponse:
    """Tests a key and shows the result beside it."""
    own_key = _mine(request, key_id)
    found = keys.test(by=request.user, own_key=own_key)
    tell = messages.success if found.is_ok else messages.error
    tell(request, f"Your key for {own_key.provider} {'works' if found.is_ok else f'failed: {found.error}'}")
    return _done(request)


@require_POST
@keepers_only
def own_key_fall_back(request: PersonRequest, key_id: int) -> HttpResponse:
    """Sets whether the system's key may be used when this one is refused."""
    may_fall_back = request.POST.get("may_fall_back") == "1"
    keys.change(by=request.user, own_key=_mine(request, key_id), may_fall_back=may_fall_back)
    return _done(request)


@require_POST
@keepers_only
def own_key_forget(request: PersonRequest, key_id: int) -> HttpResponseBase:
    """Asks, then deletes a key: the person's own, or anybody's for an admin."""
    own_key = get_object_or_404(OwnKey.objects.select_related("user", "provider"), pk=key_id)
    check_sees_own_keys(request.user, own_key.user_id)
    if not request.POST.get("sure"):
        return ask(request, _question(own_key, back=way_back(request, "own-keys")))
    keys.forget(by=request.user, own_key=own_key)
    messages.success(request, f"{_whose(request, own_key)} key for {own_key.provider} is deleted.")
    return redirect(way_back(request, "own-keys"))


@sensitive_variables("form")
def _posted(request: PersonRequest) -> HttpResponse:
    form = OwnKeyForm(request.POST)
    if not form.accepted(lambda: keys.store(by=request.user, user=request.user, **form.key_fields())):
        return _shown(request, form)
    messages.success(request, f"Your requests to {form.cleaned_data['provider']} use your key from now on.")
    return _done(request)


def _shown(request: PersonRequest, form: OwnKeyForm | None = None) -> HttpResponse:
    """The section for htmx to swap in, or a page with it."""
    is_part = wants_part(request)
    here = request.POST.get("next") or request.htmx.current_url_abs_path or request.get_full_path()
    context = {"own_keys": panel_of(request.user, form), "next": here, "is_part": is_part}
    return render(request, PART if is_part else PAGE, context, status=form.status if form else 200)


def _done(request: PersonRequest) -> HttpResponse:
    return _shown(request) if wants_part(request) else redirect(way_back(request, "own-keys"))


def _mine(request: PersonRequest, key_id: int) -> OwnKey:
    return get_object_or_404(keys.own_keys_of(request.user), pk=key_id)


def _whose(request: PersonRequest, own_key: OwnKey) -> str:
    return "Your" if own_key.user == request.user else f"{own_key.user}'s"


def _question(own_key: OwnKey, *, back: str) -> Question:
    return Question(
        title=f"Delete the key for {own_key.provider}?",
        lost=(f"{own_key.whose}, {own_key.hint}",),
        consequence="Requests go on with the console's key, and cost credits again. The key stays valid at the "
        "provider; revoke it there if it is no longer needed.",
        button="Delete key",
        back=back,
        fields=(("next", back),),
    )
