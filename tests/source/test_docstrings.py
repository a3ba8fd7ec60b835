from __future__ import annotations

import ast
import re
from functools import cache
from typing import TYPE_CHECKING

from sandbox.machine.layout import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator

    Function = ast.FunctionDef | ast.AsyncFunctionDef

VERB = re.compile(r"[A-Z][a-z]+s[,:]? ")
NO_VERB = re.compile(r"(Always|As|Bytes|Fields|Its|Keys|Names|Owners|Problems|Roles|Rows|Sessions|Settings|This)\b")
WORD = re.compile(r"\w+")
RAISES = re.compile(r"\b[Rr]aises\b")


@cache
def modules() -> tuple[tuple[str, ast.Module], ...]:
    paths = [path for folder in ("restore", "validation") for path in sorted((CHECKOUT / folder).rglob("*.py"))]
    return tuple((f"{path.relative_to(CHECKOUT)}: ", ast.parse(path.read_text())) for path in paths)


def public_functions(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, Function]]:
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_"):
            yield f"{prefix}{node.name}", node


def all_functions() -> Iterator[tuple[str, Function]]:
    for prefix, module in modules():
        yield from public_functions(module.body, prefix)


def is_property(function: Function) -> bool:
    return any("property" in ast.unparse(decorator) for decorator in function.decorator_list)


def list_errors() -> set[str]:
    """Returns the names of RestoreError, of every class below it, and of the functions that return such an error."""
    classes = [node for _, module in modules() for node in module.body if isinstance(node, ast.ClassDef)]
    names = {"RestoreError"}
    while more := {item.name for item in classes if names & {ast.unparse(base) for base in item.bases}} - names:
        names |= more
    functions = [node for _, module in modules() for node in module.body if isinstance(node, ast.FunctionDef)]
    makers = {item.name for item in functions if item.returns and names & set(WORD.findall(ast.unparse(item.returns)))}
    return names | makers


def raised_names(function: Function) -> set[str]:
    """Returns what the function's own body raises, without the functions in it: `X` of `raise X(...)` and `raise
    X.of(...)`."""
    names: set[str] = set()
    nodes: list[ast.AST] = [*function.body]
    while nodes:
        node = nodes.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            continue
        if isinstance(node, ast.Raise) and node.exc is not None:
            names.add(ast.unparse(node.exc).partition("(")[0].removesuffix(".of"))
        nodes += ast.iter_child_nodes(node)
    return names


def test_who_reads_a_docstring_is_told_what_the_function_does() -> None:
    documented = ((name, ast.get_docstring(node)) for name, node in all_functions() if not is_property(node))
    texts = [(name, text) for name, text in documented if text]
    assert len(texts) > 1_000, "the functions of restore/ and validation/ were not found"
    wrong = [
        f'{name}: found "{text.splitlines()[0]}", needed: a verb in the third person first, such as Returns or Waits'
        for name, text in texts
        if not VERB.match(f"{text} ") or NO_VERB.match(text)
    ]
    assert not wrong, "\n".join(wrong)


def test_who_calls_a_function_is_told_that_it_raises() -> None:
    errors = list_errors()
    assert {"PermanentError", "TemporaryError", "Refused", "GateClosed", "Stopped", "Conflict"} <= errors
    raising = [(name, node, raised) for name, node in all_functions() if (raised := raised_names(node) & errors)]
    assert len(raising) > 100, "the functions that raise were not found"
    silent = [
        f"{name}: raises {', '.join(sorted(raised))}, needed: a docstring that says Raises, and when"
        for name, node, raised in raising
        if not RAISES.search(ast.get_docstring(node) or "")
    ]
    assert not silent, "\n".join(silent)
