"""The AWS query protocol, driven by botocore's own service model (pure).

Handlers take and give plain dicts in boto3's shapes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from xml.sax.saxutils import escape

from botocore.loaders import Loader
from botocore.model import ListShape, OperationModel, ServiceModel, StructureShape
from botocore.model import Shape as ModelShape

from sandbox.aws.errors import AwsError

Shape = dict[str, Any]
PROTOCOL_KEYS = frozenset({"Action", "Version"})
SENDER_STATUS = 400


class Protocol:
    """Parses requests and writes answers of one service.

    Source: https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
    """

    def __init__(self, service: str) -> None:
        loader = Loader()
        self.model = ServiceModel(loader.load_service_model(service, "service-2"), service)
        pages = cast("Mapping[str, Any]", loader.load_service_model(service, "paginators-1"))
        self.list_keys: dict[str, str] = {
            name: str(page["result_key"])
            for name, page in cast("Mapping[str, Mapping[str, Any]]", pages["pagination"]).items()
            if isinstance(page["result_key"], str)
        }
        errors = [shape.metadata.get("error", {}) for shape in self.model.error_shapes]
        self._statuses: dict[str, int] = {
            str(error["code"]): int(error.get("httpStatusCode", SENDER_STATUS)) for error in errors if "code" in error
        }

    def operation(self, action: str) -> OperationModel:
        """Raises AwsError for an action the service doesn't have."""
        if action not in self.model.operation_names:
            version = self.model.api_version
            raise AwsError("InvalidAction", f"Could not find operation {action} for version {version}")
        return self.model.operation_model(action)

    def parse(self, operation: OperationModel, form: Mapping[str, str]) -> Shape:
        """The parameters of a request.

        Raises AwsError for a value of the wrong type, a required one that is missing, and any that is not in the
        model: nothing is silently ignored.
        """
        reader = _Reader({k: v for k, v in form.items() if k not in PROTOCOL_KEYS})
        shape = operation.input_shape
        parameters = reader.structure(shape, "") if shape else {}
        if left := sorted(reader.form.keys() - reader.read):
            raise AwsError("ValidationError", f"Unknown parameter(s) in {operation.name}: {', '.join(left)}")
        for name in shape.required_members if shape else ():
            if name not in parameters:
                raise AwsError("MissingParameter", f"The request must contain the parameter {name}.")
        return parameters

    def answer(self, operation: OperationModel, result: Shape, request_id: str) -> str:
        name = operation.name
        shape = operation.output_shape
        inner = xml(shape, result, f"{name}Result") if shape else ""
        metadata = f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
        return f"<{name}Response {self._namespace}>{inner}{metadata}</{name}Response>"

    def error(self, error: AwsError, request_id: str) -> tuple[int, str]:
        """HTTP status and body."""
        status = self._statuses.get(error.code, SENDER_STATUS)
        body = (
            f"<ErrorResponse {self._namespace}><Error><Type>Sender</Type><Code>{escape(error.code)}</Code>"
            f"<Message>{escape(str(error))}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        return status, body

    @property
    def _namespace(self) -> str:
        return f'xmlns="{self.model.metadata["xmlNamespace"]}"'


@dataclass
class _Reader:
    form: Mapping[str, str]
    read: set[str] = field(default_factory=set[str])

    def structure(self, shape: StructureShape, prefix: str) -> Shape:
        values: Shape = {}
        for name, member in shape.members.items():
            key = f"{prefix}.{_wire(member, name)}" if prefix else _wire(member, name)
            if self._has(key):
                values[name] = self.value(member, key)
        return values

    def value(self, shape: ModelShape, key: str) -> Any:
        if isinstance(shape, StructureShape):
            return self.structure(shape, key)
        if isinstance(shape, ListShape):
            return self._list(shape, key)
        self.read.add(key)
        return scalar(shape, self.form.get(key, ""), key)

    def _list(self, shape: ListShape, key: str) -> list[Any]:
        if self.form.get(key) == "":  # an empty list, as SDKs send it
            self.read.add(key)
            return []
        item = f"{key}.{_wire(shape.member, 'member')}"
        pattern = re.compile(re.escape(item) + r"\.(\d+)(?:\.|$)")
        numbers = {int(m[1]) for k in self.form if (m := pattern.match(k))}
        return [self.value(shape.member, f"{item}.{n}") for n in sorted(numbers)]

    def _has(self, key: str) -> bool:
        return key in self.form or any(k.startswith(key + ".") for k in self.form)


def scalar(shape: ModelShape, text: str, name: str) -> Any:
    """A value in the type of the model. Raises AwsError."""
    try:
        match shape.type_name:
            case "boolean":
                return {"true": True, "false": False}[text.lower()]
            case "integer" | "long":
                return int(text)
            case "double" | "float":
                return float(text)
            case "timestamp":
                return moment(text)
            case _:
                return text
    except (KeyError, ValueError):
        raise AwsError("MalformedInput", f"{name}: {text!r} is no {shape.type_name}") from None


def moment(text: str) -> datetime:
    """A time of a request; without a zone it is UTC."""
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def xml(shape: ModelShape, value: Any, tag: str) -> str:
    """A value as an element; keys that the model doesn't have are left out."""
    if isinstance(shape, StructureShape):
        body = "".join(
            xml(member, value[name], _wire(member, name))
            for name, member in shape.members.items()
            if value.get(name) is not None
        )
    elif isinstance(shape, ListShape):
        body = "".join(xml(shape.member, item, _wire(shape.member, "member")) for item in value)
    elif shape.type_name == "boolean":
        body = str(bool(value)).lower()
    elif shape.type_name == "timestamp":
        body = value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    else:
        body = escape(str(value))
    return f"<{tag}>{body}</{tag}>"


def _wire(shape: ModelShape, name: str) -> str:
    return str(shape.serialization.get("name", name))
