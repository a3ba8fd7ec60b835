"""The cluster: Deployments, what else writes, the connection secret, and Jobs. The kubernetes client's only home."""

from restore.kubernetes.api import Api
from restore.kubernetes.job_manifests import Job
from restore.kubernetes.jobs import JobResult, run_job
from restore.kubernetes.namespace import Namespace
from restore.kubernetes.nodes import read_node_room
from restore.kubernetes.pods import Pod

__all__ = ["Api", "Job", "JobResult", "Namespace", "Pod", "read_node_room", "run_job"]
