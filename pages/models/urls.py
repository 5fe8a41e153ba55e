"""The URLs of these pages."""

from django.urls import path

from pages.models import catalog_news, editing, views

urlpatterns = [
    path("providers/<uuid:provider_id>/models", editing.models_add, name="models-add"),
    path("models", views.model_list, name="model-list"),
    path("models/figures", views.model_figures, name="model-figures"),
    path("models/new", editing.model_new, name="model-new"),
    path("models/news", catalog_news.catalog_news, name="catalog-news"),
    path("models/<uuid:model_id>", views.model_detail, name="model-detail"),
    path("models/<uuid:model_id>/edit", editing.model_edit, name="model-edit"),
    path("models/<uuid:model_id>/switch", editing.model_switch, name="model-switch"),
    path("models/<uuid:model_id>/delete", editing.model_delete, name="model-delete"),
]
