"""What forms of all pages share: an action takes a form in, filters of lists, words in a box."""

from __future__ import annotations

import pytest
from django import forms
from django.core.exceptions import ValidationError

from lib.exceptions import Conflict, DomainError, NotAllowed, Stale
from pages.forms import ActionForm, FilterForm, SearchField, SelectField, WordsField


class Named(ActionForm):
    """A form with one field that its action calls otherwise."""

    places = {"title": "name"}
    name = forms.CharField()


class Filters(FilterForm):
    """A list that can be searched, filtered and sorted."""

    q = SearchField(placeholder="Search")
    status = SelectField(required=False, choices=[("", "Any"), ("on", "On")])
    sort = forms.CharField(required=False, widget=forms.HiddenInput)


def refuses(error):
    def act():
        raise error

    return act


def test_what_the_action_returns_is_given_back():
    form = Named({"name": "a"})
    assert form.accepted(lambda: form.cleaned_data["name"]) == "a"
    assert (form.status, form.errors) == (200, {})


def test_an_action_is_not_called_with_a_form_that_is_wrong_or_was_not_sent():
    calls = []
    wrong, blank = Named({"name": ""}), Named()
    assert (wrong.accepted(lambda: calls.append(1)), blank.accepted(lambda: calls.append(1))) == (None, None)
    assert (wrong.status, blank.status, calls) == (422, 200, [])


def test_what_an_action_finds_wrong_stands_beside_the_field_it_is_about():
    form = Named({"name": "a"})
    error = ValidationError({"title": ["Taken."], "elsewhere": ["Odd."]})
    assert form.accepted(refuses(error)) is None
    assert form.errors == {"name": ["Taken."], "__all__": ["Odd."]}
    assert form.status == 422


def test_a_conflict_stands_above_the_fields():
    form = Named({"name": "a"})
    assert form.accepted(refuses(Conflict("In use."))) is None
    assert form.errors == {"__all__": ["In use."]}


def test_a_form_can_say_every_refusal():
    form = Named({"name": "a"})
    assert form.accepted(refuses(NotAllowed("Not yours.")), refusals=DomainError) is None
    assert form.errors == {"__all__": ["Not yours."]}


@pytest.mark.parametrize("error", [NotAllowed("No."), Stale("Changed.")])
def test_a_missing_right_and_an_outdated_version_are_raised(error):
    with pytest.raises(type(error)):
        Named({"name": "a"}).accepted(refuses(error))


def test_a_filter_that_makes_no_sense_filters_nothing():
    form = Filters({"q": "x" * 500, "status": "maybe", "sort": "-name"})
    assert (form.chosen, form.is_narrowing, form.query) == ({"sort": "-name"}, False, "sort=-name")


def test_the_address_of_a_list_keeps_its_filters():
    form = Filters({"q": "a b", "status": "on", "page": "7"})
    assert (form.is_narrowing, form.query) == (True, "q=a+b&status=on")


def test_a_list_follows_what_is_typed_and_chosen():
    assert Filters({}).trigger == "input delay:250ms from:#id_q, change from:#id_status, submit"


def test_words_are_split_and_each_is_taken_once():
    assert WordsField().clean(" a, b\na  c ") == ["a", "b", "c"]
    assert WordsField(between=r"[,\n]").clean("deep dive, deep dive\nsql") == ["deep dive", "sql"]
    assert WordsField().clean("") == []
    assert WordsField(glue="\n").prepare_value(["a", "b"]) == "a\nb"


def test_the_length_of_words_is_limited_and_not_that_of_their_box():
    field = WordsField(max_length=4)
    assert field.clean("abcd efgh ijkl") == ["abcd", "efgh", "ijkl"]
    assert "maxlength" not in field.widget.attrs
    with pytest.raises(ValidationError):
        field.clean("abcd abcde")
