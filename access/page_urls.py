"""Addresses of the pages of this room."""

from __future__ import annotations

from django.urls import URLPattern, path

from access.views import account, key_changes, keys, members, people, teams

page_routes: list[URLPattern] = [
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
]
