"""Autoscalers as clusters really have them."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import pytest

from sandbox.application import names
from sandbox.machine.processes import wait_until
from sandbox.trouble import catalogue
from sandbox.trouble.controllers.autoscalers import UNDER_LOAD
from tests.support.sandbox.harness import Project, Sandbox


@contextmanager
def trouble(sandbox: Sandbox, name: str) -> Generator[None]:
    catalogue.play(sandbox.layout, name)
    try:
        yield
    finally:
        catalogue.end(sandbox.layout, name)


@pytest.mark.slow
def test_an_autoscaler_that_scales_right_after_the_switch_is_no_failure_and_keeps_its_number(
    sandbox: Sandbox, project: Project
) -> None:
    served = names.DEPLOYMENTS["indexer"] + UNDER_LOAD
    with trouble(sandbox, "autoscaler"):
        wait_until(lambda: sandbox.replicas()["indexer"] == served, 60, "the load of now", 0.1)
        project.config(id="inc-1", method="pitr", time="latest", traffic="frozen")
        project.up().ok()
        project.config(traffic="restored")
        project.up().ok()
        scaled = {**names.DEPLOYMENTS, "indexer": served + UNDER_LOAD}
        assert sandbox.replicas() == scaled
        assert project.evidence("inc-1", "serving")[-1]["open"]
        project.up().ok()
        assert sandbox.replicas() == scaled
