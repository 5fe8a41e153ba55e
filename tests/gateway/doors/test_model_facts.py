"""What holds for all that a name may lead to."""

from decimal import Decimal

from gateway.doors.model_facts import ModelFacts, least

BIG = ModelFacts(1, 200_000, 64_000, Decimal("0.000003"), Decimal("0.000015"), frozenset({"stop", "tools"}))
SMALL = ModelFacts(5, 128_000, 16_384, Decimal("0.00000015"), Decimal("0.0000006"), frozenset({"stop", "seed"}))
UNKNOWN = ModelFacts(2)


def test_a_group_promises_what_each_of_its_models_can():
    both = least([BIG, SMALL])
    assert (both.context_length, both.max_output_tokens) == (128_000, 16_384)
    assert both.parameters == {"stop"}
    assert both.created == 5


def test_what_is_unknown_of_one_is_told_of_the_others():
    assert least([BIG, UNKNOWN]).context_length == 200_000
    assert least([UNKNOWN]).to_json()["pricing"] == {}
    assert least([]) == ModelFacts()


def test_prices_are_exact_texts_per_token():
    assert SMALL.to_json()["pricing"] == {"prompt": "0.00000015", "completion": "0.0000006"}
    free = ModelFacts(input_usd=Decimal("0.000000"), output_usd=Decimal(1))
    assert free.to_json()["pricing"] == {"prompt": "0", "completion": "1"}
