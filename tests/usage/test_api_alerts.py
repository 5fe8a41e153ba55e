"""`/api/v1/llm/alerts`, its rules and its test alert."""

from __future__ import annotations

import pytest
from auditlog.models import LogEntry

from tests.fakes import ScriptedUpstream, Status
from usage.alerting import alerts
from usage.models import Alert, AlertKind, AlertRule

pytestmark = pytest.mark.django_db
URL = "/api/v1/llm/alerts"
RULES = f"{URL}/rules"
DOWN = AlertKind.PROVIDER_DOWN


def raised(subject: str = "p1", kind: AlertKind = DOWN) -> None:
    alerts.raise_alert(kind=kind, subject=subject, message=f"{subject} is down.")


def put(client, *rules: dict):
    return client.put(RULES, {"rules": list(rules)}, format="json")


def test_open_resolved_and_all_alerts_are_listed(as_charlie):
    raised("over")
    alerts.resolve_alerts(kind=DOWN)
    raised("open")
    found = {state: as_charlie.get(f"{URL}?state={state}").json()["alerts"] for state in ("open", "resolved", "all")}
    assert {state: [a["subject"] for a in rows] for state, rows in found.items()} == {
        "open": ["open"],
        "resolved": ["over"],
        "all": ["open", "over"],
    }
    assert found["open"] == as_charlie.get(URL).json()["alerts"]
    expected = {"kind": "provider_down", "message": "open is down.", "resolved_at": None, "webhook": "off"}
    assert found["open"][0].items() >= expected.items()


def test_what_waits_for_a_webhook_that_was_unset_goes_nowhere(as_charlie, settings):
    settings.ALERT_WEBHOOK_URL = "https://hooks.example.com"
    raised()
    assert as_charlie.get(URL).json()["alerts"][0]["webhook"] == "waiting"
    settings.ALERT_WEBHOOK_URL = ""
    assert as_charlie.get(URL).json()["alerts"][0]["webhook"] == "off"


def test_they_come_in_pages_and_by_kind(as_charlie):
    for number in range(3):
        raised(f"p{number}")
    raised("console", AlertKind.COST_SPIKE)
    body = as_charlie.get(f"{URL}?size=2&page=2&kind=provider_down").json()
    assert ([a["subject"] for a in body["alerts"]], body["total"], body["page"], body["size"]) == (["p0"], 3, 2, 2)


@pytest.mark.parametrize("query", ["state=closed", "kind=weather", "page=0", "size=201", "colour=red"])
def test_a_filter_that_makes_no_sense_is_named(as_charlie, query):
    answer = as_charlie.get(f"{URL}?{query}")
    assert (answer.status_code, list(answer.json())) == (400, [query.partition("=")[0]])


def acknowledgement(pk: int) -> str:
    return f"{URL}/{pk}/acknowledgement"


def test_an_operator_acknowledges_an_open_alert_and_the_first_stays(as_alice, as_bob):
    raised()
    pk = Alert.objects.get().pk
    answer = as_bob.post(acknowledgement(pk))
    assert (answer.status_code, answer.json()["acknowledged_by"]) == (200, "bob")
    assert as_alice.post(acknowledgement(pk)).json() == answer.json()
    assert as_alice.get(URL).json()["alerts"] == [answer.json()]
    taken_back = as_alice.delete(acknowledgement(pk)).json()
    assert (taken_back["acknowledged_by"], taken_back["acknowledged_at"]) == ("", None)
    entries = LogEntry.objects.filter(object_pk=str(pk)).order_by("pk").values_list("additional_data", "changes")
    assert [(about["by"], changes["acknowledged_by"]) for about, changes in entries] == [
        ("bob", ["", "bob"]),
        ("alice", ["bob", ""]),
    ]


def test_a_resolved_or_unknown_alert_is_not_acknowledged_nor_any_by_a_viewer(as_bob, as_charlie):
    raised()
    pk = Alert.objects.get().pk
    assert as_charlie.post(acknowledgement(pk)).status_code == 403
    alerts.resolve_alerts(kind=DOWN)
    assert "only open ones" in as_bob.post(acknowledgement(pk)).json()["detail"]
    asked = [(pk, "post"), (pk, "delete"), (pk + 1, "post"), (pk, "get")]
    assert [getattr(as_bob, verb)(acknowledgement(one)).status_code for one, verb in asked] == [409, 409, 404, 405]
    raised()
    assert as_bob.get(URL).json()["alerts"][0]["acknowledged_by"] == ""


def test_the_rules_have_the_usual_thresholds_and_say_what_may_be_given(as_charlie):
    rules = as_charlie.get(RULES).json()["rules"]
    assert {rule["kind"]: rule["threshold"] for rule in rules} == {
        "provider_down": 3,
        "cost_spike": 2,
        "error_rate": 5,
        "rate_limit": 80,
        "group_failing": 5,
        "secrets_differ": 1,
        "standby_dead": 3,
    }
    assert rules[0].items() >= {"is_enabled": True, "lowest": 1, "highest": 100, "usual": 3}.items()


def test_what_is_given_is_set_and_the_rest_stays(as_alice):
    answer = put(as_alice, {"kind": "error_rate", "threshold": 7.5, "is_enabled": False})
    assert answer.status_code == 200
    rules = {rule["kind"]: rule for rule in answer.json()["rules"]}
    assert (rules["error_rate"]["threshold"], rules["error_rate"]["is_enabled"]) == (7.5, False)
    assert AlertRule.objects.count() == 1
    assert as_alice.put(RULES, answer.json(), format="json").json() == answer.json()


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ([{"kind": "error_rate", "threshold": 100}], {"0": {"threshold": ["Give a number from 0.5 to 99."]}}),
        ([{"kind": "provider_down", "threshold": 2.5}], {"0": {"threshold": ["Give a whole number from 1 to 100."]}}),
        ([{"kind": "error_rate", "threshold": "nan"}], {"0": {"threshold": ["A valid number is required."]}}),
        ([{"kind": "error_rate"}], {"0": {"threshold": ["This field is required."]}}),
        ([{"kind": "error_rate", "threshold": 5}] * 2, ["Give each kind once."]),
    ],
)
def test_a_threshold_that_makes_no_sense_is_named_and_nothing_is_changed(as_alice, rules, why):
    answer = put(as_alice, *rules)
    assert (answer.status_code, answer.json()) == (400, {"rules": why})
    assert not AlertRule.objects.exists()


@pytest.mark.parametrize("rule", [{"kind": "weather", "threshold": 5}, {"kind": "error_rate", "treshold": 5}, 7])
def test_unknown_kinds_fields_and_shapes_are_refused(as_alice, rule):
    assert put(as_alice, rule).status_code == 400
    assert as_alice.put(RULES, {}, format="json").json() == {"rules": ["This field is required."]}
    assert as_alice.put(RULES, {"rules": []}, format="json").status_code == 400


def test_a_test_alert_goes_to_the_webhook_at_once(as_alice, settings):
    with ScriptedUpstream() as receiver:
        settings.ALERT_WEBHOOK_URL = f"{receiver.url}/hook"
        assert as_alice.post(f"{URL}/test").json() == {"success": True}
        receiver.usual = Status(503)
        assert as_alice.post(f"{URL}/test").json() == {"success": False, "error": "answered 503"}
    settings.ALERT_WEBHOOK_URL = ""
    assert "ALERT_WEBHOOK_URL" in as_alice.post(f"{URL}/test").json()["error"]


def test_rights_and_wrong_methods(as_alice, as_bob, as_charlie, as_dora, as_nobody):
    rule = {"kind": "error_rate", "threshold": 7}
    assert {as_dora.get(URL).status_code, as_dora.get(RULES).status_code} == {403}
    assert {put(as_bob, rule).status_code, as_charlie.post(f"{URL}/test").status_code} == {403}
    assert {as_nobody.get(URL).status_code, put(as_nobody, rule).status_code} == {401}
    assert {as_alice.post(URL).status_code, as_alice.delete(RULES).status_code} == {405}
    assert as_alice.get(f"{URL}/test").status_code == 405
    assert not AlertRule.objects.exists()


def test_the_list_takes_the_same_queries_for_many(as_charlie, django_assert_num_queries):
    for number in range(5):
        raised(f"p{number}")
    with django_assert_num_queries(4):  # the key, its teams, the rows, their number
        as_charlie.get(URL)
