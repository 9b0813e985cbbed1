# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""How much of a Jupyter notebook nobody wrote: its outputs.

A notebook is counted in its own cells, of format 3 (worksheets) or 4. Outputs are measured as compact JSON, and their share is of
the notebook as compact JSON, so that neither indentation nor the order of keys matters.
"""

from __future__ import annotations

from typing import Any

import orjson
import pyarrow as pa

from codecommons.annotate.annotator import Annotator
from codecommons.annotate.columns import table, values

MOST_BYTES = 32 << 20

FIELDS = (
    pa.field("cells", pa.int64()),
    pa.field("code_cells", pa.int64()),
    pa.field("outputs", pa.int64()),
    pa.field("output_share", pa.float64()),
    pa.field("language", pa.string()),
)


def row_of(data: bytes) -> tuple[int, int, int, float, str | None]:
    """Cells, those of code, outputs, their share of the notebook, and the language that its metadata name.

    Raises:
        ValueError: it is too large, no JSON, or no notebook.
    """
    if len(data) > MOST_BYTES:
        raise ValueError(f"a notebook of {len(data)} bytes; at most {MOST_BYTES} are read")
    notebook = orjson.loads(data)
    sheets = notebook.get("worksheets", [notebook]) if isinstance(notebook, dict) else None
    if not isinstance(sheets, list) or not all(
        isinstance(sheet, dict) and isinstance(sheet.get("cells"), list) for sheet in sheets
    ):
        raise ValueError("no notebook: it has no list of cells")
    cells = [cell for sheet in sheets for cell in sheet["cells"] if isinstance(cell, dict)]
    outputs = [one for cell in cells for one in _list(cell.get("outputs"))]
    code = sum(cell.get("cell_type") == "code" for cell in cells)
    written = sum(len(orjson.dumps(one)) for one in outputs)
    return len(cells), code, len(outputs), written / len(orjson.dumps(notebook)), _language(notebook)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _language(notebook: dict[str, Any]) -> str | None:
    metadata = notebook.get("metadata")
    for place in ("language_info", "kernelspec"):
        found = metadata.get(place) if isinstance(metadata, dict) else None
        name = found.get("name" if place == "language_info" else "language") if isinstance(found, dict) else None
        if isinstance(name, str):
            return name
    return None


def annotate(batch: pa.RecordBatch) -> pa.Table:
    """See ``Annotator.annotate``."""
    return table(map(row_of, values(batch, "data")), FIELDS)


ANNOTATOR = Annotator(
    name="notebook",
    description="Cells and outputs of a Jupyter notebook, and the share of it that its outputs are.",
    version=1,
    input="named_content",
    fields=FIELDS,
    annotate=annotate,
    tools=("orjson",),
    configuration={"most_bytes": MOST_BYTES},
    names=r".*\.ipynb",
)
