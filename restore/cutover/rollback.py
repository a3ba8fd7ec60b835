"""The way back as configurations: which earlier one to apply, and through which steps. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from restore.config.keys import DEFAULTS, PROJECT, RESTORE_KEYS
from restore.errors import Problem, Refused
from restore.model.request import Traffic

HIDDEN = "[secret]"
TYPED = frozenset(f"{PROJECT}:{name}" for name in RESTORE_KEYS)
ID, TRAFFIC, WAIVERS = "restore:id", "restore:traffic", "restore:waive"
SOURCE_REGION = "restore:sourceRegion"


@dataclass(frozen=True)
class ConfigValue:
    """One config value; `text` is plain even where `secret` is set, and stays out of a repr then."""

    text: str = field(repr=False)
    secret: bool = False


Config = Mapping[str, ConfigValue]


@dataclass(frozen=True)
class OwnConfig:
    """What the stack's own file sets, by full key; secrets are sealed in it. Everything else that `pulumi config` shows
    comes from Pulumi.yaml's defaults, or from an environment that the stack imports."""

    values: Mapping[str, Any]
    imports: bool = False
    """Whether it imports environments (Pulumi ESC)."""


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
    left: tuple[str, ...] = ()
    """Keys that had another value then, and aren't the stack's own: the environment that it imports has them."""


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


def make_step(title: str, now: Config, later: Config, own: OwnConfig) -> Step:
    """Returns what leads from one configuration to the other in the stack's own file: what is imported stays imported,
    and a value that was the default is the default again."""
    change: dict[str, ConfigValue] = {}
    remove = [key for key in now if key not in later and key in own.values]
    left: list[str] = []
    for key, value in later.items():
        if key in now and is_same_value(now[key], value):
            continue
        if is_left_alone(key, now, own):
            left.append(key)
        elif key != TRAFFIC and is_default(key, value):
            remove += [key] if key in own.values else []
        else:
            change[key] = remove_imported(own.values.get(key), now.get(key), value) if own.imports else value
    return Step(title, change, tuple(remove), tuple(left))


def is_left_alone(key: str, now: Config, own: OwnConfig) -> bool:
    """Tells whether a key's value comes from an environment: written into the stack's file it would hide whatever the
    environment says from then on. The keys of one restore are typed, and so the stack's own. An object with a secret in
    it stays as it is too: the history doesn't say which part of it was sealed."""
    if key in own.values:
        return holds_sealed(own.values[key])
    return own.imports and key in now and key not in TYPED


def holds_sealed(value: object) -> bool:
    """Tells whether an object or list has a sealed secret in it; a key that is a secret as a whole has none."""
    match value:
        case {"secure": str()}:
            return False
        case dict() | list():
            return '"secure":' in json.dumps(value, default=str)
        case _:
            return False


def is_default(key: str, value: ConfigValue) -> bool:
    """Tells whether a value is what Pulumi.yaml gives a key that isn't set: the history has these too."""
    name = key.removeprefix(f"{PROJECT}:")
    return key != name and name in DEFAULTS and DEFAULTS[name] == parse_value(value.text)


def remove_imported(own: object, now: ConfigValue | None, later: ConfigValue) -> ConfigValue:
    """Returns of an object what the stack's file must set so that, merged with the environment, it is `later`: an
    imported object and the stack's own are merged field by field."""
    wanted, merged = parse_value(later.text), parse_value(now.text) if now else None
    if not isinstance(wanted, dict) or not isinstance(merged, dict):
        return later
    mine = cast("dict[str, Any]", own) if isinstance(own, dict) else {}
    return ConfigValue(json.dumps(_subtract(mine, cast("dict[str, Any]", merged), cast("dict[str, Any]", wanted))))


def _subtract(own: Mapping[str, Any], merged: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in wanted.items():
        mine, present = own.get(name), merged.get(name)
        if isinstance(value, dict) and isinstance(present, dict):
            inner = cast("dict[str, Any]", mine) if isinstance(mine, dict) else {}
            part = _subtract(inner, cast("dict[str, Any]", present), cast("dict[str, Any]", value))
            kept |= {name: part} if part or name in own else {}
        elif name in own or name not in merged or present != value:
            kept[name] = value
    return kept


def find_earlier_update(id_: str, history: Sequence[Update]) -> Update | None:
    """Returns the newest update of this restore that did not serve from the candidate: the configuration before the
    switch."""
    return next((update for update in history if is_before_switch(id_, update)), None)


def is_before_switch(id_: str, update: Update) -> bool:
    traffic = read_text(update.config, TRAFFIC)
    return (update.kind, update.result, read_text(update.config, ID)) == ("update", "succeeded", id_) and (
        traffic != Traffic.RESTORED
    )


def plan_way_back(now: Config, history: Sequence[Update], own: OwnConfig | None = None) -> WayBack:
    """Returns the steps from `restored` (or a half-done move) back to the source: frozen first, then source.

    Raises Refused when there is nothing to go back from, the source is in another region, or a secret would come back
    as a placeholder. `own`: what of the present configuration is the stack's own; by default all of it.
    """
    own = own or OwnConfig({key: parse_value(value.text) for key, value in now.items()})
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
    served = Step("serve from the source again (traffic source)", set_traffic({}, Traffic.SOURCE), ())
    frozen = make_step("stop all writers (traffic frozen)", now, set_traffic(base, Traffic.FROZEN), own)
    steps = (frozen, served)
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
        lines += [f"     {key} stays: the stack imports it, or a secret is in it" for key in sorted(step.left)]
        if not step.change and not step.remove:
            lines.append("     no change of configuration")
    return "\n".join(lines)
