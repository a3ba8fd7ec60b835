"""The descriptions of what RDS offers: engine versions, orderable instances, certificates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from sandbox.aws.errors import AwsError
from sandbox.aws.query_protocol import Shape
from sandbox.aws.rds.data import identifiers, offerings
from sandbox.aws.rds.operations.registry import filtered, operation
from sandbox.aws.rds.service import limits
from sandbox.aws.rds.service.region import Rds


@operation(
    "Engine EngineVersion DBParameterGroupFamily Filters DefaultOnly IncludeAll ListSupportedCharacterSets"
    " ListSupportedTimezones"
)
def describe_db_engine_versions(rds: Rds, p: Shape) -> Shape:
    if p.get("Engine", offerings.ENGINE) != offerings.ENGINE:
        return {"DBEngineVersions": []}
    running = rds.host.binaries.version
    offered = offerings.versions(running)
    if version := p.get("EngineVersion"):
        offered = [v for v in offered if v == version or v.split(".")[0] == version]
    if p.get("DBParameterGroupFamily"):
        offered = [v for v in offered if offerings.family(v) == p["DBParameterGroupFamily"]]
    if p.get("DefaultOnly"):
        offered = [offerings.default_of(offered, running)] if offered else []
    descriptions = [engine_version(v, offerings.versions(running)) for v in offered]
    keys: dict[str, Callable[[Shape], Iterable[str]]] = {
        "engine": lambda s: (s["Engine"],),
        "engine-version": lambda s: (s["EngineVersion"],),
        "db-parameter-group-family": lambda s: (s["DBParameterGroupFamily"],),
        "engine-mode": lambda _: ("provisioned",),
        "status": lambda s: (s["Status"],),
    }
    return {"DBEngineVersions": filtered(descriptions, p.get("Filters", []), keys)}


def engine_version(version: str, offered: list[str]) -> Shape:
    major, minor = (int(part) for part in version.split("."))
    later = [v for v in offered if tuple(map(int, v.split("."))) > (major, minor)]
    return {
        "Engine": offerings.ENGINE,
        "MajorEngineVersion": str(major),
        "EngineVersion": version,
        "DBParameterGroupFamily": offerings.family(version),
        "DBEngineDescription": "PostgreSQL",
        "DBEngineVersionDescription": f"PostgreSQL {version}-R1",
        "ValidUpgradeTarget": [
            {
                "Engine": offerings.ENGINE,
                "EngineVersion": target,
                "Description": f"PostgreSQL {target}-R1",
                "AutoUpgrade": False,
                "IsMajorVersionUpgrade": int(target.split(".")[0]) != major,
            }
            for target in later
        ],
        "ExportableLogTypes": list(offerings.LOG_TYPES),
        "SupportsLogExportsToCloudwatchLogs": True,
        "SupportsReadReplica": True,
        "SupportedEngineModes": ["provisioned"],
        "SupportedFeatureNames": [],
        "Status": "available",
        "SupportsParallelQuery": False,
        "SupportsGlobalDatabases": False,
        "SupportsBabelfish": False,
        "SupportsCertificateRotationWithoutRestart": True,
        "SupportedCACertificateIdentifiers": list(offerings.CERTIFICATES),
    }


@operation("Engine EngineVersion DBInstanceClass LicenseModel Vpc Filters AvailabilityZoneGroup")
def describe_orderable_db_instance_options(rds: Rds, p: Shape) -> Shape:
    if p["Engine"] != offerings.ENGINE or p.get("LicenseModel", "postgresql-license") != "postgresql-license":
        return {"OrderableDBInstanceOptions": []}
    offered = [
        v for v in offerings.versions(rds.host.binaries.version) if p.get("EngineVersion") in (None, v, v.split(".")[0])
    ]
    classes = [c for c in offerings.CLASSES if p.get("DBInstanceClass") in (None, c)]
    options = [
        o for v in offered for c in classes for o in orderable(v, c, limits.zones_of(rds, c)) if o["AvailabilityZones"]
    ]
    return {"OrderableDBInstanceOptions": filtered(options, p.get("Filters", []), {})}


def orderable(version: str, name: str, zones: list[str]) -> Iterator[Shape]:
    for kind in offerings.STORAGE_TYPES[:-1]:
        yield {
            "Engine": offerings.ENGINE,
            "EngineVersion": version,
            "DBInstanceClass": name,
            "LicenseModel": "postgresql-license",
            "AvailabilityZones": [{"Name": zone} for zone in zones],
            "MultiAZCapable": True,
            "ReadReplicaCapable": True,
            "Vpc": True,
            "SupportsStorageEncryption": True,
            "StorageType": kind,
            "SupportsIops": kind in ("gp3", "io1", "io2"),
            "SupportsStorageThroughput": kind == "gp3",
            "SupportsEnhancedMonitoring": True,
            "SupportsIAMDatabaseAuthentication": True,
            "SupportsPerformanceInsights": True,
            "MinStorageSize": 20 if kind in ("gp2", "gp3") else 100,
            "MaxStorageSize": 65536,
            "SupportedEngineModes": ["provisioned"],
            "SupportsStorageAutoscaling": True,
            "SupportsKerberosAuthentication": True,
            "OutpostCapable": False,
            "SupportedNetworkTypes": ["IPV4", "DUAL"],
            "SupportsClusters": False,
        }


@operation("CertificateIdentifier Filters")
def describe_certificates(rds: Rds, p: Shape) -> Shape:
    identifier = p.get("CertificateIdentifier")
    if identifier and identifier not in offerings.CERTIFICATES:
        raise AwsError("CertificateNotFound", f"Certificate not found: {identifier}")
    certificates = [
        {
            "CertificateIdentifier": name,
            "CertificateType": "CA",
            "Thumbprint": "",
            "ValidFrom": rds.host.authority.begins,
            "ValidTill": rds.host.authority.expires,
            "CertificateArn": f"arn:aws:rds:{rds.region}::cert:{name}",
            "CustomerOverride": False,
        }
        for name in offerings.CERTIFICATES
        if identifier in (None, name)
    ]
    return {
        "Certificates": filtered(certificates, p.get("Filters", []), {}),
        "DefaultCertificateForNewLaunches": offerings.CERTIFICATES[0],
    }


@operation("ResourceIdentifier Filters")
def describe_pending_maintenance_actions(rds: Rds, p: Shape) -> Shape:
    if p.get("ResourceIdentifier"):
        rds.instance(identifiers.plain(p["ResourceIdentifier"], "db"))
    return {"PendingMaintenanceActions": []}
