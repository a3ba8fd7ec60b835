"""What is printed for infrastructure code names exactly the two instances, for the tool that has them."""

from __future__ import annotations

from typing import Any

import pytest

from restore.dependents.advice import RENAME, SECRET
from restore.dependents.infrastructure import TakeOver, describe_take_over, list_ownership_lines
from restore.lifecycle import close
from restore.model.labels import TAG_SOURCE
from restore.model.request import Infrastructure, Traffic
from tests.support.worlds import PITR, SWITCHED, asked, candidate, restored, settings

TERRAFORM = Infrastructure("terraform", "module.db.aws_db_instance.this[0]")
PULUMI = Infrastructure("pulumi", "urn:pulumi:prod::team::aws:rds/instance:Instance::database")


def told(infrastructure: Infrastructure, *, renamed: bool = False) -> str:
    return describe_take_over(infrastructure, TakeOver("db-SOURCE", candidate(), "inc-1", renamed))


def test_without_a_tool_both_are_told_with_their_placeholders() -> None:
    text = told(Infrastructure())
    assert "to = aws_db_instance.<name>" in text
    assert "--target '<URN of the instance: pulumi stack --show-urns>'" in text


def test_each_tool_gets_its_own_commands_only() -> None:
    assert "pulumi" not in told(TERRAFORM).lower()
    assert "terraform" not in told(PULUMI).lower()


def test_an_instance_in_a_module_is_imported_where_it_is() -> None:
    """`removed` can't name one of several instances, nor rename what is in somebody else's module."""
    text = told(TERRAFORM)
    assert 'to = module.db.aws_db_instance.this[0]\n    id = "db-CANDIDATE"' in text
    assert "terraform state rm 'module.db.aws_db_instance.this[0]'" in text
    assert "removed {" not in text


def test_the_identifier_changes_in_the_code_only_where_it_changed() -> None:
    assert 'identifier = "shop-inc-1"' in told(TERRAFORM)
    assert "identifier =" not in told(TERRAFORM, renamed=True)
    assert 'identifier="shop-inc-1"' in told(PULUMI)
    assert "identifier=" not in told(PULUMI, renamed=True)


def test_nothing_that_is_printed_destroys() -> None:
    for infrastructure in (Infrastructure(), Infrastructure("terraform", "aws_db_instance.main"), PULUMI):
        text = told(infrastructure)
        assert "destroy = true" not in text
        assert not any(word in text for word in ("terraform destroy", "pulumi destroy", "-replace", "taint"))
    assert "destroy = false" in told(Infrastructure("terraform", "aws_db_instance.main"))


@pytest.mark.parametrize("infrastructure", [Infrastructure(), TERRAFORM, PULUMI])
def test_a_rename_is_a_warning_and_a_switch_by_secret_a_note(infrastructure: Infrastructure) -> None:
    (warning,) = list_ownership_lines(infrastructure, RENAME)
    assert warning.startswith("warning: ")
    assert "renames it back" in warning
    (note,) = list_ownership_lines(infrastructure, SECRET)
    assert note.startswith("note: ")
    for line in (warning, note):
        assert infrastructure.address is None or infrastructure.address in line


def closing(traffic: Traffic, **changes: Any) -> close.Closing:
    found = restored(cluster=SWITCHED, candidate=candidate(**changes))
    return close.plan(asked(PITR, traffic=traffic), found, traffic, [], settings(infrastructure=PULUMI))


def test_close_says_how_the_code_takes_over_what_serves() -> None:
    shown = close.render(closing(Traffic.RESTORED))
    assert 's/"id": "db-SOURCE"/"id": "db-CANDIDATE"/' in shown
    assert 'identifier="shop-inc-1"' in shown


def test_close_after_a_rename_knows_that_the_code_keeps_its_identifier() -> None:
    assert "identifier=" not in closing(Traffic.RESTORED, identifier="shop").take_over


def test_close_says_nothing_where_the_source_serves_or_is_not_known() -> None:
    assert closing(Traffic.SOURCE).take_over == ""
    tags = {name: value for name, value in candidate().tags.items() if name != TAG_SOURCE}
    assert closing(Traffic.RESTORED, tags=tags).take_over == ""
