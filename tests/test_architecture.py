"""The house keeps its shape: import contracts, migrations, sizes of files."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parent.parent
ROOMS = (
    "engine",
    "lib",
    "providers",
    "access",
    "groups",
    "interchange",
    "usage",
    "gateway",
    "tester",
    "pages",
    "routing_console",
)
FORBIDDEN_NAMES = {"utils.py", "helpers.py", "services.py", "managers.py", "common.py"}
MOST_LINES = 400
MOST_MODULES = 12
LONGEST_TEMPLATE_LINE = 160
# "Save<span class="unseen"> the key</span>" and whitespace before the end of a button: a gap on its right in Chromium.
OPEN_LABEL = re.compile(r'[^\s<>%]\s*<span class="unseen">[^<>]*</span>\s+</(?:a|button)>')
SHARED_SHEETS = {"shell", "api_docs", "console", "controls", "tables", "tabs", "deployments"}
SCREENS = re.compile(r"^\s*from django import forms|^\s*from django\.(forms|shortcuts)\b", re.MULTILINE)
# The API and the page of the request log read the same filters.
KNOW_FORMS = {"usage/request_log/filter.py"}


def sources() -> list[Path]:
    return [p for room in ROOMS for p in (ROOT / room).rglob("*.py") if "migrations" not in p.parts]


def test_imports_go_only_downwards():
    lint = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([lint], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout


@pytest.mark.django_db
def test_no_migration_is_missing():
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_files_stay_small_enough_to_know():
    too_long = {str(p.relative_to(ROOT)): n for p in sources() if (n := len(p.read_text().splitlines())) > MOST_LINES}
    assert not too_long


def test_lines_of_templates_stay_short():
    """Where the formatter breaks none: a template tag has to stand on one line."""
    lines = ((p, n, line) for p in (ROOT / "templates").rglob("*.html") for n, line in enumerate(p.open(), 1))
    assert not [f"{p.name}:{n}" for p, n, line in lines if len(line.rstrip("\n")) > LONGEST_TEMPLATE_LINE]


def test_the_label_of_a_button_and_its_hidden_part_stand_in_one_element():
    pages = [p for p in (ROOT / "templates").rglob("*.html") if OPEN_LABEL.search(p.read_text())]
    assert not [p.name for p in pages]


def test_a_stylesheet_is_named_after_the_pages_that_it_is_for():
    packages = [p.name for p in (ROOT / "pages").iterdir() if p.is_dir()]
    names = {p.stem for p in (ROOT / "static/css").glob("*.css")} - SHARED_SHEETS
    assert not {name for name in names if not any(name == p or name.startswith(f"{p}_") for p in packages)}


def test_every_script_and_stylesheet_is_used():
    """By a template, by another script, or by a module that reads it."""
    using = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "static/js").glob("*.js"), *sources()]
    text = "".join(p.read_text() for p in using)
    ours = [*(ROOT / "static/js").glob("*.js"), *(ROOT / "static/css").glob("*.css")]
    assert not [p.name for p in ours if f"{p.parent.name}/{p.name}" not in text and f'"./{p.name}"' not in text]


def test_screens_live_in_pages():
    """Rooms below the pages have neither forms nor shortcuts."""
    below = [p for p in sources() if p.relative_to(ROOT).parts[0] not in ("pages", "routing_console")]
    importing = {str(p.relative_to(ROOT)) for p in below if SCREENS.search(p.read_text())}
    assert importing == KNOW_FORMS


def test_a_room_begins_with_a_table_of_contents():
    """At most 12 modules at its root."""
    roots = {room: [p for p in (ROOT / room).glob("*.py") if p.name != "__init__.py"] for room in ROOMS}
    assert not {room: len(modules) for room, modules in roots.items() if len(modules) > MOST_MODULES}


def test_no_room_is_named_for_what_does_not_fit_elsewhere():
    assert not {p for p in sources() if p.name in FORBIDDEN_NAMES}


def test_most_commands_do_not_wait_for_litellm():
    """LiteLLM takes seconds to import; migrations and checks must not."""
    code = (
        "import django, sys; django.setup(); import routing_console.urls; "
        "sys.exit('litellm was imported' if 'litellm' in sys.modules else 0)"
    )
    environment = {"DJANGO_SETTINGS_MODULE": "routing_console.settings"}
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300, env=environment
    )
    assert result.returncode == 0, result.stderr
