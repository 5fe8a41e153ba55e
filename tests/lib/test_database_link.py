"""The circuit breaker before the database: who may try while it is away."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from lib.database_link import TRY_EVERY_S, DatabaseAway, DatabaseLink


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def link(clock: Clock) -> DatabaseLink:
    return DatabaseLink(clock)


def test_everybody_may_ask_a_database_that_answers(link: DatabaseLink):
    link.check()
    link.check()
    assert link.may_be_asked
    assert not link.is_away


def test_nobody_waits_for_one_that_was_just_found_away(link: DatabaseLink):
    link.lost("refused")
    assert link.is_away
    assert not link.may_be_asked
    with pytest.raises(DatabaseAway, match="try again"):
        link.check()


def test_one_caller_at_a_time_tries_again(link: DatabaseLink, clock: Clock):
    link.lost("refused")
    clock.now += TRY_EVERY_S
    link.check()
    with pytest.raises(DatabaseAway):
        link.check()
    clock.now += TRY_EVERY_S
    link.check()


def test_all_may_ask_again_once_it_has_answered_one(link: DatabaseLink, clock: Clock):
    link.lost("refused")
    clock.now += TRY_EVERY_S
    link.check()
    link.answered()
    link.check()
    assert not link.is_away
