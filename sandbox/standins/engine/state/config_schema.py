"""The `config:` block of Pulumi.yaml: typed declarations, their defaults, and what a stack's values must be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sandbox.standins.engine.errors import Problem
from sandbox.standins.engine.property_values import Props, Value

PROPERTIES = ("type", "description", "secret", "items", "default", "value")
WORDS_OF_TRUTH = {"1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"}
EXPECTED = ("string", "integer", "boolean", "array")


@dataclass(frozen=True)
class Declaration:
    """One key of the block. `type` is "" for a bare value; `items` describes the elements of an array."""

    key: str
    type: str = ""
    secret: bool = False
    items: Props | None = None
    default: Value = None
    described: bool = False

    @property
    def type_name(self) -> str:
        return _type_name(self.type, self.items)


def _type_name(kind: str, items: Props | None) -> str:
    if kind != "array" or items is None:
        return kind
    inner = items.get("items")
    return f"array<{_type_name(str(items.get('type')), inner if isinstance(inner, dict) else None)}>"


def _is_integer(value: Value) -> bool:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    return isinstance(text, str) and text.lstrip("+-").isdigit()


CHECKS: dict[str, Callable[[Value], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": _is_integer,
    "boolean": lambda value: isinstance(value, bool) or value in WORDS_OF_TRUTH,
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def fits(kind: str, items: Props | None, value: Value) -> bool:
    """Whether a value (as YAML gives it) is of a declared type."""
    if not CHECKS[kind](value):
        return False
    if kind != "array" or items is None or not isinstance(value, list):
        return True
    inner = items.get("items")
    nested = inner if isinstance(inner, dict) else None
    return all(fits(str(items.get("type")), nested, element) for element in value)


def declarations(file: str, project: str, block: Mapping[str, Value]) -> list[Declaration]:
    """The block's declarations; raises Problem with the text that the Pulumi CLI has for each mistake."""
    return [_declaration(file, project, key, value) for key, value in block.items()]


def _declaration(file: str, project: str, key: str, value: Value) -> Declaration:
    full = key if ":" in key else f"{project}:{key}"
    _refuse_reserved(file, key, value)
    if not isinstance(value, dict):
        return Declaration(full, default=value)
    if unknown := [name for name in value if name not in PROPERTIES]:
        raise _invalid(file, key, [f"#/config/{key}: additionalProperties '{unknown[0]}' not allowed"])
    kind = value.get("type")
    if kind is not None and kind not in CHECKS:
        raise _invalid(
            file,
            key,
            [
                f"#/config/{key}/type: doesn't validate with '/$defs/simpleConfigType'",
                f'#/config/{key}/type: value must be one of "string", "integer", "boolean", "array", "object"',
            ],
        )
    items = value.get("items")
    declared = Declaration(
        full,
        str(kind or ""),
        secret=bool(value.get("secret")),
        items=items if isinstance(items, dict) else None,
        default=value.get("default", value.get("value")),
        described=True,
    )
    _check_declared(file, key, declared)
    return declared


def _refuse_reserved(file: str, key: str, value: Value) -> None:
    """The CLI's JSON schema gives the short name `secret` a meaning of its own: a boolean, never a declaration."""
    if key == "secret" and isinstance(value, dict):
        found = "#/config/secret: expected boolean, but got object"
        raise Problem(f"could not validate '{file}': 1 error occurred:\n\t* {found}\n\n")


def _check_declared(file: str, key: str, declared: Declaration) -> None:
    if declared.type == "array" and declared.items is None:
        raise Problem(
            f"could not unmarshal '{file}': The configuration key '{key}' declares an array but does not specify the "
            "underlying type via the 'items' attribute"
        )
    if declared.default is None or not declared.type or fits(declared.type, declared.items, declared.default):
        return
    raise Problem(
        f"could not unmarshal '{file}': The default value specified for configuration key '{key}' is not of the "
        f"expected type '{declared.type_name}'"
    )


def _invalid(file: str, key: str, details: list[str]) -> Problem:
    where = f"#/config/{key}"
    errors = [
        f"{where}: oneOf failed",
        *(f"{where}: expected {kind}, but got object" for kind in EXPECTED),
        f"{where}: doesn't validate with '/$defs/configTypeDeclaration'",
        *details,
    ]
    lines = "\n\t* ".join([f"could not validate '{file}': {len(errors)} errors occurred:", *errors])
    return Problem(lines + "\n\n")


def is_sealed(value: Value) -> bool:
    return isinstance(value, dict) and list(value) == ["secure"]


def validate(stack: str, project: str, declared: list[Declaration], values: Mapping[str, Value]) -> None:
    """Raises Problem for the first value of a stack that is missing, of another type, or not secret as declared."""
    for declaration in sorted((d for d in declared if d.type), key=lambda d: d.key):
        shown, value = declaration.key.removeprefix(f"{project}:"), values.get(declaration.key)
        problem = ""
        if value is None:
            if declaration.default is None:
                problem = f"Stack '{stack}' is missing configuration value '{shown}'"
        elif declaration.secret and not is_sealed(value):
            problem = f"Stack '{stack}' with configuration key '{shown}' must be encrypted as it's secret"
        elif not is_sealed(value) and not fits(declaration.type, declaration.items, value):
            problem = f"Stack '{stack}' with configuration key '{shown}' must be of type '{declaration.type_name}'"
        if problem:
            raise Problem(f"validating stack config: {problem}")
