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


class Typed(StrictSerializer):
    """A field of each type that Python reads from others."""

    text = serializers.CharField()
    id = serializers.UUIDField()
    number = serializers.FloatField()
    texts = serializers.ListField(child=serializers.CharField())
    ids = serializers.ListField(child=serializers.UUIDField())
    named = serializers.DictField(child=serializers.CharField())


@pytest.mark.parametrize(
    "body",
    [
        *({"text": value} for value in (0, 1.5, True)),
        *({"id": value} for value in (0, False)),
        *({"number": value} for value in (True, "nan", "inf", 10**400)),
        *({"texts": [value]} for value in (0, False)),
        *({"ids": [value]} for value in (1, False)),
        *({"named": {"a": value}} for value in (0, False)),
    ],
    ids=str,
)
def test_a_value_of_another_type_is_refused_and_not_turned_into_a_text_or_an_id(body):
    with pytest.raises(serializers.ValidationError) as caught:
        Typed.checked(body, partial=True)
    assert [*caught.value.detail] == [*body]


def test_a_value_of_its_own_type_is_read():
    own = {"text": "5", "number": 5, "texts": ["a"], "named": {"a": "b"}, "ids": []}
    assert Typed.checked(own, partial=True) == own


def test_a_query_is_the_filters_and_the_page():
    assert PageQuery.filters_and_page(QueryDict("q=chat&size=2")) == ({"q": "chat"}, {"page": 1, "size": 2})
