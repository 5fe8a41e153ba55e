"""Scores of messages, with their parts."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.complexity import COMPLEX_KEYWORDS, MOST_READ, ComplexityRules, Score, Unscorable, score_of

LONG = "lorem ipsum dolor " * 20


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


USUAL = ComplexityRules()


def scored(text: Any, rules: ComplexityRules = USUAL) -> Score:
    return score_of([user(text)], rules)


# text, length points, then the other parts as `kind:what`
TABLE = [
    ("hi", 2, ["simple:hi"], -98),
    ("cat test.py", 11, ["simple:cat", "simple:test"], -189),
    ("Implement a distributed consensus algorithm", 43, ["complex:implement"], 193),
    ("Analyze the architecture of microservices", 41, ["complex:analyze", "complex:architecture"], 341),
    ("Hello", 5, ["simple:hello"], -95),
    ("HELLO!", 6, ["simple:hello"], -94),
    ("hello hello hello", 17, ["simple:hello"], -83),
    ("hi, hello", 9, ["simple:hi", "simple:hello"], -191),
    ("ls", 2, ["simple:ls"], -98),
    ("ls -la", 6, ["simple:ls"], -94),
    ("tools and falls", 15, [], 15),
    ("This is which thing?", 20, [], 20),
    ("concatenate category", 20, [], 20),
    ("cat_test", 8, [], 8),
    ("cat-test", 8, ["simple:cat", "simple:test"], -192),
    ("testing", 7, [], 7),
    ("a test", 6, ["simple:test"], -94),
    ("test2", 5, [], 5),
    ("implementation", 14, [], 14),
    ("Please implement it", 19, ["complex:implement"], 169),
    ("IMPLEMENT", 9, ["complex:implement"], 159),
    ("debug this", 10, ["complex:debug"], 160),
    ("debugger", 8, [], 8),
    ("analyze, debug", 14, ["complex:analyze", "complex:debug"], 314),
    ("implement a test", 16, ["simple:test", "complex:implement"], 66),
    ("hi, implement ls and cat", 24, ["simple:ls", "simple:cat", "simple:hi", "complex:implement"], -126),
    ("```print(1)```", 14, ["code:```"], 114),
    ("what is ```x```", 15, ["code:```"], 115),
    ("`x`", 3, [], 3),
    ("One. Two.", 9, [], 9),
    ("One. Two. Three.", 16, ["sentences:more than 2"], 66),
    ("One. Two. Three", 15, ["sentences:more than 2"], 65),
    ("One! Two? Three…", 16, ["sentences:more than 2"], 66),
    ("Wait... what... no", 18, ["sentences:more than 2"], 68),
    ("see a.b.c.d at 1.2.3", 20, [], 20),
    ("? ! . ?", 7, [], 7),
    ("。！？", 3, [], 3),
    ("你好。再见。谢谢", 8, ["sentences:more than 2"], 58),
    ("One.\nTwo.\nThree.", 16, ["sentences:more than 2"], 66),
    ("é" * 200, 200, [], 200),
    (LONG, 200, [], 200),
    (LONG + "hi", 200, ["simple:hi"], 100),
    (LONG + "implement", 200, ["complex:implement"], 350),
    ("«hi»", 4, ["simple:hi"], -96),
    ("Привет hi", 9, ["simple:hi"], -91),
    ("приhiвет", 8, [], 8),
    ("hié", 3, [], 3),
    ("hi\nls\ncat", 9, ["simple:ls", "simple:cat", "simple:hi"], -291),
    ("\x00hi\x00", 4, ["simple:hi"], -96),
    ("İ hi", 4, ["simple:hi"], -96),
    ("🙂hi🙂", 4, ["simple:hi"], -96),
]


@pytest.mark.parametrize(("text", "length", "others", "total"), TABLE)
def test_a_text_scores_by_the_rules(text, length, others, total):
    score = scored(text)
    assert (score.parts[0].kind, score.parts[0].points) == ("length", length)
    assert [f"{part.kind}:{part.what}" for part in score.parts[1:]] == others
    assert score.total == total


def test_parts_say_where_they_stand():
    score = scored("Please debug ```x``` or İ debug, hello")
    assert {part.what: part.at for part in score.parts[1:]} == {"hello": 33, "debug": 7, "```": 13}


def test_only_the_last_text_of_a_user_counts_and_every_message_of_the_conversation():
    answers = [{"role": "assistant", "content": "implement"}, {"role": "tool", "content": "debug"}]
    messages = [{"role": "system", "content": "analyze"}, user("architecture"), *answers, user("hi"), user([])]
    score = score_of(messages)
    assert (score.text, score.total) == ("hi", 2 - 100 + 30)


def test_content_in_parts_counts_with_its_text():
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,implement"}}
    score = scored([{"type": "text", "text": "debug"}, picture, {"type": "text", "text": "hi"}])
    assert (score.text, score.total) == ("debug\nhi", 8 - 100 + 150)


@pytest.mark.parametrize(
    "messages",
    [[], [{"role": "system", "content": "hi"}], [user("")], [user(None)], [user([{"type": "image_url"}])], ["hi"]],
)
def test_without_text_of_a_user_there_is_no_score(messages):
    with pytest.raises(Unscorable, match="No user message has any text"):
        score_of(messages)


def test_every_number_and_keyword_can_be_changed():
    rules = ComplexityRules(
        simple_keywords=("c++",),
        complex_keywords=("step by step", "实现", "Ärger"),
        simple_points=-1,
        complex_points=10,
        most_length=5,
        code_points=7,
        most_sentences=0,
        sentences_points=3,
        most_messages=0,
        messages_points=1,
    )
    score = scored("C++: think STEP BY STEP 请实现它 ärger ```", rules)
    assert [part.points for part in score.parts] == [5, -1, 10, 10, 10, 7, 3, 1]


def test_of_a_very_long_text_beginning_and_end_are_read():
    middle = "x " * MOST_READ
    score = scored(f"debug {middle} implement {middle} hello")
    assert [part.what for part in score.parts[1:]] == ["hello", "debug"]
    assert score.text[score.parts[1].at :] == "hello"


@pytest.mark.parametrize("text", ["." * 50_000 + "a", "!?" * 25_000 + "a", ". a" * 16_000, "。" * 50_000])
def test_no_text_keeps_the_gateway_busy(text):
    began_s = time.process_time()
    scored(text)
    assert time.process_time() - began_s < 1


@given(st.text(max_size=500), st.sampled_from(COMPLEX_KEYWORDS))
def test_one_more_complex_keyword_never_lowers_a_score(text, keyword):
    before = scored(text).total if text else 0
    assert scored(f"{text} {keyword}").total >= before


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.slow
@given(st.lists(st.fixed_dictionaries({"role": st.just("user"), "content": json}) | json))
def test_no_message_crashes_it(messages):
    try:
        score = score_of(messages)
    except Unscorable:
        return
    assert score.total == sum(part.points for part in score.parts)
