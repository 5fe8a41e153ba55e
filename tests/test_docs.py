"""What exists is documented, and what is documented exists: settings, commands, targets, addresses, releases."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import get_commands
from django.urls import URLResolver, get_resolver

from tests.rights import HOT_ROUTES

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
MOST_README_BYTES = 6_000
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
# The first cell of a table's row, in code.
ROW = re.compile(r"^\| `([^`]+)`", re.MULTILINE)
# A path from the top of the repository.
FOLDERS = (folder.name for folder in ROOT.iterdir() if folder.is_dir() and folder.name.isidentifier())
TOPS = "|".join(sorted(name for name in FOLDERS if name != "var"))
FILE = re.compile(rf"`((?:{TOPS})/[a-z0-9_./-]*)`")
# Answered by consumers, or by the demo's own application.
ELSEWHERE = (
    "/v1/models/<name>",
    "/v1/responses/<id>",
    "/v1/responses/<id>/cancel",
    "/v1/responses/<id>/input_items",
    "/openai/v1/<path>",
    "/ws/runs/<id>",
    "/ws/changes",
    "/demo/upstream/<slug>/settings",
)
# In code, or in a command.
ADDRESS = re.compile(r"(?:`(?:[A-Z]+ )?|:8000)(/[a-z][\w/{}.-]*…?)")


def test_the_readme_is_a_way_in():
    assert len(README.read_bytes()) <= MOST_README_BYTES


def test_the_table_of_settings_is_that_of_the_environment():
    source = (ROOT / "routing_console" / "settings.py").read_text()
    names = set(re.findall(r"env(?:\.\w+)?\(\s*\"([A-Z_]+)\"", source))
    assert len(names) > 10
    assert set(ROW.findall((ROOT / "docs" / "settings.md").read_text())) == names


def test_settings_have_the_defaults_that_their_table_says():
    said = dict(re.findall(r"^\| `([A-Z_]+)` \| `([^`]*)`", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE))
    defaults = _defaults(ROOT / "routing_console" / "settings.py")
    compared = {name: default for name, default in defaults.items() if default and name in said}
    assert len(compared) > 10
    assert {name: said[name] for name in compared} == compared


def _defaults(file: Path) -> dict[str, str]:
    """The default of each variable as the table spells it, where it is a plain value."""
    calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call) and node.args]
    named = {str(call.args[0].value): call.keywords for call in calls if isinstance(call.args[0], ast.Constant)}
    return {
        name: _spelled(keyword.value.value)
        for name, keywords in named.items()
        for keyword in keywords
        if keyword.arg == "default" and isinstance(keyword.value, ast.Constant)
    }


def _spelled(value: object) -> str:
    return f"{float(value):g}" if isinstance(value, bool | int | float) else str(value)


def test_the_table_of_commands_is_ours():
    ours = {name for name, app in get_commands().items() if (ROOT / str(app)).is_dir()}
    assert {row.split()[0] for row in ROW.findall((ROOT / "docs" / "commands.md").read_text())} == ours


def test_every_make_target_and_benchmark_is_in_a_page():
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z][a-z-]*):.*## ", makefile, re.MULTILINE)
    [benches] = re.findall(r"^BENCHES := (.*)", makefile, re.MULTILINE)
    words = README.read_text() + (ROOT / "CONTRIBUTING.md").read_text()
    wanted = [*(f"make {name}" for name in targets), *(f"make bench NAME={name}" for name in benches.split())]
    assert [text for text in wanted if text not in words] == []
    assert [name for name in benches.split() if not (ROOT / "bench" / f"{name}.py").is_file()] == []


def test_addresses_in_the_docs_exist():
    known = [*_routes(get_resolver().url_patterns), *(route[1:].split("/") for route in (*HOT_ROUTES, *ELSEWHERE))]
    texts = {page.name: page.read_text().replace("$API/", "`/api/v1/llm/") for page in PAGES}
    named = {(page, address) for page, text in texts.items() for address in ADDRESS.findall(text)}
    assert len(named) > 50
    assert {(page, address) for page, address in named if not _is_among(known, address)} == set()


def _routes(patterns: list[Any], before: str = "") -> Iterator[list[str]]:
    """The parts of each address; a part that varies is in angle brackets."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, before + str(pattern.pattern))
        else:
            yield (before + str(pattern.pattern)).split("/")


def _is_among(known: list[list[str]], address: str) -> bool:
    """Whether it is answered, or something under it."""
    parts = address.strip("/…").split("/")
    return any(len(parts) <= len(route) and all(map(_is_part, parts, route)) for route in known)


def _is_part(said: str, part: str) -> bool:
    return said == part or part.startswith("<")


def test_files_that_the_docs_name_exist():
    """A name with capitals, as in `tests/ROOM`, stands for any."""
    named = {(page.name, path) for page in PAGES for path in FILE.findall(page.read_text())}
    assert len(named) > 50
    assert {(page, path) for page, path in named if not (ROOT / path).exists()} == set()


def test_every_decision_is_in_the_index():
    folder = ROOT / "docs" / "adr"
    listed = re.findall(r"\((\d{4}-[^)]+)\)", (folder / "README.md").read_text())
    assert listed == sorted(file.name for file in folder.glob("0*.md"))


def test_the_newest_release_is_the_version():
    [version] = re.findall(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    releases = re.findall(r"^## (\d\S+) \(\d{4}-\d\d-\d\d\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert version == releases[0] == settings.SPECTACULAR_SETTINGS["VERSION"]
