"""The parameters that a server of these programs knows."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.postgres.host import Host

FIELDS = 8


@dataclass(frozen=True)
class Parameter:
    """A parameter as `postgres --describe-config` prints it; `context` says when it can change."""

    name: str
    context: str
    group: str
    kind: str
    default: str
    least: str
    most: str
    description: str


def server_parameters(host: Host) -> list[Parameter]:
    """All parameters but those of extensions, in the server's order."""
    text = host.identity.run(host.binaries.tool("postgres"), "--describe-config")
    parameters: list[Parameter] = []
    for line in text.splitlines():
        fields = line.split("\t")
        if len(fields) >= FIELDS:
            name, context, group, kind, default, least, most, description = fields[:FIELDS]
            parameters.append(Parameter(name, context, group, kind.lower(), default, least, most, description))
    return parameters
