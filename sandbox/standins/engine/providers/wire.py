"""Property values to and from protobuf structs, and a provider's gRPC errors as the engine's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import grpc
from google.protobuf.struct_pb2 import Struct
from google.protobuf.struct_pb2 import Value as WireValue
from pulumi.runtime.proto import provider_pb2, status_pb2

from sandbox.standins.engine.errors import InitFailed, Refusal
from sandbox.standins.engine.property_values import Props, Value, normalise, rewrite

CHANNEL = [("grpc.max_receive_message_length", 400 << 20), ("grpc.max_send_message_length", 400 << 20)]


def from_struct(struct: Struct) -> Props:
    """A struct as plain values: whole numbers as int, output values reduced."""
    return {k: rewrite(from_value(v), normalise) for k, v in struct.fields.items()}


def from_value(value: WireValue) -> Value:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return {k: from_value(v) for k, v in value.struct_value.fields.items()}
    if kind == "list_value":
        return [from_value(v) for v in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    return None if kind in (None, "null_value") else cast(Value, getattr(value, kind))


def to_struct(values: Mapping[str, Value] | None) -> Struct:
    struct = Struct()
    for key, value in (values or {}).items():
        _write(value, struct.fields[key])
    return struct


def _write(value: Value, out: WireValue) -> None:
    if value is None:
        out.null_value = cast(Any, 0)
    elif isinstance(value, bool):
        out.bool_value = value
    elif isinstance(value, (int, float)):
        out.number_value = value
    elif isinstance(value, str):
        out.string_value = value
    elif isinstance(value, dict):
        out.struct_value.SetInParent()
        for key, child in value.items():
            _write(child, out.struct_value.fields[key])
    else:
        out.list_value.SetInParent()
        for child in value:
            _write(child, out.list_value.values.add())


def details(error: grpc.RpcError) -> str:
    """The text of a failed call."""
    call = cast(grpc.Call, error)
    return call.details() or str(call.code())


def code(error: grpc.RpcError) -> str:
    """The status of a failed call as Go names it: `Unavailable`, `Canceled`."""
    name = cast(grpc.Call, error).code().name
    return {"CANCELLED": "Canceled"}.get(name, name.title())


def refusal(error: grpc.RpcError) -> Refusal:
    """What a provider's failed call means for the step."""
    for key, data in cast(Any, error).trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(data).details:
                if detail.type_url.endswith("ErrorResourceInitFailed"):
                    failed = provider_pb2.ErrorResourceInitFailed.FromString(detail.value)
                    return InitFailed(failed.id, from_struct(failed.properties), list(failed.reasons))
    return Refusal(details(error))
