"""The calibration page: prompts in, thresholds tried, the chosen one applied."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from access.keys import COMMAND_LINE
from groups.models import VirtualModel
from groups.virtual.actions import create_virtual_model, update_virtual_model
from groups.virtual.tiers import TierPlan
from tests.factories import make_group, make_model
from tests.pace import Stopwatch
from tests.page import HTMX, html_of, signed_in

pytestmark = pytest.mark.django_db
PROMPTS = "hi\nhello\nls\nImplement a distributed consensus algorithm"


@pytest.fixture
def chat(db: None) -> VirtualModel:
    for name, usd in (("mini", 1), ("standard", 10)):
        model = make_model(input_cost_per_million=Decimal(usd), output_cost_per_million=Decimal(usd))
        make_group(name=name, models=[model])
    tiers = [TierPlan(pool="mini"), TierPlan(pool="standard", minimum_score=50)]
    return create_virtual_model(by=COMMAND_LINE, name="auto-chat", tiers=tiers)


page = signed_in("bob")


def at(row: VirtualModel) -> str:
    return f"/virtual-models/{row.pk}/calibration"


def tried(page, row: VirtualModel, threshold: object, **more: object):
    digest = "-98:3:3 193:1:11"
    data = {"digest": digest, "threshold1": threshold, "answer_tokens": 300, "etag": row.etag, **more}
    return page.post(at(row), data, headers=HTMX)


def test_prompts_give_a_histogram_shares_and_costs(page, chat):
    html = html_of(page.post(at(chat), {"prompts": PROMPTS}))
    assert "Scores of 4 prompts" in html
    assert "75.0\u202f%" in html
    assert "against <strong>$3.0" in html
    assert PROMPTS.splitlines()[3] in html


def test_a_file_replaces_the_text(page, chat):
    file = SimpleUploadedFile("prompts.jsonl", b'{"prompt": "hi"}\n{"prompt": "ls"}\n')
    html = html_of(page.post(at(chat), {"prompts": "lots\nof\ntext", "file": file}, headers=HTMX))
    assert "Scores of 2 prompts" in html
    assert "<html" not in html


def test_moving_the_threshold_gives_the_part_alone(page, chat):
    html = html_of(tried(page, chat, -200))
    assert html.strip().startswith('<div id="calibration-outcome"')
    assert "100.0\u202f%" in html


@pytest.mark.parametrize("wrong", ["", "high"])
def test_a_threshold_that_is_no_number_is_said(page, chat, wrong):
    answer = tried(page, chat, wrong)
    assert answer.status_code == 422
    assert 'class="error"' in html_of(answer)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"prompts": ""}, "Give some prompts"),
        ({"prompts": '{"cut'}, "Line 1"),
        ({"digest": "nonsense", "threshold1": "1", "answer_tokens": "1"}, "The scores were lost"),
    ],
)
def test_what_can_not_be_read_says_why(page, chat, data, why):
    answer = page.post(at(chat), data)
    assert answer.status_code == 422
    assert why in html_of(answer)


def test_the_threshold_is_applied(page, chat):
    answer = tried(page, chat, 120, apply="1")
    assert answer.url == f"/virtual-models/{chat.pk}"
    assert [t.minimum_score for t in VirtualModel.objects.get().tiers.all()] == [None, 120]


def test_an_older_page_applies_nothing(page, chat):
    update_virtual_model(by=COMMAND_LINE, virtual_model=chat, description="changed meanwhile")
    tried(page, chat, 120, apply="1")
    assert [t.minimum_score for t in VirtualModel.objects.get().tiers.all()] == [None, 50]


def test_thresholds_keep_their_order(page, chat):
    tiers = [
        TierPlan(pool="mini"),
        TierPlan(pool="standard", minimum_score=50),
        TierPlan(pool="mini", minimum_score=90),
    ]
    update_virtual_model(by=COMMAND_LINE, virtual_model=chat, tiers=tiers, default_tier="")
    answer = tried(page, chat, 100, threshold2=90)
    assert answer.status_code == 422
    assert "put the thresholds in order" in html_of(answer)


def test_viewers_try_but_do_not_apply_and_strangers_do_neither(client, charlie, dora, chat):
    client.force_login(charlie)
    assert "Apply to" not in html_of(client.post(at(chat), {"prompts": PROMPTS}))
    tried(client, chat, 120, apply="1")
    assert VirtualModel.objects.get().tiers.all()[1].minimum_score == 50
    client.force_login(dora)
    assert client.get(at(chat)).status_code == 403


def test_ten_thousand_prompts_are_scored_in_a_few_seconds(page, chat):
    prompts = "\n".join(f"Please implement part {n} of the architecture." for n in range(10_000))
    watch = Stopwatch()
    assert "Scores of 10000 prompts" in html_of(page.post(at(chat), {"prompts": prompts}, headers=HTMX))
    assert watch.elapsed_s < 5


def test_trying_takes_the_same_queries_for_any_number_of_rows(page, chat, django_assert_num_queries):
    with django_assert_num_queries(6):
        tried(page, chat, 10)
