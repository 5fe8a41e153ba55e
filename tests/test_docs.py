"""What exists is documented: settings, commands, make targets."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


def test_every_setting_read_from_the_environment_is_in_the_readme():
    source = (ROOT / "routing_console" / "settings.py").read_text()
    names = set(re.findall(r"env(?:\.\w+)?\(\s*\"([A-Z_]+)\"", source))
    assert len(names) > 10
    assert {name for name in names if f"`{name}`" not in README} == set()


def test_every_management_command_is_in_the_readme():
    commands = {p.stem for p in ROOT.glob("*/management/commands/*.py") if p.stem != "__init__"}
    assert {name for name in commands if f"`{name}" not in README} == set()


def test_every_make_target_for_people_is_in_the_readme():
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {name for name in targets if f"make {name}" not in README} == set()
