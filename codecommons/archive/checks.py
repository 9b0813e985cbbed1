# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What the first stage asserts about itself, looking at what is committed and not at what it believes it did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from codecommons.archive.source import Item, Outcome, Visit
from codecommons.archive.views import anchors
from codecommons.lake import Lake, SliceInput
from codecommons.report import CheckResult, StageReport
from codecommons.swhid import content_id, directory_id

# Every check by name, for the interface.
CHECKS = {
    "row_conservation": "Every file or record that came in is in the lake, or was left out for a stated reason.",
    "identity": "A sample of the committed contents and directories hashes to its identifier.",
    "no_empty_success": "A slice that brought nothing says why for every item.",
    "no_source_wiped_out": "Every origin that the slice showed before still shows something.",
}
# Reasons that don't tell whether there is anything: a slice of nothing else is no success.
_NOBODY_KNOWS = ("unreachable", "malformed-export", "unexpected")
_SAMPLE = 200
_SAMPLE_BYTES = 32 << 20
# Files whose contents are looked up at once; a tree is never cut.
_FILES_AT_ONCE = 500_000


def distinct_trees(items: Iterable[Item]) -> Iterator[Item]:
    """Items that gave a tree; one that two items name is counted once."""
    seen: set[tuple[str, bytes]] = set()
    for item in items:
        if item.anchor is not None and (item.origin, item.anchor) not in seen:
            seen.add((item.origin, item.anchor))
            yield item


def counted(items: Iterable[Item]) -> Iterator[Item]:
    """Items whose tally is part of the stage's figures: each tree once, and what gave no tree but records, or only remarks."""
    items = list(items)
    yield from distinct_trees(items)
    yield from (item for item in items if item.anchor is None)


@dataclass(frozen=True)
class Trees:
    """What visits show, read back from the lake some trees at a time.

    Attributes:
        roots: distinct trees (origin, anchor, root).
        files: how many files each root lists (root, files), by root.
        lost: contents that they list and the lake neither has nor says why it hasn't (sha1_git).
        sample: the contents of smallest identifier that they list (sha1_git).
    """

    roots: pl.DataFrame
    files: pl.DataFrame
    lost: pl.DataFrame
    sample: pl.DataFrame

    @classmethod
    def of(cls, lake: Lake, visits: pl.DataFrame, items: Iterable[Item]) -> Trees:
        """Read the trees that visits (columns origin, visit, snapshot) show of the items that have one."""
        mine = pl.DataFrame(
            [(item.origin, item.anchor.hex()) for item in distinct_trees(items) if item.anchor is not None],
            schema={"origin": pl.String, "id": pl.String},
            orient="row",
        )
        shown = anchors(lake, visits.select("origin", "visit", "snapshot")).select("origin", "anchor", "root").unique()
        roots = shown.join(mine, left_on=["origin", pl.col("anchor").str.tail(40)], right_on=["origin", "id"], how="semi").sort(
            "root"
        )
        return cls.listed(lake, roots)

    @classmethod
    def listed(cls, lake: Lake, roots: pl.DataFrame) -> Trees:
        """Read what trees (columns origin, anchor, root) list."""
        lists = lake.scan("tree_file").join(roots.lazy().select("root").unique(), on="root", how="semi")
        files = lists.group_by("root").len("files").sort("root").collect(engine="streaming")
        lost = sample = pl.DataFrame(schema={"sha1_git": pl.Binary})
        for some in files.select("root", run=(pl.col("files").cum_sum() - 1) // _FILES_AT_ONCE).partition_by("run"):
            near = pl.col("root").is_between(some["root"][0], some["root"][-1])
            named = lake.scan("tree_file").filter(near).join(some.lazy(), on="root", how="semi").select(sha1_git="content")
            contents = named.unique().collect(engine="streaming").sort("sha1_git")
            lost = pl.concat([lost, lake.keys_missing("skipped_content", lake.keys_missing("content_data", contents))]).unique()
            sample = pl.concat([sample, contents.head(_SAMPLE)]).unique().sort("sha1_git").head(_SAMPLE)
        return cls(roots, files, lost.sort("sha1_git"), sample)


def files_accounted(lake: Lake, report: StageReport, outcome: Outcome, trees: Trees) -> CheckResult:
    """In = kept + reasons, and the committed file lists of the visits' trees hold exactly the files that were counted.

    For records of a feed it is the files of news, which are committed after the checks, that hold as many rows.
    """
    name = "row_conservation"
    expected = sum(item.tally.kept.rows + item.tally.skipped.rows for item in distinct_trees(outcome.items))
    listed = trees.roots.join(trees.files, on="root")["files"].sum()
    records = sum(file.rows for file in outcome.news)
    figures = {
        f"{report.unit}_in": report.rows_in,
        f"{report.unit}_kept": report.rows_kept,
        "files_listed": listed,
        "contents_missing": trees.lost.height,
    }
    if not report.conserved:
        return _red(
            name, f"{report.rows_in:,} {report.unit} came in, but kept and dropped ones add up to another number", report, figures
        )
    if report.unit == "records" and records != report.rows_kept:
        return _red(name, f"{report.rows_kept:,} records were read, but {records:,} were written", report, figures)
    if listed != expected:
        return _red(name, f"{expected:,} files were read, but the committed trees list {listed:,}", report, figures)
    if trees.lost.height:
        what = f"{trees.lost.height} listed contents are not in the lake, such as swh:1:cnt:{trees.lost['sha1_git'][0].hex()}"
        return _red(name, what, report, figures)
    kept = f"{report.rows_in:,} {report.unit} in: {report.rows_kept:,} kept, the rest left out for a stated reason"
    return CheckResult(name, True, kept, figures)


def identity(lake: Lake, report: StageReport, trees: Trees) -> CheckResult:
    """Hash a sample of what is committed again: contents of smallest identifier, and root directories."""
    name = "identity"
    roots = trees.roots["root"].unique(maintain_order=True).head(_SAMPLE).to_list()
    wrong = [f"swh:1:dir:{root.hex()}" for root in _wrong_directories(lake, roots)]
    here = pl.col("sha1_git").is_in(trees.sample["sha1_git"].to_list()) & (pl.col("verified") == "yes")
    lengths = lake.scan("content").filter(here).select("sha1_git", "length")
    sample = lengths.sort("sha1_git").filter(pl.col("length").cum_sum() <= _SAMPLE_BYTES).collect()
    seen = 0
    for batch in lake.contents(sample):
        pairs: list[tuple[Any, Any]] = list(zip(batch["sha1_git"].to_pylist(), batch["data"].to_pylist(), strict=True))
        seen += len(pairs)
        wrong += [f"swh:1:cnt:{identifier.hex()}" for identifier, data in pairs if content_id(data) != identifier]
    figures = {"contents": seen, "directories": len(roots), "wrong": wrong[:20]}
    if wrong:
        return _red(name, f"{wrong[0]} has other bytes than its name says", report, figures)
    if seen != sample.height:
        return _red(name, f"{sample.height - seen} contents of the sample have no bytes", report, figures)
    return CheckResult(name, True, f"{seen} contents and {len(roots)} directories hash to their identifiers", figures)


def _wrong_directories(lake: Lake, ids: list[bytes]) -> list[bytes]:
    """Directories whose committed entries don't hash to the identifier they claim; one with a raw manifest is hashed by that."""
    claimed = pl.col("id").is_in(ids) & (pl.col("verified") == "yes")
    directories = lake.scan("directory").filter(claimed).select("id", "raw_manifest").collect()
    rows = lake.scan("directory_entry").filter(pl.col("directory_id").is_in(ids)).collect()
    entries = {key[0]: group.select("name", "perms", "target").rows() for key, group in rows.group_by("directory_id")}
    return [identifier for identifier, raw in directories.rows() if directory_id(entries.get(identifier, []), raw) != identifier]


def empty_success(report: StageReport, inputs: Sequence[SliceInput], outcome: Outcome) -> CheckResult:
    """Nothing came in: that is a success only if every item says why, and the reason is not that nobody could be asked."""
    name = "no_empty_success"
    figures = {"items": len(inputs), "outcomes": len(outcome.items)}
    unreachable = [item for item in outcome.items if item.error is not None and item.error.reason in _NOBODY_KNOWS]
    if inputs and not outcome.items:
        return _red(name, f"{len(inputs)} items are listed, and nothing is said of any", report, figures)
    if unreachable and all(item.state == "failed" for item in outcome.items):
        first = unreachable[0]
        assert first.error is not None
        failed = len({item.name for item in outcome.items})
        others = "" if failed == 1 else " and one other item" if failed == 2 else f" and {failed - 1:,} other items"
        red = _red(name, f"nothing came in, as {first.name}{others} can't be read: {first.error.detail}", report, figures)
        return replace(red, passing=any(item.error is not None and item.error.passing for item in unreachable))
    return CheckResult(name, True, f"{len(inputs)} items, each loaded or quarantined with its reason", figures)


def wiped_out(lake: Lake, report: StageReport, visits: Sequence[Visit]) -> CheckResult:
    """No origin that the slice showed when it was last good shows nothing now."""
    name = "no_source_wiped_out"
    mine = (pl.col("slice") == report.slice) & (pl.col("source") == report.source) & pl.col("snapshot").is_not_null()
    before = set(lake.scan("origin_visit_status").filter(mine).select("origin").collect()["origin"])
    gone = sorted(before - {visit.origin for visit in visits if visit.branches is not None or visit.snapshot})
    if gone:
        return _red(
            name,
            f"{len(gone)} origins showed something before and show nothing now, such as {gone[0]}",
            report,
            {"gone": gone[:20]},
        )
    return CheckResult(name, True, f"all {len(before)} origins of the last good attempt are still there", {"before": len(before)})


def _red(name: str, what: str, report: StageReport, figures: dict[str, Any]) -> CheckResult:
    again = f"codecommons ingest --day {report.slice}"
    return CheckResult(name, False, f"{report.source} on {report.slice}: {what}. Put that right, then run: {again}", figures)
