from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from sandbox.machine.layout import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator

VERB = re.compile(r"[A-Z][a-z]+s[,:]? ")
NO_VERB = re.compile(r"(Always|As|Bytes|Fields|Its|Keys|Names|Owners|Problems|Roles|Rows|Sessions|Settings|This)\b")


def public_functions(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, str]]:
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node.body, f"{prefix}{node.name}.")
        elif (
            isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            and not node.name.startswith("_")
            and not is_property(node)
        ):
            yield f"{prefix}{node.name}", ast.get_docstring(node) or ""


def is_property(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("property" in ast.unparse(decorator) for decorator in function.decorator_list)


def docstrings() -> Iterator[tuple[str, str]]:
    for folder in ("restore", "validation"):
        for path in sorted((CHECKOUT / folder).rglob("*.py")):
            yield from public_functions(ast.parse(path.read_text()).body, f"{path.relative_to(CHECKOUT)}: ")


def test_who_reads_a_docstring_is_told_what_the_function_does() -> None:
    texts = [(name, text) for name, text in docstrings() if text]
    assert len(texts) > 1_000, "the functions of restore/ and validation/ were not found"
    wrong = [
        f'{name}: found "{text.splitlines()[0]}", needed: a verb in the third person first, such as Returns or Waits'
        for name, text in texts
        if not VERB.match(f"{text} ") or NO_VERB.match(text)
    ]
    assert not wrong, "\n".join(wrong)
