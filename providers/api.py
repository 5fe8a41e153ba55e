"""`/api/v1/llm/providers` and `/api/v1/llm/models`. Viewers read, admins write (the default of `HasRole`)."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lib.authors import author_of
from lib.serializers import errors_named, page_answer, row_or_404
from providers import actions
from providers import serializers as shapes
from providers.models import LanguageModel, Provider


class ProviderList(APIView):
    """All providers."""

    @extend_schema(parameters=[shapes.ProviderQuery], responses=shapes.ProviderPage, operation_id="list_providers")
    def get(self, request: Request) -> Response:
        filters, page = shapes.ProviderQuery.filters_and_page(request.query_params)
        rows = Provider.objects.with_catalog().matching(**filters)
        return page_answer("providers", rows, shapes.ProviderSerializer, **page)

    @extend_schema(
        request=shapes.ProviderSerializer, responses={201: shapes.ProviderCreated}, operation_id="create_provider"
    )
    def post(self, request: Request) -> Response:
        fields = shapes.ProviderSerializer.checked(request.data)
        with errors_named(row="name"):
            provider = actions.create_provider(by=author_of(request), **fields)
        return Response({"success": True, "provider": shapes.provider_json(provider)}, status=201)


class ProviderDetail(APIView):
    """One provider."""

    @extend_schema(responses=shapes.ProviderSerializer, operation_id="read_provider")
    def get(self, request: Request, provider_id: str) -> Response:
        return Response(shapes.ProviderSerializer(row_or_404(Provider.objects.with_catalog(), provider_id)).data)

    @extend_schema(methods=["PUT"], operation_id="replace_provider", request=shapes.ProviderChange)
    @extend_schema(methods=["PATCH"], operation_id="change_provider", request=shapes.ProviderChange(partial=True))
    @extend_schema(responses=shapes.ProviderSerializer)
    def put(self, request: Request, provider_id: str) -> Response:
        provider = row_or_404(Provider.objects.all(), provider_id)
        fields = shapes.ProviderChange.checked(request.data, partial=request.method == "PATCH")
        with errors_named(row="name"):
            actions.update_provider(by=author_of(request), provider=provider, **fields)
        return Response(shapes.provider_json(provider))

    patch = put

    @extend_schema(responses=shapes.Deleted, operation_id="delete_provider")
    def delete(self, request: Request, provider_id: str) -> Response:
        provider = row_or_404(Provider.objects.all(), provider_id)
        answer = {"success": True, "id": str(provider.id), "deleted": True}
        actions.delete_provider(by=author_of(request), provider=provider)
        return Response(answer)


class ModelList(APIView):
    """The catalog."""

    @extend_schema(parameters=[shapes.ModelQuery], responses=shapes.ModelPage, operation_id="list_models")
    def get(self, request: Request) -> Response:
        filters, page = shapes.ModelQuery.filters_and_page(request.query_params)
        rows = LanguageModel.objects.select_related("provider").matching(**filters)
        return page_answer("models", rows, shapes.ModelSerializer, **page)

    @extend_schema(request=shapes.ModelSerializer, responses={201: shapes.ModelCreated}, operation_id="create_model")
    def post(self, request: Request) -> Response:
        fields = shapes.ModelSerializer.checked(request.data)
        with errors_named(name="model_name", row="model_name"):
            model = actions.create_model(by=author_of(request), **fields)
        return Response({"success": True, "model": shapes.ModelSerializer(model).data}, status=201)


class ModelDetail(APIView):
    """One model of the catalog."""

    @extend_schema(responses=shapes.ModelSerializer, operation_id="read_model")
    def get(self, request: Request, model_id: str) -> Response:
        return Response(shapes.ModelSerializer(_model(model_id)).data)

    @extend_schema(methods=["PUT"], operation_id="replace_model", request=shapes.ModelChange)
    @extend_schema(methods=["PATCH"], operation_id="change_model", request=shapes.ModelChange(partial=True))
    @extend_schema(responses=shapes.ModelSerializer)
    def put(self, request: Request, model_id: str) -> Response:
        model = _model(model_id)
        fields = shapes.ModelChange.checked(request.data, partial=request.method == "PATCH", model=model)
        fields.pop("provider", None)  # checked to be the one it has
        with errors_named(name="model_name", row="model_name"):
            model = actions.update_model(by=author_of(request), model=model, **fields)
        return Response(shapes.ModelSerializer(model).data)

    patch = put

    @extend_schema(responses=shapes.Deleted, operation_id="delete_model")
    def delete(self, request: Request, model_id: str) -> Response:
        model = _model(model_id)
        answer = {"success": True, "id": str(model.id), "deleted": True}
        actions.delete_model(by=author_of(request), model=model)
        return Response(answer)


def _model(model_id: str) -> LanguageModel:
    return row_or_404(LanguageModel.objects.select_related("provider"), model_id)
