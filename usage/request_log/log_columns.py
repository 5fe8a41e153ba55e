"""The columns of a finished request: the name and the uses of each.

A new column begins here. The fields of the log's API and of its CSV file are derived from this. A test asserts that the
table (`RequestRecord`), `FinishedRequest`, `Series` and the sums of `UsageBucket` agree with it. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LogColumn:
    """One column of the request log; `name` is its name in the table and in the API.

    `csv` is its heading in the CSV file ("": not in it), `is_answered` says whether the API has it, `is_of_series`
    whether it identifies a series, and `is_summed` whether buckets add it up.
    """

    name: str
    csv: str = ""
    is_answered: bool = True
    is_of_series: bool = False
    is_summed: bool = False


# In the order of the CSV file, which begins with the time and the call id: the position in the log.
COLUMNS = (
    LogColumn("started_at", csv="time_utc"),
    LogColumn("call_id", csv="call_id"),
    LogColumn("status", csv="status"),
    LogColumn("outcome", csv="outcome"),
    LogColumn("error_class", csv="error"),
    LogColumn("owner", csv="user", is_of_series=True),
    LogColumn("key_name", csv="key", is_of_series=True),
    LogColumn("key_id", csv="key_id", is_of_series=True),
    LogColumn("team", csv="team", is_of_series=True),
    LogColumn("team_id", is_of_series=True),
    LogColumn("endpoint", csv="endpoint"),
    LogColumn("model_group", csv="group", is_of_series=True),
    LogColumn("virtual_model", csv="virtual_model", is_of_series=True),
    LogColumn("virtual_tier", csv="virtual_tier"),
    LogColumn("score", csv="score"),
    LogColumn("provider_id", is_of_series=True),
    LogColumn("provider", csv="provider", is_of_series=True),
    LogColumn("deployment_id", is_of_series=True),
    LogColumn("deployment_name", csv="deployment", is_of_series=True),
    LogColumn("model", csv="model", is_of_series=True),
    LogColumn("is_stream", csv="stream"),
    LogColumn("is_own_key", csv="own_key", is_of_series=True),
    LogColumn("input_tokens", csv="input_tokens", is_summed=True),
    LogColumn("output_tokens", csv="output_tokens", is_summed=True),
    LogColumn("cached_tokens", csv="cached_tokens", is_summed=True),
    LogColumn("cache_write_tokens", csv="cache_write_tokens"),
    LogColumn("reasoning_tokens", csv="reasoning_tokens", is_summed=True),
    LogColumn("is_estimated", csv="tokens_estimated"),
    LogColumn("cost_usd", csv="list_price_usd", is_summed=True),
    LogColumn("duration_ms", csv="duration_ms", is_summed=True),
    LogColumn("first_token_ms", csv="first_token_ms", is_summed=True),
    LogColumn("revision", csv="revision"),
    LogColumn("fell_back"),
    LogColumn("units", csv="units"),
    LogColumn("unit", csv="unit"),
    LogColumn("rescued"),
    LogColumn("has_skips"),
    LogColumn("attempts", is_answered=False),
    LogColumn("skipped", is_answered=False),
)
# The other counts of buckets: requests by outcome, first tokens, attempts at the provider of the series, units by kind.
COUNTS = (
    *("requests", "successes", "failures", "refused", "left", "first_tokens", "attempts", "failed_attempts"),
    *("searches", "images", "characters", "seconds"),
)
