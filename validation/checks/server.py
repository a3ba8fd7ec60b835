"""V.1 and V.2: the endpoint answers, and it is the server that it should be."""

from __future__ import annotations

from collections.abc import Sequence

from validation.checks.check import Check, Judgement, build_settled, judge_failed, judge_inconclusive, judge_passed
from validation.connect.query import Answer, Question, Row, Side
from validation.connect.target import Target
from validation.expectations.model import Server
from validation.schema.catalog import build_server_question

NEEDED = "the server that was restored, open for writing"


def build_unreachable(target: Target, side: Side, why: str) -> Check:
    """Returns the check of an endpoint that gave no session."""
    fix = "docs/checks.md: check endpoint, security group, login, database name and root certificate"
    return build_settled(_describe_name("connection", side), judge_inconclusive(f"{target}: {why}", "a session", fix))


def build_no_login(target: Target, why: str, *, answers: bool) -> Check:
    """Returns the check of an application that gets no session; where another login does, that is the application's own
    fault."""
    name, said = _describe_name("connection", Side.APPLICATION), f"{target}: {why}"
    fix = "docs/checks.md: the password is that of the restore point; set it as the application has it"
    judgement = judge_failed(said, "a session", fix) if answers else judge_inconclusive(said, "a session", fix)
    return build_settled(name, judgement)


def build_connection(target: Target, side: Side) -> Check:
    """Builds the check that a server answers; no answer is INCONCLUSIVE."""

    def judge(answers: Sequence[Answer]) -> Judgement:
        row = answers[0].row
        return judge_passed(f"PostgreSQL {row['version']} answers as {target}", "a session")

    return Check(_describe_name("connection", side), judge, (build_server_question(side),), "a session")


def build_listed(side: Side, catalog: tuple[Question, ...]) -> Check:
    """Returns the check that the catalog was read: everything else is planned from it."""
    needed = "the lists of tables and constraints"

    def judge(answers: Sequence[Answer]) -> Judgement:
        return judge_passed(f"{len(answers[0].row['tables']):,} tables listed", needed)

    return Check(_describe_name("catalog", side), judge, catalog, needed)


def _describe_name(family: str, side: Side) -> str:
    return family if side is Side.CANDIDATE else f"{side}-{family}"


def build_identity(target: Target, expected: Server) -> Check:
    """Builds the check of the server's own word on who it is, against what the caller and the expectations say."""

    def judge(answers: Sequence[Answer]) -> Judgement:
        row = answers[0].row
        wrong = _find_wrong(row, target, expected)
        if wrong:
            found, needed = ("; ".join(pair[i] for pair in wrong) for i in (0, 1))
            return judge_failed(
                found,
                needed,
                "docs/checks.md: validate the restored instance; compare endpoint and expectations",
            )
        return judge_passed(f"database {row['database']}, version {row['major']}, not in recovery", NEEDED)

    return Check("server", judge, (build_server_question(Side.CANDIDATE),), NEEDED)


def build_not_the_source() -> Check:
    """Builds the check that both aren't one server. The same start, to the microsecond, same port and same database
    mean that both are one."""

    def judge(answers: Sequence[Answer]) -> Judgement:
        candidate, source = (answer.row for answer in answers)
        if all(candidate[fact] == source[fact] for fact in ("started", "port", "database")):
            where = f"{candidate['database']} at port {candidate['port']}"
            return judge_failed(
                f"candidate and source are the same, {where}",
                needed,
                "docs/checks.md: give the right endpoints",
            )
        return judge_passed(needed, needed)

    needed = "two databases"
    return Check(
        "not-the-source", judge, (build_server_question(Side.CANDIDATE), build_server_question(Side.SOURCE)), needed
    )


def _find_wrong(row: Row, target: Target, expected: Server) -> list[tuple[str, str]]:
    wrong: list[tuple[str, str]] = []
    if row["in_recovery"]:
        wrong.append(("still in recovery", "promoted and open for writing"))
    database = expected.database or target.dbname
    if row["database"] != database:
        wrong.append((f"database {row['database']}", f"database {database}"))
    if expected.version is not None and row["major"] != expected.version:
        wrong.append((f"major version {row['major']}", f"major version {expected.version}"))
    if target.expected_address and not _is_at(row, target.expected_address):
        found = f"{row['address']}:{row['port']}" if row["address"] else "a local socket"
        wrong.append((f"address {found}", f"address {target.expected_address}"))
    return wrong


def _is_at(row: Row, expected: str) -> bool:
    address = row["address"]
    return expected in (address, f"{address}:{row['port']}", f"[{address}]:{row['port']}")
