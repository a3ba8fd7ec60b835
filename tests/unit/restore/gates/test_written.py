"""What was written between the freeze and the switch keeps the switch shut, and reset statistics never hide it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from restore.gates import quiesced, switched
from restore.model.request import IgnoredSession
from restore.postgres import BackgroundWriter, WriterKind
from restore.postgres.write_counters import TABLES_KEPT, WriteCounters, compare_counters
from tests.support.gate_worlds import (
    COUNTERS,
    KNOWN,
    PROVED,
    QUIET,
    WRITER,
    Databases,
    Stage,
    back,
    forth,
    frozen,
)
from tests.support.worlds import SOURCE_HOST, instance

SOURCE = {"resource_id": "db-SOURCE"}
LATER = COUNTERS.at + timedelta(hours=2)
TWO_MORE = replace(COUNTERS, at=LATER, rows=102, tables={"public.users": 102})


@pytest.fixture
def databases(monkeypatch: pytest.MonkeyPatch) -> Databases:
    databases = Databases()
    databases.install(monkeypatch)
    return databases


def freeze(folder: Path) -> None:
    """`quiesced` opens for the source."""
    at = frozen(folder, source=instance())
    assert at.prove("quiesced", quiesced.prove, receipt=SOURCE) is None


def switch(at: Stage) -> set[str]:
    """What keeps `switched` shut."""
    at.prove("switched", switched.prove, receipt=PROVED)
    return set(at.problems)


def test_rows_written_after_the_freeze_are_named_by_table_before_they_stay_behind(
    databases: Databases, tmp_path: Path
) -> None:
    freeze(tmp_path)
    databases.counters = TWO_MORE
    at = forth(tmp_path)
    assert switch(at) == {"switched.written"}
    problem = at.problems["switched.written"]
    assert problem["found"] == "rows written to shop since 14:50:00 UTC: 2 (public.users 2)"
    assert f"host={SOURCE_HOST}" in problem["fix"]
    assert at.last["facts"]["written_since_freeze"] == 2


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"public.users": 900, "public.orders": 2}, "(TRUNCATE, VACUUM FULL, ALTER TABLE): public.users"),
        ({"public.orders": 2}, "dropped or renamed: public.users"),
    ],
)
def test_a_table_that_was_emptied_after_the_freeze_keeps_the_switch_shut(
    databases: Databases, tmp_path: Path, files: dict[str, int], said: str
) -> None:
    databases.counters = replace(COUNTERS, files={"public.users": 1, "public.orders": 2})
    freeze(tmp_path)
    databases.counters = replace(COUNTERS, at=LATER, files=files)
    at = forth(tmp_path)
    assert switch(at) == {"switched.written"}
    assert said in at.problems["switched.written"]["found"]
    assert at.last["facts"]["tables_changed_since_freeze"] == ["public.users"]


def test_a_partition_made_since_the_freeze_is_no_write_of_its_own() -> None:
    before = replace(COUNTERS, files={"public.users": 1})
    assert not compare_counters(before, replace(before, at=LATER, files={"public.users": 1, "public.p2": 2})).anything


def test_evidence_without_files_is_compared_by_what_it_has() -> None:
    earlier = {name: value for name, value in COUNTERS.as_json().items() if name != "files"}
    now = replace(COUNTERS, at=LATER, files={"public.users": 1})
    assert not compare_counters(WriteCounters.from_json(earlier), now).anything


def test_of_very_many_tables_the_evidence_keeps_the_largest() -> None:
    many = {f"public.t{number}": number for number in range(TABLES_KEPT + 1)}
    kept = WriteCounters.from_json(replace(COUNTERS, files=many).as_json())
    assert [*kept.files] == [*many][:TABLES_KEPT]
    assert not compare_counters(kept, replace(COUNTERS, at=LATER, files=many)).anything


def test_a_second_freeze_does_not_hide_what_was_written_after_the_first(databases: Databases, tmp_path: Path) -> None:
    freeze(tmp_path)
    databases.counters = TWO_MORE
    freeze(tmp_path)
    assert switch(forth(tmp_path)) == {"switched.written"}


def test_what_a_database_wrote_while_it_served_again_is_not_held_against_its_next_switch(
    databases: Databases, tmp_path: Path
) -> None:
    freeze(tmp_path)
    returned = back(tmp_path)
    assert returned.prove("switched", switched.prove, receipt=SOURCE) is None
    databases.counters = TWO_MORE
    freeze(tmp_path)
    assert switch(forth(tmp_path)) == set()


def test_nothing_written_opens_and_is_recorded(databases: Databases, tmp_path: Path) -> None:
    freeze(tmp_path)
    databases.counters = replace(COUNTERS, at=LATER)
    at = forth(tmp_path)
    assert switch(at) == set()
    assert at.last["facts"]["written_since_freeze"] == 0


def test_a_person_can_accept_what_was_written(databases: Databases, tmp_path: Path) -> None:
    freeze(tmp_path)
    databases.counters = TWO_MORE
    at = forth(tmp_path, waive={"switched.written": KNOWN})
    assert at.prove("switched", switched.prove, receipt=PROVED) is None
    assert at.last["waived"] == {"switched.written": KNOWN}


def test_counters_of_another_instance_of_the_name_are_not_compared(databases: Databases, tmp_path: Path) -> None:
    at = frozen(tmp_path, source=instance())
    assert at.prove("quiesced", quiesced.prove, receipt={"resource_id": "db-FORMER"}) is None
    databases.counters = TWO_MORE
    forward = forth(tmp_path)
    assert switch(forward) == set()
    assert "not known" in forward.last["facts"]["written_since_freeze"]


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (replace(TWO_MORE, reset=LATER), "reset"),
        (replace(COUNTERS, at=LATER, rows=3, tables={}), "went back"),
        (replace(COUNTERS, at=LATER, started=LATER, rows=0, tables={}), "started again"),
    ],
)
def test_statistics_that_were_lost_prove_nothing(now: WriteCounters, why: str) -> None:
    assert why in compare_counters(COUNTERS, now).unknown


def test_a_restart_that_kept_the_statistics_is_no_reset() -> None:
    assert compare_counters(COUNTERS, replace(COUNTERS, at=LATER, started=LATER)).unknown == ""


def test_the_evidence_gives_back_the_counters_as_they_were() -> None:
    counters = replace(COUNTERS, reset=LATER)
    assert WriteCounters.from_json(counters.as_json()) == counters


def test_writers_without_a_session_are_asked_by_name(databases: Databases, tmp_path: Path) -> None:
    databases.writers = [
        BackgroundWriter(WriterKind.CRON, "nightly purge", "shop", "postgres", "SELECT cron.alter_job(7)"),
        BackgroundWriter(WriterKind.SUBSCRIPTION, "orders", "shop", "shop", 'ALTER SUBSCRIPTION "orders" DISABLE'),
        BackgroundWriter(WriterKind.PARTMAN, "shop", "shop", "shop", ""),
    ]
    at = frozen(tmp_path, source=instance())
    assert at.prove("quiesced", quiesced.prove, receipt=SOURCE) is not None
    assert set(at.problems) == {"quiesced.cron:nightly purge", "quiesced.subscription:orders", "quiesced.partman:shop"}
    assert "dbname=postgres" in at.problems["quiesced.cron:nightly purge"]["fix"]
    fix = at.problems["quiesced.partman:shop"]["fix"]
    assert fix.startswith("aws rds reset-db-parameter-group --db-parameter-group-name shop-pg17 ")
    waived = {"quiesced.cron:nightly purge": KNOWN, "quiesced.subscription": KNOWN, "quiesced.partman": KNOWN}
    assert frozen(tmp_path, waived, source=instance()).prove("quiesced", quiesced.prove, receipt=SOURCE) is None


@pytest.mark.parametrize(
    ("ignored", "fits"),
    [
        (IgnoredSession(KNOWN, user="shop_app"), True),
        (IgnoredSession(KNOWN, user="shop_*", application="forgot*", address="10.0.0.0/24"), True),
        (IgnoredSession(KNOWN, address="10.0.0.9"), True),
        (IgnoredSession(KNOWN, user="shop_app", application="datadog"), False),
        (IgnoredSession(KNOWN, address="10.0.1.0/24"), False),
    ],
)
def test_only_sessions_in_which_everything_fits_are_ignored(ignored: IgnoredSession, fits: bool) -> None:
    assert ignored.covers(WRITER.user, WRITER.application, WRITER.address) is fits


def test_ignored_sessions_stand_in_the_evidence(databases: Databases, tmp_path: Path) -> None:
    databases.rest = replace(QUIET, ignored=(WRITER,))
    at = frozen(tmp_path, source=instance())
    assert at.prove("quiesced", quiesced.prove, receipt=SOURCE) is None
    assert at.last["facts"]["ignored_sessions"] == ["shop_app forgotten"]
