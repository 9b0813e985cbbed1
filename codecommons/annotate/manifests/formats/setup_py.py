# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""setup.py: a program, of which only the literals are read that it gives to ``setup()``.

Nothing is run. A name stands for a literal where the module gives it a value once; what is computed in any other way, and what
comes with ``**``, stays unknown.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from typing import Any

from codecommons.annotate.manifests import python
from codecommons.annotate.manifests.project import Format, Project, limited, text, texts, url
from codecommons.annotate.manifests.reading import UnreadableError, mapping

DEEPEST = 50
MOST_NODES = 50_000
LONGEST_SUM = 1 << 16


def read(data: bytes) -> Project:
    """Read the call of ``setup()`` that says most, of several the first.

    Raises:
        ValueError: it is no Python 3, nests too deeply, or calls no ``setup()``.
    """
    literals, calls = _looked_through(data.decode("utf-8-sig", "replace"))
    said = max(map(literals.arguments, calls), key=len, default=None)
    if said is None:
        raise UnreadableError("nothing in it calls setup()")

    def lines(name: str) -> list[str]:
        value = said.get(name)
        return [line.strip() for line in value.splitlines()] if isinstance(value, str) else list(texts(value))

    classifiers = lines("classifiers")
    linked = python.links(mapping(said.get("project_urls")))
    requires, extra = python.requirements(lines("install_requires"))
    extras = [one for value in mapping(said.get("extras_require")).values() for one in texts(value)]
    suggests, asked = python.requirements([*lines("setup_requires"), *lines("tests_require"), *extras])
    return Project(
        "pypi",
        text(said.get("name")),
        text(said.get("version")),
        text(said.get("license")),
        python.license_classifiers(classifiers),
        description=text(said.get("description")),
        authors=python.people(said.get("author"), said.get("author_email")),
        keywords=python.keywords(",".join(texts(words)) if isinstance(words := said.get("keywords"), list) else words),
        languages=python.languages(classifiers),
        requires=requires,
        suggests=limited([*suggests, *extra, *asked]),
        **{**linked, "homepage": url(said.get("url")) or linked.get("homepage")},
    )


def _looked_through(source: str) -> tuple[_Literals, list[ast.Call]]:
    """Values of the names that get one once, and the calls of ``setup()``, in their order."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes in a stranger's strings
        try:
            module = ast.parse(source)
        except (RecursionError, MemoryError):
            raise UnreadableError("nested too deeply") from None
        except (SyntaxError, ValueError) as error:
            raise UnreadableError(f"line {getattr(error, 'lineno', None) or 1}: no Python 3") from None
    values: dict[str, ast.expr] = {}
    given: dict[str, int] = {}
    calls: list[ast.Call] = []
    for node in _nodes(module):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            given[node.id] = given.get(node.id, 0) + 1
        elif isinstance(node, ast.Call) and (getattr(node.func, "id", None) or getattr(node.func, "attr", None)) == "setup":
            calls.append(node)
    for statement in module.body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name):
            values[statement.targets[0].id] = statement.value
    once = {name: value for name, value in values.items() if given[name] == 1}
    return _Literals(once), sorted(calls, key=lambda call: (call.lineno, call.col_offset))


def _nodes(module: ast.Module) -> Iterator[ast.AST]:
    """All nodes, level by level.

    Raises:
        ValueError: there are more than any manifest needs.
    """
    for number, node in enumerate(ast.walk(module)):
        if number > MOST_NODES:
            raise UnreadableError(f"more than {MOST_NODES} nodes")
        yield node


class _Literals:
    """What expressions are without running them; None for what would have to be computed, of a list or mapping what is known."""

    def __init__(self, values: dict[str, ast.expr]) -> None:
        self._values = values
        self._known: dict[str, Any] = {}

    def arguments(self, call: ast.Call) -> dict[str, Any]:
        """The keyword arguments of a call that are known; those of ``**mapping`` are behind those that stand there."""
        stars = [mapping(self.of(one.value)) for one in call.keywords if one.arg is None]
        named = {one.arg: self.of(one.value) for one in call.keywords if one.arg}
        said = {name: value for one in (*stars, named) for name, value in one.items()}
        return {name: value for name, value in said.items() if value is not None}

    def of(self, node: ast.expr, depth: int = 0) -> Any:
        """What an expression is: text, a number with a point in it, list or mapping."""
        if depth > DEEPEST:
            return None

        def inner(one: ast.expr) -> Any:
            return self.of(one, depth + 1)

        match node:
            case ast.Constant(value=str() | float() as value):
                return value
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return [value for value in map(inner, items) if value is not None]
            case ast.Dict(keys=keys, values=items):
                return {key.value: inner(item) for key, item in zip(keys, items, strict=True) if isinstance(key, ast.Constant)}
            case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords):
                return {one.arg: inner(one.value) for one in keywords if one.arg}
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                return _sum(inner(left), inner(right))
            case ast.Name(id=name) if name in self._values:
                if name not in self._known:
                    self._known[name] = None  # what stands for itself is unknown
                    self._known[name] = inner(self._values[name])
                return self._known[name]
        return None


def _sum(one: Any, other: Any) -> Any:
    """Texts or lists one behind the other. A sum of sums doubles with every line, so that there is an end to it."""
    fits = isinstance(one, (str, list)) and type(one) is type(other) and len(one) + len(other) <= LONGEST_SUM
    return one + other if fits else None


FORMAT = Format(r"setup\.py", read, most_bytes=128 << 10)
