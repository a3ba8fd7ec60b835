"""Which AWS Backup plans an instance is in. Pure.

How selections select: AWS Backup API reference, BackupSelection. `Resources` are ARNs, with `*` for any characters;
`Conditions` must all hold in addition; `ListOfTags` selects what has one of the tags besides; `NotResources` are left
out; one that says nothing selects everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from restore.model.dependents import BackupSelection, DependentKind, Dependents, KnownBy
from restore.model.rds import Instance

TAG_KEY = "aws:ResourceTag/"
NAME_LIMIT = 50
"""Characters of a selection's name."""


def match_selection(selection: BackupSelection, instance: Instance) -> KnownBy | None:
    """Returns by what a selection selects an instance; None where it doesn't."""
    if _is_listed(selection.not_resources, instance.arn):
        return None
    if any(instance.tags.get(key) == value for key, value in selection.any_tags):
        return KnownBy.TAGS
    everything = not selection.resources and not selection.any_tags
    if not everything and not _is_listed(selection.resources, instance.arn):
        return None
    if not all(_holds(instance.tags, *condition) for condition in selection.conditions):
        return None
    return KnownBy.ARN if instance.arn in selection.resources else KnownBy.TAGS


def list_plans(selections: Iterable[BackupSelection], instance: Instance) -> dict[str, str]:
    """Returns the names of the plans that an instance is in, by their ids."""
    return {item.plan_id: item.plan_name for item in selections if match_selection(item, instance)}


def list_backup_plans(dependents: Dependents) -> dict[str, str]:
    """Returns the names of the plans that the source was found in, by their ids."""
    selections = dependents.select_kind(DependentKind.BACKUP_SELECTION)
    return {item.place.partition(" ")[0]: item.name.partition("/")[0] for item in selections}


def name_new_selection(restore_id: str) -> str:
    """Returns the name by which a selection of this restore is found again."""
    return f"restore-{restore_id}"[:NAME_LIMIT]


def _is_listed(patterns: Iterable[str], arn: str) -> bool:
    return any(fnmatchcase(arn, pattern.replace("[", "[[]")) for pattern in patterns)


def _holds(tags: Mapping[str, str], operator: str, key: str, value: str) -> bool:
    name = key.removeprefix(TAG_KEY)
    has = name in tags
    match operator:
        case "StringEquals":
            return has and tags[name] == value
        case "StringNotEquals":
            return not has or tags[name] != value
        case "StringLike":
            return has and fnmatchcase(tags[name], value)
        case "StringNotLike":
            return not has or not fnmatchcase(tags[name], value)
        case _:
            return False
