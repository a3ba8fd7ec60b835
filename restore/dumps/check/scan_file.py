"""What a scan found, kept in a file: `plan --save` reads the dump while the server is being made, `load --plan` and
`verify --plan` need not read it for that again.

A plan lets no statement in: `load` judges each again when it comes to it. It saves the check before the first row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path
from shlex import quote
from typing import Any

from restore.dumps.model import Compression, Demand, Dump, DumpPart, Format, Options, Scan, TableRows
from restore.errors import PermanentError, Problem

VERSION = 3


def save_plan(path: Path, scan: Scan, options: Options) -> None:
    """Writes the plan of a dump. Raises PermanentError where it can't be written."""
    try:
        path.write_text(format_plan(scan, options))
    except OSError as error:
        fix = "python -m restore.dumps plan <url> --save <file in a folder that you may write to>"
        raise PermanentError.of(Problem("--save", str(error), "a file to write", fix)) from error


def read_plan(path: Path, dump: Dump, options: Options) -> Scan:
    """Returns the plan in a file. Raises PermanentError for no plan, one of other bytes than the dump's, or of other
    flags."""
    try:
        made_with, scan = parse_plan(path.read_text())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = str(error) if isinstance(error, OSError) else f"{path} is no plan of this version of the program"
        raise PermanentError.of(_build_stale_plan(reason, "a file that `plan --save` wrote", dump, options)) from error
    if scan.dump.identity != dump.identity:
        found = f"a plan of {scan.dump.identity}"
        raise PermanentError.of(_build_stale_plan(found, f"one of {dump.identity}", dump, options))
    if made_with != list_flags(options):
        needed = f"one made with {format_flags(options) or 'no flags'}"
        raise PermanentError.of(_build_stale_plan("a plan made with other flags", needed, dump, options))
    return scan


def list_flags(options: Options) -> dict[str, list[str]]:
    """Returns what changes the judgement of a dump besides its bytes."""
    return {"allow": sorted(options.allow), "skip": sorted(options.skip)}


def format_flags(options: Options) -> str:
    """Returns those flags as they stand in a command; "" for none."""
    return " ".join(f"--{name} {quote(value)}" for name, values in list_flags(options).items() for value in values)


def _build_stale_plan(found: str, needed: str, dump: Dump, options: Options) -> Problem:
    command = f"python -m restore.dumps plan {quote(dump.url)} --save FILE {format_flags(options)}"
    return Problem("--plan", found, needed, f"make it again: {command.rstrip()}")


def format_plan(scan: Scan, options: Options) -> str:
    """Returns a plan as JSON."""
    facts = asdict(scan)
    facts["dump"]["modified"] = scan.dump.modified.isoformat()
    facts["not_valid"] = sorted(scan.not_valid)
    facts["indexes"] = [(number, line, sql.decode(errors="surrogateescape")) for number, line, sql in scan.indexes]
    return json.dumps({"version": VERSION, "flags": list_flags(options), "scan": facts}, indent=1) + "\n"


def parse_plan(text: str) -> tuple[dict[str, list[str]], Scan]:
    """Returns flags and scan of what `format_plan` wrote. Raises whatever Python raises for anything else."""
    document = json.loads(text)
    facts: Mapping[str, Any] = document["scan"]
    if document["version"] != VERSION or set(facts) != {field.name for field in fields(Scan)}:
        raise ValueError("not of this version")
    values: dict[str, Any] = {
        "dump": _read_dump(facts["dump"]),
        "format": Format(facts["format"]),
        "compression": Compression(facts["compression"]),
        "tables": tuple(TableRows(**table) for table in facts["tables"]),
        "sequences": {name: (int(last), bool(called)) for name, (last, called) in facts["sequences"].items()},
        "not_valid": frozenset(facts["not_valid"]),
        "indexes": tuple(
            (int(number), int(line), sql.encode(errors="surrogateescape")) for number, line, sql in facts["indexes"]
        ),
        "pieces": {name: tuple(map(int, rows)) for name, rows in facts["pieces"].items()},
        **{name: tuple(facts[name]) for name in ("roles", "owners", "extensions", "security_definer", "left_out")},
        "demands": tuple(Demand(**demand) for demand in facts["demands"]),
        "problems": tuple(Problem(**problem) for problem in facts["problems"]),
    }
    return document["flags"], Scan(**(dict(facts) | values))


def _read_dump(facts: Mapping[str, Any]) -> Dump:
    values: dict[str, Any] = {
        "modified": datetime.fromisoformat(facts["modified"]),
        "parts": tuple(DumpPart(**part) for part in facts["parts"]),
    }
    return Dump(**(dict(facts) | values))
