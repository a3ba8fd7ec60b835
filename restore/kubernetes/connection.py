"""Which API server is asked, with which login: a kubeconfig's context, or the service account of the pod it runs in.

The kubernetes package reads the configuration (client certificates, tokens, exec plugins such as EKS's) and makes
the connection pool; of its generated API nothing is used.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from restore.errors import PermanentError, Problem, TemporaryError

RETRIES = 3
POOL = 20
IN_CLUSTER = "KUBERNETES_SERVICE_HOST"


@dataclass(frozen=True)
class ClusterLogin:
    """An API server, the pool of connections to it, and the headers that authenticate."""

    server: str
    configuration: Any
    pool: Any

    def build_headers(self) -> Mapping[str, str]:
        """Returns the headers of a login, asked for at each request: tokens of exec plugins and service accounts are
        renewed in it."""
        settings = cast("Mapping[str, Mapping[str, str]]", self.configuration.auth_settings())
        return {item["key"]: item["value"] for item in settings.values() if item.get("value")}

    def send_request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, seconds: tuple[float, float]
    ) -> Any:
        """Sends one request; lost connections are tried again where that can't act twice (urllib3's Retry). `seconds`:
        to connect, and to read. Raises PermanentError for a server whose certificate isn't the one that the kubeconfig
        trusts, TemporaryError for no answer."""
        import urllib3

        try:
            return self.pool.request(
                method,
                url,
                headers=dict(headers),
                body=body,
                redirect=False,
                timeout=urllib3.Timeout(connect=seconds[0], read=seconds[1]),
                retries=urllib3.Retry(total=RETRIES, redirect=0, status=0, backoff_factor=0.2),
            )
        except urllib3.exceptions.MaxRetryError as error:
            raise build_unreachable(self.server, error.reason or error) from error
        except urllib3.exceptions.HTTPError as error:
            raise build_unreachable(self.server, error) from error


def build_unreachable(server: str, error: BaseException) -> PermanentError | TemporaryError:
    """Returns the error of no answer: permanent when the server's certificate isn't the one the kubeconfig trusts."""
    import urllib3

    subject = f"Kubernetes API {server}"
    if isinstance(error, urllib3.exceptions.SSLError):
        needed = "a certificate signed by the CA of the kubeconfig"
        return PermanentError.of(Problem(subject, str(error), needed, "kubectl config view --minify"))
    fix = "check VPN and cluster, then: kubectl version"
    return TemporaryError.of(Problem(subject, f"no answer: {error}", "a reachable API server", fix))


def load(kubeconfig: str | None, context: str | None) -> ClusterLogin:
    """Reads the named kubeconfig (path or content); otherwise KUBECONFIG or ~/.kube/config, or the pod's own login.

    Raises PermanentError when there is none, or it can't be used.
    """
    from kubernetes.client import Configuration
    from kubernetes.config import ConfigException

    configuration = cast("Any", Configuration)()
    try:
        _read(configuration, kubeconfig, context)
    except (ConfigException, OSError, ValueError, TypeError, KeyError) as error:
        raise PermanentError.of(_build_unusable(kubeconfig, context, error)) from error
    configuration.connection_pool_maxsize = POOL
    return ClusterLogin(str(configuration.host).rstrip("/"), configuration, open_pool(configuration))


def open_pool(configuration: Any) -> Any:
    """Returns urllib3's pool with the configuration's certificates and proxy.

    The package has no public way to it; pyproject.toml allows the versions in which this attribute is tested.
    """
    from kubernetes.client.rest import RESTClientObject

    return cast("Any", RESTClientObject)(configuration).pool_manager


def _read(configuration: Any, kubeconfig: str | None, context: str | None) -> None:
    from kubernetes import config as vendor

    untyped = cast("Any", vendor)
    where = {"client_configuration": configuration, "context": context}
    if kubeconfig and is_content(kubeconfig):
        import yaml

        untyped.load_kube_config_from_dict(yaml.safe_load(kubeconfig), persist_config=False, **where)
    elif kubeconfig:
        untyped.load_kube_config(str(Path(kubeconfig).expanduser()), persist_config=False, **where)
    elif os.environ.get(IN_CLUSTER) and not context and not _has_default(untyped.KUBE_CONFIG_DEFAULT_LOCATION):
        untyped.load_incluster_config(client_configuration=configuration)
    else:
        untyped.load_kube_config(persist_config=False, **where)


def is_content(kubeconfig: str) -> bool:
    """Tells whether it is a kubeconfig itself and not the path of one; Pulumi accepts both (API docs of its Kubernetes
    provider, kubeconfig)."""
    return "\n" in kubeconfig or kubeconfig.lstrip().startswith("{")


def _has_default(locations: str) -> bool:
    return any(Path(item).expanduser().exists() for item in locations.split(os.pathsep) if item)


def _build_unusable(kubeconfig: str | None, context: str | None, error: Exception) -> Problem:
    named = "the one in kubernetes:kubeconfig" if kubeconfig else "KUBECONFIG or ~/.kube/config"
    if kubeconfig and not is_content(kubeconfig):
        named = kubeconfig
    needed = f"a usable kubeconfig with {f'context {context}' if context else 'a current context'}"
    fix = "pulumi config set kubernetes:kubeconfig <path>, or aws eks update-kubeconfig --name <cluster>"
    return Problem(f"kubeconfig ({named})", f"{type(error).__name__}: {error}", needed, fix)
