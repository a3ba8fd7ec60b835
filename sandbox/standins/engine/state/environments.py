"""Environments that a stack imports (`environment:` in its settings file): values that are none of its own.

Pulumi Cloud keeps them (Pulumi ESC), and the CLI refuses them for any other backend. Here each is a document of the
backend, `.pulumi/environments/<name>.yaml`, in ESC's own form: `values.pulumiConfig`, a secret as `fn::secret`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import yaml

from sandbox.standins.engine.errors import Problem
from sandbox.standins.engine.property_values import Props, Value, as_object, rewrite
from sandbox.standins.engine.state.bucket import Bucket

FOLDER = "environments"
SECRET = "fn::secret"
KNOWN = {"values"}


def merge(imported: Value, own: Value) -> Value:
    """The stack's own value over the imported one, field by field: JSON merge patch, RFC 7386 (pulumi/pulumi,
    sdk/go/common/workspace/config.go, mergeConfig)."""
    if not isinstance(own, dict) or not isinstance(imported, dict) or "secure" in own or "secure" in imported:
        return own
    merged = {**imported, **{name: merge(imported.get(name), value) for name, value in own.items()}}
    return {name: value for name, value in merged.items() if value is not None}


def read_environments(bucket: Bucket, names: Value, seal: Callable[[str], str]) -> Props:
    """What the named environments say, a later one over an earlier one. Raises Problem for what isn't there, and for
    what isn't served."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Problem("environment: only a list of names is served by the stand-in engine")
    values: Props = {}
    for name in cast("Sequence[str]", names):
        values = as_object(merge(values, _read_environment(bucket, name, seal)))
    return values


def _read_environment(bucket: Bucket, name: str, seal: Callable[[str], str]) -> Props:
    where = f"{FOLDER}/{name}.yaml"
    try:
        document: object = yaml.safe_load(bucket.read(where))
    except FileNotFoundError as error:
        raise Problem(f"open environment: environment '{name}' not found ({bucket.describe(where)})") from error
    except yaml.YAMLError as error:
        raise Problem(f"open environment: {bucket.describe(where)}: {error}") from error
    content = as_object(cast("Value", document))
    values = as_object(content.get("values"))
    if content.keys() - KNOWN or values.keys() - {"pulumiConfig"}:
        raise Problem(f"environment '{name}': only values.pulumiConfig is served by the stand-in engine")

    def sealed(value: Value) -> Value:
        if isinstance(value, dict) and list(value) == [SECRET]:
            return {"secure": seal(str(value[SECRET]))}
        return value

    return as_object(rewrite(values.get("pulumiConfig"), sealed))
