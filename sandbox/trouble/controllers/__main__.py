"""`python -m sandbox.trouble.controllers NAME --dir DIR`: one controller, until SIGTERM.

Each runs in a pod of its own Deployment, where the real one runs: scaling that to zero stops it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from sandbox.machine.layout import Layout
from sandbox.trouble.controllers import (
    argo,
    autoscalers,
    csi_driver,
    external_secrets,
    proxy,
    sealed_secrets,
    second_account,
    vault_secrets,
)
from sandbox.trouble.controllers.loop import Controller

CONTROLLERS: dict[str, Callable[[Controller], None]] = {
    "argo-cd": argo.heal_applications,
    "argo-workflows": argo.run_cron_workflows,
    "csi-driver": csi_driver.run,
    "external-secrets": external_secrets.run,
    "keda-jobs": autoscalers.run_keda_jobs,
    "keda-objects": autoscalers.run_keda_objects,
    "load": autoscalers.run_load,
    "proxy": proxy.run,
    "sealed-secrets": sealed_secrets.run,
    "second-account": second_account.run,
    "vault-secrets": vault_secrets.run,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox.trouble.controllers", description=__doc__)
    parser.add_argument("controller", choices=sorted(CONTROLLERS))
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--option", action="append", default=[], help="name=value")
    arguments = parser.parse_args()
    options = dict(str(option).split("=", 1) for option in arguments.option)
    controller = Controller(Layout.at(arguments.dir), options)
    controller.end_by_signal()
    CONTROLLERS[arguments.controller](controller)
    return 0


if __name__ == "__main__":
    sys.exit(main())
