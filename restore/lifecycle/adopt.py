"""A state that was lost is made again: what AWS has of a restore, and what the evidence proves of it. Pure.

Nothing is made or changed in AWS or in the cluster: instance and snapshots are imported, and receipts are given only
for proofs of this very instance, under the same conditions as now, as far as AWS agrees: its DbiResourceId, its
settings and the pinned bytes of its dump are those of the proof. All else is proved again by the next `pulumi up`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from restore.candidate.settings import PYTHON_NAMES
from restore.config.settings import POINTS
from restore.errors import Problem, Refused
from restore.lifecycle.close import OF_ONE_RESTORE
from restore.model.dump import DumpVersion
from restore.model.gates import CONFORMED, IMPORTED, SCANNED, VALIDATED, Move, determine_move, list_needed_gates
from restore.model.labels import TAG_ID, TAG_POINT, TAG_STACK
from restore.model.planned import Plan
from restore.model.rds import Instance, InstanceSettings
from restore.model.request import LATEST, Method, Traffic
from restore.redaction import MASK
from restore.units import format_moment

EVIDENCED = (CONFORMED, SCANNED, IMPORTED, VALIDATED)
"""The gates whose proofs last, in the order in which one needs the other; those of traffic are proved at each move."""
WANTED, FOUND = "wanted", "found"
"""The sides of what gate `conformed` records of a setting."""
ListChanges = Callable[[Instance, InstanceSettings], tuple[str, ...]]
"""The names of the settings that an instance hasn't got any more."""
RECORD = "adopt"
"""The step of the record of an adoption."""
NEVER = "nothing in AWS or Kubernetes is changed"


@dataclass(frozen=True)
class Adoption:
    """What `adopt` will write, and what is left to the next `pulumi up`."""

    plan: Plan
    """Of what exists: with traffic at the source, so that it declares no application."""
    proofs: Mapping[str, Mapping[str, Any]]
    """By gate, the record that proves it."""
    left: tuple[str, ...]
    """The gates that the next `up` proves."""
    config: Mapping[str, str]
    """Keys to set; empty where the configuration names this restore."""
    changed: tuple[str, ...] = ()
    """Settings that the instance no longer has as gate `conformed` proved them: nothing is proved by that record."""


def choose_instance(stack: str, named: str | None, instances: Iterable[Instance]) -> Instance:
    """Returns the instance of the restore that is to be adopted: the one that is named, or the only open one.

    Raises Refused for none, and for several.
    """
    of_stack = [instance for instance in instances if instance.tags.get(TAG_STACK) == stack]
    ids = sorted(instance.tags.get(TAG_ID, "") for instance in of_stack)
    fitting = [instance for instance in of_stack if named in (None, instance.tags.get(TAG_ID))]
    if len(fitting) == 1:
        return fitting[0]
    found = f"open restores of stack {stack}: {', '.join(ids) or 'none'}"
    fix = "python -m restore adopt <id>" if ids else "pulumi preview"
    raise Refused([Problem(f"restore {named or ''}".strip(), found, "one that is tagged for this stack", fix)])


def build_config(instance: Instance, last_run: Mapping[str, Any] | None) -> dict[str, str]:
    """Returns the keys of a restore, all but `traffic`: as its last run had them, its id and its recovery point as the
    instance's own tags say."""
    run_config = cast("Mapping[str, Any]", (last_run or {}).get("config") or {})
    config = {
        key: str(value)
        for key, value in run_config.items()
        if key in OF_ONE_RESTORE and key != "restore:traffic" and value not in ("", "false", "{}", MASK)
    }
    method, _, point = instance.tags.get(TAG_POINT, "").partition(":")
    config |= {"restore:id": instance.tags.get(TAG_ID, "")}
    if method not in set(Method):
        return config
    key = f"restore:{POINTS[Method(method)]}"
    others = {f"restore:{other}" for other in POINTS.values()} - {key}
    config = {name: value for name, value in config.items() if name not in others}
    return {**config, "restore:method": method, key: point if point != LATEST else config.get(key, LATEST)}


OF_CANDIDATE = ("candidate", "accepted", "created", "safety", "settings", "copy", "parameters")


def choose_traffic(found: Traffic | None, last_run: Mapping[str, Any] | None) -> Traffic:
    """Returns who serves, as found; of a half-done move where it was to go, and without a record that nobody does."""
    wanted = cast("Mapping[str, Any]", (last_run or {}).get("plan") or {}).get("traffic")
    return found or (Traffic(wanted) if wanted in set(Traffic) else Traffic.FROZEN)


def require_lost(state: Mapping[str, Any], restore_id: str) -> None:
    """Raises Refused for a state that has more than an adoption makes: it isn't lost, and a smaller program would drop
    what it has."""
    resources = cast("list[dict[str, Any]]", state["deployment"].get("resources") or [])
    gates = (gate.name for gate in EVIDENCED)
    kept = {restore_id, *(f"{name}-{restore_id}" for name in (*OF_CANDIDATE, *gates))}
    names = [
        str(resource["urn"]).rpartition("::")[2]
        for resource in resources
        if not str(resource["type"]).startswith(("pulumi:pulumi:", "pulumi:providers:"))
    ]
    if others := sorted(set(names) - kept):
        found = f"it has {', '.join(others[:5])}{' ...' if len(others) > 5 else ''}"
        raise Refused([Problem("stack state", found, "a state that was lost: this one goes on by itself", "pulumi up")])


def make_adoption(
    plan: Plan,
    records: Sequence[Mapping[str, Any]],
    fingerprints: Mapping[str, Mapping[str, Any]],
    config: Mapping[str, str],
    list_changes: ListChanges,
) -> Adoption:
    """Returns what is adopted. `fingerprints`: what each gate's receipt would say now besides the plan. Raises Refused
    where AWS has no instance of this restore."""
    if plan.candidate_found is None:
        found, fix = f"AWS has no {plan.candidate} of this restore", "pulumi preview"
        raise Refused([Problem(f"restore {plan.id}", found, "an instance to adopt", fix)])
    candidate, dump = plan.candidate_found, plan.point.dump
    proofs = find_proofs(records, candidate, fingerprints, dump)
    changed = list_changes(candidate, read_settings(proofs[CONFORMED.name], FOUND)) if CONFORMED.name in proofs else ()
    proofs = {} if changed else proofs
    left = tuple(gate.name for gate in list_needed_gates(plan) if gate.name not in proofs)
    conformed = proofs.get(CONFORMED.name)
    existing = replace(
        plan,
        traffic=Traffic.SOURCE,
        apps=(),
        secret=None,
        rename=None,
        safety_snapshot=None if determine_move(plan) is Move.NONE else plan.adopt_safety,
        copy=plan.copy if plan.copy and plan.copy.adopt else None,
        parameter_group=plan.parameter_group if plan.parameter_group and plan.parameter_group.adopt else None,
        settings=read_settings(conformed, WANTED) if conformed else plan.settings,
    )
    return Adoption(existing, proofs, left, config, changed)


def find_proofs(
    records: Sequence[Mapping[str, Any]],
    candidate: Instance,
    fingerprints: Mapping[str, Mapping[str, Any]],
    dump: DumpVersion | None,
) -> dict[str, Mapping[str, Any]]:
    """Returns the records that prove gates of this instance, up to the first gate that none proves: the newest attempt
    must have opened, for the same conditions (waivers, expectations, bytes of the dump) as now."""
    proofs: dict[str, Mapping[str, Any]] = {}
    for gate in (gate for gate in EVIDENCED if dump or not gate.dump_only):
        attempts = [record for record in records if record.get("gate") == gate.name]
        newest = attempts[-1] if attempts else None
        if newest is None or not is_proof(newest, gate.name, candidate, fingerprints[gate.name], dump):
            break
        proofs[gate.name] = newest
    return proofs


def is_proof(
    record: Mapping[str, Any],
    gate: str,
    candidate: Instance,
    fingerprint: Mapping[str, Any],
    dump: DumpVersion | None,
) -> bool:
    facts = cast("Mapping[str, Any]", record.get("facts") or {})
    same_thing = {
        SCANNED.name: dump is not None and dump.version in (facts.get("versionId"), facts.get("etag")),
        IMPORTED.name: dump is not None and facts.get("dump") == dict(vars(dump)),
        CONFORMED.name: bool(facts.get("settings")),
    }.get(gate, True)
    same_instance = gate == SCANNED.name or facts.get("resource_id") == candidate.resource_id
    same_terms = record.get("fingerprint") == json.loads(json.dumps(fingerprint, default=str))
    return record.get("open") is True and same_instance and same_thing and same_terms


def read_settings(record: Mapping[str, Any], side: str) -> InstanceSettings:
    """Returns the settings that gate `conformed` recorded: those that were wanted when the instance was made, or those
    that it was found with at last."""
    rows = cast("Mapping[str, Mapping[str, Any]]", record["facts"]["settings"])
    values = {PYTHON_NAMES[name]: row.get(side) for name, row in rows.items() if name in PYTHON_NAMES}
    lists = {name: tuple(cast("list[str]", value)) for name, value in values.items() if isinstance(value, list)}
    return replace(InstanceSettings(), **{**values, **lists})


def render(adoption: Adoption, stack: str, evidence: str) -> str:
    """Returns what is about to be adopted, for an 80-column terminal."""
    plan = adoption.plan
    candidate = plan.candidate_found
    assert candidate is not None
    lines = [
        f"Adopting restore {plan.id} into the state of stack {stack}; {NEVER}.",
        f"Imported: instance {candidate.identifier} ({candidate.resource_id}, {candidate.status}),",
        f"  made from {plan.point.tag}",
    ]
    if plan.safety_snapshot:
        lines.append(f"Imported: safety snapshot {plan.safety_snapshot}")
    if plan.copy:
        lines.append(f"Imported: copied snapshot {plan.copy.name}")
    if plan.parameter_group:
        lines.append(f"Imported: parameter group {plan.parameter_group.name}")
    for gate, record in adoption.proofs.items():
        proved = format_moment(datetime.fromisoformat(str(record.get("ended"))))
        lines.append(f"Receipt of {gate}: proved {proved}, by {evidence}")
    if adoption.changed:
        lines.append(f"Changed in AWS since the proofs, which no longer hold: {', '.join(adoption.changed)}")
    if adoption.left:
        lines.append(f"Left to the next `pulumi up`, which proves it: {', '.join(adoption.left)}")
    lines += [f"config: {key} = {value}" for key, value in adoption.config.items()]
    return "\n".join(lines)
