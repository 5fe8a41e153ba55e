"""Own keys: stored, tested, changed, deleted, and never readable."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from auditlog.models import LogEntry
from cryptography.fernet import Fernet
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from access.byok import keys
from access.keys import MASTER
from access.models import OwnKey, User
from engine.spec import OwnKey as KeyOfCall
from engine.spec import Secret
from lib.exceptions import NotAllowed
from providers import config_version
from providers.models import Probe, Provider
from tests.factories import make_model, make_provider
from tests.fakes import Ok, ScriptedUpstream, Status

pytestmark = pytest.mark.django_db
KEY, OTHER = "sk-planted-0123456789abcdef1234", "sk-planted-fedcba98765432105678"


@pytest.fixture
def provider() -> Provider:
    return make_provider(name="Ours")


@pytest.fixture
def upstream(provider: Provider) -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as running:
        Provider.objects.filter(pk=provider.pk).update(api_base=running.url)
        yield running


def stored(user: User, provider: Provider, **values: Any) -> OwnKey:
    return keys.store(by=user, user=user, provider=provider, **{"key": KEY, **values})[0]


def test_a_key_is_kept_encrypted_and_shown_by_its_hint(dora, provider):
    before = config_version.current()
    row, is_new = keys.store(by=dora, user=dora, provider=provider, key=f" {KEY}\n")
    row.refresh_from_db()
    assert (is_new, row.hint, row.may_fall_back, row.status) == (True, "sk-…****1234", False, "untested")
    assert KEY not in f"{row.ciphertext} {row} {row.__dict__}"
    assert config_version.current() == before + 1


def test_another_key_takes_the_place_of_the_first_and_is_untested(charlie, provider):
    first = stored(charlie, provider, may_fall_back=True)
    OwnKey.objects.update(error="Invalid API key", tested_at=first.created_at)
    row, is_new = keys.store(by=charlie, user=charlie, provider=provider, key=OTHER)
    row.refresh_from_db()
    assert (is_new, row.pk, row.hint, row.error, row.tested_at) == (False, first.pk, "sk-…****5678", "", None)
    assert row.may_fall_back, "what was not said stays"


@pytest.mark.parametrize("key", ["", "  ", "sk-a\nX-Evil: 1", "sk-é", "x" * 4097])
def test_what_can_be_no_key_is_refused_by_field(charlie, provider, key):
    with pytest.raises(ValidationError) as caught:
        stored(charlie, provider, key=key)
    assert list(caught.value.message_dict) == ["api_key"]
    assert not OwnKey.objects.exists()


def test_a_provider_that_is_switched_off_takes_no_new_key(charlie):
    with pytest.raises(ValidationError, match="Spare is switched off"):
        stored(charlie, make_provider(name="Spare", enabled=False))


def test_nobody_keeps_the_key_of_another_but_an_admin_may_delete_it(alice, bob, charlie, provider):
    row = stored(charlie, provider)
    for actor in (alice, bob, MASTER):
        with pytest.raises(NotAllowed, match="Only charlie"):
            keys.store(by=actor, user=charlie, provider=provider, key=KEY)
        with pytest.raises(NotAllowed, match="Only charlie"):
            keys.change(by=actor, own_key=row, may_fall_back=True)
        with pytest.raises(NotAllowed, match="Only charlie"):
            keys.test(by=actor, own_key=row)
    with pytest.raises(NotAllowed, match="role admin"):
        keys.forget(by=bob, own_key=row)
    keys.forget(by=alice, own_key=row)
    assert not OwnKey.objects.exists()


def test_the_gateway_gets_every_key_it_may_use(alice, charlie, provider):
    spare = make_provider(name="Spare")
    stored(charlie, provider, may_fall_back=True)
    stored(charlie, spare, key=OTHER)
    stored(alice, provider, key=OTHER)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    found = keys.all_own_keys()
    assert found == {
        charlie.pk: {str(provider.pk): KeyOfCall(Secret(KEY), True), str(spare.pk): KeyOfCall(Secret(OTHER), False)}
    }
    assert KEY not in repr(found)


def test_a_key_that_cannot_be_read_is_left_out_and_logged(charlie, provider, caplog):
    stored(charlie, provider)
    OwnKey.objects.update(ciphertext="gAAAAA")
    assert keys.all_own_keys() == {}
    assert "own key unreadable" in caplog.text
    assert "charlie" in caplog.text


def test_all_keys_take_one_query(alice, charlie, provider, django_assert_num_queries):
    for user in (alice, charlie):
        stored(user, provider)
        stored(user, make_provider())
    with django_assert_num_queries(1):
        keys.all_own_keys()


def test_a_test_is_a_call_with_the_persons_key_and_no_probe_of_the_provider(charlie, provider, upstream):
    make_model(provider=provider, name="m")
    row = stored(charlie, Provider.objects.get())
    assert keys.test(by=charlie, own_key=row).is_ok
    row.refresh_from_db()
    assert (row.status, row.error, row.tested_at is None) == ("active", "", False)
    assert {seen.headers["authorization"] for seen in upstream.seen} == {f"Bearer {KEY}"}
    assert not Probe.objects.exists()


def test_a_key_that_is_refused_says_why_without_the_key(charlie, provider, upstream, caplog):
    row = stored(charlie, Provider.objects.get())
    upstream.script(Status(403, message=f"Key {KEY} is not allowed here"))
    found = keys.test(by=charlie, own_key=row)
    row.refresh_from_db()
    assert (found.is_ok, row.status, row.error) == (False, "error", found.error)
    assert KEY not in f"{row.error} {caplog.text}"


def test_a_key_that_was_replaced_under_the_test_does_not_inherit_its_outcome(charlie, provider, upstream):
    row = stored(charlie, Provider.objects.get())
    stored(charlie, Provider.objects.get(), key=OTHER)
    upstream.script(Ok())
    keys.test(by=charlie, own_key=row)
    row.refresh_from_db()
    assert (row.hint, row.status) == ("sk-…****5678", "untested")


def test_a_key_that_cannot_be_read_is_a_failed_test_that_calls_nobody(charlie, provider, upstream):
    row = stored(charlie, Provider.objects.get())
    OwnKey.objects.update(ciphertext="gAAAAA")
    row.refresh_from_db()
    assert "Store it again" in keys.test(by=charlie, own_key=row).error
    assert upstream.count == 0


def test_every_change_is_on_record_without_the_key(alice, charlie, provider):
    row = stored(charlie, provider)
    stored(charlie, provider, key=KEY)
    keys.change(by=charlie, own_key=row, may_fall_back=True)
    keys.change(by=charlie, own_key=row, may_fall_back=True)
    keys.forget(by=alice, own_key=row)
    entries = LogEntry.objects.filter(content_type__model="ownkey").order_by("pk")
    created, replaced, changed, deleted = (entry.changes for entry in entries)
    assert created["provider"] == ["", "Ours"]
    assert replaced == {"api_key": ["set", "replaced"]}
    assert changed == {"may_fall_back": ["False", "True"]}
    assert deleted["hint"] == ["sk-…****1234", ""]
    assert [entry.additional_data["by"] for entry in entries] == ["charlie"] * 3 + ["alice"]
    assert KEY not in str(list(entries.values()))


def test_rotation_takes_own_keys_along_and_names_those_it_cannot_read(charlie, dora, provider, settings, capsys):
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS = [old]
    stored(charlie, provider)
    lost = stored(dora, provider)
    OwnKey.objects.filter(pk=lost.pk).update(ciphertext="gAAAAA")
    settings.ENCRYPTION_KEYS = [new, old]
    with pytest.raises(CommandError, match="dora's own key for Ours"):
        call_command("rotate_keys")
    settings.ENCRYPTION_KEYS = [new]
    assert keys.all_own_keys()[charlie.pk][str(provider.pk)].secret.reveal() == KEY


def test_a_provider_is_meant_by_id_name_or_the_only_one_of_its_type():
    openai, first, second = (make_provider(name=n, type=t) for n, t in (("O", "openai"), ("A", "groq"), ("B", "groq")))
    there = [openai, first, second]
    meant = [keys.meant(text, there) for text in (str(openai.pk), "openai", "o", " b ", "A")]
    assert meant == [openai, openai, openai, second, first]
    for text, says in (("groq", "A, B. Name one"), ("mistral", "There are: O, A, B")):
        with pytest.raises(ValidationError, match=says):
            keys.meant(text, there)
