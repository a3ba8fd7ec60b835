"""The table of resources as a tree, which the Pulumi CLI shows in a terminal (pulumi/pulumi, pkg/backend/display:
progress.go, rows.go and tableutil.go)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.standins.engine.urns import name_of, short_type

HEADINGS = ("", "Type", "Name", "Plan", "Info")
GAP = "  "
SUFFIX = 3
"""Width that the CLI keeps free in the column Plan for the dots of what is running."""


@dataclass(frozen=True)
class Row:
    """One resource. `symbol` and `plan` are empty for what stays as it is."""

    urn: str
    parent: str
    symbol: str = ""
    plan: str = ""
    info: str = ""


@dataclass
class Node:
    row: Row
    children: list[Node] = field(default_factory=list["Node"])

    @property
    def is_shown(self) -> bool:
        """What stays as it is shows only with a child that doesn't, or with a message."""
        return bool(self.row.plan or self.row.info or self.children)


def render_tree(rows: Mapping[str, Row], root: str, width: int) -> list[str]:
    """Lines of at most `width` columns for the rows by URN, each parent's in the order in which they came; rows whose
    parent isn't among them stand below the stack, `root`."""
    nodes = {urn: Node(row) for urn, row in rows.items()}
    top = nodes.setdefault(root, Node(Row(root, "")))
    for node in nodes.values():
        if node is not top:
            nodes.get(node.row.parent, top).children.append(node)
    _prune(top)
    return _align([HEADINGS, _cells(top, ""), *_below(top, "")], width)


def _prune(node: Node) -> None:
    for child in node.children:
        _prune(child)
    node.children = [child for child in node.children if child.is_shown]


def _below(node: Node, indent: str) -> list[tuple[str, ...]]:
    cells: list[tuple[str, ...]] = []
    for child in node.children:
        last = child is node.children[-1]
        cells.append(_cells(child, indent + ("└─ " if last else "├─ ")))
        cells += _below(child, indent + ("   " if last else "│  "))
    return cells


def _cells(node: Node, prefix: str) -> tuple[str, ...]:
    row = node.row
    return f"{row.symbol:2}", prefix + short_type(row.urn), name_of(row.urn), row.plan, row.info


def _align(table: list[tuple[str, ...]], width: int) -> list[str]:
    columns = len(HEADINGS) if any(cells[-1] for cells in table[1:]) else len(HEADINGS) - 1
    wide = [max(len(cells[column]) for cells in table) for column in range(columns)]
    wide[HEADINGS.index("Plan")] += SUFFIX
    lines = (" " + GAP.join(f"{cells[column]:{wide[column]}}" for column in range(columns)) for cells in table)
    return [line[: max(width - 1, 0)].rstrip() for line in lines]
