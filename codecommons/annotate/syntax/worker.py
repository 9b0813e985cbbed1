# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Runs in a process of its own, under a limit of memory: a question is a line of JSON and the content, an answer a line of JSON.

A question names the grammar, its query, and how many bytes of content follow. Nothing of this package is imported here.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import re
import resource
import sys
import time
from typing import Any, NamedTuple

MOST_MODULES, LONGEST_MODULE = 1000, 300
# Around a function, what a comment above it stands above.
_WRAPPERS = {
    "assignment_expression",
    "decorated_definition",
    "export_statement",
    "expression_statement",
    "lexical_declaration",
    "template_declaration",
    "variable_declaration",
    "variable_declarator",
}
_ATTRIBUTES = {"attribute_item", "annotation", "attribute_list"}
_ERRORS = "(ERROR) @error (MISSING) @missing"


class Grammar(NamedTuple):
    """A parser, a query, and the names of what the query captures."""

    parser: Any
    query: Any
    captures: frozenset[str]


def load(spec: dict[str, Any]) -> Grammar:
    """The grammar that a question names."""
    sitter: Any = importlib.import_module("tree_sitter")
    language = sitter.Language(getattr(importlib.import_module(spec["module"]), spec["function"])())
    query = sitter.Query(language, f"{spec['query']}\n{_ERRORS}")
    captures = frozenset(query.capture_name(at) for at in range(query.capture_count))
    return Grammar(sitter.Parser(language), query, captures)


def facts(grammar: Grammar, data: bytes, seconds: float) -> dict[str, Any]:
    """What the syntax tree of a content says; keys are columns of the annotator ``syntax``.

    Raises:
        TimeoutError: parsing took more CPU seconds than that.
    """
    sitter: Any = importlib.import_module("tree_sitter")
    until = time.process_time() + seconds
    late = False

    def stop(*_: object) -> bool:
        nonlocal late
        late = time.process_time() > until
        return late

    try:
        tree = grammar.parser.parse(lambda at, _: data[at : at + 65536], progress_callback=stop)
        found = sitter.QueryCursor(grammar.query).captures(tree.root_node)
    except ValueError:
        grammar.parser.reset()
        raise
    finally:
        if late:
            raise TimeoutError(f"parsing takes more than {seconds:.0f} seconds of CPU time")
    functions = found.get("function", [])
    notes = [*found.get("comment", []), *found.get("doc", [])]
    points = found.get("decision", [])
    complexities = _complexities(functions, points)
    errors = found.get("error", [])
    answer: dict[str, Any] = {
        "parsed": not errors and not found.get("missing"),
        "errors": len(errors) + len(found.get("missing", [])),
        "error_share": _share(data, errors),
        "code_lines": _code_lines(data, notes),
        "comment_share": _share(data, notes),
        "functions": len(functions),
        "documented_functions": _documented(functions, found.get("comment", []), found.get("doc", [])),
        "decisions": len(points),
        "complexity_max": max(complexities, default=None),
        "complexity_mean": sum(complexities) / len(complexities) if complexities else None,
        "imports": len(found.get("import", [])) + len(found.get("from", [])),
        "modules": _modules(found),
    }
    for column, capture in (
        ("classes", "class"),
        ("passes", "pass"),
        ("prints", "print"),
        ("returns", "return"),
        ("class_variables", "variable"),
    ):
        answer[column] = len(found.get(capture, [])) if capture in grammar.captures else None
    return answer


def _share(data: bytes, nodes: list[Any]) -> float:
    """Characters of some nodes, those of one inside another once, as a share of a content's."""
    total = end = 0
    for start, stop in sorted(node.byte_range for node in nodes):
        total += _characters(data[max(start, end) : max(stop, end)])
        end = max(end, stop)
    return total / max(_characters(data), 1)


def _characters(data: bytes) -> int:
    return len(data.decode("utf-8", "replace"))


def _code_lines(data: bytes, notes: list[Any]) -> int:
    code = bytearray(data)
    for start, stop in (node.byte_range for node in notes):
        code[start:stop] = re.sub(rb"[^\n]", b" ", code[start:stop])
    return sum(1 for line in code.split(b"\n") if line.strip())


def _complexities(functions: list[Any], points: list[Any]) -> list[int]:
    """One more than the decision points of each function, without those of functions inside it."""
    edges = [(*node.byte_range, True) for node in functions] + [(*node.byte_range, False) for node in points]
    open_: list[tuple[int, int]] = []  # where a function ends, and its place in the answer
    found: list[int] = []
    for start, stop, function in sorted(edges, key=lambda edge: (edge[0], -edge[1], not edge[2])):
        while open_ and open_[-1][0] <= start:
            open_.pop()
        if function:
            open_.append((stop, len(found)))
            found.append(1)
        elif open_:
            found[open_[-1][1]] += 1
    return found


def _documented(functions: list[Any], comments: list[Any], docs: list[Any]) -> int:
    """Functions that begin with a documentation string, or above whose first line a comment ends."""
    ends = {node.end_point[0] - (node.end_point[1] == 0) for node in comments}
    own = {node.parent.parent.parent.id for node in docs if node.parent.parent.parent is not None}
    return sum(node.id in own or _first_row(node) - 1 in ends for node in functions)


def _first_row(node: Any) -> int:
    while node.parent is not None and node.parent.type in _WRAPPERS:
        node = node.parent
    while node.prev_named_sibling is not None and node.prev_named_sibling.type in _ATTRIBUTES:
        node = node.prev_named_sibling
    return int(node.start_point[0])


def _modules(found: dict[str, list[Any]]) -> list[str]:
    """What import statements name, each once, in order; for Python's ``from a import b`` both ``a`` and ``a.b``."""
    named = [(node.start_byte, _text(node).strip("\"'`<>")) for node in found.get("module", [])]
    for node in found.get("from", []):
        module = _text(node.child_by_field_name("module_name"))
        named.append((node.start_byte, module))
        for child in node.children_by_field_name("name"):
            name = child.child_by_field_name("name") or child
            named.append((child.start_byte, f"{module}{'' if module.endswith('.') else '.'}{_text(name)}"))
    return list(dict.fromkeys(name for _, name in sorted(named) if 0 < len(name) <= LONGEST_MODULE))[:MOST_MODULES]


def _text(node: Any) -> str:
    return re.sub(r"\s", "", node.text.decode("utf-8", "replace")) if node is not None and node.text else ""


def main() -> None:
    """Answer until there is nothing more to read."""
    memory, seconds = int(sys.argv[1]), float(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    known: dict[str, Grammar] = {}
    for line in sys.stdin.buffer:
        question = json.loads(line)
        data = sys.stdin.buffer.read(question["length"])
        try:
            if question["language"] not in known:
                known[question["language"]] = load(question)
            said: Any = facts(known[question["language"]], data, seconds)
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        main()
