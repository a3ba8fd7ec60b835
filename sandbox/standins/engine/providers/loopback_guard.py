"""Only a sandbox is served: whatever names AWS or a cluster must name a loopback address.

The engine is a test double, and its providers too. Against a real account it would be trusted with a database.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from sandbox.standins.engine import INSTALL
from sandbox.standins.engine.errors import Problem, Refusal
from sandbox.standins.engine.loopback import is_loopback
from sandbox.standins.engine.property_values import Props, Value, as_object, has_unknown, parse_json, reveal
from sandbox.standins.engine.state.files import read_yaml
from sandbox.standins.engine.state.stack_settings import Entry

AWS_IDENTITY = ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE")
SCHEMES = ("http://", "https://")


def check_stack(config: Mapping[str, Entry]) -> None:
    """Refuses to begin. Raises Problem unless everything that the stack and the environment name is a sandbox's."""
    aws = {k.removeprefix("aws:"): entry.text for k, entry in config.items() if k.startswith("aws:")}
    kubernetes = {k.removeprefix("kubernetes:"): e.text for k, e in config.items() if k.startswith("kubernetes:")}
    used = bool(aws) or any(os.environ.get(name) for name in AWS_IDENTITY)
    problem = aws_problem({**aws}) if used else _foreign(_aws_environment())
    if not problem and (kubernetes or os.environ.get("KUBECONFIG")):
        problem = kubernetes_problem({**kubernetes})
    if problem:
        raise Problem(f"the stand-in engine serves a sandbox only: {problem}. For anything else, {INSTALL}")


def check_provider(package: str, inputs: Props) -> None:
    """Raises Refusal before a provider is configured for anything that is not a sandbox's."""
    check = {"aws": aws_problem, "kubernetes": kubernetes_problem}.get(package)
    if check and (problem := check(inputs)):
        raise Refusal(f"the stand-in engine serves a sandbox only: {problem}. For anything else, {INSTALL}")


def aws_problem(inputs: Props) -> str:
    """Why AWS provider inputs and the environment are not a sandbox's; "" when they are."""
    named = [*_aws_environment(), *_urls(reveal(inputs.get("endpoints")))]
    if has_unknown(inputs.get("endpoints")):
        return ""
    if not named:
        return "neither aws:endpoints nor AWS_ENDPOINT_URL is set, so AWS itself would be called"
    return _foreign(named)


def _aws_environment() -> list[str]:
    return [url for name, url in sorted(os.environ.items()) if name.startswith("AWS_ENDPOINT_URL") and url]


def _urls(value: Value) -> list[str]:
    """Every URL in an `endpoints` value: a list of maps, or the JSON text of one."""
    if isinstance(value, str):
        return [value] if value.startswith(SCHEMES) else _urls(_parsed(value))
    children: Iterable[Value] = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [url for child in children for url in _urls(child)]


def _parsed(text: str) -> Value:
    try:
        value = parse_json(text)
    except ValueError:
        return None
    return value if isinstance(value, (dict, list)) else None


def _foreign(urls: Iterable[str]) -> str:
    foreign = [url for url in urls if not is_loopback(url)]
    return f"{foreign[0]} is not a loopback address" if foreign else ""


def kubernetes_problem(inputs: Props) -> str:
    """Why Kubernetes provider inputs and the environment are not a sandbox's; "" when they are."""
    kubeconfig = reveal(inputs.get("kubeconfig"))
    if has_unknown(kubeconfig):
        return ""
    named = str(kubeconfig or os.environ.get("KUBECONFIG") or "")
    if not named:
        return "neither kubernetes:kubeconfig nor KUBECONFIG is set"
    servers = kubernetes_servers(named)
    if not servers:
        return "the kubeconfig names no cluster (or doesn't exist)"
    return _foreign(servers)


def kubernetes_servers(kubeconfig: str) -> list[str]:
    """The servers of a kubeconfig, given as its text or as a path (a list of paths, as in KUBECONFIG)."""
    if "\n" in kubeconfig or kubeconfig.startswith("{"):
        import yaml

        documents = [as_object(yaml.safe_load(kubeconfig))]
    else:
        documents = [read_yaml(Path(path).expanduser()) for path in kubeconfig.split(os.pathsep) if path]
    clusters = [c for d in documents if isinstance(listed := d.get("clusters"), list) for c in listed]
    return [str(as_object(as_object(c).get("cluster")).get("server")) for c in clusters]
