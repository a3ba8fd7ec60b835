"""Starts a provider plugin quickly: nothing of the Pulumi SDK but its protocol stubs is imported."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

from sandbox.standins.protocol_stubs import without_the_sdk

CHECKOUT = Path(__file__).resolve().parents[2]
NEEDED = ("grpc", "pulumi", "google.protobuf")


def run(package: str) -> None:
    """Serves the provider named `package` until it is told to stop; the port goes to standard output."""
    if len(sys.argv) < 2:
        sys.exit("could not connect to host RPC; missing argument")
    _use_an_interpreter_with_the_libraries()
    without_the_sdk()
    from sandbox.standins.plugin.server import serve

    if package == "aws":
        from sandbox.standins.aws.provider import Aws

        serve(Aws(), sys.argv[1])
    else:
        from sandbox.standins.kubernetes.provider import Kubernetes

        serve(Kubernetes(), sys.argv[1])


def _use_an_interpreter_with_the_libraries() -> None:
    """`env python3` may be the system's: then the checkout's own environment takes over, once."""
    own = CHECKOUT / ".venv" / "bin" / "python"
    if all(_importable(name) for name in NEEDED):
        return
    if not own.exists() or Path(sys.prefix).resolve() == own.parents[1].resolve():
        sys.exit(
            f"{Path(sys.argv[0]).name}: this Python has no {', '.join(NEEDED)}: activate the project's environment"
        )
    os.execv(own, [str(own), *sys.argv])


def _importable(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
