"""Files that appear whole, and never in the place of another."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_new(path: Path, content: bytes) -> None:
    """Raises FileExistsError when there is one, another OSError when it can't be written; then nothing is left.

    A link fails where a rename would replace.
    """
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(draft)
    finally:
        Path(draft).unlink(missing_ok=True)
