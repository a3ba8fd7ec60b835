"""`load_in_pieces.py URL --to-env NAME --allow KIND`: in pieces so small that a kill falls between many."""

from __future__ import annotations

import os
import sys
from typing import Any, cast

import boto3

from restore.dumps.catalog.listing import find
from restore.dumps.load.loader import load
from restore.dumps.model import Options
from restore.errors import RestoreError
from validation.connect.target import Target


def main(url: str, _to: str, variable: str, _allow: str, kind: str) -> int:
    s3 = cast("Any", boto3).client("s3")
    bucket, _, key = url.removeprefix("s3://").partition("/")
    try:
        load(
            s3,
            find(s3, bucket, key),
            Target.from_url(os.environ[variable]),
            Options(3, 128 << 10, allow=frozenset({kind})),
        )
    except RestoreError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
