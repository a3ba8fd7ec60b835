"""Writes what is made from the schema of the configuration: Pulumi.yaml's `config` block and docs/configuration.md.

python -m restore.config.reference            writes both
python -m restore.config.reference --check    exit 1 when one isn't up to date
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pydantic import BaseModel

from restore.config import keys as config_keys
from validation.generated_files import write_or_check
from validation.keyed import json_schema
from validation.keyed.reader import build_json_schema

ROOT = Path(__file__).resolve().parents[2]
HEADING = "config:\n"
RESERVED = frozenset({"secret"})
"""Short names with a meaning of their own in the CLI's JSON schema of Pulumi.yaml (sdk/go/common/workspace/
project.json): it takes a declaration of theirs only under the full name."""

PREAMBLE = """\
# Configuration

Made from restore/config/keys.py by `python -m restore.config.reference`. Keys without a namespace are this project's:
`pulumi config set method pitr`. Fields of objects are set by path: `pulumi config set --path quiet.graceSeconds 60`.
Where the name of a key has "secret", "token" or "pass" in it the CLI refuses a value that is hard to guess, unless it
is told `--plaintext` or `--secret`: `pulumi config set --plaintext --path secret.key DB_URL`. A key that isn't listed
here is refused, with the nearest one. An empty configuration is valid and touches nothing; otherwise a key that is
needed and not set is named, with the command that sets it.

What one restore needs, typed during an incident:

    pulumi config set id inc-1234
    pulumi config set method pitr
    pulumi config set time 2026-11-22T14:30:00Z
    pulumi config set traffic frozen
"""


def list_fields(model: type[BaseModel]) -> dict[str, dict[str, object]]:
    """Returns the keys of a model, each with what its JSON Schema says."""
    whole = build_json_schema(model)
    return json_schema.find_properties(whole, whole)


def render_config_block() -> str:
    """Returns the `config` block of Pulumi.yaml."""
    return HEADING + "".join(_render_entry(name, node) for name, node in list_fields(config_keys.Keys).items())


def _render_entry(name: str, node: json_schema.Node) -> str:
    names = ", ".join(json_schema.find_properties(build_json_schema(config_keys.Keys), node))
    description = json_schema.find_description(node) + (f" Fields: {names}." if names else "")
    lines = {"type": json_schema.describe_kind(node), "description": description, "default": config_keys.DEFAULTS[name]}
    full_name = f"{config_keys.PROJECT}:{name}" if name in RESERVED else name
    return f"  {full_name}:\n" + "".join(f"    {field}: {_render_scalar(value)}\n" for field, value in lines.items())


def _render_scalar(value: object) -> str:
    plain = isinstance(value, str) and value.isalpha()
    return str(value) if plain else json.dumps(value, ensure_ascii=False)


def replace_config_block(pulumi_yaml: str) -> str:
    """Returns the text of Pulumi.yaml with its config block, the last of the file, made again. Raises ValueError for a
    file without one."""
    head, heading, _ = pulumi_yaml.partition(f"\n{HEADING}")
    if not heading:
        raise ValueError("Pulumi.yaml has no config block")
    return f"{head}\n{render_config_block()}"


def render_document() -> str:
    """Returns the text of docs/configuration.md."""
    keys = list_fields(config_keys.Keys)
    providers = {"aws": config_keys.AwsKeys, "kubernetes": config_keys.KubernetesKeys}
    foreign = {
        f"{space}:{name}": node for space, model in providers.items() for name, node in list_fields(model).items()
    }
    restore = {name: node for name, node in keys.items() if name in config_keys.RESTORE_KEYS}
    site = {name: node for name, node in keys.items() if name not in config_keys.RESTORE_KEYS}
    parts = [
        PREAMBLE,
        "## One restore\n",
        json_schema.render_table(restore, "key"),
        "## The site, written once per stack\n",
        json_schema.render_table(site, "key"),
        *(_render_section(name, node) for name, node in keys.items()),
        "## Keys of the providers\n",
        json_schema.render_table(foreign, "key"),
    ]
    return "\n".join(part for part in parts if part)


def _render_section(name: str, node: json_schema.Node) -> str:
    fields = json_schema.find_properties(build_json_schema(config_keys.Keys), node)
    path = name if "properties" in node else f"{name}.<name>"
    return f"## Fields of `{path}`\n\n{json_schema.render_table(fields, 'field')}" if fields else ""


def render_files() -> dict[Path, str]:
    project = ROOT / "Pulumi.yaml"
    return {project: replace_config_block(project.read_text()), ROOT / "docs" / "configuration.md": render_document()}


if __name__ == "__main__":
    sys.exit(write_or_check(render_files(), "restore.config.reference", __doc__, sys.argv[1:]))
