"""What RDS does after it has answered: the steps of an operation, one instance at a time, found again after a kill."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from sandbox.aws.query_protocol import Shape
from sandbox.aws.rds.data.state import Instance, Step
from sandbox.aws.rds.data.timestamps import whole_ms
from sandbox.aws.rds.service.parameter_values import apply_to
from sandbox.aws.rds.service.region import DoneStep, Rds, Shared
from sandbox.postgres.cluster import RecoveryFailed
from sandbox.postgres.server import StartFailed

Finish = Callable[[], None]
StepFunction = Callable[[Rds, Instance, Shape], Finish | None]
STEPS: dict[str, StepFunction] = {}
# These begin from nothing, so a cluster that a kill left half-made isn't started for them.
MAKING = frozenset({"create", "restore"})
# At rest in one of these an instance has a server.
STARTED = frozenset(
    [
        "available",
        "storage-full",
        "incompatible-parameters",
        "deleting",
        "storage-initialization",
        "storage-config-upgrade",
    ]
)
# RDS uploads its logs every five minutes; a sandbox that doesn't imitate AWS's pace is in a hurry.
HEARTBEAT_SECONDS, HURRIED_SECONDS = 5.0, 2.0
WATCH_SECONDS = 0.5
ALIVE = frozenset(
    [
        "available",
        "backing-up",
        "modifying",
        "storage-optimization",
        "storage-initialization",
        "storage-config-upgrade",
        "storage-full",
        "configuring-enhanced-monitoring",
        "configuring-iam-database-auth",
        "configuring-log-exports",
        "resetting-master-credentials",
    ]
)


def step(function: StepFunction) -> StepFunction:
    """Registers a step by its function's name.

    A step is run again from its beginning after a kill, so it starts by removing what an earlier try left. What it
    returns is called when the phase has lasted as long as the pace says, and makes the outcome visible.
    """
    STEPS[function.__name__] = function
    return function


class JobRunner:
    """The Scheduler: runs steps in threads; `regions` are made by need and share one runner."""

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self._regions: dict[str, Rds] = {}
        self._busy: set[str] = set()
        self._threads: list[threading.Thread] = []
        self._beats: dict[str, Future[None]] = {}
        self._pool = ThreadPoolExecutor(4, "heartbeat")

    def region(self, name: str) -> Rds:
        with self.shared.store.lock:
            if name not in self._regions:
                self._regions[name] = Rds(self.shared, name, self)
            return self._regions[name]

    # -- steps --------------------------------------------------------------------------------------------------

    def submit(self, rds: Rds, instance: Instance, *steps: Step) -> None:
        """Adds steps to what an instance has to do, and shows the first one's status at once."""
        with self.shared.store.lock:
            idle = instance.resource_id not in self._busy
            instance.steps.extend(steps)
            if not instance.steps:
                return
            if idle:
                instance.shape["DBInstanceStatus"] = instance.steps[0].status
                self._busy.add(instance.resource_id)
                self._thread(lambda: self._work(rds, instance), f"job {instance.identifier}")
            self.shared.store.save()

    def _work(self, rds: Rds, instance: Instance) -> None:
        while not self.shared.stopping.is_set():
            with self.shared.store.lock:
                if instance.gone or not instance.steps:
                    self._busy.discard(instance.resource_id)
                    if not instance.gone:
                        instance.shape["DBInstanceStatus"] = instance.rest
                    self.shared.store.save()
                    return
                current = instance.steps[0]
                instance.shape["DBInstanceStatus"] = current.status
                self.shared.store.save()
            if not self._perform(rds, instance, current):
                return

    def _perform(self, rds: Rds, instance: Instance, current: Step) -> bool:
        began, clock = time.monotonic(), time.time()
        try:
            finish = STEPS[current.name](rds, instance, current.arguments)
        except (RecoveryFailed, StartFailed) as error:
            bad = "incompatible-restore" if isinstance(error, RecoveryFailed) else "incompatible-parameters"
            return self._failed(rds, instance, bad, error)
        except Exception as error:  # noqa: BLE001 - a thread's last resort: the status tells the caller
            if not self.shared.stopping.is_set():
                traceback.print_exc()
            return self._failed(rds, instance, "failed", error)
        took = time.monotonic() - began
        print(f"{instance.identifier}: {current.name} took {took:.2f} s", file=sys.stderr, flush=True)
        if self.pause(self.shared.pace.of(current.name) - took):
            return False
        with self.shared.store.lock:
            if finish:
                finish()
            instance.steps.remove(current)
            self.shared.done.append(DoneStep(instance.identifier, current.name, clock, time.time()))
        return True

    def _failed(self, rds: Rds, instance: Instance, status: str, error: Exception) -> bool:
        if self.shared.stopping.is_set():
            return False  # ended by the stop; done again at the next start
        print(f"{instance.identifier}: {status}: {error}", file=sys.stderr, flush=True)
        with self.shared.store.lock:
            deleting = [s for s in instance.steps[1:] if s.name == "delete"]
            instance.steps[:] = deleting
            instance.rest = status
        rds.event("db-instance", instance.identifier, f"The DB instance is in state {status}.", "failure")
        return True

    def pause(self, seconds: float) -> bool:
        """Waits; gives whether the sandbox stops."""
        return self.shared.stopping.wait(seconds) if seconds > 0 else self.shared.stopping.is_set()

    def linger(self, kind: str, operation: str, instance: str) -> None:
        """Waits as long as a fault says, or until the faults are cleared."""
        fault = self.shared.faults.take(kind, operation, instance)
        if fault is None:
            return
        generation, end = self.shared.faults.generation, time.monotonic() + fault.seconds
        while time.monotonic() < end and generation == self.shared.faults.generation and not self.pause(0.05):
            pass

    def _thread(self, target: Callable[[], None], name: str) -> None:
        self._threads = [t for t in self._threads if t.is_alive()]
        thread = threading.Thread(target=target, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    # -- life ---------------------------------------------------------------------------------------------------

    def recover(self) -> None:
        """After a start: every instance runs again, and half-done operations go on."""
        everything = [
            (self.region(name), instance)
            for name, region in list(self.shared.store.regions.items())
            for instance in list(region.instances.values())
        ]
        with ThreadPoolExecutor(max_workers=4) as pool:
            for future in [pool.submit(self._revive, rds, instance) for rds, instance in everything]:
                future.result()
        for rds, instance in everything:
            self.submit(rds, instance)
        self._thread(self._watch, "watch")

    def _revive(self, rds: Rds, instance: Instance) -> None:
        making = bool(instance.steps) and instance.steps[0].name in MAKING
        cluster = rds.cluster(instance)
        if making or instance.rest not in STARTED or not cluster.exists:
            return
        try:
            apply_to(rds, instance)
            cluster.start()
        except (StartFailed, TimeoutError) as error:
            print(f"{instance.identifier} doesn't start: {error}", file=sys.stderr, flush=True)
            with self.shared.store.lock:
                instance.rest = "incompatible-parameters"
                instance.shape["DBInstanceStatus"] = instance.rest

    def _watch(self) -> None:
        """Starts servers that were killed, and keeps LatestRestorableTime going."""
        last_beat, every = 0.0, HEARTBEAT_SECONDS if self.shared.pace.imitates_aws else HURRIED_SECONDS
        while not self.pause(WATCH_SECONDS):
            beat = time.monotonic() - last_beat >= every
            last_beat = time.monotonic() if beat else last_beat
            for name, region in list(self.shared.store.regions.items()):
                for instance in list(region.instances.values()):
                    self._look_after(self.region(name), instance, beat=beat)
            if beat:
                self.shared.store.save()

    def _look_after(self, rds: Rds, instance: Instance, *, beat: bool) -> None:
        if instance.gone or instance.status not in ALIVE or instance.resource_id not in self.shared.clusters:
            return
        cluster = rds.cluster(instance)
        try:
            if not cluster.running:
                self._restart(rds, instance)
            elif beat and instance.shape["BackupRetentionPeriod"] and cluster.backups:
                self._beat(rds, instance)
        except Exception as error:  # noqa: BLE001 - the next round tries again
            self._complain(instance, error)

    def _beat(self, rds: Rds, instance: Instance) -> None:
        """Runs in parallel with the others: an archive that lags keeps only its own instance waiting."""
        running = self._beats.get(instance.resource_id)
        if running is None or running.done():
            self._beats[instance.resource_id] = self._pool.submit(self._heartbeat, rds, instance)

    def _heartbeat(self, rds: Rds, instance: Instance) -> None:
        try:
            latest = whole_ms(rds.cluster(instance).heartbeat())
        except Exception as error:  # noqa: BLE001 - the next beat tries again
            self._complain(instance, error)
            return
        with self.shared.store.lock:
            if instance.shape["BackupRetentionPeriod"]:
                instance.shape["LatestRestorableTime"] = latest

    def _complain(self, instance: Instance, error: Exception) -> None:
        if not self.shared.stopping.is_set() and instance.status in ALIVE:
            print(f"{instance.identifier}: {error}", file=sys.stderr, flush=True)

    def _restart(self, rds: Rds, instance: Instance) -> None:
        with self.shared.store.lock:
            if instance.resource_id in self._busy or not rds.cluster(instance).exists:
                return
            rds.event("db-instance", instance.identifier, "Recovery of the DB instance has started.", "recovery")
            self.submit(rds, instance, Step("recover_from_crash", "rebooting"))

    def stop(self) -> None:
        """Ends all work and all servers; what was under way is on disk and goes on at the next start."""
        self.shared.stopping.set()
        with ThreadPoolExecutor(max_workers=8) as pool:
            for future in [pool.submit(cluster.stop) for cluster in list(self.shared.clusters.values())]:
                future.result()
        for thread in self._threads:
            thread.join(10)
        self._pool.shutdown(cancel_futures=True)
        self.shared.outbox.shutdown(cancel_futures=True)
        for cluster in list(self.shared.clusters.values()):
            cluster.stop(fast=False)
