"""Errors in a file, with their places."""

from __future__ import annotations

from django.core.exceptions import ValidationError

LONGEST_PLACE = 160


class Wrong(ValidationError):
    """An unreadable part of a file: the field `content`, its place, and the reason."""

    def __init__(self, place: str, why: str) -> None:
        self.place, self.why = place[:LONGEST_PLACE], why
        super().__init__({"content": f"{self.place}: {why}" if place else why})


def wrong(place: str, why: str) -> Wrong:
    """An error of the field `content`: `model_list[3].litellm_params.weight: Give a number.`"""
    return Wrong(place, why)
