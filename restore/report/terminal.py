"""The report as a summary for an 80-column terminal: verdict first, details in the page."""

from __future__ import annotations

import io
from collections.abc import Iterator

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from restore.report.data_checks import DataCheck
from restore.report.loss import Loss
from restore.report.timeline import TimelinePhase, TimelineRun
from restore.report.view_model import ReportView
from restore.units import format_moment

WIDTH = 80
BAR = 24
STYLES = {"PASS": "bold green", "FAIL": "bold red", "INCONCLUSIVE": "bold yellow", "unfinished": "yellow"}


def render(report: ReportView, *, color: bool = False) -> str:
    """Renders the report; it ends with a newline. Values are shown as they are: nothing in them is taken for markup."""
    out = io.StringIO()
    console = Console(
        file=out, width=WIDTH, force_terminal=color, no_color=not color, highlight=False, emoji=False, markup=False
    )
    for part in render_parts(report):
        console.print(part)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def render_parts(report: ReportView) -> Iterator[RenderableType]:
    """Yields the parts of the summary in their order; a part without content is left out."""
    yield Text.assemble(
        (str(report.verdict), STYLES[report.verdict]), f"  restore {report.id}, stack {report.stack}, as recorded"
    )
    yield Text(report.headline)
    if report.findings:
        yield render_title("What keeps it shut")
        for finding in report.findings:
            yield Text(f"  {finding.subject}", style="bold")
            yield render_pairs((("found", finding.found), ("needed", finding.needed), ("fix", finding.fix)), indent=4)
    yield render_title("In short")
    yield render_pairs(tuple((name, "\n".join(line for line in lines if line)) for name, lines in report.facts))
    if report.runs:
        yield render_title("Where the time went")
        for run in report.runs:
            yield from render_timeline(run)
    if report.loss:
        yield render_title("What a switch loses and brings back")
        yield from render_losses(report.loss)
    yield from render_checks(report)
    if report.waivers:
        yield render_title("Waived")
        yield render_pairs(tuple((finding.check, f"{finding.reason} ({finding.user})") for finding in report.waivers))
    yield from render_people(report)


def render_checks(report: ReportView) -> Iterator[RenderableType]:
    if report.checks:
        yield render_title("Checks of the data")
        yield Text(f"  {report.checks.summary}")
        if report.checks.sample:
            yield render_pairs(report.checks.sample)
        for check in report.checks.notable:
            yield render_notable(check)


def render_people(report: ReportView) -> Iterator[RenderableType]:
    if report.approvals:
        yield render_title("Approved")
        rows = ((item.at, f"{item.user} ({item.aws}): {item.digest}") for item in report.approvals)
        yield render_pairs(tuple(rows))
    for title, ticks in (("Told", report.told), ("To reconcile", report.reconciled)):
        if ticks:
            yield render_title(title)
            yield render_pairs(tuple((tick.name, tick.state) for tick in ticks))
    if unsent := [message for message in report.messages if message.state != "sent"]:
        yield render_title("Messages that may not have arrived")
        yield render_pairs(tuple((f"{one.event}, {one.channel}", one.state) for one in unsent))


def render_title(text: str) -> Text:
    """Renders the title of a part."""
    return Text(f"\n{text}", style="bold underline")


def render_pairs(rows: tuple[tuple[str, str], ...], indent: int = 2) -> Padding:
    """Renders names and values in two columns; values are folded at the terminal's width. `indent` is in blanks."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(min_width=6, max_width=28, overflow="fold", style="dim")
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(Text(name), Text(value))
    return Padding(table, (0, 0, 0, indent))


def render_timeline(run: TimelineRun) -> Iterator[RenderableType]:
    """Yields a run and the bars of its phases."""
    yield Text.assemble(
        ("  run ", "dim"),
        f"{run.number}: {run.found_traffic} → {run.traffic}",
        (f", {format_moment(run.began)}, {run.duration}, by {run.who}", "dim"),
    )
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(width=33, overflow="fold")
    table.add_column(width=BAR, no_wrap=True)
    table.add_column(width=14, justify="right", no_wrap=True)
    for phase in run.phases:
        table.add_row(Text(phase.label), render_bar(phase), render_duration(phase))
    yield Padding(table, (0, 0, 0, 4))
    if run.overlap:
        yield Text(f"    in parallel: {run.overlap}", style="dim")


def render_duration(phase: TimelinePhase) -> Text:
    """Renders how long a phase took, and its verdict where it failed."""
    failed = phase.verdict in ("FAIL", "INCONCLUSIVE")
    return Text(f"{phase.verdict if failed else ''} {phase.duration}".strip(), style=STYLES.get(phase.verdict, ""))


def render_bar(phase: TimelinePhase) -> Text:
    """Returns a bar on the run's own scale; at least one mark long."""
    left = min(phase.left * BAR // 1000, BAR - 1)
    width = max(round(phase.width * BAR / 1000), 1)
    style = STYLES[phase.verdict] if phase.verdict in ("FAIL", "INCONCLUSIVE") else "blue"
    return Text.assemble(
        ("·" * left, "dim"), ("█" * min(width, BAR - left), style), ("·" * (BAR - left - width), "dim")
    )


def render_losses(loss: Loss) -> Iterator[RenderableType]:
    """Yields what a switch loses and brings back: headline, warnings, fix, and the tables that differ."""
    for line in (loss.headline, *loss.warnings):
        yield Padding(Text(line), (0, 0, 0, 2))
    if loss.fix:
        yield render_pairs((("fix", loss.fix),))
    if loss.tables:
        yield render_lost_tables(loss)
    if loss.alike:
        yield Padding(Text(f"{loss.alike_word}: {', '.join(loss.alike)}"), (0, 0, 0, 2))


def render_lost_tables(loss: Loss) -> Padding:
    """Renders a table's name and its rows by kind of difference on each line."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(overflow="fold", max_width=36)
    for _ in loss.kinds:
        table.add_column(justify="right")
    table.add_column(overflow="fold")
    table.add_row("", *(Text(kind.word, style="dim") for kind in loss.kinds), "")
    for compared in loss.tables:
        rows = {part.kind: f"{part.rows:,}" for part in compared.parts}
        note = "NOT COMPARED" if compared.status == "unknown" else "" if compared.exact else "estimated"
        if loss.against == "baseline":
            note = "; ".join(compared.notes)
        table.add_row(Text(compared.name), *(Text(rows.get(kind.name, "0")) for kind in loss.kinds), Text(note))
    return Padding(table, (0, 0, 0, 2))


def render_notable(check: DataCheck) -> RenderableType:
    """Renders a check that is no pass."""
    said = f"{check.name}: {check.found}" + (f" (waived: {check.waived})" if check.waived else "")
    return Padding(Text.assemble((check.state, STYLES.get(check.state, "magenta")), f"  {said}"), (0, 0, 0, 2))
