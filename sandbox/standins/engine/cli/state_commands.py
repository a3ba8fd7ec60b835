"""`pulumi state ...`: edits of the state that touch nothing else."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import cast

from sandbox.standins.engine.cli import stack_selection
from sandbox.standins.engine.cli.arguments import Commands, Parser
from sandbox.standins.engine.errors import Problem
from sandbox.standins.engine.property_values import Props, Value, as_object
from sandbox.standins.engine.state.resource import Resource
from sandbox.standins.engine.state.stack import Stack
from sandbox.standins.engine.urns import name_of

QUESTION = "This command will edit your stack's state directly. Confirm?"
UNKNOWN = """No such resource "{}" exists in the current state
To list the resource URNs in the stack, run `pulumi stack --show-urns`; to inspect the full state, run \
`pulumi stack export`."""


def add(parser: Parser) -> None:
    parts = Commands(parser)
    parts.add(
        "delete", delete, "urn=", "-y|--yes", "-f|--force", "--target-dependents", text="forget a resource; it lives on"
    )
    parts.add("unprotect", unprotect, "urn=?", "-y|--yes", "--all", text="lift the protection of resources")
    parts.add("rename", rename, "urn=", "new_name=", "-y|--yes", text="give a resource another name")
    parser.set_defaults(act=_nothing)


def _nothing(args: argparse.Namespace) -> None:
    del args
    raise Problem("state: name what to do: delete, unprotect or rename")


def _edit(args: argparse.Namespace, change: Callable[[list[Resource]], list[Resource]]) -> None:
    """Applies a change to the resources under the stack's lock. Secrets stay sealed: no passphrase is needed."""
    stack_selection.prompts(args).confirm(QUESTION)
    stack = stack_selection.stack(args)
    with stack.lock():
        deployment = stack.load()
        resources = [Resource.from_json(as_object(r)) for r in cast(list[Value], deployment.get("resources") or [])]
        _save(stack, deployment, change(resources))


def _save(stack: Stack, deployment: Props, resources: list[Resource]) -> None:
    stack.save({**deployment, "resources": [r.to_json() for r in resources]})


def find(resources: list[Resource], urn: str) -> Resource:
    """Raises Problem for a URN that is unknown, or ambiguous while a replacement is under way."""
    matches = [r for r in resources if r.urn == urn]
    if not matches:
        raise Problem(UNKNOWN.format(urn))
    if len(matches) > 1:
        raise Problem(f'"{urn}" is ambiguous: {len(matches)} resources have it; finish the replacement first')
    return matches[0]


def without(resources: list[Resource], urn: str, *, dependents: bool, force: bool) -> list[Resource]:
    """The resources without one, and without all that stand on it when `dependents`."""
    doomed = {find(resources, urn).urn}
    for resource in resources:  # in the order of creation: what a resource needs comes before it
        if resource.needs & doomed:
            doomed.add(resource.urn)
    standing = [r for r in resources if r.urn in doomed and r.urn != urn]
    if standing and not dependents:
        listed = "\n".join(f' * "{name_of(r.urn)}" ({r.urn})' for r in standing)
        raise Problem(
            "This resource can't be safely deleted because the following resources depend on it:\n"
            f"{listed}\n\nDelete those resources first or pass --target-dependents."
        )
    protected = [r.urn for r in resources if r.urn in doomed and r.protect]
    if protected and not force:
        raise Problem(
            f"This resource can't be safely deleted because it is protected: {protected[0]}. Re-run this command with "
            "--force to force deletion"
        )
    return [r for r in resources if r.urn not in doomed]


def delete(args: argparse.Namespace) -> None:
    _edit(args, lambda resources: without(resources, args.urn, dependents=args.target_dependents, force=args.force))
    print("Resource deleted")


def unprotect(args: argparse.Namespace) -> None:
    def change(resources: list[Resource]) -> list[Resource]:
        for resource in resources if args.all else [find(resources, args.urn or "")]:
            resource.protect = False
        return resources

    _edit(args, change)
    print("All resources unprotected" if args.all else "1 resources unprotected")


def renamed(resources: list[Resource], urn: str, name: str) -> list[Resource]:
    """The resources with one under another name, and whatever refers to it."""
    find(resources, urn)
    new = f"{urn[: -len(name_of(urn))]}{name}"
    if any(r.urn == new for r in resources):
        raise Problem(f'Resource "{new}" exists already')

    def now(known_urn: str) -> str:
        return new if known_urn == urn else known_urn

    for resource in resources:
        resource.urn, resource.parent = now(resource.urn), now(resource.parent)
        resource.deleted_with = now(resource.deleted_with)
        resource.dependencies = list(map(now, resource.dependencies))
        resource.property_dependencies = {k: list(map(now, v)) for k, v in resource.property_dependencies.items()}
        reference, _, identity = resource.provider.rpartition("::")
        resource.provider = f"{now(reference)}::{identity}" if reference else ""
    return resources


def rename(args: argparse.Namespace) -> None:
    if not args.new_name or "::" in args.new_name:
        raise Problem(f"{args.new_name!r} is no name for a resource")
    _edit(args, lambda resources: renamed(resources, args.urn, args.new_name))
    print("Resource renamed")
