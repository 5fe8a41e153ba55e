"""LiteLLM is imported when a deployment needs it, and only its own requests wait for that."""

import subprocess
import sys

import pytest

from engine.spec import Router
from engine.upstreams.choose import needs_litellm
from tests.engine.scripted import deployment, group

BASE = "http://127.0.0.1:1/v1"
SCRIPT = """
import asyncio, sys, time
from engine.drivers import attempt_ledger
from engine.spec import DeploymentSpec, GroupSpec, RetryPolicy, Secret, Strategy
from engine.ledger import Trace
from engine.upstreams.call import CHAT, Call
from engine.upstreams.choose import upstream_for

row = DeploymentSpec("a", "a", "P", "anthropic", "claude", api_base="http://127.0.0.1:1", api_key=Secret("k"))
spec = GroupSpec("g", "g", Strategy.PRIORITY_FAILOVER, (row,))

async def ask():
    call = Call(CHAT, {"messages": [{"role": "user", "content": "hi"}]}, Trace("r", "g"))
    try:
        await upstream_for(row).send(call, row, RetryPolicy(timeout_s=60), attempt_ledger.begun(spec, row, 0))
    except Exception as error:
        return error.error_class

async def main():
    print("litellm" in sys.modules)
    request, turns = asyncio.create_task(ask()), 0
    while not request.done():
        await asyncio.sleep(0.01)
        turns += 1
    print(turns > 30, await request, "litellm" in sys.modules)

asyncio.run(main())
"""


@pytest.mark.slow
def test_the_loop_goes_on_while_a_request_waits_for_the_import():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["False", "True", "UpstreamConnectionError", "True"], done.stderr


@pytest.mark.parametrize(
    ("fields", "needs"),
    [
        ({"provider_type": "openai", "api_base": BASE}, False),
        ({"provider_type": "anthropic"}, True),
        ({"provider_type": "anthropic", "problem": "No key."}, False),
        ({"provider_type": "cohere", "api_base": f"{BASE}/compatibility/v1"}, False),
    ],
)
def test_a_group_needs_litellm_for_dialects_that_are_not_ours(fields: dict, needs: bool):
    assert needs_litellm(group(deployments=(deployment("a", **fields),), router=Router.NATIVE)) is needs


def test_a_group_of_litellms_router_needs_it():
    rows = (deployment("a", provider_type="openai", api_base=BASE),)
    assert needs_litellm(group(deployments=rows, router=Router.LITELLM))
