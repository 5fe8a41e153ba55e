"""`/api/v1/llm/providers` and `/api/v1/llm/models`. Viewers read, admins write (the default of `HasRole`)."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lib.authors import author_of
from lib.serializers import errors_named, page_of, row_or_404
from providers import actions
from providers import serializers as shapes
from providers.models import LanguageModel, Provider


class ProviderList(APIView):
    """All providers."""

    @extend_schema(parameters=[shapes.ProviderQuery], responses=shapes.ProviderPage, operation_id="list_providers")
    def get(self, request: Request) -> Response:
        query = shapes.ProviderQuery.checked(request.query_params)
        page = {"page": query.pop("page"), "size": query.pop("size")}
        rows, about = page_of(Provider.objects.with_catalog().matching(**query), **page)
        return Response({"providers": shapes.ProviderSerializer(rows, many=True).data, **about})

    @extend_schema(
        request=shapes.ProviderSerializer, responses={201: shapes.ProviderCreated}, operation_id="create_provider"
    )
    def post(self, request: Request) -> Response:
        asked = shapes.ProviderSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        with errors_named(row="name"):
            provider = actions.create_provider(by=author_of(request), **asked.validated_data)
        return Response({"success": True, "provider": shapes.provider_json(provider)}, status=201)


class ProviderDetail(APIView):
    """One provider."""

    @extend_schema(responses=shapes.ProviderSerializer, operation_id="read_provider")
    def get(self, request: Request, provider_id: str) -> Response:
        return Response(shapes.ProviderSerializer(row_or_404(Provider.objects.with_catalog(), provider_id)).data)

    @extend_schema(request=shapes.ProviderChange, responses=shapes.ProviderSerializer, operation_id="replace_provider")
    def put(self, request: Request, provider_id: str) -> Response:
        return self._update(request, provider_id, partial=False)

    @extend_schema(
        request=shapes.ProviderChange(partial=True), responses=shapes.ProviderSerializer, operation_id="change_provider"
    )
    def patch(self, request: Request, provider_id: str) -> Response:
        return self._update(request, provider_id, partial=True)

    @extend_schema(responses=shapes.Deleted, operation_id="delete_provider")
    def delete(self, request: Request, provider_id: str) -> Response:
        provider = row_or_404(Provider.objects.all(), provider_id)
        answer = {"success": True, "id": str(provider.id), "deleted": True}
        actions.delete_provider(by=author_of(request), provider=provider)
        return Response(answer)

    def _update(self, request: Request, provider_id: str, *, partial: bool) -> Response:
        provider = row_or_404(Provider.objects.all(), provider_id)
        asked = shapes.ProviderChange(data=request.data, partial=partial)
        asked.is_valid(raise_exception=True)
        with errors_named(row="name"):
            actions.update_provider(by=author_of(request), provider=provider, **asked.validated_data)
        return Response(shapes.provider_json(provider))


class ModelList(APIView):
    """The catalog."""

    @extend_schema(parameters=[shapes.ModelQuery], responses=shapes.ModelPage, operation_id="list_models")
    def get(self, request: Request) -> Response:
        query = shapes.ModelQuery.checked(request.query_params)
        page = {"page": query.pop("page"), "size": query.pop("size")}
        rows, about = page_of(LanguageModel.objects.select_related("provider").matching(**query), **page)
        return Response({"models": shapes.ModelSerializer(rows, many=True).data, **about})

    @extend_schema(request=shapes.ModelSerializer, responses={201: shapes.ModelCreated}, operation_id="create_model")
    def post(self, request: Request) -> Response:
        asked = shapes.ModelSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        with errors_named(name="model_name", row="model_name"):
            model = actions.create_model(by=author_of(request), **asked.validated_data)
        return Response({"success": True, "model": shapes.ModelSerializer(model).data}, status=201)


class ModelDetail(APIView):
    """One model of the catalog."""

    @extend_schema(responses=shapes.ModelSerializer, operation_id="read_model")
    def get(self, request: Request, model_id: str) -> Response:
        rows = LanguageModel.objects.select_related("provider")
        return Response(shapes.ModelSerializer(row_or_404(rows, model_id)).data)

    @extend_schema(request=shapes.ModelChange, responses=shapes.ModelSerializer, operation_id="replace_model")
    def put(self, request: Request, model_id: str) -> Response:
        return self._update(request, model_id, partial=False)

    @extend_schema(
        request=shapes.ModelChange(partial=True), responses=shapes.ModelSerializer, operation_id="change_model"
    )
    def patch(self, request: Request, model_id: str) -> Response:
        return self._update(request, model_id, partial=True)

    @extend_schema(responses=shapes.Deleted, operation_id="delete_model")
    def delete(self, request: Request, model_id: str) -> Response:
        model = row_or_404(LanguageModel.objects.select_related("provider"), model_id)
        answer = {"success": True, "id": str(model.id), "deleted": True}
        actions.delete_model(by=author_of(request), model=model)
        return Response(answer)

    def _update(self, request: Request, model_id: str, *, partial: bool) -> Response:
        model = row_or_404(LanguageModel.objects.select_related("provider"), model_id)
        asked = shapes.ModelChange(data=request.data, partial=partial, context={"model": model})
        asked.is_valid(raise_exception=True)
        changes = {name: value for name, value in asked.validated_data.items() if name != "provider"}
        with errors_named(name="model_name", row="model_name"):
            model = actions.update_model(by=author_of(request), model=model, **changes)
        return Response(shapes.ModelSerializer(model).data)
