# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Jupyter notebooks as texts: what people wrote in them, without the JSON around it.

``script``: the code, with what is said between as comments, as jupytext's light format has it. ``structured``: StarCoder2's form,
``<jupyter_start>``, then ``<jupyter_text>`` for what is said and ``<jupyter_code>`` for code with ``<jupyter_output>`` behind it
(``<empty_output>`` where there is none); cells of a kind that follow each other are one, with the output of the last. Images and
other rich output are in neither, raw cells in none.

Source: StarCoder 2 and The Stack v2 (Lozhkov et al. 2024), section 2.4 and table 5.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any, NamedTuple

import orjson

from codecommons.annotate.marks import plain

# Raised whenever the same notebook may become another text.
VERSION = 1
MOST_BYTES = 32 << 20
# Each takes a hundred bytes of memory and has two in the file.
MOST_BRACKETS = 3_000_000
SCRIPT, STRUCTURED = "script", "structured"
FORMS = (SCRIPT, STRUCTURED)
ENDING = b".ipynb"
# Languages of kernels, in lower case, whose comments do not begin with "#".
_COMMENTS = {
    "//": "c c++ c# csharp cpp dart f# fsharp go groovy java javascript kotlin php rust scala swift typescript",
    "--": "haskell lua sql",
    ";": "clojure common-lisp emacs-lisp scheme",
    "%": "erlang matlab octave prolog",
}
_SIGNS = {language: sign for sign, languages in _COMMENTS.items() for language in languages.split()}


class Cell(NamedTuple):
    """A cell: ``code``, ``markdown`` or another kind, what is written in it, and its outputs as the notebook has them."""

    kind: str
    source: str
    outputs: list[Any]


class Notebook(NamedTuple):
    """What is in a notebook: its cells, the language that its metadata name, and the whole of its JSON."""

    cells: list[Cell]
    language: str | None
    document: dict[str, Any]


def is_notebook(name: bytes) -> bool:
    """Whether a file of this name, or path, is one."""
    return name.lower().endswith(ENDING)


def read(data: bytes) -> Notebook:
    """Read a notebook of format 3 (worksheets) or 4.

    Raises:
        ValueError: it is too large, no JSON, or no notebook.
    """
    if len(data) > MOST_BYTES:
        raise ValueError(f"a notebook of {len(data)} bytes; at most {MOST_BYTES} are read")
    if data.count(b"[") + data.count(b"{") > MOST_BRACKETS:
        raise ValueError(f"a notebook with more than {MOST_BRACKETS} lists and objects")
    document = orjson.loads(data)
    sheets = document.get("worksheets", [document]) if isinstance(document, dict) else None
    if not isinstance(sheets, list) or not all(
        isinstance(sheet, dict) and isinstance(sheet.get("cells"), list) for sheet in sheets
    ):
        raise ValueError("no notebook: it has no list of cells")
    cells = [_cell(cell) for sheet in sheets for cell in sheet["cells"] if isinstance(cell, dict)]
    return Notebook(cells, _language(document), document)


def text(data: bytes, form: str) -> str:
    """A notebook as one of ``FORMS``.

    Raises:
        ValueError: it is no notebook.
    """
    return text_of(read(data), form)


def text_of(notebook: Notebook, form: str) -> str:
    """The same of one that was read."""
    return _script(notebook) if form == SCRIPT else "".join(_blocks(notebook))


def _cell(cell: dict[str, Any]) -> Cell:
    kind = str(cell.get("cell_type"))
    source = _text(cell.get("source", cell.get("input")))
    if kind == "heading":  # of format 3
        level = cell.get("level")
        kind, source = "markdown", f"{'#' * (level if isinstance(level, int) and 1 <= level <= 6 else 1)} {source}"
    outputs = cell.get("outputs")
    return Cell(kind, source, outputs if isinstance(outputs, list) else [])


def _text(value: Any) -> str:
    """Text, which notebooks have whole or in lines."""
    if isinstance(value, list):
        return "".join(one for one in value if isinstance(one, str))
    return value if isinstance(value, str) else ""


def _language(document: dict[str, Any]) -> str | None:
    metadata = document.get("metadata")
    for place in ("language_info", "kernelspec"):
        found = metadata.get(place) if isinstance(metadata, dict) else None
        name = found.get("name" if place == "language_info" else "language") if isinstance(found, dict) else None
        if isinstance(name, str):
            return name
    return None


def _script(notebook: Notebook) -> str:
    sign = _SIGNS.get((notebook.language or "").lower(), "#")
    pieces = []
    for kind, source, _ in notebook.cells:
        lines = source.strip("\n").split("\n")
        if kind == "markdown" and source.strip():
            pieces.append("\n".join(f"{sign} {line}".rstrip() for line in lines))
        elif kind == "code" and source.strip():
            # What only IPython understands is no code of a script; jupytext comments it out, too.
            pieces.append("\n".join(f"{sign} {line}" if line.lstrip().startswith(("%", "!")) else line for line in lines))
    return "\n\n".join(pieces) + "\n" * bool(pieces)


def _blocks(notebook: Notebook) -> Iterator[str]:
    written = [cell for cell in notebook.cells if cell.kind in ("code", "markdown") and cell.source.strip()]
    for at, (kind, cells) in enumerate(groupby(written, key=lambda cell: cell.kind)):
        some = list(cells)
        start = "" if at else "<jupyter_start>"
        source = plain("\n".join(cell.source.strip("\n") for cell in some))
        if kind == "markdown":
            yield f"{start}<jupyter_text>{source}"
        else:
            said = plain("".join(map(_output, some[-1].outputs)).strip("\n"))
            yield f"{start}<jupyter_code>{source}<jupyter_output>{said or '<empty_output>'}"


def _output(output: Any) -> str:
    if not isinstance(output, dict):
        return ""
    if output.get("output_type") in ("error", "pyerr"):
        return f"{_text(output.get('ename'))}: {_text(output.get('evalue'))}\n"
    data = output.get("data")
    shown = _text(data.get("text/plain")) if isinstance(data, dict) else _text(output.get("text"))
    return shown if shown.endswith("\n") or not shown else f"{shown}\n"
