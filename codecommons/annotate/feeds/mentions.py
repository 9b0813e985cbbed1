# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Documents with annotated mentions: every mention as a row (see ``annotate.mentions``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pyarrow as pa

from codecommons.annotate.feed import Problem, Reader, Said
from codecommons.annotate.mentions import read, rows
from codecommons.annotate.mentions.mention import doi
from codecommons.lake.schemas import TABLES

_MENTION = pa.schema(TABLES["mention"].fields)


def _read(documents: Sequence[Mapping[str, Any]]) -> Said:
    found: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for document in documents:
        about = {"item": document["item"], "paper": document["id"], "title": document["title"], "layout": document["layout"]}
        about["doi"] = doi(document["doi"], document["id"])
        try:
            mentions = read(document["layout"], orjson.loads(document["record"]))
        except ValueError as error:
            problems.append(Problem(document["item"], "unreadable", f"{document['id']}: {error}", False))
            continue
        found += [about | row for row in rows(mentions)]
    return Said(pa.Table.from_pylist(found, _MENTION), problems=problems)


READER = Reader("software_mention", ("item", "id", "doi", "title", "layout", "record"), "mention", 2, _read)
