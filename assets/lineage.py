# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Which columns a column of the lake is made from, across the stages: data, from which assets and their pages are told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import dagster as dg

from codecommons.annotate.annotator import Annotator
from codecommons.annotate.feed import Reader

Columns = Mapping[str, tuple[str, ...]]
# Every column that nothing is said of.
REST = "*"
# Partition columns: where in the lake a row lies.
_PLACES = frozenset({"bucket", "slice", "source", "attempt", "dataset", "fingerprint", "digest", "configuration", "policy"})
# Sources hold what the items of the slice's input were.
OF_INPUT: Columns = {REST: ("slice_input.item", "slice_input.version")}

# What one row of an annotator is about, and what it sees of it.
_ABOUT: dict[str, Columns] = {
    "content": {"content": ("content.sha1_git",), REST: ("content.sha1_git",)},
    "named_content": {"content": ("content.sha1_git",), "name": ("directory.id",), REST: ("content.sha1_git", "directory.id")},
    "path": {REST: ("directory.id",)},
    "tree": {"root": ("directory.id",), REST: ("directory.id", "content.sha1_git")},
}
_SAID_OF_LICENSES = (
    "annotation_license_evidence.expression",
    "annotation_license_evidence.stated",
    "annotation_file_licenses.files",
    "annotation_file_licenses.lines",
    "annotation_project_metadata.license",
)
_ROW: Columns = {
    "content": ("content.sha1_git",),
    "length": ("content.length",),
    "origin": ("origin_visit.origin",),
    "path": ("directory.id",),
    "language": ("annotation_language.language",),
    "license": ("license_resolution.expression", "license_judgement.decided"),
}
TABLES: dict[str, Columns] = {
    "license_resolution": {"root": ("directory.id",), "path": ("directory.id",), "content": ("content.sha1_git",)}
    | dict.fromkeys(("expression", "otherwise", "statement", "kind", "evidence"), _SAID_OF_LICENSES),
    "license_judgement": {
        "statement": ("license_resolution.statement",),
        "resolution": ("license_resolution.resolution",),
        REST: ("license_resolution.expression", "license_resolution.otherwise"),
    },
    "signature": {"content": ("content.sha1_git",), "words": ("content.sha1_git", "annotation_encoding.encoding")},
    "band": {"content": ("signature.content",), "value": ("content.sha1_git", "annotation_encoding.encoding")},
    "duplicate_pair": dict.fromkeys(("a", "b", "similarity", "accepted"), ("band.content",)),
    "dataset": {"rows": ("shard.rows",), "bytes": ("shard.bytes",), "shards": ("shard.shard",)},
    "shard": {"rows": ("dataset_row.row",), "bytes": ("dataset_row.content",), "sha256": ("dataset_row.content",)},
    "dataset_row": _ROW,
    "dataset_drop": {
        **{column: _ROW[column] for column in ("content", "length", "origin", "path")},
        "rule": ("license_judgement.verdict",),
        "kept": ("duplicate_pair.a", "duplicate_pair.b"),
        "similarity": ("duplicate_pair.similarity",),
    },
}


def of_annotator(annotator: Annotator) -> Columns:
    """What an annotator says comes from what its row is about."""
    return _ABOUT[annotator.input]


def of_reader(reader: Reader) -> Columns:
    """Columns of the feed's table go through under their names; the rest is read from the record, which is the last."""
    same = {name: (f"{reader.reads}.{name}",) for name in reader.columns[:-1]}
    return {**same, REST: (f"{reader.reads}.{reader.columns[-1]}",)}


def made_from(schema: dg.TableSchema, columns: Columns) -> dict[str, tuple[str, ...]]:
    """For each column of a schema that is made from others, those, as ``table.column``. Partitions are not."""
    names = [column.name for column in schema.columns if column.name not in _PLACES]
    found = {name: columns.get(name, columns.get(REST, ())) for name in names}
    return {name: others for name, others in found.items() if others}


def column_lineage(columns: Mapping[str, tuple[str, ...]], where: Mapping[str, list[dg.AssetKey]]) -> dg.TableColumnLineage:
    """The same as Dagster wants it; ``where`` has the assets of a table: one for each source that fills it."""
    return dg.TableColumnLineage({name: list(_deps(others, where)) for name, others in columns.items()})


def _deps(columns: tuple[str, ...], where: Mapping[str, list[dg.AssetKey]]) -> Iterator[dg.TableColumnDep]:
    for table, _, column in (name.partition(".") for name in columns):
        for key in where.get(table, ()):
            yield dg.TableColumnDep(asset_key=key, column_name=column)
