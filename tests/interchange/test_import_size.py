"""Files of the largest size: an import holds the lock of all changes, so it may not take long."""

from __future__ import annotations

import pytest

from interchange.files import bundle_from, checked
from interchange.planning.plan import ImportPlan, ImportVerdict, planned
from interchange.rows import Known
from tests.pace import Stopwatch

# References are sealed with the key of the installation, which the database confirms.
pytestmark = pytest.mark.django_db

PATIENCE_S = 30.0  # the slow ways took minutes and more


def plan_of(count: int, entry: str, fallbacks: str = "") -> ImportPlan:
    rows = "".join(f"- {{model_name: g{n}, litellm_params: {entry.format(n=n)}}}\n" for n in range(count))
    settings = "".join(f"  - {{g{n}: [{fallbacks.format(n + 1)}]}}\n" for n in range(count) if fallbacks)
    text = f"model_list:\n{rows}router_settings:\n  fallbacks:\n{settings}"
    return planned(bundle_from(checked(text))[0], Known(groups={}), may_add_providers=True)


def test_a_chain_of_a_thousand_groups_loses_the_one_step_to_nowhere_soon():
    watch = Stopwatch()
    plan = plan_of(1000, "{{model: openai/m}}", "g{}")
    assert len(plan.of(ImportVerdict.CREATED)) == 1000
    assert [remark.place for remark in plan.remarks if "fallback" in remark.why] == ["g999"]
    assert watch.elapsed_s < PATIENCE_S


def test_a_thousand_groups_that_all_lead_to_one_another_are_untangled_soon():
    watch = Stopwatch()
    names = ", ".join(f"g{n}" for n in range(20))
    plan = plan_of(1000, "{{model: openai/m}}", f"{names}, g{{}}")
    assert len(plan.of(ImportVerdict.CREATED)) == 1000
    assert watch.elapsed_s < PATIENCE_S


def test_a_thousand_servers_are_told_apart_soon():
    watch = Stopwatch()
    plan = plan_of(1000, "{{model: openai/m, api_base: 'http://h{n}.example.com/v1', api_key: sk-{n}}}")
    assert (len(plan.of(ImportVerdict.CREATED)), len(plan.providers)) == (1000, 1000)
    assert watch.elapsed_s < PATIENCE_S
