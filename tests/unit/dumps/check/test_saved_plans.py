"""A saved plan is the scan that was made, of these bytes and with these flags, or it is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from restore.dumps.check import scan_file
from restore.dumps.model import Compression, Dump, DumpPart, Format, Options, Scan, TableRows
from restore.errors import PermanentError, Problem

DUMP = Dump(
    "b", "nightly/", 5, datetime(2026, 11, 19, tzinfo=UTC), "etag", parts=(DumpPart("nightly/toc.dat", "e", 5),)
)
SCAN = Scan(
    DUMP, Format.DIRECTORY, Compression.NONE, "17.6", "17.6", "LATIN1", "app", ("app", "zoë"), ("app",), ("citext",),
    (TableRows('public."a b"', 7, 70),), {"table": 1}, 700, 0, (Problem("line 7", "a DROP", "none", "without"),),
    sequences={"public.s": (9, True)}, not_valid=frozenset({"c"}), indexes=((3, 9, b'CREATE INDEX "\xe9" ON t (a)'),),
)  # fmt: skip
OPTIONS = Options(skip=frozenset({"subscription"}))


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    scan_file.save_plan(tmp_path / "plan.json", SCAN, OPTIONS)
    return tmp_path / "plan.json"


def test_a_plan_loses_nothing_of_its_scan(plan: Path) -> None:
    assert scan_file.read_plan(plan, DUMP, OPTIONS) == SCAN


def test_a_plan_of_other_bytes_is_refused(plan: Path) -> None:
    """The nightly dump was written again under the same key meanwhile."""
    with pytest.raises(PermanentError, match=r"found: +a plan of .*etag=etag.*\n.*etag=newer"):
        scan_file.read_plan(plan, replace(DUMP, etag="newer"), OPTIONS)


def test_a_plan_made_with_other_flags_is_refused(plan: Path) -> None:
    """What it let pass would be met in the midst of the load."""
    with pytest.raises(PermanentError, match="one made with no flags"):
        scan_file.read_plan(plan, DUMP, Options())


def test_the_command_that_makes_a_plan_again_makes_one_that_fits(plan: Path) -> None:
    """Without the load's own flags the next load would refuse it as well."""
    wanted = Options(allow=frozenset({"privileged_owner"}), skip=frozenset({"extension:my ext"}))
    with pytest.raises(PermanentError) as refused:
        scan_file.read_plan(plan, DUMP, wanted)
    command = "plan s3://b/nightly/ --save FILE --allow privileged_owner --skip 'extension:my ext'"
    assert refused.value.problem
    assert refused.value.problem.fix.endswith(command)


def changed(**facts: object) -> str:
    """A plan with facts of another kind, which somebody's editor left there."""
    document = json.loads(scan_file.format_plan(SCAN, OPTIONS))
    document["scan"] |= facts
    return json.dumps(document)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        json.dumps({"version": scan_file.VERSION}),
        json.dumps({"version": scan_file.VERSION, "flags": {}, "scan": {"dump": {}}}),
        scan_file.format_plan(SCAN, OPTIONS).replace(f'"version": {scan_file.VERSION}', '"version": 1'),
        scan_file.format_plan(SCAN, OPTIONS).replace('"format": "directory"', '"format": "scroll"'),
        changed(sequences=[]),
        changed(indexes=[[3, 9, 5]]),
        changed(dump=[]),
        scan_file.format_plan(SCAN, OPTIONS).replace('"rows": 7', '"row": 7'),
        scan_file.format_plan(SCAN, OPTIONS).replace('"sequences": {', '"more": {}, "sequences": {'),
    ],
)
def test_a_file_that_is_no_plan_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "plan.json"
    file.write_text(content)
    with pytest.raises(PermanentError, match=r"is no plan of this version.*[\s\S]*plan s3://b/nightly/ --save FILE"):
        scan_file.read_plan(file, DUMP, OPTIONS)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="No such file"):
        scan_file.read_plan(tmp_path / "plan.json", DUMP, OPTIONS)


def test_a_plan_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="--save"):
        scan_file.save_plan(tmp_path / "missing" / "plan.json", SCAN, OPTIONS)
