"""Bodies and query strings as Python values."""

from __future__ import annotations

import pytest
from django.http import QueryDict
from rest_framework import serializers

from lib.serializers import PageQuery, StrictSerializer


class Shape(StrictSerializer):
    """A field that must be there, and one with a default."""

    name = serializers.CharField()
    size = serializers.IntegerField(default=3)

    def validate_name(self, name: str) -> str:
        return name + self.context.get("suffix", "")


def test_a_body_is_read_with_its_defaults():
    assert Shape.checked({"name": "a"}) == {"name": "a", "size": 3}


def test_a_part_of_a_body_has_no_defaults():
    assert Shape.checked({"size": 4}, partial=True) == {"size": 4}
    assert Shape.checked({}, partial=True) == {}


def test_what_a_shape_must_know_comes_with_the_call():
    assert Shape.checked({"name": "a"}, suffix="-b")["name"] == "a-b"


def test_a_bad_field_is_named():
    with pytest.raises(serializers.ValidationError) as caught:
        Shape.checked({"nmae": "a"})
    assert set(caught.value.detail) == {"nmae"}


def test_a_query_is_the_filters_and_the_page():
    assert PageQuery.filters_and_page(QueryDict("q=chat&size=2")) == ({"q": "chat"}, {"page": 1, "size": 2})
