"""The team's own infrastructure code: what a switch does to it, and how it takes over the instance that serves. Pure.

Terraform and Pulumi know an instance by its DbiResourceId (terraform-provider-aws 5, upgrade guide, "aws_db_instance":
the id is the DbiResourceId; `findDBInstanceByID` in internal/service/rds/instance.go takes an identifier as well for an
import). Their next plan after a rename therefore finds the former instance under its new name, and renames it back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from restore.dependents.advice import RENAME
from restore.model.labels import TAG_PREFIX
from restore.model.rds import Instance
from restore.model.request import Infrastructure

DOCUMENT = "take-over.txt"
"""The document of the evidence that says how the code takes over the instance that serves."""
PAGE = 'docs/dependents.md, "Infrastructure code"'
TERRAFORM, PULUMI = "terraform", "pulumi"
TERRAFORM_ADDRESS = "aws_db_instance.<name>"
PULUMI_URN = "<URN of the instance: pulumi stack --show-urns>"
IN_ROOT = re.compile(r"aws_db_instance\.(?P<name>[\w-]+|<name>)")
"""An address that `removed` can name: without an instance key, in no module of somebody else's."""


@dataclass(frozen=True)
class TakeOver:
    """Who takes over what: `former` is the instance that the code has in its state, `serving` the one that serves."""

    former_resource_id: str
    serving: Instance
    restore_id: str
    renamed: bool
    """Whether the serving instance has the identifier that the code has."""


def list_ownership_lines(infrastructure: Infrastructure, cutover: str) -> Iterable[str]:
    """Yields what the preview of a move says about infrastructure code."""
    tool = infrastructure.tool.capitalize() if infrastructure.tool else "Terraform or Pulumi"
    named = f"{tool} ({infrastructure.address})" if infrastructure.address else tool
    if cutover == RENAME:
        yield (
            f"warning: {named} knows the source by its DbiResourceId: after the rename its next plan finds it under "
            f"another name and renames it back; let nobody apply it before it has taken over the restored instance, "
            f"as python -m restore close says: {PAGE}"
        )
    else:
        yield (
            f"note: {named} still owns the source after the switch, and not the restored instance, until it takes over "
            f"as python -m restore close says: {PAGE}"
        )


def describe_take_over(infrastructure: Infrastructure, move: TakeOver) -> str:
    """Returns the blocks and commands by which the code takes over the instance that serves, with nothing left for its
    next plan; for both tools where it isn't known which one has it."""
    parts = [
        f"The infrastructure code has {move.former_resource_id} in its state; {move.serving.identifier} "
        f"({move.serving.resource_id}) serves. Until it has taken that over, nobody applies it."
    ]
    if infrastructure.tool != PULUMI:
        parts += list_terraform_steps(infrastructure.address or TERRAFORM_ADDRESS, move)
    if infrastructure.tool != TERRAFORM:
        parts += list_pulumi_steps(infrastructure.address or PULUMI_URN, move)
    return "\n\n".join(parts) + "\n"


def list_terraform_steps(address: str, move: TakeOver) -> list[str]:
    """Returns the steps for Terraform 1.7 or newer. The state's entry is forgotten, never destroyed."""
    parts = [
        "Terraform. In the provider block, so that the tags of the restore are left alone:\n"
        f'\n  ignore_tags {{\n    key_prefixes = ["{TAG_PREFIX}"]\n  }}',
        *([] if move.renamed else [f'In the block of {address}:\n\n  identifier = "{move.serving.identifier}"']),
        f'Beside it:\n\n  import {{\n    to = {address}\n    id = "{move.serving.resource_id}"\n  }}',
        "Then:\n"
        f"\n  terraform state rm '{address}'"
        "\n  terraform plan      (1 to import, 0 to add, 0 to destroy; what it changes are arguments that AWS doesn't"
        "\n                      keep, such as skip_final_snapshot)"
        "\n  terraform apply"
        "\n  terraform plan      (no changes)",
    ]
    if root := IN_ROOT.fullmatch(address):
        new = f"{root['name']}_{move.restore_id.replace('-', '_')}"
        parts.append(
            "Or by blocks alone, where the state is changed by reviewed code only: call the resource and every "
            f"reference to it aws_db_instance.{new}, and in place of the block above and of state rm:\n"
            f"\n  removed {{\n    from = {address}\n    lifecycle {{\n      destroy = false\n    }}\n  }}"
            f'\n  import {{\n    to = aws_db_instance.{new}\n    id = "{move.serving.resource_id}"\n  }}'
        )
    return parts


def list_pulumi_steps(urn: str, move: TakeOver) -> list[str]:
    """Returns the steps for Pulumi. The state's entry gets another id, because `pulumi state delete` is refused while
    other resources use the instance's outputs, and the option `import_` applies every input that differs. The tags are
    ignored in the resource: a refresh doesn't run the program, so it has the provider's former configuration."""
    former, serving = move.former_resource_id, move.serving.resource_id
    identifier = [] if move.renamed else [f'  identifier="{move.serving.identifier}"']
    return [
        "Pulumi. In the program, the instance's inputs and options (the tags of the restore stay on it):\n\n"
        + "\n".join([*identifier, '  ignore_changes=["tags"]']),
        "Then, in the folder of that program:\n"
        "\n  pulumi stack export --file before.json"
        f'\n  sed \'s/"id": "{former}"/"id": "{serving}"/\' before.json > after.json'
        "\n  pulumi stack import --file after.json"
        f"\n  pulumi refresh --yes --target '{urn}'"
        "\n  pulumi preview --expect-no-changes",
    ]
