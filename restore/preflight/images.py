"""Rules about the images of Jobs: one that its registry doesn't have is found before anything stops. Pure.

Whether a node can pull an image is known only once one does: that a pod runs it, that a node tells to have it, or that
the account's own ECR has it, can be seen without starting anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from restore.errors import Problem
from restore.model import waivers
from restore.model.context import RestoreContext
from restore.model.images import IMAGE_CHECK, EcrImage, find_registry, read_full_name
from restore.model.nodes import NodeRoom
from restore.model.request import Runner
from restore.preflight.network import is_asked
from restore.recovery_points.resolve import resolve

VALIDATION, GATES = "validation.image", "runnerJob.image"
USES = {VALIDATION: "the Job that connects from inside takes", GATES: "the Jobs in which gates run take"}


def list_images(context: RestoreContext) -> Mapping[str, str]:
    """Returns the images of the Jobs ahead, by the key that sets each."""
    settings = context.settings
    version = context.candidate.engine_version if context.candidate else _read_version(context)
    images = {VALIDATION: settings.validation.image or f"postgres:{(version or 'latest').partition('.')[0]}"}
    if settings.runner is Runner.KUBERNETES and settings.runner_job.image:
        images[GATES] = settings.runner_job.image
    return images


def _read_version(context: RestoreContext) -> str | None:
    origin = resolve(context).origin
    return origin.engine_version if origin else None


def list_ecr_images(context: RestoreContext) -> Mapping[str, EcrImage]:
    """Returns the images that this account's own ECR must have, by their names; none once that is no more to be asked.
    Another account's registry gives no right by this account's policies alone."""
    caller = context.inventory.caller
    if caller is None or not is_asked(context):
        return {}
    places = {image: EcrImage.parse(image) for image in list_images(context).values()}
    return {image: place for image, place in places.items() if place and place.account == caller.account}


def check_images_found(context: RestoreContext) -> Iterable[Problem]:
    """Refuses an image that ECR doesn't have, unless waived: a repository of a pull-through cache is filled by the
    first pull."""
    known = context.inventory.images.known
    for key, image in list_images(context).items():
        place = EcrImage.parse(image)
        check = f"{IMAGE_CHECK}:{key}"
        if place is None or known.get(image, True) or waivers.is_waived(check, context.settings.waive):
            continue
        problem = Problem(
            f"config {key}",
            f"ECR of account {place.account} in {place.region} has no {place.repository}:{place.tag or place.digest}",
            f"an image that the nodes can pull: {USES[key]} it",
            f"aws ecr describe-images --region {place.region} --repository-name {place.repository}; "
            f"pulumi config set --path {key} <image>",
        )
        yield waivers.add_command(problem, check)


def list_image_lines(context: RestoreContext) -> Iterable[str]:
    """Says of which images nobody has been seen to have them."""
    of_apps = [name for _, deployment in context.apps for name in deployment.images]
    if not of_apps:
        return
    for key, image in list_images(context).items():
        if why := _find_doubt(context, image, of_apps):
            yield (
                f"note: {USES[key]} image {image}: {why}; whether the nodes can pull it is known only once one does; "
                f"if they can't: pulumi config set --path {key} <image{' with psql' if key == VALIDATION else ''}>"
            )


def _find_doubt(context: RestoreContext, image: str, of_apps: Iterable[str]) -> str:
    """Returns why nobody knows whether an image can be had; empty where somebody has it."""
    answers, room = context.inventory.images, context.inventory.nodes or NodeRoom()
    known = [*of_apps, *(name for item in (*room.pods, *room.nodes, *context.inventory.pods) for name in item.images)]
    if answers.known.get(image) or read_full_name(image) in map(read_full_name, known):
        return ""
    registries = {find_registry(item) for item in of_apps}
    if find_registry(image) not in registries:
        return f"from {find_registry(image)}, the applications theirs from {', '.join(sorted(registries))}"
    if image in answers.unasked:
        return f"ECR wasn't asked ({answers.unasked[image]}; docs/permissions.md has the right)"
    return "no pod runs it and no node tells to have it" if room.nodes else "no application runs it"
