"""create_user, create_api_key, revoke_api_key."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from access.keys import verify
from access.models import ApiKey, Role, User
from tests.factories import make_team

pytestmark = pytest.mark.django_db


def printed(capsys, *command: str) -> str:
    call_command(*command)
    return capsys.readouterr().out


def key_for(capsys, owner: str, *options: str) -> str:
    return printed(capsys, "create_api_key", "--owner", owner, *options).split()[-1]


def test_a_user_is_made_with_a_password_that_is_shown_once(capsys):
    password = printed(capsys, "create_user", "erin", "--role", "operator", "--generate-password").split()[-1]
    erin = User.objects.get(username="erin")
    assert erin.role == Role.OPERATOR
    assert erin.check_password(password)


def test_a_user_is_made_once(capsys, bob):
    with pytest.raises(CommandError, match="exists"):
        call_command("create_user", "bob", "--role", "viewer", "--generate-password")


def test_a_key_is_printed_and_works_until_it_is_revoked(capsys, bob):
    key = key_for(capsys, "bob", "--name", "ci", "--expires-days", "30")
    assert verify(key) is not None
    assert ApiKey.objects.get().name == "ci"
    assert key not in printed(capsys, "revoke_api_key", str(ApiKey.objects.get().id))
    assert verify(key) is None


def test_a_key_is_limited_as_it_was_said(capsys, bob):
    make_team("red", members=[bob])
    limits = ["--team", "RED", "--scope", "call", "--scope", "read", "--model", "a", "--model", "b"]
    holder = verify(key_for(capsys, "bob", *limits, "--rpm", "5", "--tpm", "900"))
    assert holder.team == "red"
    assert holder.scopes == {"call", "read"}
    assert holder.allowed_models == {"a", "b"}
    assert (holder.rpm, holder.tpm) == (5, 900)


@pytest.mark.parametrize(
    ("option", "why"),
    [
        (["--team", "blue"], "There is no team 'blue'"),
        (["--team", "red"], "--owner: bob is not in the team red"),
        (["--scope", "root"], "invalid choice"),
        (["--rpm", "0"], "--rpm: "),
        (["--model", ""], "--model: Give a list of names"),
    ],
)
def test_a_limit_that_makes_no_sense_is_said_with_its_option(bob, option, why):
    make_team("red")
    with pytest.raises(CommandError, match=why):
        call_command("create_api_key", "--owner", "bob", *option)


def test_a_leaked_key_can_be_revoked_by_itself(capsys, bob):
    key = key_for(capsys, "bob")
    call_command("revoke_api_key", key)
    assert verify(key) is None


@pytest.mark.parametrize(
    "command",
    [
        ["create_api_key", "--owner", "nobody"],
        ["create_api_key", "--owner", "bob", "--expires-days", "0"],
        ["create_api_key", "--owner", "bob", "--expires-days", "99999999999"],
        ["create_api_key", "--owner", "bob", "--name", "x" * 65],
        ["revoke_api_key", "sk-rc-nothing"],
        ["create_user", "bob", "--role", "emperor"],
    ],
)
def test_what_makes_no_sense_is_said(command, bob):
    with pytest.raises(CommandError):
        call_command(*command)
    assert not ApiKey.objects.exists()
