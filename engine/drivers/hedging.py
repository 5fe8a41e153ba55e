"""Two attempts of one real request at once: the first that begins wins, and the other one is closed.

The core decides when that happens, and whom it asks (`engine/core/hedging.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Protocol

from engine.core.actions import Action, Ask, Step
from engine.core.failures import Failure
from engine.core.journey import Journey
from engine.ledger import Attempt, Hedge
from engine.shared.store import StateStore
from engine.upstreams import estimates
from engine.upstreams.call import CHATS, Answer, Call, Endpoint, Stream
from engine.upstreams.tokens import Usage

# The doors whose requests may be sent twice: images, sound and files cost too much, and nobody could say how much.
HEDGED: frozenset[Endpoint] = frozenset({*CHATS, "completions", "embeddings"})
# How long the winner waits for the other one's end, at most.
CLOSES_WITHIN_S = 0.1
# Those that take longer: without a reference they would be collected.
_settling: set[asyncio.Task[None]] = set()


class Attempts(Protocol):
    """What a pair needs of the driver, which makes the attempts and remembers how they fail."""

    async def ask(self, ask: Ask) -> Answer | Stream:
        """One attempt."""
        ...

    async def hindrance(self, ask: Ask) -> Callable[[Ask, float], Action] | None:
        """Not None where all processes together have no room for it."""
        ...

    def noted(self, ask: Ask, error: Exception) -> Failure:
        """The error of an attempt that failed, as the core sees it."""
        ...

    def stopped(self, ask: Ask) -> None:
        """The caller is gone, or the request's time is up."""
        ...

    def beside(self, call: Call) -> Attempts:
        """The same for an attempt with a call of its own."""
        ...


class Pair:
    """An attempt that may be slow to begin, and the one beside it."""

    def __init__(self, attempts: Attempts, journey: Journey, call: Call, store: StateStore) -> None:
        self._attempts, self._journey, self._call, self._store = attempts, journey, call, store
        self._now = asyncio.get_running_loop().time
        self._running: dict[asyncio.Task[Answer | Stream], Ask] = {}
        self._has_won = False

    async def run(self, first: Ask, delay_s: float) -> Answer | Stream | Action:
        """What the first to begin has; else what to do when both have failed."""
        self._race = self._journey.race(first)
        try:
            self._start(self._attempts, first)
            await asyncio.wait(self._running, timeout=max(0.0, first.began_s + delay_s - self._now()))
            if not any(task.done() for task in self._running):
                await self._hedge(first)
            return await self._decided()
        finally:
            await self._close()

    def _start(self, attempts: Attempts, ask: Ask) -> None:
        self._running[asyncio.create_task(attempts.ask(ask))] = ask

    async def _hedge(self, slow: Ask) -> None:
        if (ask := self._journey.hedge(slow, self._now())) is None:
            return
        try:
            is_held_back = await self._attempts.hindrance(ask) is not None
        except BaseException:
            self._race.not_sent(ask, self._now())
            raise
        if is_held_back:
            self._race.not_sent(ask, self._now())
            return
        # What an attempt notes on its call must not meet what the other one does.
        call = replace(self._call, prepared={}, watch=None)
        self._start(self._attempts.beside(call), ask)

    async def _decided(self) -> Answer | Stream | Action:
        while True:
            done, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            for task in [task for task in self._running if task in done]:
                ask = self._running.pop(task)
                try:
                    result = task.result()
                except Exception as error:
                    if (action := self._failed(ask, error)) is not None:
                        return action
                except BaseException:
                    self._attempts.stopped(ask)
                    raise
                else:
                    self._race.won(ask, self._now())
                    self._has_won = True
                    return result

    def _failed(self, ask: Ask, error: Exception) -> Action | None:
        """What to do next, where none runs any more."""
        failure, now = self._attempts.noted(ask, error), self._now()
        self._race.ended(ask)
        if not self._running:
            return self._journey.failed(ask, now, failure)
        self._journey.failed_beside(ask, now, failure)
        return None

    # The end of those that have not won

    async def _close(self) -> None:
        """Closes what still runs: the loser, or both where the caller has left."""
        if not self._running:
            return
        for task, ask in self._running.items():
            task.cancel()
            if self._has_won or ask.step is Step.HEDGE:
                self._mark(ask, self._prompt())
        # In a task of its own: a request that is cancelled meanwhile leaves nothing half told.
        settling = asyncio.create_task(self._settle())
        _settling.add(settling)
        settling.add_done_callback(_settling.discard)
        await asyncio.wait({settling}, timeout=CLOSES_WITHIN_S)

    def _prompt(self) -> Usage:
        """What the loser has read: as much as is known of a rehearsed request, else about."""
        if self._call.tokens is None:
            return estimates.usage(self._call.chat)
        return Usage(self._call.tokens[0], 0, self._call.tokens[0])

    def _mark(self, ask: Ask, usage: Usage) -> None:
        """The ledger says that it has lost, and what it has read or written as far as that is known."""
        if (attempt := self._attempt_of(ask)) is not None:
            attempt.hedge = Hedge.LOST.value
            attempt.part = usage.input_tokens, usage.output_tokens, usage.cost_usd(ask.target.spec)

    def _attempt_of(self, ask: Ask) -> Attempt | None:
        made = reversed(self._call.trace.attempts)
        return next((one for one in made if one.deployment_id == ask.target.key), None)

    async def _settle(self) -> None:
        for task, ask in self._running.items():
            await asyncio.wait({task})
            if task.cancelled():
                self._stopped(ask)
            elif (error := task.exception()) is not None:
                self._has_failed_too(ask, error)
            else:
                await self._has_come_too(ask, task.result())

    def _stopped(self, ask: Ask) -> None:
        if not self._has_won:
            self._attempts.stopped(ask)
            return
        attempt = self._attempt_of(ask)
        tokens = attempt.part[0] if attempt is not None and attempt.part is not None else 0
        self._race.lost(ask, self._now(), tokens)
        self._store.used(ask.target.health, tokens)

    def _has_failed_too(self, ask: Ask, error: BaseException) -> None:
        """It failed before it was closed: it has lost nothing, and cost nothing."""
        if (attempt := self._attempt_of(ask)) is not None:
            attempt.hedge, attempt.part = Hedge.HEDGED.value if ask.step is Step.HEDGE else "", None
        failed = error if isinstance(error, Exception) else RuntimeError()
        self._journey.failed_beside(ask, self._now(), self._attempts.noted(ask, failed))

    async def _has_come_too(self, ask: Ask, result: Answer | Stream) -> None:
        """It began at the same moment: the driver has told the core already, or does when the stream is closed."""
        if isinstance(result, Stream):
            with suppress(Exception):
                async with aclosing(aiter(result)) as events:
                    await anext(events, None)  # one that was never read has nothing to close
        if result.usage is not None:
            self._mark(ask, result.usage)
