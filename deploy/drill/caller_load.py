"""Callers of the drill: requests at a rate, each judged by itself. Has no code in common with the console.

Run by its path, with its options as JSON: {"url", "keys", "models", "rate", "stream_share", "seed", "file"}. Requests
begin at random moments (a Poisson process), whether or not earlier ones are answered. Each asks for a word of its own
and wants it back. A line of JSON for each goes into the file: when it began and how long it took (s), why it failed
("": it did not), its call id ("" unless the last byte of an answer has come), whether it is a stream. After SIGTERM it
ends once every request has.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import IO, Any

import aiohttp

# Longer than anything here may take; whoever waits longer has failed.
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Call:
    """What became of one request."""

    at: float
    took_s: float
    why: str
    call_id: str
    is_stream: bool


def judged(status: int, body: bytes, word: str, *, is_stream: bool) -> str:
    """Why an answer that has come whole is none; "" if it is one."""
    if status != 200:
        return f"{status} {_code(body)}".strip()
    if is_stream and not body.rstrip().endswith(b"data: [DONE]"):
        return "stream without its end"
    if said(body, is_stream=is_stream) != f"You said {word}.":
        return "another answer"
    return ""


def said(body: bytes, *, is_stream: bool) -> str:
    """The text of a whole answer; what can't be read is empty."""
    with suppress(ValueError, LookupError, TypeError):
        if not is_stream:
            return str(json.loads(body)["choices"][0]["message"]["content"])
        events = [line[6:] for line in body.split(b"\n") if line.startswith(b"data: {")]
        choices = [choice for event in events for choice in json.loads(event).get("choices", [])]
        return "".join(choice["delta"].get("content") or "" for choice in choices)
    return ""


def _code(body: bytes) -> str:
    with suppress(ValueError, LookupError, TypeError):
        return str(json.loads(body)["error"]["code"])
    return "of the balancer" if body.lstrip().startswith(b"<html>") else ""


class Callers:
    """All requests of one drill."""

    def __init__(self, options: dict[str, Any], file: IO[str]) -> None:
        self.options, self.file = options, file
        self.rng = random.Random(options["seed"])
        self.stopped = asyncio.Event()

    async def run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
            loop = asyncio.get_running_loop()
            due, running = loop.time(), set[asyncio.Task[None]]()
            while not self.stopped.is_set():
                due += self.rng.expovariate(self.options["rate"])
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.stopped.wait(), max(0.0, due - loop.time()))
                task = asyncio.create_task(self._call(session))
                running.add(task)
                task.add_done_callback(running.discard)
            await asyncio.gather(*running)

    async def _call(self, session: aiohttp.ClientSession) -> None:
        word = f"{self.rng.getrandbits(64):016x}"
        is_stream = self.rng.random() < self.options["stream_share"]
        body = {
            "model": self.rng.choice(self.options["models"]),
            "messages": [{"role": "user", "content": word}],
            "stream": is_stream,
        }
        headers = {"Authorization": f"Bearer {self.rng.choice(self.options['keys'])}"}
        at = time.time()
        why, call_id = await _outcome(session, self.options["url"], body, headers, word)
        # By the clock that the moment of a kill is noted with.
        call = Call(at, time.time() - at, why, call_id, is_stream)
        self.file.write(json.dumps(asdict(call)) + "\n")
        self.file.flush()


async def _outcome(
    session: aiohttp.ClientSession, url: str, body: dict[str, Any], headers: dict[str, str], word: str
) -> tuple[str, str]:
    is_begun = False
    try:
        async with session.post(url, json=body, headers=headers) as answer:
            is_begun = True
            content = await answer.read()
            call_id = answer.headers.get("x-litellm-call-id", "")
            return judged(answer.status, content, word, is_stream=body["stream"]), call_id
    except TimeoutError:
        return f"no answer in {PATIENCE_S:g} s", ""
    except aiohttp.ClientError as error:
        return ("answer cut" if is_begun else f"no answer, {type(error).__name__}"), ""


async def main(options: dict[str, Any]) -> None:
    with open(options["file"], "a") as file:  # noqa: ASYNC230  # a line for each request, on a disk of this machine
        callers = Callers(options, file)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, callers.stopped.set)
        await callers.run()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
