"""The sandbox's application must not lock itself out while its cluster is starting."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.application.deploy import Application, silent
from sandbox.application.kubernetes_api import ClusterError, Json, Kube
from sandbox.machine.layout import Layout


class Starting(Kube):
    """An API server that answers every request with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(Path("kubeconfig"))
        self._status = status

    def request(self, method: str, resource: str, *, body: Json | None = None, query: Json | None = None) -> Json:
        raise ClusterError(self._status, f"{method} {resource}")


def application(status: int, folder: Path) -> Application:
    made = Application(Layout.at(folder), silent)
    made.kube = Starting(status)
    return made


@pytest.mark.parametrize("status", [0, 403, 503])
def test_a_cluster_that_cannot_say_is_not_taken_for_one_without_a_secret(status: int, tmp_path: Path) -> None:
    with pytest.raises(ClusterError):
        application(status, tmp_path).database_url()


def test_a_missing_secret_is_told_as_missing(tmp_path: Path) -> None:
    assert application(404, tmp_path).database_url() is None
