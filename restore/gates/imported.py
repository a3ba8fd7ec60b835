"""Gate `imported`, method dump only: the dump is loaded into the candidate, whole and exactly once.

The loader goes on where an earlier attempt was killed, finds a load that is done, and refuses a database that holds
anything else. What a dump doesn't carry is made before: the operator's login, the roles, the application's password,
the database and its owner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from restore import postgres
from restore.dumps.check import verify
from restore.dumps.load import loader
from restore.dumps.load.not_loaded import render_script
from restore.dumps.model import Dump, LoadResult, Scan, Verification
from restore.errors import PermanentError, Problem, Refused
from restore.gates import proofs
from restore.gates.activity import build_psql_command, build_psql_file_command
from restore.gates.context import GateContext, require_endpoint
from restore.gates.hook import Proof, Watch
from restore.gates.operator_login import LOGIN_SECONDS, MAINTENANCE, find_login_error, set_master_password
from restore.gates.scanned import build_options, find_pinned_dump, make_progress_reporter, read_dump, use_config_keys
from restore.gates.silence import find_silence, tell_silence
from restore.gates.targets import build_operator_target
from restore.model.rds import Credential, Endpoint, Instance
from restore.model.rds_status import USABLE
from restore.postgres import roles
from validation.connect.target import Target
from validation.verdict import Verdict

SECONDS = 48 * 3600.0
SCRIPT = "not-loaded.sql"
"""The SQL of what the server refused, beside the records of the restore."""
DUMP_PAGE = 'docs/dumps.md, "What is loaded is not what the dump holds"'


def prove(context: GateContext, watch: Watch) -> Proof:
    """Loads and verifies; done before, it only says so."""
    candidate = context.read_candidate()
    if context.plan.switched_before and (proof := proofs.find_earlier_proof(context, watch, candidate)):
        return proof
    if earlier := find_earlier_load(context, candidate):
        return Proof(Verdict.PASS, f"loaded and verified before, at {earlier['ended']}", earlier["facts"])
    endpoint = require_endpoint(candidate)
    give_login(context, watch, candidate, endpoint)
    dump = find_pinned_dump(context)
    scan = read_dump(context, watch, dump)
    prepared = prepare(context, endpoint)
    facts: dict[str, Any] = {"resource_id": candidate.resource_id, "dump": build_receipt(context), "prepared": prepared}
    return load(context, watch, candidate, scan, facts)


def load(context: GateContext, watch: Watch, candidate: Instance, scan: Scan, facts: dict[str, Any]) -> Proof:
    """Loads the dump, or goes on with it, and compares the database with what was scanned. Adds to `facts`. Raises as
    `run_loader` and `verify` do."""
    endpoint = require_endpoint(candidate)
    into, dump = build_operator_target(context, endpoint), scan.dump
    watch.say(f"loading {dump.url} into {into}")
    with tell_silence(watch, str(endpoint), partial(find_silence, context, endpoint)):
        result = run_loader(context, watch, into, scan)
        prepare(context, endpoint)  # a function of the dump may have changed the password of the application's role
        watch.say("comparing rows, indexes, constraints and sequences with the dump")
        report = make_progress_reporter(watch)
        compared = verify.verify(context.s3, dump, into, scan=scan, progress=report, stop=watch.stop)
    facts |= {"load": result.as_json(), "verification": compared.as_json()}
    if script := keep_script(context, result):
        facts["script"] = script
    lost = tuple(
        find_not_loaded_problems(result, run_later(script, partial(build_psql_file_command, context, candidate)))
    )
    named = {problem.subject for problem in lost}
    differences = find_difference_problems(compared, dump, partial(build_psql_command, context, candidate))
    others = (problem for problem in differences if problem.subject not in named)
    problems = (*lost, *others, *find_intrusion_problems(result))
    if problems or not compared.passed:
        return Proof(Verdict.FAIL, summarize_failure(result, compared), facts, problems)
    return Proof(Verdict.PASS, summarize_success(result, compared), facts)


def summarize_success(result: LoadResult, compared: Verification) -> str:
    """Returns what was loaded and compared, and that something lesser was refused, in one line."""
    rows = sum(table.dump or 0 for table in compared.tables)
    how = "was loaded before" if result.already_loaded else f"loaded in {result.seconds:.0f} s"
    minor = f"; refused: {', '.join(item.subject for item in result.not_loaded)}" if result.not_loaded else ""
    return f"{rows} rows in {len(compared.tables)} tables, {how}; all counts are equal{minor}"


def run_loader(context: GateContext, watch: Watch, into: Target, scan: Scan) -> LoadResult:
    """Loads the dump. Raises as the loader does; a fix of its Refused names the configuration's keys."""
    how, report = build_options(context.settings), make_progress_reporter(watch)
    try:
        return loader.load(context.s3, scan.dump, into, how, scan=scan, progress=report, stop=watch.stop)
    except Refused as error:
        raise Refused(use_config_keys(error.problems, context.settings)) from error


def summarize_failure(result: LoadResult, compared: Verification) -> str:
    """Returns why the gate stays shut, in one line."""
    lost = sum(item.matters for item in result.not_loaded)
    if lost:
        return f"all that could be had is loaded; {lost} things of the dump were refused by the server"
    return "the database is not what the dump holds" if not compared.passed else "the server changed during the load"


# What was not loaded


def keep_script(context: GateContext, result: LoadResult) -> str:
    """Keeps the SQL of what the server refused beside the records and returns where; an earlier attempt's stays. Raises
    as Store.keep."""
    text = "" if result.already_loaded else render_script(result.not_loaded, result.dump.url)
    if text:
        return context.store.keep(context.plan.stack, context.plan.id, SCRIPT, text)
    for record in context.store.read_newest_first(context.plan.stack, context.plan.id, "imported"):
        facts: Mapping[str, Any] = record.get("facts") or {}
        if facts.get("script"):
            return str(facts["script"])
    return ""


def run_later(script: str, psql: Callable[[str], str]) -> str:
    """Returns the command that runs the script of what was refused; "" where there is none."""
    if not script:
        return ""
    if script.startswith("s3://"):
        return f"aws s3 cp {script} {SCRIPT}; {psql(SCRIPT)}; pulumi up"
    return f"{psql(script)}; pulumi up"


def find_not_loaded_problems(result: LoadResult, command: str) -> Iterable[Problem]:
    """Yields what the server refused of the dump and the database needs, each with the name that a waiver takes.
    `command` runs the script of it. Of several statements about one object the first stands for all."""
    told: set[str] = set()
    for item in result.not_loaded:
        if item.matters and item.subject not in told:
            told.add(item.subject)
            place = f" (dump, line {item.line})" if item.line else ""
            fix = (
                f"put right what the message says{f'; {item.hint}' if item.hint else ''}; then {command or 'pulumi up'}"
            )
            yield Problem(f"imported.{item.kind}:{item.name}", f"{item.reason}{place}", f"as in {result.dump.url}", fix)


def build_receipt(context: GateContext) -> dict[str, str]:
    """Returns the pinned bytes, as they stand in the receipt."""
    dump = context.plan.point.dump
    return dict(vars(dump)) if dump else {}


def find_earlier_load(context: GateContext, candidate: Instance) -> dict[str, Any] | None:
    """Returns the record of this very dump in this very instance. A database that has served since then differs
    rightly."""
    record = proofs.find_proof(context, "imported", candidate)
    return dict(record) if record and record["facts"].get("dump") == build_receipt(context) else None


# The operator's login


def give_login(context: GateContext, watch: Watch, candidate: Instance, endpoint: Endpoint) -> None:
    """Gives the candidate the login that every other restore brings along: the password that RDS made goes."""
    if candidate.managed_secret:
        if context.settings.login.iam:
            let_in_by_iam(context, candidate, endpoint, candidate.managed_secret)
        else:
            set_operator_password(context, watch, candidate)
    watch.wait_for(
        lambda: find_login_refusal(context, endpoint),
        lambda text: not text,
        seconds=LOGIN_SECONDS,
        subject=f"the operator's login on {endpoint}",
        describe=str,
    )


def set_operator_password(context: GateContext, watch: Watch, candidate: Instance) -> None:
    """Replaces the password that RDS has made, and waits until RDS has forgotten that one. Raises RestoreError when RDS
    hasn't done so before the gate's deadline."""
    watch.say("giving the operator's password to the new instance")
    set_master_password(context, watch, candidate)
    context.rds.wait_until(
        candidate.resource_id,
        lambda instance: instance.managed_secret is None and instance.status in USABLE,
        stop=watch.stop,
        say=watch.say,
        deadline=watch.deadline,
        subject=f"the operator's password on {candidate.identifier}",
    )


def let_in_by_iam(context: GateContext, candidate: Instance, endpoint: Endpoint, secret: str) -> None:
    """Lets IAM tokens in; from then on they are the only login of that user, and a second run finds it done."""
    if find_login_refusal(context, endpoint):
        master = context.secrets.read_managed_login(secret, candidate.master_user or context.settings.login.user)
        with postgres.administer(endpoint, master, context.settings.tls, MAINTENANCE) as connection:
            roles.let_in_by_iam(connection)


def find_login_refusal(context: GateContext, endpoint: Endpoint) -> str:
    """Returns why the operator can't log in; "" when it works. RDS takes a new password some time after it said so.
    Raises as Secrets.read_login."""
    return str(find_login_error(context, endpoint, context.read_login(endpoint)) or "")


# Roles and database


def prepare(context: GateContext, endpoint: Endpoint) -> dict[str, Any]:
    """Makes the application's role with its own password, the owner and the database; found again when they exist.
    Raises PermanentError without the application's user and password, RestoreError when the server can't be asked."""
    operator = context.read_login(endpoint)
    application = read_application_login(context)
    owner = context.settings.backups.owner or application.user
    with postgres.administer(endpoint, operator, context.settings.tls, MAINTENANCE) as connection:
        if application.user != operator.user:
            roles.ensure_login(connection, application)
        if owner not in (operator.user, application.user):
            roles.ensure(connection, owner)
        roles.ensure_database(connection, context.database, owner)
    return {"database": context.database, "owner": owner, "application": application.user}


def read_application_login(context: GateContext) -> Credential:
    """Returns user and password of the applications' URL. Raises PermanentError when it has none."""
    parameters = postgres.read_application_login(context.read_application_url())
    if not parameters.get("user") or not parameters.get("password"):
        needed = "user and password of the application, to give them to the new database"
        secret = context.settings.secret
        fix = f"kubectl -n {context.settings.namespace} edit secret {secret.name} (key {secret.key}); pulumi up"
        raise PermanentError.of(Problem(f"secret {context.settings.secret.name}", "no user or password", needed, fix))
    return Credential(parameters["user"], parameters["password"])


# What differs


def find_difference_problems(compared: Verification, dump: Dump, psql: Callable[[str], str]) -> Iterable[Problem]:
    """Yields each difference with the name that a waiver takes. `psql` gives the command that runs a statement in the
    candidate."""
    again = f"pulumi config set id <another id>; pulumi up (loads it into another candidate: {DUMP_PAGE})"
    for table in compared.tables:
        if not table.equal:
            has = "no such table" if table.target is None else f"{table.target} rows"
            needed = "no such table" if table.dump is None else f"{table.dump} rows"
            yield Problem(f"imported.rows:{table.name}", has, f"{needed}, as in {dump.url}", again)
    for name in compared.invalid_indexes:
        yield Problem(
            f"imported.indexes:{name}", "invalid", "a valid index", f"{psql(f'REINDEX INDEX {name}')}; pulumi up"
        )
    for name in compared.unvalidated_constraints:
        yield Problem(f"imported.constraints:{name}", "not validated", "a validated constraint", again)
    for name, (wanted, found) in compared.sequences.items():
        yield Problem(f"imported.sequences:{name}", f"last value {found}", f"{wanted}, as in the dump", again)
    if not compared.tables:
        yield Problem("imported.rows", "no table was compared", "at least one table of the dump", again)


def find_intrusion_problems(result: LoadResult) -> Iterable[Problem]:
    """Yields what changed on the server besides the database while the dump was loaded, and the load did not change."""
    needed = "nothing outside the database changes while a dump is loaded"
    fix = f"{DUMP_PAGE}; pulumi config set id <another id>; pulumi up"
    for change in result.server_changes:
        subject, _, what = change.rpartition(": ")
        yield Problem(f"imported.server:{subject}", what, needed, fix)
