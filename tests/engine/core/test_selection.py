import pytest

from tests.engine.core.selection import Case, compared
from tests.engine.core.selection_cases import CASES

PICKS = 400


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.strategy}: {case.name}")
async def test_picks_are_those_of_litellms_router_or_differ_on_purpose(case: Case):
    theirs, ours, is_same = await compared(case, PICKS)
    assert is_same is not bool(case.differs), (theirs, ours)
