"""The way back as configurations: which earlier one to apply, and through which steps. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from restore.errors import Problem, Refused
from restore.model.request import Traffic

HIDDEN = "[secret]"
ID, TRAFFIC, WAIVERS = "restore:id", "restore:traffic", "restore:waive"
SOURCE_REGION = "restore:sourceRegion"


@dataclass(frozen=True)
class ConfigValue:
    """One config value; `text` is plain even where `secret` is set, and stays out of a repr then."""

    text: str = field(repr=False)
    secret: bool = False


Config = Mapping[str, ConfigValue]


@dataclass(frozen=True)
class Update:
    """One entry of `pulumi stack history`, newest first in a sequence."""

    kind: str
    result: str
    started: str
    message: str
    config: Config


@dataclass(frozen=True)
class Step:
    """One `pulumi up` with the keys to set and to remove before it."""

    title: str
    change: Mapping[str, ConfigValue]
    remove: tuple[str, ...]


@dataclass(frozen=True)
class WayBack:
    """The steps, and the earlier configuration they go back to (None: no earlier one of this restore was found)."""

    steps: tuple[Step, ...]
    earlier: Update | None


def read_text(config: Config, key: str) -> str:
    return config[key].text if key in config else ""


def is_same_value(left: ConfigValue, right: ConfigValue) -> bool:
    """Tells whether two values are equal as the program reads them: history gives objects as JSON text, whatever their
    layout."""
    return left.secret == right.secret and parse_value(left.text) == parse_value(right.text)


def parse_value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def set_traffic(config: Config, traffic: Traffic) -> dict[str, ConfigValue]:
    return {**config, TRAFFIC: ConfigValue(str(traffic))}


def merge_waivers(config: Config, now: Config) -> dict[str, ConfigValue]:
    """Returns a configuration with what was waived then and what is waived now: a waiver given during the switch holds
    on the way back too."""
    earlier_and_now = [parse_value(read_text(configuration, WAIVERS)) for configuration in (config, now)]
    union = {
        name: why
        for waivers in earlier_and_now
        if isinstance(waivers, dict)
        for name, why in cast("dict[str, Any]", waivers).items()
    }
    return {**config, WAIVERS: ConfigValue(json.dumps(union))} if union else dict(config)


def make_step(title: str, now: Config, later: Config) -> Step:
    change = {key: value for key, value in later.items() if key not in now or not is_same_value(now[key], value)}
    return Step(title, change, tuple(key for key in now if key not in later))


def find_earlier_update(id_: str, history: Sequence[Update]) -> Update | None:
    """Returns the newest update of this restore that did not serve from the candidate: the configuration before the
    switch."""
    return next((update for update in history if is_before_switch(id_, update)), None)


def is_before_switch(id_: str, update: Update) -> bool:
    traffic = read_text(update.config, TRAFFIC)
    return (update.kind, update.result, read_text(update.config, ID)) == ("update", "succeeded", id_) and (
        traffic != Traffic.RESTORED
    )


def plan_way_back(now: Config, history: Sequence[Update]) -> WayBack:
    """Returns the steps from `restored` (or a half-done move) back to the source: frozen first, then source.

    Raises Refused when there is nothing to go back from, the source is in another region, or a secret would come back
    as a placeholder.
    """
    id_ = read_text(now, ID)
    if not id_:
        raise Refused(
            [
                Problem(
                    "config id",
                    "not set: no restore is configured",
                    "the id of the restore to go back from",
                    "pulumi stack history (lists earlier configurations); pulumi config set id <id>",
                )
            ]
        )
    if region := read_text(now, SOURCE_REGION):
        raise Refused([describe_way_back_elsewhere(region)])
    earlier = find_earlier_update(id_, history)
    base = merge_waivers(earlier.config if earlier else now, now)
    hidden = [key for key, value in base.items() if value.secret and value.text == HIDDEN]
    if hidden:
        raise Refused(
            [
                Problem(
                    f"config {key.removeprefix('restore:')}",
                    f"the history gave the placeholder {HIDDEN}",
                    "the value itself",
                    "pulumi login (or set PULUMI_CONFIG_PASSPHRASE); python -m restore rollback",
                )
                for key in hidden
            ]
        )
    frozen, source = set_traffic(base, Traffic.FROZEN), set_traffic(base, Traffic.SOURCE)
    steps = (
        make_step("stop all writers (traffic frozen)", now, frozen),
        make_step("serve from the source again (traffic source)", frozen, source),
    )
    return WayBack(steps, earlier)


def describe_way_back_elsewhere(region: str) -> Problem:
    """Returns why nobody goes back to a database of another region: its applications are there, and what was written
    here since isn't."""
    return Problem(
        "traffic source",
        f"the source is in {region}: its applications run there, and those of this region never used it",
        "frozen, which stops the applications here; failing back is a restore of its own",
        'pulumi config set traffic frozen; pulumi up; docs/region.md, "Failing back"',
    )


def render(way: WayBack) -> str:
    """Returns what rollback is about to apply, for an 80-column terminal; secret values are never shown."""
    lines = ["Going back to the source."]
    if way.earlier:
        message = f" ({way.earlier.message})" if way.earlier.message else ""
        lines.append(f"Configuration of the update of {way.earlier.started}{message}.")
    else:
        lines.append("No earlier successful update of this restore is in the history; only traffic is changed.")
    for number, step in enumerate(way.steps, 1):
        lines.append(f"{number}. {step.title}: pulumi up with")
        lines += [
            f"     {key} = {HIDDEN if value.secret else value.text}" for key, value in sorted(step.change.items())
        ]
        lines += [f"     {key} removed" for key in sorted(step.remove)]
        if not step.change and not step.remove:
            lines.append("     no change of configuration")
    return "\n".join(lines)
