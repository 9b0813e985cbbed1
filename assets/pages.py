# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What the page of an asset shows beside what its stage declares: documentation, the code that makes it, where columns come from.

Links lead to ``CODECOMMONS_REPOSITORY``, where the files of this repository can be read; without it to the files of the checkout.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import dagster as dg

from assets import lineage
from codecommons.annotate import current
from codecommons.annotate.feed import readers
from codecommons.archive.source import sources
from codecommons.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
# Of a group: what documents it, and the file of the function that does its work.
GROUPS = {
    "listing": ("docs/sources.md", "codecommons/listing/follow.py"),
    "raw_archive_slice": ("docs/sources.md", "codecommons/archive/ingest.py"),
    "enriched_context": ("docs/signals.md", "codecommons/annotate/stage.py"),
    "license_qualified": ("docs/licenses.md", "codecommons/license/stage.py"),
    "deduped": ("docs/deduplication.md", "codecommons/dedup/stage.py"),
    "training_shards": ("docs/researchers.md", "codecommons/datasets/build.py"),
    "opt_out": ("docs/opt-out.md", "codecommons/optout/ledger.py"),
    "lake_state": ("docs/operators.md", "codecommons/status.py"),
    "marts": ("docs/operators.md", "codecommons/lake/views.sql"),
}


def with_pages(assets: Iterable[dg.AssetsDefinition], settings: Settings) -> list[dg.AssetsDefinition]:
    """The same assets with links to documentation and code in their definitions, and with the lineage of their columns."""
    made = list(assets)
    specs = [spec for one in made for spec in one.specs]
    where: dict[str, list[dg.AssetKey]] = {}
    for spec in specs:
        where.setdefault(spec.key.path[-1], []).append(spec.key)
    columns, files = _columns(settings), _files(settings)
    pages = {spec.key: _page(spec, columns, files, where, settings.repository) for spec in specs}
    return [one.map_asset_specs(lambda spec: pages[spec.key]) for one in made]


def _page(
    spec: dg.AssetSpec,
    columns: Mapping[str, lineage.Columns],
    files: Mapping[str, str],
    where: Mapping[str, list[dg.AssetKey]],
    repository: str,
) -> dg.AssetSpec:
    name, group = spec.key.path[-1], spec.group_name or ""
    docs, entry = GROUPS[group]
    own = [files[one] for one in (name, spec.key.path[0]) if one in files][:1] or [f"dbt/models/marts/{name}.sql"] * (
        "dbt" in spec.kinds
    )
    shown = [*own, entry, f"assets/{group}.py", docs]
    metadata = dict(spec.metadata)
    references = list(_references(shown, repository))
    if references:
        metadata["dagster/code_references"] = dg.CodeReferencesMetadataValue(code_references=references)
    schema = metadata.get("dagster/column_schema")
    said = columns.get(name) or columns.get(group)
    if isinstance(schema, dg.TableSchema) and said:
        made_from = lineage.made_from(schema, said)
        metadata["dagster/column_schema"] = _described(schema, made_from)
        metadata["dagster/column_lineage"] = lineage.column_lineage(made_from, where)
    link = f"[{docs}]({repository.rstrip('/')}/{docs})" if repository else f"`{docs}`"
    return spec.replace_attributes(description=f"{spec.description or ''}\n\nMore is in {link}.".strip(), metadata=metadata)


def _columns(settings: Settings) -> dict[str, lineage.Columns]:
    """What is said of the columns of tables by their names, and of those of the first stage by its own."""
    told = dict(lineage.TABLES)
    told |= {one.table.name: lineage.of_annotator(one) for one in current(settings).values()}
    for reader in readers(settings).values():
        told |= {table: lineage.of_reader(reader) for table in reader.tables}
    return told | {"raw_archive_slice": lineage.OF_INPUT}


def _files(settings: Settings) -> dict[str, str]:
    """The file of an annotator by its table, and of a source by its name; a plug-in's is somebody else's."""
    annotators = {one.table.name: f"codecommons/annotate/annotators/{name}.py" for name, one in current(settings).items()}
    return annotators | {name: f"codecommons/archive/sources/{name}.py" for name in sources(settings)}


def _references(paths: Sequence[str], repository: str) -> Iterable[dg.UrlCodeReference | dg.LocalFileCodeReference]:
    for path in paths:
        if repository:
            yield dg.UrlCodeReference(url=f"{repository.rstrip('/')}/{path}", label=path)
        elif (ROOT / path).is_file():
            yield dg.LocalFileCodeReference(file_path=str(ROOT / path), label=path)


def _described(schema: dg.TableSchema, made_from: Mapping[str, tuple[str, ...]]) -> dg.TableSchema:
    """The schema with the origin of each column in its description: the interface shows that, and lineage itself not yet."""
    said = {name: f"from {', '.join(columns)}" for name, columns in made_from.items()}
    return dg.TableSchema(
        columns=[
            dg.TableColumn(column.name, column.type, said.get(column.name, column.description), column.constraints)
            for column in schema.columns
        ]
    )
