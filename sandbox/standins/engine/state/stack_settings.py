"""Pulumi.<stack>.yaml: the configuration of one stack, and the salt of its secrets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from sandbox.standins.engine.errors import Problem
from sandbox.standins.engine.property_values import MASK, Props, Value, as_object, compact, has, rewrite
from sandbox.standins.engine.state import config_schema, property_paths
from sandbox.standins.engine.state.environments import merge
from sandbox.standins.engine.state.files import read_yaml, write_yaml
from sandbox.standins.engine.state.passphrase_secrets import Crypter
from sandbox.standins.engine.state.project import Project, refuse_unknown

KEYS = {"config", "encryptionsalt", "environment", "secretsprovider"}
REFUSED = {"pulumi:autonaming": "automatic naming", "pulumi:tags": "stack tags", "pulumi:disable-default-providers": ""}


@dataclass(frozen=True)
class Entry:
    """One configuration value as the program gets it (objects as JSON text), and as it was written."""

    text: str
    secret: bool
    value: Value

    @property
    def is_object(self) -> bool:
        return isinstance(self.value, (dict, list)) and not config_schema.is_sealed(self.value)


def refuse_imports(_names: Value) -> Props:
    raise Problem("environment: there is no backend here that has any")


class StackSettings:
    """The file of one stack; changed in memory, kept by `save`. `read_imported`: the values of environments by their
    names."""

    def __init__(self, project: Project, file: Path, read_imported: Callable[[Value], Props] = refuse_imports) -> None:
        self.project, self.file, self._read_imported = project, file, read_imported
        self.data = read_yaml(file)
        refuse_unknown(file, "", self.data, KEYS)
        if self.data.get("secretsprovider") not in (None, "passphrase"):
            raise Problem(f"{file}: secretsprovider: only `passphrase` is served by the stand-in engine")

    @property
    def salt(self) -> str:
        return str(self.data.get("encryptionsalt") or "")

    @salt.setter
    def salt(self, salt: str) -> None:
        self.data = {"encryptionsalt": salt, **self.data}

    @property
    def values(self) -> Props:
        return as_object(self.data.get("config"))

    @values.setter
    def values(self, values: Props) -> None:
        self.data = {k: v for k, v in self.data.items() if k != "config"}
        if values:
            self.data["config"] = values

    def save(self) -> None:
        write_yaml(self.file, self.data)

    def key(self, key: str) -> str:
        """`namespace:name`, the project's own namespace filled in."""
        if key.count(":") > 1:
            raise Problem(
                f"invalid configuration key: could not parse {key} as a configuration key (configuration keys should "
                "be of the form `<namespace>:<name>`)"
            )
        full = key if ":" in key else f"{self.project.name}:{key}"
        if full in REFUSED:
            raise Problem(f"configuration key {full} is not served by the stand-in engine")
        return full

    def path(self, key: str, path: bool) -> property_paths.Path:
        steps = property_paths.parse(key) if path else [key]
        return [self.key(str(steps[0])), *steps[1:]]

    def all(self, crypter: Crypter | None) -> dict[str, Entry]:
        """Every value, project defaults included, by key in order; secrets in clear only with a crypter."""
        return {key: entry(value, crypter) for key, value in sorted(self.merged().items())}

    def merged(self) -> Props:
        """The values over those of imported environments and the project's defaults, as an update has them and its
        history keeps them."""
        defaults = {d.key: d.default for d in self.project.declarations if d.default is not None}
        return {self.key(key): value for key, value in {**defaults, **self._with_imported()}.items()}

    def _with_imported(self) -> Props:
        own = {self.key(key): value for key, value in self.values.items()}
        names = self.data.get("environment")
        if not names:
            return own
        imported = {self.key(key): value for key, value in self._read_imported(names).items()}
        return {key: merge(imported.get(key), own[key]) if key in own else imported[key] for key in {**imported, **own}}

    def set(self, key: str, value: Value, *, path: bool = False) -> None:
        values = {**self.values}
        steps = self.path(key, path)
        try:
            property_paths.put(values, steps, value)
        except ValueError as error:
            raise Problem(f"setting {key}: {error}") from error
        self.values = values

    def remove(self, key: str, *, path: bool = False) -> None:
        values = {**self.values}
        property_paths.remove(values, self.path(key, path))
        self.values = values

    def validate(self, stack: str) -> None:
        """Raises Problem for the first value that is not what Pulumi.yaml declares."""
        config_schema.validate(stack, self.project.name, self.project.declarations, self._with_imported())


def entry(value: Value, crypter: Crypter | None) -> Entry:
    sealed = has(value, config_schema.is_sealed)
    if crypter:
        shown = rewrite(value, lambda v: crypter.decrypt(_sealed_text(v)) if config_schema.is_sealed(v) else v)
    else:
        shown = MASK if sealed else value
    return Entry(as_text(shown), sealed, value)


def _sealed_text(value: Value) -> str:
    return cast(dict[str, str], value)["secure"]


def as_text(value: Value) -> str:
    """A value as the program gets it: a text, or JSON for what has structure."""
    if isinstance(value, (dict, list)):
        return compact(value)
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def typed(text: str, kind: str) -> Value:
    """What `config set --type` stores. Raises Problem for a text that is not of the type."""
    if kind == "string":
        return text
    if kind in ("int", "integer") and text.lstrip("+-").isdigit():
        return int(text)
    if kind in ("bool", "boolean") and text in ("true", "false"):
        return text == "true"
    if kind == "float":
        try:
            return float(text)
        except ValueError:
            pass
    raise Problem(f"cannot parse {text!r} as {kind}")


def guessed(text: str) -> Value:
    """What `config set --path` stores below the first key: numbers and booleans as such."""
    if text in ("true", "false"):
        return text == "true"
    return int(text) if text.lstrip("-").isdigit() and (text == "0" or not text.lstrip("-").startswith("0")) else text
