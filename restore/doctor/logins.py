"""Whom AWS and the cluster take this machine for, and whether their clocks agree with its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from restore.aws import Aws, read_caller
from restore.aws.identity import read_server_time as aws_time
from restore.doctor.finding import Finding, build_ok, from_problem, note
from restore.errors import Problem
from restore.kubernetes import Api
from restore.model.aws_account import Caller
from restore.model.request import Settings

SKEW = timedelta(seconds=60)
"""AWS refuses signatures that are 5 minutes off (IAM User Guide, "Signature Version 4"); `time` is in seconds."""
CLOCKS_PAGE = 'docs/doctor.md, "Clocks"'


def examine_aws_login(settings: Settings, aws: Aws) -> Iterator[Finding]:
    """Tells whom AWS takes this machine for, whether it is an account that may be used, and whether the clocks agree.
    Raises RestoreError."""
    identity = read_caller(aws)
    account, login = identity.account, settings.aws_login
    yield build_ok("AWS identity", f"account {account}, region {settings.region}, as {identity.arn}")
    if (login.allowed_accounts and account not in login.allowed_accounts) or account in login.forbidden_accounts:
        needed = "an account that aws:allowedAccountIds and aws:forbiddenAccountIds let through"
        yield from_problem(Problem("AWS account", account, needed, "pulumi config set aws:profile <profile>"))
    yield examine_clock("clock and AWS", lambda: aws_time(aws))


def examine_cluster_login(settings: Settings, api: Api) -> Iterator[Finding]:
    """Tells which API server answers, and whether the clocks agree. Raises RestoreError."""
    where = f"context {settings.context}" if settings.context else "the current context"
    yield build_ok("Kubernetes API", f"{api.probe()} at {api.server}, {where}")
    yield examine_clock("clock and cluster", api.read_server_time)


def examine_account(looked: Caller, plugin: Caller) -> Finding:
    """Compares both accounts: the plugin must change the one that is looked at."""
    what = "AWS plugin's identity"
    if looked.account != plugin.account:
        fix = "aws sts get-caller-identity; name one profile for both: pulumi config set aws:profile <profile>"
        return from_problem(
            Problem(what, f"account {plugin.account}, as {plugin.arn}", f"account {looked.account}", fix)
        )
    if looked.principal != plugin.principal:
        return note(what, f"the same account, but as {plugin.arn}: rights were asked for {looked.arn} only")
    return build_ok(what, f"the same: {plugin.arn}")


def examine_clock(
    what: str, ask: Callable[[], datetime | None], now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Finding:
    """Compares the clock of a server with this machine's, as far as they differ for sure: the server read its own
    between the question and the answer, and tells whole seconds."""
    before = now()
    there = ask()
    after = now()
    if there is None:
        return note(what, "not known: the answer has no Date header")
    skew = max(before - timedelta(seconds=1) - there, there - after, timedelta(0))
    if skew <= SKEW:
        return build_ok(what, f"{skew.total_seconds():.0f} s apart" if skew else "they agree")
    found = f"{skew.total_seconds():.0f} s apart"
    return from_problem(Problem(what, found, f"at most {SKEW.total_seconds():.0f} s", CLOCKS_PAGE))
