"""The cluster: Deployments, what else writes, the connection secret, and Jobs. The kubernetes client's only home."""

from restore.kubernetes.api import Api, PodAnswer
from restore.kubernetes.job_manifests import Job, Resources, build_psql_job
from restore.kubernetes.jobs import FoundJob, JobResult, JobRun, Look, list_jobs, run_job
from restore.kubernetes.namespace import Namespace
from restore.kubernetes.nodes import read_node_room, read_pods
from restore.kubernetes.pods import Pod

__all__ = [
    "Api",
    "FoundJob",
    "Job",
    "JobResult",
    "JobRun",
    "Look",
    "Namespace",
    "Pod",
    "PodAnswer",
    "Resources",
    "build_psql_job",
    "list_jobs",
    "read_node_room",
    "read_pods",
    "run_job",
]
