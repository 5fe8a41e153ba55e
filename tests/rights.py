"""The house's table of rights: who may read, and who may change, at each address (see `test_rights.py`)."""

from __future__ import annotations

from access.models import Role

ANYBODY, KNOWN = "anybody", "whoever is known"
VIEWER, OPERATOR, ADMIN = Role.VIEWER, Role.OPERATOR, Role.ADMIN

# Answered before Django; their keys are tested over the wire, in tests/gateway.
HOT_ROUTES = {"/v1/chat/completions", "/v1/embeddings", "/v1/models", "/healthz", "/readyz"}

RULES: dict[str, tuple[str, str]] = {}
