"""Gate `imported`, method dump only: the dump is loaded into the candidate, whole and exactly once.

The loader goes on where an earlier attempt was killed, finds a load that is done, and refuses a database that holds
anything else. What a dump doesn't carry is made before: the operator's login, the roles, the application's password,
the database and its owner.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from restore import postgres
from restore.dumps.check import verify
from restore.dumps.load import loader
from restore.dumps.model import Dump, LoadResult, Scan, Verification
from restore.errors import PermanentError, Problem, RestoreError
from restore.gates import proofs
from restore.gates.context import GateContext
from restore.gates.hook import Proof, Watch
from restore.gates.scanned import meant, options, read, spoken
from restore.gates.validated import target
from restore.model.rds import Credential, Endpoint, Instance
from restore.model.rds_status import USABLE
from restore.polling import wait_for
from restore.postgres import roles
from validation.verdict import Verdict

SECONDS = 48 * 3600.0
LOGIN_SECONDS = 900.0
MAINTENANCE = "postgres"
"""The database that every instance has."""


def prove(context: GateContext, watch: Watch) -> Proof:
    """Loads and verifies; done before, it only says so."""
    candidate = context.candidate()
    if candidate.endpoint is None:
        raise PermanentError(f"{candidate.identifier} has no endpoint (status {candidate.status})\n  fix: pulumi up")
    if context.plan.switched_before and (held := proofs.earlier(context, watch, candidate)):
        return held
    if earlier := proved_before(context, candidate):
        return Proof(Verdict.PASS, f"loaded and verified before, at {earlier['ended']}", earlier["facts"])
    own_login(context, watch, candidate, candidate.endpoint)
    dump = meant(context)
    found = read(context, watch, dump)
    made = prepared(context, candidate.endpoint)
    facts: dict[str, Any] = {"resource_id": candidate.resource_id, "dump": receipt(context), "prepared": made}
    return loaded(context, watch, candidate.endpoint, found, facts)


def loaded(context: GateContext, watch: Watch, endpoint: Endpoint, found: Scan, facts: dict[str, Any]) -> Proof:
    into, dump = target(context, endpoint), found.dump
    watch.say(f"loading {dump.url} into {into}")
    result = loader.load(
        context.s3, dump, into, options(context.settings), scan=found, progress=spoken(watch), stop=watch.stop
    )
    prepared(context, endpoint)  # a function of the dump may have changed the password of the application's role
    watch.say("comparing rows, indexes, constraints and sequences with the dump")
    compared = verify.verify(context.s3, dump, into, scan=found, progress=spoken(watch), stop=watch.stop)
    facts |= {"load": result.facts(), "verification": compared.facts()}
    problems = (*differences(compared, dump), *intrusions(result))
    if problems or not compared.passed:
        what = (
            "the database is not what the dump holds" if not compared.passed else "the server changed during the load"
        )
        return Proof(Verdict.FAIL, what, facts, problems)
    rows = sum(table.dump or 0 for table in compared.tables)
    how = "was loaded before" if result.already_loaded else f"loaded in {result.seconds:.0f} s"
    return Proof(Verdict.PASS, f"{rows} rows in {len(compared.tables)} tables, {how}; all counts are equal", facts)


def receipt(context: GateContext) -> dict[str, str]:
    """The pinned bytes, as they stand in the receipt."""
    dump = context.plan.point.dump
    return dict(vars(dump)) if dump else {}


def proved_before(context: GateContext, candidate: Instance) -> dict[str, Any] | None:
    """The record of this very dump in this very instance. A database that has served since then differs rightly."""
    found = proofs.proved(context, "imported", candidate)
    return dict(found) if found and found["facts"].get("dump") == receipt(context) else None


# The operator's login


def own_login(context: GateContext, watch: Watch, candidate: Instance, endpoint: Endpoint) -> None:
    """Gives the candidate the login that every other restore brings along: the password that RDS made goes."""
    if candidate.managed_secret:
        if context.settings.login.iam:
            by_iam(context, candidate, endpoint, candidate.managed_secret)
        else:
            by_password(context, watch, candidate, context.login(endpoint))
    wait_for(
        lambda: refusal(context, endpoint),
        lambda text: not text,
        stop=watch.stop,
        deadline=min(watch.deadline, watch.now() + LOGIN_SECONDS),
        subject=f"the operator's login on {endpoint}",
        found=str,
    )


def by_password(context: GateContext, watch: Watch, candidate: Instance, operator: Credential) -> None:
    """RDS takes a modification only between its own: while it makes the first backup it answers "not now"."""
    watch.say("giving the operator's password to the new instance")
    wait_for(
        lambda: context.rds.set_master_password(candidate.resource_id, operator.password),
        lambda _sent: True,
        stop=watch.stop,
        deadline=watch.deadline,
        subject=f"{candidate.identifier} to take the operator's password",
    )
    context.rds.wait_until(
        candidate.resource_id,
        lambda one: one.managed_secret is None and one.status in USABLE,
        stop=watch.stop,
        deadline=watch.deadline,
        subject=f"the operator's password on {candidate.identifier}",
    )


def by_iam(context: GateContext, candidate: Instance, endpoint: Endpoint, secret: str) -> None:
    """Lets IAM tokens in; from then on they are the only login of that user, and a second run finds it done."""
    if refusal(context, endpoint):
        master = context.secrets.managed(secret, candidate.master_user or context.settings.login.user)
        with postgres.administer(endpoint, master, context.settings.tls, MAINTENANCE) as connection:
            roles.let_in_by_iam(connection)


def refusal(context: GateContext, endpoint: Endpoint) -> str:
    """Why the operator can't log in; "" when it works. RDS takes a new password some time after it said so."""
    try:
        with postgres.connect(endpoint, context.login(endpoint), context.settings.tls, MAINTENANCE):
            return ""
    except RestoreError as error:
        return str(error)


# Roles and database


def prepared(context: GateContext, endpoint: Endpoint) -> dict[str, Any]:
    """Makes the application's role with its own password, the owner and the database; found again when they exist."""
    operator = context.login(endpoint)
    application = application_login(context)
    owner = context.settings.backups.owner or application.user
    with postgres.administer(endpoint, operator, context.settings.tls, MAINTENANCE) as connection:
        if application.user != operator.user:
            roles.ensure_login(connection, application)
        if owner not in (operator.user, application.user):
            roles.ensure(connection, owner)
        roles.ensure_database(connection, context.database, owner)
    return {"database": context.database, "owner": owner, "application": application.user}


def application_login(context: GateContext) -> Credential:
    """User and password of the applications' URL. Raises PermanentError when it has none."""
    given = postgres.application_login(context.application_url())
    if not given.get("user") or not given.get("password"):
        needed = "user and password of the application, to give them to the new database"
        fix = f"put them in: kubectl -n {context.settings.namespace} edit secret {context.settings.secret.name}"
        raise PermanentError.of(Problem(f"secret {context.settings.secret.name}", "no user or password", needed, fix))
    return Credential(given["user"], given["password"])


# What differs


def differences(compared: Verification, dump: Dump) -> Iterable[Problem]:
    """Each with the name that a waiver takes."""
    again = "python -m restore report; to load once more (this candidate stays): pulumi config set id <another one>"
    for table in compared.tables:
        if not table.equal:
            has = "no such table" if table.target is None else f"{table.target} rows"
            wanted = "no such table" if table.dump is None else f"{table.dump} rows"
            yield Problem(f"imported.rows:{table.name}", has, f"{wanted}, as in {dump.url}", again)
    for name in compared.invalid_indexes:
        yield Problem(f"imported.indexes:{name}", "invalid", "a valid index", f"REINDEX INDEX {name}")
    for name in compared.unvalidated_constraints:
        yield Problem(f"imported.constraints:{name}", "not validated", "a validated constraint", again)
    for name, (wanted, found) in compared.sequences.items():
        yield Problem(f"imported.sequences:{name}", f"last value {found}", f"{wanted}, as in the dump", again)
    if not compared.tables:
        yield Problem("imported.rows", "no table was compared", "at least one table of the dump", again)


def intrusions(result: LoadResult) -> Iterable[Problem]:
    """What changed beside the database while the dump was loaded, and the load did not change."""
    needed = "nothing outside the database changes while a dump is loaded"
    fix = (
        'docs/operate.md, "A dump by hand": find out who did it; waive what is undone and harmless; or, for a dump '
        "you trust: pulumi config set id <another one>"
    )
    for change in result.server_changes:
        subject, _, what = change.rpartition(": ")
        yield Problem(f"imported.server:{subject}", what, needed, fix)
