"""The bill says which incident, and which team, a database was made for."""

from __future__ import annotations

from restore import plan
from restore.model.notify import NotifySettings
from tests.support.worlds import PITR, asked, inventory, settings


def test_incident_and_owner_are_tags_that_rds_takes() -> None:
    request = asked(PITR, incident="https://pd.example/i?id=1#now")
    tags = plan.make(settings(request, notify=NotifySettings(owner="o" * 300)), inventory()).tags
    assert tags["restore:incident"] == "https://pd.example/i-id=1-now"
    assert len(tags["restore:owner"]) == 256


def test_what_is_not_said_is_no_tag() -> None:
    assert not {"restore:incident", "restore:owner"} & plan.make(settings(PITR), inventory()).tags.keys()


def test_an_account_that_asks_for_tags_at_creation_gets_those_that_the_plugin_gives_to_all() -> None:
    tags = plan.make(settings(PITR, default_tags={"cost": "databases", "team": "all"}), inventory()).tags
    assert tags["cost"] == "databases"
    assert tags["team"] == "shop", "the source's own counts over it"
