"""What is spoken with a type of provider where nobody has said otherwise."""

from __future__ import annotations

from engine.spec import DeploymentSpec
from engine.upstreams.choose import dialects_of
from providers.presets import Preset

LITELLM = frozenset({"litellm"})


def usual_dialects(preset: Preset, api_base: str = "") -> frozenset[str]:
    """The dialects of a provider of this type at this address; `litellm` alone where none is spoken without it."""
    base = api_base or preset.base_url
    spec = DeploymentSpec("", "", "", preset.litellm_provider, "", api_base=base, dialects=preset.dialects_at(api_base))
    return dialects_of(spec) or LITELLM
