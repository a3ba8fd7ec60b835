"""Gates `scanned` and `imported`: what they take for proved, and what they refuse to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from restore.dumps.catalog.pin import name_version
from restore.dumps.load.not_loaded import render_script
from restore.dumps.model import Dump, LoadPhase, LoadResult, NotLoaded, Progress, Scan, TableCheck, Verification
from restore.errors import Problem
from restore.gates import imported, scanned
from restore.gates.context import GateContext
from restore.gates.hook import Proof, Watch
from restore.inventory.dump_lookup import find_password_problems
from restore.model import waivers
from restore.model.dump import DumpVersion
from restore.model.rds import Credential, InstanceSettings
from restore.model.request import DumpStore, Login, Settings, Tls
from tests.support.worlds import DUMP_KEY, candidate
from validation.connect.target import Target
from validation.verdict import Verdict

GIB = 1 << 30
DUMP = Dump("shop-backups", DUMP_KEY, 100, datetime(2026, 11, 22, 4, 30, tzinfo=UTC), "etag-1", "v-1")
PIN = {"bucket": "shop-backups", "key": DUMP_KEY, "version": "v-1"}
LOGIN = Login("ghostadmin", "ghost/password")


def context(record: Mapping[str, Any] | None) -> GateContext:
    plan = SimpleNamespace(stack="prod", id="inc-1", point=SimpleNamespace(dump=DumpVersion(**PIN)))

    def read_newest_first(*_names: str) -> Iterator[Mapping[str, Any]]:
        return iter((record,) if record else ())

    store = SimpleNamespace(read_newest_first=read_newest_first)
    return cast("GateContext", SimpleNamespace(plan=plan, store=store))


def record(**changes: Any) -> dict[str, Any]:
    return {"open": True, "facts": {"resource_id": "db-CANDIDATE", "dump": PIN}, **changes}


def test_a_database_that_has_served_since_its_load_is_not_compared_with_the_dump_again() -> None:
    assert imported.find_earlier_load(context(record()), candidate())


@pytest.mark.parametrize(
    "earlier",
    [
        None,
        record(open=False),
        record(facts={}),
        record(facts={"resource_id": "db-OTHER", "dump": PIN}),
        record(facts={"resource_id": "db-CANDIDATE", "dump": {**PIN, "version": "v-2"}}),
    ],
)
def test_the_proof_of_another_instance_or_of_other_bytes_proves_nothing(earlier: Mapping[str, Any] | None) -> None:
    assert imported.find_earlier_load(context(earlier), candidate()) is None


def compared(**changes: Any) -> Verification:
    whole: dict[str, Any] = {
        "tables": (TableCheck("public.users", 2, 2),),
        "invalid_indexes": (),
        "unvalidated_constraints": (),
        "sequences": {},
        "checked_sequences": 1,
        "never_analyzed": (),
    }
    return Verification(**{**whole, **changes})


@pytest.mark.parametrize(
    ("found", "name"),
    [
        (compared(tables=(TableCheck("public.users", 2, 1),)), "imported.rows:public.users"),
        (compared(tables=(TableCheck("public.users", 2, None),)), "imported.rows:public.users"),
        (compared(tables=()), "imported.rows"),
        (compared(invalid_indexes=("public.i",)), "imported.indexes:public.i"),
        (compared(unvalidated_constraints=("public.c",)), "imported.constraints:public.c"),
        (compared(sequences={"public.s": (7, 1)}), "imported.sequences:public.s"),
    ],
)
def test_everything_that_fails_a_comparison_is_told_by_the_name_that_a_waiver_takes(
    found: Verification, name: str
) -> None:
    assert not found.passed
    assert [problem.subject for problem in imported.find_difference_problems(found, DUMP, repr)] == [name]


def test_a_comparison_without_a_difference_has_nothing_to_tell() -> None:
    assert not list(imported.find_difference_problems(compared(), DUMP, repr))


@pytest.mark.parametrize(("size", "fits"), [(20, False), (100, True), (None, True)])
def test_a_dump_that_would_fill_the_disk_is_not_begun(size: int | None, fits: bool) -> None:
    found = cast("Scan", SimpleNamespace(target_bytes=60 * GIB, bytes=24 * GIB))
    problems = list(scanned.find_storage_problems(found, InstanceSettings(allocated_storage=size)))
    assert (not problems) == fits
    assert all("instance.allocatedStorage 60" in problem.fix for problem in problems)


def test_a_status_line_says_how_far_a_load_is() -> None:
    at = Progress(LoadPhase.LOADING, 10.0, 50_000_000, 200_000_000, 1200, 5_000_000.0, 30.4)
    assert scanned.format_progress(at) == "loading, 25 % of 200.0 MB, 1200 rows, 5.0 MB/s, about 30 s left"


def test_bytes_without_a_version_are_pinned_by_their_etag() -> None:
    assert name_version(DUMP) == "v-1"
    assert name_version(Dump("b", "k/", 1, DUMP.modified, "e")) == "etag:e"


@pytest.mark.parametrize(
    "password", ["short", "x" * 129, "with blank inside", "with/slash", 'with"quote', "with@at", "äöüäöüäöü"]
)
def test_a_password_that_rds_would_refuse_is_found_before_anything_is_made(password: str) -> None:
    (problem,) = find_password_problems(LOGIN, Credential("ghostadmin", password))
    assert password not in str(problem)
    assert not find_password_problems(Login("ghostadmin", None, iam=True), Credential("ghostadmin", ""))


def test_a_password_that_rds_takes_is_no_problem() -> None:
    assert not find_password_problems(LOGIN, Credential("ghostadmin", "l0ng-enough!#"))


def test_what_changed_on_the_server_during_a_load_has_a_name_that_a_waiver_takes() -> None:
    result = cast("LoadResult", SimpleNamespace(server_changes=("role intruder: new", "setting a of database b: gone")))
    problems = list(imported.find_intrusion_problems(result))
    assert [problem.subject for problem in problems] == [
        "imported.server:role intruder",
        "imported.server:setting a of database b",
    ]
    assert [problem.found for problem in problems] == ["new", "gone"]


@pytest.mark.parametrize(
    ("store", "told"),
    [
        (DumpStore(), ["ghostadmin", "rds_superuser"]),
        (DumpStore(allow=("privileged_owner",)), []),
        (DumpStore(map={"ghostadmin": "app"}), ["rds_superuser"]),
        (DumpStore(map={"app": "ghostadmin", "ghostadmin": "app", "rds_superuser": "app"}), ["app"]),
    ],
)
def test_owners_with_rights_on_the_whole_server_are_told_before_anything_is_loaded(
    store: DumpStore, told: list[str]
) -> None:
    found = cast("Scan", SimpleNamespace(owners=("app", "ghostadmin", "rds_superuser")))
    settings = cast("Settings", SimpleNamespace(backups=store, login=LOGIN))
    problems = list(scanned.find_owner_problems(found, settings))
    assert [problem.subject for problem in problems] == [f"scanned.owner:{name}" for name in told]
    assert all("backups.allow[0]' privileged_owner" in problem.fix for problem in problems)
    assert all(f'backups.map["{name}"]\'' in problem.fix for name, problem in zip(told, problems, strict=True))


def lost(*items: NotLoaded, **changes: Any) -> LoadResult:
    whole = LoadResult(DUMP, (), 2, 0, 1.0, {}, resumed=False, already_loaded=False, skipped=(), not_loaded=items)
    return replace(whole, **changes)


KEY = NotLoaded("keys", "k on public.t", "Key (id)=(7) is duplicated", 9, "ALTER TABLE x", "SELECT id FROM public.t")
COMMENT = NotLoaded("comments", "TABLE public.t", "no", 12, "COMMENT ON TABLE public.t IS 'x'")


def test_what_a_database_needs_shuts_the_gate_by_a_name_that_a_waiver_takes_and_the_rest_does_not() -> None:
    (problem,) = imported.find_not_loaded_problems(lost(KEY, COMMENT), "psql -f x")
    assert problem.subject == "imported.keys:k on public.t"
    assert "line 9" in problem.found
    assert KEY.hint in problem.fix
    assert problem.fix.endswith("then psql -f x")
    assert waivers.find_reason(problem.subject, "imported", {problem.subject: "known for years"})
    assert waivers.find_reason(problem.subject, "imported", {"imported.keys": "known for years"})


def test_several_refusals_about_one_object_are_one_problem() -> None:
    grants = [NotLoaded("grants", "TABLE public.t", f"no {number}", number) for number in range(3)]
    assert len(list(imported.find_not_loaded_problems(lost(*grants), ""))) == 1


@pytest.mark.parametrize(
    ("script", "command"),
    [("/evidence/not-loaded.sql", "psql -f /evidence/not-loaded.sql; pulumi up"), ("", "")],
)
def test_the_script_of_what_was_refused_is_run_where_it_lies(script: str, command: str) -> None:
    assert imported.run_later(script, "psql -f {}".format) == command


def test_a_script_in_a_bucket_is_fetched_first() -> None:
    command = imported.run_later("s3://evidence/prod/inc-1/not-loaded.sql", "psql -f {}".format)
    assert (
        command == "aws s3 cp s3://evidence/prod/inc-1/not-loaded.sql not-loaded.sql; psql -f not-loaded.sql; pulumi up"
    )


def test_a_load_that_was_done_before_finds_the_script_of_the_attempt_that_did_it() -> None:
    earlier = context(record(open=False, facts={"script": "s3://evidence/not-loaded.sql"}))
    assert imported.keep_script(earlier, lost(KEY, already_loaded=True)) == "s3://evidence/not-loaded.sql"
    assert imported.keep_script(context(None), lost(KEY, already_loaded=True)) == ""


def test_the_script_has_each_reason_and_no_name_ends_its_comment() -> None:
    odd = NotLoaded("keys", "k\n; DROP TABLE x; --", "no\n\\! rm", 9, "ALTER TABLE x")
    lines = render_script([odd, NotLoaded("rows", "public.t", "2 rows refused", 4)], "s3://b/k").splitlines()
    assert [line for line in lines if "DROP" in line or "rm" in line or "2 rows" in line] == [
        "-- keys k ; DROP TABLE x; --",
        "-- dump, line 9: no \\! rm",
        "-- dump, line 4: 2 rows refused",
    ]
    assert "ALTER TABLE x;" in lines
    assert render_script([], "s3://b/k") == ""


@pytest.mark.parametrize(
    ("fix", "says"),
    [
        (
            "--allow foreign runs them, --skip foreign leaves them out",
            "'backups.skip[2]' foreign (or 'backups.allow[1]' to run it); pulumi up",
        ),
        ("--skip extension:postgis leaves it out", "'backups.skip[2]' extension:postgis; pulumi up"),
        ("--skip tablespace leaves it out", "'backups.skip[2]' tablespace; pulumi up"),
    ],
)
def test_a_flag_of_the_loader_is_told_as_a_key_of_the_configuration(fix: str, says: str) -> None:
    (problem,) = scanned.use_config_keys([Problem("extension postgis", "x", "y", fix)], skipping())
    assert problem.fix.endswith(says)


def test_what_is_left_out_by_one_fix_is_not_overwritten_by_the_next() -> None:
    texts = ("--skip foreign leaves them out", "take another dump", "--skip extension:postgis leaves it out")
    problems = scanned.use_config_keys([Problem("dump", "x", "y", fix) for fix in texts], skipping())
    places = ("'backups.skip[2]' foreign", "take another dump", "'backups.skip[3]' extension:postgis")
    assert all(place in problem.fix for place, problem in zip(places, problems, strict=True))


def skipping() -> Settings:
    store = DumpStore(bucket="b-1", skip=("subscription", "policy"), allow=("language",))
    return cast("Settings", SimpleNamespace(backups=store))


def concluded(monkeypatch: pytest.MonkeyPatch, result: LoadResult, found: Verification) -> tuple[Proof, list[str]]:
    """The gate's proof of a load and a comparison that ended so, and the scripts that it kept."""
    kept: list[str] = []

    def keep(_stack: str, _id: str, name: str, text: str) -> str:
        kept.append(text)
        return f"/evidence/{name}"

    def give(value: object) -> Callable[..., object]:
        def answer(*_arguments: object, **_more: object) -> object:
            return value

        return answer

    answers = {"build_operator_target": Target("db", "shop", "ops"), "run_loader": result, "prepare": None}
    for name, value in {**answers, "make_progress_reporter": None}.items():
        monkeypatch.setattr(imported, name, give(value))
    monkeypatch.setattr(imported.verify, "verify", give(found))
    known = context(None)
    fake = SimpleNamespace(
        plan=known.plan,
        store=SimpleNamespace(read_newest_first=known.store.read_newest_first, keep=keep),
        settings=SimpleNamespace(tls=Tls("ca.pem"), login=LOGIN),
        s3=None,
        database="shop",
    )
    watch = SimpleNamespace(say=give(None), stop=None)
    scan_result = cast("Scan", SimpleNamespace(dump=DUMP))
    proof = imported.load(cast("GateContext", fake), cast("Watch", watch), candidate(), scan_result, {})
    return proof, kept


NOT_VALID = NotLoaded("constraints", "fk on public.t", "Key (a)=(9) is not present", 20, "ALTER TABLE x VALIDATE")


def test_the_gate_stays_shut_for_what_was_refused_and_keeps_the_script_of_all_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = compared(unvalidated_constraints=("fk on public.t",))
    proof, (script,) = concluded(monkeypatch, lost(KEY, NOT_VALID, COMMENT), found)
    assert proof.verdict is Verdict.FAIL
    assert [problem.subject for problem in proof.problems] == [
        "imported.keys:k on public.t",
        "imported.constraints:fk on public.t",
    ]
    assert all(problem.fix.endswith("-f /evidence/not-loaded.sql; pulumi up") for problem in proof.problems)
    assert {KEY.sql, NOT_VALID.sql, COMMENT.sql} <= {line.removesuffix(";") for line in script.splitlines()}
    assert proof.facts["script"] == "/evidence/not-loaded.sql"


def test_the_gate_opens_where_a_comment_alone_was_refused_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    proof, (script,) = concluded(monkeypatch, lost(COMMENT), compared())
    assert (proof.verdict, proof.problems) == (Verdict.PASS, ())
    assert "comments:TABLE public.t" in proof.summary
    assert COMMENT.sql in script


def test_the_gate_opens_once_the_script_has_made_it_good(monkeypatch: pytest.MonkeyPatch) -> None:
    proof, kept = concluded(monkeypatch, lost(already_loaded=True), compared())
    assert (proof.verdict, kept) == (Verdict.PASS, [])
