"""Importing a LiteLLM config.yaml in a browser."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.e2e.stage import follow
from tests.servers import Console

CONFIG = """
model_list:
  - model_name: {name}
    litellm_params: {{model: openai/gpt-4o-mini, api_key: os.environ/OPENAI_API_KEY, order: 1}}
  - model_name: {name}
    litellm_params: {{model: groq/llama-3.3-70b-versatile, api_key: os.environ/GROQ_API_KEY, order: 2}}
router_settings:
  num_retries: 3
"""


def preview(page: Page, content: str) -> None:
    page.goto("/groups/import")
    page.get_by_role("textbox").fill(content)
    page.get_by_role("button", name="Preview").click()


def test_a_config_yaml_is_previewed_then_applied(admin: Page, server: Console) -> None:
    preview(admin, CONFIG.format(name="imported-chat"))
    expect(admin.get_by_text("imported-chat").first).to_be_visible()
    names = [g["routing_group_name"] for g in server.call("GET", "/v1/routing_group?size=200")["routing_groups"]]
    assert "imported-chat" not in names
    admin.get_by_role("button", name="Apply").click()
    expect(admin.get_by_text("Imported:")).to_be_visible()
    [group] = [
        g
        for g in server.call("GET", "/v1/routing_group?q=imported-chat")["routing_groups"]
        if g["routing_group_name"] == "imported-chat"
    ]
    assert (group["routing_strategy"], group["retry_config"]["num_retries"]) == ("priority-failover", 3)
    assert [row["model_name"] for row in group["deployments"]] == ["gpt-4o-mini", "llama-3.3-70b-versatile"]


def test_a_broken_file_says_where_and_nothing_typed_is_lost(admin: Page) -> None:
    preview(admin, "model_list: [unclosed")
    expect(admin.get_by_text("line").first).to_be_visible()
    expect(admin.get_by_role("textbox")).to_have_value("model_list: [unclosed")


def test_it_works_without_javascript(plain_admin: Page, server: Console) -> None:
    page = plain_admin
    preview(page, CONFIG.format(name="imported-without-scripts"))
    follow(page.get_by_role("button", name="Apply"))
    expect(page.get_by_text("Imported:")).to_be_visible()
    expect(page.get_by_text("imported-without-scripts").first).to_be_visible()
    assert server.call("GET", "/v1/routing_group?q=imported-without-scripts")["total"] == 1
