"""The installed LiteLLM has what the driver needs of its Router; one without it is told, and serves all other groups.

This is the first test to fail with LiteLLM 1.110: it names what is missing.
"""

import pytest

from engine.drivers.litellm_router import contract
from engine.drivers.litellm_router.contract import NEEDS, Need, NoRouter, missing
from engine.routing import Routing
from engine.spec import Router
from gateway.explain.verification import verify
from tests.engine.scripted import ScriptedUpstream, group, path_of, request
from tests.factories import make_group

ROUTER = "litellm.router"


def test_the_installed_litellm_has_all_that_the_driver_needs():
    assert missing() == ()


@pytest.mark.parametrize(
    ("need", "said"),
    [
        (Need(ROUTER, "Router.gone", "x"), "litellm.router.Router.gone is not there: it gives x."),
        (Need("litellm.gone", "Router", "x"), "litellm.gone.Router is not there: it gives x."),
        (Need(ROUTER, "Router.discard", "x", ("a",)), "litellm.router.Router.discard does not take a: it gives x."),
    ],
)
def test_what_is_missing_is_named_with_what_it_is_for(need: Need, said: str):
    assert missing((need,)) == (said,)


def test_each_need_is_listed_once_with_its_purpose():
    assert len({(need.module, need.name) for need in NEEDS}) == len(NEEDS)
    assert all(need.purpose for need in NEEDS)


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    def check() -> None:
        raise NoRouter(("litellm.router.Router._acompletion is not there: it gives one attempt.",))

    monkeypatch.setattr(contract, "check", check)


@pytest.mark.usefixtures("lacking")
async def test_without_it_groups_of_that_router_say_so_and_all_others_serve():
    routing = Routing()
    await routing.put(group("theirs"))
    await routing.put(group("ours", router=Router.NATIVE))
    failure, trace = await request(routing, "theirs", ScriptedUpstream())
    assert (failure.status, failure.code, trace.attempts) == (503, "group_unavailable", [])
    assert failure.message.startswith("LiteLLM's Router cannot be used: the installed LiteLLM lacks 1 of the ")
    assert path_of((await request(routing, "ours", ScriptedUpstream()))[1]) == "a:success"


@pytest.mark.django_db
@pytest.mark.usefixtures("lacking")
def test_verify_names_what_is_missing():
    make_group(name="theirs", settings={"router": "litellm"})
    (problem,) = [problem for problem in verify().problems if problem.name == "theirs"]
    assert "Router._acompletion is not there" in problem.why
