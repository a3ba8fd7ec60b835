"""What RDS offers: engine versions, classes, storage, certificates, and which of it a sandbox can really run (pure)."""

from __future__ import annotations

from sandbox.aws.errors import AwsError, unsupported

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
    return [f"{number}.{minor_number}" for number, minor_number in sorted(offered)]


def creatable(version: str | None, running: str) -> str:
    """The version a new instance gets: the running one for none or only a major. Raises AwsError."""
    major = running.split(".")[0]
    if not version or version == major:
        return running
    if version not in versions(running) and version not in {v.split(".")[0] for v in versions(running)}:
        raise AwsError("InvalidParameterCombination", f"Cannot find version {version} for {ENGINE}")
    if version.split(".")[0] != major:
        raise unsupported(f"server of version {version}: its PostgreSQL is {running}")
    return version


def family(version: str) -> str:
    return ENGINE + version.split(".")[0]


def default_of(offered: list[str], running: str) -> str:
    return running if running in offered else offered[-1]
