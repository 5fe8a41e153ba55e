"""Text that may be an id."""

from __future__ import annotations

from uuid import UUID

import pytest

from lib.ids import uuid_of, uuids_of

ID = UUID("0f8fad5b-d9cb-469f-a165-70867728950e")


@pytest.mark.parametrize("text", [str(ID), str(ID).upper(), ID.hex, f"{{{ID}}}"])
def test_an_id_is_read_in_any_spelling(text):
    assert uuid_of(text) == ID


@pytest.mark.parametrize("text", ["", "None", "1", str(ID)[:-1], "nebius", "\x00"])
def test_anything_else_is_no_id(text):
    assert uuid_of(text) is None


def test_what_is_no_id_is_passed_over_and_the_order_stays():
    assert uuids_of(["nebius", str(ID), "", str(UUID(int=0))]) == [ID, UUID(int=0)]
