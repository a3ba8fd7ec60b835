"""Writes what is made from the schema of the configuration: Pulumi.yaml's `config` block and docs/configuration.md.

python -m restore.reference            writes both
python -m restore.reference --check    exit 1 when one isn't up to date
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from restore import schema
from restore.schema import Field, Key
from validation.generated_files import markdown_table, write_or_check

ROOT = Path(__file__).resolve().parent.parent
HEADING = "config:\n"
RESERVED = frozenset({"secret"})
"""Short names with a meaning of their own in the CLI's JSON schema of Pulumi.yaml (sdk/go/common/workspace/
project.json): it takes a declaration of theirs only under the full name."""

PREAMBLE = """\
# Configuration

Made from restore/schema.py by `python -m restore.reference`. Keys without a namespace are this project's:
`pulumi config set method pitr`. Fields of objects are set by path: `pulumi config set --path secret.key DB_URL`;
setting an object replaces its default as a whole. A key that isn't listed here is refused, with the nearest one.
An empty configuration is valid and touches nothing.

What one restore needs, typed during an incident:

    pulumi config set id inc-1234
    pulumi config set method pitr
    pulumi config set time 2026-11-22T14:30:00Z
    pulumi config set traffic frozen
"""


def config_block() -> str:
    """The `config` block of Pulumi.yaml."""
    return HEADING + "".join(_entry(key) for key in schema.KEYS)


def _entry(key: Key) -> str:
    lines = {"type": key.kind, "description": _description(key), "default": key.default}
    name = f"{schema.PROJECT}:{key.name}" if key.name in RESERVED else key.name
    return f"  {name}:\n" + "".join(f"    {field}: {_scalar(value)}\n" for field, value in lines.items())


def _scalar(value: object) -> str:
    plain = isinstance(value, str) and value.isalpha()
    return str(value) if plain else json.dumps(value, ensure_ascii=False)


def _description(key: Key) -> str:
    fields = f" Fields: {', '.join(field.name for field in key.fields)}." if key.fields else ""
    empty = f" Default: {key.meaning}." if key.meaning and key.default == "" else ""
    return f"{key.description}{fields}{empty}"


def with_config_block(pulumi_yaml: str) -> str:
    """The text of Pulumi.yaml with its config block, the last of the file, made anew."""
    head, found, _ = pulumi_yaml.partition(f"\n{HEADING}")
    if not found:
        raise ValueError("Pulumi.yaml has no config block")
    return f"{head}\n{config_block()}"


def document() -> str:
    """The text of docs/configuration.md."""
    parts = [
        PREAMBLE,
        "## One restore\n",
        _table(schema.REQUEST_KEYS),
        "## The site, written once per stack\n",
        _table(schema.SITE_KEYS),
        *(_fields(key) for key in schema.KEYS if key.fields),
        _foreign(),
    ]
    return "\n".join(parts)


def _table(keys: Sequence[Key]) -> str:
    rows = [(f"`{key.name}`", key.kind, _default(key), _cell(_with_example(key))) for key in keys]
    return markdown_table(("key", "type", "default", "meaning"), rows)


def _default(key: Key) -> str:
    if key.default in ("", {}):
        return _cell(key.meaning) or "none"
    written = key.default if isinstance(key.default, str) else json.dumps(key.default)
    return f"`{written}`"


def _with_example(key: Key) -> str:
    choices = f" One of {', '.join(f'`{choice}`' for choice in key.choices)}." if len(key.choices) > 1 else ""
    return key.description + choices + (f" Example: `{key.example}`." if key.example else "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace(">", "&gt;")


def _fields(key: Key) -> str:
    title = f"## Fields of `{key.name}.<{key.each}>`" if key.each else f"## Fields of `{key.name}`"
    rows = [_field_row(field) for field in key.fields]
    return "\n".join([title, "", markdown_table(("field", "type", "default", "meaning"), rows)])


def _field_row(field: Field) -> Sequence[str]:
    kind = "list of strings" if field.kind == "strings" else field.kind
    return f"`{field.name}`", kind, _cell(field.default or "none"), _cell(field.description)


def _foreign() -> str:
    rows = [
        (f"`{key.name}`", f"{_cell(key.description)}{f' Example: `{key.example}`.' if key.example else ''}")
        for key in schema.FOREIGN_KEYS
    ]
    return "\n".join(["## Keys of the providers", "", markdown_table(("key", "meaning"), rows)])


def files() -> dict[Path, str]:
    project = ROOT / "Pulumi.yaml"
    return {project: with_config_block(project.read_text()), ROOT / "docs" / "configuration.md": document()}


if __name__ == "__main__":
    sys.exit(write_or_check(files(), "restore.reference", __doc__, sys.argv[1:]))
