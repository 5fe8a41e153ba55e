"""The URLs of these pages."""

from django.urls import path

from pages.access import account, byok, credits, key_changes, keys, members, own_keys, people, signing, teams

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
    path("sign-in", signing.SignIn.as_view(), name="sign-in"),
    path("sign-out", signing.SignOut.as_view(), name="sign-out"),
    path("sign-out-everywhere", signing.sign_out_everywhere, name="sign-out-everywhere"),
    path("power-level", account.set_power_level, name="power-level"),
    path("theme", account.set_theme, name="theme"),
    path("account/own-keys", own_keys.own_key_list, name="own-keys"),
    path("account/own-keys/<int:key_id>/test", own_keys.own_key_test, name="own-key-test"),
    path("account/own-keys/<int:key_id>/fall-back", own_keys.own_key_fall_back, name="own-key-fall-back"),
    path("account/own-keys/<int:key_id>/forget", own_keys.own_key_forget, name="own-key-forget"),
    path("credits", credits.credit_list, name="credit-list"),
    path("credits/new", credits.credit_new, name="credit-new"),
    path("credits/<int:account_id>", credits.credit_account, name="credit-account"),
    path("credits/<int:account_id>/movements", credits.credit_move, name="credit-move"),
    path("credits/<int:account_id>/limits", credits.credit_limits, name="credit-limits"),
    path("byok", byok.byok_list, name="byok-list"),
    path("byok/<int:user_id>", byok.byok_detail, name="byok-detail"),
]
