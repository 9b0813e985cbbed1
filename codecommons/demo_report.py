# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a slice became, for people: the funnel, what is in it, what it cost, what was not done twice, and where everything is.

A function of the lake alone, so that it can be printed again at any time; ``make demo`` ends with it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl
from rich.columns import Columns
from rich.console import Console
from rich.table import Table
from rich.text import Text

from codecommons.datasets import release
from codecommons.dedup import pairs
from codecommons.lake import Lake
from codecommons.report import STAGES, Count, StageReport

MEGABYTE = 1_000_000
REASONS = 6
TOP = 10
EXAMPLES = 3
LONGEST_PATH = 48
PLAIN_WIDTH = 118


def print_report(lake: Lake, day: str, datasets: Sequence[str], console: Console | None = None) -> None:
    """Print what the lake knows of a slice and of datasets that were built from it.

    Args:
        lake: the lake.
        day: the slice.
        datasets: names of datasets, each with a release.
        console: where to; standard output by default, without colours and ``PLAIN_WIDTH`` wide when that is no terminal.
    """
    console = console or _console()
    slices = [report for report in lake.reports() if report.slice == day and report.stage != STAGES[-1]]
    built = [report for report in lake.reports() if report.stage == STAGES[-1] and report.source in datasets]
    stages = {stage: [report for report in slices if report.stage == stage] for stage in STAGES[:-1]}
    for part in (
        _head(lake, day, stages),
        _funnel(stages, built),
        Columns(
            [_top("language", stages[STAGES[1]], "languages"), _top("licence", stages[STAGES[2]], "expressions")], padding=(0, 6)
        ),
        _duplicates(lake, day, built),
        _work(stages, built),
        _quarantined(lake, day),
        _places(lake, built),
    ):
        console.print()
        console.print(part)


def _console() -> Console:
    console = Console(highlight=False, soft_wrap=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


def _table(title: str, *columns: str) -> Table:
    """A table; a column whose name starts with ``>`` is aligned to the right."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(
            column.lstrip(">"),
            justify="right" if column.startswith(">") else "left",
            no_wrap=column.startswith(">"),
            vertical="top",
        )
    return table


def _total(reports: Iterable[StageReport], what: str) -> Count:
    return sum((Count(getattr(one, f"rows_{what}"), getattr(one, f"bytes_{what}")) for one in reports), Count())


def _megabytes(nbytes: float) -> str:
    return f"{nbytes / MEGABYTE:,.1f}"


def _head(lake: Lake, day: str, stages: dict[str, list[StageReport]]) -> Text:
    items = {source: len(lake.log.inputs(day, source)) for source in lake.log.sources(day)}
    files = _total(stages[STAGES[0]], "kept")
    text = Text(f"CodeCommons: slice {day}", style="bold")
    said = " and ".join(f"{count} from {source}" for source, count in items.items())
    text.append(
        f"\n{sum(items.values())} packages ({said}), {files.rows:,} files, {_megabytes(files.bytes)} MB unpacked",
        style="not bold",
    )
    return text


def _funnel(stages: dict[str, list[StageReport]], built: Sequence[StageReport]) -> Table:
    table = _table(
        "Funnel: what came in, what went on, and why the rest did not",
        "stage",
        ">files in",
        ">MB in",
        ">kept",
        ">MB kept",
        "left out, by reason",
    )
    for stage, reports in stages.items():
        _funnel_row(table, stage, reports)
    for report in built:
        _funnel_row(table, f"{report.stage}\n  {report.source}", [report])
    return table


def _funnel_row(table: Table, name: str, reports: Sequence[StageReport]) -> None:
    dropped: dict[str, Count] = defaultdict(Count)
    for report in reports:
        for reason, count in report.dropped.items():
            dropped[reason] += count
    ranked = sorted(dropped.items(), key=lambda one: (-one[1].rows, one[0]))
    lines = [f"{count.rows:,} {reason} ({_megabytes(count.bytes)} MB)" for reason, count in ranked[:REASONS]]
    rest = sum((count for _, count in ranked[REASONS:]), Count())
    if rest.rows:
        lines.append(f"{rest.rows:,} for {len(ranked) - REASONS} more reasons ({_megabytes(rest.bytes)} MB)")
    files, kept = _total(reports, "in"), _total(reports, "kept")
    table.add_row(
        name, f"{files.rows:,}", _megabytes(files.bytes), f"{kept.rows:,}", _megabytes(kept.bytes), "\n".join(lines) or "nothing"
    )


def _top(what: str, reports: Iterable[StageReport], detail: str) -> Table:
    """The most frequent values of a detail that lists name, files and bytes, over all sources."""
    counts: dict[str | None, Count] = defaultdict(Count)
    for report in reports:
        for row in report.details.get(detail, ()):
            counts[row["name"]] += Count(row["files"], row["bytes"])
    table = _table(f"Top {what}s", what, ">files", ">MB")
    for name, count in sorted(counts.items(), key=lambda one: (-one[1].rows, one[0] or ""))[:TOP]:
        table.add_row(name or "none found", f"{count.rows:,}", _megabytes(count.bytes))
    return table


_CONTENTS = """
    with here as (
        select file.content, coalesce(content.length, 0) as length
        from file left join content on content.swhid = file.content where file.slice = $day
    ),
    alone as (select distinct content, length from here)
    select (select count(*) from here), (select coalesce(sum(length), 0) from here), count(*), coalesce(sum(length), 0) from alone
"""


def _duplicates(lake: Lake, day: str, built: Sequence[StageReport]) -> Text:
    with lake.sql() as connection:
        files, nbytes, contents, distinct_bytes = connection.execute(_CONTENTS, {"day": day}).fetchall()[0]
    compared, accepted = pairs(lake).select(pl.len(), pl.col("accepted").sum()).collect().row(0)
    text = Text("Duplicates", style="bold")
    lines = [
        f"exact: {files:,} files are {contents:,} distinct contents, each stored and looked at once;"
        f" {_megabytes(nbytes - distinct_bytes)} of {_megabytes(nbytes)} MB repeat another",
        f"near:  {accepted:,} pairs of contents are alike, of {compared:,} that were compared, each by its exact similarity",
    ]
    if built:
        largest = max(built, key=lambda report: report.rows_kept)
        lines += [f"       {line}" for line in _elected(lake, largest)]
    text.append("\n" + "\n".join(lines), style="not bold")
    return text


def _elected(lake: Lake, report: StageReport) -> list[str]:
    """A few files that a dataset left out for one that is much like it, from the least to the most alike."""
    this = (pl.col("dataset") == report.source) & (pl.col("fingerprint") == report.details["fingerprint"])
    drops = lake.scan("dataset_drop").filter(this, pl.col("similarity") < 1).sort("similarity", "origin", "path").collect()
    if not drops.height:
        return []
    steps = min(EXAMPLES, drops.height) - 1
    picked = drops[[round(at * (drops.height - 1) / max(1, steps)) for at in range(steps + 1)]]
    rows = lake.scan("dataset_row").filter(this, pl.col("content").is_in(picked["kept"].to_list())).collect()
    kept = dict(rows.select("content", "path").rows())
    lines = [f"in {report.source}, for one that is kept, such as"]
    return lines + [
        f"{math.floor(row['similarity'] * 100) / 100:.2f}  {_shown(row['path'])}  ~  {_shown(kept.get(row['kept'], b'?'))}"
        for row in picked.to_dicts()
    ]


def _shown(path: bytes) -> str:
    """The end of a path, which says most."""
    text = path.decode("utf-8", "backslashreplace")
    return text if len(text) <= LONGEST_PATH else f"…{text[1 - LONGEST_PATH :]}"


def _work(stages: dict[str, list[StageReport]], built: Sequence[StageReport]) -> Table:
    table = _table("Work", "stage", ">seconds", ">MB/s", ">done now", ">found done", ">avoided", ">seconds saved", ">peak MB")
    groups = {**stages, STAGES[-1]: list(built)}
    for stage, reports in groups.items():
        _work_row(table, stage, reports, _total(reports, "in").bytes)
    everything = [report for reports in groups.values() for report in reports]
    _work_row(table, "all five", everything, _total(stages[STAGES[0]], "in").bytes)
    return table


def _work_row(table: Table, name: str, reports: Sequence[StageReport], nbytes: int) -> None:
    seconds, saved = (sum(getattr(report, what) for report in reports) for what in ("seconds", "seconds_saved"))
    computed, reused = (sum(getattr(report, what) for report in reports) for what in ("computed", "reused"))
    table.add_row(
        name,
        f"{seconds:.1f}",
        f"{nbytes / MEGABYTE / seconds:,.1f}" if seconds and computed else "",
        f"{computed:,}",
        f"{reused:,}",
        f"{reused / (computed + reused):.0%}" if computed + reused else "",
        f"{saved:.1f}",
        _megabytes(max((report.peak_memory for report in reports), default=0)),
    )


def _quarantined(lake: Lake, day: str) -> Text:
    rows = lake.scan("quarantine").filter(pl.col("slice") == day).sort("source", "item", "path").collect()
    remarks, rows = rows.filter("kept").height, rows.filter(~pl.col("kept"))
    text = Text(f"Quarantine: {rows.height} left out" if rows.height else "Quarantine: empty", style="bold")
    lines = [f"{row['source']}:{row['item']}: {row['reason']}: {row['detail']}" for row in rows.head(TOP).to_dicts()]
    if rows.height > TOP:
        lines.append(f"and {rows.height - TOP} more; `codecommons status` counts them by reason")
    if remarks:
        lines.append(f"{remarks} remarks on what was kept as it is: codecommons sql 'from quarantine where kept'")
    text.append("".join(f"\n{line}" for line in lines), style="not bold")
    return text


def _places(lake: Lake, built: Sequence[StageReport]) -> Text:
    lines = []
    for report in built:
        folder = lake.storage.uri(release(lake, report.source).folder).removeprefix(f"{Path.cwd()}/")
        size = _megabytes(report.details["shard_bytes"])
        lines += [
            f"{report.source}: {report.rows_kept:,} files, {size} MB",
            f"  shards    {folder}/data/",
            f"  manifest  {folder}/manifest.parquet",
            f"  card      {folder}/README.md",
        ]
    lines += [
        "the runs, with plots and checks: make ui, then http://127.0.0.1:3000",
        "questions: .venv/bin/codecommons sql 'from popular_content_name limit 10'",
    ]
    text = Text("Where it is", style="bold")
    return text.append("".join(f"\n{line}" for line in lines), style="not bold")
