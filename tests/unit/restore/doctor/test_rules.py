"""The doctor's rules are preflight's; what is only stopped in an incident is no problem of a quiet day."""

from __future__ import annotations

from dataclasses import replace

from restore.doctor import rights
from restore.doctor.finding import Finding, State
from restore.model.capacity import Capacity
from restore.model.cluster import Writer
from restore.model.inventory import Inventory
from restore.model.request import Settings
from tests.support import worlds as w

NIGHTLY = Writer("CronJob", "nightly", "uses the secret", "kubectl --namespace shop-prod get cronjobs", blocking=True)


def found(settings: Settings, inventory: Inventory) -> dict[str, Finding]:
    return {finding.subject: finding for finding in rights.examine_preflight([(settings, inventory)])}


def test_a_site_that_is_well_is_told_once_for_each_method() -> None:
    worlds = [(w.settings(w.PITR), w.inventory()), (w.settings(w.SNAPSHOT), w.inventory())]
    subjects = [(finding.subject, finding.state) for finding in rights.examine_preflight(worlds)]
    assert subjects == [("preflight, pitr", State.OK), ("preflight, snapshot", State.OK)]


def test_what_would_refuse_a_restore_is_a_problem_today_and_told_once() -> None:
    missing = w.inventory(cluster=w.cluster(None, w.deployment("indexer", 2), w.secret()))
    worlds = [(w.settings(w.PITR), missing), (w.settings(w.SNAPSHOT), missing)]
    findings = list(rights.examine_preflight(worlds))
    assert [(item.subject, item.state) for item in findings] == [("deployment api", State.PROBLEM)]
    assert findings[0].fix


def test_a_cron_job_is_stopped_in_the_incident_and_not_before() -> None:
    writing = w.inventory(cluster=replace(w.RUNNING, writers=(NIGHTLY,)))
    findings = found(w.settings(w.PITR), writing)
    assert findings["CronJob nightly"].state is State.NOTE
    assert findings["preflight, pitr"].state is State.OK


def test_what_could_not_be_asked_is_said() -> None:
    unknown = w.inventory(capacity=Capacity(unasked={"quotas": "AccessDenied"}))
    finding = found(w.settings(w.PITR), unknown)["quotas"]
    assert (finding.state, finding.found) == (State.NOTE, "not asked: AccessDenied")
