"""`python -m bench.rescue --upstream http://127.0.0.1:8080/v1`: how often a stream that broke is rescued.

The upstream is a real model behind any OpenAI-compatible server, such as llama.cpp's with SmolLM2 135M. Between it and
our server stands a relay that cuts the first stream of each prompt after a random number of tokens, with random numbers
of its own, and passes the others on. An answer counts as rescued when the official client got it whole, with one
`finish_reason`.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import openai

from tests.servers import MASTER_KEY, Console, console

TOPICS = ("rain", "bread", "the moon", "trains", "chess", "bees", "glass", "rivers", "sleep", "music", "salt", "clocks")
QUESTIONS = ("Explain {} to a child.", "Write two sentences about {}.", "Why do people care about {}?", "Facts on {}?")
PROMPTS = [question.format(topic) for topic in TOPICS for question in QUESTIONS]
MAX_TOKENS, PATIENCE_S = 40, 300
PATIENT = {"num_retries": 0, "timeout_s": PATIENCE_S, "first_token_timeout_s": 120, "stream_idle_timeout_s": 60}


class Relay(ThreadingHTTPServer):
    """Passes requests on to the model, and cuts the first stream of each prompt; `cuts` are those it has cut."""

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), Cutting)
        self.upstream = urlsplit(upstream)
        self.seen, self.cuts = set[str](), set[str]()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}{self.upstream.path}"


class Cutting(BaseHTTPRequestHandler):
    """One request of our server."""

    protocol_version = "HTTP/1.1"
    server: Relay

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["content-length"]))
        prompt = json.loads(asked)["messages"][0]["content"]
        is_first = prompt not in self.server.seen
        self.server.seen.add(prompt)
        model = http.client.HTTPConnection(self.server.upstream.netloc, timeout=PATIENCE_S)
        model.request("POST", self.path, asked, {"content-type": "application/json"})
        answer = model.getresponse()
        self.send_response(answer.status)
        self.send_header("content-type", answer.headers["content-type"])
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        if self._has_passed(answer, random.SystemRandom().randint(2, MAX_TOKENS - 4) if is_first else None):
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.server.cuts.add(prompt)
            self.close_connection = True
        model.close()

    def _has_passed(self, answer: http.client.HTTPResponse, most: int | None) -> bool:
        """Whether the answer was passed on whole; else it ended after `most` tokens."""
        tokens = 0
        for line in answer:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
            tokens += b'"content":"' in line
            if b'"finish_reason":"' in line:
                most = None
            if most is not None and tokens >= most:
                return False
        return True


@contextmanager
def relayed(upstream: str) -> Iterator[Relay]:
    """The relay, while it serves."""
    with Relay(upstream) as relay:
        threading.Thread(target=relay.serve_forever, daemon=True).start()
        yield relay
        relay.shutdown()


def made(ours: Console, relay: Relay, name: str, *, can_prefill: bool) -> str:
    """A group of the relayed model that rescues; gives its name."""
    model = ours.add_model(provider=name, api_base=relay.url)
    capabilities = ["chat", *(["prefill"] if can_prefill else [])]
    ours.call("PATCH", f"/api/v1/llm/models/{model}", {"capabilities": capabilities})
    calm = {"retry_config": PATIENT, "cooldown_config": {"cooldown_time_s": 0}, "settings": {"rescue": "auto"}}
    ours.add_group(name, [model], **calm)
    return name


def is_whole(client: openai.OpenAI, group: str, prompt: str, temperature: float) -> bool:
    """Whether the caller got an answer with one end."""
    messages: Any = [{"role": "user", "content": prompt}]
    ends = list[str]()
    try:
        with client.chat.completions.create(
            model=group, messages=messages, temperature=temperature, max_tokens=MAX_TOKENS, stream=True
        ) as stream:
            ends += [choice.finish_reason for chunk in stream for choice in chunk.choices if choice.finish_reason]
    except openai.APIError:
        return False
    return len(ends) == 1


def measured(ours: Console, upstream: str, temperature: float, *, can_prefill: bool, at_once: int) -> tuple[int, int]:
    """How many streams were cut, and how many of these were rescued."""
    client = openai.OpenAI(base_url=f"{ours.url}/v1", api_key=MASTER_KEY, timeout=PATIENCE_S, max_retries=0)
    name = f"{'continued' if can_prefill else 'restarted'}-{temperature:g}-{at_once}"
    with relayed(upstream) as relay, ThreadPoolExecutor(at_once) as pool:
        group = made(ours, relay, name, can_prefill=can_prefill)
        whole = dict(
            zip(PROMPTS, pool.map(lambda prompt: is_whole(client, group, prompt, temperature), PROMPTS), strict=True)
        )
        return len(relay.cuts), sum(whole[prompt] for prompt in relay.cuts)


def main() -> None:
    """Prints a line for each way and temperature."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstream", required=True, help="base URL of an OpenAI-compatible server with a real model")
    upstream = parser.parse_args().upstream
    with tempfile.TemporaryDirectory() as folder, console(Path(folder)) as ours:
        print(f"{'way':<12}{'temperature':>12}{'at once':>9}{'cut':>6}{'rescued':>9}")
        for can_prefill, temperature, at_once in (
            (True, 0, 1),
            (True, 1, 1),
            (False, 0, 1),
            (False, 0, 2),
            (False, 1, 1),
        ):
            cut, whole = measured(ours, upstream, temperature, can_prefill=can_prefill, at_once=at_once)
            way = "continued" if can_prefill else "restarted"
            print(f"{way:<12}{temperature:>12}{at_once:>9}{cut:>6}{whole:>9}", flush=True)


if __name__ == "__main__":
    main()
