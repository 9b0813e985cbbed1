# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""How much of a Jupyter notebook nobody wrote: its outputs; and what is in the texts that can be made of it.

A notebook is counted in its own cells, of format 3 (worksheets) or 4. Outputs are measured as compact JSON, and their share is of
the notebook as compact JSON, so that neither indentation nor the order of keys matters. Of each text form
(``annotate.notebooks``) there are its length and the spans that the rules for secrets and personal data find in it, as byte
offsets in UTF-8: in the JSON, what is to be found stands between escapes.
"""

from __future__ import annotations

from typing import Any

import orjson
import pyarrow as pa

from codecommons.annotate import notebooks, spans
from codecommons.annotate.annotator import Annotator
from codecommons.annotate.columns import table, values

# The spans that one set of rules finds.
_FOUND = pa.struct(spans.FIELDS)
TEXT = pa.struct([pa.field("length", pa.int64()), *(pa.field(name, _FOUND) for name in spans.NAMES)])
FIELDS = (
    pa.field("cells", pa.int64()),
    pa.field("code_cells", pa.int64()),
    pa.field("outputs", pa.int64()),
    pa.field("output_share", pa.float64()),
    pa.field("language", pa.string()),
    *(pa.field(form, TEXT) for form in notebooks.FORMS),
)


def row_of(data: bytes) -> tuple[Any, ...]:
    """Cells, those of code, outputs, their share of the notebook, the language that its metadata name, and its text forms.

    Raises:
        ValueError: it is too large, no JSON, or no notebook.
    """
    notebook = notebooks.read(data)
    outputs = [one for cell in notebook.cells for one in cell.outputs]
    code = sum(cell.kind == "code" for cell in notebook.cells)
    written = sum(len(orjson.dumps(one)) for one in outputs)
    share = written / len(orjson.dumps(notebook.document))
    return (
        len(notebook.cells),
        code,
        len(outputs),
        share,
        notebook.language,
        *(_said(notebooks.text_of(notebook, form)) for form in notebooks.FORMS),
    )


def _said(text: str) -> dict[str, Any]:
    data = text.encode()
    said: dict[str, Any] = {"length": len(data)}
    for name in spans.NAMES:
        found, more = spans.compiled(name).find(data)
        said[name] = {"spans": [span._asdict() for span in found], "truncated": more}
    return said


def annotate(batch: pa.RecordBatch) -> pa.Table:
    """See ``Annotator.annotate``."""
    return table(map(row_of, values(batch, "data")), FIELDS)


ANNOTATOR = Annotator(
    name="notebook",
    description="Cells and outputs of a Jupyter notebook, the share of it that these are, and what is to redact in its texts.",
    version=3,
    input="named_content",
    fields=FIELDS,
    annotate=annotate,
    tools=("orjson", "hyperscan"),
    configuration={
        "most": [notebooks.MOST_BYTES, notebooks.MOST_BRACKETS],
        "texts": notebooks.VERSION,
        **{name: spans.configuration(name) for name in spans.NAMES},
    },
    names=r".*\.ipynb",
)
