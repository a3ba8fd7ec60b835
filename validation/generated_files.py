"""Files that are made from code, so that neither says what the other doesn't: one command writes or checks them."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path


def write_or_check(files: Mapping[Path, str], module: str, doc: str | None, arguments: Sequence[str]) -> int:
    """Runs `python -m MODULE [--check]`: writes the files that aren't up to date, or says which; the exit code."""
    parser = argparse.ArgumentParser(f"python -m {module}", description=(doc or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only say whether all are up to date")
    check = bool(parser.parse_args(arguments).check)
    stale = {path: text for path, text in files.items() if not path.exists() or path.read_text() != text}
    for path, text in stale.items():
        if not check:
            path.write_text(text)
        print(f"{path.name}: {'not up to date' if check else 'written'}")
    return 1 if check and stale else 0


def render_markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a table of Markdown; ends with an empty line."""
    rule = f"|{'---|' * len(headings)}"
    return "\n".join([_render_row(headings), rule, *map(_render_row, rows), ""])


def _render_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
