"""Writes what is made from the schema of the expectations file: its JSON Schema and its documentation.

python -m validation.expectations.reference            writes both
python -m validation.expectations.reference --check    exit 1 when one isn't up to date
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from validation.expectations import keys, privileges
from validation.expectations.keys import Key, KeyType, SectionSchema, SectionShape
from validation.expectations.table_names import PART
from validation.generated_files import markdown_table, write_or_check

DOCS = Path(__file__).resolve().parents[2] / "docs"
DRAFT = "https://json-schema.org/draft/2020-12/schema"
TEXT: Mapping[str, Any] = {"type": "string", "pattern": r"\S"}
TABLE: Mapping[str, Any] = {
    "type": "string",
    "pattern": f"^(?:{PART.pattern})(?:\\.(?:{PART.pattern}))?$",
}
PLAIN: Mapping[str, Any] = {"type": ["string", "number", "boolean"]}
PREAMBLE = """\
# The expectations file

Made from validation/expectations/keys.py by `python -m validation.expectations.reference`, as is
expectations.schema.json beside it (`python -m validation schema` prints it: for editors, and for a check in CI).

`python -m validation init --from URL_ENV` writes a first file from a live database. The file is TOML; nothing in it is
needed, and what isn't declared isn't expected. All mistakes are reported at once, with where they stand.

What is declared here decides, whatever the source has: it may be what is damaged. What needs no declaration (sequences,
foreign keys, indexes, triggers, ...) is advisory where the source, or without one the baseline, has it wrong in the
same place: validation/README.md, "What is checked".
"""


def json_schema() -> dict[str, Any]:
    """JSON Schema of the file (draft 2020-12). What it can't say, such as min <= max, the reader checks."""
    return {
        "$schema": DRAFT,
        "title": "Expectations of a restored database (python -m validation)",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            **{key.name: _key(key) for key in keys.TOP},
            **{part.name: _part(part) for part in keys.PARTS},
        },
    }


def _part(part: SectionSchema) -> dict[str, Any]:
    about = {"description": part.description}
    match part.shape:
        case SectionShape.SECTION:
            return {**about, **_section(part)}
        case SectionShape.LIST:
            return {**about, "type": "array", "uniqueItems": True, "items": _section(part)}
        case SectionShape.NAMED:
            named = {"propertyNames": dict(TABLE)} if part is keys.TABLES else {}
            return {**about, "type": "object", **named, "additionalProperties": _section(part)}
        case SectionShape.VALUES:
            return {**about, "type": "object", "additionalProperties": _kind(Key("", part.values, ""))}


def _section(part: SectionSchema) -> dict[str, Any]:
    required = [key.name for key in part.keys if key.required]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {key.name: _key(key) for key in part.keys},
        **({"required": required} if required else {}),
        **({"minProperties": 1} if part.any_of else {}),
    }


def _key(key: Key) -> dict[str, Any]:
    return {"description": key.description, **_kind(key)}


def _kind(key: Key) -> dict[str, Any]:
    match key.kind:
        case KeyType.TEXT:
            return {"enum": list(key.choices)} if key.choices else dict(TEXT)
        case KeyType.TEXTS | KeyType.PRIVILEGES:
            return {"type": "array", "uniqueItems": True, "minItems": int(key.least), "items": _item(key)}
        case KeyType.NUMBER:
            return {"type": "number", "exclusiveMinimum" if key.above else "minimum": key.least}
        case KeyType.WHOLE:
            return {"type": "integer", "minimum": int(key.least)}
        case KeyType.VERSION:
            return {
                "anyOf": [{"type": "integer", "minimum": int(key.least)}, {"type": "string", "pattern": "^[0-9]+$"}]
            }
        case KeyType.BOOLEAN:
            return {"type": "boolean"}
        case KeyType.TABLE:
            return dict(TABLE)
        case KeyType.COLUMNS:
            return {"type": "object", "minProperties": 1, "additionalProperties": dict(PLAIN)}
        case KeyType.PLAIN:
            return dict(PLAIN)


def _item(key: Key) -> dict[str, Any]:
    if key.kind is KeyType.PRIVILEGES:
        return {"type": "string", "pattern": privileges.PATTERN}
    return {"enum": list(key.choices)} if key.choices else dict(TEXT)


def document() -> str:
    """The text of docs/expectations.md."""
    rows = _table(keys.TOP)
    example = _toml('required = ["rows", "freshness"]\nsql_checks = ["checks"]')
    return "\n".join([PREAMBLE, "## At the top\n", example, rows, *(_chapter(part) for part in keys.PARTS)])


def _chapter(part: SectionSchema) -> str:
    example = _toml(f"{part.header(part.names)}\n{part.example}")
    table = [_table(part.keys)] if part.keys else []
    return "\n".join([f"## `{part.header('NAME')}`", "", part.description, "", example, *table])


def _table(described: Sequence[Key]) -> str:
    return markdown_table(("key", "type", "default", "meaning"), map(_row, described))


def _toml(text: str) -> str:
    return f"```toml\n{text}\n```\n"


def _row(key: Key) -> Sequence[str]:
    choices = f" One of {', '.join(f'`{choice}`' for choice in key.choices)}." if key.choices else ""
    default = "required" if key.required else key.default or "none"
    return f"`{key.name}`", str(key.kind), default, f"{key.description}{choices}"


def files() -> dict[Path, str]:
    return {
        DOCS / "expectations.schema.json": json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n",
        DOCS / "expectations.md": document(),
    }


if __name__ == "__main__":
    sys.exit(write_or_check(files(), "validation.expectations.reference", __doc__, sys.argv[1:]))
