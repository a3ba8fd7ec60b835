"""What a dump needs of its target: roles, extensions, rights, storage. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from restore.dumps.model import Dump, Options
from restore.dumps.sql import role_names
from restore.dumps.sql.allow_list import ClassifiedStatement
from restore.errors import Problem
from restore.model.dump_kinds import DECISIONS


@dataclass
class Needs:
    """What a dump presumes. Filled statement by statement, or from a scan."""

    roles: set[str] = field(default_factory=set[str])
    owners: set[str] = field(default_factory=set[str])
    """The loading role must be their member: to give them what it makes, and to set their default privileges."""
    public_owners: set[str] = field(default_factory=set[str])
    """Owners of the schema `public`: it can stay with the owner that it has in the target."""
    extensions: set[str] = field(default_factory=set[str])
    decisions: dict[str, list[ClassifiedStatement]] = field(default_factory=dict[str, list[ClassifiedStatement]])
    server_version: str = ""
    bytes: int = 0
    """Bytes of storage; 0: not known."""

    def see(self, classified: ClassifiedStatement) -> None:
        """Notes what a statement needs of the target."""
        owner = role_names.find_new_owner(classified)
        if owner is not None and role_names.PUBLIC_OWNER.match(classified.sql):
            self.public_owners.add(owner)
            return
        self.roles.update(span.role for span in role_names.find_role_spans(classified))
        if classified.kind == "session_authorization":
            self.owners.add(read_authorized_role(classified))
            self.roles.add(read_authorized_role(classified))
        if owner is not None:
            self.owners.add(owner)
        if classified.get_part("maker"):
            self.owners.add(role_names.unquote(classified.get_text("maker")))
        if classified.kind == "extension":
            self.extensions.add(role_names.unquote(classified.get_text("name")))
        if classified.kind in DECISIONS:
            self.decisions.setdefault(classified.kind, []).append(classified)


def read_authorized_role(classified: ClassifiedStatement) -> str:
    """Returns the role that SET SESSION AUTHORIZATION names; "" for DEFAULT."""
    if classified.get_part("role") == b"DEFAULT":
        return ""
    return classified.get_text("quoted").replace("''", "'") or role_names.unquote(classified.get_text("role"))


def list_undecided(needs: Needs, options: Options) -> list[Problem]:
    """Returns the problems of statements that somebody must decide about. Pure."""
    problems: list[Problem] = []
    for kind, statements in sorted(needs.decisions.items()):
        if kind in options.allow:
            continue
        first = statements[0]
        fix = f'--allow {kind} runs them, --skip {kind} leaves them out (docs/dumps.md, "A dump by hand")'
        subject = f"dump, line {first.statement.line}, byte {first.statement.offset}"
        count = f"{len(statements)} of kind {kind}, first: {first.short}"
        problems.append(Problem(subject, count, f"a decision: {DECISIONS[kind]}", fix))
    return problems


def list_unused_skips(skips: Iterable[str], dump: Dump) -> list[Problem]:
    """Returns the problems of objects to leave out that the dump doesn't have. Pure."""
    fix = f"python -m restore.dumps plan {dump.url} (without it: lists what is in the dump)"
    return [
        Problem(f"skip {skip}", "the dump has no such object", "the name of one that it has", fix) for skip in skips
    ]
