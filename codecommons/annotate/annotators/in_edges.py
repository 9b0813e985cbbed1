# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""How many other files of its own tree import a file, as far as import statements name files, and the order that follows.

Switched on by ``CODECOMMONS_ANNOTATORS=in_edges,syntax``. What a statement names is looked for as the language would, without its
search paths: a relative name from the folder of the importing file, another one as the end of a path, of several the one that
shares the most folders with the importing file, then the shortest. Statements of Go and C# name packages and namespaces, not
files, so these have no edges. A file that nothing imports may still be used: from outside, by a build, by reflection.

``place`` is where a file stands, of those that were parsed, when they come by path but each after what it imports; files that
import each other in a circle stand together, by path.
"""

from __future__ import annotations

import posixpath
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import pyarrow as pa

from codecommons.annotate.annotator import Annotator
from codecommons.annotate.annotators.syntax import ANNOTATOR as SYNTAX
from codecommons.annotate.columns import table

FILE = pa.struct(
    [
        pa.field("path", pa.binary()),
        pa.field("imported_by", pa.int64()),
        pa.field("imports", pa.int64()),
        pa.field("place", pa.int64()),
    ]
)
FIELDS = (pa.field("files", pa.list_(FILE)),)

_SCRIPTS = (".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mjs", ".cjs")
_TYPED = {".js": (".ts", ".tsx"), ".jsx": (".tsx",), ".mjs": (".mts",), ".cjs": (".cts",)}
_CRATES = ("lib.rs", "main.rs")


class File(NamedTuple):
    """A file that was parsed: its path from the root, its language, what its import statements name."""

    path: str
    language: str
    modules: Sequence[str]


class Target(NamedTuple):
    """Where an import statement may lead: whole paths, in order of preference, then ends of paths."""

    paths: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()


def edges(files: Sequence[File], paths: Sequence[str]) -> set[tuple[str, str]]:
    """Pairs of paths: who imports, and what.

    Args:
        files: those that were parsed.
        paths: all of the tree.
    """
    there = set(paths)
    wanted = [(file, target) for file in files for target in _targets(file, there)]
    ends = {end for _, target in wanted for end in target.ends}
    places: dict[str, list[str]] = {}
    for path in sorted(there):
        at = len(path)
        while at > 0:
            at = path.rfind("/", 0, at)
            if path[at + 1 :] in ends:
                places.setdefault(path[at + 1 :], []).append(path)
    found = set()
    known: dict[tuple[str, str], str] = {}
    for file, several in groupby(wanted, key=itemgetter(0)):
        folders = list(_folders(file.path))
        for _, target in several:
            exact = next((path for path in target.paths if path in there), None)
            end = next((end for end in target.ends if end in places), None)
            chosen = exact or (None if end is None else _nearest(end, places[end], folders, known))
            if chosen is not None and chosen != file.path:
                found.add((file.path, chosen))
    return found


def _nearest(end: str, places: Sequence[str], folders: Sequence[str], known: dict[tuple[str, str], str]) -> str:
    """Of paths with one end, in order, the one in the innermost of some folders; of several the shortest, then the first.

    ``known`` is what was found before: a tree may have ten thousand files of one name, and as many that import it.
    """
    for folder in folders:
        if (end, folder) not in known:
            low, high = (bisect_left(places, folder + after) for after in ("/", "0")) if folder else (0, len(places))
            if low == high:
                continue
            known[end, folder] = min(places[low:high], key=lambda path: path.count("/"))
        return known[end, folder]
    raise AssertionError(f"{end} stands nowhere")


def in_order(paths: Sequence[str], imported: Mapping[str, Collection[str]]) -> list[str]:
    """Paths, each after those that it imports; apart from that sorted.

    Files that import each other in a circle can't all come after each other: they stand together, sorted.

    Args:
        paths: of files, each once.
        imported: path -> paths that it imports.

    Source: Tarjan, "Depth-first search and linear graph algorithms" (1972): strongly connected components leave the stack in
    reverse topological order.
    """
    wanted = {path: sorted(imported.get(path, ())) for path in sorted(paths)}
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    open_: set[str] = set()
    found: list[str] = []
    for root in wanted:
        if root in number:
            continue
        # A chain of imports may be longer than Python's stack.
        trail = [(root, iter(wanted[root]))]
        number[root] = lowest[root] = len(number)
        stack.append(root)
        open_.add(root)
        while trail:
            path, rest = trail[-1]
            following = next((other for other in rest if other in wanted and (other not in number or other in open_)), None)
            if following is None:
                trail.pop()
                if trail:
                    lowest[trail[-1][0]] = min(lowest[trail[-1][0]], lowest[path])
                if lowest[path] == number[path]:
                    circle = [stack.pop()]
                    while circle[-1] != path:
                        circle.append(stack.pop())
                    open_.difference_update(circle)
                    found += sorted(circle)
            elif following in number:
                lowest[path] = min(lowest[path], number[following])
            else:
                number[following] = lowest[following] = len(number)
                stack.append(following)
                open_.add(following)
                trail.append((following, iter(wanted[following])))
    return found


def _folders(path: str) -> Iterator[str]:
    """The folders that a path lies in, the innermost first, and at last the root (empty)."""
    while path:
        path = path.rpartition("/")[0]
        yield path


def _targets(file: File, there: set[str]) -> Iterator[Target]:
    folder = posixpath.dirname(file.path)
    for module in file.modules:
        match file.language:
            case "Python":
                yield _python(folder, module)
            case "JavaScript" | "TypeScript" | "TSX" if module.startswith("."):
                path = posixpath.normpath(posixpath.join(folder, module))
                stem, extension = posixpath.splitext(path)
                typed = tuple(stem + other for other in _TYPED.get(extension, ()))
                yield Target((path, *(path + e for e in _SCRIPTS), *typed, *(f"{path}/index{e}" for e in _SCRIPTS)))
            case "C" | "C++" | "Shell" | "Ruby":
                name = f"{module}.rb" if file.language == "Ruby" and not module.endswith(".rb") else module
                path = posixpath.normpath(posixpath.join(folder, name))
                end = posixpath.normpath(name).lstrip("./")
                yield Target((path,), (end,) if end else ())
            case "Java":
                parts = module.split(".")
                yield Target((), tuple("/".join(parts[:length]) + ".java" for length in (len(parts), len(parts) - 1) if length))
            case "PHP" if "\\" in module:
                parts = module.strip("\\").split("\\")
                yield Target((), tuple("/".join(parts[first:]) + ".php" for first in range(len(parts) - 1)))
            case "Rust":
                yield _rust(file.path, module, there)


def _python(folder: str, module: str) -> Target:
    name = module.lstrip(".")
    dots, parts = len(module) - len(name), name.replace(".", "/")
    if not dots:
        return Target((), (f"{parts}.py", f"{parts}/__init__.py", f"{parts}.pyi"))
    for _ in range(dots - 1):
        folder = posixpath.dirname(folder)
    base = posixpath.join(folder, parts) if parts else folder
    return Target((*((f"{base}.py", f"{base}.pyi") if parts else ()), posixpath.join(base, "__init__.py")))


def _rust(path: str, module: str, there: set[str]) -> Target:
    folder, name = posixpath.split(path)
    own = folder if name in (*_CRATES, "mod.rs") else posixpath.splitext(path)[0]
    parts = module.partition("{")[0].removesuffix("::").split("::")
    if parts[0] == "crate":
        while folder and not any(posixpath.join(folder, crate) in there for crate in _CRATES):
            folder = posixpath.dirname(folder)
        base, parts = folder, parts[1:]
    elif parts[0] in ("self", "super"):
        base = own if parts[0] == "self" else posixpath.dirname(own)
        parts = parts[1:]
    else:
        base = own
    stems = [posixpath.join(base, *parts[:length]) for length in range(len(parts), 0, -1)]
    return Target(tuple(stem + end for stem in stems for end in (".rs", "/mod.rs")))


def row_of(files: list[dict[str, Any]]) -> tuple[list[dict[str, Any]]]:
    """The column ``files`` of one tree: each file that was parsed, in order of path."""
    names = {entry["path"].decode("utf-8", "surrogateescape"): entry["path"] for entry in files}
    parsed = [
        File(path, entry["said"]["language"], entry["said"]["modules"] or ())
        for path, entry in zip(names, files, strict=True)
        if entry["said"] and entry["said"]["language"]
    ]
    into = dict.fromkeys((file.path for file in parsed), 0)
    out: dict[str, list[str]] = {path: [] for path in into}
    for importer, imported in edges(parsed, list(names)):
        out[importer].append(imported)
        if imported in into:
            into[imported] += 1
    place = {path: at for at, path in enumerate(in_order(list(into), out))}
    return (
        [
            {"path": names[path], "imported_by": into[path], "imports": len(out[path]), "place": place[path]}
            for path in sorted(into)
        ],
    )


def annotate(batch: pa.RecordBatch) -> pa.Table:
    """See ``Annotator.annotate``."""
    return table((row_of(files.as_py()) for files in batch.column("files")), FIELDS)


ANNOTATOR = Annotator(
    name="in_edges",
    description="How many other files of a tree import each of its files, by their import statements, and the order of imports.",
    version=2,
    input="tree",
    fields=FIELDS,
    annotate=annotate,
    extra="syntax",
    needs=SYNTAX,
)
