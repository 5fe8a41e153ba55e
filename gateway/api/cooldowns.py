"""`GET /api/v1/llm/cooldowns`, with what this process has found out a moment ago."""

from __future__ import annotations

from asgiref.sync import async_to_sync
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from gateway import live
from usage.api.cooldowns import CooldownBoard, CooldownList


class NewestCooldownList(CooldownList):
    """The current cooldowns; processes write theirs once a second, and this one does before it answers."""

    @extend_schema(responses=CooldownBoard, operation_id="list_cooldowns")
    def get(self, request: Request) -> Response:
        async_to_sync(live.publish_breakers)()
        answer: Response = super().get(request)
        return answer
