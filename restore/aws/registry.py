"""Whether a private registry of ECR has an image."""

from __future__ import annotations

from restore.aws.client import Aws, call_or_none
from restore.model.images import EcrImage

MISSING = frozenset({"ImageNotFoundException", "RepositoryNotFoundException"})


def has_image(aws: Aws, image: EcrImage) -> bool:
    """Asks the registry (ecr:DescribeImages). `aws`: of the image's region. Raises PermanentError, TemporaryError."""
    wanted = {"imageDigest": image.digest} if image.digest else {"imageTag": image.tag}
    client = aws.open_client("ecr")
    answer = call_or_none(
        "ecr",
        lambda: client.describe_images(registryId=image.account, repositoryName=image.repository, imageIds=[wanted]),
        MISSING,
    )
    return bool(answer and answer.get("imageDetails"))
