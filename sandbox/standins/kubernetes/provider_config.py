"""The provider's configuration and the kubeconfig it names."""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from sandbox.standins.plugin.interface import CheckFailure
from sandbox.standins.plugin.property_values import Properties

HONOURED = frozenset(["kubeconfig", "context", "cluster", "namespace", "deleteUnreachable", "enablePatchForce"])
WITHOUT_MEANING_HERE = frozenset(
    [
        "clusterIdentifier",
        "enableServerSideApply",
        "enableConfigMapMutable",
        "enableSecretMutable",
        "helmReleaseSettings",
        "kubeClientSettings",
        "suppressDeprecationWarnings",
        "suppressHelmHookWarnings",
        "alwaysRender",
        "version",
        "pluginDownloadURL",
        "__internal",
    ]
)
DOUBLE = "this is a test double of pulumi-resource-kubernetes and speaks to a loopback API server only"
REAL = "install the real plugin: pulumi plugin install resource kubernetes 4.34.2"


class BadKubeconfig(ValueError):
    """No usable connection can be read from the kubeconfig."""


@dataclass(frozen=True)
class Connection:
    """A server and how to prove who we are; certificates and key as PEM."""

    server: str
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    token: str | None = None
    insecure: bool = False
    namespace: str | None = None


@dataclass(frozen=True)
class KubernetesSettings:
    connection: Connection | None
    reason: str = ""
    namespace: str = "default"
    delete_unreachable: bool = False
    force: bool = False


def problems(config: Properties, environment: Mapping[str, str]) -> list[CheckFailure]:
    failures = [
        CheckFailure(key, f"stand-in provider does not honour kubernetes:{key}: {REAL}")
        for key, value in config.items()
        if key not in HONOURED | WITHOUT_MEANING_HERE and value not in (None, "", "false", False)
    ]
    server = getattr(settings(config, environment).connection, "server", None)
    if server is not None and not is_loopback(server):
        failures.append(CheckFailure("kubeconfig", f"{DOUBLE}: {server} is none; {REAL}"))
    return failures


def settings(config: Properties, environment: Mapping[str, str]) -> KubernetesSettings:
    """A kubeconfig that can't be read is an unreachable cluster, told when something needs it: as the provider does."""
    connection, reason = None, ""
    try:
        connection = connection_of(_content(config, environment), config.get("context"), config.get("cluster"))
    except (BadKubeconfig, OSError) as error:
        reason = f"unable to load Kubernetes client configuration from kubeconfig file. Make sure you have: {error}"
    return KubernetesSettings(
        connection,
        reason,
        str(config.get("namespace") or (connection and connection.namespace) or "default"),
        _flag(config, "deleteUnreachable", environment, "PULUMI_K8S_DELETE_UNREACHABLE"),
        _flag(config, "enablePatchForce", environment, "PULUMI_K8S_ENABLE_PATCH_FORCE"),
    )


def _flag(config: Properties, key: str, environment: Mapping[str, str], variable: str) -> bool:
    value = config.get(key)
    return str(environment.get(variable, "") if value is None else value).lower() == "true"


def _content(config: Properties, environment: Mapping[str, str]) -> str:
    kubeconfig = str(config.get("kubeconfig") or environment.get("KUBECONFIG") or Path.home() / ".kube" / "config")
    if "\n" in kubeconfig or kubeconfig.lstrip().startswith("{"):
        return kubeconfig
    path = Path(kubeconfig).expanduser()
    text = path.read_text()
    return text if text.strip() else "{}"


def connection_of(content: str, context: str | None = None, cluster: str | None = None) -> Connection:
    """The connection of one context (default: the current one). Raises BadKubeconfig."""
    import yaml

    try:
        loaded: Any = yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise BadKubeconfig(f"it is no YAML: {error}") from error
    if not isinstance(loaded, dict):
        raise BadKubeconfig("it holds no mapping")
    config = cast("Properties", loaded)
    chosen = _named(config, "contexts", "context", context or config.get("current-context"))
    server = _named(config, "clusters", "cluster", cluster or chosen.get("cluster"))
    user = _named(config, "users", "user", chosen.get("user"))
    if unknown := sorted(set(user) & {"exec", "auth-provider", "username", "tokenFile"}):
        raise BadKubeconfig(f"the stand-in does not log in by {', '.join(unknown)}")
    return Connection(
        server=str(server.get("server") or ""),
        ca=_pem(server, "certificate-authority"),
        certificate=_pem(user, "client-certificate"),
        key=_pem(user, "client-key"),
        token=user.get("token"),
        insecure=bool(server.get("insecure-skip-tls-verify")),
        namespace=chosen.get("namespace"),
    )


def _named(config: Properties, listed: str, key: str, name: Any) -> Properties:
    for entry in cast("list[Properties]", config.get(listed) or []):
        if entry.get("name") == name:
            return cast("Properties", entry.get(key) or {})
    raise BadKubeconfig(f"{key} {name!r} does not exist")


def _pem(entry: Properties, key: str) -> str | None:
    if data := entry.get(f"{key}-data"):
        return base64.b64decode(str(data)).decode()
    return Path(str(entry[key])).expanduser().read_text() if entry.get(key) else None


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
