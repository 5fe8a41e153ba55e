"""What differs between two versions of a group, in words."""

from __future__ import annotations

from typing import Any

from groups.versions.differences import Difference, differences

A = {"model_id": "1", "provider": "openai", "model_name": "gpt", "priority": 1, "weight": None, "display_name": ""}
B = {"model_id": "2", "provider": "groq", "model_name": "llama", "priority": 2, "weight": 3, "display_name": "Fast"}


def group(**changed: Any) -> dict[str, Any]:
    return {"name": "chat", "strategy": "weighted", "is_active": True, "deployments": [A, B], **changed}


def test_nothing_changed_is_no_line():
    assert differences(group(), group()) == ()


def test_fields_are_told_in_the_words_of_the_pages():
    lines = differences(group(), group(strategy="least-busy", is_active=False, assigned_team_ids=["a", "b"]))
    assert lines == (
        Difference("Strategy", "Weighted Round-Robin", "Least Busy"),
        Difference("Status", "active", "inactive"),
        Difference("Teams", "none", "a, b"),
    )


def test_a_setting_that_was_not_set_was_the_default():
    lines = differences(group(retry_config={"timeout_s": 30.0}), group(retry_config={"num_retries": 2}))
    assert lines == (
        Difference("Timeout of an attempt", "30", "default"),
        Difference("Retries when nobody else can be asked", "default", "2"),
    )


def test_deployments_come_go_and_change():
    new = {"model_id": "3", "provider": "cohere", "model_name": "r", "priority": None}
    lines = differences(group(deployments=[A, B]), group(deployments=[{**B, "weight": 5}, new]))
    assert lines == (
        Difference("openai/gpt", "priority 1", ""),
        Difference("cohere/r", "", "in the group"),
        Difference("groq/llama", "name Fast, priority 2, weight 3", "name Fast, priority 2, weight 5"),
    )


def test_another_order_of_the_same_deployments_is_one_line():
    lines = differences(group(), group(deployments=[B, A]))
    assert lines == (Difference("Order of deployments", "openai/gpt, groq/llama", "groq/llama, openai/gpt"),)


def test_a_new_group_is_all_lines():
    assert [line.label for line in differences({}, group())] == [
        "Name",
        "Strategy",
        "Status",
        "openai/gpt",
        "groq/llama",
    ]
