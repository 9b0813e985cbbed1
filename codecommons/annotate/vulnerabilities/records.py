# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Records of OSV as rows: what a record is, and the statements that it makes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from codecommons.annotate.vulnerabilities.ranges import fixed_in
from codecommons.annotate.vulnerabilities.statements import Statement, statements
from codecommons.lake import Lake, NewsFile
from codecommons.lake.schemas import TABLES
from codecommons.lake.storage import lake_errors

RECORD, STATEMENT = (pa.schema(TABLES[name].fields) for name in ("vulnerability_record", "vulnerability_statement"))
_LONGEST_SUMMARY = 1_000
_RECORDS = 10_000


def read(rows: Iterable[Mapping[str, Any]]) -> tuple[pa.Table, pa.Table]:
    """Turn rows of ``osv_record`` into rows of ``vulnerability_record`` and ``vulnerability_statement``.

    Args:
        rows: columns item, id, modified, published, withdrawn, aliases and record.

    Returns:
        One record a row, in their order, and every statement once.
    """
    records: list[dict[str, Any]] = []
    made: dict[bytes, dict[str, Any]] = {}
    for row in rows:
        record = orjson.loads(row["record"])
        affected: list[dict[str, Any]] = []
        entries = record.get("affected")
        problems: list[str] = [] if entries is None or isinstance(entries, list) else ["affected is no list"]
        for number, statement in statements(record):
            made.setdefault(statement.digest, _statement_row(statement))
            affected.append({"entry": number, "statement": statement.digest, "severity": _severity(entries[number])})
            if statement.problem:
                problems.append(f"affected[{number}]: {statement.problem}")
        summary = record.get("summary")
        records.append(
            {name: row[name] for name in ("item", "id", "modified", "published", "withdrawn", "aliases")}
            | {
                "digest": hashlib.sha256(row["record"].encode()).digest(),
                "summary": summary[:_LONGEST_SUMMARY] if isinstance(summary, str) else None,
                "severity": _severity(record),
                "affected": affected,
                "problems": problems,
            }
        )
    return pa.Table.from_pylist(records, RECORD), pa.Table.from_pylist(list(made.values()), STATEMENT)


def statements_of(lake: Lake, files: Iterable[NewsFile]) -> pl.Series:
    """The statements that files of records make, each once.

    Raises:
        LakeError: a file can't be read.
    """
    found: list[pl.Series] = []
    for one in files:
        with lake_errors(f"reading {one.path}"), lake.fs.open(one.path, "rb") as file:
            for batch in pq.ParquetFile(file).iter_batches(_RECORDS, columns=["affected"], use_threads=False):
                said = pl.DataFrame(batch)["affected"].explode().drop_nulls()
                found += [said.struct.field("statement").unique()] if len(said) else []
    return pl.concat(found).unique().sort() if found else pl.Series("statement", [], pl.Binary)


def _statement_row(said: Statement) -> dict[str, Any]:
    return {
        "statement": said.digest,
        "kind": said.kind,
        "place": said.place,
        "ecosystem": said.ecosystem,
        "name": said.name,
        "events": [
            {"range": number, "type": one.type, "event": event, "value": value}
            for number, one in enumerate(said.ranges)
            for event, value in one.events
        ],
        "versions": list(said.versions),
        "fixed": fixed_in(said.ranges),
        "problem": said.problem,
    }


def _severity(said: Mapping[str, Any]) -> list[dict[str, str]]:
    one = said.get("severity")
    found = [(each.get("type"), each.get("score")) for each in (one if isinstance(one, list) else []) if isinstance(each, dict)]
    return [{"type": kind, "score": score} for kind, score in found if isinstance(kind, str) and isinstance(score, str)]
