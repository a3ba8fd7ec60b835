"""The SDK's protocol stubs without the SDK: importing all of `pulumi` would cost every process half a second."""

from __future__ import annotations

import sys
import types
from importlib.util import find_spec
from pathlib import Path


def without_the_sdk() -> None:
    """Puts empty packages in place of `pulumi` and `pulumi.runtime`; only for a process that needs no SDK.

    Raises ModuleNotFoundError where the SDK is not installed.
    """
    if "pulumi" in sys.modules:
        return
    spec = find_spec("pulumi")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the Python package `pulumi` is not installed for this interpreter: make setup")
    sdk = Path(spec.origin).parent
    for name, path in (
        ("pulumi", sdk),
        ("pulumi.runtime", sdk / "runtime"),
        ("pulumi.runtime.proto", sdk / "runtime" / "proto"),
    ):
        package = types.ModuleType(name)
        package.__path__ = [str(path)]
        sys.modules[name] = package
