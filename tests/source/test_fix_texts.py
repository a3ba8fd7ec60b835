"""A fix that is printed at 3 a.m. is a command that runs as it stands, or names a page that says what to do."""

from __future__ import annotations

import pytest

from sandbox.machine.layout import CHECKOUT
from tests.support.fixes.collect import HOLE, FixText, Program
from tests.support.fixes.commands import faults
from validation.expectations.file import ExpectationsError, from_mapping

WITH_A_PAGE_OF_THEIR_OWN = ("validation/expectations/", "validation/selftest/defects.py")
"""Mistakes in a file that a person writes: the heading over them all names the page that documents its keys."""


def fix_texts() -> list[FixText]:
    files = [file for package in ("restore", "validation") for file in sorted((CHECKOUT / package).rglob("*.py"))]
    return [
        fix
        for fix in Program(files).texts()
        if not str(fix.file.relative_to(CHECKOUT)).startswith(WITH_A_PAGE_OF_THEIR_OWN)
    ]


def test_every_fix_can_be_followed_as_it_is_printed() -> None:
    fixes = fix_texts()
    assert len(fixes) > 300
    wrong = {
        f"{fix.file.relative_to(CHECKOUT)}:{fix.line} {fix.text.replace(HOLE, '{}')}": problems
        for fix in fixes
        if (problems := faults(fix.text))
    }
    assert wrong == {}


def test_mistakes_in_an_expectations_file_name_the_page_with_its_keys() -> None:
    with pytest.raises(ExpectationsError, match=r"docs/expectations\.md"):
        from_mapping({"tabels": {}})


@pytest.mark.parametrize(
    "text",
    [
        "see why",
        "GRANT them",
        "check the key",
        "run pulumi up again",
        "pulumi upp",
        "pulumi refresh --force",
        "kubectl get pods",
        "kubectl -n \0 explode pod \0",
        "kubectl -n \0 delete pod \0 --now-please",
        "aws rds describe-db-instance --db-instance-identifier \0",
        "aws rds modify-db-instance --allocated-storage 10",
        "aws rds modify-db-instance --db-instance-identifier \0 --storage 10",
        "aws rds wait db-instance-stopped --db-instance-identifier \0",
        "python -m restore option",
        "python -m restore.dumps load \0",
        "SELECT pg_terminate_backend(pid) for pid 1, 2",
        "GRANT pg_monitor TO the operator's user",
        "docs/nowhere.md",
        'docs/operate.md, "No such heading"',
        "if you are sure, and have asked everybody who could know better, which nobody does at night: pulumi up",
    ],
)
def test_a_fix_that_nobody_can_follow_is_noticed(text: str) -> None:
    assert faults(text)


@pytest.mark.parametrize(
    "text",
    [
        "pulumi up",
        "\0; pulumi up",
        "pulumi config set id <another one>, or python -m restore close \0",
        "if another value is right: pulumi config set --path instance.\0 <value>; pulumi up",
        "aws rds describe-events --source-type db-instance --source-identifier \0 --duration 1440",
        "aws rds wait db-instance-available --db-instance-identifier \0; pulumi up (its gates run again)",
        "kubectl -n \0 get secret \0 --output yaml | sed '/^immutable: true$/d' | kubectl -n \0 replace --filename -",
        "python -m restore.dumps load \0 --to-env TARGET_URL",
        'GRANT "\0" TO "\0" WITH ADMIN OPTION',
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid IN (1, 2)",
        'docs/dumps.md, "A dump by hand": the same command again goes on where it was',
    ],
)
def test_a_fix_that_can_be_followed_passes(text: str) -> None:
    assert faults(text) == []
