"""Rules about the AWS account: what is read and what is changed is in one, which is allowed. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from restore.errors import Problem
from restore.model.context import RestoreContext

SAME = "see as whom each calls: aws sts get-caller-identity; name one profile for both: pulumi config set aws:profile"


def check_plugin_account(context: RestoreContext) -> Iterable[Problem]:
    """Refuses a plugin of another account: what preflight has read says nothing about an account in which it hasn't
    looked."""
    looked, changes = context.inventory.caller, context.inventory.plugin_caller
    if looked and changes and looked.account != changes.account:
        yield Problem(
            f"account {changes.account}",
            f"the Pulumi plugin would change it (as {changes.arn}), but account {looked.account} was looked at "
            f"(as {looked.arn})",
            "one account",
            f"{SAME} <profile>",
        )


def check_account_allowed(context: RestoreContext) -> Iterable[Problem]:
    """Refuses an account that isn't allowed by the plugin's own keys, obeyed before it starts."""
    looked, login = context.inventory.caller, context.settings.aws_login
    if not looked:
        return
    if login.allowed_accounts and looked.account not in login.allowed_accounts:
        allowed = ", ".join(login.allowed_accounts)
        yield _build_not_allowed(looked.account, looked.arn, f"one of aws:allowedAccountIds: {allowed}")
    if looked.account in login.forbidden_accounts:
        yield _build_not_allowed(looked.account, looked.arn, "none of aws:forbiddenAccountIds")


def _build_not_allowed(account: str, arn: str, needed: str) -> Problem:
    return Problem(f"account {account}", f"the login is {arn}", needed, "pulumi config set aws:profile <profile>")


def list_account_lines(context: RestoreContext) -> Iterable[str]:
    """Yields where all of this happens, for the impact."""
    looked, changes = context.inventory.caller, context.inventory.plugin_caller
    if not looked:
        return
    yield f"account: {looked.account}, region {context.settings.region}, as {looked.arn}"
    if changes and changes.principal != looked.principal:
        yield f"note: the Pulumi plugin calls AWS as {changes.arn}: rights were asked for {looked.arn} only"
