"""Addresses of the credits."""

from django.urls import path

from access.credits import api, views

credit_routes = [
    path("api/v1/llm/credits", api.Credits.as_view(), name="api-credits"),
    path("api/v1/llm/credits/movements", api.Movements.as_view(), name="api-credit-movements"),
    path("api/v1/llm/credits/limits", api.Limits.as_view(), name="api-credit-limits"),
    path("credits", views.credit_list, name="credit-list"),
    path("credits/new", views.credit_new, name="credit-new"),
    path("credits/<int:account_id>", views.credit_account, name="credit-account"),
    path("credits/<int:account_id>/movements", views.credit_move, name="credit-move"),
    path("credits/<int:account_id>/limits", views.credit_limits, name="credit-limits"),
]
