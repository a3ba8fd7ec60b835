"""Whoever pipes a command into `head` gets its lines and no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from validation.terminal import READER_GONE

CHECKOUT = Path(__file__).parents[2]
ENTRIES = ("restore/__main__.py", "restore/dumps/__main__.py", "sandbox/__main__.py", "validation/__main__.py")


def test_a_reader_that_has_seen_enough_causes_no_traceback(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    words = [sys.executable, "-m", "sandbox", "trouble", "--dir", str(tmp_path)]
    try:
        done = subprocess.run(words, cwd=CHECKOUT, stdout=writing, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (READER_GONE, b"")


def test_every_command_line_is_run_for_a_reader() -> None:
    assert [entry for entry in ENTRIES if "run_for_reader(main)" not in (CHECKOUT / entry).read_text()] == []
