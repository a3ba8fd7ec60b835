"""The whole examination: what needs nothing first, then what needs the configuration, AWS and the cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from restore.aws import Aws, read_caller
from restore.doctor import databases, logins, messages, rights, stores, tools
from restore.doctor.finding import Finding, build_ok, look
from restore.inventory import gather
from restore.kubernetes import Api
from restore.model.aws_account import Caller
from restore.model.inventory import Inventory
from restore.model.request import LATEST, Method, Settings, Traffic

THREADS = 8
POINTS = {Method.PITR: "time", Method.SNAPSHOT: "snapshot", Method.DUMP: "dump"}
ID = "doctor"

World = tuple[Settings, Inventory]


def build_examined_keys(method: Method) -> Mapping[str, str]:
    """Returns the keys of a restore that could be asked for today, by their full names; nobody ever makes it."""
    point = {f"restore:{key}": LATEST if by is method else "" for by, key in POINTS.items()}
    return {
        "restore:id": ID,
        "restore:method": str(method),
        "restore:traffic": str(Traffic.FROZEN),
        **point,
    }


@dataclass(frozen=True)
class Examination:
    """A stack to look at. `settings_with`: its settings as if it had more keys; raises Refused."""

    project: Path
    settings_with: Callable[[Mapping[str, str]], Settings]
    plugin_caller: Callable[[], Caller]

    def collect_findings(self) -> list[Finding]:
        """Returns everything that was found, in the order in which it is fixed best. Nothing is changed."""
        settings: list[Settings] = []
        configuration = look("configuration", lambda: self._examine_configuration(settings))
        if not settings:
            return [*look("tools", lambda: tools.examine_tools(self.project, None, dumps=False)), *configuration]
        return self._examine_stack(settings, configuration)

    def _examine_configuration(self, settings: list[Settings]) -> Iterable[Finding]:
        """Adds the settings of each method that can be asked for; a stack without a bucket of dumps has two."""
        first = self.settings_with(build_examined_keys(Method.PITR))
        settings += [first, self.settings_with(build_examined_keys(Method.SNAPSHOT))]
        if first.backups.bucket:
            settings.append(self.settings_with(build_examined_keys(Method.DUMP)))
        yield build_ok(
            "configuration", f"source {first.source}, namespace {first.namespace}, {len(first.apps)} applications"
        )

    def _examine_stack(self, settings: Sequence[Settings], configuration: Sequence[Finding]) -> list[Finding]:
        site = settings[0]
        aws, api = Aws.of(site), Api(site.kubeconfig, site.context)
        worlds: list[World] = []
        looks: dict[str, Callable[[], Iterable[Finding]]] = {
            "AWS identity": lambda: logins.examine_aws_login(site, aws),
            "Kubernetes API": lambda: logins.examine_cluster_login(site, api),
            "root certificates": lambda: stores.examine_certificates(site),
            "evidence": lambda: stores.examine_evidence(site, aws),
            "inventory": lambda: _gather_all(settings, worlds),
        }
        if site.notify.tokens or site.notify.sns_topic:
            looks["messages"] = lambda: messages.examine_messages(site.notify)
        if site.prevention:
            prevention = site.prevention
            looks["alarms"] = lambda: messages.examine_alarms(site, prevention, aws)
        if site.backups.bucket:
            looks["dumps"] = lambda: stores.examine_dumps(site, aws, datetime.now(UTC))
        plugin = partial(
            look, "AWS plugin's identity", lambda: [logins.examine_account(read_caller(aws), self.plugin_caller())]
        )
        first = _run_looks(looks, plugin)
        second = _run_looks(_list_second_looks(site, worlds, api))
        source = worlds[0][1].source if worlds else None
        version = source.engine_version if source else None
        of_tools = look("tools", lambda: tools.examine_tools(self.project, version, dumps=bool(site.backups.bucket)))
        return list(dict.fromkeys((*of_tools, *configuration, *first, *second)))


def _gather_all(settings: Sequence[Settings], worlds: list[World]) -> Iterable[Finding]:
    """Adds what exists, read for each method; what can't be read is told by it."""
    now = datetime.now(UTC)
    worlds += [(item, gather.gather(item, now)) for item in settings]
    yield from ()


def _list_second_looks(site: Settings, worlds: Sequence[World], api: Api) -> dict[str, Callable[[], Iterable[Finding]]]:
    """Returns what needs the inventory: nothing where it could not be read."""
    if not worlds:
        return {}
    inventory = worlds[0][1]
    source = inventory.local_source
    looks: dict[str, Callable[[], Iterable[Finding]]] = {
        "rights": lambda: rights.examine_rights(worlds),
        "preflight": lambda: rights.examine_preflight(worlds),
    }
    if source:
        looks["source"] = lambda: databases.examine_source(site, source, api, inventory.cluster)
        looks["network path"] = lambda: databases.examine_network_path(inventory)
    return looks


def _run_looks(
    looks: Mapping[str, Callable[[], Iterable[Finding]]], beside: Callable[[], list[Finding]] | None = None
) -> list[Finding]:
    """Returns what all looks find, in their order, done in parallel; `beside` runs in this thread meanwhile."""
    with ThreadPoolExecutor(THREADS, thread_name_prefix="doctor") as pool:
        started = [pool.submit(look, what, at) for what, at in looks.items()]
        more = beside() if beside else []
        return [finding for future in started for finding in future.result()] + more
