"""Which operations there are, which parameters each accepts, and the answering of one call."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore import xform_name
from botocore.model import OperationModel

from sandbox.aws.errors import AwsError, unsupported
from sandbox.aws.query_protocol import Protocol, Shape

if TYPE_CHECKING:
    from sandbox.aws.rds.service.region import Rds

Handler = Callable[["Rds", Shape], Shape | None]
MOST_RECORDS = 100
LEAST_RECORDS = 20
PAGING = frozenset({"Marker", "MaxRecords"})
protocol = Protocol("rds")
_names = {xform_name(name): name for name in protocol.model.operation_names}


@dataclass(frozen=True)
class ServedOperation:
    handler: Handler
    accepts: frozenset[str]
    reads: bool


OPERATIONS: dict[str, ServedOperation] = {}


def operation(accepts: str) -> Callable[[Handler], Handler]:
    """Registers a handler for the operation of its name; `accepts` names the parameters it honours."""

    def register(handler: Handler) -> Handler:
        name = _names[handler.__name__]
        shape = protocol.model.operation_model(name).input_shape
        members = set(shape.members) if shape else set[str]()
        if unknown := set(accepts.split()) - members:
            raise TypeError(f"{name} has no parameters {sorted(unknown)}")
        reads = name.startswith(("Describe", "List"))
        OPERATIONS[name] = ServedOperation(handler, frozenset(accepts.split()) | (PAGING & members), reads)
        return handler

    return register


def call(rds: Rds, model: OperationModel, parameters: Shape) -> Shape:
    """Answers one call. Raises AwsError."""
    served = OPERATIONS.get(model.name)
    if served is None:
        raise unsupported(f"action {model.name}")
    if lacking := sorted(parameters.keys() - served.accepts):
        raise unsupported(f"parameter {', '.join(lacking)} in {model.name}")
    with rds.store.lock:
        result = served.handler(rds, parameters) or {}
        if not served.reads:
            rds.store.save()
        key = protocol.list_keys.get(model.name)
        if key and isinstance(result.get(key), list):  # the text of a log is paged by its own marker
            return _page(result, key, parameters)
        return result


def _page(result: Shape, key: str, parameters: Shape) -> Shape:
    most = int(parameters.get("MaxRecords", MOST_RECORDS))
    if not LEAST_RECORDS <= most <= MOST_RECORDS:
        raise AwsError(
            "InvalidParameterValue",
            f"Invalid value {most} for MaxRecords. Must be between {LEAST_RECORDS} and {MOST_RECORDS}",
        )
    start = _position(parameters["Marker"]) if parameters.get("Marker") else 0
    items = result[key]
    page = {**result, key: items[start : start + most]}
    if start + most < len(items):
        page["Marker"] = base64.b64encode(str(start + most).encode()).decode()
    return page


def _position(marker: str) -> int:
    try:
        return int(base64.b64decode(marker, validate=True))
    except (ValueError, binascii.Error):
        raise AwsError("InvalidParameterValue", f"The value {marker!r} of Marker is invalid.") from None


def filtered(
    items: Iterable[Shape], filters: Iterable[Mapping[str, Any]], keys: Mapping[str, Callable[[Shape], Iterable[str]]]
) -> list[Shape]:
    """The items for which every filter has one of its values among what its key gives, whatever the case.

    Raises AwsError for a filter that isn't in `keys`.
    """
    left = list(items)
    for condition in filters:
        name = condition["Name"]
        if name not in keys:
            raise AwsError("InvalidParameterValue", f"Unrecognized filter name: {name}")
        values = {str(value).lower() for value in condition.get("Values", [])}
        left = [item for item in left if values & {value.lower() for value in keys[name](item)}]
    return left
