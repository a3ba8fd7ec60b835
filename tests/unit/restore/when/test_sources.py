"""Each source is read within bounds, and one that can't be asked holds up none of the others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from restore.aws import Aws, history
from restore.cli.when import make_period, parse_moment
from restore.errors import PermanentError, Problem, Refused
from restore.when import aws_sources, cluster_sources, database_sources, render
from restore.when.model import Coverage, Period, Reach, Reading, Suspect
from validation.expectations.table_names import Table

NOW = datetime(2026, 11, 22, 15, tzinfo=UTC)
PERIOD = Period(NOW - timedelta(hours=1), NOW)
INSIDE = "2026-11-22T14:30:07Z"
AT = datetime.fromisoformat(INSIDE)


class Portions:
    """Stands in for RDS's client: answers with each portion in turn."""

    def __init__(self, *portions: str, forever: bool = False) -> None:
        self.portions, self.forever, self.asked = list(portions), forever, 0

    def download_db_log_file_portion(self, **asked: Any) -> dict[str, Any]:
        number = int(asked["Marker"])
        self.asked += 1
        if self.forever:
            return {"LogFileData": self.portions[0], "Marker": asked["Marker"], "AdditionalDataPending": True}
        pending = number + 1 < len(self.portions)
        return {"LogFileData": self.portions[number], "Marker": str(number + 1), "AdditionalDataPending": pending}


def read(portions: Portions, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    aws = Aws("us-east-1")

    def client(service: str) -> Portions:
        assert service == "rds"
        return portions

    monkeypatch.setattr(aws, "open_client", client)
    return list(history.read_log_file(aws, "shop", "error/postgresql.log"))


def test_a_line_in_two_portions_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(Portions("a\nDROP", " TABLE x\nlast"), monkeypatch) == ["a", "DROP TABLE x", "last"]


def test_a_log_that_never_ends_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    portions = Portions("a\n", forever=True)
    assert (read(portions, monkeypatch), portions.asked) == (["a"], 1)


def test_no_other_character_than_a_line_feed_begins_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(Portions("a\u2028b\x0bc\rd"), monkeypatch) == ["a\u2028b\x0bc\rd"]


def test_files_that_are_too_many_are_named_and_the_newest_are_read() -> None:
    files = [history.LogFile(f"log.{n}", NOW - timedelta(hours=3 - n), 300 * 1024 * 1024) for n in range(3)]
    chosen, left_out = aws_sources.choose_files(files, NOW)
    assert ([file.name for file in chosen], left_out) == (["log.2"], ["log.0", "log.1"])


def test_the_file_written_after_the_period_still_has_its_end() -> None:
    files = [history.LogFile(f"log.{n}", NOW + timedelta(hours=n), 1) for n in range(3)]
    assert [file.name for file in aws_sources.choose_files(files, NOW)[0]] == ["log.0", "log.1"]


def test_a_missing_right_is_said_and_silences_nobody_else() -> None:
    def refuse() -> Reading:
        raise PermanentError.of(Problem("AWS cloudtrail:LookupEvents", "AccessDenied", "the IAM action", "page"))

    (coverage,) = aws_sources.ask("CloudTrail", refuse).coverage
    assert (coverage.reach, "cloudtrail:LookupEvents: AccessDenied" in coverage.text) == (Reach.NOT_ASKED, True)


def test_records_that_are_gone_are_said() -> None:
    begin = PERIOD.since + timedelta(minutes=1)
    assert aws_sources.describe_life("x", begin, PERIOD).reach is Reach.NOT_RECORDED
    assert aws_sources.describe_life("x", PERIOD.since, PERIOD).reach is Reach.RECORDED


@pytest.mark.parametrize("record", ["{", "[]", '{"userIdentity": 5, "requestParameters": [1]}', None])
def test_a_damaged_record_of_cloudtrail_still_tells_who_and_what(record: str | None) -> None:
    item = {"EventTime": AT, "EventName": "DeleteDBInstance", "Username": "eve", "CloudTrailEvent": record}
    call = history.parse_call(item)
    assert call
    assert (call.name, call.by, call.resources) == ("DeleteDBInstance", "eve", ())


def test_a_call_is_about_the_source_by_name_or_arn() -> None:
    record = '{"requestParameters": {"dBInstanceIdentifier": "shop"}, "errorCode": "AccessDenied"}'
    call = history.parse_call({"EventTime": AT, "EventName": "ModifyDBInstance", "CloudTrailEvent": record})
    arn = history.TrailEvent(AT, "x", "eve", ("arn:aws:rds:us-east-1:1:db:shop",))
    assert call
    assert [aws_sources.is_about(one, {"shop"}) for one in (call, arn)] == [True, True]
    assert not aws_sources.is_about(history.TrailEvent(AT, "x", "eve", ("shop-2",)), {"shop"})
    assert aws_sources.build_call_suspect(call).failed


def made(**more: Any) -> dict[str, Any]:
    spec = {"template": {"spec": {"containers": [{"image": "api:2"}]}}}
    owners = [{"kind": "Deployment", "name": "api"}]
    meta = {"name": "api-5", "creationTimestamp": INSIDE, "ownerReferences": owners}
    return {"metadata": {**meta, **more}, "spec": spec}


def test_rollouts_and_jobs_of_the_period_are_suspects() -> None:
    items = [made(annotations={cluster_sources.REVISION: "5"}), made(creationTimestamp="2026-11-21T00:00:00Z"), {}]
    assert cluster_sources.find_rollouts(items, PERIOD) == (
        Suspect(AT, "rollout", "Deployment api, revision 5: api:2", cluster_sources.ROLLOUTS),
    )
    assert [job.what for job in cluster_sources.find_jobs([made(name="clean")], PERIOD)] == [
        "clean of Deployment api: api:2"
    ]


def test_events_of_pods_are_noise() -> None:
    def event(kind: str) -> dict[str, Any]:
        return {"involvedObject": {"kind": kind, "name": "x"}, "lastTimestamp": INSIDE, "reason": "R", "message": "m"}

    assert [item.what for item in cluster_sources.find_events([event("Pod"), event("CronJob")], PERIOD)] == [
        "CronJob x: m"
    ]


def test_a_gap_and_lost_rows_of_a_table_are_told_with_their_second() -> None:
    table = Table("public", "users")
    gap = database_sources.build_gap(table, PERIOD.since, AT)
    assert (gap.at, "or the rows were deleted" in gap.what) == (AT, True)
    assert "5 of the 15 rows" in database_sources.compare(table, 15, 10, NOW).text
    assert "or more" in database_sources.compare(table, 10, 10, NOW).text


def shown(*suspects: Suspect, most: int = 40) -> Iterator[str]:
    reading = Reading((Coverage("server log", Reach.NOT_RECORDED, "nothing of it"),), suspects)
    return iter(render.render("shop", PERIOD, reading, most).splitlines())


def test_each_suspect_has_the_command_of_the_second_before_newest_first() -> None:
    older, newer = Suspect(AT, "DROP", "drop table a", "log"), Suspect(NOW, "DROP", "drop table b", "log")
    commands = [line.strip() for line in shown(older, newer) if "config set" in line]
    assert commands == ["pulumi config set time 2026-11-22T14:59:59Z", "pulumi config set time 2026-11-22T14:30:06Z"]


def test_what_failed_has_no_command() -> None:
    assert not [line for line in shown(Suspect(AT, "DROP", "x", "log", failed=True)) if "config set" in line]


def test_no_suspect_is_no_proof() -> None:
    text = "\n".join(shown())
    assert "NOT RECORDED" in text
    assert "It did not happen only where" in text


def test_a_terminal_is_not_played_by_what_a_log_says() -> None:
    assert "\x1b" not in "\n".join(shown(Suspect(AT, "DROP", "drop \x1b[2J", "log", by="eve\x1b]0;")))


@pytest.mark.parametrize("since", [NOW, NOW + timedelta(hours=1)])
def test_a_period_that_ends_before_it_begins_is_refused(since: datetime) -> None:
    with pytest.raises(Refused, match="option --since"):
        make_period(since, None, NOW)


def test_without_options_the_last_day_is_looked_at() -> None:
    assert make_period(None, None, NOW) == Period(NOW - timedelta(days=1), NOW)
    assert parse_moment("2026-11-22T15:30:07+01:00") == AT


@pytest.mark.parametrize(
    ("categories", "routine"),
    [
        (["backup"], True),
        (["backup", "failure"], False),
        (["restoration"], False),
        (["availability"], False),
        ([], False),
    ],
)
def test_a_nightly_backup_is_no_suspect_and_all_else_is(categories: list[str], routine: bool) -> None:
    assert history.is_routine(categories) is routine
