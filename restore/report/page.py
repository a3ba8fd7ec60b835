"""The report as one self-contained HTML page: no script, no request, readable when printed."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from restore.report.view_model import ReportView

HERE = Path(__file__).resolve().parent


def render(report: ReportView) -> str:
    """Returns the page: its template engine escapes every value, and its own policy forbids scripts and requests."""
    return _read_template().render(report=report, style=Markup(_read_style()))  # noqa: S704 (a file of ours)


@cache
def _read_template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html")


@cache
def _read_style() -> str:
    return (HERE / "page.css").read_text()
