"""The JSON of a status page."""

from __future__ import annotations

import json
from typing import Any


def incident(number: int = 1, **fields: Any) -> dict[str, Any]:
    """One that is over, of one component, on a day of December 2024."""
    return {
        "id": f"id{number}",
        "name": "Some words that are not kept",
        "status": "resolved",
        "created_at": f"2024-12-{number:02}T10:00:00.000Z",
        "updated_at": f"2024-12-{number:02}T12:00:00.000Z",
        "resolved_at": f"2024-12-{number:02}T12:00:00.000Z",
        "impact": "major",
        "components": [{"id": "c1", "name": "Chat API", "status": "operational"}],
        **fields,
    }


def page(*incidents: Any, name: str = "Acme AI") -> str:
    """A whole document."""
    return json.dumps({"page": {"id": "p", "name": name}, "incidents": list(incidents)})
