"""`python -m bench.dumps.fetch KEY [FILE]`: an object to a file, or to standard output, as `aws s3 cp` does it (some
0.3 s faster: the CLI takes longer to start).
"""

from __future__ import annotations

import shutil
import sys
from typing import Any, cast

import boto3

from bench.dumps.store import BUCKET


def main(key: str, file: str | None = None) -> None:
    s3 = cast("Any", boto3).client("s3")
    if file:
        s3.download_file(BUCKET, key, file)
    else:
        shutil.copyfileobj(s3.get_object(Bucket=BUCKET, Key=key)["Body"], sys.stdout.buffer, 1 << 20)


if __name__ == "__main__":
    main(*sys.argv[1:])
