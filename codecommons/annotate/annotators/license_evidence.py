# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a file says about licences, with the lines that say it.

SPDX tags are read anywhere and checked. Licence texts and notices are found by published rules (``annotate.notices``):
word for word, and long ones also with some words changed. Mentions of a few words mean something in a file that is named like a
licence file and are left out elsewhere.
"""

from __future__ import annotations

import codecs
import re
from typing import Any

import pyarrow as pa

from codecommons.annotate import notices
from codecommons.annotate.annotator import Annotator
from codecommons.annotate.columns import table, values
from codecommons.annotate.expressions import leading, together

LEAST_WORDS = 5  # of a rule, in a file that is not named like a licence file
LEAST_RELEVANCE = 80
MOST_EVIDENCE = 200
UNKNOWN_TAG = "LicenseRef-scancode-unknown-spdx"
# They say that there are terms, or the lack of a warranty, not which licence.
NO_LICENSE = ("LicenseRef-scancode-unknown-license-reference", "LicenseRef-scancode-warranty-disclaimer")

# The names that The Stack v2 takes for licence files.
LICENSE_NAMES = (
    r"li[cs]en[cs]es?|legal|copy(?:left|right|ing)|unlicense|[al]?gpl[-_ v]?(?:\d\.?\d?)?|bsdl?|mitx?|apache|artistic|"
    r"copyingv?\d?|disclaimer|eupl|gfdl|[cm]pl|cc0|al[-_ v]?(?:\d\.?\d)?|about|notice|readme|guidelines"
)
_LICENSE_FILE = re.compile(rf"(?:|.*[-_. ])(?:{LICENSE_NAMES})(?:|[-_. ].*)", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(rb"SPDX-License-Identifier:[ \t]*([A-Za-z0-9(][^\r\n]{0,1000})")

EVIDENCE = pa.struct(
    [
        pa.field("start_line", pa.int64()),
        pa.field("end_line", pa.int64()),
        pa.field("expression", pa.string()),
        pa.field("detector", pa.string()),
    ]
)
FIELDS = (pa.field("evidence", pa.list_(EVIDENCE)), pa.field("expression", pa.string()), pa.field("license_file", pa.bool_()))


def is_license_file(name: bytes) -> bool:
    """Whether a file's name says that it is about the licence."""
    return _LICENSE_FILE.fullmatch(name.decode("utf-8", "replace")) is not None


def evidence_of(data: bytes, license_file: bool) -> list[dict[str, Any]]:
    """Everything a content says about licences, in order of lines.

    Args:
        data: the content.
        license_file: whether its name says that it is about the licence.

    Returns:
        Dictionaries of start_line and end_line (from 1, inclusive), expression (SPDX) and detector: ``spdx-tag``,
        ``license-text``, ``license-notice``, ``license-tag``, ``license-reference``, and ``changed-license-…`` when some words
        differ from the rule's.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        data = data.decode("utf-16", "replace").encode()
    if b"\0" in data:
        return []
    found = [
        _row(data.count(b"\n", 0, tag.start()) + 1, None, _tagged(tag[1].decode("utf-8", "replace")), "spdx-tag")
        for _, tag in zip(range(MOST_EVIDENCE), _TAG.finditer(data), strict=False)
    ]
    tagged = {row["start_line"] for row in found}
    for match in notices.find(notices.load(), data, 1 if license_file else LEAST_WORDS):
        if match.kind in ("intro", "clue") or match.relevance < LEAST_RELEVANCE or match.start_line in tagged:
            continue
        detector = f"{'' if match.share == 1.0 else 'changed-'}license-{match.kind}"
        found.append(_row(match.start_line, match.end_line, match.expression, detector))
    return sorted(found, key=lambda row: (row["start_line"], row["end_line"]))[:MOST_EVIDENCE]


def _row(start: int, end: int | None, expression: str, detector: str) -> dict[str, Any]:
    return {"start_line": start, "end_line": end or start, "expression": expression, "detector": detector}


def _tagged(value: str) -> str:
    """The expression of a tag; the end of a comment and prose after it are cut off."""
    return leading(value.split("*/")[0].split("-->")[0]) or UNKNOWN_TAG


def expression_of(evidence: list[dict[str, Any]]) -> str | None:
    """The SPDX expression that some evidence adds up to.

    Mentions count only where nothing says more; a licence whose text follows a choice that names it adds nothing to the choice.
    """
    said = [row for row in evidence if row["expression"] not in NO_LICENSE]
    firm = [row["expression"] for row in said if not row["detector"].endswith("reference")]
    return together(tuple(dict.fromkeys(firm or [row["expression"] for row in said])))


def annotate(batch: pa.RecordBatch) -> pa.Table:
    """See ``Annotator.annotate``; a content is searched once for all of its names of a kind."""
    known: dict[tuple[bytes, bool], list[dict[str, Any]]] = {}
    rows = []
    for content, name, data in zip(*(values(batch, column) for column in ("sha1_git", "name", "data")), strict=True):
        named = is_license_file(name)
        if (content, named) not in known:
            known[content, named] = evidence_of(data, named)
        evidence = known[content, named]
        rows.append((evidence, expression_of(evidence), named))
    return table(rows, FIELDS)


ANNOTATOR = Annotator(
    name="license_evidence",
    description="What a content under one of its names says about licences: SPDX expression, and the lines that say it.",
    version=1,
    input="named_content",
    fields=FIELDS,
    annotate=annotate,
    tools=("licensedcode-data", "license-expression"),
    configuration={
        "names": LICENSE_NAMES,
        "least_words": LEAST_WORDS,
        "least_relevance": LEAST_RELEVANCE,
        "most_evidence": MOST_EVIDENCE,
    },
    prepare=notices.prepare,
)
