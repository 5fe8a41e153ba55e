"""Groups as a downloadable file, for the API and the pages."""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpResponse

from groups.models import RoutingGroup, RoutingGroupQuerySet
from interchange.files import FileFormat, exported

FILES = {
    FileFormat.JSON: ("application/json", "routing-groups.json"),
    FileFormat.LITELLM: ("application/yaml", "config.yaml"),
}


def chosen_groups(ids: str) -> RoutingGroupQuerySet:
    """The groups with these comma-separated ids, or all without ids; raises ValidationError for `ids`."""
    groups = RoutingGroup.objects.with_credentials()
    if not ids.strip():
        return groups
    try:
        wanted = {UUID(part.strip()) for part in ids.split(",") if part.strip()}
    except ValueError:
        raise ValidationError({"ids": "Give ids of routing groups, with commas between them."}) from None
    found = groups.filter(pk__in=wanted)
    if missing := wanted - {group.pk for group in found}:
        raise ValidationError({"ids": f"There is no routing group {', '.join(sorted(map(str, missing))[:5])}."})
    return found


def attachment(groups: RoutingGroupQuerySet, file_format: str) -> HttpResponse:
    """The file as an attachment with its default name."""
    media_type, name = FILES[FileFormat(file_format)]
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(exported(groups, file_format), content_type=f"{media_type}; charset=utf-8", headers=headers)
