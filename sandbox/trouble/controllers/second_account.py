"""AWS once more, as another account: the same gateway in a folder of its own."""

from __future__ import annotations

import os
import sys

from sandbox.aws import ACCOUNT_VARIABLE
from sandbox.trouble.controllers.loop import Controller

FOLDER = "account-2"
ACCOUNT = "210987654321"


def run(controller: Controller) -> None:
    """Becomes that gateway."""
    argv = [sys.executable, "-m", "sandbox.aws", "--dir", str(controller.layout.root / FOLDER)]
    os.execve(sys.executable, argv, {**os.environ, ACCOUNT_VARIABLE: ACCOUNT})
