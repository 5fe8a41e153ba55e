"""The log line of a virtual model's decision: what it says, and what it keeps to itself."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from engine.ledger import Trace
from engine.upstreams.call import Call
from engine.virtual import TierSpec, VirtualSpec
from gateway.openai import ApiError
from gateway.resolve import _by_score, resolve

SPEC = VirtualSpec("auto-chat", (TierSpec("simple", None, "mini"), TierSpec("complex", 50, "standard")), "complex")
SECRET = [{"role": "user", "content": "hi,\n  my word is\tswordfish " + "and so on " * 20}]
CALL = Call("chat/completions", {"messages": SECRET}, Trace("c", ""))


def serving(*pools: str) -> Any:
    """What `_by_score` looks at of what is in service."""
    return SimpleNamespace(routing=dict.fromkeys(pools, "a group"))


def decided(caplog: Any, *pools: str) -> dict[str, Any]:
    """The log line, as fields, when these pools are in service."""
    with caplog.at_level(logging.INFO):
        _by_score(serving(*pools), SPEC, CALL)
    return dict(caplog.records[-1].msg)


def test_it_says_the_virtual_model_the_pool_the_score_and_why(caplog):
    line = decided(caplog, "mini", "standard")
    about = (line["event"], line["virtual_model"], line["pool"], line["score"], line["decision"])
    assert about == ("routing decision", "auto-chat", "standard", 100, "complex")
    assert "swordfish" not in str(line)


def test_a_preview_is_there_when_the_setting_allows_it_short_and_in_one_line(caplog, settings):
    settings.LOG_MESSAGE_PREVIEW = True
    preview = decided(caplog, "mini", "standard")["preview"]
    assert preview.startswith("hi, my word is swordfish and so on")
    assert len(preview) == 80


def test_it_says_when_the_default_tier_stands_in(caplog):
    lower = VirtualSpec(SPEC.name, SPEC.tiers, "simple")
    with caplog.at_level(logging.INFO):
        route = _by_score(serving("mini"), lower, CALL)
    assert (route.choice.tier, route.choice.score) == ("simple", 100)
    assert caplog.records[-1].msg["decision"] == "simple, as standard is out of service"


def test_without_any_pool_the_error_names_them(caplog):
    with pytest.raises(ApiError, match="'standard' is inactive or missing"):
        decided(caplog)


class Levels(dict[str, tuple[str, ...]]):
    """Rankings as they are asked."""

    def pools_for(self, level: str) -> tuple[str, ...]:
        return self.get(level, ())


@pytest.mark.parametrize(
    ("own", "name", "pool"), [("", "auto", "a"), ("eco", "auto", "b"), ("eco", "auto-precision", "c")]
)
async def test_plain_auto_means_the_power_level_of_the_person_behind_the_key(own, name, pool):
    async def resolve_alias(name: str) -> str:
        return name

    rankings = Levels({"auto": ("a",), "auto-eco": ("b",), "auto-precision": ("c",)})
    call = Call("chat/completions", {"model": name, "messages": []}, Trace("c1", ""))
    live: Any = SimpleNamespace(resolve_alias=resolve_alias, rankings=rankings, routing=dict.fromkeys("abc", "a group"))
    route = await resolve(live, call, lambda _: True, own)
    assert route.choice is not None
    assert route.choice.pool == pool
