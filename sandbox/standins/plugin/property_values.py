"""Property values as the engine sends them: protobuf structs, secrets, and values not yet known."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeAlias, cast

from google.protobuf.struct_pb2 import Struct, Value

Properties: TypeAlias = dict[str, Any]

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"


def from_struct(struct: Struct) -> Properties:
    """The struct as plain Python values; whole numbers become int."""
    return {key: _plain(value) for key, value in struct.fields.items()}


def _plain(value: Value) -> Any:
    match value.WhichOneof("kind"):
        case "struct_value":
            return from_struct(value.struct_value)
        case "list_value":
            return [_plain(item) for item in value.list_value.values]
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case _:
            return None


def to_struct(properties: Mapping[str, Any]) -> Struct:
    struct = Struct()
    struct.update(dict(properties))
    return struct


def block(value: Any) -> Properties:
    """The value as properties; empty when it is anything else."""
    return cast("Properties", value) if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """The value as a list; empty when it is anything else."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def secret(value: Any) -> Any:
    return value if is_secret(value) else {SIGNATURE: SECRET, "value": value}


def is_secret(value: Any) -> bool:
    return isinstance(value, dict) and cast("Properties", value).get(SIGNATURE) == SECRET


def reveal(value: Any) -> Any:
    """The value with every secret inside it unwrapped."""
    if is_secret(value):
        return reveal(value["value"])
    if isinstance(value, dict):
        return {key: reveal(item) for key, item in cast("Properties", value).items()}
    if isinstance(value, list):
        return [reveal(item) for item in cast("list[Any]", value)]
    return value


def has_secret(value: Any) -> bool:
    if isinstance(value, dict):
        return is_secret(value) or any(has_secret(item) for item in cast("Properties", value).values())
    return isinstance(value, list) and any(has_secret(item) for item in cast("list[Any]", value))


def has_unknown(value: Any) -> bool:
    if isinstance(value, dict):
        return any(has_unknown(item) for item in cast("Properties", value).values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in cast("list[Any]", value))
    return value == UNKNOWN


def mark(outputs: Properties, like: Properties, always: Collection[str] = ()) -> Properties:
    """`outputs` with the keys secret that hold a secret in `like`, or are secret by the schema (`always`)."""
    return {
        key: secret(value) if has_secret(like.get(key)) or (key in always and value is not None) else value
        for key, value in outputs.items()
    }
