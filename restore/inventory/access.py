"""Asks AWS and the cluster for the rights of the phases ahead, beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from restore.aws import Aws
from restore.aws.access import simulate_rights
from restore.kubernetes import Api
from restore.kubernetes.access import review_rights
from restore.model.aws_account import Caller
from restore.model.context import RestoreContext
from restore.model.inventory import Inventory
from restore.model.request import Settings
from restore.model.rights import AwsRight, ClusterRight, Phase, Right, RightsAnswers
from restore.preflight import rights


def ask_rights(settings: Settings, inventory: Inventory, phases: frozenset[Phase] | None = None) -> RightsAnswers:
    """Returns what was answered, for the phases ahead or those that are named. Nothing is asked without a request.

    What can't be asked is told in the answer; nothing is raised for it.
    """
    if settings.request is None:
        return RightsAnswers()
    context = RestoreContext(settings, settings.request, inventory)
    needed = rights.list_needed_rights(context, rights.list_phases_ahead(context) if phases is None else phases)
    return ask(Aws.of(settings), Api(settings.kubeconfig, settings.context), inventory.caller, needed)


def ask(aws: Aws, api: Api, caller: Caller | None, needed: Sequence[Right]) -> RightsAnswers:
    """Returns what IAM says of the rights in AWS, where the caller is known, and the cluster of its own."""
    in_aws = [right for right in needed if isinstance(right, AwsRight)]
    in_cluster = [right for right in needed if isinstance(right, ClusterRight)]
    with ThreadPoolExecutor(2, thread_name_prefix="access") as pool:
        simulated = pool.submit(lambda: simulate_rights(aws, caller, in_aws) if caller else RightsAnswers())
        reviewed = pool.submit(review_rights, api, in_cluster)
        return simulated.result() + reviewed.result()
