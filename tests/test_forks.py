"""A forked process behaves as one that was started: its own environment and arguments, its exit code, its signals."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.forks import Forked, fork


@contextmanager
def forked(program: str, folder: Path, *arguments: str, **env: str) -> Iterator[tuple[Forked, Path]]:
    """A script that runs, and what it says."""
    script, said = folder / "script.py", folder / "said.txt"
    script.write_text(program)
    with open(os.devnull, "rb") as nothing, said.open("wb") as output:
        out = output.fileno()
        process = fork([str(script), *arguments], env, stdin=nothing.fileno(), stdout=out, stderr=out)
    yield process, said
    process.kill()
    process.wait(10)


def test_it_has_its_own_arguments_environment_and_files(tmp_path: Path):
    program = "import os, sys; print(sys.argv[1:], dict(os.environ), sys.stdin.read())"
    with forked(program, tmp_path, "a", OURS="1") as (process, said):
        assert process.wait(10) == 0
        assert said.read_text() == "['a'] {'OURS': '1', 'PYTHONHASHSEED': '0'} \n"


def test_it_finds_litellm_imported_and_nothing_that_reads_our_settings(tmp_path: Path):
    program = "import sys; print([name in sys.modules for name in ('litellm', 'rest_framework', 'routing_console')])"
    with forked(program, tmp_path) as (process, said):
        assert process.wait(10) == 0
        assert said.read_text() == "[True, False, False]\n"


@pytest.mark.parametrize(("program", "code"), [("import sys; sys.exit(3)", 3), ("raise ValueError", 1)])
def test_its_exit_code_is_its_own(tmp_path: Path, program: str, code: int):
    with forked(program, tmp_path) as (process, _):
        assert process.wait(10) == code
        assert process.poll() == process.returncode == code


def test_it_can_be_waited_for_and_killed(tmp_path: Path):
    with forked("import signal; signal.pause()", tmp_path) as (process, _):
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.05)
        assert process.poll() is None
        process.kill()
        assert process.wait(10) == -signal.SIGKILL
        process.terminate()  # nobody there


def test_each_has_an_end_of_its_own(tmp_path: Path):
    """What runs at the exit runs once, in the fork."""
    with forked("import atexit; atexit.register(print, 'over')", tmp_path) as (process, said):
        assert process.wait(10) == 0
        assert said.read_text() == "over\n"
