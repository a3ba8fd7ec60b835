"""How a class says the keys of a document: annotated fields, each described by the docstring below it.

A type checker sees plain types in the annotations; pydantic reads by what else they hold.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, cast

from pydantic import BeforeValidator, ConfigDict, GetJsonSchemaHandler, GetPydanticSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from validation.problems import Problem


class Fault(ValueError):
    """Why a value is refused. Without `found` the value itself is shown, without `fix` the document's usual one.

    `key` is the one of the value's own keys that is wrong.
    """

    def __init__(self, needed: str, *, found: str = "", fix: str = "", key: str = ""):
        super().__init__(needed)
        self.needed = needed
        self.found = found
        self.fix = fix
        self.key = key


class FaultsInside(ValueError):
    """A value is refused for problems that have subjects of their own, such as the files that it names."""

    def __init__(self, problems: Sequence[Problem]):
        super().__init__("; ".join(problem.line for problem in problems))
        self.problems = tuple(problems)


class DocumentSection:
    """Base of what keys and values are read into: no unknown keys, and each field's docstring as its description.

    Docstrings are read when a JSON Schema is made: pydantic (use_attribute_docstrings) parses the source at each start.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        reference = handler(core)
        node = handler.resolve_ref_schema(reference)
        config: ConfigDict = getattr(cls, "model_config", cls.__pydantic_config__)
        key_of = cast("Callable[[str], str]", config.get("alias_generator") or str)
        for owner in cls.__mro__[: cls.__mro__.index(DocumentSection)]:
            for name, text in _read_field_docstrings(owner).items():
                node["properties"][key_of(name)].setdefault("description", text)
        return reference


def _read_field_docstrings(owner: type) -> dict[str, str]:
    """The string below each annotated name of a class."""
    body = cast("ast.ClassDef", ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0]).body
    return {
        target.id: " ".join(text.split())
        for field, below in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(target := field.target, ast.Name)
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
        if isinstance(text := below.value.value, str)
    }


def read_as(source: Any) -> GetPydanticSchema:
    """Annotates a type that is read as `source`, which ends with a validator that makes the type."""
    return GetPydanticSchema(lambda _, handler: handler.generate_schema(source))


def refuse_boolean(value: Any) -> Any:
    """Returns the value, for a validator of numbers. Raises ValueError for a boolean, which Python takes for an int."""
    if isinstance(value, bool):
        raise ValueError("a boolean")  # noqa: TRY004 (a TypeError would not be reported as a fault of the value)
    return value


NUMBER = BeforeValidator(refuse_boolean)
"""With Annotated[int, ...]: pydantic alone reads true as 1."""
