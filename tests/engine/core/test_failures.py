import pytest

from engine.core.failures import RULES, Failure, FallbackList, Kind, Strikes, kind_of_status


def test_every_kind_has_a_row_in_the_table():
    assert set(RULES) == set(Kind)


@pytest.mark.parametrize("kind", [Kind.TIMEOUT, Kind.CREDENTIALS, Kind.QUOTA, Kind.FORBIDDEN, Kind.NOT_FOUND])
def test_what_a_repeat_cannot_help_is_not_repeated_but_tried_elsewhere(kind: Kind):
    assert not RULES[kind].again
    assert RULES[kind].elsewhere


@pytest.mark.parametrize("kind", [Kind.CREDENTIALS, Kind.QUOTA])
def test_a_key_that_is_refused_or_out_of_money_is_the_keys_trouble_at_once(kind: Kind):
    assert (RULES[kind].strikes, RULES[kind].opens) == (Strikes.KEY, True)


@pytest.mark.parametrize("kind", [Kind.FORBIDDEN, Kind.NOT_FOUND, Kind.RATE_LIMIT])
def test_a_model_that_is_forbidden_missing_or_limited_is_the_deployments_trouble_at_once(kind: Kind):
    assert (RULES[kind].strikes, RULES[kind].opens) == (Strikes.DEPLOYMENT, True)


@pytest.mark.parametrize("kind", [Kind.OWN_KEY, Kind.CONTEXT_LENGTH, Kind.CONTENT_POLICY, Kind.BAD_REQUEST])
def test_what_the_caller_brought_counts_against_nobody(kind: Kind):
    assert RULES[kind].strikes is Strikes.NOTHING


def test_the_request_itself_is_not_tried_elsewhere_in_the_group():
    assert [kind for kind, rule in RULES.items() if not rule.elsewhere] == [Kind.CONTENT_POLICY, Kind.BAD_REQUEST]


def test_two_kinds_have_fallback_groups_of_their_own():
    named = {kind: rule.fallbacks for kind, rule in RULES.items() if rule.fallbacks is not FallbackList.GENERAL}
    assert named == {Kind.CONTEXT_LENGTH: FallbackList.CONTEXT, Kind.CONTENT_POLICY: FallbackList.CONTENT}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, Kind.NOT_FOUND),
        (400, Kind.BAD_REQUEST),
        (401, Kind.CREDENTIALS),
        (402, Kind.QUOTA),
        (403, Kind.FORBIDDEN),
        (404, Kind.NOT_FOUND),
        (405, Kind.NOT_FOUND),
        (408, Kind.TIMEOUT),
        (410, Kind.NOT_FOUND),
        (413, Kind.BAD_REQUEST),
        (422, Kind.BAD_REQUEST),
        (429, Kind.RATE_LIMIT),
        (500, Kind.SERVER),
        (503, Kind.SERVER),
        (504, Kind.SERVER),
        (529, Kind.SERVER),
    ],
)
def test_a_status_alone_says_the_kind(status: int, kind: Kind):
    assert kind_of_status(status) is kind


def test_a_failure_knows_its_rule():
    assert Failure(Kind.TIMEOUT).rule is RULES[Kind.TIMEOUT]
