"""What a breaker says has opened it."""

from __future__ import annotations

from engine.core.marks import MOST_FAILURES, Mark, Marks


def marks(*words: str) -> Marks:
    """A failure a second."""
    made = Marks()
    for at_s, word in enumerate(words):
        made.add(Mark(float(at_s), word, f"request-{at_s}"))
    return made


def test_the_most_frequent_failure_is_named_with_its_count_and_the_last_request():
    assert marks("503", "503", "timeout").said(0.0) == ("2×503", "request-2")


def test_of_equally_frequent_ones_the_latest_is_named():
    assert marks("503", "timeout").said(0.0) == ("1×timeout", "request-1")
    assert marks("timeout", "503", "503", "timeout").said(0.0) == ("2×timeout", "request-3")


def test_only_failures_since_the_moment_count_also_if_that_changes():
    made = marks("503", "503", "timeout")
    assert made.said(2.0) == ("1×timeout", "request-2")
    assert made.said(0.0) == ("2×503", "request-2")
    made.add(Mark(3.0, "503", "request-3"))
    assert made.said(0.0) == ("3×503", "request-3")


def test_nothing_is_said_without_a_failure():
    assert Marks().said(0.0) == ("", "")
    assert marks("503").said(9.0) == ("", "")


def test_the_oldest_are_forgotten_and_no_longer_counted():
    made = marks(*["timeout"] * 10, *["503"] * (MOST_FAILURES - 10))
    for n in range(5):
        made.add(Mark(MOST_FAILURES + n, "503", "last"))
    assert made.said(0.0) == (f"{MOST_FAILURES - 5}×503", "last")
    assert made.said(float(MOST_FAILURES - 1)) == ("6×503", "last")


def test_the_first_failure_is_that_of_the_window_or_of_a_longer_row():
    made = marks(*["503"] * 5)
    assert made.first_s(4.0, 1, window_s=2.0) == 2.0
    assert made.first_s(4.0, 5, window_s=2.0) == 0.0
