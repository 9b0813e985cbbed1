# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""From candidates to the rows of a dataset: rule after rule, each leaving out rows for a stated reason.

The order is: what was opted out, what was asked for (source, language, name, where), what can be a row at all (file, bytes,
identity, text), what may be one (license, conflict), what is good enough (filters, exclusions, messages), no item of a benchmark,
what can be redacted, and last which of several copies (exact, near). Of a commit all of that holds for both versions of its file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import polars as pl

from codecommons.datasets import commits, condition, discussions, redaction
from codecommons.datasets.candidates import contents, files, first_occurrences, refuse_stale, repositories, trees
from codecommons.datasets.election import elect
from codecommons.datasets.inputs import Inputs
from codecommons.datasets.losses import losses
from codecommons.datasets.redaction import SPANS, redactions
from codecommons.datasets.repositories import elect_repositories
from codecommons.datasets.rows import CALLED, CHANGES, DISCUSSION, MARKS, TREE, bytes_of, qualified, readable, swhid_of
from codecommons.datasets.rules import GROUPS, LIMITS
from codecommons.datasets.specification import (
    AS_IS,
    MAX_PATTERN,
    PATH,
    Decontaminate,
    Deduplicate,
    Specification,
    is_pattern,
    weight_of,
)
from codecommons.dedup import known_then
from codecommons.engine import Engine
from codecommons.errors import UsageError
from codecommons.lake import Lake
from codecommons.lake.places import place as address
from codecommons.license.policy import VERDICTS, policy
from codecommons.optout import ledger
from codecommons.optout.reach import resolve as reached
from codecommons.swhid import SYMLINK_PERMS, Swhid

DROP = pl.Schema(
    [
        ("content", pl.Binary),
        ("before_content", pl.Binary),
        ("origin", pl.String),
        ("anchor", pl.String),
        ("path", pl.Binary),
        ("length", pl.Int64),
        ("rule", pl.String),
        ("evidence", pl.List(pl.String)),
        ("kept", pl.Binary),
        ("similarity", pl.Float64),
    ]
)
ROWS = (
    "content",
    "encoding",
    "language",
    "license",
    "license_type",
    "origin",
    "snapshot",
    "anchor",
    "path",
    "length",
    "redactions",
)

# Characters of patterns that are one expression (of 12 times as many wildcards as a pattern may have none can be made), and their
# weight: of many that a text has begun, the engine forgets its states, and takes a hundred times as long.
_TOGETHER, _HEAVY = 4 * MAX_PATTERN, 5
# Nobody has written such a file, so nobody was first.
_EMPTY = pl.col("length") == 0
# What no order leaves equal.
LAST = ("since", "copied", "anchor_date", "anchor", "origin", "path")


@dataclass(frozen=True)
class Step:
    """What one rule did: rows and bytes it left out, and rows that were still there after it."""

    rule: str
    rows: int
    bytes: int
    left: int


@dataclass(frozen=True)
class Selection:
    """What a dataset would hold.

    Attributes:
        rows: the rows, by preference, with the columns ``ROWS``; of commits ``rows.CHANGES``, of discussions ``rows.DISCUSSION``.
        drops: every candidate that is no row, as ``DROP``, by origin, anchor and path.
        steps: the rules that were applied, in order.
        rows_in: candidates.
        bytes_in: their bytes.
        lost: by ``rules.GROUPS``: files of the group that reached the rules about copies, those that near-duplicates left out,
            what stays instead of most of them, and of how many; as ``losses.LOST``, sorted.
    """

    rows: pl.DataFrame
    drops: pl.DataFrame
    steps: tuple[Step, ...]
    rows_in: int
    bytes_in: int
    lost: pl.DataFrame


def emptied(rows: str, steps: Sequence[Step], rows_in: int) -> str | None:
    """Why a dataset has no row, and what to do; None where it has some.

    Args:
        rows: what rows are.
        steps: the rules that were applied, in order.
        rows_in: candidates.
    """
    one, more = CALLED[rows]
    if not rows_in:
        cut_off = "" if rows in discussions.KINDS else " (of repositories whole visits count, `codecommons status` names others)"
        return f"there is no {one} in any slice that counts; ingest something, or choose a later as_of{cut_off}"
    last = next((step for step in steps if not step.left), None)
    if last is None:
        return None
    most = max(steps, key=lambda step: step.rows)
    return (
        f"no row is left: the rule {last.rule} left out the last {last.rows} {more}, and {most.rule} most of all ({most.rows}); "
        "loosen them in the specification"
    )


class Funnel:
    """Rows that are still in, and those that are not with the reason."""

    def __init__(self, rows: pl.DataFrame) -> None:
        """Everything is in."""
        self.rows = rows
        # Two rows with the same of these are copies.
        self.key = [name for name in ("content", "before_content") if name in rows.columns]
        self.drops: list[pl.DataFrame] = []
        self.steps: list[Step] = []

    def keep(
        self, rule: str, passes: pl.Expr, *evidence: pl.Expr, kept: pl.Expr | None = None, similarity: pl.Expr | None = None
    ) -> None:
        """Leave out rows for which ``passes`` is false or null.

        Args:
            rule: its name.
            passes: a boolean expression.
            evidence: texts that show why, SWHIDs where something else is the reason; nulls are skipped.
            kept: the content that stays instead, for duplicates.
            similarity: how similar that is.
        """
        passing = passes.fill_null(False)
        gone = self.rows.filter(~passing)
        self.rows = self.rows.filter(passing)
        self._leave_out(rule, gone, *evidence, kept=kept, similarity=similarity, left=self.rows.height)

    def keep_all(self, rules: Sequence[tuple[str, pl.Expr, pl.Expr]]) -> None:
        """The same for many rules in one pass over the rows; each of them: name, ``passes``, evidence."""
        fails = [pl.when(~passes.fill_null(False)).then(pl.lit(at, pl.Int16)) for at, (_, passes, _) in enumerate(rules)]
        judged = self.rows.with_columns(failed=pl.coalesce(*fails) if fails else pl.lit(None, pl.Int16))
        gone = judged.filter(pl.col("failed").is_not_null())
        self.rows = judged.filter(pl.col("failed").is_null()).drop("failed")
        left = judged.height
        for at, (rule, _, evidence) in enumerate(rules):
            failing = gone.filter(pl.col("failed") == at)
            left -= failing.height
            self._leave_out(rule, failing, evidence, left=left)

    def _leave_out(
        self,
        rule: str,
        gone: pl.DataFrame,
        *evidence: pl.Expr,
        kept: pl.Expr | None = None,
        similarity: pl.Expr | None = None,
        left: int,
    ) -> None:
        self.steps.append(Step(rule, gone.height, bytes_of(gone), left))
        why = pl.concat_list(evidence) if evidence else pl.lit([], dtype=pl.List(pl.String))
        self.drops.append(
            gone.select(
                "content",
                "before_content" if "before_content" in gone.columns else pl.lit(None, pl.Binary).alias("before_content"),
                "origin",
                "anchor",
                "path",
                "length",
                rule=pl.lit(rule),
                evidence=why.list.drop_nulls(),
                kept=kept if kept is not None else pl.lit(None, pl.Binary),
                similarity=similarity if similarity is not None else pl.lit(None, pl.Float64),
            ).cast(DROP)
        )


def select(lake: Lake, engine: Engine, specification: Specification, inputs: Inputs) -> Selection:
    """Apply a specification to the lake as of its day; nothing is written.

    Args:
        lake: the lake.
        engine: where pairs are compared that the lake does not know (``dedup.known_then``).
        specification: what is asked for.
        inputs: what it is asked of (``inputs.resolve``).

    Raises:
        GateError: an earlier stage has to run again (``refuse_stale``), or the opt-out ledger is broken.
        LakeError: a table can't be read.
        UsageError: the condition fails on a value.
    """
    if specification.rows in discussions.KINDS:
        return _discussions(lake, engine, specification, inputs)
    rows = commits.candidates(lake, inputs) if specification.rows == "commits" else files(lake, inputs)
    refuse_stale(lake, specification.name, rows, specification.deduplicate.threshold is not None)
    excluded = reached(lake, ledger.read(lake).effective, trees(lake, inputs))
    funnel = Funnel(excluded.marked(rows))
    ruled(funnel, specification, lake, inputs)
    funnel.rows = with_stars(funnel.rows, repositories(lake, inputs))
    lost = _one_copy(funnel, specification.deduplicate, lake, engine, inputs)
    redacted = funnel.rows
    for content, replaced in zip(funnel.key, ("redactions", "before_redactions"), strict=False):
        spans = redactions(lake, specification.redact, redacted.select(content=content))
        spans = spans.rename({"content": content, "redactions": replaced})
        redacted = redacted.join(spans, on=content, how="left", maintain_order="left")
        redacted = redacted.with_columns(pl.col(replaced).fill_null(pl.lit([], dtype=SPANS)))
    if inputs.notebooks != AS_IS:
        own = redaction.of_notebooks(redacted, specification.redact)
        redacted = redacted.join(own, on="content", how="left", maintain_order="left", suffix="_of_text")
        of_text = pl.col("redactions_of_text").fill_null(pl.lit([], dtype=SPANS))
        redacted = redacted.with_columns(redactions=pl.when("notebook").then(of_text).otherwise("redactions"))
    if "message" in redacted.columns:
        said = [redaction.told(one, specification.redact, specification.escape) for one in redacted["message"]]
        redacted = redacted.with_columns(message=pl.Series(said, dtype=pl.String))
    funnel.rows = redacted if specification.order == PATH else _with_trees(redacted, rows, funnel.drops)
    return _selected(funnel, rows, lost)


def ruled(funnel: Funnel, specification: Specification, lake: Lake, inputs: Inputs) -> None:
    """Apply every rule about files and commits but those about copies."""
    funnel.keep("opt_out", pl.col("opt_out").is_null(), pl.col("opt_out"))
    _asked_for(funnel, specification)
    _readable(funnel)
    _permitted(funnel, specification, lake, inputs)
    funnel.keep_all([(one.named(rule), rule.passes(), rule.evidence()) for one in inputs.filters for rule in one.rules])
    for name, threshold in specification.filters.limits:
        limit = LIMITS[name]
        found = pl.col(limit.signal).cast(pl.String).fill_null("unknown")
        funnel.keep(name, limit.passes(threshold), pl.format(f"{limit.signal} is {{}}, {name} {threshold}", found))
    for name in specification.exclude:
        funnel.keep(name, ~pl.col(name), pl.format(f"{name} is {{}}", pl.col(name).cast(pl.String).fill_null("unknown")))
    if specification.messages != "none":
        funnel.rows = funnel.rows.with_columns(failed=commits.failed(specification.messages))
        funnel.keep("message", pl.col("failed").is_null(), pl.col("failed"))
    if specification.decontaminate.benchmarks:
        for items in _sides(funnel.rows, "items"):
            _decontaminate(funnel, specification.decontaminate, items)
    if inputs.spans:
        whole = [pl.col(side) for name in inputs.spans for side in _sides(funnel.rows, f"whole_{name}")]
        funnel.keep("not_redactable", pl.all_horizontal(whole), pl.lit("not all that it holds is known"))


def _with_trees(kept: pl.DataFrame, rows: pl.DataFrame, drops: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Add to rows ``rows.TREE``: how much of the tree that each is of is here, and why the rest is not."""
    tree = ["origin", "anchor"]
    gone = pl.concat(drops).group_by(*tree, "rule").len("files").sort("rule")
    why = gone.group_by(tree).agg(tree_left_out=pl.struct("rule", pl.col("files").cast(pl.Int64)))
    files = rows.group_by(tree).len("tree_files").with_columns(pl.col("tree_files").cast(pl.Int64))
    counted = kept.with_columns(tree_rows=pl.len().over(tree).cast(pl.Int64))
    told = counted.join(files, on=tree, how="left", maintain_order="left").join(why, on=tree, how="left", maintain_order="left")
    return told.with_columns(pl.col("tree_left_out").fill_null(pl.lit([], dtype=told.schema["tree_left_out"])))


def _selected(funnel: Funnel, rows: pl.DataFrame, lost: pl.DataFrame) -> Selection:
    """What is left of candidates."""
    drops = pl.concat(funnel.drops).sort("origin", "anchor", "path", "content")
    more = [name for name in (*CHANGES, *DISCUSSION, *MARKS, *TREE, "place_in_tree") if name in funnel.rows.columns]
    kept = funnel.rows.rename({"verdict": "license_type"}).select(*ROWS, *more)
    return Selection(kept, drops, tuple(funnel.steps), rows.height, bytes_of(rows), lost)


def _discussions(lake: Lake, engine: Engine, specification: Specification, inputs: Inputs) -> Selection:
    """The same of issues or pull requests, of which far fewer rules can say anything."""
    rows = discussions.candidates(lake, inputs, specification)
    funnel = Funnel(rows)
    funnel.keep("opt_out", pl.col("opt_out").is_null(), pl.col("opt_out"))
    _of_sources(funnel, specification)
    decision = pl.format("{}: {}", "verdict", "rule")
    funnel.keep("license", pl.col("verdict").is_in(list(specification.license.accept)), decision, pl.col("evidence"))
    if specification.messages != "none":
        funnel.rows = funnel.rows.with_columns(failed=discussions.failed(specification))
        funnel.keep("message", pl.col("failed").is_null(), pl.col("failed"))
    if specification.decontaminate.benchmarks:
        _decontaminate(funnel, specification.decontaminate, "items")
    funnel.rows = with_stars(funnel.rows, repositories(lake, inputs))
    lost = _one_copy(funnel, specification.deduplicate, lake, engine, inputs)
    return _selected(funnel, rows, lost)


def _of_sources(funnel: Funnel, specification: Specification) -> None:
    if specification.sources:
        patterns = globs(item for item in specification.sources if is_pattern(item))
        names = [item for item in specification.sources if not is_pattern(item)]
        origins = funnel.rows.select(pl.col("origin").unique().cast(pl.String))
        some = origins.filter(pl.any_horizontal(pl.lit(False), *(pl.col("origin").str.contains(one) for one in patterns)))
        match = pl.col("source").is_in(names) | pl.col("origin").is_in([*some["origin"]])
        funnel.keep("source", match, pl.col("source"))


def _asked_for(funnel: Funnel, specification: Specification) -> None:
    _of_sources(funnel, specification)
    if specification.languages:
        funnel.keep("language", pl.col("language").is_in(specification.languages), pl.col("language"))
    if not specification.names and not specification.where:
        return
    funnel.rows = funnel.rows.with_columns(name_text=readable(funnel.rows["name"]))
    if specification.names:
        match = pl.any_horizontal(pl.col("name_text").str.contains(one) for one in globs(specification.names))
        funnel.keep("name", match, pl.col("name_text"))
    if specification.where:
        shown = funnel.rows.with_columns(name="name_text", path=readable(funnel.rows["path"]), swhid=swhid_of("cnt", "content"))
        shown = shown.with_columns(pl.selectors.enum().cast(pl.String))
        if specification.rows == "commits":
            shown = shown.with_columns(revision=swhid_of("rev", "revision_id"), parent=swhid_of("rev", "parent_id"))
        try:
            found = condition.matches(specification.where, shown)
        except UsageError as error:
            raise UsageError(f"dataset {specification.name}: where: {error}") from None
        funnel.rows = funnel.rows.with_columns(where=found)
        funnel.keep("where", pl.col("where"))


def _readable(funnel: Funnel) -> None:
    funnel.keep("no_regular_file", pl.col("perms") != SYMLINK_PERMS, pl.lit("a symbolic link"))
    funnel.keep("no_bytes", pl.col("status").is_not_null(), pl.col("skipped"))
    funnel.keep("unverified", pl.col("verified") == "yes", pl.col("verified"), pl.col("verified_reason"))
    funnel.keep("not_annotated", pl.col("binary").is_not_null())
    funnel.keep("binary", ~pl.col("binary"))
    funnel.keep("no_encoding", pl.col("encoding").is_not_null())
    if "notebook" in funnel.rows.columns:
        whole = ~pl.col("notebook") | pl.col("notebook_length").is_not_null()
        funnel.keep("broken_notebook", whole, pl.col("notebook_error"))
    if "before_content" in funnel.rows.columns:
        text = ~pl.col("before_binary") & pl.col("before_encoding").is_not_null()
        here = pl.col("before_status").is_not_null() & (pl.col("before_verified") == "yes")
        funnel.keep("before_unreadable", here & text, swhid_of("cnt", "before_content"))
        funnel.keep("no_message", pl.col("message").is_not_null())


def _sides(rows: pl.DataFrame, column: str) -> list[str]:
    """A column and, of commits, the one of the version before."""
    return [name for name in (column, f"before_{column}") if name in rows.columns]


def _permitted(funnel: Funnel, specification: Specification, lake: Lake, inputs: Inputs) -> None:
    accepted = list(specification.license.accept)
    tree = swhid_of("dir", "root")
    decision = pl.format("{}: {}", "verdict", "rule")
    # concat_list of a null list is null: a file without a decision has the tree as its only evidence.
    why = pl.col("evidence").fill_null(pl.lit([], dtype=pl.List(pl.String)))
    permitted = pl.col("verdict").is_in(accepted)
    if specification.rows == "commits":
        judging = policy(lake.settings, specification.license.policy)
        funnel.rows, permitted = commits.judged(lake, funnel.rows, judging, accepted), pl.col("permitted")
    funnel.keep("license", permitted, tree, decision, why)
    earliest = pl.format("{}: {}", pl.col("first_verdict").fill_null("unknown"), pl.col("first_rule").fill_null("no decision"))
    passes = pl.col("first_verdict").is_in(accepted)
    if "first_verdict" in funnel.rows.columns:
        funnel.keep("conflict", passes | _EMPTY)
        return
    if specification.rows == "commits":
        # What only a history has was never seen in a tree, so there is nothing that it conflicts with.
        passes |= pl.col("first_content").is_null()
    for content in funnel.key:
        first = first_occurrences(lake, inputs, funnel.rows.select(content=content).unique())
        funnel.rows = funnel.rows.join(first.rename({"content": content}), on=content, how="left")
        if specification.rows != "commits":
            funnel.rows = funnel.rows.with_columns(copied())
        side = content.removesuffix("content")
        evidence = qualified("first_content", "first_origin", "first_anchor", "first_path")
        funnel.keep(f"{side}conflict", passes | (pl.col(f"{side}length") == 0), evidence, earliest, _brought())
        funnel.rows = funnel.rows.drop(name for name in first.columns if name != "content")


def copied() -> pl.Expr:
    """Column ``copied``: whether a row is not the first occurrence of its text, which ``candidates.first_occurrences`` tells."""
    places = ("content", "origin", "anchor", "path")
    elsewhere = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"first_{name}")) for name in places)
    return (elsewhere & ~_EMPTY).alias("copied")


def _brought() -> pl.Expr:
    """Which revision had a first occurrence first, and when, where that is not the one whose tree it is in; else null."""
    day = pl.from_epoch("first_since", time_unit="s").dt.to_string("%Y-%m-%d")
    return pl.format("brought by {} of {}", swhid_of("rev", "first_revision"), day)


def _decontaminate(funnel: Funnel, asked: Decontaminate, items: str) -> None:
    """Leave out what has an item of a benchmark; each is named, with the share of it and of which of its fields."""
    item = pl.element().struct
    wanted = item.field("benchmark").is_in(list(asked.benchmarks)) & (item.field("share") >= asked.share)
    percent = (item.field("share") * 100).round(0).cast(pl.Int64)
    named = pl.format("{} {}, {} % of {}", item.field("benchmark"), item.field("item"), percent, item.field("field"))
    funnel.rows = funnel.rows.with_columns(has=pl.col(items).list.eval(named.filter(wanted)))
    funnel.keep(items.replace("items", "benchmark"), pl.col("has").list.len() == 0, pl.col("has"))


def _one_copy(funnel: Funnel, asked: Deduplicate, lake: Lake, engine: Engine, inputs: Inputs) -> pl.DataFrame:
    """Leave out what is there already, or mark it; what ``Selection.lost`` tells."""
    rows = in_order(funnel.rows, asked.order)
    gone = []
    if asked.repositories is not None:
        rows = _with_better_repository(rows, asked.repositories)
        if asked.keep == "best":
            funnel.rows = rows
            alone, evidence = pl.col("better_anchor").is_null(), pl.format("{} of {}", "better_anchor", "better_origin")
            funnel.keep("near_repository", alone, evidence, similarity=pl.col("repository_similarity"))
            gone.append(rows.filter(~alone).with_columns(instead=evidence))
            rows = funnel.rows.drop("similar_repository", "repository_similarity")
        rows = rows.drop("better_anchor", "better_origin")
    first = [pl.col(name).first().over(funnel.key).alias(f"kept_{name}") for name in ("rank", "origin", "anchor", "path")]
    funnel.rows = rows.with_columns(first, copies=pl.len().over(funnel.key).cast(pl.Int64))
    same = pl.col("rank") == pl.col("kept_rank")
    copies = funnel.rows.filter(~same).select("content", *GROUPS)
    evidence = qualified("content", "kept_origin", "kept_anchor", "kept_path")
    funnel.keep("exact_duplicate", same, evidence, kept=pl.col("content"), similarity=pl.lit(1.0))
    near = pl.DataFrame(schema={"content": pl.Binary, "instead": pl.String})
    if asked.threshold is not None:
        before = funnel.rows = _with_winner(funnel.rows, asked.threshold, lake, engine, inputs)
        if asked.keep == "all":
            funnel.rows = before.rename({"winner_content": "similar_to"})
        else:
            evidence = qualified("winner_content", "winner_origin", "winner_anchor", "winner_path")
            alone = pl.col("winner_rank").is_null()
            funnel.keep("near_duplicate", alone, evidence, kept=pl.col("winner_content"), similarity=pl.col("similarity"))
            instead = pl.format("{} of {}", swhid_of("cnt", "winner_content"), "winner_origin")
            gone.append(before.filter(~alone).with_columns(instead=instead))
            near = gone[-1].select("content", "instead")
    if asked.keep == "best":
        funnel.rows = funnel.rows.drop("copies", "similarity", strict=False)
    gone.append(copies.join(near, on="content", how="left", maintain_order="left"))
    return losses(funnel.rows, gone)


def _with_better_repository(rows: pl.DataFrame, threshold: float) -> pl.DataFrame:
    """Add better_origin, better_anchor, similar_repository (both as a SWHID) and repository_similarity.

    They are null in the rows of a repository that no other one stands for.
    """
    repositories = rows.group_by("origin", "anchor").agg(pl.min("rank")).sort("rank").drop("rank").with_row_index("repository")
    numbered = rows.join(repositories, on=["origin", "anchor"], how="left", maintain_order="left")
    better = repositories.rename({"origin": "better_origin", "anchor": "better_anchor", "repository": "kept"})
    gone = elect_repositories(numbered, threshold).join(better, on="kept").drop("kept")
    named = [
        str(replace(Swhid.parse(anchor), origin=origin))
        for origin, anchor in gone.select("better_origin", "better_anchor").iter_rows()
    ]
    gone = gone.rename({"similarity": "repository_similarity"}).with_columns(similar_repository=pl.Series(named, dtype=pl.String))
    return numbered.join(gone, on="repository", how="left", maintain_order="left").drop("repository")


def _with_winner(rows: pl.DataFrame, threshold: float, lake: Lake, engine: Engine, inputs: Inputs) -> pl.DataFrame:
    """Add winner_rank, winner_content and so on, and similarity, to rows that another one stands for."""
    ranks = rows.select("content", "rank")
    known = known_then(lake, engine, contents(lake, inputs), ranks)
    gone = elect(ranks, known, threshold).rename({"kept": "winner_rank"})
    winners = rows.select("rank", "content", "origin", "anchor", "path").rename(lambda name: f"winner_{name}")
    rows = rows.join(gone, on="rank", how="left", maintain_order="left")
    return rows.join(winners, on="winner_rank", how="left", maintain_order="left")


def with_stars(rows: pl.DataFrame, repositories: pl.DataFrame) -> pl.DataFrame:
    """Add ``stars``, which forges last showed of a row's origin, null where none did."""
    places = {origin: address(origin) for origin in rows["origin"].unique()}
    at = rows.with_columns(place=pl.col("origin").replace_strict(places, return_dtype=pl.String))
    return at.join(repositories.select("place", "stars"), on="place", how="left", maintain_order="left").drop("place")


def in_order(rows: pl.DataFrame, order: tuple[str, ...]) -> pl.DataFrame:
    """Rows by preference, with their place in column ``rank``; what the order leaves equal goes by ``LAST``."""
    rows = rows if "copied" in rows.columns else rows.with_columns(copied=pl.lit(False))
    last = [(pl.col(name), False) for name in LAST]
    by = [*preference(order).values(), *last]
    return rows.sort([term for term, _ in by], descending=[down for _, down in by], nulls_last=True).with_row_index("rank")


def preference(order: tuple[str, ...]) -> dict[str, tuple[pl.Expr, bool]]:
    """What rows are preferred by: name of a term -> its value, and whether more is better; nulls are last."""
    date, verdict = pl.col("anchor_date"), pl.col("verdict")
    terms = {
        "permissive": (pl.coalesce(pl.when(verdict == one).then(pl.lit(at, pl.Int8)) for at, one in enumerate(VERDICTS)), False),
        "earliest": (pl.col("since"), False),
        "popular": (pl.col("stars"), True),
        "latest": (date, True),
        "shortest_path": (pl.col("path").bin.size(), False),
    }
    return {name: terms[name] for name in order}


def globs(patterns: Iterable[str]) -> list[str]:
    """A few whole-text regular expressions, of which one fits where one of the patterns does.

    In a pattern ``*`` is anything, ``?`` one character, and everything else stands for itself. One expression of many patterns
    takes hardly more time than one of a single pattern, unless they are heavy (``weight_of``); it can't be of any size.
    """
    found: list[list[str]] = []
    room = left = 0
    for pattern in sorted(patterns, key=weight_of):
        weight = weight_of(pattern)
        if len(pattern) > room or weight > left:
            found.append([])
            room, left = _TOGETHER, _HEAVY
        found[-1].append("".join({"*": ".*", "?": "."}.get(sign) or pl.escape_regex(sign) for sign in pattern))
        room -= len(pattern)
        left -= weight
    return [f"(?s)^(?:{'|'.join(some)})$" for some in found]
