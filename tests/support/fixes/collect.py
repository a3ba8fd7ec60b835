"""Every text that the sources can print behind `fix:` (or another heading), read from their syntax trees.

A text is collected where it is passed to a parameter or field of one of the names asked for, assigned to a variable of
such a name, or written behind HEADING. What can't be read (a parameter, an attribute, a call of something outside)
becomes a HOLE; of a call of the program's own function, the texts that it returns are filled in.
"""

from __future__ import annotations

import ast
import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

HOLE = "\0"
FIXES = frozenset({"fix", "way_out"})
HEADING = "\n  fix: "
"""Before a fix in the text of an error that has no Problem."""
MOST = 24
"""Alternatives of one expression that are looked at."""
EVIDENCE = "untrusted.py"
"""Its functions return what the evidence holds, which is no text of the sources."""
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class FixText:
    file: Path
    line: int
    text: str


@dataclass(frozen=True)
class Module:
    file: Path
    tree: ast.Module

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def scopes(self, node: ast.AST) -> Iterator[Function | ast.Module]:
        """The functions around a node, innermost first, then the module."""
        while node in self.parents:
            node = self.parents[node]
            if isinstance(node, Function | ast.Module):
                yield node


class Program:
    """`names` are those of parameters, fields and variables that hold the texts asked for.

    `callers`: a parameter is what the callers of its function pass, not a HOLE."""

    def __init__(self, files: Iterable[Path], names: frozenset[str] = FIXES, *, callers: bool = False):
        self.names = names
        self.callers = callers
        self.modules = [Module(file, ast.parse(file.read_text())) for file in files]
        self.functions: dict[str, list[tuple[Module, Function]]] = defaultdict(list)
        self.constants: dict[str, list[tuple[Module, ast.expr]]] = defaultdict(list)
        self.positions: dict[str, set[int]] = defaultdict(set)
        self.calls: dict[str, list[tuple[Module, ast.Call]]] = defaultdict(list)
        for module in self.modules:
            self._index(module)

    def texts(self) -> Iterator[FixText]:
        for module in self.modules:
            for node in ast.walk(module.tree):
                for expression in self._expressions(node):
                    for text in self.values(module, expression):
                        yield FixText(module.file, expression.lineno, text.rpartition(HEADING)[2])

    def first_arguments(self, function: str) -> Iterator[FixText]:
        """The texts that are passed to a function or class of this name as its first argument."""
        for module, call in self.calls[function]:
            if call.args:
                for text in self.values(module, call.args[0]):
                    yield FixText(module.file, call.lineno, text)

    def values(self, module: Module, node: ast.expr, seen: tuple[str, ...] = ()) -> list[str]:
        """The texts that an expression can be; [HOLE] for what only the running program knows."""
        match node:
            case ast.Constant(value=str(text)):
                return [text]
            case ast.JoinedStr() | ast.BinOp(op=ast.Add()):
                return self._joined(module, node, seen)
            case ast.FormattedValue(value=(ast.Name() | ast.Call() | ast.IfExp()) as inner):
                return self.values(module, inner, seen)
            case ast.IfExp() | ast.BoolOp():
                return [text for choice in _choices(node) for text in self.values(module, choice, seen)]
            case ast.Name(id=name) if name not in seen:
                return self._named(module, node, name, (*seen, name))
            case ast.Dict(values=values):
                return [text for value in values for text in self.values(module, value, seen)]
            case ast.Call():
                return self._called(module, node, seen)
            case _:
                return [HOLE]

    def _called(self, module: Module, call: ast.Call, seen: tuple[str, ...]) -> list[str]:
        match call:
            case ast.Call(func=ast.Attribute(value=ast.Constant(value=str()), attr="join"), args=[argument]):
                inner = argument.elt if isinstance(argument, ast.GeneratorExp | ast.ListComp) else argument
                return self.values(module, inner, seen)
            case ast.Call(func=ast.Attribute(value=inner, attr="format")):
                return [text.replace("{name}", HOLE) for text in self.values(module, inner, seen)]
            case ast.Call(func=ast.Attribute(value=ast.Name() as mapping, attr="get")):
                return self.values(module, mapping, seen)
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name not in seen:
                return self._returned(module, name, (*seen, name))
            case _:
                return [HOLE]

    def _joined(self, module: Module, node: ast.JoinedStr | ast.BinOp, seen: tuple[str, ...]) -> list[str]:
        parts = node.values if isinstance(node, ast.JoinedStr) else (node.left, node.right)
        choices = [self.values(module, part, seen) for part in parts]
        return ["".join(chosen) for chosen in itertools.islice(itertools.product(*choices), MOST)]

    def _named(self, module: Module, node: ast.AST, name: str, seen: tuple[str, ...]) -> list[str]:
        for scope in module.scopes(node):
            if isinstance(scope, Function) and name in _parameters(scope):
                return (self._passed(module, scope, name, seen) if self.callers else []) or [HOLE]
            if values := list(_assigned(scope, name)):
                return [text for value in values for text in self.values(module, value, seen)]
        elsewhere = self.constants.get(name, [])
        return [text for other, value in elsewhere for text in self.values(other, value, seen)] or [HOLE]

    def _passed(self, module: Module, function: Function, name: str, seen: tuple[str, ...]) -> list[str]:
        """What the callers of a function pass for a parameter; of a name that several have, those in its module."""
        key = f"{function.name}({name})"
        if key in seen:
            return []
        at = [parameter for parameter in _parameters(function) if parameter not in ("self", "cls")].index(name)
        anywhere = len(self.functions[function.name]) == 1
        passed = [
            (caller, value)
            for caller, call in self.calls[function.name]
            if anywhere or caller is module
            for value in (*call.args[at : at + 1], *(word.value for word in call.keywords if word.arg == name))
        ]
        outside = (*(earlier for earlier in seen if earlier != name), key)
        return [text for caller, value in passed for text in self.values(caller, value, outside)]

    def _returned(self, caller: Module, name: str, seen: tuple[str, ...]) -> list[str]:
        everywhere = self.functions.get(name, [])
        definitions = [definition for definition in everywhere if definition[0] is caller] or everywhere
        if len(definitions) != 1 or not _returns_text(definitions[0][1]):
            return [HOLE]
        module, function = definitions[0]
        if module.file.name == EVIDENCE:
            return [HOLE]
        values = [node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value]
        return [text for value in values for text in self.values(module, value, seen)] or [HOLE]

    def _expressions(self, node: ast.AST) -> Iterator[ast.expr]:
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=arguments, keywords=keywords):
                yield from (keyword.value for keyword in keywords if keyword.arg in self.names)
                yield from (arguments[at] for at in self.positions.get(name, ()) if at < len(arguments))
            case ast.Assign(targets=targets, value=value):
                if any(isinstance(target, ast.Name) and target.id in self.names for target in targets):
                    yield value
            case ast.Constant(value=str(text)) if "fix" in self.names and HEADING in text:
                yield node
            case ast.JoinedStr(values=parts) if "fix" in self.names and HEADING in _constants(parts):
                yield node
            case _:
                pass

    def _index(self, module: Module) -> None:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                self.calls[name].append((module, node))
            elif isinstance(node, Function):
                self.functions[node.name].append((module, node))
                self._positions(node.name, _parameters(node))
            elif isinstance(node, ast.ClassDef):
                fields = [name for item in node.body for name in _field(item)]
                start = next(
                    (item for item in node.body if isinstance(item, Function) and item.name == "__init__"), None
                )
                self._positions(node.name, _parameters(start) if start else fields)
        for statement in module.tree.body:
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                self.constants[statement.targets[0].id].append((module, statement.value))

    def _positions(self, name: str, parameters: Sequence[str]) -> None:
        plain = [parameter for parameter in parameters if parameter not in ("self", "cls")]
        self.positions[name] |= {at for at, parameter in enumerate(plain) if parameter in self.names}


def _constants(parts: Sequence[ast.expr]) -> str:
    return HOLE.join(str(part.value) for part in parts if isinstance(part, ast.Constant))


def _choices(node: ast.IfExp | ast.BoolOp) -> Sequence[ast.expr]:
    return (node.body, node.orelse) if isinstance(node, ast.IfExp) else node.values


def _field(item: ast.stmt) -> Iterator[str]:
    if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
        yield item.target.id


def _parameters(function: Function) -> list[str]:
    """Positional ones: those behind `*` are passed by keyword."""
    return [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]


def _returns_text(function: Function) -> bool:
    return isinstance(function.returns, ast.Name) and function.returns.id == "str"


def _assigned(scope: Function | ast.Module, name: str) -> Iterator[ast.expr]:
    """The values that a name gets in a scope, also by unpacking; not those of functions inside a module."""
    nodes = ast.walk(scope) if isinstance(scope, Function) else scope.body
    for node in nodes:
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            if isinstance(target, ast.Name) and target.id == name:
                yield node.value
            elif isinstance(target, ast.Tuple):
                yield from _unpacked(target, node.value, name)


def _unpacked(target: ast.Tuple, value: ast.expr, name: str) -> Iterator[ast.expr]:
    for at, part in enumerate(target.elts):
        if isinstance(part, ast.Name) and part.id == name:
            for choice in (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,):
                if isinstance(choice, ast.Tuple) and len(choice.elts) == len(target.elts):
                    yield choice.elts[at]
