"""People, teams and keys in the API."""

from __future__ import annotations

from typing import Any

from django.db.models import TextChoices
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from access.models import ApiKey, KeyStatus, Role, Scope, TeamRole, User
from lib.serializers import Page, PageQuery, StrictSerializer

MOST_PER_MINUTE = 1_000_000_000
LONGEST_OVERLAP_HOURS = 90 * 24


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "integer"}]})
class PersonField(serializers.CharField):
    """Accepts a username or an id; returns the username."""

    takes_numbers = True

    def to_internal_value(self, data: Any) -> Any:
        named = super().to_internal_value(data)
        if (person := User.objects.called(named)) is None:
            raise serializers.ValidationError(f"There is nobody called '{named[:150]}'. Give a username or an id.")
        return person


class WordField(serializers.ChoiceField):
    """One word of an enumeration, as its member."""

    def __init__(self, words: type[TextChoices], **options: Any) -> None:
        super().__init__(choices=words.choices, **options)
        self.words = words

    def to_internal_value(self, data: Any) -> TextChoices:
        return self.words(super().to_internal_value(data))


class LimitField(serializers.IntegerField):
    """A number per minute; null means no limit."""

    def __init__(self, **options: Any) -> None:
        limits = {"min_value": 1, "max_value": MOST_PER_MINUTE, "allow_null": True}
        super().__init__(**{**limits, "default": None, **options})


class MemberSerializer(StrictSerializer):
    """A person in a team."""

    user = PersonField()
    user_id = serializers.IntegerField(read_only=True)
    role = WordField(TeamRole, default=TeamRole.MEMBER)
    since = serializers.DateTimeField(read_only=True)


class MemberChange(StrictSerializer):
    """Another role in the team."""

    role = WordField(TeamRole)


class TeamSerializer(StrictSerializer):
    """A team. Its id is what a routing group names in `assigned_team_ids`. `key_count` counts working keys.

    `rpm` and `tpm` are requests and tokens per minute of all its keys together; null means no limit.
    """

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=64)
    description = serializers.CharField(max_length=256, allow_blank=True, default="")
    rpm = LimitField()
    tpm = LimitField()
    member_count = serializers.IntegerField(read_only=True)
    key_count = serializers.IntegerField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    created_by = serializers.CharField(read_only=True)


class TeamWithMembers(TeamSerializer):
    """A team with its members."""

    members = MemberSerializer(many=True, read_only=True, source="memberships")


class TeamDeleted(serializers.Serializer):
    """The answer to a deletion: the keys of the team are revoked."""

    success = serializers.BooleanField(default=True)
    id = serializers.UUIDField()
    deleted = serializers.BooleanField(default=True)


class MemberRemoved(serializers.Serializer):
    """The answer when a member was removed: their keys of the team are revoked, personal keys stay."""

    success = serializers.BooleanField(default=True)
    user = serializers.CharField()
    deleted = serializers.BooleanField(default=True)


class KeyChange(StrictSerializer):
    """The fields of a key that may be changed.

    `scopes`: `call` models, `read` and `write` over the REST API; none includes another. `allowed_models` are the names
    that it may send as `model`, empty for all. `rpm` and `tpm` are requests and tokens per minute.
    """

    name = serializers.CharField(max_length=64)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.choices), allow_empty=False, max_length=len(Scope), required=False
    )
    allowed_models = serializers.ListField(child=serializers.CharField(max_length=512), max_length=500, default=list)
    rpm = LimitField()
    tpm = LimitField()
    expires_at = serializers.DateTimeField(allow_null=True, default=None)


class KeySerializer(KeyChange):
    """An API key, by its hint: the key itself is shown once. Without `owner` it belongs to the caller.

    The team pays for the key of a `team` (id or name), which sees the team's groups. `successor_id` is the key that
    replaced it in a rotation.
    """

    id = serializers.UUIDField(read_only=True)
    hint = serializers.CharField(read_only=True)
    owner = PersonField(required=False)
    owner_id = serializers.IntegerField(read_only=True)
    team = serializers.CharField(max_length=64, allow_null=True, default=None)
    team_id = serializers.UUIDField(read_only=True, allow_null=True)
    status = serializers.ChoiceField(choices=KeyStatus.choices, read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    revoked_at = serializers.DateTimeField(read_only=True, allow_null=True)
    last_used_at = serializers.DateTimeField(read_only=True, allow_null=True)
    successor_id = serializers.UUIDField(read_only=True, allow_null=True)


class KeyIssued(KeySerializer):
    """A new key; `key` is the key itself; no other answer contains it."""

    key = serializers.CharField(read_only=True)


class Rotation(StrictSerializer):
    """How long the old key keeps working; 0 ends it at once."""

    overlap_hours = serializers.IntegerField(min_value=0, max_value=LONGEST_OVERLAP_HOURS, default=24)


class KeyQuery(PageQuery):
    """Filters of the list of keys: `owner` is a username, `team` an id or a name."""

    owner = serializers.CharField(max_length=150, required=False)
    team = serializers.CharField(max_length=64, required=False)
    status = serializers.ChoiceField(choices=KeyStatus.choices, required=False)


class UserSerializer(StrictSerializer):
    """A person who may sign in. `role` is viewer, operator, admin, or '' for no rights.

    `rpm` and `tpm` are requests and tokens per minute of all their keys together; null means no limit.
    """

    id = serializers.IntegerField(read_only=True)
    username = serializers.CharField(max_length=150)
    role = WordField(Role, allow_blank=True)
    password = serializers.CharField(max_length=128, write_only=True, trim_whitespace=False)
    is_active = serializers.BooleanField(read_only=True)
    rpm = LimitField()
    tpm = LimitField()
    teams = serializers.SerializerMethodField()

    def get_teams(self, person: User) -> list[str]:
        return [membership.team.name for membership in person.memberships.all()]


class UserChange(StrictSerializer):
    """The role, whether the person and their keys have access, and the limits of their keys together per minute."""

    role = WordField(Role, allow_blank=True, required=False)
    is_active = serializers.BooleanField(required=False)
    rpm = LimitField()
    tpm = LimitField()


class UserQuery(PageQuery):
    """Filters of the list of people."""

    role = serializers.ChoiceField(choices=[*Role.values[1:], "none"], required=False)
    status = serializers.ChoiceField(choices=["active", "inactive"], required=False)


class TeamPage(Page):
    """One page of teams."""

    teams = TeamSerializer(many=True)


class MemberPage(Page):
    """One page of a team's members."""

    members = MemberSerializer(many=True)


class KeyPage(Page):
    """One page of keys."""

    keys = KeySerializer(many=True)


class UserPage(Page):
    """One page of people."""

    users = UserSerializer(many=True)


def issued_json(key: ApiKey, plaintext: str) -> dict[str, Any]:
    """A key with its plaintext, which is shown only here."""
    return {**KeySerializer(key).data, "key": plaintext}
