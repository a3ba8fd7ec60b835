"""Troubles of how the applications find and use their database."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from sandbox.application import names
from sandbox.application.kubernetes_api import Json
from sandbox.machine.processes import wait_until
from sandbox.trouble.controllers.proxy import PORT
from sandbox.trouble.stage import SECONDS, Memory, Stage, Trouble

APP = "indexer"
SETTINGS = "reporting-settings"
PARTS = ("DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD")
JDBC_KEY = "SPRING_DATASOURCE_URL"
LAZY = "LAZY_POOL"
PROXY = "DATABASE_PROXY"


def change_environment(stage: Stage, app: str, **variables: Json | None) -> None:
    """Sets variables of an application's container, or removes them, and waits until its pods have rolled."""
    deployment: Any = stage.kube.get("Deployment", names.NAMESPACE, app)
    spec = deployment["spec"]["template"]["spec"]
    container = spec["containers"][0]
    kept = [entry for entry in container["env"] if entry["name"] not in variables]
    container["env"] = kept + [{"name": name, **entry} for name, entry in variables.items() if entry is not None]
    stage.kube.patch("Deployment", names.NAMESPACE, app, {"spec": {"template": {"spec": spec}}})


def wait_rolled(stage: Stage) -> None:
    """Until every application has its pods, of the present template, and they write."""

    def rolled() -> bool:
        deployments = [stage.kube.get("Deployment", names.NAMESPACE, app) for app in names.DEPLOYMENTS]
        return all(d is not None and complete(d) for d in deployments) and stage.application.writing()

    wait_until(rolled, SECONDS, "the pods rolled", 0.1)


def complete(deployment: Json) -> bool:
    status, replicas = deployment["status"], deployment["spec"]["replicas"]
    seen = status.get("observedGeneration") == deployment["metadata"]["generation"]
    return seen and status.get("updatedReplicas", 0) == status.get("replicas", 0) == replicas


def from_secret(key: str) -> Json:
    return {"valueFrom": {"secretKeyRef": {"name": names.SECRET, "key": key}}}


def put_keys(stage: Stage, values: Mapping[str, str]) -> None:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    stage.kube.patch("Secret", names.NAMESPACE, names.SECRET, {"data": data})


def remove_keys(stage: Stage, *keys: str) -> None:
    stage.kube.patch("Secret", names.NAMESPACE, names.SECRET, {"data": dict.fromkeys(keys)})


def url(stage: Stage) -> str:
    text = stage.application.database_url()
    if text is None:
        raise RuntimeError("the application isn't deployed: python -m sandbox up")
    return text


# -- between pods and database ----------------------------------------------------------------------------------------


def use_proxy(stage: Stage) -> Memory:
    controller = stage.start("proxy", "pgbouncer", "pgbouncer")

    def address() -> str:
        pods = stage.kube.list("Pod", "pgbouncer", "app=pgbouncer")
        return str(pods[0]["status"].get("podIP", "")) if pods else ""

    wait_until(lambda: bool(address()), SECONDS, "the proxy's address", 0.05)
    for app in names.DEPLOYMENTS:
        change_environment(stage, app, **{PROXY: {"value": f"{address()}:{PORT}"}})
    wait_rolled(stage)
    return {"controller": controller, "address": address()}


def use_no_proxy(stage: Stage, memory: Memory) -> None:
    for app in names.DEPLOYMENTS:
        change_environment(stage, app, **{PROXY: None})
    wait_rolled(stage)
    stage.stop(memory["controller"])


def pool_lazily(stage: Stage) -> Memory:
    for app in names.DEPLOYMENTS:
        change_environment(stage, app, **{LAZY: {"value": "1"}})
    wait_rolled(stage)
    return {}


def pool_eagerly(stage: Stage, _: Memory) -> None:
    for app in names.DEPLOYMENTS:
        change_environment(stage, app, **{LAZY: None})


# -- where the database is named --------------------------------------------------------------------------------------


def name_in_other_key(stage: Stage) -> Memory:
    put_keys(stage, {"DIRECT_URL": url(stage)})
    change_environment(stage, APP, DIRECT_URL=from_secret("DIRECT_URL"))
    return {}


def forget_other_key(stage: Stage, _: Memory) -> None:
    change_environment(stage, APP, DIRECT_URL=None)
    remove_keys(stage, "DIRECT_URL")


def name_in_config_map(stage: Stage) -> Memory:
    parts = urlsplit(url(stage))
    reading = f"postgresql://reporting@{parts.hostname}:{parts.port}{parts.path}"
    metadata = {"name": SETTINGS, "namespace": names.NAMESPACE}
    stage.kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"READ_URL": reading}})
    reference = {"valueFrom": {"configMapKeyRef": {"name": SETTINGS, "key": "READ_URL"}}}
    change_environment(stage, APP, READ_URL=reference)
    return {}


def forget_config_map(stage: Stage, _: Memory) -> None:
    change_environment(stage, APP, READ_URL=None)
    stage.kube.delete("ConfigMap", names.NAMESPACE, SETTINGS)


def name_in_environment(stage: Stage) -> Memory:
    change_environment(stage, APP, READ_HOST={"value": str(urlsplit(url(stage)).hostname)})
    return {}


def forget_environment(stage: Stage, _: Memory) -> None:
    change_environment(stage, APP, READ_HOST=None)


def separate_keys(database_url: str) -> dict[str, str]:
    parts = urlsplit(database_url)
    values = (parts.hostname, parts.port, parts.path.lstrip("/"), parts.username, unquote(parts.password or ""))
    return dict(zip(PARTS, map(str, values), strict=True))


def jdbc_url(database_url: str) -> str:
    """As the PostgreSQL JDBC driver takes it: user and password are parameters."""
    parts = separate_keys(database_url)
    query = urlencode({"user": parts["DB_USER"], "password": parts["DB_PASSWORD"]}, quote_via=quote)
    return f"jdbc:postgresql://{parts['DB_HOST']}:{parts['DB_PORT']}/{parts['DB_NAME']}?{query}"


def use_keys(values: Callable[[str], Mapping[str, str]]) -> Callable[[Stage], Memory]:
    """Every application finds its database by other keys; the URL's key is gone."""

    def play(stage: Stage) -> Memory:
        former = url(stage)
        put_keys(stage, values(former))
        variables = {key: from_secret(key) for key in values(former)}
        variables |= {"PGSSLMODE": {"value": "verify-full"}, "PGSSLROOTCERT": {"value": str(stage.layout.ca)}}
        for app in names.DEPLOYMENTS:
            change_environment(stage, app, **variables, **{names.SECRET_KEY: None})
        wait_rolled(stage)
        remove_keys(stage, names.SECRET_KEY)
        return {"url": former, "keys": list(values(former)), "variables": list(variables)}

    return play


def use_url(stage: Stage, memory: Memory) -> None:
    put_keys(stage, {names.SECRET_KEY: memory["url"]})
    for app in names.DEPLOYMENTS:
        gone = dict.fromkeys(memory["variables"])
        change_environment(stage, app, **gone, **{names.SECRET_KEY: from_secret(names.SECRET_KEY)})
    remove_keys(stage, *memory["keys"])


def make_immutable(stage: Stage) -> Memory:
    stage.kube.patch("Secret", names.NAMESPACE, names.SECRET, {"immutable": True})
    return {}


def make_mutable(stage: Stage, _: Memory) -> None:
    """Only a new Secret isn't immutable."""
    former: Any = stage.kube.get("Secret", names.NAMESPACE, names.SECRET)
    stage.kube.delete("Secret", names.NAMESPACE, names.SECRET)
    metadata = {"name": names.SECRET, "namespace": names.NAMESPACE}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": former["type"], "data": former["data"]}
    stage.kube.create(body)


TROUBLES = (
    Trouble(
        "proxy",
        "A PgBouncer stands between pods and database: sessions come from its address, not from the pods'.",
        use_proxy,
        use_no_proxy,
    ),
    Trouble(
        "lazy-pools",
        "The applications open no session before a request (GET /work at a pod): ready pods, and nobody connected.",
        pool_lazily,
        pool_eagerly,
    ),
    Trouble(
        "other-key",
        f"{APP} takes DIRECT_URL, another key of the Secret, which names the source.",
        name_in_other_key,
        forget_other_key,
    ),
    Trouble(
        "config-map",
        f"{APP} takes READ_URL from ConfigMap {SETTINGS}, which names the source.",
        name_in_config_map,
        forget_config_map,
    ),
    Trouble(
        "environment",
        f"{APP} has the source's address as a plain environment value, READ_HOST.",
        name_in_environment,
        forget_environment,
    ),
    Trouble(
        "separate-keys",
        f"The Secret has no URL but {', '.join(PARTS)}, each a key of its own.",
        use_keys(separate_keys),
        use_url,
    ),
    Trouble(
        "jdbc-url",
        f"The Secret has a JDBC URL ({JDBC_KEY}), with user and password as its parameters.",
        use_keys(lambda database_url: {JDBC_KEY: jdbc_url(database_url)}),
        use_url,
    ),
    Trouble(
        "immutable-secret",
        "The Secret is immutable: a patch of it ends with 422, and only a new Secret can have another value.",
        make_immutable,
        make_mutable,
    ),
)
