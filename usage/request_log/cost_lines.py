"""The calculation of a request's cost: tokens of each kind times their price. Pure, except for the model's prices."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from providers.models import LanguageModel
from usage.models import RequestRecord

MILLION = 1_000_000
# Half of the smallest displayed amount.
SAME_USD = 5e-7


@dataclass(frozen=True, slots=True)
class CostLine:
    """Tokens of one kind, and their price in US dollars per million."""

    label: str
    tokens: int
    per_million_usd: Decimal

    @property
    def cost_usd(self) -> float:
        return float(self.tokens * self.per_million_usd / MILLION)


@dataclass(frozen=True, slots=True)
class UnitLine:
    """What is charged besides tokens, and the price of one in US dollars."""

    unit: str
    count: float
    price_usd: Decimal

    @property
    def cost_usd(self) -> float:
        return self.count * float(self.price_usd)


@dataclass(frozen=True, slots=True)
class Computation:
    """The lines, their sum in US dollars, and whether it equals the recorded cost."""

    lines: tuple[CostLine, ...]
    units: UnitLine | None
    total_usd: float
    is_as_recorded: bool


def computation_of(record: RequestRecord, model: LanguageModel | None) -> Computation | None:
    """By the model's current prices; None without tokens or units that have a price.

    Cached and newly cached tokens are parts of the input, and cost the same as input if they have no price of their
    own.
    """
    if model is None:
        return None
    lines, units = _token_lines(record, model), _unit_line(record, model)
    if lines is None and units is None:
        return None
    total_usd = sum(line.cost_usd for line in lines or ()) + (units.cost_usd if units else 0.0)
    is_same = record.cost_usd is not None and abs(total_usd - record.cost_usd) < SAME_USD
    return Computation(tuple(line for line in lines or () if line.tokens), units, total_usd, is_same)


def _unit_line(record: RequestRecord, model: LanguageModel) -> UnitLine | None:
    if not record.unit or record.unit != model.unit or model.price_per_unit is None:
        return None
    return UnitLine(record.unit, record.units or 0.0, model.price_per_unit)


def _token_lines(record: RequestRecord, model: LanguageModel) -> tuple[CostLine, ...] | None:
    if record.input_tokens is None or record.output_tokens is None:
        return None
    plain, output = model.input_cost_per_million, model.output_cost_per_million
    if plain is None or output is None:
        return None
    cached, written = record.cached_tokens or 0, record.cache_write_tokens or 0
    return (
        CostLine("Input", record.input_tokens - cached - written, plain),
        CostLine("Input from the cache", cached, _or(model.cached_input_cost_per_million, plain)),
        CostLine("Input into the cache", written, _or(model.cache_write_cost_per_million, plain)),
        CostLine("Output", record.output_tokens, output),
    )


def _or(special: Decimal | None, plain: Decimal) -> Decimal:
    return plain if special is None else special
