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
from lib.serializers import errors_named, page_answer


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
        filters, page = shapes.LedgerQuery.filters_and_page(request.query_params)
        holder = _holder(actor_of(request), filters)
        account = None if holder is None else account_of(holder)
        lines = Movement.objects.none() if account is None else account.movements.all()
        return page_answer("movements", matching(lines, filters["q"]), shapes.MovementSerializer, **page)

    @extend_schema(request=shapes.NewMovement, responses={201: shapes.MovementMade}, operation_id="move_credits")
    def post(self, request: Request) -> Response:
        said = shapes.NewMovement.checked(request.data)
        move = actions.top_up if said["kind"] == MovementKind.TOP_UP else actions.correct
        with errors_named(usd="amount_usd"):
            line = move(by=actor_of(request), holder=said["holder"], usd=said["amount_usd"], reason=said["reason"])
        made = {"movement": shapes.MovementSerializer(line).data, "credits": _credits_json(said["holder"])}
        return Response({"success": True, **made}, status=201)


class AccountLimitsView(APIView):
    """The limits of an account."""

    @extend_schema(methods=["PUT"], operation_id="replace_credit_limits", request=shapes.LimitsSerializer)
    @extend_schema(
        methods=["PATCH"], operation_id="change_credit_limits", request=shapes.LimitsSerializer(partial=True)
    )
    @extend_schema(responses=shapes.CreditsSerializer)
    def put(self, request: Request) -> Response:
        said = shapes.LimitsSerializer.checked(request.data, partial=request.method == "PATCH")
        actions.set_limits(by=actor_of(request), **said)
        return Response(_credits_json(said["holder"]))

    patch = put


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
