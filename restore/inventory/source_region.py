"""Reads the region of a source that isn't the stack's, as far as it answers, and what the stack's own has instead.

Nothing here raises for a region that doesn't answer: that it doesn't is what a restore into another region begins with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from restore.aws import Aws, Rds
from restore.aws.places import Groups
from restore.errors import RestoreError
from restore.inventory.dump_lookup import list_late_dumps
from restore.model.rds import Instance, Snapshot
from restore.model.region import LateDump, Places, SourceRegion
from restore.model.request import Method, Settings

Value = TypeVar("Value")

SECURITY_GROUPS, PARAMETERS, DUMPS = "the source's security groups", "the source's parameters", "the source's dumps"


@dataclass(frozen=True)
class SourceLook:
    """What the source's region says."""

    region: SourceRegion
    instance: Instance | None


def read_source_region(settings: Settings, name: str) -> SourceLook:
    """Returns what can be had of the source's region. One call decides whether it answers; the others are asked side by
    side after it."""
    aws = Aws.of_source(settings)
    try:
        instance = Rds(aws, settings.tunnel).find_instance(settings.source)
    except RestoreError as error:
        return SourceLook(SourceRegion(name, _describe_error(error)), None)
    unasked: dict[str, str] = {}
    groups = Groups(aws)

    def read(what: str, question: Callable[[], Value]) -> Value | None:
        try:
            return question()
        except RestoreError as error:
            unasked[what] = _describe_error(error)
            return None

    with ThreadPoolExecutor(3, thread_name_prefix="source-region") as pool:
        names = pool.submit(read, SECURITY_GROUPS, lambda: _read_security_group_names(groups, instance))
        parameters = pool.submit(read, PARAMETERS, lambda: _read_parameters(groups, instance))
        late = pool.submit(read, DUMPS, lambda: _list_late_dumps(settings, aws))
        return SourceLook(
            SourceRegion(
                name,
                security_groups=names.result() or {},
                parameters=parameters.result(),
                late_dumps=late.result() or (),
                unasked=unasked,
            ),
            instance,
        )


def _describe_error(error: RestoreError) -> str:
    return error.problem.found if error.problem else str(error)


def _read_security_group_names(groups: Groups, source: Instance | None) -> Mapping[str, str]:
    ids = source.settings.vpc_security_group_ids if source else ()
    return {group.identifier: group.name for group in groups.find_security_groups(ids=ids)}


def _read_parameters(groups: Groups, source: Instance | None) -> Mapping[str, str] | None:
    name = source.settings.parameter_group_name if source else None
    return groups.read_parameters(name) if name else None


def _list_late_dumps(settings: Settings, aws: Aws) -> tuple[LateDump, ...]:
    wanted = settings.backups.source_bucket and (settings.request is None or settings.request.method is Method.DUMP)
    return list_late_dumps(settings, aws) if wanted else ()


def read_snapshot(settings: Settings, arn: str) -> Snapshot | None:
    """Returns a snapshot of the source's region; None also where that doesn't answer."""
    try:
        return Rds(Aws.of_source(settings)).find_snapshot(arn)
    except RestoreError:
        return None


def read_places(settings: Settings, look: SourceLook) -> Places:
    """Returns what the stack's region has under the source's names. Raises PermanentError, TemporaryError: the stack's
    own region must answer."""
    groups = Groups(Aws.of(settings))
    with ThreadPoolExecutor(3, thread_name_prefix="places") as pool:
        subnet_groups = pool.submit(groups.list_subnet_groups)
        parameter_groups = pool.submit(groups.list_parameter_groups)
        names = list(look.region.security_groups.values())
        security_groups = pool.submit(groups.find_security_groups, names=names)
        return Places(subnet_groups.result(), parameter_groups.result(), security_groups.result())
