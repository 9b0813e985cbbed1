# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Every file a dataset may take from: the trees of visits up to a day, with what annotators and policy say of each file."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import polars as pl

from codecommons.annotate import store
from codecommons.annotate.annotator import current
from codecommons.annotate.forge.repositories import newest
from codecommons.annotate.notebooks import is_notebook
from codecommons.archive.objects import TAKEN_DOWN
from codecommons.archive.since import since
from codecommons.archive.views import visited_trees
from codecommons.datasets.inputs import BENCHMARKS, IMPORTS, NOTEBOOK, ON_DEMAND, SAME_TEXT, SIGNALS, Inputs
from codecommons.datasets.redaction import boundaries
from codecommons.datasets.specification import AS_IS
from codecommons.dedup.configuration import configured
from codecommons.dedup.tables import BAND, SIGNATURE
from codecommons.errors import GateError
from codecommons.lake import Lake
from codecommons.license import decisions, forge, forks
from codecommons.license.policy import Policy, policy
from codecommons.swhid import SYMLINK_PERMS

# The trees of the inputs that were asked for last, and since when their histories have what is in them.
_TREES: WeakKeyDictionary[Lake, tuple[Inputs, pl.DataFrame]] = WeakKeyDictionary()
_SINCE: WeakKeyDictionary[Lake, tuple[Inputs, pl.DataFrame]] = WeakKeyDictionary()
# Of these anchors there is a history.
_REVISION = "swh:1:rev:"
_NEVER = (1 << 63) - 1


def trees(lake: Lake, inputs: Inputs) -> pl.DataFrame:
    """Every tree that a visit of the input slices saw; columns as ``archive.views.visited_trees``."""
    # A selection asks four times; inputs say which attempts count, so what they saw does not change.
    known = _TREES.get(lake)
    if known is None or known[0] is not inputs:
        known = inputs, visited_trees(lake, pl.DataFrame(inputs.slices).select("slice", "source").unique())
        _TREES[lake] = known
    return known[1]


def _histories(lake: Lake, inputs: Inputs) -> pl.DataFrame:
    """Since when the histories of repositories have what is in these trees; columns as ``archive.since.since``."""
    known = _SINCE.get(lake)
    if known is None or known[0] is not inputs:
        seen = trees(lake, inputs).filter(pl.col("anchor").str.starts_with(_REVISION)).select("origin", "root").unique()
        known = inputs, since(lake, pl.DataFrame(inputs.slices).select("slice", "source").unique(), seen)
        _SINCE[lake] = known
    return known[1]


def with_since(lake: Lake, inputs: Inputs, places: pl.LazyFrame) -> pl.LazyFrame:
    """Add to occurrences since when they are there: ``since``, seconds since 1970, null where that is unknown.

    Of a file in the tree of a revision that is the date of the first revision that brought its content in the history of the
    origin, as far as references of the visits that count reach, or its anchor's, whichever comes first; of a release, its own.

    Args:
        lake: the lake.
        inputs: which visits count.
        places: origin, anchor, anchor_date, content, and what else is to be kept.

    Returns:
        All that, ``since``, and ``since_revision`` (binary): that first revision; null where the anchor's own date is as early.
    """
    of_revision = pl.col("anchor").str.starts_with(_REVISION) & (pl.col("seconds") < pl.col("anchor_date").fill_null(_NEVER))
    rows = places.join(_histories(lake, inputs).lazy(), on=["origin", "content"], how="left")
    return rows.with_columns(
        since=pl.when(of_revision).then("seconds").otherwise("anchor_date"),
        since_revision=pl.when(of_revision).then("revision"),
    ).drop("seconds", "revision")


def contents(lake: Lake, inputs: Inputs) -> pl.LazyFrame:
    """Every content of these trees, column content (binary): what had been compared by then."""
    roots = trees(lake, inputs).select("root").unique().lazy()
    files = lake.scan("tree_file").join(roots, on="root", how="semi")
    return files.select("content").unique()


def files(lake: Lake, inputs: Inputs) -> pl.DataFrame:
    """One row per file of a current tree.

    Returns:
        The columns of ``trees``; path (binary), name (binary, its last part), perms, content (binary); since (as ``with_since``);
        length, status, verified, verified_reason, skipped (why there are no bytes), of the content; ``SIGNALS``, and those
        ``ON_DEMAND`` that were asked for, with ``said_<annotator>``: true where it has a row; what filter sets read, under its
        full name (``annotator.column``); of ``Inputs.spans`` also ``whole_<annotator>``; items of benchmarks, if they are asked
        for; license (SPDX expression), verdict, rule and evidence, of the decision for the file in its own tree; where files come
        by what they import, place_in_tree; where notebooks become texts, notebook (whether it is one), notebook_length
        (bytes of the text, null where there is none), notebook_error, notebook_spans (those of ``Inputs.spans``, by annotator),
        notebook_unread (whether nobody has looked). What nobody has said of a file is null.
    """
    taken = trees(lake, inputs).filter("current").drop("current")
    paths = lake.scan("tree_file").select("root", "path", "perms", "content")
    places = with_since(lake, inputs, taken.lazy().join(paths, on="root")).drop("since_revision")
    return described(lake, inputs, places.collect(engine="streaming"))


def described(lake: Lake, inputs: Inputs, places: pl.DataFrame) -> pl.DataFrame:
    """Add all that is known of files; columns as ``files``.

    Args:
        lake: the lake.
        inputs: what a dataset is made from.
        places: the columns of ``trees``, path, perms and content, and what else is to be kept.
    """
    rows = store.named(places).lazy()
    known = lake.scan("content").select("sha1_git", "length", "status", "verified", "verified_reason")
    skipped = lake.scan("skipped_content").select("sha1_git", skipped="reason", skipped_length="length").unique("sha1_git")
    rows = rows.join(known, left_on="content", right_on="sha1_git", how="left").join(
        skipped, left_on="content", right_on="sha1_git", how="left"
    )
    rows = rows.with_columns(length=pl.coalesce("length", "skipped_length", pl.lit(0, pl.Int64))).drop("skipped_length")
    annotators = current(lake.settings)
    filtered = sorted(set[str]().union(*(one.signals for one in inputs.filters)))
    others = [name for name in inputs.annotators if name in {*ON_DEMAND, *(signal.partition(".")[0] for signal in filtered)}]
    for annotator in dict.fromkeys([*SIGNALS, *others]):
        said = store.rows(lake, annotators[annotator])
        key = [name for name in ("content", "name", "path") if name in said.collect_schema()]
        full = [pl.col(name.partition(".")[2]).alias(name) for name in filtered if name.startswith(f"{annotator}.")]
        mark = [] if annotator in SIGNALS else [pl.lit(True).alias(said_by(annotator))]
        plain = SIGNALS.get(annotator) or ON_DEMAND.get(annotator, ())
        rows = rows.join(said.select(*key, *plain, *full, *mark), on=key, how="left")
    # Of both, as one signal; rows of an older version don't say it of folders.
    by_folder = pl.col("generated_folder").fill_null(value=False)
    rows = rows.with_columns(pl.col("generated") | by_folder).drop("generated_folder")
    for annotator in inputs.spans:
        rows = rows.join(boundaries(lake, annotator), on="content", how="left")
    if BENCHMARKS in inputs.annotators:
        said = store.rows(lake, annotators[BENCHMARKS])
        rows = rows.join(said.select("content", "items", pl.lit(True).alias(said_by(BENCHMARKS))), on="content", how="left")
    if IMPORTS in inputs.annotators:
        rows = _with_places(rows, store.rows(lake, annotators[IMPORTS]))
    if inputs.notebooks != AS_IS:
        rows = _with_notebooks(rows, store.rows(lake, annotators[NOTEBOOK]), inputs)
    decisions = _decisions(lake, inputs).drop("content")
    return _with_forge(lake, inputs, rows.join(decisions, on=["root", "path"], how="left")).collect(engine="streaming")


def _with_places(rows: pl.LazyFrame, said: pl.LazyFrame) -> pl.LazyFrame:
    every = said.select("root", "files").explode("files", empty_as_null=False, keep_nulls=False).unnest("files")
    rows = rows.join(said.select("root", pl.lit(True).alias(said_by(IMPORTS))), on="root", how="left")
    return rows.join(every.select("root", "path", place_in_tree="place"), on=["root", "path"], how="left")


def _with_notebooks(rows: pl.LazyFrame, said: pl.LazyFrame, inputs: Inputs) -> pl.LazyFrame:
    text = pl.col(inputs.notebooks).struct
    found = [text.field(name).struct for name in inputs.spans]
    said = said.select(
        "content",
        "name",
        notebook_length=text.field("length"),
        notebook_error="error",
        notebook_spans=pl.struct(one.field("spans").alias(name) for one, name in zip(found, inputs.spans, strict=True))
        if found
        else None,
        notebook_whole=~pl.any_horizontal(False, *(one.field("truncated") for one in found)),
        notebook_read=True,
    )
    is_one = pl.col("name").map_batches(
        lambda names: pl.Series([is_notebook(name) for name in names], dtype=pl.Boolean), return_dtype=pl.Boolean
    )
    rows = rows.with_columns(notebook=is_one).join(said, on=["content", "name"], how="left")
    whole = {
        name: pl.when("notebook").then("notebook_whole").otherwise(name) for name in (f"whole_{one}" for one in inputs.spans)
    }
    unread = pl.col("notebook") & pl.col("notebook_read").is_null()
    return rows.with_columns(**whole, notebook_unread=unread).drop("notebook_read", "notebook_whole")


def said_by(annotator: str) -> str:
    """The column that is true where an annotator has a row."""
    return f"said_{annotator}"


def refuse_stale(lake: Lake, name: str, rows: pl.DataFrame, near: bool) -> None:
    """Refuse files that earlier stages looked at with other annotators, another policy or another way of comparing.

    They would be left out as unknown, or kept as unlike anything, for a reason that is none.

    Args:
        lake: the lake.
        name: of the dataset, for the message.
        rows: what ``files`` returned.
        near: whether near-duplicates matter.

    Raises:
        GateError: it names the slice and the stage to run again.
    """
    here = rows.filter((pl.col("perms") != SYMLINK_PERMS) & (pl.col("verified") == "yes"))
    unsaid = [pl.col(name).is_null().all() for name in here.columns if name == "binary" or name.startswith(said_by(""))]
    unread = pl.col("notebook_unread") if "notebook_unread" in here.columns else pl.lit(False)
    unseen = here.filter(pl.any_horizontal(unsaid).over("root") | unread)
    undecided = here.filter(pl.col("verdict").is_null().all().over("root"))
    comparing = configured(lake.settings)
    uncompared = here.filter(~pl.col("binary") & pl.col("length").is_between(1, comparing.most_bytes)) if near else here.clear()
    done = lake.scan(SIGNATURE).filter(pl.col("configuration") == comparing.key(lake.settings)).select("content")
    uncompared = uncompared.lazy().join(done, on="content", how="anti").collect()
    for stage, found in (("enriched_context", unseen), ("license_qualified", undecided), ("deduped", uncompared)):
        if found.height:
            day, source = found.select("slice", "source").row(0)
            why = _why_uncompared(lake, found) if stage == "deduped" else _CHANGED
            raise GateError(
                f"training_shards refuses {name}: {found.height} files, such as those of {source} on {day}, have not been "
                f"through today's {stage}: {why}, so materialize {stage} of {day} again (`codecommons ingest --day {day}`)"
            )


_CHANGED = "its code or configuration has changed since"


def _why_uncompared(lake: Lake, found: pl.DataFrame) -> str:
    """Why files that came through ``deduped`` are not compared: who has bands and no signature lost it, or never got it."""
    lake.register(BAND)
    key = pl.col("configuration") == configured(lake.settings).key(lake.settings)
    bands = lake.scan(BAND).filter(key).join(found.lazy(), on="content", how="semi").select(pl.len()).collect().item()
    if not bands:
        return _CHANGED
    if lake.scan("skipped_content").filter(pl.col("reason") == TAKEN_DOWN).select(pl.len()).collect().item():
        return "texts that they shared a crowded band with were taken down, which may leave pairs that nobody has compared"
    return "a run of it was cut off before all pairs were compared"


def first_occurrences(lake: Lake, inputs: Inputs, contents: pl.DataFrame) -> pl.DataFrame:
    """Where each text was seen first: the minimum of since over all trees that count, undated last.

    A text is the content, or another one that differs from it in line ends, trailing blanks or a byte order mark only: who
    converts a file to other line ends has not written it. Since when it is in a repository its history says (``with_since``);
    what only a history has, and no tree, is no occurrence: nobody has decided anything about it. Several may have a text since
    the same time: of a repository the newest tree that has it counts, and of forks and paths the one whose decision holds
    (``license.forks``); of what is left the first by date, anchor, origin and path.

    Args:
        lake: the lake.
        inputs: which slices count, and the policy that is asked.
        contents: column content (binary), unique.

    Returns:
        content, first_content, first_origin, first_anchor (SWHID), first_path (binary); first_since and first_revision, as
        ``with_since``; first_verdict and first_rule of the decision there, null without one.
    """
    seen = trees(lake, inputs).with_row_index("turn").group_by("anchor", "origin", "root", "anchor_date").agg(pl.max("turn"))
    texts = store.rows(lake, current(lake.settings)[SAME_TEXT]).select("content", "normalized").drop_nulls()
    same = contents.lazy().join(texts, on="content").join(texts.rename({"content": "first_content"}), on="normalized")
    same = pl.concat([same.select("content", "first_content"), contents.lazy().select("content", first_content="content")])
    paths = (
        lake.scan("tree_file")
        .select("root", "path", first_content="content")
        .join(same.unique().collect().lazy(), on="first_content")
    )
    # Since when is asked of the content that is there, which need not be the one that is asked about.
    places = seen.lazy().join(paths, on="root").rename({"content": "text", "first_content": "content"})
    state = pl.when(~pl.col("anchor").str.starts_with("swh:1:rel:")).then("turn")
    first = (
        with_since(lake, inputs, places)
        .filter(pl.col("since").eq_missing(pl.col("since").min().over("text")))
        .filter(state.eq_missing(state.max().over("text", "origin")))
    )
    decisions = _decisions(lake, inputs).drop("content")
    decided = _with_forge(lake, inputs, first.join(decisions, on=["root", "path"], how="left"))
    known = decided.drop("license", "evidence").collect(engine="streaming")
    brought = pl.when(pl.col("anchor").str.starts_with(_REVISION)).then(pl.col("anchor").str.slice(10).str.decode("hex"))
    claims = known.with_columns(revision=pl.coalesce("since_revision", brought))
    told = {"content": "content", "origin": "origin", "anchor": "anchor", "path": "path", "since": "since"}
    told |= {"revision": "since_revision", "verdict": "verdict", "rule": "rule"}
    return (
        forks.holding(lake, claims, _judging(lake, inputs))
        .sort("text", "anchor_date", "anchor", "origin", "path", nulls_last=True)
        .unique("text", keep="first", maintain_order=True)
        .select(content="text", **{f"first_{name}": pl.col(column) for name, column in told.items()})
    )


def _with_forge(lake: Lake, inputs: Inputs, decided: pl.LazyFrame) -> pl.LazyFrame:
    """Decisions with what the forge says of the whole repository, where the policy asks it."""
    return forge.last_resort(decided, repositories(lake, inputs), _judging(lake, inputs))


def _judging(lake: Lake, inputs: Inputs) -> Policy:
    return policy(lake.settings, inputs.policy.rpartition("-")[0])


def repositories(lake: Lake, inputs: Inputs) -> pl.DataFrame:
    """What forges last said of repositories, up to the dataset's day; columns as ``annotate.forge.repositories.newest``."""
    return newest(lake, pl.DataFrame(inputs.slices).select("slice", "source").unique())


def _decisions(lake: Lake, inputs: Inputs) -> pl.LazyFrame:
    decided = decisions(lake, inputs.policy)
    return decided.select("root", "path", "content", "verdict", "rule", "evidence", license="expression")
