"""`/api/v1/llm/credits`. Everybody reads their own and their teams', admins all; admins move money and set limits."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.authentication import actor_of
from access.credits import actions
from access.credits import serializers as shapes
from access.credits.rules import SEEN, Holder, can_manage, check_can_see, payer_of
from access.credits.statements import account_of, matching, summary_of
from access.models import Actor, Movement, MovementKind, Team, User
from lib.exceptions import NotAllowed
from lib.serializers import errors_named, page_of


class Credits(APIView):
    """The credits that are left."""

    @extend_schema(parameters=[shapes.WhoseQuery], responses=shapes.CreditsSerializer, operation_id="read_credits")
    def get(self, request: Request) -> Response:
        query = shapes.WhoseQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        return Response(_credits_json(_holder(actor_of(request), query.validated_data)))


class Movements(APIView):
    """The ledger."""

    @extend_schema(parameters=[shapes.LedgerQuery], responses=shapes.MovementPage, operation_id="list_credit_movements")
    def get(self, request: Request) -> Response:
        query = shapes.LedgerQuery.checked(request.query_params)
        holder = _holder(actor_of(request), query)
        account = None if holder is None else account_of(holder)
        lines = Movement.objects.none() if account is None else account.movements.all()
        rows, about = page_of(matching(lines, query["q"]), page=query["page"], size=query["size"])
        return Response({"movements": shapes.MovementSerializer(rows, many=True).data, **about})

    @extend_schema(request=shapes.NewMovement, responses={201: shapes.MovementMade}, operation_id="move_credits")
    def post(self, request: Request) -> Response:
        asked = shapes.NewMovement(data=request.data)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        move = actions.top_up if said["kind"] == MovementKind.TOP_UP else actions.correct
        with errors_named(usd="amount_usd"):
            line = move(by=actor_of(request), holder=said["holder"], usd=said["amount_usd"], reason=said["reason"])
        made = {"movement": shapes.MovementSerializer(line).data, "credits": _credits_json(said["holder"])}
        return Response({"success": True, **made}, status=201)


class AccountLimitsView(APIView):
    """The limits of an account."""

    @extend_schema(
        request=shapes.LimitsSerializer, responses=shapes.CreditsSerializer, operation_id="replace_credit_limits"
    )
    def put(self, request: Request) -> Response:
        return self._update(request, partial=False)

    @extend_schema(
        request=shapes.LimitsSerializer(partial=True),
        responses=shapes.CreditsSerializer,
        operation_id="change_credit_limits",
    )
    def patch(self, request: Request) -> Response:
        return self._update(request, partial=True)

    def _update(self, request: Request, *, partial: bool) -> Response:
        asked = shapes.LimitsSerializer(data=request.data, partial=partial)
        asked.is_valid(raise_exception=True)
        actions.set_limits(by=actor_of(request), **asked.validated_data)
        return Response(_credits_json(asked.validated_data["holder"]))


def _credits_json(holder: Holder | None) -> Any:
    return shapes.CreditsSerializer(summary_of(holder)).data


def _holder(actor: Actor, query: dict[str, Any]) -> Holder | None:
    """The person or team whose credits are requested.

    A caller without the right gets the same answer whether or not they exist.
    """
    user, team = query["user"], query["team"]
    if not user and not team:
        return payer_of(actor)
    holder = User.objects.called(user) if user else Team.objects.called(team).first()
    if holder is not None:
        check_can_see(actor, holder)
        return holder
    if not can_manage(actor):
        raise NotAllowed(SEEN)
    raise Http404(f"There is no {'user' if user else 'team'} '{user or team}'.")
