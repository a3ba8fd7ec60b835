"""Builds the stand-in for Terraform's AWS provider, and tells Terraform to take it."""

from __future__ import annotations

from pathlib import Path

from sandbox.machine.go_program import GoProgram

NAME = "terraform-provider-aws"
PROGRAM = GoProgram(
    NAME, "the stand-in for Terraform's AWS provider", Path(__file__).resolve().parent / "go", "1-3 min"
)
CONFIGURATION = """provider_installation {{
  dev_overrides {{
    "hashicorp/aws" = "{folder}"
  }}
  direct {{}}
}}
"""


def write_configuration(folder: Path) -> Path:
    """Writes Terraform's CLI configuration (TF_CLI_CONFIG_FILE) by which it runs the stand-in, with no `terraform
    init` (Terraform, "CLI Configuration", "Development Overrides for Provider Developers"). Builds the stand-in where
    it is missing; raises as GoProgram.ensure."""
    programs = folder / "providers"
    programs.mkdir()
    (programs / NAME).symlink_to(PROGRAM.ensure())
    file = folder / "terraform.tfrc"
    file.write_text(CONFIGURATION.format(folder=programs))
    return file
