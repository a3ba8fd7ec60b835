"""What a change of inputs does to a resource: the plan that the bridged Terraform provider would make."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, cast

from sandbox.standins.aws.property_schema import Property
from sandbox.standins.plugin.interface import Difference
from sandbox.standins.plugin.property_values import Properties, has_unknown


def difference(
    properties: Mapping[str, Property],
    state: Properties,
    news: Properties,
    ignored: Collection[str] = (),
    names: Collection[str] = (),
) -> Difference:
    """Compares the inputs with the state, not with the earlier inputs: drift that a read brought in shows.

    `names` are properties that hold the resource's own name: when one was given explicitly and stays, a
    replacement can't exist together with the original, so the original goes first.
    """
    skipped = {path.partition(".")[0].partition("[")[0] for path in ignored}
    detailed: dict[str, str] = {}
    for key, declared in properties.items():
        if declared.input and key not in skipped and not _suppressed(key, state, news):
            detailed.update(_changes(key, declared, state.get(key), news.get(key)))
    plan = Difference(detailed)
    return Difference(detailed, bool(plan.replaces) and _keeps_its_name(names, state, news))


def _changes(key: str, declared: Property, old: Any, new: Any) -> dict[str, str]:
    if new is None:
        if declared.computed or _is_zero(old):
            return {}
        return {key: _kind("DELETE", declared)}
    if declared.kind in ("map", "object") and old and not has_unknown(new):
        return _nested(key, cast("Properties", old), cast("Properties", new))
    if _same(declared, old, new):
        return {}
    return {key: _kind("ADD" if old is None else "UPDATE", declared)}


def _nested(key: str, old: Properties, new: Properties) -> dict[str, str]:
    """Inside a map or block only the leaves are compared; none of the ones declared here forces a replacement."""
    changes: dict[str, str] = {}
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before == after or (_is_zero(before) and _is_zero(after)):
            continue
        changes[f"{key}.{name}"] = "ADD" if before is None else "DELETE" if after is None else "UPDATE"
    return changes


def _kind(kind: str, declared: Property) -> str:
    return f"{kind}_REPLACE" if declared.force_new else kind


def _same(declared: Property, old: Any, new: Any) -> bool:
    if _is_zero(old) and _is_zero(new):
        return True
    if declared.kind == "set" and isinstance(old, list) and isinstance(new, list):
        return sorted(map(str, cast("list[Any]", old))) == sorted(map(str, cast("list[Any]", new)))
    return bool(old == new)


def _is_zero(value: Any) -> bool:
    return value is None or value in ("", 0, False) or value in ([], {})


def _suppressed(key: str, state: Properties, news: Properties) -> bool:
    """Differences that the provider's schema doesn't count: letter case, and storage that autoscaling has grown."""
    old, new = state.get(key), news.get(key)
    if key in ("engine", "maintenanceWindow"):
        return isinstance(old, str) and isinstance(new, str) and old.lower() == new.lower()
    if key == "allocatedStorage" and isinstance(old, int) and isinstance(new, int):
        return old > new and int(news.get("maxAllocatedStorage") or 0) > new
    if key == "maxAllocatedStorage":
        return not old and new is not None and new == news.get("allocatedStorage")
    return False


def _keeps_its_name(names: Collection[str], state: Properties, news: Properties) -> bool:
    made_up = cast("list[str]", news.get("__defaults") or [])
    return any(name in news and name not in made_up and news[name] == state.get(name) for name in names)
