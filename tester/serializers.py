"""Rehearsals in the API (RoutingGroupSimulationResult and its parts)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from engine.spec import Router
from lib.serializers import Page, PageQuery, StrictSerializer
from tester.calling.serializers import GroupCountSerializer, KeyRefusalSerializer
from tester.models import Run, RunStatus, SeedsStatus
from tester.runs.seeds import MOST_SEEDS

MOST_REQUESTS = 100_000
MOST_CONCURRENT = 1_000
MOST_WORKERS = 64
MOST_TRACE_BYTES = 5 * 1024 * 1024
SEED_LIMIT = 2**63 - 1
ALL_SEEDS = "seeds"


class FailureInjectionSerializer(StrictSerializer):
    """FailureInjectionConfig: `{deployment id: probability from 0 to 1}`."""

    deployment_failure_rates = serializers.DictField(child=serializers.FloatField(min_value=0, max_value=1))


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "object", "additionalProperties": True}]})
class ScenarioField(serializers.JSONField):
    """The name of a scenario, or one of your own: `{name?, description?, faults: [...], needs?}`."""


class WorkloadField(serializers.DictField):
    """`{kind: closed | constant | poisson | bursty | trace | recorded, …}`.

    A trace is the text of its file, in `csv`: CSV, or the JSON lines of recorded traffic. `recorded` is the group's own
    traffic of a time, `{from, until, with_failures?}`, or with such lines in `trace`.
    """

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        workload: dict[str, Any] = super().to_internal_value(data)
        if "csv" in workload:
            workload["trace"] = workload.pop("csv")
        if isinstance(trace := workload.get("trace"), str) and len(trace) > MOST_TRACE_BYTES:
            raise serializers.ValidationError(f"The trace is longer than {MOST_TRACE_BYTES // 1024**2} MB.")
        return workload


class ProfilesField(serializers.DictField):
    """`{deployment id: {first_token_ms?, tokens_per_s?, prefill_tokens_per_s?, jitter?}}`; the first two are a number,
    `{samples: [value]}` or `{quantiles: [[share, value]]}`."""


class NeedsSerializer(serializers.Serializer):
    """The traffic that shows a scenario's effect; `simulate` uses it by default."""

    duration_s = serializers.FloatField(help_text="How long requests should arrive.")
    rate_per_s = serializers.FloatField(
        required=False, help_text="Requests per second; without it any traffic will do."
    )
    is_stream = serializers.BooleanField(required=False, help_text="Whether answers should be streamed.")
    input_tokens = serializers.IntegerField(required=False, help_text="The mean size of prompts.")


class ScenarioSerializer(serializers.Serializer):
    """A named scenario; its `faults` can be sent as part of your own scenario."""

    name = serializers.CharField()
    description = serializers.CharField()
    needs = NeedsSerializer()
    faults = serializers.ListField(child=serializers.DictField())


class ScenariosSerializer(serializers.Serializer):
    """All scenarios, `healthy` first."""

    scenarios = ScenarioSerializer(many=True)


class SimulateSerializer(StrictSerializer):
    """The rehearsal to run. A missing seed is drawn and returned; the scenario completes the traffic."""

    num_requests = serializers.IntegerField(
        min_value=1,
        max_value=MOST_REQUESTS,
        required=False,
        allow_null=True,
        help_text="Without it the whole trace, or what the scenario needs, or 100.",
    )
    concurrency = serializers.IntegerField(
        min_value=1,
        max_value=MOST_CONCURRENT,
        required=False,
        allow_null=True,
        help_text="Keeps this many requests in flight. Without it they come as the scenario needs them, or 10 at once.",
    )
    mock = serializers.BooleanField(default=True, help_text="false sends real requests, in real time, for real money.")
    failure_injection = FailureInjectionSerializer(required=False, allow_null=True)
    seed = serializers.IntegerField(min_value=-SEED_LIMIT, max_value=SEED_LIMIT, required=False, allow_null=True)
    scenario = ScenarioField(required=False, allow_null=True)
    workload = WorkloadField(required=False, allow_null=True)
    max_cost_usd = serializers.FloatField(min_value=0, required=False, allow_null=True)
    router = serializers.ChoiceField(
        choices=[router.value for router in Router],
        required=False,
        allow_null=True,
        help_text="Overrides the router of every group in the run: litellm shows what a LiteLLM proxy would do.",
    )
    workers = serializers.IntegerField(
        min_value=1,
        max_value=MOST_WORKERS,
        required=False,
        allow_null=True,
        help_text="Server processes; by default as many as this installation has.",
    )
    shared_state = serializers.BooleanField(
        required=False,
        allow_null=True,
        help_text="Whether they share breakers, limits and conversations; by default as here: with a REDIS_URL.",
    )
    profiles = ProfilesField(
        required=False,
        allow_null=True,
        help_text="Speeds by deployment id, in place of those that were measured; the others stay as they are.",
    )
    seeds = serializers.IntegerField(
        min_value=1,
        max_value=MOST_SEEDS,
        required=False,
        allow_null=True,
        help_text="How many seeds; by default 10, or fewer for a large run. The first result is answered at once.",
    )
    key = serializers.UUIDField(
        required=False,
        allow_null=True,
        help_text="The API key that calls, by its id: its limits and credits count as in the gateway.",
    )
    gateway_ms = serializers.FloatField(
        min_value=0,
        max_value=60_000,
        required=False,
        allow_null=True,
        help_text="The gateway's own time for a request; by default the scenario's, or as measured in the log, else 0.",
    )


class ChangeSerializer(StrictSerializer):
    """A change from a moment of the run's clock on.

    Missing fields keep their values; `failure_injection` replaces all rates.
    """

    at_ms = serializers.FloatField(
        required=False, allow_null=True, help_text="From the beginning of the run; the newest moment by default."
    )
    scenario = ScenarioField(required=False, allow_null=True)
    failure_injection = FailureInjectionSerializer(required=False, allow_null=True)


@extend_schema_field({"oneOf": [{"type": "boolean"}, {"type": "string", "enum": [ALL_SEEDS]}]})
class WaitField(serializers.BooleanField):
    """True, false, or `seeds`."""

    def to_internal_value(self, data: Any) -> Any:
        return ALL_SEEDS if data == ALL_SEEDS else super().to_internal_value(data)


class SimulateQuery(serializers.Serializer):
    """`wait=false` answers 202 at once, and the run continues; `wait=seeds` waits for all seeds, and answers ranges."""

    wait = WaitField(default=True)


class DeploymentTrafficSerializer(serializers.Serializer):
    """DeploymentTrafficStats."""

    deployment_id = serializers.CharField()
    deployment_name = serializers.CharField()
    provider = serializers.CharField()
    request_count = serializers.IntegerField(help_text="Attempts made on this deployment.")
    success_count = serializers.IntegerField(help_text="Requests it answered.")
    failure_count = serializers.IntegerField()
    lost_hedges = serializers.IntegerField(
        required=False,
        help_text="Attempts that were closed because one beside them began first; in none of the counts.",
    )
    avg_latency_ms = serializers.FloatField()
    percent_of_total = serializers.FloatField(help_text="Its share of all answered requests.")
    priority = serializers.IntegerField(allow_null=True)
    weight = serializers.FloatField(allow_null=True)
    errors = serializers.DictField(child=serializers.IntegerField())  # type: ignore[assignment]


class FlowStepSerializer(serializers.Serializer):
    """FlowStep: requests that moved from one deployment to another, and why."""

    from_deployment = serializers.CharField(allow_null=True)
    to_deployment = serializers.CharField()
    request_count = serializers.IntegerField()
    reason = serializers.ChoiceField(
        choices=[
            "primary",
            *("fallback_error", "fallback_rate_limit", "fallback_timeout", "fallback_own_key_refused"),
            *("rescue_error", "rescue_timeout", "hedged"),
        ]
    )


class FaultNotStruckSerializer(serializers.Serializer):
    """A fault that changed nothing in the run."""

    kind = serializers.CharField()
    target = serializers.CharField()
    probability = serializers.FloatField()
    from_s = serializers.FloatField()
    until_s = serializers.FloatField(allow_null=True)
    message = serializers.CharField(help_text="Which fault, and why, in a sentence.")


class RangesField(serializers.DictField):
    """`{metric: [lowest, median, highest]}` over the seeds that are done. Rates and shares are 0 to 1; the share of a
    deployment in all answered requests is `share:ID`."""

    child = serializers.ListField(child=serializers.FloatField(), min_length=3, max_length=3)


class SimulationResultSerializer(serializers.Serializer):
    """RoutingGroupSimulationResult."""

    run_id = serializers.UUIDField()
    total_requests = serializers.IntegerField()
    successful_requests = serializers.IntegerField()
    failed_requests = serializers.IntegerField()
    refused_requests = serializers.IntegerField(
        help_text="Refused because of the request itself; not in the success rate: successful / (successful + failed)."
    )
    left_requests = serializers.IntegerField(required=False, help_text="Callers who gave up; only with clients.")
    repeated_requests = serializers.IntegerField(required=False, help_text="Repeats of failed ones; only with clients.")
    failures_by_cause = serializers.DictField(
        child=serializers.IntegerField(), help_text="Failed requests by the class of the error their client got."
    )
    faults_not_struck = FaultNotStruckSerializer(many=True)
    skipped = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField()),
        required=False,
        help_text="How often a deployment was passed over, by its id and the reason.",
    )
    untried_requests = serializers.IntegerField(help_text="Requests for which no deployment was asked.")
    avg_latency_ms = serializers.FloatField()
    fallback_count = serializers.IntegerField(help_text="Requests that left their first tier.")
    rescued_requests = serializers.IntegerField(
        required=False, help_text="Answered requests whose stream broke and went on by a second attempt."
    )
    hedged_requests = serializers.IntegerField(
        required=False, help_text="Answered requests for which a second deployment was asked beside a slow one."
    )
    traffic_distribution = DeploymentTrafficSerializer(many=True)
    flow_data = FlowStepSerializer(many=True)
    seed = serializers.IntegerField()
    virtual_duration_ms = serializers.FloatField()
    latency_p50_ms = serializers.FloatField(allow_null=True, help_text="null when nothing was answered.")
    latency_p95_ms = serializers.FloatField(allow_null=True)
    latency_p99_ms = serializers.FloatField(allow_null=True)
    ttft_p50_ms = serializers.FloatField(
        required=False,
        allow_null=True,
        help_text="From the request to the first token its client gets; null where no stream was answered.",
    )
    ttft_p95_ms = serializers.FloatField(required=False, allow_null=True)
    ttft_p99_ms = serializers.FloatField(required=False, allow_null=True)
    cost_usd = serializers.FloatField()
    cached_share = serializers.FloatField(
        required=False,
        allow_null=True,
        help_text="Of all input tokens those read from prompt caches; null where requests have no conversations.",
    )
    seeds = serializers.IntegerField(required=False, help_text="With several: how many.")
    seeds_done = serializers.IntegerField(required=False, help_text="With several: how many are done.")
    ranges = RangesField(required=False)
    called = serializers.CharField(required=False)
    groups = GroupCountSerializer(many=True, required=False, help_text="By group and tier, where a name was called.")
    refused_by_key = KeyRefusalSerializer(many=True, required=False)


class RunStartedSerializer(serializers.Serializer):
    """A run that continues in the background."""

    run_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=RunStatus.choices)


class RunFailedSerializer(serializers.Serializer):
    """Why a run has no result."""

    detail = serializers.CharField()
    run_id = serializers.UUIDField()


class RunSummarySerializer(serializers.ModelSerializer):
    """A run in a list."""

    run_id = serializers.UUIDField(source="id")
    routing_group_id = serializers.UUIDField(source="group_id", allow_null=True)
    routing_group_name = serializers.CharField(source="group_name")
    status = serializers.ChoiceField(source="current_status", choices=RunStatus.choices)
    error = serializers.CharField(source="current_error")
    continues = serializers.UUIDField(source="continues_id", allow_null=True, help_text="The run it was changed from.")
    next_run = serializers.UUIDField(source="next_run_id", allow_null=True, help_text="The run that took its place.")

    class Meta:
        model = Run
        fields: tuple[str, ...] = (
            *("run_id", "routing_group_id", "routing_group_name", "group_revision", "scenario", "seed", "is_real"),
            *("status", "error", "created_by", "created_at", "started_at", "finished_at", "continues", "next_run"),
        )
        read_only_fields = fields


class RunSerializer(RunSummarySerializer):
    """A whole run: also its request, and its result (a partial one for a cancelled run)."""

    config = serializers.DictField(help_text="As understood; with profiles and capacities by deployment id.")
    result = SimulationResultSerializer(allow_null=True)
    seeds = serializers.IntegerField(help_text="Under how many seeds it is rehearsed, its own included.")
    seeds_done = serializers.IntegerField()
    seeds_status = serializers.ChoiceField(choices=SeedsStatus.choices)
    seeds_error = serializers.CharField(help_text="Why the other seeds were stopped; empty otherwise.")
    ranges = RangesField(allow_null=True, help_text="As in the result; null for a run of one seed.")

    class Meta(RunSummarySerializer.Meta):
        fields = (
            *(*RunSummarySerializer.Meta.fields, "config", "result"),
            *("seeds", "seeds_done", "seeds_status", "seeds_error", "ranges"),
        )
        read_only_fields = fields

    def to_representation(self, instance: Run) -> dict[str, Any]:
        shown: dict[str, Any] = RunSummarySerializer(instance).data
        result = None if instance.result is None else result_json(instance)
        seeds = {
            "seeds": instance.seeds,
            "seeds_done": len(instance.measured) if instance.seeds > 1 else int(instance.result is not None),
            "seeds_status": instance.seeds_status.value,
            "seeds_error": instance.seeds_error,
            "ranges": instance.ranges,
        }
        return {**shown, "config": instance.config, "result": result, **seeds}


def result_json(run: Run) -> dict[str, Any]:
    """The result of a run; with several seeds also how many are done, and from the second on the ranges."""
    result = {"run_id": str(run.pk), **(run.result or {})}
    if run.seeds == 1:
        return result
    done = {"seeds": run.seeds, "seeds_done": len(run.measured)}
    return {**result, **done, **({"ranges": run.ranges} if len(run.measured) > 1 else {})}


class RunPageSerializer(Page):
    """One page of runs, newest first."""

    runs = RunSummarySerializer(many=True)


class RunsQuery(PageQuery):
    """`page` and `size`."""

    q = None  # type: ignore[assignment]


class FramesQuery(RunsQuery):
    """`after`: frames with a larger `n` only, to follow a run."""

    after = serializers.IntegerField(min_value=-1, max_value=2**31 - 1, default=-1)


class FrameSerializer(serializers.Serializer):
    """The state of a run at one moment of its clock."""

    n = serializers.IntegerField()
    at_ms = serializers.FloatField()
    requests = serializers.DictField(child=serializers.IntegerField())
    deployments = serializers.DictField(child=serializers.DictField())
    last_traces = serializers.ListField(child=serializers.DictField())


class FramePageSerializer(Page):
    """One page of frames."""

    frames = FrameSerializer(many=True)


class RunDeletedSerializer(serializers.Serializer):
    """The answer to a deletion."""

    run_id = serializers.UUIDField()
    deleted = serializers.BooleanField(default=True)
