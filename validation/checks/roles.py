"""Roles: that they are there, their attributes and memberships, what they may do and what they must not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from psycopg import sql

from validation.checks.check import Check, Judgement, judge_failed, judge_passed
from validation.connect.query import Answer, Question, Row
from validation.expectations.model import Role
from validation.expectations.privileges import Privilege, Scope
from validation.expectations.table_names import Table
from validation.sql.queries import query
from validation.terminal import format_number

ATTRIBUTES = ("login", "superuser", "create_database", "create_role", "replication", "bypass_rls")
RELATIONS = ["r", "p", "v", "m", "f"]
SEQUENCES = ["S"]
NOTHING = "select null::int, null::text, null::boolean where false"


def build_checks(roles: Sequence[Role]) -> Iterator[Check]:
    """Yields a check for each declared role."""
    for role in roles:
        yield _build_role_check(role)


def _build_role_check(role: Role) -> Check:
    needed = _describe_needed(role)

    def judge(answers: Sequence[Answer]) -> Judgement:
        row = answers[0].row
        wrong = find_wrong(role, row) if row["there"] else [f"no role {role.name}"]
        if wrong:
            fix = "docs/checks.md: RDS keeps roles with the instance, not with a dump"
            return judge_failed("; ".join(wrong), needed, fix)
        return judge_passed(f"role {role.name}, as declared", needed)

    statement = query(
        "role",
        role=sql.Literal(role.name),
        member_of=sql.SQL("{}::text[]").format(sql.Literal(list(role.member_of))),
        privileges=_compose_privileges(role),
    )
    return Check(f"roles:{role.name}", judge, (Question(f"roles:{role.name}", statement),), needed)


def _describe_needed(role: Role) -> str:
    properties = [
        f"{_format_flag(name)} {'on' if value else 'off'}"
        for name in ATTRIBUTES
        if (value := getattr(role, name)) is not None
    ]
    properties += [f"member of {', '.join(role.member_of)}"] if role.member_of else []
    properties += [format_number(len(role.may), "grant")] if role.may else []
    properties += [f"none of {format_number(len(role.may_not), 'privilege')}"] if role.may_not else []
    return f"role {role.name}" + (f": {', '.join(properties)}" if properties else "")


def _format_flag(name: str) -> str:
    return name.replace("_", " ")


def find_wrong(role: Role, row: Row) -> list[str]:
    """Returns what of the role isn't as declared."""
    attributes = [(name, getattr(role, name)) for name in ATTRIBUTES]
    wrong = [
        f"{_format_flag(n)} is {'on' if row[n] else 'off'}"
        for n, value in attributes
        if value is not None and row[n] != value
    ]
    wrong += [f"no member of {other}" for other in role.member_of if other not in row["member_of"]]
    return wrong + list(_find_wrong_privileges(role, row["privileges"]))


def _find_wrong_privileges(role: Role, rows: Sequence[Row]) -> Iterator[str]:
    for position, (privilege, word, may) in enumerate(_list_privileges(role)):
        objects = [row for row in rows if row["number"] == position]
        wrong = [row["object"] for row in objects if row["held"] != may]
        if not objects:
            yield f"nothing there for {word} ON {_describe_object(privilege)}"
        if wrong:
            yield f"{'lacks' if may else 'has'} {word} on {', '.join(wrong[:3])}" + (
                f" and {len(wrong) - 3:,} more" if len(wrong) > 3 else ""
            )


def _describe_object(privilege: Privilege) -> str:
    return str(privilege).partition(" ON ")[2]


def _list_privileges(role: Role) -> list[tuple[Privilege, str, bool]]:
    """Each privilege by itself, and whether the role is to have it."""
    return [
        (privilege, word, may)
        for privileges, may in ((role.may, True), (role.may_not, False))
        for privilege in privileges
        for word in privilege.words
    ]


def _compose_privileges(role: Role) -> sql.Composable:
    parts = [
        _compose_held(position, privilege, word) for position, (privilege, word, _) in enumerate(_list_privileges(role))
    ]
    return sql.SQL("\nunion all\n").join(parts) if parts else sql.SQL(NOTHING)


def _compose_held(position: int, privilege: Privilege, word: str) -> sql.Composed:
    parts = {"number": sql.Literal(position), "word": sql.Literal(word)}
    if privilege.scope is Scope.DATABASE:
        return query("role_database", **parts)
    if privilege.scope is Scope.SCHEMA:
        return query("role_schema", **parts, schema=sql.Literal(privilege.on))
    sequences = privilege.scope in (Scope.SEQUENCE, Scope.ALL_SEQUENCES)
    named = privilege.on if isinstance(privilege.on, Table) else Table(privilege.on or "", "")
    return query(
        "role_relation",
        **parts,
        schema=sql.Literal(named.schema),
        relation=sql.Literal(named.name or None),
        kinds=sql.Literal(SEQUENCES if sequences else RELATIONS),
        has_privilege=sql.SQL("has_sequence_privilege") if sequences else sql.SQL("has_table_privilege"),
    )
