"""Parameter groups: made, described, changed, deleted."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.aws.errors import AwsError
from sandbox.aws.query_protocol import Shape
from sandbox.aws.rds.data import identifiers, offerings
from sandbox.aws.rds.data.state import ParameterGroup
from sandbox.aws.rds.operations.registry import filtered, operation
from sandbox.aws.rds.service.parameter_values import (
    FORCE_SSL,
    apply_to,
    find_group,
    group_shape,
    is_default,
    known_parameters,
)
from sandbox.aws.rds.service.region import Rds
from sandbox.postgres.host import Host
from sandbox.postgres.server_parameters import Parameter

MOST_CHANGES = 20
# Parameters of RDS's own that the sandbox shows; of these only rds.force_ssl has an effect.
OWN: Mapping[str, tuple[str, str, str]] = {
    FORCE_SSL: ("1", "boolean", "dynamic"),
    "rds.logical_replication": ("0", "boolean", "static"),
    "rds.log_retention_period": ("4320", "integer", "dynamic"),
    "rds.allowed_extensions": ("*", "list", "dynamic"),
}
DATA_TYPES = {"bool": "boolean", "integer": "integer", "real": "float", "string": "string", "enum": "string"}


def default_name(version: str) -> str:
    return f"default.{offerings.family(version)}"


def described(group: ParameterGroup, host: Host) -> list[Shape]:
    """All parameters of a group: the engine's, RDS's own, and the customer's values over them."""
    server = [_engine_default(p) for p in known_parameters(host).values()]
    own = [_own(name, *facts) for name, facts in OWN.items()]
    defaults = {p["ParameterName"]: p for p in (*server, *own)}
    mine = {name: {**defaults.get(name, {}), **p, "Source": "user"} for name, p in group.parameters.items()}
    return [{**defaults, **mine}[name] for name in sorted({**defaults, **mine})]


def _engine_default(parameter: Parameter) -> Shape:
    return {
        "ParameterName": parameter.name,
        "ParameterValue": parameter.default or None,
        "Description": parameter.description,
        "Source": "engine-default",
        "ApplyType": "static" if parameter.context == "postmaster" else "dynamic",
        "DataType": DATA_TYPES.get(parameter.kind, "string"),
        "IsModifiable": parameter.context != "internal",
        "ApplyMethod": "pending-reboot",
        "SupportedEngineModes": ["provisioned"],
    }


def _own(name: str, value: str, kind: str, apply: str) -> Shape:
    return {
        "ParameterName": name,
        "ParameterValue": value,
        "Source": "system",
        "ApplyType": apply,
        "DataType": kind,
        "IsModifiable": True,
        "ApplyMethod": "pending-reboot",
        "SupportedEngineModes": ["provisioned"],
    }


@operation("DBParameterGroupName DBParameterGroupFamily Description Tags")
def create_db_parameter_group(rds: Rds, p: Shape) -> Shape:
    name = identifiers.checked(p["DBParameterGroupName"], "DBParameterGroupName", identifiers.SNAPSHOT_LENGTH)
    if name in rds.state.parameter_groups:
        raise AwsError("DBParameterGroupAlreadyExists", f"Parameter group {name} already exists")
    family = p["DBParameterGroupFamily"]
    if family not in {offerings.family(v) for v in offerings.versions(rds.host.binaries.version)}:
        raise AwsError("InvalidParameterValue", f"ParameterGroupFamily {family} is not a valid parameter group family")
    group = ParameterGroup(group_shape(rds, name, family, p["Description"]))
    rds.state.parameter_groups[name] = group
    rds.state.tags[group.shape["DBParameterGroupArn"]] = p.get("Tags", [])
    return {"DBParameterGroup": group.shape}


@operation("DBParameterGroupName Filters")
def describe_db_parameter_groups(rds: Rds, p: Shape) -> Shape:
    if name := p.get("DBParameterGroupName"):
        groups = [find_group(rds, name).shape]
    else:
        find_group(rds, default_name(rds.host.binaries.version))
        groups = [g.shape for g in rds.state.parameter_groups.values()]
    return {"DBParameterGroups": filtered(groups, p.get("Filters", []), {})}


@operation("DBParameterGroupName Source Filters")
def describe_db_parameters(rds: Rds, p: Shape) -> Shape:
    parameters = described(find_group(rds, p["DBParameterGroupName"]), rds.host)
    source = p.get("Source")
    parameters = [q for q in parameters if source in (None, q["Source"])]
    return {
        "Parameters": filtered(parameters, p.get("Filters", []), {"parameter-name": lambda s: (s["ParameterName"],)})
    }


@operation("DBParameterGroupFamily Filters")
def describe_engine_default_parameters(rds: Rds, p: Shape) -> Shape:
    family = p["DBParameterGroupFamily"]
    every = described(ParameterGroup({}), rds.host)
    parameters = filtered(every, p.get("Filters", []), {"parameter-name": lambda s: (s["ParameterName"],)})
    return {"EngineDefaults": {"DBParameterGroupFamily": family, "Parameters": parameters}}


@operation("DBParameterGroupName Parameters")
def modify_db_parameter_group(rds: Rds, p: Shape) -> Shape:
    group = changeable(rds, p["DBParameterGroupName"])
    if len(p["Parameters"]) > MOST_CHANGES:
        raise AwsError("InvalidParameterValue", f"At most {MOST_CHANGES} parameters can be modified in one request")
    for parameter in p["Parameters"]:
        name = parameter.get("ParameterName", "")
        check_parameter(rds, name, parameter)
        group.parameters[name] = {
            "ParameterName": name,
            "ParameterValue": parameter.get("ParameterValue", ""),
            "ApplyMethod": parameter.get("ApplyMethod", "pending-reboot"),
        }
    return changed(rds, group, [q["ParameterName"] for q in p["Parameters"]])


def check_parameter(rds: Rds, name: str, parameter: Shape) -> None:
    """Raises AwsError for a parameter that doesn't exist, or can't change at once."""
    server = known_parameters(rds.host).get(name)
    # An extension's parameter (auto_explain.log_min_duration) is known only where the extension is loaded.
    if server is None and name not in OWN and "." not in name:
        raise AwsError("InvalidParameterValue", f"Could not find parameter with name: {name}")
    static = server.context == "postmaster" if server else OWN.get(name, ("", "", "dynamic"))[2] == "static"
    if static and parameter.get("ApplyMethod") == "immediate":
        raise AwsError("InvalidParameterCombination", f"cannot use immediate apply method for static parameter {name}")


def changed(rds: Rds, group: ParameterGroup, touched: list[str]) -> Shape:
    """Running instances take dynamic parameters at once, and show that the others wait for a reboot."""
    name = group.shape["DBParameterGroupName"]
    for instance in rds.state.instances.values():
        membership = instance.shape["DBParameterGroups"][0]
        if membership["DBParameterGroupName"] != name:
            continue
        if any(group.parameters.get(t, {}).get("ApplyMethod") != "immediate" for t in touched):
            membership["ParameterApplyStatus"] = "pending-reboot"
        elif rds.cluster(instance).running:
            apply_to(rds, instance)
            rds.cluster(instance).reconfigure()
    rds.event("db-parameter-group", name, "Updated parameters of the group", "configuration change")
    return {"DBParameterGroupName": name}


@operation("DBParameterGroupName ResetAllParameters Parameters")
def reset_db_parameter_group(rds: Rds, p: Shape) -> Shape:
    group = changeable(rds, p["DBParameterGroupName"])
    everything = p.get("ResetAllParameters", not p.get("Parameters"))
    touched = list(group.parameters) if everything else [q["ParameterName"] for q in p["Parameters"]]
    for name in touched:
        group.parameters.pop(name, None)
    return changed(rds, group, touched)


@operation("DBParameterGroupName")
def delete_db_parameter_group(rds: Rds, p: Shape) -> None:
    group = changeable(rds, p["DBParameterGroupName"])
    name = group.shape["DBParameterGroupName"]
    users = [
        i.identifier
        for i in rds.state.instances.values()
        if i.shape["DBParameterGroups"][0]["DBParameterGroupName"] == name
    ]
    if users:
        raise AwsError(
            "InvalidDBParameterGroupState",
            f"One or more database instances are still members of this parameter group {name}, so the group cannot"
            " be deleted",
        )
    del rds.state.parameter_groups[name]
    rds.state.tags.pop(group.shape["DBParameterGroupArn"], None)


def changeable(rds: Rds, name: str) -> ParameterGroup:
    group = find_group(rds, name)
    if is_default(group.shape["DBParameterGroupName"]):
        raise AwsError(
            "InvalidParameterValue",
            f"The parameter DBParameterGroupName is not valid: default group {name} can't be changed.",
        )
    return group
