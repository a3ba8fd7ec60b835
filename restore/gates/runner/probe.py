"""Whether a Job reaches a database and logs in to it: asked by doctor, for gates that will run in Jobs."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

from restore import postgres
from restore.aws import Aws, Secrets
from restore.errors import PermanentError, Problem, RestoreError
from restore.evidence import provenance
from restore.gates.runner import values
from restore.gates.runner.follow import build_base_job
from restore.gates.runner.request import PROGRAM, REQUEST, require_same_program, strip_local_settings
from restore.kubernetes import Api, Job, run_job
from restore.kubernetes.job_manifests import FOLDER
from restore.model.rds import Endpoint
from restore.model.request import Settings

NAME = "restore-doctor"
SECONDS = 120.0


@dataclass(frozen=True)
class Question:
    """The login of the operator to one database."""

    settings: Settings
    endpoint: Endpoint
    database: str

    def write(self) -> str:
        """Returns the document that is mounted in the Job."""
        document = {
            PROGRAM: provenance.digest_sources(),
            "settings": values.to_json(strip_local_settings(self.settings)),
            "endpoint": values.to_json(replace(self.endpoint, via="")),
            "database": self.database,
        }
        return json.dumps(document)

    @classmethod
    def read(cls, text: str) -> Question:
        """Raises PermanentError for a document of another version of this program."""
        document = json.loads(text)
        require_same_program(document)
        settings, endpoint = values.from_json(document["settings"]), values.from_json(document["endpoint"])
        return cls(settings, endpoint, document["database"])


def build_probe_job(question: Question) -> Job:
    """Returns the Job that answers. Raises PermanentError for a root certificate that can't be read."""
    job, trusted = build_base_job(question.settings, NAME, {REQUEST: question.write()})
    return replace(job, container="probe", arguments=("probe", "--request", f"{FOLDER}/{REQUEST}", *trusted))


def ask(api: Api, question: Question) -> str:
    """Runs the Job and removes it; returns what the server said of itself. Raises RestoreError where it can't."""
    result = run_job(api, build_probe_job(question), stop=threading.Event(), deadline=time.monotonic() + SECONDS)
    if result.succeeded and result.lines:
        return result.lines[-1]
    found = "; ".join([*result.reasons, *result.lines[-3:]]) or f"exit code {result.exit_code}"
    needed = f"a login to {question.endpoint} from a Job in {question.settings.namespace}"
    raise PermanentError.of(Problem(f"Job {NAME}", found, needed, "docs/runner.md"))


def answer(request_file: Path, root_certificate: Path | None) -> int:
    """Logs in, in the Job, and says as whom, where; returns the exit code."""
    try:
        question = Question.read(request_file.read_text())
        settings = question.settings
        tls = replace(settings.tls, root_certificate=str(root_certificate)) if root_certificate else settings.tls
        print(describe_login(replace(settings, tls=tls), question.endpoint, question.database), flush=True)
    except RestoreError as error:
        print(" ".join(str(error).split()), flush=True)
        return 1
    return 0


def describe_login(settings: Settings, endpoint: Endpoint, database: str) -> str:
    """Logs in as the operator; returns one line. Raises RestoreError."""
    credential = Secrets(Aws.of(settings)).read_login(settings.login, endpoint)
    with postgres.connect(endpoint, credential, settings.tls, database) as connection:
        row = connection.execute("SELECT current_setting('server_version')").fetchone()
    return f"PostgreSQL {row[0] if row else '?'} at {endpoint}, database {database}, as {credential.user}"
