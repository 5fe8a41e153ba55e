from engine.ledger import Attempt, Trace


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


def test_a_retry_stays_in_the_tier_and_a_fallback_leaves_it():
    trace = trace_of(attempt("a"), attempt("b"), attempt("c", tier=2), attempt("d", group="other"))
    assert (trace.retries, trace.fallbacks) == (1, 2)


def test_each_attempt_but_the_last_says_why_the_router_moved_on():
    trace = trace_of(
        attempt("a", error_class="RateLimitError"), attempt("a", error_class="Timeout"), attempt("b", tier=2)
    )
    trace.begin(attempt("c", tier=3))
    reasons = [a.moved_on_because for a in trace.attempts]
    assert reasons == ["retry_rate_limit", "fallback_timeout", "fallback_error", None]
