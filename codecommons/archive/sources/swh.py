# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Software Heritage's graph export, on a disk or on S3: ``swh:s3://softwareheritage/graph/2024-05-16?origin=https://github.com/owner/*``.

What is taken of it is part of the item (``archive.export.selection``), so that a slice stays a function of its input. Visits keep
their number, date and type. Contents come from the object store beside the export and are in the lake as soon as a round of
them is there; a run that is killed goes on from there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from codecommons.archive.export.selection import (
    Selection,
    parse_origins,
    parse_selection,
    parse_swhids,
    read_list,
    read_selection,
)
from codecommons.archive.objects import TAKEN_DOWN
from codecommons.archive.scratch import scratch_folder
from codecommons.archive.source import TREES, Item, Outcome, RecordedVisit, Source, Visit, Work, unexpected
from codecommons.archive.tally import Note, Tally
from codecommons.errors import ItemError
from codecommons.lake import SliceInput
from codecommons.lake.storage import Storage, lake_errors
from codecommons.report import Count
from codecommons.settings import Settings

if TYPE_CHECKING:
    from codecommons.archive.export.walk import SeenVisit, ShownTree, Walk

TERMS = """\
You are about to ingest from the Software Heritage archive, for the first time in this home.
Two documents of Software Heritage say what its data may be used for, and how it may be taken in bulk:
  - the Software Heritage Ethical Charter for using the archive data;
  - the Software Heritage terms of use for bulk access.
Both are on the archive's web site under Legal. In short, as we read them: contents keep the licences of their authors, which you
have to respect; people named in them are not to be harassed or profiled; what is made of the archive should be given back; and
a copy must follow the archive when something is removed from it. The documents bind you; these lines don't replace them."""

# Fetched contents are committed in rounds of this many batches: what is in the lake is not fetched again.
_ROUND = 16
NOTHING = "nothing-selected"


class SoftwareHeritage(Source):
    """Any export of the archive's graph."""

    name = visit_type = "swh"
    at_once = 4
    terms = TERMS
    tables = (*TREES, "revision", "release")

    def parse(self, text: str) -> str:
        """``URI?name=value&…``, canonical; see ``archive.export.selection``."""
        return str(parse_selection(text))

    def whole(self, inputs: Iterable[SliceInput]) -> Literal["all", "head", "nothing"]:
        """What every item of the day asks for."""
        asked = [read_selection(row.item) for row in inputs]
        if not asked or not all(one.history for one in asked):
            return "nothing"
        return "all" if all(one.branch == "all" for one in asked) else "head"

    def resolve(self, wanted: SliceInput, settings: Settings) -> SliceInput:
        """Pin the export by its list of files, and keep the list of what is asked for in the lake."""
        from codecommons.archive.export.tables import Export
        from codecommons.archive.terms import require_accepted

        require_accepted(self.name, TERMS, settings)
        selection = read_selection(wanted.item)
        if wanted.sha256 and wanted.sha256 != selection.list:
            raise ItemError("wrong-hash", f"the sha256 of a list is {selection.list}, expected {wanted.sha256}")
        if selection.list:
            _keep_list(selection, settings)
        export = Export(selection, settings)
        files = sum(len(found) for found in export.files.values())
        detail = {
            "layout": export.layout,
            "files": files,
            "bytes": sum(size for found in export.files.values() for _, size in found),
        }
        return replace(wanted, version=export.digest(), sha256=selection.list, detail=json.dumps(detail))

    def load(self, work: Work, inputs: list[SliceInput]) -> Outcome:
        """See ``Source.load``."""
        outcome = Outcome([], [], [], {"fetched": 0, "fetched_bytes": 0})
        visits: dict[tuple[str, int], Visit] = {}
        for row in inputs:
            try:
                with unexpected(f"{self.name}:{row.item}", lake=True):
                    self._load_one(work, row, visits, outcome)
            except ItemError as error:
                outcome.items.append(Item(row.item, read_selection(row.item).uri, "failed", error=error))
        if any(item.error for item in outcome.items):
            before = _last_good(work)
            for item in outcome.items:
                if item.error and before:
                    item.state = "kept"
            visits = {**before, **visits}
        outcome.visits = [visits[key] for key in sorted(visits)]
        return outcome

    def _load_one(self, work: Work, row: SliceInput, visits: dict[tuple[str, int], Visit], outcome: Outcome) -> None:
        from codecommons.archive.export.tables import Export
        from codecommons.archive.export.walk import Walk

        settings = work.lake.settings
        selection = read_selection(row.item)
        with unexpected(f"{self.name}:{row.item}"):
            export = Export(selection, settings)
        if row.version and export.digest() != row.version:
            raise ItemError(
                "changed", f"the export {selection.uri} has other files than when it was listed; ingest it under another day"
            )
        listed = _read_list(selection, settings) if selection.list else b""
        origins = parse_origins(listed, selection.origins) if selection.origins else None
        swhids = parse_swhids(listed, selection.swhids) if selection.swhids else None
        with scratch_folder("swh", settings) as folder, Walk(export, selection, folder, settings) as walk:
            walk.run(work.day, origins, swhids)
            seen = walk.visits()
            nothing = None if seen or swhids else _nothing(selection, work.day)
            self._contents(work, walk, selection, export.root, outcome)
            writer = work.area.writer(f"swh-{work.day}")
            for table, batch in walk.rows():
                writer.add(table, batch)
            trees = [_item(row.item, tree) for tree in walk.trees()]
            notes = [*walk.notes, *_losses(walk), *([nothing] if nothing else [])]
            outcome.staged.append(writer.close())
            outcome.items += [Item(row.item, selection.uri, "loaded", Tally(notes=notes)), *trees]
            for visit in seen:
                visits.setdefault((visit.origin, visit.visit), _visit(visit))

    def _contents(self, work: Work, walk: Walk, selection: Selection, root: str, outcome: Outcome) -> None:
        """Bring the bytes that the lake lacks, a round at a time, and tell the walk about all of them."""
        import polars as pl
        import pyarrow as pa

        from codecommons.archive.export.contents import fetch, tasks

        place = _place(selection)
        batch_bytes = work.lake.settings.batch_bytes

        def lacking() -> Iterator[pa.RecordBatch]:
            for batch in walk.to_fetch():
                rows = pl.DataFrame(batch)
                refused = pl.col("sha1_git").is_in(list(work.area.refused))
                if (gone := rows.filter(refused)).height:
                    walk.failed([(content, TAKEN_DOWN) for content in gone["sha1_git"]])
                    rows = rows.filter(~refused)
                missing = work.lake.keys_missing("content", rows.select("sha1_git"))
                here = rows.join(missing, on="sha1_git", how="anti")
                if here.height:
                    walk.here(here["sha1_git"].to_arrow().cast(pa.binary()))
                if missing.height and place is not None:
                    yield from _binary(rows.join(missing, on="sha1_git", how="semi", maintain_order="left")).to_batches()

        todo = tasks(place or "", selection, lacking(), work.area, batch_bytes)
        while chosen := list(islice(todo, _ROUND)):
            staged = []
            for done in work.engine.map(fetch, chosen, name=str):
                staged.append(done.staged)
                if done.ids:
                    walk.here(pa.array(done.ids, pa.binary()))
                if done.failed:
                    walk.failed(done.failed)
                outcome.details["fetched"] += len(done.ids)
                outcome.details["fetched_bytes"] += done.bytes
            work.lake.commit(work.area, staged, work.engine)


SOURCE = SoftwareHeritage()


def _place(selection: Selection) -> str | None:
    """Where contents are: as selected, or ``content`` in the export's bucket or beside its folder; None for nowhere."""
    if selection.contents == "none" or not selection.verify:
        return None
    if selection.contents:
        return selection.contents
    if selection.uri.startswith("s3://"):
        return f"s3://{selection.uri.removeprefix('s3://').partition('/')[0]}/content"
    folder = Path(selection.uri)
    beside = (folder.parent if folder.name in ("orc", "parquet") else folder).parent / "content"
    return str(beside) if beside.is_dir() else None


def _binary(rows: Any) -> Any:
    import pyarrow as pa

    table = rows.to_arrow()
    kinds = [pa.binary() if name != "length" else pa.int64() for name in table.column_names]
    return table.cast(pa.schema(list(zip(table.column_names, kinds, strict=True))))


def _item(name: str, tree: ShownTree) -> Item:
    counts = {reason: Count(*count) for reason, count in tree.files.items()}
    kept = counts.pop(None, Count())
    tally = Tally(kept, sum(counts.values(), Count()), reasons={str(reason): count for reason, count in counts.items()})
    return Item(name, tree.origin, "loaded", tally, tree.anchor)


def _nothing(selection: Selection, day: str) -> Note:
    """What is said of a selection without visits: some days are quiet, but a whole export without any is another matter.

    Raises:
        ItemError: ``nothing-selected``: no window of days was asked for.
    """
    which = "full visit of such an origin" if selection.visits == "latest-full" else "visit of such an origin"
    if selection.visits == "day":
        return Note(NOTHING, f"the export has no {which} on {day}", kept=True)
    if selection.since or selection.until:
        return Note(
            NOTHING,
            f"the export has no {which} from {selection.since or 'its start'} to {selection.until or 'its end'}",
            kept=True,
        )
    raise ItemError(NOTHING, f"the export has no {which}; compare origin= with its table origin, or ask for visits=all")


def _losses(walk: Walk) -> list[Note]:
    return [
        Note(reason, f"{count} contents have no bytes here, such as swh:1:cnt:{first.hex()}")
        for reason, count, first in walk.lost()
    ]


def _visit(seen: SeenVisit) -> Visit:
    recorded = RecordedVisit(seen.visit, seen.date, seen.type)
    return Visit(seen.origin, None, seen.status, snapshot=seen.snapshot, recorded=recorded)


def _last_good(work: Work) -> dict[tuple[str, int], Visit]:
    """The live visits of the slice: nobody says which item they came from, so all stay when one can't be had."""
    import polars as pl

    mine = (pl.col("slice") == work.day) & (pl.col("source") == SOURCE.name)
    rows: Sequence[dict[str, Any]] = work.lake.scan("origin_visit_status").filter(mine).collect().to_dicts()
    return {
        (row["origin"], row["visit"]): Visit(
            row["origin"],
            None,
            row["status"],
            snapshot=row["snapshot"],
            recorded=RecordedVisit(row["visit"], row["date"], row["type"]),
        )
        for row in rows
    }


def _keep_list(selection: Selection, settings: Settings) -> None:
    """Put the file of origins or SWHIDs into the lake, so that the slice can be made again from anywhere."""
    storage = Storage(settings)
    target = storage.path("_inputs", selection.list or "")
    with lake_errors(f"writing {target}"):
        if not storage.fs.exists(target):
            storage.fs.pipe_file(target, read_list(Path(selection.origins or selection.swhids or "")))


def _read_list(selection: Selection, settings: Settings) -> bytes:
    storage = Storage(settings)
    target = storage.path("_inputs", selection.list or "")
    with lake_errors(f"reading {target}"):
        if not storage.fs.exists(target):
            raise ItemError(
                "missing-list", f"the list {selection.origins or selection.swhids} is not in the lake; ingest it again"
            )
        return bytes(storage.fs.cat_file(target))
