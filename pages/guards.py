"""Who may open a page: the HTML twin of `authentication.HasRole`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.cache import never_cache
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from access.models import Role, User
from access.rules import check_role
from lib.exceptions import NotAllowed
from pages.parts import way_back


class PersonRequest(HttpRequest):
    """A request of a signed-in person, for pages behind `requires`."""

    user: User
    htmx: HtmxDetails


Page = Callable[..., HttpResponseBase]


def requires(role: Role, *, to: str) -> Callable[[Page], Page]:
    """Opens a page to people of this role: others get the 403 page, anonymous visitors the sign-in page."""

    def decorate(page: Page) -> Page:
        @wraps(page)
        def guarded(request: PersonRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return ask_to_sign_in(request)
            try:
                check_role(request.user, role, to=to)
                return page(request, *args, **kwargs)
            except NotAllowed as error:
                raise PermissionDenied(str(error))

        return never_cache(guarded)

    return decorate


def ask_to_sign_in(request: PersonRequest) -> HttpResponse:
    """Redirects to sign-in and back; for htmx the whole page is redirected, not only the part."""
    if not request.htmx:
        return redirect_to_login(way_back(request) if "next" in request.POST else request.get_full_path())
    here = request.htmx.current_url_abs_path or request.get_full_path()
    return HttpResponseClientRedirect(redirect_to_login(here).url)
