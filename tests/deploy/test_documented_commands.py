"""What docs/deploy.md and deploy/ tell people to start servers with."""

from __future__ import annotations

import re
import shlex
from configparser import ConfigParser
from pathlib import Path

from uvicorn.main import main as uvicorn

from deploy.drill.installation import NOTICE_S, UVICORN
from gateway.background.shutdown import LAST_WORDS_S

ROOT = Path(__file__).resolve().parents[2]
# A process that starts beside 25 others on two processors took more than uvicorn's own 5 s to answer it.
SLOWEST_START_S = 60


def test_uvicorn_is_told_to_wait_for_workers_that_start_slowly():
    """Otherwise it kills them, and those that it starts in their place."""
    text = (ROOT / "docs" / "deploy.md").read_text().replace("\\\n", " ")
    command = next(line for line in text.splitlines() if re.match(r"\.venv/bin/uvicorn .*--workers", line))
    options = uvicorn.make_context("uvicorn", shlex.split(command)[1:]).params
    assert options["workers"] > 1
    assert options["timeout_worker_healthcheck"] >= SLOWEST_START_S


def test_the_service_gives_a_worker_the_time_it_needs_to_stop(settings):
    unit = ConfigParser(strict=False, interpolation=None)
    unit.read(ROOT / "deploy" / "routing-console@.service")
    service = unit["Service"]
    notice = re.search(r"SHUTDOWN_NOTICE_S=(\d+)", service["Environment"])
    assert notice
    assert int(notice[1]) == NOTICE_S
    assert int(service["TimeoutStopSec"]) > NOTICE_S + settings.SHUTDOWN_GRACE_S + LAST_WORDS_S


def test_the_service_starts_a_worker_as_the_drill_does(settings):
    unit = ConfigParser(strict=False, interpolation=None)
    unit.read(ROOT / "deploy" / "routing-console@.service")
    options = uvicorn.make_context(
        "uvicorn", shlex.split(unit["Service"]["ExecStart"].replace("%i", "8001"))[1:]
    ).params
    drilled = uvicorn.make_context("uvicorn", [*UVICORN[2:], "--port", "8001"]).params
    assert {**options, "access_log": False} == drilled
