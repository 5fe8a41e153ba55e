"""What the tests of the pages of providers and models share."""

from __future__ import annotations

from typing import Any

from tests.usage.log import finished, log
from usage.models import RequestRecord

KEY = "sk-planted-0123456789abcdef1234"


def provider_form(**changes: Any) -> dict[str, Any]:
    """A filled form of a custom provider."""
    typed = {
        "type": "custom",
        "name": "Ours",
        "api_base": "https://llm.example.com/v1",
        "api_key": KEY,
        "priority": "50",
        "auto_fallback": "on",
        "proves_standby": "on",
        "enabled": "on",
        "do": "save",
        "next": "/providers",
    }
    return {**typed, **changes}


def make_request(*, provider: str, days_ago: float = 0.0, cost_usd: float | None = 0.5) -> RequestRecord:
    """A request of the log that this provider answered, after another had failed."""
    attempts = [{"provider": "Another", "status": "error"}, {"provider": provider, "status": "success"}]
    record = finished(provider=provider, days_ago=days_ago, cost_usd=cost_usd, attempts=attempts)
    log(record)
    return record
