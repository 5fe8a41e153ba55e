"""The URLs of this room."""

from django.urls import path

from access.api import keys, people, teams
from access.byok import api
from access.credits import api as credits_api

urlpatterns = [
    path("api/v1/llm/teams", teams.TeamList.as_view(), name="api-team-list"),
    path("api/v1/llm/teams/<str:team_id>", teams.TeamDetail.as_view(), name="api-team-detail"),
    path("api/v1/llm/teams/<str:team_id>/members", teams.MemberList.as_view(), name="api-member-list"),
    path("api/v1/llm/teams/<str:team_id>/members/<str:user>", teams.MemberDetail.as_view(), name="api-member-detail"),
    path("api/v1/llm/keys", keys.KeyList.as_view(), name="api-key-list"),
    path("api/v1/llm/keys/<str:key_id>", keys.KeyDetail.as_view(), name="api-key-detail"),
    path("api/v1/llm/keys/<str:key_id>/rotate", keys.KeyRotation.as_view(), name="api-key-rotate"),
    path("api/v1/llm/users", people.UserList.as_view(), name="api-user-list"),
    path("api/v1/llm/users/<str:user>", people.UserDetail.as_view(), name="api-user-detail"),
    path("api/v1/llm/users/<str:user>/byok", api.OwnKeyList.as_view(), name="api-own-key-list"),
    path("api/v1/llm/users/<str:user>/byok/test", api.OwnKeyTest.as_view(), name="api-own-key-test"),
    path("api/v1/llm/credits", credits_api.Credits.as_view(), name="api-credits"),
    path("api/v1/llm/credits/movements", credits_api.Movements.as_view(), name="api-credit-movements"),
    path("api/v1/llm/credits/limits", credits_api.AccountLimitsView.as_view(), name="api-credit-limits"),
]
