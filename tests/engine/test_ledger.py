import os

from engine.ledger import Attempt, Rescue, Trace, new_call_id


def attempt(deployment: str, *, group: str = "g", tier: int = 1, error_class: str = "APIError") -> Attempt:
    return Attempt(deployment, deployment, "P", group, tier, started_at=0.0, status="error", error_class=error_class)


def trace_of(*attempts: Attempt) -> Trace:
    trace = Trace("call", "g")
    for one in attempts:
        trace.begin(one)
    return trace


def test_an_untried_request_counts_nothing():
    trace = trace_of()
    assert (trace.retries, trace.fallbacks, trace.last) == (0, 0, None)


def test_a_retry_asks_a_deployment_again_and_a_fallback_leaves_the_tier():
    trace = trace_of(
        attempt("a"), attempt("a"), attempt("c", tier=2), attempt("d", group="other"), attempt("c", tier=2)
    )
    assert (trace.retries, trace.fallbacks) == (2, 3)


def test_another_one_of_the_same_tier_is_neither():
    trace = trace_of(attempt("a"), attempt("b"))
    assert (trace.retries, trace.fallbacks, trace.attempts[0].moved_on_because) == (0, 0, "other_error")


def test_a_request_is_rescued_once_the_attempt_that_went_on_has_answered():
    trace = trace_of(attempt("a"), attempt("b"))
    trace.attempts[1].rescue = Rescue.RESTARTED
    assert not trace.is_rescued
    trace.attempts[1].status = "success"
    assert trace.is_rescued
    trace.attempts[1].rescue = ""
    assert not trace.is_rescued


def test_each_attempt_but_the_last_says_why_the_router_moved_on():
    trace = trace_of(
        attempt("a", error_class="RateLimitError"), attempt("a", error_class="Timeout"), attempt("b", tier=2)
    )
    trace.begin(attempt("c", tier=3))
    reasons = [a.moved_on_because for a in trace.attempts]
    assert reasons == ["retry_rate_limit", "fallback_timeout", "fallback_error", None]


def test_ids_are_unique_also_in_a_forked_process():
    ours = {new_call_id() for _ in range(600)}
    reading, writing = os.pipe()
    if not (child := os.fork()):
        os.write(writing, " ".join(new_call_id() for _ in range(20)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reading, 4096).decode().split()
    assert len(ours | {new_call_id() for _ in range(20)} | {*theirs}) == 640
    assert all(len(one) == 32 and int(one, 16) >= 0 for one in theirs)
