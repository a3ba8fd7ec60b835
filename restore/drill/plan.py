"""Which restore a drill makes: its id, its recovery point, and the configuration of its own stack. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from restore.config.keys import RESTORE_KEYS
from restore.cutover.rollback import Config, ConfigValue
from restore.errors import Problem, Refused
from restore.model.identifiers import MAX_INSTANCE, name_candidate
from restore.model.request import Method, Settings
from restore.recovery_points.ranking import KEYS, Option
from restore.units import TIME_FORMAT
from validation.document_store import S3

PREFIX = "restore:"
LEFT_OUT = frozenset({"waive", "notify", "drill", "targets", "infrastructure", "prevention"})
"""Keys of the site that a drill's stack doesn't get: nothing is let pass, nobody is told of an incident, and no alarm
watches over what is torn down."""
IDS = ("drill-%y%m%d-%H%M%S", "d%y%m%d%H%M%S")
"""The id of a drill, and a shorter one for a source with a long name."""
ENDS_IN_ID = re.compile(r"-(?:drill-\d{6}-\d{6}|d\d{12})\Z")
DRILLED = "-drill"


def choose_id(source: str, now: datetime) -> str:
    """Returns an id that no drill had before. Raises Refused where the source's name leaves no room for it."""
    for form in IDS:
        if len(name_candidate(source, f"{now:{form}}")) <= MAX_INSTANCE:
            return f"{now:{form}}"
    found = f"{source} has {len(source)} characters"
    needed = f"room for the id of a drill: at most {MAX_INSTANCE} characters for <source>-<id>"
    raise Refused([Problem("config source", found, needed, 'docs/drill.md, "A source with a long name"')])


def is_of_drill_id(name: str) -> bool:
    """Tells whether a resource's name ends in an id that `choose_id` gives."""
    return ENDS_IN_ID.search(name) is not None


def choose_point(options: Iterable[Option], method: Method) -> Option:
    """Returns the newest recovery point of a method that this stack can restore as things are. Raises Refused where
    there is none, with what stands in the way of the newest one."""
    of_method = sorted((option for option in options if option.method is method), key=lambda option: option.lost)
    fitting = [option for option in of_method if not option.obstacle]
    if of_method and not fitting:
        fix = "python -m restore options"
        needed = "a recovery point that this stack can restore"
        raise Refused([Problem("config drill.method", f"{method}: {of_method[0].obstacle}", needed, fix)])
    if not fitting:
        fix = "python -m restore options; pulumi config set --path drill.method <pitr, snapshot or dump>"
        needed = "a recovery point of this method: without one there is no restore to rehearse"
        raise Refused([Problem("config drill.method", f"{method}, and no recovery point of it", needed, fix)])
    return fitting[0]


def read_value(option: Option) -> str:
    """Returns what the option's key is set to: of a point in time the very second, so that it can be compared."""
    return f"{option.at:{TIME_FORMAT}}" if option.method is Method.PITR else option.value


def configure(config: Config, drill_id: str, stack: str, option: Option, folder: Path) -> dict[str, ConfigValue]:
    """Returns the configuration of a drill's own stack: the site's keys, and a restore to the source's newest point
    that moves no traffic. `folder`: of the project, which relative places of the evidence begin at."""
    dropped = {f"{PREFIX}{name}" for name in RESTORE_KEYS | LEFT_OUT}
    kept = {key: value for key, value in config.items() if key not in dropped}
    own = {**option.config, "id": drill_id, KEYS[option.method]: read_value(option), "drillOf": stack}
    evidence = config[f"{PREFIX}evidence"].text if f"{PREFIX}evidence" in config else "./evidence"
    if not evidence.startswith(S3):
        evidence = str((folder / Path(evidence).expanduser()).resolve())
    return {
        **kept,
        **{f"{PREFIX}{key}": ConfigValue(text) for key, text in own.items()},
        f"{PREFIX}evidence": ConfigValue(evidence),
    }


def name_stack(stack: str) -> str:
    """Returns the name of a drill's own stack."""
    return f"{stack}{DRILLED}"


def require_ready(settings: Settings) -> None:
    """Raises Refused with everything that a drill needs and the configuration lacks."""
    problems: list[Problem] = []
    if not settings.drill.namespace:
        found, needed = "not set", "a namespace of its own, in which copies of the applications run"
        fix = "kubectl create namespace <name>; pulumi config set --path drill.namespace <name>"
        problems.append(Problem("config drill.namespace", found, needed, fix))
    if not settings.apps:
        fix = "pulumi config set --path apps.<deployment>.replicas <number>"
        problems.append(Problem("config apps", "not set", "the Deployments whose copies are switched", fix))
    names = {app.name for app in settings.apps}
    for name in settings.drill.apps:
        if name not in names:
            needed = f"one of apps: {', '.join(sorted(names))}"
            problems.append(
                Problem("config drill.apps", name, needed, "pulumi config set --path 'drill.apps[0]' <name>")
            )
    if problems:
        raise Refused(problems)
