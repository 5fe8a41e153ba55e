"""The URLs of these pages."""

from django.urls import path

from pages.traffic import analytics, exports, filter_pages, my_usage, requests

urlpatterns = [
    path("requests", requests.request_list, name="request-list"),
    path("requests/news", requests.request_news, name="request-news"),
    path("requests/filters/new", filter_pages.filter_new, name="saved-filter-new"),
    path("requests/filters/<int:filter_id>", filter_pages.filter_rename, name="saved-filter"),
    path("requests/filters/<int:filter_id>/delete", filter_pages.filter_delete, name="saved-filter-delete"),
    path("requests/<slug:call_id>", requests.request_detail, name="request-detail"),
    path("usage", analytics.usage, name="usage"),
    path("usage/cost", analytics.usage_cost, name="usage-cost"),
    path("usage/charts/<slug:slug>.svg", analytics.usage_chart, name="usage-chart"),
    path("usage/suggestions", analytics.usage_suggestions, name="usage-suggestions"),
    path("usage/requests.csv", exports.requests_csv, name="usage-requests-csv"),
    path("usage/costs.csv", exports.costs_csv, name="usage-costs-csv"),
    path("usage/me", my_usage.my_usage, name="my-usage"),
    path("usage/me/requests.csv", exports.my_requests_csv, name="my-requests-csv"),
]
