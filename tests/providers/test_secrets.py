"""Keys of providers: encrypted, masked, rotated."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from providers import secrets
from providers.exceptions import UnreadableKey
from providers.models import ProviderKey
from tests.factories import make_provider

KEY = "sk-or-v1-0123456789abcdef1234"
OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        (KEY, "sk-…****1234"),
        ("gsk_abcdefgh5678", "…****5678"),
        ("sk-12345678", "****"),
        ("abc", "****"),
        ("", "****"),
    ],
)
def test_a_mask_shows_at_most_four_characters(key, shown):
    assert secrets.mask(key) == shown


@pytest.mark.django_db
def test_what_is_stored_is_not_the_key_and_comes_back():
    row = make_provider(key=KEY).key
    assert KEY not in row.ciphertext
    assert secrets.decrypt(row).reveal() == KEY
    assert KEY not in f"{secrets.decrypt(row)!r} {row}"


@pytest.mark.django_db
def test_a_key_nobody_can_read_names_the_provider_and_the_way_out(settings):
    row = make_provider(name="Nebius", key=KEY).key
    settings.ENCRYPTION_KEYS = [NEW]
    with pytest.raises(UnreadableKey) as caught:
        secrets.decrypt(row)
    assert "Nebius" in str(caught.value)
    assert "ENCRYPTION_KEYS" in str(caught.value)
    assert row.ciphertext[:8] not in str(caught.value)


@pytest.mark.django_db
def test_garbage_in_the_row_is_an_unreadable_key_too():
    row = make_provider(key=KEY).key
    for garbage in ("", "é", "not base64!", "gAAAA"):
        row.ciphertext = garbage
        with pytest.raises(UnreadableKey):
            secrets.decrypt(row)


@pytest.mark.django_db
def test_rotation_moves_every_key_to_the_first_and_can_be_repeated(settings, capsys):
    settings.ENCRYPTION_KEYS = [OLD]
    provider = make_provider(key=KEY)
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    call_command("rotate_keys")
    call_command("rotate_keys")
    assert capsys.readouterr().out.splitlines() == [
        "Rotated 1, already current 0, unreadable 0.",
        "Rotated 0, already current 1, unreadable 0.",
    ]
    settings.ENCRYPTION_KEYS = [NEW]
    provider.key.refresh_from_db()
    assert secrets.decrypt(provider.key).reveal() == KEY


@pytest.mark.django_db
def test_rotation_does_the_others_when_one_cannot_be_read(settings):
    settings.ENCRYPTION_KEYS = [OLD]
    readable = make_provider(key=KEY)
    lost = make_provider(name="Lost", key=KEY)
    ProviderKey.objects.filter(provider=lost).update(ciphertext="gAAAAA")
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    with pytest.raises(CommandError, match="Lost"):
        call_command("rotate_keys")
    readable.key.refresh_from_db()
    assert secrets.is_current(readable.key)
