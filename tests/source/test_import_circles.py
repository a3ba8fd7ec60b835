"""No module needs itself, by whatever way: imports in functions and under TYPE_CHECKING count.

import-linter orders packages and sees only those; this looks at single modules, and at tests and bench as well.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from sandbox.machine.layout import CHECKOUT

ROOTS = ("__main__.py", "restore", "validation", "sandbox", "tests", "bench")
RECORDED = CHECKOUT / "tests" / "standins" / "parity" / "scenarios"
"""Programs that the real engine ran; each is a project of its own."""


def module_names(file: Path, checkout: Path) -> Iterator[str]:
    """What a file may be imported as: its place in the checkout; beside tests that are no package also its name."""
    parts = file.relative_to(checkout).with_suffix("").parts
    yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    if parts[0] == "tests" and not (file.parent / "__init__.py").exists():
        yield parts[-1]


def imported_names(file: Path, module: str) -> Iterator[str]:
    """Every name that is imported anywhere in a file; of `from a import b` both a.b and a, the longer one first."""
    package = module.split(".") if file.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def import_graph(checkout: Path, files: list[Path]) -> dict[str, set[str]]:
    """Each module and the modules of these files that it imports; a package counts where its __init__ gives a name."""
    modules = {name: file for file in files for name in module_names(file, checkout)}
    place = {file: next(module_names(file, checkout)) for file in files}
    graph: dict[str, set[str]] = {}
    for file, module in place.items():
        imported = {modules.get(name) or modules.get(name.rpartition(".")[0]) for name in imported_names(file, module)}
        graph[module] = {place[found] for found in imported if found and found != file}
    return graph


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """The modules of one circle, the first again at the end; empty when there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_nobody_has_to_read_two_modules_at_once() -> None:
    files = [file for root in ROOTS for file in [CHECKOUT / root, *(CHECKOUT / root).rglob("*.py")] if file.is_file()]
    graph = import_graph(CHECKOUT, [file for file in files if RECORDED not in file.parents])
    assert {module.partition(".")[0] for module in graph} == {Path(root).stem for root in ROOTS}
    assert "sandbox.aws.rds.service.region" in graph["sandbox.aws.rds.work.jobs"]
    assert circle(graph) == []


@pytest.mark.parametrize(
    ("upper", "lower"),
    [
        ("from restore import lower", "from restore import upper"),
        ("import restore.lower", "def late():\n    from restore.upper import name"),
        ("from restore.lower import name", "if TYPE_CHECKING:\n    from restore.upper import name"),
        ("from .lower import name", "from . import upper"),
    ],
)
def test_a_circle_is_seen_however_it_is_imported(upper: str, lower: str, tmp_path: Path) -> None:
    package = tmp_path / "restore"
    package.mkdir()
    for name, text in (("__init__", ""), ("upper", upper), ("lower", lower)):
        (package / f"{name}.py").write_text(text)
    graph = import_graph(tmp_path, sorted(package.iterdir()))
    assert set(circle(graph)) == {"restore.upper", "restore.lower"}


def test_a_circle_between_helpers_of_tests_is_seen(tmp_path: Path) -> None:
    folder = tmp_path / "tests" / "unit"
    folder.mkdir(parents=True)
    (folder / "worlds.py").write_text("from records import name")
    (folder / "records.py").write_text("import worlds")
    assert set(circle(import_graph(tmp_path, sorted(folder.iterdir())))) == {"tests.unit.worlds", "tests.unit.records"}
