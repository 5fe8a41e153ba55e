"""The URLs of these pages."""

from django.urls import path

from pages.groups import assigned, bulk_actions, detail, group_list, import_export, send_test_page, versions
from pages.groups.builder import views
from pages.groups.home import proof_lines, share_link

urlpatterns = [
    path("groups", group_list.group_list, name="group-list"),
    path("groups/bulk", bulk_actions.bulk, name="group-bulk"),
    path("groups/undo/<uuid:token>", bulk_actions.undo, name="group-undo"),
    path("groups/new", views.group_new, name="group-new"),
    path("groups/picker", views.model_picker, name="group-picker"),
    path("groups/<uuid:group_id>/edit", views.group_edit, name="group-edit"),
    path("groups/export", import_export.group_export, name="group-export"),
    path("groups/import", import_export.group_import, name="group-import"),
    path("groups/<uuid:group_id>", detail.group_detail, name="group-detail"),
    path("groups/<uuid:group_id>/now", detail.group_now, name="group-now"),
    path("groups/<uuid:group_id>/share", share_link.share_page, name="group-share"),
    path("groups/<uuid:group_id>/share/<uuid:link_id>/revoke", share_link.revoke, name="group-share-revoke"),
    path("shared/<str:token>", share_link.shared_group, name="shared-group"),
    path("shared/<str:token>/now", share_link.shared_now, name="shared-group-now"),
    path("groups/<uuid:group_id>/deployments/<uuid:model_id>/prove", proof_lines.prove_form, name="standby-proof"),
    path("groups/<uuid:group_id>/switch", bulk_actions.switch, name="group-switch"),
    path("groups/<uuid:group_id>/delete", bulk_actions.delete, name="group-delete"),
    path("groups/<uuid:group_id>/duplicate", bulk_actions.duplicate, name="group-duplicate"),
    path("groups/<uuid:group_id>/history", versions.group_history, name="group-history"),
    path("groups/<uuid:group_id>/history/<int:entry_id>/restore", versions.restore, name="group-restore"),
    path("groups/<uuid:group_id>/use", detail.group_use, name="group-use"),
    path("teams/group-counts", assigned.team_group_counts, name="team-group-counts"),
    path("teams/<uuid:team_id>/groups", assigned.team_groups, name="team-groups"),
    path("groups/activity", group_list.group_activity, name="group-activity"),
    path("groups/<uuid:group_id>/test", send_test_page.test_form, name="group-test"),
]
