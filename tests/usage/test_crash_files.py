"""The rows of a process that was killed come into the log, once."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import to_json

from usage.request_log.crash_files import HEAD, CrashFiles, recover
from usage.request_log.finished import COLUMNS
from usage.request_log.journal import JournalEntry
from usage.request_log.packing import ATTEMPT, Wire


def wire(
    call_id: str, *, started_at: float = 100.0, status: int = 200, tried: str = "success", owed: bool = False
) -> Wire:
    row: dict[str, Any] = dict.fromkeys(COLUMNS, "")
    attempt: dict[str, Any] = dict.fromkeys(ATTEMPT, "")
    attempt |= {"started_at": started_at + 0.5, "provider": "P", "status": tried, "duration_ms": None}
    row |= {"call_id": call_id, "started_at": started_at, "duration_ms": 2_000.0, "status": status, "skipped": []}
    row |= {"attempts": [tuple(attempt.values())]}
    return tuple(row.values()), (call_id, 7, 3, "g") if owed else None


class Log:
    """A log that remembers what it was given; it can be away."""

    def __init__(self) -> None:
        self.entries: list[JournalEntry] = []
        self.is_away = False

    def write(self, batch: Any) -> None:
        if self.is_away:
            raise ConnectionError("away")
        self.entries += batch

    @property
    def ids(self) -> list[str]:
        return [entry.request.call_id for entry in self.entries]


def opened(folder: Path, **more: Any) -> CrashFiles:
    files = CrashFiles(folder / "rows", **more)
    files.open()
    return files


def killed(files: CrashFiles) -> None:
    """The system closes its files, which lets go of the locks."""
    files.close(is_written=False)


def recovered(folder: Path, log: Log | None = None, *, oldest_s: float = 0.0) -> Log:
    log = log or Log()
    recover(folder / "rows", log.write, oldest_s=oldest_s)
    return log


def test_what_a_killed_process_had_finished_comes_into_the_log_with_its_charge(tmp_path):
    files = opened(tmp_path)
    files.keep(wire("a"))
    files.keep(wire("b", owed=True))
    killed(files)
    log = recovered(tmp_path)
    assert log.ids == ["a", "b"]
    assert [entry.settlement and entry.settlement.cost_nanousd for entry in log.entries] == [None, 7]
    assert log.entries[0].request.attempts[0]["provider"] == "P"
    assert recovered(tmp_path).ids == []


def test_a_process_that_lives_keeps_its_rows_to_itself(tmp_path):
    files = opened(tmp_path)
    files.keep(wire("a"))
    assert recovered(tmp_path).ids == []
    killed(files)


def test_rows_that_the_log_has_are_forgotten_and_later_ones_are_not(tmp_path):
    files = opened(tmp_path)
    files.keep(wire("a"))
    assert files.turn()
    files.keep(wire("b"))
    files.forget()
    killed(files)
    assert recovered(tmp_path).ids == ["b"]


def test_rows_stay_while_the_log_does_not_take_them(tmp_path):
    files = opened(tmp_path)
    files.keep(wire("a"))
    assert files.turn()
    files.keep(wire("b"))
    assert not files.turn()
    killed(files)
    log = Log()
    log.is_away = True
    with pytest.raises(ConnectionError):
        recovered(tmp_path, log)
    log.is_away = False
    assert sorted(recovered(tmp_path, log).ids) == ["a", "b"]


def test_a_process_that_ends_properly_leaves_nothing(tmp_path):
    files = opened(tmp_path)
    files.keep(wire("a"))
    files.close(is_written=True)
    files.keep(wire("after the end"))
    assert not list((tmp_path / "rows").iterdir())


def test_of_two_rows_of_one_request_the_last_one_counts(tmp_path):
    files = opened(tmp_path)
    files.keep(wire("a", status=499))
    files.keep(wire("a", status=200))
    killed(files)
    assert [entry.request.status for entry in recovered(tmp_path).entries] == [200]


def test_a_stream_that_was_killed_right_after_its_last_event_was_answered(tmp_path):
    files = opened(tmp_path)
    files.keep(wire("a", tried="pending"))
    killed(files)
    [entry] = recovered(tmp_path).entries
    attempt = entry.request.attempts[0]
    assert (attempt["status"], attempt["duration_ms"]) == ("success", 1_500.0)


def test_a_row_that_was_cut_in_the_middle_costs_no_other(tmp_path):
    (folder := tmp_path / "rows").mkdir()
    whole = to_json(wire("a"))
    (folder / "x.rows").write_bytes(HEAD + b"\n" + whole[:40] + b"\n" + whole + b"\n" + whole[:-1])
    assert recovered(tmp_path).ids == ["a"]


@pytest.mark.parametrize("other", [b"null", b"7", b"[[], null]", b"{}", b"[7, 7]"])
def test_what_is_no_row_costs_no_other(tmp_path, other: bytes):
    (folder := tmp_path / "rows").mkdir()
    (folder / "x.rows").write_bytes(b"\n".join([HEAD, other, to_json(wire("a"))]))
    (folder / "y.rows").write_bytes(b"\n".join([other, to_json(wire("b"))]))
    assert recovered(tmp_path).ids == ["a"]
    assert list(folder.iterdir()) == []


def test_rows_of_another_version_keep_the_columns_that_both_have(tmp_path):
    (folder := tmp_path / "rows").mkdir()
    values, _ = wire("a")
    fields = dict(zip(COLUMNS, values, strict=True)) | {"attempts": []}
    del fields["unit"], fields["skipped"]
    head = to_json({"columns": [*fields, "of_tomorrow"], "attempt": ATTEMPT})
    (folder / "x.rows").write_bytes(head + b"\n" + to_json(([*fields.values(), 1], None)))
    [entry] = recovered(tmp_path).entries
    assert (entry.request.call_id, entry.request.unit, entry.request.skipped) == ("a", "", [])


def test_rows_that_the_log_would_have_deleted_by_now_do_not_come_back(tmp_path):
    files = opened(tmp_path)
    files.keep(wire("old", started_at=10.0))
    files.keep(wire("new", started_at=20.0))
    killed(files)
    assert recovered(tmp_path, oldest_s=15.0).ids == ["new"]


def test_the_files_are_bounded_and_only_for_their_owner(tmp_path):
    files = opened(tmp_path, most_bytes=5_000)
    for number in range(100):
        files.keep(wire(str(number)))
    found = list((tmp_path / "rows").iterdir())
    assert sum(path.stat().st_size for path in found) <= 5_000
    assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o600}
    assert stat.S_IMODE(os.stat(tmp_path / "rows").st_mode) == 0o700
    killed(files)
    kept = recovered(tmp_path).ids
    assert 0 < len(kept) < 100
    assert kept == [str(number) for number in range(len(kept))]
