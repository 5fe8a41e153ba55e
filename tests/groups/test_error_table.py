"""What follows from which error, in words."""

from engine.core.failures import Kind
from engine.spec import ErrorRule, RetryPolicy
from groups.versions.error_table import KINDS, error_rows, words_of


def row(kind: str, **policy: object) -> tuple[str, str, str, bool]:
    found = next(row for row in error_rows(RetryPolicy(**policy)) if row.kind == kind)  # type: ignore[arg-type]
    return found.here, found.elsewhere, found.counts_against, found.is_own


def test_every_kind_has_words():
    assert set(KINDS) == set(Kind)


def test_the_table_says_what_the_core_does():
    assert row("rate_limit") == (
        "2 retries, after Retry-After, at most 5 s",
        "other deployments, then the fallback groups",
        "the deployment, at once",
        False,
    )
    assert row("timeout")[0] == "no retry"
    assert row("server", num_retries=1, retry_after_s=3.0)[0] == "1 retry, after 3 s or more"
    assert row("server", num_retries=0)[0] == "no retry"
    assert row("content_policy")[1] == "the groups for the content policy"
    assert row("quota")[2] == "the provider's key, at once"


def test_the_rules_of_a_group_are_in_the_table():
    rules = (ErrorRule("timeout", here=1, wait_s=2.0), ErrorRule("server", elsewhere=False))
    assert row("timeout", by_error=rules)[0::3] == ("1 retry, after 2 s", True)
    assert row("server", by_error=rules)[1::2] == ("nobody", True)


def test_stored_rules_are_a_sentence():
    rules = {"timeout": {"here": 1, "wait_s": 2}, "not_found": {"elsewhere": False, "here": 0}}
    assert words_of(rules) == "Time limit: 1 retry, after 2 s; 404 not found: no retry, nobody else"
