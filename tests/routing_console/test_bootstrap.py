"""What is private on disk, and what `make run` switches on."""

from __future__ import annotations

import stat
import warnings
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from routing_console import settings as product
from routing_console.__main__ import is_only_here
from routing_console.bootstrap import kept_secret, private_file, private_folder


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_data_folder_that_we_make_is_its_owners_alone(tmp_path: Path):
    secret = kept_secret(tmp_path / "var", "master_key", lambda: "a secret")
    assert secret == kept_secret(tmp_path / "var", "master_key", lambda: "another")
    assert (mode_of(tmp_path / "var"), mode_of(tmp_path / "var/master_key")) == (0o700, 0o600)


def test_a_folder_that_others_may_use_stays_as_it_is_and_our_own_is_closed(tmp_path: Path):
    tmp_path.chmod(0o755)
    private_folder(tmp_path)
    assert mode_of(tmp_path) == 0o755
    private_folder(tmp_path, is_ours=True)
    assert mode_of(tmp_path) == 0o700


def test_a_database_is_its_owners_alone_new_or_old(tmp_path: Path):
    path = tmp_path / "console.sqlite3"
    private_file(path)
    assert mode_of(path) == 0o600
    path.write_text("rows")
    path.chmod(0o644)
    private_file(path)
    assert (mode_of(path), path.read_text()) == (0o600, "rows")


def test_an_empty_address_of_the_database_is_none(monkeypatch: pytest.MonkeyPatch):
    """A file of variables often has a line without a value."""
    monkeypatch.setenv("DATABASE_URL", "")
    assert product._database()["NAME"] == str(product.DATA_DIR / "routing_console.sqlite3")


@pytest.mark.parametrize("url", ["console.sqlite3", "//u:secret@db/console", "mysql://localhost/console"])
def test_an_address_that_is_no_database_says_what_to_give(monkeypatch: pytest.MonkeyPatch, url: str):
    monkeypatch.setenv("DATABASE_URL", url)
    with (
        warnings.catch_warnings(action="error"),
        pytest.raises(ImproperlyConfigured, match="use sqlite:///path or postgres://"),
    ):
        product._database()


@pytest.mark.parametrize(
    ("host", "is_here"),
    [
        *[(host, True) for host in ("127.0.0.1", "localhost", "::1", "[::1]")],
        *[(host, False) for host in ("0.0.0.0", "", "::", "192.168.1.5", "console.example.com")],
    ],
)
def test_demo_and_private_upstreams_are_on_by_default_only_where_nobody_else_comes(host: str, is_here: bool):
    assert is_only_here(host) == is_here
