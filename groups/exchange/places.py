"""Errors in a file, with the place they are at."""

from __future__ import annotations

from django.core.exceptions import ValidationError

LONGEST_PLACE = 160


def wrong(place: str, why: str) -> ValidationError:
    """An error of the field `content`: `model_list[3].litellm_params.weight: Give a number.`"""
    return ValidationError({"content": f"{place[:LONGEST_PLACE]}: {why}" if place else why})
