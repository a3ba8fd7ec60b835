"""RDS Proxy as far as its targets go: one target group, `default`, with one instance at most; nothing is proxied."""

from __future__ import annotations

from sandbox.aws.errors import AwsError
from sandbox.aws.query_protocol import Shape
from sandbox.aws.rds.operations.registry import filtered, operation
from sandbox.aws.rds.service.region import Rds, now

GROUP = "default"


@operation("DBProxyName EngineFamily Auth RoleArn VpcSubnetIds VpcSecurityGroupIds RequireTLS Tags")
def create_db_proxy(rds: Rds, p: Shape) -> Shape:
    name = p["DBProxyName"]
    if name in rds.state.proxies:
        raise AwsError("DBProxyAlreadyExistsFault", f"DB proxy {name} already exists.")
    shape: Shape = {
        "DBProxyName": name,
        "DBProxyArn": rds.arn("db-proxy", f"prx-{name}"),
        "Status": "available",
        "EngineFamily": p["EngineFamily"],
        "VpcSubnetIds": p["VpcSubnetIds"],
        "VpcSecurityGroupIds": p.get("VpcSecurityGroupIds", []),
        "Auth": p.get("Auth", []),
        "RoleArn": p["RoleArn"],
        "Endpoint": f"{name}.proxy-sandbox.{rds.region}.rds.amazonaws.com",
        "RequireTLS": p.get("RequireTLS", False),
        "CreatedDate": now(),
    }
    rds.state.proxies[name] = {"shape": shape, "targets": []}
    return {"DBProxy": shape}


def find(rds: Rds, p: Shape) -> Shape:
    """Raises AwsError for a proxy or a target group that isn't there."""
    name, group = p["DBProxyName"], p.get("TargetGroupName", GROUP)
    if name not in rds.state.proxies:
        raise AwsError("DBProxyNotFoundFault", f"DB proxy {name} doesn't exist.")
    if group != GROUP:
        raise AwsError("DBProxyTargetGroupNotFoundFault", f"Target group {group} doesn't exist.")
    return rds.state.proxies[name]


@operation("DBProxyName Filters")
def describe_db_proxies(rds: Rds, p: Shape) -> Shape:
    proxies = [find(rds, p)] if p.get("DBProxyName") else list(rds.state.proxies.values())
    return {"DBProxies": filtered([proxy["shape"] for proxy in proxies], p.get("Filters", []), {})}


@operation("DBProxyName TargetGroupName Filters")
def describe_db_proxy_targets(rds: Rds, p: Shape) -> Shape:
    """A target is known by the identifier under which it was registered."""
    targets = [target(rds, name) for name in find(rds, p)["targets"]]
    return {"Targets": filtered(targets, p.get("Filters", []), {})}


def target(rds: Rds, identifier: str) -> Shape:
    instance = rds.state.instances.get(identifier)
    endpoint: Shape = instance.shape.get("Endpoint") or {} if instance else {}
    health = {"State": "AVAILABLE"} if instance else {"State": "UNAVAILABLE", "Reason": "UNREACHABLE"}
    return {
        "RdsResourceId": identifier,
        "Type": "RDS_INSTANCE",
        "Role": "READ_WRITE",
        "Endpoint": endpoint.get("Address", ""),
        "Port": endpoint.get("Port", 0),
        "TargetHealth": health,
    }


@operation("DBProxyName TargetGroupName DBInstanceIdentifiers")
def register_db_proxy_targets(rds: Rds, p: Shape) -> Shape:
    proxy, names = find(rds, p), p.get("DBInstanceIdentifiers", [])
    for name in names:
        rds.instance(name)
        if name in proxy["targets"]:
            raise AwsError("DBProxyTargetAlreadyRegisteredFault", f"{name} is already registered.")
    if len(proxy["targets"]) + len(names) > 1:
        raise AwsError("InvalidDBProxyStateFault", "A proxy can have one DB instance as its target.")
    proxy["targets"] += names
    return {"DBProxyTargets": [target(rds, name) for name in names]}


@operation("DBProxyName TargetGroupName DBInstanceIdentifiers")
def deregister_db_proxy_targets(rds: Rds, p: Shape) -> Shape:
    proxy, names = find(rds, p), p.get("DBInstanceIdentifiers", [])
    for name in names:
        if name not in proxy["targets"]:
            raise AwsError("DBProxyTargetNotFoundFault", f"{name} is no target of {p['DBProxyName']}.")
    proxy["targets"] = [name for name in proxy["targets"] if name not in names]
    return {}


@operation("DBProxyName")
def delete_db_proxy(rds: Rds, p: Shape) -> Shape:
    proxy = find(rds, p)
    del rds.state.proxies[p["DBProxyName"]]
    return {"DBProxy": {**proxy["shape"], "Status": "deleting"}}
