"""The gateway as a server: started, announced in ready.json, stopped by a signal with all its parts."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import threading
from functools import cache
from pathlib import Path
from typing import IO, Any, cast

import boto3
from botocore.config import Config
from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import make_server

from sandbox.aws import PORT
from sandbox.aws.client import ACCESS_KEY, DEFAULT_REGION, SECRET_KEY
from sandbox.aws.faults import FaultQueue
from sandbox.aws.gateway import Gateway
from sandbox.aws.iam.guard import guard
from sandbox.aws.moto_services import MotoServices
from sandbox.aws.other_services import MotoServiceCalls
from sandbox.aws.rds.data.state import Store
from sandbox.aws.rds.operations import served
from sandbox.aws.rds.operations.registry import protocol
from sandbox.aws.rds.service import metrics
from sandbox.aws.rds.service.authorization import RdsWorld
from sandbox.aws.rds.service.region import Pace, Shared
from sandbox.aws.rds.work import steps
from sandbox.aws.rds.work.jobs import JobRunner
from sandbox.machine.layout import Layout
from sandbox.postgres.host import Host

# Imported for the operations and steps that they register.
REGISTERED = (*served.MODULES, steps)


class QuietHandler(MotoRequestHandler):
    """Doesn't log requests: the RDS events tell more, and a log that grows with every poll tells less."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing."""


def serve(layout: Layout, pace: float) -> None:
    """Serves until SIGTERM or SIGINT. Raises RuntimeError when another gateway has the same folder."""
    layout.aws.mkdir(parents=True, exist_ok=True, mode=0o755)
    with _claimed(layout.aws / ".lock"):
        ready = layout.aws / "ready.json"
        ready.unlink(missing_ok=True)
        moto = MotoServices(layout.aws / "moto")
        played = moto.replay()
        services = MotoServiceCalls(_client_of(layout))
        store = Store(layout.aws / "state.json")
        shared = Shared(layout, Host.at(layout), store, FaultQueue(), services, Pace(pace))
        runner = JobRunner(shared)
        moto.measure(lambda region: metrics.values(runner.region(region)))
        server = make_server(
            layout.address("aws"),
            PORT,
            Gateway(runner, moto, guard(RdsWorld(runner), protocol)),
            threaded=True,
            request_handler=QuietHandler,
        )
        ended = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: ended.set())
        threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
        # moto's EC2 takes seconds to load: not in the first call that needs its subnets.
        threading.Thread(target=services.default_subnets, args=(DEFAULT_REGION,), daemon=True).start()
        runner.recover()
        _announce(ready, {"endpoint": layout.aws_endpoint, "pid": os.getpid(), "postgres": str(shared.host.folder)})
        print(f"serving at {layout.aws_endpoint}, {played} requests replayed", file=sys.stderr, flush=True)
        ended.wait()
        ready.unlink(missing_ok=True)
        server.shutdown()
        runner.stop()
        store.save()


def _client_of(layout: Layout) -> Any:
    @cache
    def make(service: str, region: str) -> Any:
        session = cast("Any", boto3.session.Session())
        return session.client(
            service,
            region_name=region,
            endpoint_url=layout.aws_endpoint,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(retries={"max_attempts": 0}),
        )

    return make


def _announce(path: Path, content: dict[str, object]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content))
    part.replace(path)


def _claimed(path: Path) -> IO[str]:
    lock = path.open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise RuntimeError(f"another gateway serves {path.parent}") from None
    return lock
