# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What slices consist of, and which of their rows are live.

``slice_input`` says what a slice is before anything is fetched; ``slice_log`` is the only switch that readers follow.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.transaction import AddAction, RemoveAction

from codecommons.errors import GateError, UsageError
from codecommons.lake import commits
from codecommons.lake.files import data_files
from codecommons.lake.schemas import SLICE_INPUT, SLICE_LOG, Table
from codecommons.lake.snapshots import newest, whole_table
from codecommons.lake.storage import Storage
from codecommons.report import STAGES


@dataclass(frozen=True)
class SliceInput:
    """One thing a slice consists of.

    Attributes:
        slice: the day, ``2026-01-31``.
        source: the source, such as ``pypi``.
        item: what was asked for, such as ``requests==2.31.0``; unique in its slice and source.
        version: the version it was resolved to.
        sha256: hex digest of the archive, where there is one.
        detail: JSON text of the source's own, such as the refs of a repository.
    """

    slice: str
    source: str
    item: str
    version: str | None = None
    sha256: str | None = None
    detail: str | None = None

    def __post_init__(self) -> None:
        """A slice is a day.

        Raises:
            UsageError: it is not.
        """
        try:
            dt.date.fromisoformat(self.slice)
        except ValueError:
            raise UsageError(f"{self.slice!r} is not a slice; a slice is a day such as 2026-01-31") from None


class SliceLog:
    """Reads and writes the two small tables that say what a slice is and how far it came."""

    def __init__(self, storage: Storage) -> None:
        """Nothing is read yet."""
        self._storage = storage

    def add_input(self, rows: Iterable[SliceInput]) -> int:
        """Add what is not there yet (an item already recorded stays as it was) and return how many rows that were."""
        wanted = pl.DataFrame([asdict(row) for row in rows], schema=_frame_schema(SLICE_INPUT)).unique(
            SLICE_INPUT.key, keep="first", maintain_order=True
        )
        added = 0

        def prepare(delta: DeltaTable) -> list[AddAction | RemoveAction]:
            nonlocal added
            new = wanted.join(self._read(SLICE_INPUT, delta), on=SLICE_INPUT.key, how="anti", maintain_order="left")
            added = new.height
            return [commits.write_file(self._storage, SLICE_INPUT, (), _arrow(new, SLICE_INPUT)).add()] if added else []

        commits.commit_loop(self._storage, SLICE_INPUT, prepare, {"what": "slice input"})
        return added

    def remove_input(self, day: str, source: str, items: Collection[str]) -> int:
        """Take items out of a slice's input and return how many that were; a source that has none left leaves the log, too."""
        mine = (pl.col("slice") == day) & (pl.col("source") == source)
        removed = 0

        def without(table: Table, which: pl.Expr) -> Callable[[DeltaTable], list[AddAction | RemoveAction]]:
            def prepare(delta: DeltaTable) -> list[AddAction | RemoveAction]:
                nonlocal removed
                old = self._read(table, delta)
                new = old.filter(~which).sort(table.key)
                if new.height == old.height:
                    return []
                removed += old.height - new.height if table is SLICE_INPUT else 0
                stale: list[AddAction | RemoveAction] = [file.remove() for file in data_files(delta)]
                return [*stale, commits.write_file(self._storage, table, (), _arrow(new, table)).add()]

            return prepare

        named = mine & pl.col("item").is_in(list(items))
        commits.commit_loop(self._storage, SLICE_INPUT, without(SLICE_INPUT, named), {"what": "slice input removed"})
        if source not in self.sources(day):
            commits.commit_loop(self._storage, SLICE_LOG, without(SLICE_LOG, mine), {"slice": day, "source": source})
        return removed

    def inputs(self, day: str, source: str) -> list[SliceInput]:
        """The input of a slice and source, by item."""
        rows = self._read(SLICE_INPUT).filter((pl.col("slice") == day) & (pl.col("source") == source)).sort("item")
        return [SliceInput(**row) for row in rows.to_dicts()]

    def inputs_of_slices(self) -> Iterator[tuple[str, str, Iterable[SliceInput]]]:
        """The input of every slice and source, oldest first, from one look at the table."""
        rows = self._read(SLICE_INPUT).sort(SLICE_INPUT.key)
        for (day, source), some in rows.group_by("slice", "source", maintain_order=True):
            yield str(day), str(source), (SliceInput(**row) for row in some.iter_rows(named=True))

    def sources(self, day: str) -> list[str]:
        """The sources a slice has input from, by name."""
        rows = self._read(SLICE_INPUT).filter(pl.col("slice") == day)
        return sorted(rows["source"].unique().to_list())

    def slices(self) -> list[str]:
        """Every slice that has input, oldest first."""
        return sorted(self._read(SLICE_INPUT)["slice"].unique().to_list())

    def verdicts(self) -> pl.DataFrame:
        """The whole log, by slice, source and stage (columns of table ``slice_log``)."""
        return self._read(SLICE_LOG).sort(SLICE_LOG.key)

    def verdict(self, day: str, source: str, stage: str) -> dict[str, Any] | None:
        """The log's row of a slice, source and stage."""
        found = self.verdicts().filter((pl.col("slice") == day) & (pl.col("source") == source) & (pl.col("stage") == stage))
        return found.row(0, named=True) if found.height else None

    def passed_sources(self, day: str, stage: str) -> list[str]:
        """Sources of a slice whose stage has passed."""
        log = self.verdicts().filter((pl.col("slice") == day) & (pl.col("stage") == stage) & (pl.col("verdict") == "passed"))
        return log["source"].to_list()

    def passed_before(self, day: str, source: str, stage: str) -> str | None:
        """The last slice before a day whose stage a source has passed."""
        mine = (pl.col("source") == source) & (pl.col("stage") == stage) & (pl.col("verdict") == "passed")
        return self.verdicts().filter(mine & (pl.col("slice") < day))["slice"].max()  # type: ignore[return-value]

    def record(
        self,
        day: str,
        source: str,
        stage: str,
        verdict: str,
        attempt: str | None = None,
        failing_check: str | None = None,
        detail: str | None = None,
        input_digest: str = "",
        expected_input: str | None = None,
    ) -> bool:
        """Set the row of a slice, source and stage in one commit.

        A failed stage keeps the attempt that was live before, so that readers go on seeing its last good rows.

        Args:
            day: the slice.
            source: the source.
            stage: one of ``STAGES``.
            verdict: ``passed`` or ``failed``.
            attempt: the attempt to make live; ignored for a failure.
            failing_check: the name of the check that failed.
            detail: what the check said.
            input_digest: what the attempt was made from.
            expected_input: digest that the slice's input must still have, else nothing is recorded.

        Returns:
            Whether it was recorded; False when the input has grown meanwhile.
        """
        recorded = True

        def prepare(delta: DeltaTable) -> list[AddAction | RemoveAction]:
            nonlocal recorded
            # Read after the log's version was fixed: input that another process adds later is that process's to load.
            recorded = expected_input is None or digest_of(self.inputs(day, source)) == expected_input
            if not recorded:
                return []
            old = self._read(SLICE_LOG, delta)
            mine = (pl.col("slice") == day) & (pl.col("source") == source) & (pl.col("stage") == stage)
            before = old.filter(mine)["attempt"].to_list()
            live = attempt if verdict == "passed" else (before[0] if before else None)
            row = dict(
                zip(
                    (f.name for f in SLICE_LOG.fields),
                    (day, source, stage, verdict, live, failing_check, detail, input_digest),
                    strict=True,
                )
            )
            new = pl.concat([old.filter(~mine), pl.DataFrame([row], schema=_frame_schema(SLICE_LOG))]).sort(SLICE_LOG.key)
            if new.equals(old.sort(SLICE_LOG.key)):
                return []
            stale = [file.remove() for file in data_files(delta)]
            return [*stale, commits.write_file(self._storage, SLICE_LOG, (), _arrow(new, SLICE_LOG)).add()]

        commits.commit_loop(
            self._storage, SLICE_LOG, prepare, {"slice": day, "source": source, "stage": stage, "verdict": verdict}
        )
        return recorded

    def distrust(self, stage: str, check: str, detail: str) -> int:
        """Let a stage count as failed in every slice and source that has input, in one commit; live attempts stay live.

        Args:
            stage: one of ``STAGES``.
            check: what readers find as ``failing_check``.
            detail: why, and what to do.

        Returns:
            How many rows say so now.
        """
        told = 0

        def prepare(delta: DeltaTable) -> list[AddAction | RemoveAction]:
            nonlocal told
            old = self._read(SLICE_LOG, delta)
            wanted = self._read(SLICE_INPUT).select("slice", "source").unique().with_columns(stage=pl.lit(stage))
            told = wanted.height
            key = ["slice", "source", "stage"]
            kept = wanted.join(old.select(*key, "attempt", "input_digest"), on=key, how="left")
            said = {"verdict": "failed", "failing_check": check, "detail": detail}
            new = kept.with_columns(**{name: pl.lit(text) for name, text in said.items()}, input_digest=pl.lit(""))
            rows = pl.concat([old.join(wanted, on=key, how="anti"), new.select(old.columns)]).sort(key)
            stale = [file.remove() for file in data_files(delta)]
            return [*stale, commits.write_file(self._storage, SLICE_LOG, (), _arrow(rows, SLICE_LOG)).add()] if told else []

        commits.commit_loop(self._storage, SLICE_LOG, prepare, {"stage": stage, "verdict": "failed", "check": check})
        return told

    def require_passed(self, day: str, source: str, stage: str) -> None:
        """Refuse to go on when a stage has not passed.

        Raises:
            GateError: it names the failing check and the next command.
        """
        row = self.verdict(day, source, stage)
        if row and row["verdict"] == "passed":
            return
        next_stage = STAGES[STAGES.index(stage) + 1]
        why = f"check {row['failing_check']} failed: {row['detail']}" if row else "it has not run"
        raise GateError(
            f"{next_stage} of {day} refuses {source}: {stage} has not passed ({why}). "
            f"Put that right, then materialize {stage} of {day} again; `codecommons status` shows what is broken"
        )

    def live(self) -> pl.DataFrame:
        """The live attempts (columns slice, source, attempt)."""
        return self._read(SLICE_LOG).filter(pl.col("attempt").is_not_null()).select("slice", "source", "attempt")

    def _read(self, table: Table, delta: DeltaTable | None = None) -> pl.DataFrame:
        return whole_table(self._storage, table, delta) if delta else newest(self._storage, table).rows


def digest_of(inputs: Iterable[SliceInput]) -> str:
    """A digest of a slice's input: the same rows give the same digest, in whatever order."""
    from codecommons.lake.stages import digest

    return digest([asdict(row) for row in sorted(inputs, key=lambda row: row.item)])


def _frame_schema(table: Table) -> pl.Schema:
    return pl.Schema(pl.DataFrame(pa.schema(table.fields).empty_table()).schema)


def _arrow(frame: pl.DataFrame, table: Table) -> pa.Table:
    return frame.to_arrow().cast(pa.schema(table.fields))
