"""What the first stage asserts about itself, looking at what is committed and not at what it believes it did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import polars as pl

from codecommons.archive.source import Item, Outcome, Visit
from codecommons.archive.views import anchors
from codecommons.lake import Lake, SliceInput
from codecommons.report import CheckResult, StageReport
from codecommons.swhid import content_id, directory_id

# Every check by name, for the interface.
CHECKS = {
    "row_conservation": "Every file that came in is in the lake with its bytes, or was left out for a stated reason.",
    "identity": "A sample of the committed contents and directories hashes to its identifier.",
    "no_empty_success": "A slice that brought nothing says why for every item.",
    "no_source_wiped_out": "Every origin that the slice showed before still shows something.",
}
_SAMPLE = 200
_SAMPLE_BYTES = 32 << 20


def distinct_trees(items: Iterable[Item]) -> Iterator[Item]:
    """Items that gave a tree; one that two items name is counted once."""
    seen: set[tuple[str, bytes]] = set()
    for item in items:
        if item.anchor is not None and (item.origin, item.anchor) not in seen:
            seen.add((item.origin, item.anchor))
            yield item


def files_accounted(lake: Lake, report: StageReport, outcome: Outcome, visits: pl.DataFrame) -> CheckResult:
    """In = kept + reasons, and the committed file lists of the visits' trees hold exactly the files that were counted."""
    name = "row_conservation"
    expected = sum(item.tally.kept.rows + item.tally.skipped.rows for item in distinct_trees(outcome.items))
    roots = anchors(lake, visits.select("origin", "visit", "snapshot")).unique(["origin", "anchor"])
    files = (
        lake.scan("tree_file").filter(pl.col("root").is_in(roots["root"].unique().to_list())).select("root", "content").collect()
    )
    found = roots.select("origin", "anchor", "root").join(files, on="root")
    ids = files.select(sha1_git="content").unique()
    lost = lake.keys_missing("skipped_content", lake.keys_missing("content_data", ids)) if ids.height else ids
    figures = {
        "files_in": report.rows_in,
        "files_kept": report.rows_kept,
        "files_listed": found.height,
        "contents_missing": lost.height,
    }
    if not report.conserved:
        return _red(
            name, f"{report.rows_in:,} files came in, but kept and dropped ones add up to another number", report, figures
        )
    if found.height != expected:
        return _red(name, f"{expected:,} files were read, but the committed trees list {found.height:,}", report, figures)
    if lost.height:
        return _red(
            name, f"{lost.height} listed contents are not in the lake, such as {min(lost['sha1_git']).hex()}", report, figures
        )
    return CheckResult(
        name, True, f"{report.rows_in:,} files in: {report.rows_kept:,} kept, the rest left out for a stated reason", figures
    )


def identity(lake: Lake, report: StageReport, visits: pl.DataFrame) -> CheckResult:
    """Hash a sample of what is committed again: contents of smallest identifier, and the root directories."""
    name = "identity"
    roots = anchors(lake, visits.select("origin", "visit", "snapshot")).select("root").unique().sort("root").head(_SAMPLE)
    entries = lake.scan("directory_entry").filter(pl.col("directory_id").is_in(roots["root"].to_list())).collect()
    raw = (
        lake.scan("directory")
        .filter(pl.col("id").is_in(roots["root"].to_list()) & pl.col("raw_manifest").is_not_null())
        .select("id")
        .collect()
    )
    wrong = [
        f"swh:1:dir:{root.hex()}"
        for root in roots["root"]
        if root not in set(raw["id"]) and directory_id(_entries(entries, root)) != root
    ]
    files = lake.scan("tree_file").filter(pl.col("root").is_in(roots["root"].to_list())).select(sha1_git="content").unique()
    lengths = lake.scan("content").select("sha1_git", "length")
    sample = (
        files.join(lengths, on="sha1_git")
        .sort("sha1_git")
        .head(_SAMPLE)
        .filter(pl.col("length").cum_sum() <= _SAMPLE_BYTES)
        .collect()
    )
    seen = 0
    for batch in lake.contents(sample):
        pairs: list[tuple[Any, Any]] = list(zip(batch["sha1_git"].to_pylist(), batch["data"].to_pylist(), strict=True))
        for identifier, data in pairs:
            seen += 1
            if content_id(data) != identifier:
                wrong.append(f"swh:1:cnt:{identifier.hex()}")
    figures = {"contents": seen, "directories": roots.height, "wrong": wrong[:20]}
    if wrong or seen != sample.height:
        what = (
            f"{wrong[0]} has other bytes than its name says"
            if wrong
            else f"{sample.height - seen} contents of the sample have no bytes"
        )
        return _red(name, what, report, figures)
    return CheckResult(name, True, f"{seen} contents and {roots.height} directories hash to their identifiers", figures)


def empty_success(report: StageReport, inputs: Sequence[SliceInput], outcome: Outcome) -> CheckResult:
    """Nothing came in: that is a success only if every item says why, and the reason is not that nobody could be asked."""
    name = "no_empty_success"
    figures = {"items": len(inputs), "outcomes": len(outcome.items)}
    unreachable = [item for item in outcome.items if item.error is not None and item.error.reason == "unreachable"]
    if inputs and not outcome.items:
        return _red(name, f"{len(inputs)} items are listed, and nothing is said of any", report, figures)
    if unreachable and not any(item.anchor for item in outcome.items):
        assert unreachable[0].error is not None
        return _red(
            name,
            f"nothing came in, as {unreachable[0].name} and others can't be reached: {unreachable[0].error.detail}",
            report,
            figures,
        )
    return CheckResult(name, True, f"{len(inputs)} items, each loaded or quarantined with its reason", figures)


def wiped_out(lake: Lake, report: StageReport, visits: Sequence[Visit]) -> CheckResult:
    """No origin that the slice showed when it was last good shows nothing now."""
    name = "no_source_wiped_out"
    mine = (pl.col("slice") == report.slice) & (pl.col("source") == report.source) & pl.col("snapshot").is_not_null()
    before = set(lake.scan("origin_visit_status").filter(mine).select("origin").collect()["origin"])
    gone = sorted(before - {visit.origin for visit in visits if visit.branches is not None})
    if gone:
        return _red(
            name,
            f"{len(gone)} origins showed something before and show nothing now, such as {gone[0]}",
            report,
            {"gone": gone[:20]},
        )
    return CheckResult(name, True, f"all {len(before)} origins of the last good attempt are still there", {"before": len(before)})


def _entries(entries: pl.DataFrame, root: bytes) -> list[tuple[bytes, int, bytes]]:
    return entries.filter(pl.col("directory_id") == root).select("name", "perms", "target").rows()


def _red(name: str, what: str, report: StageReport, figures: dict[str, Any]) -> CheckResult:
    again = f"codecommons ingest --day {report.slice}"
    return CheckResult(name, False, f"{report.source} on {report.slice}: {what}. Put that right, then run: {again}", figures)
