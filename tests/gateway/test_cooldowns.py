"""Cooldowns over two server processes: published, reset, and followed within a second."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace as replace_fields
from functools import partial
from pathlib import Path

import openai
import pytest
from asgiref.sync import async_to_sync, sync_to_async

from engine.routing import Routing
from engine.spec import DeploymentSpec, GroupSpec, Router, Strategy
from gateway.background.cooldown_publisher import CooldownPublisher
from tests.engine.scripted import ScriptedUpstream as Scripted
from tests.engine.scripted import request
from tests.fakes import Ok, ScriptedUpstream, Status
from tests.pace import Stopwatch
from tests.servers import MASTER_KEY, Console, becomes, console, console_beside, eventually
from usage.models import CooldownRecord

URL = "/api/v1/llm/cooldowns"
A, B, G, H = ("00000000-0000-4000-8000-00000000000" + digit for digit in "1234")


@pytest.fixture(scope="module")
def consoles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Console, Console]]:
    folder: Path = tmp_path_factory.mktemp("cooldowns")
    with console(folder) as one, console_beside(one, folder) as other:
        yield one, other


def ask(ours: Console, group: str) -> str:
    client = openai.OpenAI(base_url=f"{ours.url}/v1", api_key=MASTER_KEY, max_retries=0, timeout=30)
    answer = client.chat.completions.create(model=group, messages=[{"role": "user", "content": "Hi"}])
    return str(answer.choices[0].message.content)


def test_a_cooldown_of_any_process_is_on_the_board_and_a_reset_reaches_all(consoles: tuple[Console, Console]):
    one, other = consoles
    with (
        ScriptedUpstream(usual=Status(429, message="Slow down")) as first,
        ScriptedUpstream(usual=Ok("second")) as rest,
    ):
        models = [
            one.add_model(provider="First", api_base=first.url),
            one.add_model(provider="Rest", api_base=rest.url),
        ]
        one.add_group("chilly", models, cooldown_config={"cooldown_time_s": 60})
        for ours in consoles:
            assert eventually(partial(_answers, ours, "chilly")) == "second"
            # The process that has just found it out says so at once.
            assert [row["group"] for row in ours.call("GET", URL)["cooldowns"]] == ["chilly"]
        rows = eventually(lambda: [r for r in one.call("GET", URL)["cooldowns"] if r["processes"] == 2])
        assert [(r["group"], r["provider"], r["error_class"]) for r in rows] == [("chilly", "First", "RateLimitError")]
        assert "Slow down" in rows[0]["error"]
        assert 50 < rows[0]["seconds_left"] <= 60
        first.usual = Ok("first")
        assert ask(other, "chilly") == "second"
        assert one.call("DELETE", f"{URL}/{rows[0]['id']}")["processes"] == 2
        watch = Stopwatch()
        for ours in consoles:
            becomes(partial(ask, ours, "chilly"), "first", deadline_s=5)
        assert watch.elapsed_s < 2
        assert one.call("GET", URL)["total"] == 0


def test_a_trip_by_hand_reaches_all_processes_and_one_that_starts_later(
    consoles: tuple[Console, Console], tmp_path_factory: pytest.TempPathFactory
):
    """Without Redis, in a group that heeds no cooldowns, although the upstream is well."""
    one, other = consoles
    with ScriptedUpstream(usual=Ok("first")) as first, ScriptedUpstream(usual=Ok("second")) as rest:
        models = [
            one.add_model(provider="Well", api_base=first.url),
            one.add_model(provider="Well too", api_base=rest.url),
        ]
        one.add_group("tripped", models, cooldown_config={"cooldown_time_s": 0})
        for ours in consoles:
            assert eventually(partial(_answers, ours, "tripped")) == "first"
        row = one.call("POST", URL, {"deployment_id": models[0], "for_s": 600, "why": "It answers nonsense."})
        for ours in consoles:
            becomes(partial(ask, ours, "tripped"), "second", deadline_s=5)
        with console_beside(one, tmp_path_factory.mktemp("later")) as later:
            assert ask(later, "tripped") == "second"
        assert other.call("DELETE", f"{URL}/{row['id']}")["processes"] >= 2
        for ours in consoles:
            becomes(partial(ask, ours, "tripped"), "first", deadline_s=5)


def _answers(ours: Console, group: str) -> str | None:
    try:
        return ask(ours, group)
    except openai.NotFoundError:
        return None


async def _in_thread(work):
    return await sync_to_async(work, thread_sensitive=True)()


@pytest.fixture
def routing() -> Routing:
    rows = (
        DeploymentSpec(A, "a", "P", "openai", "m", priority=1),
        DeploymentSpec(B, "b", "P", "openai", "m", priority=2),
    )
    routing = Routing()
    async_to_sync(routing.put)(GroupSpec(G, "g", Strategy.PRIORITY_FAILOVER, rows))
    return routing


@pytest.mark.django_db
def test_nothing_is_written_while_nothing_changes(routing, django_assert_num_queries):
    async def cool_and_publish() -> None:
        await request(routing, "g", Scripted({A: 429}))
        await publisher.publish()

    publisher = CooldownPublisher(routing, _in_thread)
    with django_assert_num_queries(0):
        async_to_sync(publisher.publish)()
    async_to_sync(cool_and_publish)()
    row = CooldownRecord.objects.get()
    assert (row.breaker, row.groups, row.process) == (f"deployment:{A}", ["g"], publisher.process)
    with django_assert_num_queries(0):
        async_to_sync(publisher.publish)()


@pytest.mark.django_db
@pytest.mark.parametrize(("router", "kept"), [(Router.NATIVE, 1), (Router.LITELLM, 0)])
def test_the_cooldowns_of_a_group_that_was_replaced_are_its_deployments_in_our_core(routing, router, kept):
    """LiteLLM's Router begins again with each change."""

    async def replace() -> None:
        spec = replace_fields(routing.get("g").spec, router=router)
        await routing.put(spec)
        await request(routing, "g", Scripted({A: 429}))
        await publisher.publish()
        await routing.put(spec)
        await publisher.publish()

    publisher = CooldownPublisher(routing, _in_thread)
    async_to_sync(replace)()
    assert CooldownRecord.objects.count() == kept


@pytest.mark.django_db
def test_a_deployment_of_several_groups_is_one_row_and_a_reset_closes_it_for_all(routing):
    async def reset() -> list[int]:
        await routing.put(replace_fields(routing.get("g").spec, name="h", group_id=H))
        await request(routing, "g", Scripted({A: 429}))
        await publisher.publish()
        row = await sync_to_async(CooldownRecord.objects.get)()
        assert row.groups == ["g", "h"]
        await sync_to_async(row.delete)()
        await publisher.follow_resets()
        await publisher.publish()
        return [len(await routing.get(name).cooldowns()) for name in "gh"]

    publisher = CooldownPublisher(routing, _in_thread)
    assert async_to_sync(reset)() == [0, 0]
    assert not CooldownRecord.objects.exists()


@pytest.mark.django_db
def test_a_deleted_row_ends_the_cooldown(routing):
    async def reset() -> tuple[int, int]:
        await request(routing, "g", Scripted({A: 429}))
        await publisher.publish()
        before = len(await routing.get("g").cooldowns())
        await _in_thread(CooldownRecord.objects.all().delete)
        await publisher.follow_resets()
        return before, len(await routing.get("g").cooldowns())

    publisher = CooldownPublisher(routing, _in_thread)
    assert async_to_sync(reset)() == (1, 0)
