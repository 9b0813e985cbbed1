# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What ScanCode says about licences in a content: the reference, beside our own ``license_evidence``.

There is such an annotator only where ``CODECOMMONS_SCANCODE`` names the interpreter of an environment with ScanCode: that takes
3 to 30 seconds to load and 1.4 GB. ScanCode reads about one file a second, so it is asked about each distinct passage once, on
this machine and for ever, and not about files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from codecommons.annotate.annotator import Annotator
from codecommons.annotate.columns import table, values
from codecommons.annotate.expressions import together
from codecommons.annotate.scancode.client import SECONDS, Scancode, scancode, version_of
from codecommons.annotate.scancode.passages import MARGIN, MOST_BYTES, MOSTLY, NEAR, passages
from codecommons.settings import Settings

MOST_EVIDENCE = 200

EVIDENCE = pa.struct(
    [
        pa.field("start_line", pa.int64()),
        pa.field("end_line", pa.int64()),
        pa.field("expression", pa.string()),
        pa.field("score", pa.float64()),
    ]
)
FIELDS = (pa.field("expression", pa.string()), pa.field("evidence", pa.list_(EVIDENCE)))


def configure(settings: Settings) -> Annotator | None:
    """The annotator with the user's ScanCode; None where there is none.

    Raises:
        UsageError: ``CODECOMMONS_SCANCODE`` names no interpreter that has ScanCode.
    """
    if settings.scancode is None:
        return None
    asked = scancode(settings.scancode)
    return _annotator(asked, version_of(settings.scancode))


def _annotator(asked: Scancode, version: str) -> Annotator:
    def annotate(batch: pa.RecordBatch) -> pa.Table:
        return table((row_of(data, asked) for data in values(batch, "data")), FIELDS)

    def prepare(folder: Path) -> None:
        asked.folder = folder

    return Annotator(
        name="scancode",
        description="What ScanCode says about licences in a content, with the lines.",
        version=1,
        input="content",
        fields=FIELDS,
        annotate=annotate,
        configuration={
            "scancode": version,
            "near": NEAR,
            "margin": MARGIN,
            "mostly": MOSTLY,
            "most_bytes": MOST_BYTES,
            "most_evidence": MOST_EVIDENCE,
            "seconds": SECONDS,
        },
        prepare=prepare,
        configure=configure,
    )


def row_of(data: bytes, asked: Scancode) -> tuple[str | None, list[dict[str, Any]]]:
    """Expression and evidence of a content."""
    found: list[dict[str, Any]] = []
    for passage in passages(data):
        for one in asked.detect(passage.text):
            lines = {"start_line": one.start_line + passage.line - 1, "end_line": one.end_line + passage.line - 1}
            found.append({**lines, "expression": one.expression, "score": one.score})
    expressions = tuple(dict.fromkeys(str(one["expression"]) for one in found))
    return together(expressions, mentions=True), found[:MOST_EVIDENCE]


ANNOTATOR = _annotator(Scancode(Path("python")), "")
