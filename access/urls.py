"""Addresses of this room."""

from django.urls import path

from access import own_key_views, own_keys_api, views
from access.api import keys, people, teams
from access.credits.urls import credit_routes
from access.page_urls import page_routes

api_routes = [
    path("api/v1/llm/teams", teams.TeamList.as_view(), name="api-team-list"),
    path("api/v1/llm/teams/<str:team_id>", teams.TeamDetail.as_view(), name="api-team-detail"),
    path("api/v1/llm/teams/<str:team_id>/members", teams.MemberList.as_view(), name="api-member-list"),
    path("api/v1/llm/teams/<str:team_id>/members/<str:user>", teams.MemberDetail.as_view(), name="api-member-detail"),
    path("api/v1/llm/keys", keys.KeyList.as_view(), name="api-key-list"),
    path("api/v1/llm/keys/<str:key_id>", keys.KeyDetail.as_view(), name="api-key-detail"),
    path("api/v1/llm/keys/<str:key_id>/rotate", keys.KeyRotation.as_view(), name="api-key-rotate"),
    path("api/v1/llm/users", people.UserList.as_view(), name="api-user-list"),
    path("api/v1/llm/users/<str:user>", people.UserDetail.as_view(), name="api-user-detail"),
]

urlpatterns = [
    *api_routes,
    *page_routes,
    *credit_routes,
    path("sign-in", views.SignIn.as_view(), name="sign-in"),
    path("sign-out", views.SignOut.as_view(), name="sign-out"),
    path("power-level", views.set_power_level, name="power-level"),
    path("theme", views.set_theme, name="theme"),
    path("account/own-keys", own_key_views.own_key_list, name="own-keys"),
    path("account/own-keys/<int:key_id>/test", own_key_views.own_key_test, name="own-key-test"),
    path("account/own-keys/<int:key_id>/fall-back", own_key_views.own_key_fall_back, name="own-key-fall-back"),
    path("account/own-keys/<int:key_id>/forget", own_key_views.own_key_forget, name="own-key-forget"),
    path("api/v1/llm/users/<str:user>/byok", own_keys_api.OwnKeyList.as_view(), name="api-own-key-list"),
    path("api/v1/llm/users/<str:user>/byok/test", own_keys_api.OwnKeyTest.as_view(), name="api-own-key-test"),
]
