"""What is rehearsed on a restored instance: no copy ever uses the source, and the way back is production's own."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from restore.drill import rehearsal as phases
from restore.drill.copies import Place
from restore.drill.rehearsal import Rehearsal
from restore.drill.scratch import Scratch
from restore.errors import PermanentError
from restore.model.cluster import Cluster, Reference
from restore.model.context import RestoreContext
from restore.model.drill import DrillSettings, HttpCheck, SecretHeader
from restore.model.request import Traffic
from restore.redaction import redact
from tests.support import worlds as w

NOBODY: Any = None


def context(cluster: Cluster = w.RUNNING) -> RestoreContext:
    asked = w.asked(w.PITR, traffic=Traffic.SOURCE, drill_of="prod")
    return RestoreContext(w.settings(asked), asked, replace(w.restored(), cluster=cluster))


def rehearsal(cluster: Cluster = w.RUNNING, **drill: Any) -> Rehearsal:
    scratch = Scratch(NOBODY, Place("shop-drill", "drill-1"), "shop", threading.Event())
    return Rehearsal(context(cluster), NOBODY, scratch, NOBODY, DrillSettings(namespace="shop-drill", **drill))


def test_the_copied_secret_gets_what_a_real_switch_writes_and_then_what_production_has() -> None:
    planned = rehearsal().plan_secret()
    assert planned.values == {planned.key: w.SWITCHED_URL}
    assert planned.original_values == {planned.key: w.URL}


def test_a_drill_itself_plans_no_switch() -> None:
    assert context().request.traffic is Traffic.SOURCE
    assert not context().manages_any


def test_a_secret_without_a_url_is_refused_before_a_copy_is_made() -> None:
    with pytest.raises(PermanentError, match=r"drill\.secret"):
        rehearsal(replace(w.RUNNING, secret=w.secret(None))).plan_secret()


@pytest.mark.parametrize(
    ("app", "text", "refused"),
    [
        ("api", f"postgresql://report@{w.SOURCE_HOST}/shop", True),
        ("api", "postgresql://report@elsewhere.example/shop", False),
        ("other", w.SOURCE_HOST, False),
    ],
)
def test_a_copy_that_would_be_told_the_source_is_not_made(app: str, text: str, refused: bool) -> None:
    told = replace(w.RUNNING, references=(Reference(app, "env/REPORT_URL", text),))
    problems = phases.find_references(context(told), ("api", "indexer"))
    assert [problem.subject for problem in problems] == (["drill.reference:api/env/REPORT_URL"] if refused else [])
    assert all(w.SOURCE_HOST not in str(problem) for problem in problems), "a value is never shown"


def test_all_applications_are_copied_unless_some_are_named() -> None:
    assert rehearsal().names == ("api", "indexer")
    assert rehearsal(apps=("indexer",)).names == ("indexer",)


class Secrets:
    """The scratch namespace's Secrets."""

    place = Place("shop-drill", "drill-1")

    def read_secret(self, name: str, keys: list[str]) -> dict[str, str | None]:
        return {key: "token-of-a-test-user" if (name, key) == ("drill-token", "token") else None for key in keys}


def test_a_token_comes_from_a_secret_and_is_never_shown() -> None:
    scratch: Any = Secrets()
    header = SecretHeader("drill-token", "token", "Bearer ")
    check = HttpCheck("http://x/me", headers={"Accept": "*/*"}, headers_from={"Authorization": header})
    assert phases.fill_headers(scratch, check) == {"Accept": "*/*", "Authorization": "Bearer token-of-a-test-user"}
    assert redact("Bearer token-of-a-test-user") == "Bearer [secret]"


def test_a_token_that_isn_t_there_is_named_with_the_command_that_makes_it() -> None:
    scratch: Any = Secrets()
    check = HttpCheck("http://x/me", headers_from={"Authorization": SecretHeader("other", "token")})
    with pytest.raises(PermanentError, match="kubectl -n shop-drill create secret generic other"):
        phases.fill_headers(scratch, check)


def test_an_endpoint_that_has_no_address_closes_no_network() -> None:
    with pytest.raises(PermanentError, match=r"drill\.network"):
        phases.find_addresses(replace(w.SOURCE_AT, host="no-such-host.invalid"))
    assert phases.find_addresses(replace(w.SOURCE_AT, host="127.0.0.1")) == {"127.0.0.1"}
