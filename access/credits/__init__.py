"""Credits: the only place where a balance moves. Whole nano-dollars (`_nanousd`) within, Decimals (`_usd`) outside."""

from __future__ import annotations

from access.credits.actions import correct, set_limits, top_up
from access.credits.exceptions import CapReached, OutOfCredits
from access.credits.holds import Settlement, give_back, give_back_abandoned, hold, settle, settle_many
from access.credits.statements import Summary, account_of, ledger_differences, summary_of

__all__ = [
    "CapReached",
    "OutOfCredits",
    "Settlement",
    "Summary",
    "account_of",
    "correct",
    "give_back",
    "give_back_abandoned",
    "hold",
    "ledger_differences",
    "set_limits",
    "settle",
    "settle_many",
    "summary_of",
    "top_up",
]
