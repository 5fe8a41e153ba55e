"""Each provider type has all it takes to be shown and to be called."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from access.keys import COMMAND_LINE
from engine.spec import Secret
from groups.specs import spec_of_model
from providers import secrets
from providers.actions import create_provider
from providers.models import LanguageModel
from providers.presets import DEFAULT, GRAY, ROWS, Preset, colour_of, preset_of
from tests.factories import make_model, make_provider

ROOT = Path(__file__).resolve().parents[2]
CSS = (ROOT / "static/css/console.css").read_text()
SVG = "{http://www.w3.org/2000/svg}"
every_type = pytest.mark.parametrize("preset", ROWS, ids=[row.type for row in ROWS])


@every_type
def test_it_has_a_logo_that_takes_the_colour_of_the_text_and_breaks_no_policy(preset: Preset):
    root = ElementTree.parse(ROOT / "static" / preset.logo).getroot()
    assert (root.tag, root.get("id")) == (f"{SVG}svg", "logo")
    assert root.get("viewBox")
    assert "currentColor" in (root.get("fill"), root.get("stroke"))
    assert not [e for e in root.iter() if e.get("style") or e.tag in (f"{SVG}script", f"{SVG}style", f"{SVG}image")]


@every_type
def test_it_has_a_colour_in_the_stylesheet(preset: Preset):
    word = colour_of(preset.type)
    assert re.search(rf"\.p-{word} \{{\s*--c: {preset.colour};", CSS)
    assert (word == DEFAULT) == (preset.colour == GRAY)


@every_type
@pytest.mark.django_db
def test_with_what_it_asks_for_it_becomes_a_deployment(preset: Preset, settings):
    settings.ALLOW_PRIVATE_UPSTREAMS = True
    provider = create_provider(
        by=COMMAND_LINE,
        type=preset.type,
        api_key="sk-0123456789abcdef",
        api_base=preset.example_url if preset.needs_base_url else "",
        settings={field.name: field.example for field in preset.settings},
        credentials={field.name: f"secret-{field.name}" for field in preset.credentials},
        models=["some-model"],
    )
    (deployment,) = spec_of_model(LanguageModel.objects.select_related("provider__key").get()).deployments
    assert provider.name == preset.display_name
    assert deployment.provider_type == preset.litellm_provider
    assert deployment.api_base == (preset.base_url or preset.example_url or None)
    assert deployment.api_key == Secret("sk-0123456789abcdef")
    assert dict(deployment.options).keys() == {field.name for field in preset.settings}
    assert dict(deployment.credentials) == {f.name: Secret(f"secret-{f.name}") for f in preset.credentials}
    assert "secret-" not in repr(deployment)


def test_a_type_without_a_row_has_the_logo_of_a_server():
    assert preset_of("deepseek").logo == "vendor/logos/custom.svg"


@pytest.mark.django_db
def test_azure_has_a_version_of_its_api_until_another_is_set():
    provider = make_provider(type="azure")
    assert spec_of_model(make_model(provider=provider)).deployments[0].options == (("api_version", "2024-10-21"),)
    provider.settings = {"api_version": "2025-01-01"}
    assert spec_of_model(make_model(provider=provider)).deployments[0].options == (("api_version", "2025-01-01"),)


@pytest.mark.django_db
def test_a_providers_limits_are_those_of_deployments_without_their_own():
    (deployment,) = spec_of_model(make_model(provider=make_provider(rpm=60, tpm=9000))).deployments
    assert (deployment.rpm, deployment.tpm) == (60, 9000)


@pytest.mark.django_db
def test_several_secrets_are_stored_together_and_shown_as_hints():
    row = secrets.store(provider=make_provider(type="aws"), key="", others={"aws_access_key_id": "AKIA0123456789"})
    assert (row.hint, row.hints) == ("", {"aws_access_key_id": "…****6789"})
    assert "AKIA" not in row.ciphertext
    secrets.rotate(row)
    assert secrets.read(row) == secrets.Credentials(None, (("aws_access_key_id", Secret("AKIA0123456789")),))
