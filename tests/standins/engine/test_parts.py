"""The pure parts of the stand-in engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.standins.engine import urns
from sandbox.standins.engine.cli.state_commands import renamed, without
from sandbox.standins.engine.deployment.context import protected_tree
from sandbox.standins.engine.deployment.durations import seconds
from sandbox.standins.engine.deployment.step_generator import ignoring
from sandbox.standins.engine.deployment.update_plan import ResourcePlan, difference
from sandbox.standins.engine.display import property_text
from sandbox.standins.engine.errors import Problem
from sandbox.standins.engine.property_values import UNKNOWN, Props, Value, redact, secret
from sandbox.standins.engine.state import config_schema, property_paths, stack_settings, version_range
from sandbox.standins.engine.state.files import read_yaml
from sandbox.standins.engine.state.passphrase_secrets import Crypter
from sandbox.standins.engine.state.resource import Resource

STACK = "urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev"
A = "urn:pulumi:dev::p::pulumi:index:Stash::a"
B = "urn:pulumi:dev::p::pulumi:index:Stash::b"


def stash(urn: str, *needs: str, protect: bool = False) -> Resource:
    return Resource(urn, "pulumi:index:Stash", True, dependencies=[*needs], protect=protect)


@pytest.mark.parametrize(
    ("text", "path"),
    [("a.b[0]", ["a", "b", 0]), ('a["b.c"].d', ["a", "b.c", "d"]), ("restore:a.b", ["restore:a", "b"])],
)
def test_a_path_names_one_place(text: str, path: property_paths.Path) -> None:
    assert property_paths.parse(text) == path


def test_setting_a_path_makes_what_is_missing_and_refuses_what_does_not_fit() -> None:
    value: Props = {}
    property_paths.put(value, ["a", "b", 0], 1)
    property_paths.put(value, ["a", "b", 1], 2)
    assert value == {"a": {"b": [1, 2]}}
    with pytest.raises(ValueError, match="doesn't name a place"):
        property_paths.put(value, ["a", "b", 7], 1)


def test_ignored_changes_keep_the_old_value_and_its_absence() -> None:
    olds: Props = {"kept": 1, "tags": {"a": "old"}}
    news: Props = {"kept": 2, "added": 3, "tags": {"a": "new", "b": "new"}}
    assert ignoring(["kept", "tags.a", "added"], olds, news) == {"kept": 1, "tags": {"a": "old", "b": "new"}}
    assert ignoring(["*"], olds, news) == olds


@pytest.mark.parametrize(
    ("version", "wanted", "holds"),
    [
        ("3.272.0", ">=3.200.0", True),
        ("3.272.0", ">=3.200.0 <3.272.0", False),
        ("3.272.0", "<3 || >=3.272", True),
        ("3.272.0", "3.272.0", True),
    ],
)
def test_a_version_range_is_read_as_a_whole(version: str, wanted: str, holds: bool) -> None:
    assert version_range.satisfies(version, wanted) is holds


def test_a_range_that_is_none_is_an_error() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        version_range.satisfies("3.272.0", "nonsense")


@pytest.mark.parametrize(
    ("kind", "value", "holds"),
    [
        ("integer", "7", True),
        ("integer", 7, True),
        ("integer", "2.5", False),
        ("integer", True, False),
        ("boolean", "true", True),
        ("boolean", "yes", False),
        ("object", '{"a": 1}', False),
        ("object", {"a": 1}, True),
        ("string", "x", True),
    ],
)
def test_a_value_fits_its_declared_type_or_not(kind: str, value: Value, holds: bool) -> None:
    assert config_schema.fits(kind, None, value) is holds


def test_every_element_of_a_typed_array_is_checked() -> None:
    assert config_schema.fits("array", {"type": "string"}, ["a", "b"])
    assert not config_schema.fits("array", {"type": "string"}, ["a", 5])


def test_a_secret_written_in_clear_is_refused() -> None:
    declared = config_schema.declarations("Pulumi.yaml", "p", {"token": {"type": "string", "secret": True}})
    with pytest.raises(Problem, match="must be encrypted as it's secret"):
        config_schema.validate("dev", "p", declared, {"p:token": "clear"})


def test_a_time_in_a_settings_file_stays_the_text_that_was_written(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text("config:\n  restore:time: 2026-11-22T14:30:00Z\n  restore:day: 2026-11-22\n")
    assert read_yaml(file) == {"config": {"restore:time": "2026-11-22T14:30:00Z", "restore:day": "2026-11-22"}}


def test_a_configuration_value_is_text_to_the_program_and_json_where_it_has_structure() -> None:
    assert stack_settings.entry({"b": 1, "a": True}, None).text == '{"a":true,"b":1}'
    assert stack_settings.entry(True, None).text == "true"
    assert stack_settings.guessed("0123") == "0123"
    assert stack_settings.guessed("-7") == -7


def test_a_secret_inside_a_value_is_masked_wherever_it_stands() -> None:
    assert redact({"a": [secret("x")], "b": 1}) == {"a": ["[secret]"], "b": 1}


def test_what_one_passphrase_sealed_another_cannot_open() -> None:
    sealed = Crypter(phrase="one")
    text = sealed.encrypt("hunter2")
    assert Crypter(sealed.salt, "one").decrypt(text) == "hunter2"
    with pytest.raises(Problem, match="incorrect passphrase"):
        Crypter(sealed.salt, "two").decrypt(text)


def test_a_state_with_what_is_not_served_is_refused_not_trimmed() -> None:
    data: Props = {"urn": A, "type": "pulumi:index:Stash", "custom": True}
    assert Resource.from_json(data).to_json() == data
    for foreign in ({"taint": True}, {"newField": 1}):
        with pytest.raises(Problem, match="doesn't serve"):
            Resource.from_json({**data, **foreign})


def test_a_plan_tells_each_kind_of_deviation() -> None:
    planned = ResourcePlan(adds={"new": 1}, updates={"changed": 2, "later": UNKNOWN})
    actual = ResourcePlan(adds={"new": 9, "more": 1}, updates={"changed": 3, "later": 7}, deletes={"gone": 1})
    assert difference(planned, actual) == ["=+more[{1}]", "++new[{1}!={9}]", "~~changed[{2}!={3}]", "=-gone[{1}]"]


def test_a_plan_never_prints_a_secret() -> None:
    planned, actual = ResourcePlan(updates={"p": secret("one")}), ResourcePlan(updates={"p": secret("two")})
    assert difference(planned, actual) == ["~~p[{[secret]}!={[secret]}]"]


def test_deleting_from_the_state_takes_dependents_only_when_asked() -> None:
    resources = [stash(A), stash(B, A)]
    with pytest.raises(Problem, match="depend on it"):
        without(resources, A, dependents=False, force=False)
    assert without(resources, A, dependents=True, force=False) == []
    with pytest.raises(Problem, match="No such resource"):
        without(resources, STACK, dependents=True, force=True)


def test_a_protected_dependent_is_not_deleted_along() -> None:
    with pytest.raises(Problem, match="protected"):
        without([stash(A), stash(B, A, protect=True)], A, dependents=True, force=False)


def test_a_rename_changes_every_reference_and_takes_no_name_that_is_there() -> None:
    first, second = renamed([stash(A), stash(B, A)], A, "c")
    assert first.urn.endswith("::c")
    assert second.dependencies == [first.urn]
    with pytest.raises(Problem, match="exists already"):
        renamed([stash(A), stash(B)], A, "b")


def test_what_a_protected_resource_stands_on_is_kept_with_it() -> None:
    assert protected_tree([stash(STACK), stash(A, STACK), stash(B, A, protect=True)]) == {STACK, A, B}


def test_a_target_pattern_means_one_segment_or_anything() -> None:
    assert urns.targeted(A, ["urn:pulumi:dev::p::*:index:Stash::a"])
    assert urns.targeted(A, ["**Stash::a"])
    assert not urns.targeted(B, ["**Stash::a"])


def test_a_name_that_starts_like_a_default_provider_is_none() -> None:
    assert urns.is_default_provider("urn:pulumi:dev::p::pulumi:providers:aws::default_7_51_1")
    assert not urns.is_default_provider("urn:pulumi:dev::p::pulumi:providers:aws::defaults")


@pytest.mark.parametrize(
    ("text", "expected"), [("1h30m", 5400.0), ("45s", 45.0), ("100ms", 0.1), ("", 0.0), ("7", 7.0)]
)
def test_a_duration_is_read_in_seconds(text: str, expected: float) -> None:
    assert seconds(text) == expected


def test_a_change_is_shown_by_what_was_and_what_will_be() -> None:
    old: Props = {"a": 1, "b": {"c": "x"}, "d": [1]}
    new: Props = {"a": 2, "b": {"c": "x", "e": None}}
    assert property_text.changes(old, new, "    ") == [
        "  ~ a: 1 => 2",
        "  ~ b: {",
        "      + e: <null>",
        "    }",
        "  - d: [",
        "      - [0]: 1",
        "    ]",
    ]
    assert property_text.short_diff(old, new, ["a", "b.e", "d"]) == " [diff: -d~a,b]"
