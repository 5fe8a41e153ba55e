"""The URLs of this room; its hot routes (`/v1/chat/completions` ...) are answered in `asgi.py`."""

from django.urls import path

from gateway.api import attempts, cooldowns, explain, standby_proof

urlpatterns = [
    path("api/v1/llm/cooldowns", cooldowns.NewestCooldownList.as_view(), name="api-cooldown-list"),
    path("v1/requests/<str:call_id>/attempts", attempts.AttemptsView.as_view(), name="api-attempts"),
    path("v1/routing_group/<str:group_id>/test", attempts.GroupTestView.as_view(), name="api-group-test"),
    path("v1/routing_group/<str:group_id>/explain", explain.GroupExplainView.as_view(), name="api-group-explain"),
    path(
        "v1/routing_group/<str:group_id>/deployments/<str:deployment_id>/prove",
        standby_proof.StandbyProofView.as_view(),
        name="api-standby-proof",
    ),
    path(
        "v1/virtual_models/<str:virtual_model_id>/explain",
        explain.VirtualModelExplainView.as_view(),
        name="api-virtual-explain",
    ),
]
