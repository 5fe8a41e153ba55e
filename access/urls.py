"""Addresses of this room."""

from django.urls import path

from access import own_key_views
from access.api import keys as api_keys
from access.api import people as api_people
from access.api import teams as api_teams
from access.byok import api
from access.credits import api as credits_api
from access.credits import views
from access.views import account, choices, key_changes, keys, members, people, signing, teams

urlpatterns = [
    path("account", account.account, name="account"),
    path("teams", teams.team_list, name="team-list"),
    path("teams/new", teams.team_new, name="team-new"),
    path("teams/<uuid:team_id>", teams.team_detail, name="team-detail"),
    path("teams/<uuid:team_id>/edit", teams.team_edit, name="team-edit"),
    path("teams/<uuid:team_id>/delete", teams.team_delete, name="team-delete"),
    path("teams/<uuid:team_id>/members", members.member_add, name="member-add"),
    path("teams/<uuid:team_id>/members/<int:member_id>/role", members.member_change, name="member-change"),
    path("teams/<uuid:team_id>/members/<int:member_id>/remove", members.member_remove, name="member-remove"),
    path("people", people.person_list, name="person-list"),
    path("people/new", people.person_new, name="person-new"),
    path("people/<int:person_id>/role", people.person_role, name="person-role"),
    path("people/<int:person_id>/limits", people.person_limits, name="person-limits"),
    path("people/<int:person_id>/switch", people.person_switch, name="person-switch"),
    path("keys", keys.key_list, name="key-list"),
    path("keys/new", key_changes.key_new, name="key-new"),
    path("keys/<uuid:key_id>", keys.key_detail, name="key-detail"),
    path("keys/<uuid:key_id>/edit", key_changes.key_edit, name="key-edit"),
    path("keys/<uuid:key_id>/rotate", key_changes.key_rotate, name="key-rotate"),
    path("keys/<uuid:key_id>/revoke", key_changes.key_revoke, name="key-revoke"),
    path("api/v1/llm/teams", api_teams.TeamList.as_view(), name="api-team-list"),
    path("api/v1/llm/teams/<str:team_id>", api_teams.TeamDetail.as_view(), name="api-team-detail"),
    path("api/v1/llm/teams/<str:team_id>/members", api_teams.MemberList.as_view(), name="api-member-list"),
    path(
        "api/v1/llm/teams/<str:team_id>/members/<str:user>", api_teams.MemberDetail.as_view(), name="api-member-detail"
    ),
    path("api/v1/llm/keys", api_keys.KeyList.as_view(), name="api-key-list"),
    path("api/v1/llm/keys/<str:key_id>", api_keys.KeyDetail.as_view(), name="api-key-detail"),
    path("api/v1/llm/keys/<str:key_id>/rotate", api_keys.KeyRotation.as_view(), name="api-key-rotate"),
    path("api/v1/llm/users", api_people.UserList.as_view(), name="api-user-list"),
    path("api/v1/llm/users/<str:user>", api_people.UserDetail.as_view(), name="api-user-detail"),
    path("sign-in", signing.SignIn.as_view(), name="sign-in"),
    path("sign-out", signing.SignOut.as_view(), name="sign-out"),
    path("power-level", choices.set_power_level, name="power-level"),
    path("theme", choices.set_theme, name="theme"),
    path("account/own-keys", own_key_views.own_key_list, name="own-keys"),
    path("account/own-keys/<int:key_id>/test", own_key_views.own_key_test, name="own-key-test"),
    path("account/own-keys/<int:key_id>/fall-back", own_key_views.own_key_fall_back, name="own-key-fall-back"),
    path("account/own-keys/<int:key_id>/forget", own_key_views.own_key_forget, name="own-key-forget"),
    path("api/v1/llm/users/<str:user>/byok", api.OwnKeyList.as_view(), name="api-own-key-list"),
    path("api/v1/llm/users/<str:user>/byok/test", api.OwnKeyTest.as_view(), name="api-own-key-test"),
    path("api/v1/llm/credits", credits_api.Credits.as_view(), name="api-credits"),
    path("api/v1/llm/credits/movements", credits_api.Movements.as_view(), name="api-credit-movements"),
    path("api/v1/llm/credits/limits", credits_api.Limits.as_view(), name="api-credit-limits"),
    path("credits", views.credit_list, name="credit-list"),
    path("credits/new", views.credit_new, name="credit-new"),
    path("credits/<int:account_id>", views.credit_account, name="credit-account"),
    path("credits/<int:account_id>/movements", views.credit_move, name="credit-move"),
    path("credits/<int:account_id>/limits", views.credit_limits, name="credit-limits"),
]
