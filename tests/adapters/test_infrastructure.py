"""A second program, the team's own, owns the source: what it plans after a cutover, and after the printed commands.

The engine is the Pulumi CLI that comes first on PATH, else the stand-in. Terraform runs where it is on PATH: with the
AWS provider of the folder that TERRAFORM_PLUGIN_DIR names, else with the sandbox's stand-in for that provider.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from restore.aws import Aws, Rds
from restore.dependents.infrastructure import TakeOver, describe_take_over
from restore.model.rds import Instance
from restore.model.request import Infrastructure
from sandbox.runtime.environment import extended_path
from sandbox.standins.terraform.provider import write_configuration
from tests.support.sandbox.adapter_sandbox import CREDENTIALS, PASSWORD, Gateway, soon

NAME = "team-db"
RESTORED = f"{NAME}-inc-1"
PROJECT = "name: team\nruntime: python\n"
PROGRAM = """
import pulumi
from pulumi_aws import rds
database = rds.Instance(
    "database",
    identifier="team-db",
    instance_class="db.t4g.medium",
    engine="postgres",
    allocated_storage=20,
    username="ghostadmin",
    password=pulumi.Config().require_secret("password"),
    backup_retention_period=7,
    skip_final_snapshot=True,
    opts=pulumi.ResourceOptions(protect=True),
)
pulumi.export("resourceId", database.resource_id)
"""
COMMAND = re.compile(r"^  ((?:pulumi|sed|terraform) .*?)(?:  +\(.*)?$", re.MULTILINE)
INPUT = re.compile(r'^  (identifier="[^"]+")$', re.MULTILINE)
OPTION = re.compile(r"^  (ignore_changes=.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Team:
    """A folder with the team's program, and its state."""

    folder: Path
    environment: dict[str, str]

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def ok(self, command: str) -> str:
        result = self.run(command)
        assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
        return result.stdout

    def edit(self, name: str, old: str, new: str) -> None:
        file = self.folder / name
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))


def wait(rds: Rds, resource_id: str, identifier: str) -> Instance:
    return rds.wait_until(
        resource_id,
        lambda item: item.identifier == identifier and item.status == "available",
        stop=threading.Event(),
        deadline=soon(),
        subject=identifier,
        longest=0.2,
    )


def restore(rds: Rds, aws: Aws) -> Instance:
    """What the program makes of the source, with its tags."""
    aws.open_client("rds").create_db_snapshot(DBInstanceIdentifier=NAME, DBSnapshotIdentifier=f"{NAME}-now")
    aws.open_client("rds").get_waiter("db_snapshot_available").wait(
        DBSnapshotIdentifier=f"{NAME}-now", WaiterConfig={"Delay": 1}
    )
    source = rds.find_instance(NAME)
    assert source
    made = aws.open_client("rds").restore_db_instance_from_db_snapshot(
        DBInstanceIdentifier=RESTORED,
        DBSnapshotIdentifier=f"{NAME}-now",
        Tags=[
            {"Key": "restore:id", "Value": "inc-1"},
            {"Key": "restore:source-resource-id", "Value": source.resource_id},
        ],
    )
    return wait(rds, made["DBInstance"]["DbiResourceId"], RESTORED)


def rename(rds: Rds, aws: Aws, instance: Instance, name: str) -> Instance:
    aws.open_client("rds").modify_db_instance(
        DBInstanceIdentifier=instance.identifier, NewDBInstanceIdentifier=name, ApplyImmediately=True
    )
    return wait(rds, instance.resource_id, name)


def clear(aws: Aws) -> None:
    client = aws.open_client("rds")
    for instance in client.describe_db_instances()["DBInstances"]:
        if instance["DBInstanceIdentifier"].startswith(NAME):
            client.delete_db_instance(DBInstanceIdentifier=instance["DBInstanceIdentifier"], SkipFinalSnapshot=True)
            client.get_waiter("db_instance_deleted").wait(
                DBInstanceIdentifier=instance["DBInstanceIdentifier"], WaiterConfig={"Delay": 1}
            )
    client.delete_db_snapshot(DBSnapshotIdentifier=f"{NAME}-now")


@pytest.fixture
def team(tmp_path: Path, gateway: Gateway, aws: Aws) -> Iterator[Team]:
    (tmp_path / "state").mkdir()
    environment = {
        **CREDENTIALS,
        "PATH": extended_path(os.environ["PATH"]),
        "HOME": str(tmp_path),
        "PULUMI_HOME": os.environ.get("PULUMI_HOME", str(tmp_path / "home")),
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "words",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "NO_COLOR": "1",
    }
    (tmp_path / "program").mkdir()
    made = Team(tmp_path / "program", environment)
    (made.folder / "Pulumi.yaml").write_text(PROJECT)
    (made.folder / "__main__.py").write_text(PROGRAM)
    made.ok("pulumi stack select --create prod")
    made.ok("pulumi config set aws:region us-east-1")
    for service in ("rds", "sts", "ec2"):
        made.ok(f"pulumi config set --path 'aws:endpoints[0].{service}' {gateway.endpoint}")
    for key in ("skipCredentialsValidation", "skipMetadataApiCheck", "skipRegionValidation"):
        made.ok(f"pulumi config set aws:{key} true")
    made.ok(f"pulumi config set --secret password {PASSWORD}")
    made.ok("pulumi up --yes --skip-preview")
    yield made
    clear(aws)


def urn(team: Team) -> str:
    resources = json.loads(team.ok("pulumi stack export"))["deployment"]["resources"]
    return next(item["urn"] for item in resources if item["type"] == "aws:rds/instance:Instance")


def owned(team: Team) -> str:
    return team.ok("pulumi stack output resourceId").strip()


def follow(team: Team, told: str) -> None:
    """Does what is printed, and nothing else."""
    for wanted in INPUT.findall(told):
        team.edit("__main__.py", f'identifier="{NAME}"', wanted)
    (option,) = OPTION.findall(told)
    team.edit("__main__.py", "protect=True", f"protect=True, {option}")
    for command in COMMAND.findall(told):
        team.ok(command)


def test_after_a_rename_the_team_s_next_plan_renames_the_wrong_instance_until_it_has_taken_over(
    team: Team, rds: Rds, aws: Aws
) -> None:
    restored = restore(rds, aws)
    former = rds.find_instance(NAME)
    assert former
    rename(rds, aws, former, f"{NAME}-before-inc-1")
    serving = rename(rds, aws, restored, NAME)
    harm = team.ok("pulumi preview --refresh --diff")
    assert re.search(rf'identifier\s*: "{NAME}-before-inc-1" => "{NAME}"', harm), harm
    told = describe_take_over(
        Infrastructure("pulumi", urn(team)), TakeOver(former.resource_id, serving, "inc-1", renamed=True)
    )
    follow(team, told)
    team.ok("pulumi preview --refresh --expect-no-changes")
    team.ok("pulumi up --yes --skip-preview")
    assert owned(team) == serving.resource_id
    assert {item.identifier for item in rds.list_instances()} >= {NAME, f"{NAME}-before-inc-1"}


@pytest.mark.slow
def test_after_a_switch_by_secret_the_team_s_program_takes_over_the_restored_instance(
    team: Team, rds: Rds, aws: Aws
) -> None:
    former = owned(team)
    serving = restore(rds, aws)
    team.ok("pulumi preview --refresh --expect-no-changes")  # it doesn't even notice: it goes on owning the source
    told = describe_take_over(Infrastructure("pulumi", urn(team)), TakeOver(former, serving, "inc-1", renamed=False))
    follow(team, told)
    team.ok("pulumi preview --refresh --expect-no-changes")
    team.ok("pulumi up --yes --skip-preview")
    assert owned(team) == serving.resource_id
    kept = rds.find_instance(RESTORED)
    assert kept
    assert kept.tags["restore:id"] == "inc-1"


HCL = """
terraform {{
  required_providers {{
    aws = {{
      source = "hashicorp/aws"
    }}
  }}
}}
provider "aws" {{
  region                      = "us-east-1"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true
  endpoints {{
    rds = "{endpoint}"
    sts = "{endpoint}"
    ec2 = "{endpoint}"
  }}
}}
resource "aws_db_instance" "main" {{
  identifier              = "team-db"
  instance_class          = "db.t4g.medium"
  engine                  = "postgres"
  allocated_storage       = 20
  username                = "ghostadmin"
  backup_retention_period = 7
  skip_final_snapshot     = true
}}
output "resource_id" {{
  value = aws_db_instance.main.resource_id
}}
"""
FIRST = 'import {\n  to = aws_db_instance.main\n  id = "team-db"\n}\n'
BLOCK = re.compile(r"^  (?:import|removed) \{\n(?:  .*\n)+?  \}$", re.MULTILINE)
IGNORED = re.compile(r"^  ignore_tags \{\n(?:  .*\n)+?  \}$", re.MULTILINE)
SETTING = re.compile(r"^  (identifier = .*)$", re.MULTILINE)


@pytest.fixture
def terraform(tmp_path: Path, gateway: Gateway, aws: Aws) -> Iterator[Team]:
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not on PATH")
    gateway.create(NAME)
    folder = tmp_path / "terraform"
    folder.mkdir()
    plugins = os.environ.get("TERRAFORM_PLUGIN_DIR")
    settings = os.devnull if plugins else str(write_configuration(tmp_path))
    made = Team(folder, {**os.environ, **CREDENTIALS, "TF_CLI_CONFIG_FILE": settings, "TF_IN_AUTOMATION": "1"})
    (folder / "main.tf").write_text(HCL.format(endpoint=gateway.endpoint))
    (folder / "first.tf").write_text(FIRST)
    if plugins:
        made.ok(f"terraform init -no-color -plugin-dir={plugins}")
    made.ok("terraform apply -no-color -auto-approve")
    (folder / "first.tf").unlink()
    yield made
    clear(aws)


def changes(team: Team) -> int:
    """0 for an empty plan, 2 for changes (`terraform plan -detailed-exitcode`)."""
    return team.run("terraform plan -no-color -detailed-exitcode").returncode


def take_over(team: Team, told: str, *, by_blocks: bool) -> None:
    """Does what is printed, and nothing else."""
    (ignored,) = IGNORED.findall(told)
    team.edit("main.tf", "region                      =", f"{ignored}\n  region                      =")
    for setting in SETTING.findall(told):
        team.edit("main.tf", 'identifier              = "team-db"', setting)
    blocks = BLOCK.findall(told)
    commands = [command for command in COMMAND.findall(told) if command.startswith("terraform")]
    if by_blocks:
        (new,) = set(re.findall(r"aws_db_instance\.(main_\w+)", told))
        team.edit("main.tf", 'resource "aws_db_instance" "main"', f'resource "aws_db_instance" "{new}"')
        team.edit("main.tf", "aws_db_instance.main.", f"aws_db_instance.{new}.")
        blocks, commands = blocks[1:], [command for command in commands if "state rm" not in command]
    else:
        blocks = blocks[:1]
    (team.folder / "blocks.tf").write_text("\n".join(blocks))
    for command in commands:
        team.ok(command + (" -auto-approve" if command.endswith("apply") else ""))


@pytest.mark.slow
@pytest.mark.parametrize("by_blocks", [False, True], ids=["by command", "by blocks"])
def test_after_a_rename_terraform_takes_over_with_nothing_left_to_plan(
    terraform: Team, rds: Rds, aws: Aws, by_blocks: bool
) -> None:
    restored, former = restore(rds, aws), rds.find_instance(NAME)
    assert former
    rename(rds, aws, former, f"{NAME}-before-inc-1")
    serving = rename(rds, aws, restored, NAME)
    harm = terraform.ok("terraform plan -no-color")
    assert re.search(rf'identifier\s*= "{NAME}-before-inc-1" -> "{NAME}"', harm), harm
    where = Infrastructure("terraform", "aws_db_instance.main")
    told = describe_take_over(where, TakeOver(former.resource_id, serving, "inc-1", renamed=True))
    take_over(terraform, told, by_blocks=by_blocks)
    assert changes(terraform) == 0
    assert terraform.ok("terraform output -raw resource_id") == serving.resource_id
    assert {item.identifier for item in rds.list_instances()} >= {NAME, f"{NAME}-before-inc-1"}


@pytest.mark.slow
def test_after_a_switch_by_secret_terraform_takes_over_with_nothing_left_to_plan(
    terraform: Team, rds: Rds, aws: Aws
) -> None:
    serving, former = restore(rds, aws), rds.find_instance(NAME)
    assert former
    assert changes(terraform) == 0
    where = Infrastructure("terraform", "aws_db_instance.main")
    told = describe_take_over(where, TakeOver(former.resource_id, serving, "inc-1", renamed=False))
    take_over(terraform, told, by_blocks=False)
    assert changes(terraform) == 0
    assert terraform.ok("terraform output -raw resource_id") == serving.resource_id
