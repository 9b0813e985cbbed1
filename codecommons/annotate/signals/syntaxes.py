# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""How languages write comments and strings, as data, and which bytes of a content are which.

This is a scanner and no parser: a regular expression or a here-document that holds a quote can mislead it up to the end of a
line, rarely further. It is fast enough for every file; the annotator ``syntax`` parses.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from codecommons.compiled import compiled

CODE, COMMENT, STRING = 0, 1, 2
_LONGEST = 8  # bytes of a mark
_MARKS = 4

# What a mark asks of its place.
ANYWHERE, AFTER_BLANK, FIRST_IN_LINE, IN_COLUMN_1 = 0, 1, 2, 3


class Syntax(NamedTuple):
    """A way to write comments and strings.

    Attributes:
        line: marks of comments that end with the line, each with what it asks of its place.
        blocks: marks that open and close a comment, and what the opening one asks of its place.
        nested: blocks stand inside blocks.
        quotes: quotes of strings that end with the line at the latest.
        across: quotes of strings that may hold line ends.
        triple: a quote three times opens a string that ends with three; where it is the first in its line it is a comment.
        character: ``'`` is only a quote around one character, and a letter elsewhere.
        escape: a backslash takes its meaning from the character after it, in strings and outside.
    """

    line: tuple[tuple[str, int], ...] = ()
    blocks: tuple[tuple[str, str, int], ...] = ()
    nested: bool = False
    quotes: str = ""
    across: str = ""
    triple: str = ""
    character: bool = False
    escape: bool = True


_SLASHES, _STARS = (("//", ANYWHERE),), (("/*", "*/", ANYWHERE),)
_HASH, _SHELL_HASH = (("#", ANYWHERE),), (("#", AFTER_BLANK),)

SYNTAXES: dict[Syntax, str] = {
    Syntax(_SLASHES, _STARS, quotes='"', character=True): "C; C++; Objective-C; Objective-C++; C#; Java; Cuda; Verilog; "
    "SystemVerilog; GLSL; HLSL; Metal; Vala; Processing; ANTLR; Yacc; Lex; Bison; DTrace; OpenCL; Zig; Linker Script",
    Syntax(_SLASHES, _STARS, nested=True, quotes='"', character=True): "Rust; D; Chapel",
    Syntax(_SLASHES, _STARS, nested=True, quotes='"', triple='"', character=True): "Kotlin; Scala; Swift; Pkl",
    Syntax(_SLASHES, _STARS, quotes="\"'", triple="\"'"): "Dart; Groovy; Gradle",
    Syntax(_SLASHES, _STARS, quotes="\"'", across="`"): "JavaScript; TypeScript; TSX; Go; Go Module; QML; V",
    Syntax(
        _SLASHES, _STARS, quotes="\"'"
    ): "Protocol Buffer; Solidity; ActionScript; SCSS; Less; Stylus; JSON with Comments; JSON5; "
    "Haxe; Prisma; Squirrel; Ballerina; Jsonnet",
    Syntax((), _STARS, quotes="\"'"): "CSS; PostCSS",
    Syntax((*_SLASHES, ("#", ANYWHERE)), _STARS, quotes="\"'"): "PHP; Hack; Thrift; HCL",
    Syntax(_HASH, quotes="\"'", triple="\"'"): "Python; Cython; Starlark; Sage; GDScript; Python console; Xonsh; TOML",
    Syntax(_HASH, (("=begin", "\n=end", IN_COLUMN_1),), quotes="\"'"): "Ruby; Gemfile.lock",
    Syntax(_SHELL_HASH, (("=", "\n=cut", IN_COLUMN_1),), quotes="\"'"): "Perl; Raku",
    Syntax(_SHELL_HASH, across="\"'"): "Shell; Nushell",
    Syntax(_SHELL_HASH, quotes="\"'"): "Makefile; Dockerfile; YAML; Gnuplot; Nginx; ApacheConf; Ignore List; Git Attributes; "
    "Git Config; Ninja; fish; BitBake; Meson; CODEOWNERS; Awk; Gherkin; Tcl; Just",
    Syntax(_HASH, quotes="\"'"): "R; Rez; Elvish",
    Syntax(_HASH, (("#[[", "]]", ANYWHERE),), across='"'): "CMake",
    Syntax(_HASH, (("#=", "=#", ANYWHERE),), nested=True, quotes='"', triple='"', character=True): "Julia",
    Syntax(_HASH, quotes="\"'", triple='"'): "Elixir; Crystal; GraphQL; Nim; CoffeeScript",
    Syntax(_HASH, (("<#", "#>", ANYWHERE),), across="\"'", escape=False): "PowerShell",
    Syntax(_HASH, _STARS, across='"'): "Nix",
    Syntax((("--", ANYWHERE),), _STARS, across="'", escape=False): "SQL; PLpgSQL; PLSQL; TSQL; SQLPL; HiveQL",
    Syntax((("--", ANYWHERE),), (("--[[", "]]", ANYWHERE),), quotes="\"'"): "Lua; Luau; Terra",
    Syntax(
        (("--", ANYWHERE),), (("{-", "-}", ANYWHERE),), nested=True, quotes='"', character=True
    ): "Haskell; Elm; PureScript; Agda; Idris; Dhall; Literate Haskell; C2hs Haskell; Cabal Config",
    Syntax((("--", ANYWHERE),), quotes='"', character=True, escape=False): "Ada; VHDL; Eiffel; AppleScript",
    Syntax((("%", ANYWHERE),), (("%{", "%}", FIRST_IN_LINE),), quotes='"', character=True, escape=False): "MATLAB",
    Syntax((("%", ANYWHERE),), quotes='"'): "Erlang; Mercury",
    Syntax((("%", ANYWHERE),), _STARS, quotes="\"'"): "Prolog; Logtalk",
    Syntax((("%", ANYWHERE),)): "TeX; BibTeX; PostScript; BibTeX Style",
    Syntax(
        ((";", ANYWHERE),), (("#|", "|#", ANYWHERE),), nested=True, across='"'
    ): "Common Lisp; Scheme; Racket; Emacs Lisp; Clojure; Hy; Fennel; Janet; NewLisp",
    Syntax(((";", ANYWHERE),), quotes="\"'"): "Assembly; LLVM; AutoHotkey; Unix Assembly; Motorola 68K Assembly; NASL",
    Syntax(((";", FIRST_IN_LINE), ("#", FIRST_IN_LINE))): "INI; EditorConfig; Java Properties",
    Syntax((("!", ANYWHERE),), quotes="\"'", escape=False): "Fortran; Fortran Free Form",
    Syntax((), (("(*", "*)", ANYWHERE),), nested=True, across='"', character=True): "OCaml; Standard ML; Rocq Prover; Isabelle",
    Syntax(_SLASHES, (("(*", "*)", ANYWHERE),), nested=True, quotes='"', triple='"', character=True): "F#",
    Syntax(_SLASHES, (("{", "}", ANYWHERE), ("(*", "*)", ANYWHERE)), quotes="'", escape=False): "Pascal; Component Pascal",
    Syntax((), (("<!--", "-->", ANYWHERE),)): "HTML; XML; SVG; Markdown; Vue; Svelte; XSLT; HTML+ERB; HTML+PHP; XML Property "
    "List; Maven POM; Ant Build System; Astro; RMarkdown; MDX",
    Syntax(
        (("'", ANYWHERE),), quotes='"', escape=False
    ): "Visual Basic .NET; VBA; VBScript; Visual Basic 6.0; Classic ASP; BASIC",
    Syntax((("REM", FIRST_IN_LINE), ("rem", FIRST_IN_LINE), ("::", FIRST_IN_LINE))): "Batchfile",
    Syntax((('"', FIRST_IN_LINE),), quotes="'", escape=False): "Vim Script",
    Syntax(): "JSON; CSV; TSV; Text; Jupyter Notebook; Diff; Pickle",
}


@cache
def languages() -> dict[str, int]:
    """Linguist's name of a language -> the row of its syntax in ``tables``."""
    return {name: row for row, names in enumerate(SYNTAXES.values()) for name in names.split("; ")}


class Tables(NamedTuple):
    """``SYNTAXES`` for compiled code: marks zero-terminated, a place per mark, flags per byte that is a quote."""

    line: NDArray[np.uint8]
    line_place: NDArray[np.uint8]
    opening: NDArray[np.uint8]
    closing: NDArray[np.uint8]
    block_place: NDArray[np.uint8]
    quotes: NDArray[np.uint8]
    flags: NDArray[np.uint8]


_QUOTE, _ACROSS, _TRIPLE = 1, 2, 4
_NESTED, _CHARACTER, _ESCAPE = 1, 2, 4


@cache
def tables() -> Tables:
    """The syntaxes as arrays, one row each."""
    rows = len(SYNTAXES)
    marks = [np.zeros((rows, _MARKS, _LONGEST), np.uint8) for _ in range(3)]
    places = [np.zeros((rows, _MARKS), np.uint8) for _ in range(2)]
    quotes, flags = np.zeros((rows, 128), np.uint8), np.zeros(rows, np.uint8)
    for row, syntax in enumerate(SYNTAXES):
        for at, (mark, place) in enumerate(syntax.line):
            marks[0][row, at, : len(mark)] = list(mark.encode())
            places[0][row, at] = place
        for at, (opening, closing, place) in enumerate(syntax.blocks):
            marks[1][row, at, : len(opening)] = list(opening.encode())
            marks[2][row, at, : len(closing)] = list(closing.encode())
            places[1][row, at] = place
        for kinds, bit in ((syntax.quotes, _QUOTE), (syntax.across, _QUOTE | _ACROSS), (syntax.triple, _TRIPLE)):
            quotes[row, list(kinds.encode())] |= bit
        flags[row] = syntax.nested * _NESTED + syntax.character * _CHARACTER + syntax.escape * _ESCAPE
    return Tables(marks[0], places[0], marks[1], marks[2], places[1], quotes, flags)


@compiled(nogil=True)
def _stands(data: NDArray[np.uint8], at: int, end: int, mark: NDArray[np.uint8]) -> int:
    """Bytes of a mark that stands at a place, else 0."""
    for step in range(len(mark)):
        if mark[step] == 0:
            return step
        if at + step >= end or data[at + step] != mark[step]:
            return 0
    return len(mark)


@compiled(nogil=True)
def _fits(place: int, at: int, start: int, first: bool, before: int) -> bool:
    if place == ANYWHERE:
        return True
    if place == AFTER_BLANK:
        return at == start or before <= 32 or before == 59
    if place == FIRST_IN_LINE:
        return first
    return at == start or before == 10


@compiled(nogil=True)
def _first_in_line(data: NDArray[np.uint8], at: int, start: int) -> bool:
    """Whether only blanks stand before a place in its line, and at most two letters (of a string's prefix) beside it."""
    letters = 0
    while at > start and letters < 2 and (data[at - 1] | 32) in (98, 102, 114, 117):
        at -= 1
        letters += 1
    while at > start and (data[at - 1] == 32 or data[at - 1] == 9):
        at -= 1
    return at == start or data[at - 1] == 10 or data[at - 1] == 13


@compiled(nogil=True)
def mark_kinds(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], syntaxes: NDArray[np.int64], tables: Tables
) -> NDArray[np.uint8]:
    """Per byte ``CODE``, ``COMMENT`` or ``STRING`` (without its quotes).

    Args:
        data: contents, one behind the other.
        offsets: where they begin and end.
        syntaxes: the row of each content's syntax; all of a content with -1 is code.
        tables: the syntaxes.
    """
    kinds = np.zeros(len(data), np.uint8)
    for row in range(len(offsets) - 1):
        if syntaxes[row] < 0:
            continue
        syntax = syntaxes[row]
        flags, quotes = tables.flags[syntax], tables.quotes[syntax]
        start, end = offsets[row], offsets[row + 1]
        telling = np.zeros(256, np.bool_)
        telling[:128] = quotes > 0
        telling[tables.line[syntax, :, 0]] = telling[tables.opening[syntax, :, 0]] = True
        telling[39] |= flags & _CHARACTER != 0
        telling[92] |= flags & _ESCAPE != 0
        at = start
        first = True
        while at < end:
            byte = data[at]
            if byte > 32 and not telling[byte]:
                first = False
                at += 1
                continue
            if byte == 10 or byte == 13:
                first = True
                at += 1
                continue
            if byte == 32 or byte == 9:
                at += 1
                continue
            before = data[at - 1] if at > start else 10
            after = at
            for block in range(_MARKS):
                if tables.opening[syntax, block, 0] == 0:
                    break
                width = _stands(data, at, end, tables.opening[syntax, block])
                if width and _fits(tables.block_place[syntax, block], at, start, first, before):
                    depth = 1
                    after = at + width
                    while after < end and depth:
                        closed = _stands(data, after, end, tables.closing[syntax, block])
                        if closed:
                            depth -= 1
                            after += closed
                            continue
                        opened = _stands(data, after, end, tables.opening[syntax, block]) if flags & _NESTED else 0
                        depth += opened > 0
                        after += max(opened, 1)
                    break
            if after == at:
                for mark in range(_MARKS):
                    if tables.line[syntax, mark, 0] == 0:
                        break
                    width = _stands(data, at, end, tables.line[syntax, mark])
                    if width and _fits(tables.line_place[syntax, mark], at, start, first, before):
                        after = at + width
                        while after < end and data[after] != 10 and data[after] != 13:
                            after += 1
                        break
            if after > at:
                kinds[at:after] = COMMENT
                first = data[after - 1] == 10
                at = after
                continue
            if byte == 92 and flags & _ESCAPE:
                at += 1 if at + 1 < end and (data[at + 1] == 10 or data[at + 1] == 13) else 2
                first = False
                continue
            quote = quotes[byte] if byte < 128 else 0
            if quote & _TRIPLE and at + 2 < end and data[at + 1] == byte and data[at + 2] == byte:
                documents = first or _first_in_line(data, at, start)
                after = at + 3
                while after < end and not (
                    after + 2 < end and data[after] == byte and data[after + 1] == byte and data[after + 2] == byte
                ):
                    after += 2 if flags & _ESCAPE and data[after] == 92 else 1
                after = min(after, end)
                if documents:
                    kinds[at : min(after + 3, end)] = COMMENT
                else:
                    kinds[at + 3 : after] = STRING
                at = min(after + 3, end)
            elif quote & _QUOTE:
                after = at + 1
                while after < end and data[after] != byte and (quote & _ACROSS or (data[after] != 10 and data[after] != 13)):
                    after += 2 if flags & _ESCAPE and data[after] == 92 else 1
                after = min(after, end)
                kinds[at + 1 : after] = STRING
                at = after + 1 if after < end and data[after] == byte else after
            elif byte == 39 and flags & _CHARACTER:
                after = at + 1
                letter = 48 <= before <= 57 or 65 <= before <= 90 or 97 <= before <= 122 or before == 95
                if not letter and after < end:
                    last = min(end, at + 12 if data[after] == 92 else at + 6)
                    after += 2 if data[after] == 92 else 1
                    while after < last and data[after] != 39 and data[after] != 10 and data[after] != 32:
                        after += 1
                    if after < last and data[after] == 39:
                        kinds[at + 1 : after] = STRING
                        at = after
                at += 1
            else:
                at += 1
            first = False
    return kinds
