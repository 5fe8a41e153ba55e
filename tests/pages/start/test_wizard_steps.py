"""What the steps of the guided start say and suggest."""

from __future__ import annotations

import pytest

from engine.probes.findings import Finding, Trouble
from pages.start.wizard_steps import chat_models, free_one, suggested, why_not, wizard_steps

LISTED = ("dall-e-3", "gpt-4.1-mini", "gpt-4o", "gpt-4o-mini", "text-embedding-3-small")


def test_a_key_with_models_goes_on():
    assert why_not(Finding(80.0, models=("m",)), "OpenAI") is None


def test_a_key_without_models_is_no_success():
    found = why_not(Finding(80.0), "OpenAI")
    assert found is not None
    assert found.title == "OpenAI takes the key, but lists no models for it."


@pytest.mark.parametrize(
    ("trouble", "title", "advice"),
    [
        (Trouble.WRONG_KEY, "OpenAI refuses this key.", "Copy the whole key again"),
        (Trouble.NO_CREDIT, "OpenAI knows the key, but does not serve it.", "Look at your account"),
        (Trouble.NO_LIST, "OpenAI has no list of models.", "page Providers"),
        (Trouble.DNS, "There is no OpenAI at this address.", "base URL"),
        (Trouble.REFUSED, "OpenAI does not answer now.", "Try again"),
        (Trouble.TIMEOUT, "OpenAI does not answer now.", "Try again"),
        (Trouble.SERVER_ERROR, "OpenAI does not answer now.", "Try again"),
    ],
)
def test_each_trouble_is_said_plainly_with_its_cause_and_what_to_do(trouble, title, advice):
    found = why_not(Finding(0.0, trouble=trouble, error="The cause"), "OpenAI")
    assert found is not None
    assert found.title == title
    assert found.text.startswith("The cause. ")
    assert advice in found.text


@pytest.mark.parametrize("trouble", list(Trouble))
def test_no_trouble_goes_on(trouble):
    assert why_not(Finding(0.0, trouble=trouble, error="x"), "OpenAI") is not None


def test_the_cheapest_usual_models_that_chat_are_suggested():
    assert suggested("openai", LISTED) == ("gpt-4o-mini", "gpt-4.1-mini")


def test_without_usual_models_others_are_suggested_but_none_that_can_not_chat():
    assert suggested("custom", ("llama", "qwen", "phi")) == ("llama", "qwen")
    assert suggested("openai", ("text-embedding-3-small",)) == ()
    assert suggested("openai", ()) == ()


def test_models_that_chat_come_cheapest_first_and_those_without_a_price_last():
    assert chat_models("openai", (*LISTED[1:], "my-own-model")) == [
        *("gpt-4o-mini", "gpt-4.1-mini", "gpt-4o"),
        "my-own-model",
    ]


def test_a_taken_name_gets_a_number():
    assert free_one("my-chat", ()) == "my-chat"
    assert free_one("my-chat", {"my-chat", "my-chat-2"}) == "my-chat-3"


def test_the_steps_before_lead_back_and_those_ahead_do_not():
    steps = wizard_steps(3, ["/a", "/b"])
    assert [step.url for step in steps] == ["/a", "/b", "", "", ""]
    assert [(step.is_done, step.is_current) for step in steps[:4]] == [
        *((True, False), (True, False)),
        *((False, True), (False, False)),
    ]
