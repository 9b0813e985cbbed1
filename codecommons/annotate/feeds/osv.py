# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""OSV's records: what each says is affected (see ``annotate.vulnerabilities``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from codecommons.annotate.feed import Problem, Reader, Said
from codecommons.annotate.vulnerabilities.records import read, statements_of
from codecommons.annotate.vulnerabilities.resolve import resolve
from codecommons.engine import Engine
from codecommons.lake import Lake, NewsFile


def _read(rows: Sequence[Mapping[str, Any]]) -> Said:
    records, made = read(rows)
    said = zip(*(records[name].to_pylist() for name in ("item", "id", "problems")), strict=True)
    problems = [Problem(item, "not-as-schema", f"{identifier}: {one}", True) for item, identifier, found in said for one in found]
    return Said(records, {"vulnerability_statement": made}, problems)


def _resolve(lake: Lake, engine: Engine, slice: str, source: str, files: Sequence[NewsFile]) -> dict[str, Any]:
    """Ask what the statements of some records affect."""
    return {"verdicts": resolve(lake, engine, slice, source, statements_of(lake, files))}


COLUMNS = ("item", "id", "modified", "published", "withdrawn", "aliases", "record")
READER = Reader("osv_record", COLUMNS, "vulnerability_record", 1, _read, _resolve)
