"""Domain exceptions -> DRF answers. The one place where the JSON door chooses a status."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.views import exception_handler as drf_exception_handler

from lib.exceptions import Conflict, NotAllowed

STATUS = {NotAllowed: 403, Conflict: 409}


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's own handling, plus our exceptions as `{"detail": why}` and model errors as 400."""
    for kind, status in STATUS.items():
        if isinstance(error, kind):
            return Response({"detail": str(error)}, status=status)
    if isinstance(error, DjangoValidationError):
        error = ValidationError(as_serializer_error(error))
    return drf_exception_handler(error, context)
