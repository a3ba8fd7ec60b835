"""What RDS offers: engine versions, classes, storage, certificates, and which of it a sandbox can really run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from sandbox.aws.errors import AwsError, unsupported
from sandbox.aws.query_protocol import Shape
from sandbox.aws.rds.data import identifiers
from sandbox.aws.rds.operations.registry import filtered, operation
from sandbox.aws.rds.service.region import Rds

ENGINE = "postgres"
PORT = 5432
LONGEST_RETENTION = 35
STORAGE_TYPES = ("gp2", "gp3", "io1", "io2", "standard")
LOG_TYPES = ("postgresql", "upgrade", "iam-db-auth-error")
CERTIFICATES = ("rds-ca-rsa2048-g1", "rds-ca-rsa4096-g1", "rds-ca-ecc384-g1")
SIZES = {
    "t3": "micro small medium large xlarge 2xlarge",
    "t4g": "micro small medium large xlarge 2xlarge",
    "m5": "large xlarge 2xlarge 4xlarge",
    "m6g": "large xlarge 2xlarge 4xlarge",
    "m6i": "large xlarge 2xlarge 4xlarge",
    "m7g": "large xlarge 2xlarge 4xlarge",
    "r5": "large xlarge 2xlarge 4xlarge",
    "r6g": "large xlarge 2xlarge 4xlarge 8xlarge",
    "r6i": "large xlarge 2xlarge 4xlarge 8xlarge",
    "r7g": "large xlarge 2xlarge 4xlarge 8xlarge",
}
CLASSES = tuple(f"db.{family}.{size}" for family, sizes in SIZES.items() for size in sizes.split())
MINORS = {"16": (9, 10, 11, 12, 13, 14), "17": (5, 6, 7, 8, 9, 10)}


def versions(running: str) -> list[str]:
    """Offered versions, oldest first; the one that really runs is among them."""
    offered = {(int(major), minor) for major, minors in MINORS.items() for minor in minors}
    major, minor = running.split(".")[:2]
    offered.add((int(major), int(minor)))
    return [f"{one}.{two}" for one, two in sorted(offered)]


def creatable(asked: str | None, running: str) -> str:
    """The version a new instance gets: the running one for none or only a major. Raises AwsError."""
    major = running.split(".")[0]
    if not asked or asked == major:
        return running
    if asked not in versions(running) and asked not in {v.split(".")[0] for v in versions(running)}:
        raise AwsError("InvalidParameterCombination", f"Cannot find version {asked} for {ENGINE}")
    if asked.split(".")[0] != major:
        raise unsupported(f"server of version {asked}: its PostgreSQL is {running}")
    return asked


def family(version: str) -> str:
    return ENGINE + version.split(".")[0]


@operation(
    "Engine EngineVersion DBParameterGroupFamily Filters DefaultOnly IncludeAll ListSupportedCharacterSets"
    " ListSupportedTimezones"
)
def describe_db_engine_versions(rds: Rds, p: Shape) -> Shape:
    if p.get("Engine", ENGINE) != ENGINE:
        return {"DBEngineVersions": []}
    running = rds.host.binaries.version
    offered = versions(running)
    if version := p.get("EngineVersion"):
        offered = [v for v in offered if v == version or v.split(".")[0] == version]
    if p.get("DBParameterGroupFamily"):
        offered = [v for v in offered if family(v) == p["DBParameterGroupFamily"]]
    if p.get("DefaultOnly"):
        offered = [default_of(offered, running)] if offered else []
    found = [engine_version(v, versions(running)) for v in offered]
    keys: dict[str, Callable[[Shape], Iterable[str]]] = {
        "engine": lambda s: (s["Engine"],),
        "engine-version": lambda s: (s["EngineVersion"],),
        "db-parameter-group-family": lambda s: (s["DBParameterGroupFamily"],),
        "engine-mode": lambda _: ("provisioned",),
        "status": lambda s: (s["Status"],),
    }
    return {"DBEngineVersions": filtered(found, p.get("Filters", []), keys)}


def default_of(offered: list[str], running: str) -> str:
    return running if running in offered else offered[-1]


def engine_version(version: str, offered: list[str]) -> Shape:
    major, minor = (int(part) for part in version.split("."))
    later = [v for v in offered if tuple(map(int, v.split("."))) > (major, minor)]
    return {
        "Engine": ENGINE,
        "MajorEngineVersion": str(major),
        "EngineVersion": version,
        "DBParameterGroupFamily": family(version),
        "DBEngineDescription": "PostgreSQL",
        "DBEngineVersionDescription": f"PostgreSQL {version}-R1",
        "ValidUpgradeTarget": [
            {
                "Engine": ENGINE,
                "EngineVersion": target,
                "Description": f"PostgreSQL {target}-R1",
                "AutoUpgrade": False,
                "IsMajorVersionUpgrade": int(target.split(".")[0]) != major,
            }
            for target in later
        ],
        "ExportableLogTypes": list(LOG_TYPES),
        "SupportsLogExportsToCloudwatchLogs": True,
        "SupportsReadReplica": True,
        "SupportedEngineModes": ["provisioned"],
        "SupportedFeatureNames": [],
        "Status": "available",
        "SupportsParallelQuery": False,
        "SupportsGlobalDatabases": False,
        "SupportsBabelfish": False,
        "SupportsCertificateRotationWithoutRestart": True,
        "SupportedCACertificateIdentifiers": list(CERTIFICATES),
    }


@operation("Engine EngineVersion DBInstanceClass LicenseModel Vpc Filters AvailabilityZoneGroup")
def describe_orderable_db_instance_options(rds: Rds, p: Shape) -> Shape:
    if p["Engine"] != ENGINE or p.get("LicenseModel", "postgresql-license") != "postgresql-license":
        return {"OrderableDBInstanceOptions": []}
    offered = [v for v in versions(rds.host.binaries.version) if p.get("EngineVersion") in (None, v, v.split(".")[0])]
    classes = [c for c in CLASSES if p.get("DBInstanceClass") in (None, c)]
    found = [o for v in offered for c in classes for o in orderable(rds.region, v, c)]
    return {"OrderableDBInstanceOptions": filtered(found, p.get("Filters", []), {})}


def orderable(region: str, version: str, name: str) -> Iterator[Shape]:
    for kind in STORAGE_TYPES[:-1]:
        yield {
            "Engine": ENGINE,
            "EngineVersion": version,
            "DBInstanceClass": name,
            "LicenseModel": "postgresql-license",
            "AvailabilityZones": [{"Name": region + zone} for zone in "abc"],
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
    wanted = p.get("CertificateIdentifier")
    if wanted and wanted not in CERTIFICATES:
        raise AwsError("CertificateNotFound", f"Certificate not found: {wanted}")
    found = [
        {
            "CertificateIdentifier": name,
            "CertificateType": "CA",
            "Thumbprint": "",
            "ValidFrom": rds.host.authority.begins,
            "ValidTill": rds.host.authority.expires,
            "CertificateArn": f"arn:aws:rds:{rds.region}::cert:{name}",
            "CustomerOverride": False,
        }
        for name in CERTIFICATES
        if wanted in (None, name)
    ]
    return {
        "Certificates": filtered(found, p.get("Filters", []), {}),
        "DefaultCertificateForNewLaunches": CERTIFICATES[0],
    }


@operation("ResourceIdentifier Filters")
def describe_pending_maintenance_actions(rds: Rds, p: Shape) -> Shape:
    if p.get("ResourceIdentifier"):
        rds.instance(identifiers.plain(p["ResourceIdentifier"], "db"))
    return {"PendingMaintenanceActions": []}
