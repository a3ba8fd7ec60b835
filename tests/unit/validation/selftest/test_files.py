"""The selftest's own files and judgement, without a database."""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from validation import CheckResult, ValidationReport, Verdict, expectations
from validation.selftest.command import FOLDER, SuiteError, read_sample, read_suite
from validation.selftest.defects import Defect, DefectsError, from_mapping, load, select_defects
from validation.selftest.prove import DefectStatus, judge_defect, prove_undamaged

DEFECT = Defect("a table emptied", "truncate t", ("rows:public.t", "tables"))
ONE = {"name": "n", "damage": "d", "found_by": ["c"]}


def report(**verdicts: Verdict) -> ValidationReport:
    results = tuple(CheckResult(name.replace("_", ":"), verdict, "", "") for name, verdict in verdicts.items())
    return ValidationReport((CheckResult("rows:a", Verdict.PASS, "", ""), *results), "d on h:1", counts={"a": 1})


def options(**given: Path) -> argparse.Namespace:
    return argparse.Namespace(**{"checks": None, "sample": None, "defects": None, "only": [], **given})


def test_the_defects_of_this_package_can_be_read_and_are_many() -> None:
    assert len(load(FOLDER / "defects.toml").defect) >= 50
    assert read_suite(options()).restore_point == datetime(2026, 11, 22, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"defect": []},
        {"defect": [{**ONE, "found_by": []}]},
        {"defect": [{**ONE, "damage": " "}]},
        {"defect": [{**ONE, "needs": "luck"}]},
        {"defect": [{**ONE, "finds": ["c"]}]},
        {"defect": [ONE, ONE]},
        {"defect": [ONE], "restore_point": "2026-11-22"},
        {"defect": [ONE], **tomllib.loads("restore_point = 2026-11-22T14:30:00")},
    ],
)
def test_a_mistake_in_the_defects_is_told(data: Mapping[str, object]) -> None:
    defects, problems = from_mapping(data)
    assert defects is None
    assert problems


def test_a_file_that_is_no_toml_and_a_name_that_nothing_has_are_refused(tmp_path: Path) -> None:
    (tmp_path / "d.toml").write_text("[[defect")
    with pytest.raises(DefectsError, match=r"d\.toml"):
        load(tmp_path / "d.toml")
    with pytest.raises(DefectsError, match="nonsense"):
        select_defects((DEFECT,), ["nonsense"])
    assert select_defects((DEFECT,), []) == select_defects((DEFECT,), [DEFECT.name]) == (DEFECT,)


def test_a_defect_is_found_only_when_every_check_named_for_it_fails() -> None:
    both = report(rows_public__t=Verdict.PASS)
    assert judge_defect(DEFECT, both).proof is DefectStatus.MISSED
    assert "no check tables" in judge_defect(DEFECT, both).said
    failing = tuple(CheckResult(name, Verdict.FAIL, "", "") for name in DEFECT.found_by)
    assert judge_defect(DEFECT, ValidationReport(failing, "d on h:1")).proof is DefectStatus.FOUND
    half = (failing[0], CheckResult("tables", Verdict.INCONCLUSIVE, "timeout", ""))
    outcome = judge_defect(DEFECT, ValidationReport(half, "d on h:1"))
    assert (outcome.proof, outcome.said) == (DefectStatus.MISSED, "tables is INCONCLUSIVE: timeout")


def test_checks_that_cry_wolf_or_prove_nothing_prove_nothing() -> None:
    assert prove_undamaged(report()).proof is DefectStatus.FOUND
    assert prove_undamaged(report(tables=Verdict.FAIL)).proof is DefectStatus.MISSED
    assert prove_undamaged(report(tables=Verdict.INCONCLUSIVE)).proof is DefectStatus.MISSED
    assert prove_undamaged(ValidationReport((), "d on h:1")).proof is DefectStatus.MISSED


def test_a_dump_that_only_psql_can_run_is_refused_with_the_way_to_make_another(tmp_path: Path) -> None:
    dump = tmp_path / "dump.sql"
    dump.write_text("\\restrict abc\ncreate table t (id int);\n\\unrestrict abc\n")
    assert read_sample(dump) == "create table t (id int);"
    for bad in ("COPY public.t (id) FROM stdin;", "\\! rm -rf /"):
        dump.write_text(bad)
        with pytest.raises(SuiteError, match="--inserts"):
            read_sample(dump)
    with pytest.raises(SuiteError, match="can't be read"):
        read_sample(tmp_path / "absent")


def test_own_files_come_all_three_together(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="--sample, --defects"):
        read_suite(options(checks=tmp_path / "checks.toml"))


def test_the_samples_expectations_can_be_read() -> None:
    assert expectations.load(FOLDER / "checks.toml").tables
