"""Rules about a source in another region: who writes there, what this region lacks, what has to be copied. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from restore.candidate.settings import choose_target_settings, read_overrides
from restore.candidate.source_region import find_security_group, list_left_out, list_security_group_names
from restore.config.keys import to_camel_case
from restore.cutover import traffic
from restore.cutover.rollback import describe_way_back_elsewhere
from restore.cutover.traffic import ConnectionTarget
from restore.errors import Problem
from restore.model import waivers
from restore.model.context import RestoreContext
from restore.model.gates import QUIESCED
from restore.model.identifiers import read_region
from restore.model.rds import InstanceSettings
from restore.model.region import Places, SourceRegion, name_unfenced
from restore.model.request import Method, Traffic
from restore.model.restore_source import RestoreSource
from restore.preflight.instance_settings import parse_major
from restore.preflight.prices import describe_copy_cost
from restore.recovery_points.resolve import resolve
from restore.units import TIME_FORMAT
from validation.keyed.reader import find_nearest

PRESIGNED = ("us-gov-",)
"""Where a copy between regions needs a presigned URL (API reference of CopyDBSnapshot, PreSignedUrl)."""
PAGE = "docs/region.md"
SHOWN_DUMPS = 3


def check_writers_elsewhere(context: RestoreContext) -> Iterable[Problem]:
    """Refuses a freeze or a switch while nobody can see who writes in the source's region, unless a person says so:
    before anything is done, and not at the gate."""
    region = context.source_region
    settled = traffic.find_pointing(context) is ConnectionTarget.CANDIDATE
    if region is None or region.answers or context.request.traffic is Traffic.SOURCE or settled:
        return
    name = name_unfenced(QUIESCED.name, region.name)
    if not waivers.is_waived(name, context.settings.waive):
        yield waivers.add_command(build_silent_region(context, region), name)


def build_silent_region(context: RestoreContext, region: SourceRegion) -> Problem:
    """Returns the problem that nobody can prove who writes in the source's region."""
    return Problem(
        f"region {region.name}",
        f"it doesn't answer ({region.silence}): applications there may still write to {context.settings.source}",
        "the word of a person that they are stopped, or cut off from their users, and stay so when the region is back",
        f'{PAGE}, "The writers of the lost region"',
    )


def check_way_back_elsewhere(context: RestoreContext) -> Iterable[Problem]:
    """Refuses to go back to a database of another region: its applications are there, and what was written here since
    isn't."""
    region = context.source_region
    if region and context.request.traffic is Traffic.SOURCE and context.manages_any:
        yield describe_way_back_elsewhere(region.name)


def check_places_found(context: RestoreContext) -> Iterable[Problem]:
    """Refuses what this region lacks, all at once, of what the source uses."""
    origin, places = resolve(context).origin, context.inventory.places
    if context.source_region is None or places is None or origin is None or context.candidate:
        return
    settings = choose_target_settings(context, origin)
    yield from _check_subnet_group(context, places, settings)
    yield from _check_parameter_group(context, places, settings, origin)
    yield from _check_security_groups(context, places, settings)


def _check_subnet_group(context: RestoreContext, places: Places, settings: InstanceSettings) -> Iterable[Problem]:
    name, region = settings.db_subnet_group_name, context.settings.region
    if name and name.lower() not in {known.lower() for known in places.subnet_groups}:
        yield Problem(
            f"subnet group {name}",
            f"doesn't exist in {region}",
            f"a DB subnet group{_format_alternatives(name, places.subnet_groups)}",
            f"aws rds create-db-subnet-group --region {region} --db-subnet-group-name {name} "
            f'--db-subnet-group-description "of {context.settings.source}" --subnet-ids <subnet> <subnet>; or: '
            "pulumi config set --path instance.dbSubnetGroupName <name>",
        )


def _check_parameter_group(
    context: RestoreContext, places: Places, settings: InstanceSettings, origin: RestoreSource
) -> Iterable[Problem]:
    name, region = settings.parameter_group_name, context.settings.region
    if not name or name.startswith("default.") or name.lower() in {known.lower() for known in places.parameter_groups}:
        return
    asked = context.settings.create.parameter_group
    if asked and context.source_region and context.source_region.parameters is not None:
        return
    family = f"postgres{parse_major(origin.engine_version)}"
    by_hand = (
        f"aws rds create-db-parameter-group --region {region} --db-parameter-group-name {name} "
        f'--db-parameter-group-family {family} --description "of {context.settings.source}"'
    )
    if asked:
        found = f"doesn't exist in {region}, and what the source's group sets can't be read there"
        fix = f"{by_hand} (then set its parameters); or: pulumi config set --path instance.parameterGroupName <name>"
    else:
        found = f"doesn't exist in {region}"
        fix = (
            "pulumi config set --path create.parameterGroup true (makes it with the source's parameters, while that "
            f"region answers); or: {by_hand}; or: pulumi config set --path instance.parameterGroupName <name>"
        )
    families = [known for known, its in places.parameter_groups.items() if its == family]
    yield Problem(
        f"parameter group {name}", found, f"a parameter group of {family}{_format_alternatives(name, families)}", fix
    )


def _check_security_groups(context: RestoreContext, places: Places, settings: InstanceSettings) -> Iterable[Problem]:
    if context.source is None or "vpc_security_group_ids" in read_overrides(context):
        return
    region, group = context.settings.region, settings.db_subnet_group_name
    vpc = places.subnet_groups.get(group or "")
    for number, name in enumerate(list_security_group_names(context, context.source.settings)):
        if find_security_group(places, name, group):
            continue
        where = f"in VPC {vpc} of {region}" if vpc else f"in {region}"
        yield Problem(
            f"security group {name}",
            f"no single one of this name {where}",
            "a security group that lets the applications of this region in",
            f"aws ec2 create-security-group --region {region} --group-name {name} --vpc-id {vpc or '<vpc>'} "
            f'--description "PostgreSQL of {context.settings.source}" (then let the applications in); or: '
            f"pulumi config set --path 'instance.vpcSecurityGroupIds[{number}]' <sg-id>",
        )


def _format_alternatives(name: str, known: Iterable[str]) -> str:
    listed: Sequence[str] = sorted(known)
    near = find_nearest(name, listed) or listed[:3]
    return f", such as {', '.join(near)}" if near else ""


def check_copy_possible(context: RestoreContext) -> Iterable[Problem]:
    """Refuses a copy that RDS would refuse, or that nobody here could decrypt."""
    origin = resolve(context).origin
    if origin is None or context.copy or context.candidate or origin.point.copy_of is None:
        return
    original, region, key = origin.point.copy_of, context.settings.region, context.settings.copy.kms_key_id
    subject, sender = f"snapshot {original.rpartition(':snapshot:')[2]}", read_region(original)
    if origin.encrypted and key is None:
        needed = f"a key of {region} for the copy: the one it is encrypted with is of another account or region"
        found = f"of {sender} and encrypted" if sender != region else "shared and encrypted"
        yield Problem(subject, found, needed, "pulumi config set --path copy.kmsKeyId <key of this region>")
    if key and read_region(key) not in ("", region):
        fix = "pulumi config set --path copy.kmsKeyId <key of this region>"
        yield Problem("config copy.kmsKeyId", f"a key of {read_region(key)}", f"a key of {region}", fix)
    if sender != region and region.startswith(PRESIGNED):
        yield Problem(
            subject,
            f"in {sender}; between GovCloud regions a copy needs a presigned URL, which the AWS plugin doesn't make",
            f"a copy of it in {region}",
            f"aws rds copy-db-snapshot --region {region} --source-region {sender} "
            f"--source-db-snapshot-identifier {original} --target-db-snapshot-identifier <name> --kms-key-id <key>; "
            "pulumi config set snapshot <name>",
        )


def list_region_lines(context: RestoreContext) -> Iterable[str]:
    """Yields what the preview says of a source in another region."""
    region = context.source_region
    if region is None:
        return
    here, source = context.settings.region, context.settings.source
    if region.silence:
        yield (
            f"region: {source} is in {region.name}, which doesn't answer ({region.silence}); "
            "all is made of what lies here"
        )
    elif context.source is None:
        yield f"region: {region.name} answers, and has no instance {source}"
    else:
        yield f"region: {source} is in {region.name}, which answers; nothing is changed there"
    if context.request.traffic is not Traffic.SOURCE:
        yield (
            f"note: no safety snapshot is taken of {source}: another region is left as it is, and so are its backups; "
            f"one by hand: aws rds create-db-snapshot --region {region.name} --db-instance-identifier {source} "
            f"--db-snapshot-identifier {context.safety_name}"
        )
    for what, why in region.unasked.items():
        yield f"note: not asked in {region.name}: {what} ({why})"
    if names := list_left_out(context):
        listed = ", ".join(to_camel_case(name) for name in names)
        yield f"note: left out, for they are of {region.name}: {listed}; set them under `instance` for {here}"
    yield from _list_late_dump_lines(context, region)


def _list_late_dump_lines(context: RestoreContext, region: SourceRegion) -> Iterable[str]:
    if context.request.method is not Method.DUMP:
        return
    for dump in region.late_dumps[:SHOWN_DUMPS]:
        status = dump.status or "no rule replicates it"
        yield (
            f"note: dump {dump.key} ({dump.stored:{TIME_FORMAT}}) has not arrived in "
            f"{context.settings.backups.bucket}: S3 replication {status}"
        )
    if len(region.late_dumps) > SHOWN_DUMPS:
        yield f"note: {len(region.late_dumps) - SHOWN_DUMPS} more dumps have not arrived"


def list_copy_lines(context: RestoreContext, origin: RestoreSource) -> Iterable[str]:
    """Yields what is copied before the restore, and what that costs."""
    original = origin.point.copy_of
    if original is None or context.candidate:
        return
    if context.copy:
        yield f"keeps: copy {context.copy_name} of {original}"
        return
    sender, here = read_region(original), context.settings.region
    key = context.settings.copy.kms_key_id
    encrypted = f", encrypted with {key}" if key else ""
    size = f"{origin.storage} GiB{encrypted}"
    yield f"copies: {original} to {context.copy_name} in {here} ({size}); it stays until deleted"
    yield f"costs: {describe_copy_cost(origin.storage, sender, here, context.settings.prices)}"


def list_created_lines(context: RestoreContext, settings: InstanceSettings) -> Iterable[str]:
    """Yields what else is made in this region."""
    places, region = context.inventory.places, context.source_region
    name = settings.parameter_group_name
    if context.settings.create.parameter_group and places and region and name and name not in places.parameter_groups:
        yield f"creates: parameter group {name} with {len(region.parameters or {})} parameters of the source's"
