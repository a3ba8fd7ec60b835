"""Where evidence is kept and dumps lie, and the certificates that databases are verified with."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from restore.aws import Aws
from restore.doctor.finding import Finding, build_ok, from_problem
from restore.errors import Problem
from restore.evidence import Store
from restore.inventory import dump_lookup
from restore.model.request import LATEST, Method, Request, Settings, build_certificates_command
from restore.postgres import SYSTEM
from restore.units import format_duration, format_size
from validation.document_store import parse_s3_location


def examine_evidence(settings: Settings, aws: Aws) -> Iterator[Finding]:
    """Examines where the evidence goes. A record is for ever in a bucket, so there the right to write is asked for
    instead (with all others)."""
    what, place = "evidence", settings.evidence
    if parse_s3_location(place):
        restores = Store.open(place, aws).list_ids(settings.stack)
        yield build_ok(what, f"{place} can be read, {len(restores)} restores of this stack; writing: see the rights")
        return
    folder = Path(place).expanduser().absolute()
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        remark = "" if folder == nearest else ", made at the first record"
        yield build_ok(what, f"{folder} is writable{remark}")
        return
    fix = "pulumi config set evidence <directory or s3://bucket/prefix>"
    yield from_problem(Problem(what, f"{nearest} is not writable", f"a writable {folder}", fix))


def examine_dumps(settings: Settings, aws: Aws, now: datetime) -> Iterator[Finding]:
    """Yields what is to be said of the newest dump, found and begun to be read."""
    what, store = "dumps", settings.backups
    listed = dump_lookup.list_dumps(settings, aws)
    if not listed:
        place = f"s3://{store.bucket}/{store.prefix}"
        fix = "pulumi config set --path backups.prefix <prefix>; aws s3 ls <bucket>"
        yield from_problem(Problem(what, f"none below {place}", "dumps of pg_dump, for method dump", fix))
        return
    newest = dump_lookup.find_dump(settings, _request_latest(settings), dump_lookup.open_s3_client(aws))
    age = format_duration(now - newest.modified)
    yield build_ok(
        what, f"{len(listed)}, the newest {age} old ({newest.key}, {format_size(newest.size)}); it can be read"
    )
    for problem in dump_lookup.find_program_problems(settings.runner, newest):
        yield from_problem(problem)


def _request_latest(settings: Settings) -> Request:
    """Asks for the newest dump, whatever is configured."""
    if settings.request is None:
        raise ValueError("the doctor looks with a request")
    return replace(settings.request, method=Method.DUMP, dump=LATEST)


def examine_certificates(settings: Settings) -> Iterator[Finding]:
    """Tells whether the root certificates that databases are verified with can be read."""
    what, file = "root certificates", settings.tls.root_certificate
    if file == SYSTEM:
        yield build_ok(what, "those that this machine trusts")
        return
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cafile=file)
    except (OSError, TypeError) as error:
        needed = "a readable file of certificates in PEM"
        yield from_problem(Problem(what, f"{file}: {error}", needed, build_certificates_command(settings.region)))
        return
    yield build_ok(what, f"{len(context.get_ca_certs())} in {file}")
