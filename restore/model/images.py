"""Names of container images, and what their registry says of them. Values only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

IMAGE_CHECK = "preflight.image"
"""What `waive` names, with the key of the image: `preflight.image:validation.image`."""
DOCKER_HUB = "docker.io"
ECR = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\."
    r"(?:amazonaws\.com(?:\.cn)?|on\.aws|on\.amazonwebservices\.com\.cn)/(?P<path>.+)"
)
"""A private registry of ECR (ECR User Guide, "Private registry")."""


@dataclass(frozen=True)
class EcrImage:
    """An image in a private registry of ECR; it has a tag, or a digest."""

    account: str
    region: str
    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, image: str) -> EcrImage | None:
        """Returns the image's place in ECR; None where it is elsewhere."""
        match = ECR.fullmatch(image)
        if match is None:
            return None
        path, _, digest = match["path"].partition("@")
        repository, _, tag = path.partition(":")
        named = {"digest": digest} if digest else {"tag": tag or "latest"}
        return cls(match["account"], match["region"], repository, **named)


@dataclass(frozen=True)
class ImageAnswers:
    """Whether ECR has the images of Jobs, by the image; those of other registries and accounts aren't in it."""

    known: Mapping[str, bool] = field(default_factory=dict[str, bool])
    unasked: Mapping[str, str] = field(default_factory=dict[str, str])
    """Why an image couldn't be asked for."""


def read_full_name(image: str) -> str:
    """Returns an image as nodes tell it: registry, path and tag."""
    registry = find_registry(image)
    path = image.removeprefix(f"{registry}/")
    if registry == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    tagged = ":" in path.rpartition("/")[2] or "@" in path
    return f"{registry}/{path}" if tagged else f"{registry}/{path}:latest"


def find_registry(image: str) -> str:
    """Returns where an image comes from: a first part with a dot or port is a registry, all else is Docker Hub's."""
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else DOCKER_HUB
