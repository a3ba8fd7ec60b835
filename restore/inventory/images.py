"""Asks ECR whether it has the images of the Jobs ahead; what can't be asked is said, and stops nobody."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from restore.aws import Aws
from restore.aws.registry import has_image
from restore.errors import RestoreError
from restore.model.context import RestoreContext
from restore.model.images import EcrImage, ImageAnswers
from restore.preflight.images import list_ecr_images


def ask_images(context: RestoreContext, pool: ThreadPoolExecutor) -> Callable[[], ImageAnswers]:
    """Asks for each image of this account's ECR; returns what waits for the answers."""
    asked = {image: pool.submit(_ask, context, place) for image, place in list_ecr_images(context).items()}

    def finish() -> ImageAnswers:
        answers = {image: future.result() for image, future in asked.items()}
        return ImageAnswers(
            known={image: answer for image, answer in answers.items() if isinstance(answer, bool)},
            unasked={image: answer for image, answer in answers.items() if isinstance(answer, str)},
        )

    return finish


def _ask(context: RestoreContext, image: EcrImage) -> bool | str:
    """Returns whether the image is there, or why that couldn't be asked."""
    settings = context.settings
    aws = Aws.of(settings) if image.region == settings.region else Aws.of_region(settings, image.region)
    try:
        return has_image(aws, image)
    except RestoreError as error:
        return error.problem.found if error.problem else str(error)
