"""What a gate can say of a source in another region: who writes there, and how far its backups have come.

Applications of that region are in another cluster: this program stops none of them. As long as the database answers,
its sessions show them; when it doesn't, nobody can prove that they stopped, and a person has to say it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from restore.errors import Problem, RestoreError
from restore.gates.context import GateContext
from restore.gates.hook import Watch
from restore.model.gates import QUIESCED
from restore.model.rds import Instance
from restore.model.region import name_unfenced
from restore.model.waivers import is_waived

NEEDED = "the word of a person that the applications there are stopped, and stay so when the region is back"
FIX = 'docs/region.md, "The writers of the lost region"; pulumi up'


def find_unfenced_problems(context: GateContext, watch: Watch, database: Instance | None) -> Sequence[Problem]:
    """Returns the problem `<gate>.unfenced:<region>` where the region of a source elsewhere doesn't answer.

    `database` is the one that its applications use. A waiver that was given for gate `quiesced` counts in every gate:
    it is the same word of the same person.
    """
    region = context.settings.source_region
    if region is None or is_candidate(context, database):
        return []
    silence = find_silence(context)
    if not silence:
        return []
    watch.say(f"{region} doesn't answer: whether anybody writes there can't be seen ({silence})")
    name = name_unfenced(watch.gate, region)
    if name != name_unfenced(QUIESCED.name, region) and is_waived(
        name_unfenced(QUIESCED.name, region), context.settings.waive
    ):
        return []
    found = f"{region} doesn't answer ({silence}): applications there may still write to {context.settings.source}"
    return [Problem(name, found, NEEDED, FIX)]


def is_candidate(context: GateContext, database: Instance | None) -> bool:
    return database is not None and database.identifier == context.plan.candidate


def find_silence(context: GateContext) -> str:
    """Returns why the source's region doesn't answer now; empty where it does."""
    rds = context.source_rds
    if rds is None:
        return ""
    try:
        rds.find_instance(context.settings.source)
    except RestoreError as error:
        return error.problem.found if error.problem else str(error)
    return ""


def read_replicated_until(context: GateContext) -> datetime | None:
    """Returns the last moment that the replicated backups of the source reach, in the stack's region."""
    resource_id = context.plan.point.source_resource_id
    if resource_id is None:
        return None
    return max(
        (backup.latest for backup in context.rds.list_automated_backups(resource_id=resource_id) if backup.latest),
        default=None,
    )
