"""Keys of providers: encrypted, masked, rotated."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from groups.specs import spec_of_model
from providers import actions, history, secrets
from providers.exceptions import UnreadableKey, WrongEncryptionKeys
from providers.models import EncryptionCheck, LanguageModel, ProviderKey
from tests.factories import make_model, make_provider

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


@pytest.mark.django_db
def test_a_failure_of_our_own_shows_no_key(as_alice, monkeypatch, caplog, capfd):
    def broken(*args: object, **named: object) -> None:
        raise RuntimeError("a bug of a test")

    monkeypatch.setattr(history, "record", broken)
    as_alice.raise_request_exception = False
    answer = as_alice.post("/api/v1/llm/providers", {"type": "openai", "api_key": KEY})
    assert answer.status_code == 500
    seen = f"{answer.content!r} {caplog.text} {capfd.readouterr()}"
    assert "a bug of a test" in seen
    assert KEY[3:-4] not in seen
    assert not ProviderKey.objects.exists()


@pytest.mark.django_db
def test_rotation_loses_none_of_several_secrets(settings):
    settings.ENCRYPTION_KEYS = [OLD]
    row = secrets.store(provider=make_provider(type="aws"), key=KEY, others={"aws_access_key_id": "AKIA0123456789"})
    before = secrets.read(row)
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    call_command("rotate_keys")
    settings.ENCRYPTION_KEYS = [NEW]
    row.refresh_from_db()
    assert secrets.read(row) == before
    assert row.hints == {"aws_access_key_id": "…****6789"}


@pytest.mark.django_db
def test_with_a_wrong_encryption_key_everything_but_the_upstream_call_still_works(as_alice, settings):
    for name in ("One", "Two"):
        make_model(provider=make_provider(name=name, key=KEY), name="m")
    settings.ENCRYPTION_KEYS = [NEW]
    listed = as_alice.get("/api/v1/llm/providers").json()["providers"]
    assert [provider["api_key"] for provider in listed] == ["sk-…****1234"] * 2
    problems = [spec_of_model(model).deployments[0].problem for model in LanguageModel.objects.all()]
    assert ["One" in problems[0], "Two" in problems[1], "ENCRYPTION_KEYS" in problems[0]] == [True] * 3
    url = f"/api/v1/llm/providers/{listed[0]['id']}"
    refused = as_alice.patch(url, {"api_key": KEY})
    assert (refused.status_code, "rotate_keys --lost" in refused.json()["detail"]) == (409, True)
    actions.rotate_keys(is_old_lost=True)
    assert as_alice.patch(url, {"api_key": KEY}).status_code == 200
    problems = [spec_of_model(model).deployments[0].problem for model in LanguageModel.objects.all()]
    assert [problem is None for problem in problems] == [True, False]


@pytest.mark.django_db
def test_the_keys_of_a_process_are_checked_against_those_of_the_first(settings):
    settings.ENCRYPTION_KEYS = [OLD]
    secrets.check_encryption_keys()
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    secrets.check_encryption_keys()
    settings.ENCRYPTION_KEYS = [NEW]
    with pytest.raises(WrongEncryptionKeys, match="put the old key back"):
        secrets.check_encryption_keys()


@pytest.mark.django_db
def test_a_database_that_was_never_checked_is_not_taken_over_by_a_wrong_key(settings):
    settings.ENCRYPTION_KEYS = [OLD]
    make_provider(key=KEY)
    EncryptionCheck.objects.all().delete()
    settings.ENCRYPTION_KEYS = [NEW]
    with pytest.raises(WrongEncryptionKeys):
        secrets.check_encryption_keys()
    settings.ENCRYPTION_KEYS = [OLD]
    secrets.check_encryption_keys()


@pytest.mark.django_db
def test_no_secret_is_stored_that_the_others_could_not_read(settings):
    settings.ENCRYPTION_KEYS = [OLD]
    provider = make_provider(key=KEY)
    settings.ENCRYPTION_KEYS = [NEW]
    with pytest.raises(WrongEncryptionKeys):
        secrets.store(provider=provider, key=KEY)


@pytest.mark.django_db
def test_a_rotation_makes_the_first_key_enough(settings):
    settings.ENCRYPTION_KEYS = [OLD]
    make_provider(key=KEY)
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    call_command("rotate_keys")
    settings.ENCRYPTION_KEYS = [NEW]
    secrets.check_encryption_keys()


@pytest.mark.django_db
def test_with_a_lost_key_the_console_goes_on_only_when_told_to(settings):
    settings.ENCRYPTION_KEYS = [OLD]
    make_provider(key=KEY)
    settings.ENCRYPTION_KEYS = [NEW]
    with pytest.raises(CommandError, match=r"Nothing was changed.*--lost"):
        call_command("rotate_keys")
    with pytest.raises(CommandError, match="store these API keys again"):
        call_command("rotate_keys", "--lost")
    secrets.check_encryption_keys()
