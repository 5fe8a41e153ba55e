"""Domain exceptions -> DRF answers. The one place where the REST API chooses a status."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ObjectDoesNotExist, RequestDataTooBig
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import IntegrityError, InterfaceError, OperationalError
from rest_framework.exceptions import ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.views import exception_handler as drf_exception_handler

from lib.database_link import RETRY_AFTER_S, WHY
from lib.exceptions import Conflict, DomainError, NotAllowed, Stale, TooSoon

STATUS: dict[type[Exception], int] = {NotAllowed: 403, Conflict: 409, Stale: 412, DomainError: 400}
# Two simultaneous changes, each valid alone: the database accepted the first.
LOST_RACE = "Something this depends on was changed at the same time. Load it again and repeat your change."
TOO_LARGE = "This request is larger than MAX_REQUEST_MB allows."
GONE = "This was deleted in the meantime."


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's own handling, plus our exceptions as `{"detail": why}` and model errors as 400."""
    if isinstance(error, TooSoon):
        return Response({"detail": str(error)}, status=429, headers={"Retry-After": str(error.wait_s)})
    for kind, status in STATUS.items():
        if isinstance(error, kind):
            return Response({"detail": str(error)}, status=status)
    if isinstance(error, OperationalError | InterfaceError):
        return Response({"detail": WHY}, status=503, headers={"Retry-After": str(RETRY_AFTER_S)})
    if isinstance(error, IntegrityError):
        return Response({"detail": LOST_RACE}, status=409)
    if isinstance(error, RequestDataTooBig):
        return Response({"detail": TOO_LARGE}, status=413)
    if isinstance(error, ObjectDoesNotExist):
        return Response({"detail": GONE}, status=404)
    if isinstance(error, DjangoValidationError):
        error = ValidationError(as_serializer_error(error))
    response = drf_exception_handler(error, context)
    if response is not None and isinstance(error, ValidationError):
        response.data = flattened(response.data)
    return response


def as_json(error: Exception, context: dict[str, Any]) -> Response | None:
    """The same, as JSON also where something else was asked for."""
    response = exception_handler(error, context)
    if response is not None and getattr(context.get("request"), "accepted_renderer", None) is not None:
        renderer = JSONRenderer()
        context["request"].accepted_renderer, context["request"].accepted_media_type = renderer, renderer.media_type
    return response


def flattened(errors: Any) -> Any:
    """`{"deployments": {"non_field_errors": [why]}}` -> `{"deployments": [why]}`."""
    if isinstance(errors, dict):
        return {field: _only_own(why) for field, why in errors.items()}
    return errors


def _only_own(why: Any) -> Any:
    return why["non_field_errors"] if isinstance(why, dict) and set(why) == {"non_field_errors"} else why
