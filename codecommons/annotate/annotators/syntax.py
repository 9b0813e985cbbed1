# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What the syntax tree of a file says: whether it parses, how it is commented, how its control flow branches, what it imports.

Switched on by ``CODECOMMONS_ANNOTATORS=syntax``; tree-sitter and the grammars come with the extra ``syntax``. ``language`` is
linguist's, of those that have a grammar; of other files nothing is said. A content that can't be parsed within the limits of
size, memory and time has its reason in ``error``.

====================  ============================================================================================================
parsed                the tree has no error: the grammar accepts the file. It may still not compile
errors, error_share   nodes that are errors or had to be invented, and the share of the characters that are in errors
code_lines            lines with a visible byte outside of comments and documentation strings
comment_share         share of the characters in comments and documentation strings
functions             definitions of functions and methods; JavaScript's function expressions count, lambdas elsewhere don't
documented_functions  those that begin with a documentation string, or directly above which a comment ends
classes               definitions of classes and other types
decisions             decision points: branches, loops, cases, handlers, conditional expressions, ``and`` and ``or``
complexity_max        McCabe's cyclomatic complexity of functions: one more than their decision points, without those of functions
complexity_mean       inside them; null without functions
imports, modules      import statements, and what they name (at most 1,000, each once)
passes, prints,       of Python: ``pass``, calls of ``print``, ``return``, and assignments in the body of a class. OpenCoder's "no
returns,              logic" is (functions + imports + classes + returns + class_variables) / code_lines
class_variables
====================  ============================================================================================================
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from codecommons.annotate.annotator import Annotator
from codecommons.annotate.annotators.language import ANNOTATOR as LANGUAGE
from codecommons.annotate.annotators.language import language_of
from codecommons.annotate.columns import values
from codecommons.annotate.syntax.client import MOST_BYTES, MOST_MEMORY, SECONDS, grammars, parser
from codecommons.annotate.syntax.worker import LONGEST_MODULE, MOST_MODULES
from codecommons.annotate.wide import as_utf8

FIELDS = (
    pa.field("language", pa.string()),
    pa.field("parsed", pa.bool_()),
    pa.field("errors", pa.int64()),
    pa.field("error_share", pa.float64()),
    pa.field("code_lines", pa.int64()),
    pa.field("comment_share", pa.float64()),
    pa.field("functions", pa.int64()),
    pa.field("documented_functions", pa.int64()),
    pa.field("classes", pa.int64()),
    pa.field("decisions", pa.int64()),
    pa.field("complexity_max", pa.int64()),
    pa.field("complexity_mean", pa.float64()),
    pa.field("imports", pa.int64()),
    pa.field("modules", pa.list_(pa.string())),
    pa.field("passes", pa.int64()),
    pa.field("prints", pa.int64()),
    pa.field("returns", pa.int64()),
    pa.field("class_variables", pa.int64()),
)
_ERROR = pa.field("error", pa.string())


def row_of(name: bytes, data: bytes) -> dict[str, Any]:
    """The columns of one file."""
    data = as_utf8(data)
    language = language_of(name, data)[0]
    if language not in grammars():
        return {}
    try:
        return {"language": language, **parser().facts(language, data)}
    except ValueError as error:
        return {"error": str(error)[:500]}


def annotate(batch: pa.RecordBatch) -> pa.Table:
    """See ``Annotator.annotate``."""
    rows = list(map(row_of, values(batch, "name"), values(batch, "data")))
    return pa.Table.from_pylist(rows, schema=pa.schema([*FIELDS, _ERROR]))


ANNOTATOR = Annotator(
    name="syntax",
    description="What a file's syntax tree says: whether it parses, comments, decision points, imports.",
    version=2,
    input="named_content",
    fields=FIELDS,
    annotate=annotate,
    tools=("tree-sitter", *sorted({grammar.package for grammar in grammars().values()})),
    configuration={
        "language": LANGUAGE.digest,
        "grammars": {name: list(grammar) for name, grammar in grammars().items()},
        "most": [MOST_BYTES, MOST_MEMORY, SECONDS, MOST_MODULES, LONGEST_MODULE],
    },
    extra="syntax",
)
