"""Writes what is made from the keys of the expectations file: its JSON Schema and its documentation.

python -m validation.expectations.reference            writes both
python -m validation.expectations.reference --check    exit 1 when one isn't up to date
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from validation.expectations.model import Expectations
from validation.generated_files import write_or_check
from validation.keyed import json_schema
from validation.keyed.reader import build_json_schema

DOCS = Path(__file__).resolve().parents[2] / "docs"
DRAFT = "https://json-schema.org/draft/2020-12/schema"
PREAMBLE = """\
# The expectations file

Made from validation/expectations/model.py by `python -m validation.expectations.reference`, as is
expectations.schema.json next to it (`python -m validation schema` prints it: for editors, and for a check in CI).

`python -m validation init --from URL_ENV` writes a first file from a live database. The file is TOML; nothing in it is
needed, and what isn't declared isn't expected. All mistakes are reported at once, with where they stand.

What is declared here decides, whatever the source has: it may be what is damaged. What needs no declaration (sequences,
foreign keys, indexes, triggers, ...) is advisory where the source, or without one the baseline, has it wrong in the
same place: validation/README.md, "What is checked".
"""
TOP_EXAMPLE = 'required = ["rows", "freshness"]\nsql_checks = ["checks"]'
EXAMPLES: Mapping[str, str] = MappingProxyType(
    {
        "server": '[server]\nversion = 17\ndatabase = "ghost_protocol"',
        "tables": "[tables.users]\nmin = 1000\nat_least_of_baseline = 0.95",
        "must_exist": '[[must_exist]]\ntable = "users"\nkey = { id = "known-user-id" }',
        "must_not_exist": '[[must_not_exist]]\ntable = "users"\nkey = { email = "attacker@example.org" }',
        "freshness": '[[freshness]]\ntable = "transactions"\ncolumn = "created_at"\ntolerance_seconds = 300',
        "migrations": '[migrations]\ndirectory = "prisma/migrations"',
        "not_null": '[[not_null]]\ntable = "users"\ncolumns = ["email"]',
        "settings": '[settings]\nmax_connections = 200\n"rds.force_ssl" = true',
        "extensions": '[extensions]\npgcrypto = "1.3"\npg_stat_statements = "any"',
        "roles": '[roles.ghost_app]\nlogin = true\nsuperuser = false\nmay = ["SELECT, INSERT ON users"]\n'
        'may_not = ["TRUNCATE ON users"]',
        "limits": "[limits]\nstatement_seconds = 300\nbudget_seconds = 1800\nworkers = 4",
    }
)
"""Every section as people write it."""


def build_schema() -> dict[str, Any]:
    """Returns the JSON Schema of the file. What it can't say, such as min <= max, the reader checks."""
    return {
        "$schema": DRAFT,
        **build_json_schema(Expectations),
        "title": "Expectations of a restored database (python -m validation)",
    }


def render_document() -> str:
    """Returns the text of docs/expectations.md."""
    whole = build_json_schema(Expectations)
    sections = json_schema.find_properties(whole, whole)
    top = {name: node for name, node in sections.items() if name not in EXAMPLES}
    chapters = (_render_chapter(name, sections[name]) for name in EXAMPLES)
    return "\n".join(
        [PREAMBLE, "## At the top\n", _render_toml(TOP_EXAMPLE), json_schema.render_table(top, "key"), *chapters]
    )


def _render_chapter(name: str, node: json_schema.Node) -> str:
    entry = json_schema.find_entry(build_json_schema(Expectations), node)
    shape = f"[[{name}]]" if node["type"] == "array" else f"[{name}.NAME]" if entry is not node else f"[{name}]"
    fields = json_schema.find_properties(build_json_schema(Expectations), entry)
    table = [json_schema.render_table(fields, "key", entry.get("required", ()))] if fields else []
    description = json_schema.find_description(node)
    return "\n".join([f"## `{shape}`", "", description, "", _render_toml(EXAMPLES[name]), *table])


def _render_toml(text: str) -> str:
    return f"```toml\n{text}\n```\n"


def render_files() -> dict[Path, str]:
    """Returns the texts of both files, by their paths."""
    return {
        DOCS / "expectations.schema.json": json.dumps(build_schema(), indent=2, ensure_ascii=False) + "\n",
        DOCS / "expectations.md": render_document(),
    }


if __name__ == "__main__":
    sys.exit(write_or_check(render_files(), "validation.expectations.reference", __doc__, sys.argv[1:]))
