"""The server's log, as RDS offers it."""

from __future__ import annotations

from sandbox.aws.errors import AwsError
from sandbox.aws.query_protocol import Shape
from sandbox.aws.rds.operations.registry import operation
from sandbox.aws.rds.service.region import Rds

NAME = "error/postgresql.log"
MOST_BYTES = 1024 * 1024


@operation("DBInstanceIdentifier FilenameContains FileLastWritten FileSize Filters")
def describe_db_log_files(rds: Rds, p: Shape) -> Shape:
    log = rds.cluster(rds.instance(p["DBInstanceIdentifier"])).log
    if not log.exists() or p.get("FilenameContains", "") not in NAME:
        return {"DescribeDBLogFiles": []}
    facts = log.stat()
    written = int(facts.st_mtime * 1000)
    if facts.st_size < p.get("FileSize", 0) or written < p.get("FileLastWritten", 0):
        return {"DescribeDBLogFiles": []}
    return {"DescribeDBLogFiles": [{"LogFileName": NAME, "LastWritten": written, "Size": facts.st_size}]}


@operation("DBInstanceIdentifier LogFileName NumberOfLines")
def download_db_log_file_portion(rds: Rds, p: Shape) -> Shape:
    """The end of the log; a Marker of an earlier answer goes on from there."""
    log = rds.cluster(rds.instance(p["DBInstanceIdentifier"])).log
    if p["LogFileName"] != NAME or not log.exists():
        raise AwsError("DBLogFileNotFoundFault", f"DBLog File: {p['LogFileName']}, is not found on the DB instance")
    size = log.stat().st_size
    start = int(p["Marker"]) if p.get("Marker", "").isdigit() else max(0, size - MOST_BYTES)
    with log.open("rb") as content:
        content.seek(start)
        text = content.read(MOST_BYTES)
    lines = text.decode("utf-8", "replace").splitlines(keepends=True)
    if most := p.get("NumberOfLines"):
        lines = lines[-most:]
    end = start + len(text)
    return {"LogFileData": "".join(lines), "Marker": str(end), "AdditionalDataPending": end < size}
