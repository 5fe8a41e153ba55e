"""A run as files: the picture of a moment, and everything but the traces."""

from __future__ import annotations

import re
from uuid import UUID

from django import forms
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from access.models import Role, Theme
from pages.forms import no_file
from pages.guards import PersonRequest, requires
from tester.models import Run
from tester.picture import standalone
from tester.runs import run_files
from tester.scene import Mode


class PictureForm(forms.Form):
    """The moment (default: the last), which of the two pictures (default: the group's own), and the theme (default:
    dark)."""

    at_ms = forms.FloatField(min_value=0, required=False)
    mode = forms.ChoiceField(choices=[(mode.value, mode.value) for mode in Mode], required=False)
    theme = forms.ChoiceField(choices=Theme.choices, required=False)

    @property
    def chosen_mode(self) -> Mode | None:
        """The mode; None means the group's own."""
        return Mode(self.cleaned_data["mode"]) if self.cleaned_data["mode"] else None

    @property
    def chosen_theme(self) -> Theme:
        """The theme, dark by default, as on the pages."""
        return Theme(self.cleaned_data["theme"] or Theme.DARK)


@require_safe
@requires(Role.VIEWER, to="export a rehearsal")
def as_json(request: PersonRequest, run_id: UUID) -> HttpResponseBase:
    """The run with its configuration, result and frames."""
    run = get_object_or_404(Run, pk=run_id)
    answer = StreamingHttpResponse(run_files.json_of(run), content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="{file_name(run)}.json"'
    return answer


@require_safe
@requires(Role.VIEWER, to="export a rehearsal")
def as_picture(request: PersonRequest, run_id: UUID) -> HttpResponse:
    """The diagram at a moment as a self-contained SVG file."""
    run = get_object_or_404(Run, pk=run_id)
    form = PictureForm(request.GET)
    if not form.is_valid():
        return no_file(form)
    scene, about = run_files.scene_at(run, form.cleaned_data["at_ms"], form.chosen_mode)
    picture = standalone(scene, about=about, theme=form.chosen_theme)
    headers = {
        "Content-Security-Policy": picture.policy,
        "Content-Disposition": f'inline; filename="{file_name(run)}.svg"',
    }
    return HttpResponse(picture.svg, content_type="image/svg+xml", headers=headers)


def file_name(run: Run) -> str:
    """GROUP-SCENARIO-SEED, in characters that every file system accepts."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", f"{run.group_name}-{run.scenario}-{run.seed}")
