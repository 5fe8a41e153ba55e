"""What is counted, how several processes add it up, and how it reads."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from engine.ledger import Attempt, Skip, SkipReason, Trace
from engine.outcomes import Outcome
from engine.upstreams.tokens import Usage
from usage.metrics import declared
from usage.metrics.between_processes import SharedSums, Snapshot
from usage.metrics.declared import METRICS
from usage.metrics.exposition import text_of
from usage.metrics.sums import Sums

ROOT = Path(__file__).resolve().parents[2]
PLACE = ("support", "Nebius", "llama")
FIRST = Attempt("1", "Llama", "Azure", "support", 1, 0.0, status="error", error_class="Timeout", model="llama")
LAST = Attempt(
    "2", "Llama", "Nebius", "support", 2, 0.0, status="success", first_token_ms=300.0, fallback_depth=1, model="llama"
)
COOLING = Skip("3", "Llama", "Fireworks", "support", 1, SkipReason.COOLING, "It cools down.")


@dataclass
class Finished:
    """A request that fell back to its second deployment, and answered."""

    trace: Trace = field(default_factory=lambda: Trace("abc", "support", [FIRST, LAST], [COOLING]))
    last: Attempt = field(default_factory=lambda: LAST)
    usage: Usage | None = field(default_factory=lambda: Usage(10, 20, 30))
    duration_ms: float = 1_500.0
    outcome: Outcome = Outcome.ANSWERED
    cost_usd: float | None = 0.25


def read(sums: Sums, *living: Snapshot, now_s: float = 0.0) -> dict[str, float]:
    """Each line of the text, by its name and labels in alphabetical order."""
    _, text = text_of(sums, living, now_s=now_s)
    found = (sample for family in text_string_to_metric_families(text.decode()) for sample in family.samples)
    return {one.name + "".join(f" {key}={one.labels[key]}" for key in sorted(one.labels)): one.value for one in found}


def test_a_request_that_fell_back_is_counted_with_all_that_happened_to_it():
    sums = Sums()
    sums.count(Finished())
    found = read(sums)
    place = " group=support model=llama provider=Nebius"
    assert found["routing_console_requests_total group=support model=llama outcome=answered provider=Nebius"] == 1
    assert found[f"routing_console_tokens_total direction=output{place}"] == 20
    assert found[f"routing_console_cost_usd_total{place}"] == 0.25
    assert found[f"routing_console_first_token_seconds_sum{place}"] == 0.3
    assert found["routing_console_attempts_total error_class=Timeout model=llama provider=Azure"] == 1
    assert found["routing_console_attempts_total error_class=none model=llama provider=Nebius"] == 1
    assert found["routing_console_fallbacks_total group=support"] == 1
    assert found["routing_console_skips_total group=support reason=cooling"] == 1
    assert "routing_console_retries_total group=support" not in found


def test_a_histogram_counts_a_value_in_each_bucket_that_is_not_below_it():
    sums = Sums()
    sums.count(Finished())
    labels = "group=support le={} model=llama outcome=answered provider=Nebius"
    found = read(sums)
    counts = [found[f"routing_console_request_seconds_bucket {labels.format(le)}"] for le in ("1.0", "2.5", "+Inf")]
    assert counts == [0, 1, 1]


def test_an_answer_without_a_price_is_no_cost_of_zero():
    sums = Sums()
    sums.count(replace(Finished(), cost_usd=None))
    assert sums.counters["unpriced_requests"] == {PLACE: 1}
    assert sums.counters["cost_usd"] == {}


def test_an_attempt_that_lost_is_cancelled_and_no_error():
    sums = Sums()
    lost = replace(FIRST, status="cancelled", error_class=None)
    sums.count(replace(Finished(), trace=Trace("abc", "support", [lost, LAST])))
    assert sums.counters["attempts"][("Azure", "llama", "cancelled")] == 1


def test_beyond_the_limit_series_are_counted_together():
    sums = Sums(most=2)
    for group in ("a", "b", "c", "d", "a"):
        sums.add(declared.SKIPS, (group, "cooling"))
    assert sums.counters["skips"] == {("a", "cooling"): 2, ("b", "cooling"): 1, ("other", "cooling"): 2}


def test_not_even_the_last_label_can_make_series_without_end():
    sums = Sums(most=1)
    for number in range(1_000):
        sums.observe(declared.REQUEST_SECONDS, declared.SECONDS, (*PLACE, str(number)), 1.0)
    assert len(sums.histograms["request_seconds"]) < 110
    assert sum(row[-1] for row in sums.histograms["request_seconds"].values()) == 1_000


def test_sums_come_back_from_a_file_and_add_up():
    one = Sums()
    one.count(Finished())
    two = Sums.from_json(one.to_json())
    two.merge(one)
    assert two.counters["requests"] == {(*PLACE, "answered"): 2}
    assert two.histograms["request_seconds"][(*PLACE, "answered")][-1] == 3.0


def test_what_another_release_has_counted_otherwise_is_left_out():
    found = Sums().to_json()
    found["counters"] |= {"of_another_release": [[[], 1]], "skips": [[["one label"], 1]]}
    found["histograms"]["request_seconds"] = [[[*PLACE, "answered"], [1, 2]]]
    sums = Sums.from_json(found)
    assert "of_another_release" not in sums.counters
    assert (sums.counters["skips"], sums.histograms["request_seconds"]) == ({}, {})


def test_a_copy_stays_as_it_is():
    sums = Sums()
    sums.count(Finished())
    copied = sums.copy()
    sums.count(Finished())
    assert copied.counters["requests"] == {(*PLACE, "answered"): 1}
    assert copied.histograms["request_seconds"][(*PLACE, "answered")][-1] == 1.5


def counted(times: int, **gauges: float) -> Snapshot:
    sums = Sums()
    for _ in range(times):
        sums.add(declared.FALLBACKS, ("support",))
    return Snapshot(sums, {name: [((), value)] for name, value in gauges.items()})


def process(folder: Path, times: int = 0, **gauges: float) -> SharedSums:
    """One that has begun, and told so many fallbacks."""
    shared = SharedSums(folder)
    shared.join()
    shared.tell(counted(times, **gauges))
    return shared


def fallbacks(shared: SharedSums) -> float:
    return read(*flat(shared))["routing_console_fallbacks_total group=support"]


def flat(shared: SharedSums) -> list:
    gone, living = shared.read()
    return [gone, *living]


def test_any_process_shows_what_all_have_counted(tmp_path: Path):
    one, two = process(tmp_path, 3, in_flight=2), process(tmp_path, 4, in_flight=5)
    assert (fallbacks(one), fallbacks(two)) == (7, 7)
    found = read(*flat(one))
    assert (found["routing_console_in_flight"], found["routing_console_processes"]) == (7, 2)


def test_what_a_dead_process_has_counted_stays_and_its_gauges_go(tmp_path: Path):
    one, two = process(tmp_path, 3, in_flight=2), process(tmp_path, 4, in_flight=5)
    two.leave()
    assert fallbacks(one) == 7
    found = read(*flat(one))
    assert (found["routing_console_in_flight"], found["routing_console_processes"]) == (2, 1)


def test_a_worker_that_takes_the_place_of_a_dead_one_counts_on(tmp_path: Path):
    one, two = process(tmp_path, 3), process(tmp_path, 4)
    two.leave()
    three = process(tmp_path, 5)
    assert (fallbacks(one), fallbacks(three)) == (12, 12)
    three.leave()
    assert fallbacks(one) == 12
    assert len(list(tmp_path.glob("*.lock"))) == 1


def test_the_first_process_of_a_server_begins_at_zero(tmp_path: Path):
    process(tmp_path, 3).leave()
    assert fallbacks(process(tmp_path, 1)) == 1


def test_a_dead_process_is_not_counted_twice_where_its_files_could_not_be_deleted(tmp_path: Path):
    one, two = process(tmp_path, 3), process(tmp_path, 4)
    kept = {path: path.read_bytes() for path in tmp_path.iterdir()}
    two.leave()
    assert fallbacks(one) == 7
    for path, content in kept.items():
        if not path.exists():
            path.write_bytes(content)
    assert fallbacks(one) == 7


def test_a_torn_file_hides_nothing_of_the_others(tmp_path: Path):
    one, two = process(tmp_path, 3), process(tmp_path, 4)
    [theirs] = [path for path in tmp_path.glob("*.json") if b"4.0" in path.read_bytes()]
    theirs.write_bytes(b'{"sums": {"cou')
    assert fallbacks(one) == 3
    two.tell(counted(4))
    assert fallbacks(one) == 7


def test_the_configuration_of_a_process_that_hangs_grows_old():
    hangs = replace(counted(0, config_age_seconds=1.0, config_version=3.0), told_s=100.0)
    works = replace(counted(0, config_age_seconds=0.0, config_version=4.0), told_s=160.0)
    found = read(Sums(), hangs, works, now_s=160.0)
    assert found["routing_console_config_age_seconds"] == 61
    assert found["routing_console_config_version"] == 3


def test_breakers_show_the_worst_of_all_processes():
    rows = ((1.0, 0.0), (2.0, 0.0))
    living = [Snapshot(Sums(), {"breaker_state": [(("Llama", "Azure"), a), (("Llama", "Nebius"), b)]}) for a, b in rows]
    found = read(Sums(), *living)
    assert found["routing_console_breaker_state deployment=Llama provider=Azure"] == 2
    assert found["routing_console_breaker_state deployment=Llama provider=Nebius"] == 0


@pytest.mark.parametrize(
    ("accept", "kind"), [("", "text/plain"), ("application/openmetrics-text;version=1.0.0", "application/openmetrics")]
)
def test_the_reader_gets_the_format_that_it_accepts(accept: str, kind: str):
    assert text_of(Sums(), [], now_s=0.0, accept=accept)[0].startswith(kind)


def test_the_table_of_the_docs_is_that_of_the_metrics():
    rows = re.findall(
        r"^\| `(routing_console_\w+)` \| (\w+) \| ([^|]*)\|",
        (ROOT / "docs" / "observability.md").read_text(),
        re.MULTILINE,
    )
    wanted = {(one.shown, one.kind, ", ".join(f"`{label}`" for label in one.labels)) for one in METRICS}
    assert {(name, kind, labels.strip()) for name, kind, labels in rows} == wanted
