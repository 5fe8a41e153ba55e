import math

import pytest

from engine.core.breaker import MOST_PASSED_OVER, RECOVERED_AFTER, Breaker, BreakerPolicy, State
from engine.core.failures import Failure, Kind
from engine.core.said import Said
from tests.engine.core.working import DEFAULT, LIMITED, REFUSED, SERVER, SILENT, limited, opened, shut


def send(breaker: Breaker, at_s: float, failure: Failure | None = None, takes_s: float = 0.0) -> bool:
    """One request; whether it opened the breaker."""
    breaker.sent += 1
    ticket, number = breaker.entered(at_s), breaker.sent
    if failure is not None:
        return breaker.failed(at_s + takes_s, failure, ticket, number=number)
    breaker.succeeded(at_s + takes_s, ticket)
    return False


def probe(breaker: Breaker, at_s: float, failure: Failure | None = None, takes_s: float = 0.0) -> bool:
    """One request as soon as the breaker lets it through; whether it did."""
    if breaker.state(at_s) not in (State.HALF_OPEN, State.CLOSED):
        return False
    send(breaker, at_s, failure, takes_s)
    return True


def pauses(failure: Failure, count: int, policy: BreakerPolicy = DEFAULT) -> list[float]:
    """The lengths of its pauses when every probe fails at once."""
    breaker, now = opened(failure, 10.0, policy), 10.0
    lengths = []
    for _ in range(count):
        lengths.append(round(breaker.until_s - now, 3))
        now = breaker.until_s
        assert probe(breaker, now, failure)
    return lengths


def answers(breaker: Breaker, count: int, at_s: float) -> None:
    for _ in range(count):
        breaker.succeeded(at_s, breaker.entered(at_s))


# When it opens


def test_three_failures_in_a_row_open_it():
    breaker = Breaker()
    assert [send(breaker, now, SERVER) for now in (1.0, 2.0, 3.0)] == [False, False, True]
    assert breaker.state(3.1) is State.OPEN


def test_an_answer_between_begins_the_row_from_zero():
    breaker = Breaker(BreakerPolicy(failure_rate=1.0))
    for now in range(1, 20):
        send(breaker, now, SERVER)
        send(breaker, now + 0.1, SERVER)
        send(breaker, now + 0.2)
    assert breaker.state(20.0) is State.CLOSED


def test_a_row_at_one_request_a_minute_is_a_row():
    breaker = Breaker()
    assert [send(breaker, 60.0 * n, SILENT) for n in range(3)] == [False, False, True]


def test_more_than_half_of_five_results_in_a_minute_open_it():
    breaker = Breaker()
    results = [SERVER, None, SERVER, None, SERVER]
    for now, failure in enumerate(results, 1):
        send(breaker, now) if failure is None else send(breaker, now, failure)
    assert breaker.state(6.0) is State.OPEN


def test_failures_of_another_minute_are_no_part_of_the_rate():
    breaker = Breaker()
    send(breaker, 1.0, SERVER)
    send(breaker, 2.0, SERVER)
    send(breaker, 3.0)
    send(breaker, 62.0, SERVER)
    send(breaker, 63.0)
    assert breaker.state(64.0) is State.CLOSED


@pytest.mark.parametrize("kind", [Kind.RATE_LIMIT, Kind.NOT_FOUND, Kind.FORBIDDEN, Kind.CREDENTIALS, Kind.QUOTA])
def test_one_failure_that_says_enough_opens_it(kind: Kind):
    assert send(Breaker(), 1.0, Failure(kind))


def test_three_in_a_row_are_nothing_at_a_busy_one_that_fails_now_and_then():
    breaker = Breaker()
    for n in range(1000):
        send(breaker, n / 100, SERVER if n % 4 == 0 else None)
    for n in range(3):
        send(breaker, 10.0 + n / 100, SERVER)
    assert breaker.state(10.1) is State.CLOSED
    for n in range(10):
        send(breaker, 10.1 + n / 100, SERVER)
    assert breaker.state(10.3) is State.OPEN


def test_three_in_a_row_open_a_busy_one_that_never_failed():
    breaker = Breaker()
    for n in range(1000):
        send(breaker, n / 100)
    assert [send(breaker, 11.0, SERVER) for _ in range(3)][-1]


def test_failures_that_come_before_the_answers_to_requests_between_are_no_row():
    breaker = Breaker()
    breaker.sent = 20
    assert not any(breaker.failed(0.1, SERVER, 0, number=number) for number in (1, 3, 5, 7, 9, 11))
    assert breaker.state(0.3) is State.CLOSED


def test_a_row_is_one_in_whatever_order_its_failures_come():
    breaker = Breaker()
    breaker.sent = 5
    assert [breaker.failed(15.0, SILENT, 0, number=number) for number in (4, 2, 3)] == [False, False, True]


def test_allowed_fails_bears_so_many_of_any_kind():
    breaker = Breaker(BreakerPolicy(allowed_fails=4))
    assert [send(breaker, 1.0 + n, LIMITED) for n in range(5)] == [False] * 4 + [True]


def test_failures_longer_ago_than_the_window_are_not_among_the_allowed_ones():
    breaker = Breaker(BreakerPolicy(allowed_fails=1, window_s=30.0))
    assert [send(breaker, now, SERVER) for now in (1.0, 32.0, 40.0)] == [False, False, True]


# How long it stays open


def test_pauses_double_while_the_outage_is_short_and_follow_it_then_up_to_a_minute():
    lengths = pauses(SERVER, 22)
    assert lengths[:4] == [2.0, 4.0, 8.0, 8.0]
    assert lengths == sorted(lengths)
    assert lengths[-1] == 60.0


def test_a_pause_is_at_most_eight_seconds_or_a_quarter_of_the_outage():
    began_s, breaker = 10.0, opened(SERVER, 10.0)
    while breaker.until_s < 400.0:
        now = breaker.until_s
        probe(breaker, now, SERVER)
        assert breaker.until_s - now <= min(60.0, max(8.0, (now - began_s) / 4)) + 1e-9


@pytest.mark.parametrize("outage_s", range(5, 41, 5))
def test_after_an_outage_of_up_to_forty_seconds_it_is_back_within_ten(outage_s: int):
    breaker = opened(SERVER, 0.1)
    while breaker.until_s < outage_s:
        probe(breaker, breaker.until_s, SERVER)
    assert breaker.until_s - outage_s <= 10.0


def test_a_pause_counts_from_when_a_silent_probe_began():
    breaker = opened(SILENT, 15.0)
    breaker.passed_over(17.0)
    assert probe(breaker, 17.0, SILENT, takes_s=15.0)
    assert breaker.until_s == 32.0  # four seconds from 17.0 are over


def test_settings_say_how_long_the_pauses_are():
    assert pauses(SERVER, 6, BreakerPolicy(first_s=1.0, longest_s=3.0)) == [1.0, 2.0, 3.0, 3.0, 3.0, 3.0]


def test_a_pause_that_a_group_has_fixed_is_always_as_long_and_beats_retry_after():
    assert pauses(limited(100.0), 3, BreakerPolicy(fixed_s=30.0)) == [30.0, 30.0, 30.0]


def test_a_retry_after_is_followed_up_to_five_minutes():
    assert opened(limited(20.0), 1.0).until_s == 21.0
    assert opened(limited(3600.0), 1.0).until_s == 301.0


def test_of_two_pauses_the_later_end_counts():
    breaker = opened(limited(100.0), 1.0)
    breaker.failed(5.0, limited(3.0), 0)
    assert breaker.until_s == 101.0
    breaker.failed(6.0, limited(200.0), 0)
    assert breaker.until_s == 206.0


def test_a_failed_probe_does_not_shorten_what_was_asked_for_before():
    breaker = opened(limited(100.0), 1.0)
    ticket = breaker.entered(6.0)  # of a group that had nobody else
    breaker.failed(6.5, SERVER, ticket)
    assert breaker.until_s == 101.0
    assert breaker.free_s(6.5, 5.0) == 11.0


def test_a_last_deployment_is_left_alone_for_five_seconds_at_most():
    breaker = opened(limited(3600.0), 100.0)
    assert breaker.free_s(101.0, 5.0) == 105.0
    assert opened(LIMITED, 100.0).free_s(101.0, 5.0) == 102.0


# Half-open


def test_when_the_pause_is_over_one_request_probes_and_nobody_else():
    breaker = opened(at_s=1.0)
    assert breaker.state(2.9) is State.OPEN
    assert breaker.state(3.0) is State.HALF_OPEN
    breaker.entered(3.0)
    assert breaker.state(3.1) is State.PROBING


def test_a_probe_that_ends_without_a_verdict_lets_the_next_one_in():
    breaker = opened(at_s=1.0)
    breaker.left(breaker.entered(3.0))
    assert breaker.state(3.1) is State.HALF_OPEN


def test_a_late_answer_of_an_older_request_neither_ends_nor_doubles_a_probe():
    breaker = Breaker()
    breaker.sent = 2
    older = breaker.entered(0.5)
    breaker.failed(1.0, LIMITED, breaker.entered(0.6))
    ticket = breaker.entered(3.0)
    breaker.succeeded(3.1, older)
    breaker.left(older)
    breaker.failed(3.2, SILENT, older, number=1)
    assert breaker.state(3.3) is State.PROBING
    breaker.succeeded(3.4, ticket)
    assert breaker.state(3.5) is State.CLOSED


def test_the_verdict_of_a_probe_before_the_last_one_does_not_count():
    breaker = opened(at_s=1.0)
    first = breaker.entered(3.0)
    breaker.left(first)
    breaker.entered(4.0)
    breaker.succeeded(4.1, first)
    assert breaker.state(4.2) is State.PROBING


def test_a_probe_bars_others_for_five_seconds_however_long_it_takes():
    breaker = opened(at_s=1.0)
    breaker.entered(3.0)
    assert breaker.state(7.9) is State.PROBING
    assert breaker.state(8.0) is State.HALF_OPEN
    breaker.entered(8.5)
    assert breaker.state(13.4) is State.PROBING
    assert breaker.state(13.5) is State.HALF_OPEN


def test_in_a_longer_outage_a_probe_bars_others_for_a_quarter_of_it():
    breaker = opened(SERVER, 0.0)
    probe(breaker, 36.0, SERVER)
    breaker.entered(44.0)
    assert breaker.state(54.9) is State.PROBING
    assert breaker.state(55.0) is State.HALF_OPEN


def test_where_nobody_else_can_serve_a_probe_bars_others_for_no_longer_than_the_group_says():
    breaker = opened(SERVER, 0.0)
    probe(breaker, 36.0, SERVER)
    breaker.entered(44.0)
    assert breaker.probes.bar_until_s(most_s=5.0) == 49.0


def test_a_probe_of_a_key_bars_others_for_a_second_however_long_the_key_was_refused():
    breaker = Breaker(is_of_key=True)
    breaker.failed(0.0, REFUSED, 0)
    probe(breaker, 1000.0, REFUSED)
    breaker.entered(1100.0)
    assert breaker.state(1100.9) is State.PROBING
    assert breaker.state(1101.0) is State.HALF_OPEN
    breaker.entered(1101.0)
    assert breaker.state(1101.0) is State.HALF_OPEN


def test_each_of_several_probes_may_bring_it_back():
    breaker = opened(at_s=1.0)
    slow, later = breaker.entered(3.0), breaker.entered(8.0)
    breaker.left(later)
    breaker.succeeded(17.0, slow)
    assert breaker.state(17.1) is State.CLOSED


def test_several_probes_that_fail_open_it_for_longer_once():
    breaker = opened(SERVER, 1.0)
    probes = [breaker.entered(3.0), breaker.entered(8.0), breaker.entered(13.0)]
    for n, ticket in enumerate(probes):
        breaker.failed(14.0 + 0.1 * n, SERVER, ticket, number=n + 1)
    assert breaker.until_s == 13.0 + 4.0


def test_a_later_probe_that_answers_after_an_earlier_one_has_failed_brings_it_back():
    breaker = opened(SILENT, 1.0)
    silent, good = breaker.entered(3.0), breaker.entered(17.9)
    breaker.failed(18.0, SILENT, silent)
    assert breaker.state(18.1) is State.PROBING
    breaker.succeeded(18.5, good)
    assert breaker.state(18.6) is State.CLOSED


def test_a_silent_one_is_passed_over_by_more_and_more_requests_between_its_probes():
    breaker, now, passed = opened(SILENT, 15.0), 15.0, []
    for _ in range(7):
        now = max(now, breaker.until_s)
        count = 0
        while not probe(breaker, now, SILENT, takes_s=15.0):
            breaker.passed_over(now)
            count += 1
        passed.append(count)
        now += 15.0
    assert passed == [1, 2, 4, 8, 16, 16, 16] == [min(2**n, MOST_PASSED_OVER) for n in range(7)]


def test_what_passes_a_silent_one_over_while_it_pauses_or_is_probed_counts_for_the_next_probe():
    breaker = opened(SILENT, 15.0)
    breaker.passed_over(15.5)
    assert breaker.state(17.0) is State.HALF_OPEN
    ticket = breaker.entered(17.0)
    breaker.passed_over(18.0)
    breaker.failed(22.0, SILENT, ticket)
    assert breaker.state(22.0) is State.OPEN
    breaker.passed_over(22.0)
    assert breaker.state(22.0) is State.HALF_OPEN


def test_one_that_fails_at_once_is_probed_by_the_first_request_after_the_pause():
    breaker = opened(SERVER, 1.0)
    for _ in range(5):
        assert probe(breaker, breaker.until_s, SERVER)


# Recovering


def test_a_recovery_lets_in_one_more_with_each_answer():
    breaker = opened(at_s=1.0)
    probe(breaker, 3.0)
    for allowed in range(1, RECOVERED_AFTER + 1):
        tickets: list[int] = []
        while breaker.state(4.0) is State.CLOSED and len(tickets) < 100:
            tickets.append(breaker.entered(4.0))
        assert len(tickets) == allowed
        breaker.succeeded(4.0, tickets.pop())
        for ticket in tickets:
            breaker.left(ticket)
    assert breaker.is_quiet


def test_requests_that_hang_since_before_the_outage_take_no_place_in_the_recovery():
    breaker = Breaker()
    for _ in range(100):
        breaker.entered(0.0)
    breaker.failed(1.0, LIMITED, breaker.entered(0.0))
    probe(breaker, 3.0)
    assert breaker.state(3.1) is State.CLOSED


def test_failures_of_requests_from_before_the_recovery_do_not_end_it():
    breaker = opened(at_s=1.0)
    probe(breaker, 3.0)
    for _ in range(10):
        breaker.failed(4.0, SILENT, 0, number=1)
    assert breaker.state(4.1) is State.CLOSED
    answers(breaker, RECOVERED_AFTER, 4.2)
    for _ in range(10):
        breaker.failed(5.0, SILENT, 0, number=1)
    assert breaker.is_quiet


def test_what_opens_it_again_while_it_recovers_is_what_opens_it_at_any_time_and_for_longer():
    breaker = opened(at_s=1.0)
    probe(breaker, 3.0)
    assert [send(breaker, 3.5, SERVER) for _ in range(3)] == [False, False, True]
    assert breaker.until_s == 3.5 + 4.0
    probe(breaker, 7.5)
    assert send(breaker, 8.0, LIMITED)
    assert breaker.until_s == 8.0 + 8.0


def test_a_failure_while_it_recovers_lets_half_as_many_in():
    breaker = opened(at_s=1.0)
    probe(breaker, 3.0)
    answers(breaker, 7, 4.0)
    breaker.failed(5.0, SERVER, breaker.entered(5.0))
    tickets = []
    while breaker.state(5.1) is State.CLOSED:
        tickets.append(breaker.entered(5.1))
    assert len(tickets) == 4


def test_an_upstream_that_fails_one_time_in_ten_recovers():
    breaker, now = opened(at_s=1.0), 3.0
    for n in range(100):
        now += 0.5
        probe(breaker, now, SERVER if n % 10 == 9 else None)
    assert breaker.begun == 1
    assert breaker.is_quiet


def test_one_that_flaps_is_not_new_each_time():
    """Five seconds up, five down, a request each second: less and less of them meet it while it is down."""
    breaker, met = Breaker(), []
    for second in range(600):
        is_down = second % 10 < 5
        if probe(breaker, float(second), SERVER if is_down else None) and is_down:
            met.append(second)
    assert len(met) < 40
    assert len([second for second in met if second >= 300]) <= 10


def test_closing_it_by_hand_forgets_everything():
    breaker = opened(limited(100.0), 1.0)
    breaker.close()
    assert (breaker.state(2.0), breaker.until_s, breaker.cause) == (State.CLOSED, 0.0, "")
    assert pauses(SERVER, 1) == [2.0]


# By hand, and what is shown


def test_tripping_it_by_hand_holds_even_for_a_last_deployment():
    breaker = Breaker()
    breaker.trip(10.0, 610.0, "maintenance")
    assert (breaker.cause, breaker.until_s) == ("maintenance", 610.0)
    assert breaker.free_s(20.0, 5.0) == 610.0


def test_what_another_process_says_holds_as_if_it_had_been_seen_here():
    breaker = Breaker()
    shut(breaker, 10.0, 60.0, "3×503")
    assert breaker.free_s(11.0, 5.0) == 15.0


def test_a_probe_that_ran_when_it_was_tripped_by_hand_does_not_bring_it_back():
    breaker = opened(at_s=1.0)
    ticket = breaker.entered(3.0)
    breaker.trip(4.0, 604.0, "maintenance")
    breaker.succeeded(5.0, ticket)
    assert breaker.state(6.0) is State.OPEN


def test_what_is_tripped_by_hand_comes_back_by_a_probe():
    breaker = Breaker()
    breaker.trip(10.0, 70.0, "maintenance")
    assert breaker.state(69.9) is State.OPEN
    assert probe(breaker, 70.0)
    assert breaker.until_s == 0.0


@pytest.mark.parametrize(
    "happens",
    [
        lambda breaker: breaker.failed(20.0, limited(900.0), 0),
        lambda breaker: breaker.failed(20.0, SERVER, 0),
        lambda breaker: breaker.hear(20.0, Said()),
        lambda breaker: breaker.hear(20.0, Said(allowed=1)),
        lambda breaker: breaker.hear(20.0, Said(left_s=900.0, cause="3×503")),
        lambda breaker: breaker.forgive(20.0),
    ],
)
def test_nothing_that_happens_meanwhile_changes_what_is_tripped_by_hand(happens):
    breaker = Breaker()
    breaker.trip(10.0, 70.0, "maintenance")
    happens(breaker)
    assert (breaker.state(69.0), breaker.until_s, breaker.cause) == (State.OPEN, 70.0, "maintenance")
    assert breaker.say(30.0) == Said()


def test_a_trip_that_is_made_shorter_is_shorter():
    breaker = Breaker()
    breaker.trip(10.0, 600.0, "maintenance")
    breaker.trip(20.0, 30.0, "done sooner")
    assert (breaker.state(29.0), breaker.state(30.0)) == (State.OPEN, State.HALF_OPEN)


def test_failures_open_it_as_ever_after_a_trip():
    breaker = Breaker()
    breaker.trip(0.0, 10.0, "maintenance")
    probe(breaker, 10.0, SERVER)
    assert (breaker.is_tripped(11.0), breaker.until_s, breaker.cause) == (False, 12.0, "1×503")


def test_it_says_the_most_frequent_cause_and_the_last_request():
    breaker = Breaker(BreakerPolicy(allowed_fails=2))
    for n, failure in enumerate((SERVER, SILENT, SERVER)):
        breaker.sent += 1
        breaker.failed(1.0 + n, failure, 0, f"request {n}")
    assert (breaker.cause, breaker.request_id, breaker.since_s) == ("2×503", "request 2", 3.0)


def test_the_cause_counts_all_failures_that_opened_it_also_those_of_more_than_a_minute():
    breaker = Breaker()
    send(breaker, 0.0, SERVER)
    send(breaker, 500.0)
    for n in range(3):
        send(breaker, 1000.0 + 60 * n, SILENT, takes_s=60.0)
    assert (breaker.cause, breaker.until_s) == ("3×timeout", 1182.0)
    breaker.passed_over(1181.0)
    probe(breaker, 1200.0, SILENT, takes_s=60.0)
    assert breaker.cause == "4×timeout"


def test_each_opening_has_its_number():
    breaker = opened(at_s=1.0)
    assert breaker.begun == 1
    probe(breaker, 3.0, SERVER)
    assert breaker.begun == 2


def test_an_outage_may_begin_at_the_moment_zero():
    breaker = opened(SERVER, 0.0)
    assert breaker.until_s == 2.0
    for _ in range(3):
        probe(breaker, breaker.until_s, SERVER)
    assert breaker.until_s == 22.0


# What groups want together


def test_of_two_groups_the_strictest_counts_and_the_longest_time():
    one = BreakerPolicy(fixed_s=10.0, allowed_fails=5, window_s=10.0)
    both = one.strictest(BreakerPolicy(fixed_s=60.0, allowed_fails=2, window_s=60.0))
    assert (both.fixed_s, both.allowed_fails, both.window_s) == (60.0, 2, 60.0)
    assert not both.is_adaptive


def test_a_group_that_bears_many_failures_does_not_take_the_adaptive_rule_from_another():
    both = BreakerPolicy(allowed_fails=100).strictest(BreakerPolicy())
    breaker = Breaker(both)
    assert [send(breaker, 1.0 + n, SERVER) for n in range(3)] == [False, False, True]
    assert send(Breaker(both), 1.0, REFUSED)


def test_the_strictest_is_the_same_from_both_sides():
    one, other = BreakerPolicy(allowed_fails=3, first_s=1.0), BreakerPolicy(fixed_s=5.0, consecutive=2)
    assert one.strictest(other) == other.strictest(one)


def test_a_retry_after_without_end_is_capped():
    assert opened(limited(math.inf), 1.0).until_s == 301.0
