"""The page and the summary show hostile data as what it is, need nothing else, and leave nothing out."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from restore.report import page, terminal
from tests.support.report_records import (
    BACK,
    EVIL,
    FROZEN,
    RESTORED,
    SHUT,
    Records,
    at,
    check,
    gate,
    loss,
    record,
    report,
    run,
    shown,
)
from validation.baseline.model import Baseline, TableState
from validation.expectations.table_names import Table
from validation.loss import LossReport, as_json, compare_with_baseline

TAGS = """
html head meta title style body main header footer section article p b h1 h2 h3 span i code pre dl dt dd div br
table caption colgroup col thead tbody tr th td ul li svg rect
"""
OURS = frozenset(TAGS.split())
REACHING = frozenset({"src", "href", "action", "data", "srcset", "poster", "background", "formaction", "xlink:href"})
BUDGET = 400_000
LOSS = "What a switch loses and brings back"
ROW_BY_ROW = ("rows only in the source", "brought back", "Equal row by row:")
"""What only a comparison of rows can know."""


class Reader(HTMLParser):
    """Tags, attributes and text of a page, as a browser reads them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def behind(text: str, heading: str) -> str:
    """What follows a heading, which must be there: behind one that was renamed nothing would ever be wrong."""
    assert text.count(heading) == 1, heading
    return text.partition(heading)[2]


def poisoned() -> Records:
    """A restore in which every text that others can write is hostile."""
    facts: dict[str, Any] = {
        "report": report(check(EVIL, "FAIL", found=EVIL, needed=EVIL, fix=EVIL, query=EVIL, examples=[{EVIL: EVIL}])),
        "loss": {**loss(**{EVIL: (3, 2, 1)}), "headline": EVIL, "problems": [EVIL]},
    }
    problems = [dict.fromkeys(("subject", "found", "needed", "fix"), EVIL)]
    shut = gate("validated", 10, 20, "FAIL", summary=EVIL, facts=facts, problems=problems, error=EVIL)
    settings = {EVIL: {"source": EVIL, "wanted": EVIL, "found": EVIL}}
    conformed = gate("conformed", 1, 2, summary=EVIL, facts={"settings": settings, "changed": {EVIL: {"to": EVIL}}})
    who: Any = dict.fromkeys(("user", "host", "aws"), EVIL)
    plan: Any = {"candidate": EVIL, "notes": [EVIL], "recovery_point": EVIL, "found_traffic": EVIL}
    told: dict[str, Any] = {"config": {EVIL: EVIL}, "waive": {EVIL: EVIL}, "versions": {EVIL: EVIL}, "incident": EVIL}
    return (run(0, operator=who, plan=plan, **told), conformed, shut)


@pytest.mark.parametrize("records", [(), FROZEN, RESTORED, BACK, SHUT, poisoned()])
def test_the_page_runs_nothing_and_asks_nobody(records: Records) -> None:
    html = page.render(shown(records))
    found = Reader(html)
    assert found.tags <= OURS
    assert not found.attributes & REACHING
    assert not [name for name in found.attributes if name.startswith("on") or name == "style"]
    style = html.partition("<style>")[2].partition("</style>")[0]
    assert style
    assert not [word for word in ("url(", "@import", "<", "expression") if word in style]
    assert "default-src 'none'" in html
    assert len(html) < BUDGET


def test_hostile_text_is_shown_as_text_and_can_neither_hide_nor_turn_anything() -> None:
    html = page.render(shown(poisoned()))
    text = Reader(html).text
    assert "<script>alert(1)</script>" in text
    problems = behind(text, "What keeps it shut").partition("In short")[0]
    assert problems.count("{{7*7}}") == 4, "found, needed, fix or subject isn't shown as it is"
    assert "49" not in problems
    for character in ("\x1b", "\u202e"):
        assert character not in html
        assert character not in terminal.render(shown(poisoned()), color=False)


def test_a_terminal_is_not_steered_by_what_a_database_holds() -> None:
    colored = terminal.render(shown(poisoned()), color=True)
    assert "\x1b[2J" not in colored
    assert "[bold]" in colored.replace("\n", "")
    assert "\\x1b" in colored


@pytest.mark.parametrize("records", [(), FROZEN, RESTORED, BACK, SHUT, poisoned()])
def test_the_summary_fits_a_terminal_of_80_columns_and_begins_with_the_verdict(records: Records) -> None:
    made = shown(records)
    lines = terminal.render(made).splitlines()
    assert lines[0].startswith(str(made.verdict))
    assert max(map(len, lines)) <= 80


def test_the_verdict_and_what_keeps_a_gate_shut_come_before_all_else() -> None:
    text = Reader(page.render(shown(SHUT))).text
    order = [
        "FAIL",
        "validated stays shut",
        "What keeps it shut",
        "In short",
        "Where the time went",
        "Checks of the data",
        "Gates, every attempt",
        "Who approved and waived what",
        "Checks that passed",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_every_part_that_people_sign_is_on_the_page() -> None:
    text = Reader(page.render(shown(RESTORED))).text
    for part in (
        "point in time 2026-11-22 14:30:00 UTC",  # the recovery point and what it loses
        "10 min 35 s",
        "RDS makes the candidate",  # the timeline
        "Beside each other",
        "a switch loses 3 rows",  # the loss report
        "200 brought back",
        "Equal row by row: u",
        "for example id=7",
        "1 of 1 checks pass",  # checks
        "alice@laptop",  # who, with which words and versions
        "pulumi config set traffic restored",
        "PD-5678",
        "0123456789ab",
    ):
        assert part in text, part


def test_a_failed_check_comes_with_its_query_line_by_line() -> None:
    assert "<pre>select 1\nfrom t</pre>" in page.render(shown(SHUT))


def test_a_loss_that_could_not_be_counted_is_never_shown_as_none() -> None:
    why = {"status": "unknown", "headline": "not compared with the source", "problems": ["no answer"], "tables": []}
    made = shown([run(0), gate("validated", 10, 20, facts={"report": report(), "loss": why})])
    for text in (Reader(page.render(made)).text, terminal.render(made)):
        assert "not compared with the source" in text
        assert "no answer" in text
    unknown: dict[str, Any] = {**loss(t=(0, 0, 0)), "headline": "nothing found; 1 table not compared"}
    unknown["tables"][0] |= {"status": "unknown", "source_rows": None, "notes": ["timeout"]}
    made = shown([run(0), gate("validated", 10, 20, facts={"loss": unknown})])
    assert "not compared timeout" in Reader(page.render(made)).text
    assert "NOT COMPARED" in terminal.render(made)


def told(report: dict[str, Any]) -> tuple[str, str]:
    """The page's text and the summary, each in one line, of a restore with this loss report."""
    made = shown([run(0), gate("validated", 10, 20, facts={"loss": report})])
    return Reader(page.render(made)).text, " ".join(terminal.render(made).split())


def test_a_loss_that_nobody_can_count_is_said_to_be_unknown_and_what_to_do() -> None:
    unknown = LossReport((), "the source", "new", problems=("the source is gone", "no baselines"), fix="record some")
    for said in told(as_json(unknown)):
        whole = behind(said, LOSS)
        for part in (said.partition(LOSS)[0], whole):
            assert "what a switch loses is unknown: the source is gone; no baselines" in part
        assert "fix record some" in whole
        assert "equal" not in whole


def test_a_restore_without_a_loss_report_says_that_the_loss_is_unknown() -> None:
    for records in ([run(0)], [run(0), gate("conformed", 1, 2, "FAIL")], [run(0), gate("validated", 1, 2, "FAIL")]):
        made = shown(records)
        for text in (Reader(page.render(made)).text, " ".join(terminal.render(made).split())):
            assert text.count("what a switch loses is unknown: no loss report was made") == 2
    assert "loses is unknown" not in page.render(shown([run(0, "source"), gate("switched", 1, 2)]))


def test_what_a_baseline_estimates_is_never_shown_as_lost_or_brought_back_row_by_row() -> None:
    at, later = datetime(2026, 11, 22, 2, tzinfo=UTC), datetime(2026, 11, 22, 14, 29, tzinfo=UTC)

    def holds(taken: datetime, **rows: int) -> Baseline:
        tables = {Table("public", name): TableState(count, 1, {"at": taken}) for name, count in rows.items()}
        return Baseline(taken, "shop", "17", tables)

    before = holds(at, few=9, many=2, gone=4)
    before.tables[Table("public", "same")] = TableState(3, 1)  # pyright: ignore[reportIndexIssue]
    now = holds(later, few=5, many=8)
    now.tables[Table("public", "same")] = TableState(3, 1)  # pyright: ignore[reportIndexIssue]
    for said in told(as_json(compare_with_baseline(before, now))):
        assert said.count("only estimated, by the baseline of shop, taken 2026-11-22 02:00:00 UTC: 8 rows fewer") == 2
        assert "newer: at up to 2026-11-22 14:29:00 UTC, in the baseline 2026-11-22 02:00:00 UTC" in said
        assert "not in the candidate" in said
        assert "s many rows and as new ones as in the baseline: public.same" in said
        assert not [word for word in ROW_BY_ROW if word in behind(said, LOSS)]


def test_numbers_that_are_none_break_nothing() -> None:
    odd: dict[str, Any] = {
        **loss(t=(1, 0, 0)),
        "writing": {"rows": float("inf"), "transactions": float("nan"), "sessions": True},
    }
    odd["tables"][0]["lost"]["rows"] = float("inf")
    made = shown([run(0), gate("validated", 10, 20, facts={"loss": odd, "report": {"results": [{"seconds": "x"}]}})])
    assert page.render(made)
    assert terminal.render(made)


def test_what_the_source_has_as_well_is_shown_as_that_and_not_as_a_failure() -> None:
    known = check("indexes", "FAIL", severity="advisory", found="as in the source: 1 wrong", as_in="the source")
    html = page.render(shown((*FROZEN[:-1], gate("validated", 610, 700, facts={"report": report(known)}))))
    text = " ".join(Reader(html).text.split())
    assert "as in the source indexes" in text
    assert "0 of 1 checks pass, 1 as in the source;" in text


def closed(**changes: Any) -> dict[str, Any]:
    who = {"user": "alice", "host": "laptop", "aws": "arn"}
    return record("close", 900, {"began": at(900), "operator": who, "serves": "restored", **changes})


def test_the_page_links_how_infrastructure_code_takes_over_and_no_other_place() -> None:
    """The link is the program's own name of the document, whatever a record says."""
    assert 'href="take-over.txt"' in page.render(shown((*RESTORED, closed(take_over="take-over.txt"))))
    html = page.render(shown((*RESTORED, closed(take_over="https://evil.example/"))))
    assert 'href="take-over.txt"' in html
    assert "evil.example" not in html
    assert "href" not in page.render(shown((*RESTORED, closed())))
