# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Commits as rows: what a file was, why somebody changed it, and what they left.

A row is a file of the tree that a dataset takes anyway, as one commit left it that changed nothing else: its licence is that of
the file there, unless one of the two versions states another. What was never a file of that tree is nobody's to judge, and is
no candidate. Only commits in the history of the head count. Who made them stays out: lines of a message that name people go,
whatever is redacted.

Source: OctoPack (Muennighoff et al. 2024), section 2 and appendix, for commits of one file and for what a message must say.
"""

from __future__ import annotations

import codecs
import re

import polars as pl

from codecommons.annotate import store
from codecommons.annotate.annotator import current
from codecommons.archive import changes
from codecommons.archive.history import held
from codecommons.archive.lineage import ORIGINS, Lineage
from codecommons.datasets.candidates import described, said_by, trees
from codecommons.datasets.inputs import BENCHMARKS, Inputs
from codecommons.datasets.redaction import boundaries
from codecommons.errors import GateError
from codecommons.lake import Lake
from codecommons.license.evidence import said_in, statements
from codecommons.license.policy import Policy
from codecommons.license.resolve import NEAREST

# Revisions that are given at once.
_ROWS = 200_000
# What of the version before has a column of its own, with ``before_`` before its name.
_SIDE = ("content", "length", "status", "verified", "encoding", "binary")
# Lines that name people: Signed-off-by: and all its kin, wherever they are quoted and however they are broken; what svn knew a
# commit by, whose last word was a login; and whatever has a mail address behind a name.
_KEYS = r"(?:[a-z]{1,30}[ -]){1,4}by|by|[a-z]{0,20}-?cc|from|to|authors?|committers?|thanks(?:[ -]to)?|git-svn-id"
_NAMES_PEOPLE = re.compile(
    rf"(?im)^[ \t>*#|-]{{0,20}}(?:(?:{_KEYS})[ \t]*:.*|patch(?:es)? (?:by|from) .*|.*\S[ \t]+<[^<>\s@]+@[^<>\s]+>.*)$\n?"
    r"(?:^[ \t]+\S.*$\n?)*"
)
# Encodings that Python has for itself: nobody's messages are in them, and some are slow to read.
_PYTHONS_OWN = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})


def candidates(lake: Lake, inputs: Inputs) -> pl.DataFrame:
    """One row per commit that changed one file of a current tree, and nothing else.

    Returns:
        The columns of ``candidates.files``, of the version that the commit left, with the commit and its date as ``anchor``,
        ``anchor_date`` and ``since`` (``root`` is the current tree);
        revision_id and parent_id (binary), author and committer (sha256 of their names), message (text; null where it is none);
        of the version before: before_content, before_length, before_status, before_verified, before_encoding, before_binary,
        before_whole_<annotator> and before_items, likewise.

    Raises:
        GateError: nobody has looked at what the commits of a history changed.
        LakeError: a table can't be read.
    """
    heads = trees(lake, inputs).filter("current", pl.col("anchor").str.starts_with("swh:1:rev:")).drop("current", "anchor_date")
    history = _history(lake, heads)
    changed = lake.scan(changes.TABLE).select("revision", "parent", "path", "before", "after")
    known = history.lazy().join(changed, on="revision").collect(engine="streaming")
    _refuse_unlooked(lake, heads, history, known)
    seconds = pl.col("date").struct.field("seconds")
    revisions = lake.scan("revision").select("author", "committer", date=seconds, revision="id")
    paths = lake.scan("tree_file").select("root", "path", "perms")
    places = (
        known.lazy()
        .filter(pl.col("path").is_not_null())
        .join(heads.lazy(), on="origin")
        .join(paths, on=["root", "path"])
        .join(revisions, on="revision")
        .rename({"revision": "revision_id", "parent": "parent_id", "before": "before_content", "after": "content"})
        .collect(engine="streaming")
    )
    said = messages(lake, places)
    end_of_day = pl.col("slice").str.to_date().dt.offset_by("1d").dt.epoch("s")
    places = places.with_columns(
        anchor=pl.lit("swh:1:rev:") + pl.col("revision_id").bin.encode("hex"),
        anchor_date=pl.when((pl.col("date") > 0) & (pl.col("date") < end_of_day)).then("date"),
        message=pl.Series([said[one] for one in places["revision_id"]], dtype=pl.String),
    ).drop("date")
    places = places.with_columns(since="anchor_date")
    rows = described(lake, inputs, places)
    return rows.join(_before(lake, inputs, rows), on="before_content", how="left")


def _history(lake: Lake, heads: pl.DataFrame) -> pl.DataFrame:
    """What the heads of origins reach: origin and revision (binary)."""
    revisions = heads.select("origin", revision=pl.col("anchor").str.slice(10).str.decode("hex")).unique().sort("origin")
    found = [pl.DataFrame(schema={"revision": pl.Binary, "origin": pl.String})]
    if revisions.height:
        with changes.asking(lake) as sql, Lineage(sql, lake.settings.cache) as lineage:
            for some in revisions.iter_slices(ORIGINS):
                for reached in lineage.reached(some.with_row_index("bit").select("revision", "bit"), _ROWS):
                    found += held(reached, some["origin"])
    return pl.concat(found)


def _refuse_unlooked(lake: Lake, heads: pl.DataFrame, history: pl.DataFrame, known: pl.DataFrame) -> None:
    unlooked = history.join(known, on="revision", how="anti").select("revision", "origin").unique()
    if not unlooked.height:
        return
    history_of = lake.scan("revision_history").select("parent_id", revision="id")
    parents = history_of.join(unlooked.lazy().select("revision"), on="revision", how="semi").collect(engine="streaming")
    absent = lake.keys_missing("revision", parents.select(id="parent_id").unique())
    # Of a revision whose only parent is not there nobody can say what it changed.
    alone = parents.filter(pl.len().over("revision") == 1).join(absent, left_on="parent_id", right_on="id", how="semi")
    left = heads.join(unlooked.join(alone, on="revision", how="anti"), on="origin").sort("origin", "slice")
    if left.height:
        day, origin = left.select("slice", "origin").row(0)
        raise GateError(
            f"training_shards lacks {left['revision'].n_unique()} commits of {left['origin'].n_unique()} repositories, such as "
            f"{origin}: nobody has looked at what they changed; set CODECOMMONS_COMMITS=1 and materialize enriched_context of "
            f"{day} again"
        )


def _before(lake: Lake, inputs: Inputs, rows: pl.DataFrame) -> pl.DataFrame:
    """What has to be known of the versions before, by before_content."""
    annotators = current(lake.settings)
    wanted = rows.lazy().select(content="before_content").unique()
    there = lake.scan("content").select("length", "status", "verified", content="sha1_git")
    encodings = store.rows(lake, annotators["encoding"]).select("content", "encoding", "binary")
    found = wanted.join(there, on="content", how="left").join(encodings, on="content", how="left").select(_SIDE)
    for annotator in inputs.spans:
        found = found.join(boundaries(lake, annotator).drop(said_by(annotator)), on="content", how="left")
    if BENCHMARKS in inputs.annotators:
        items = store.rows(lake, annotators[BENCHMARKS]).select("content", "items")
        found = found.join(items, on="content", how="left")
    return found.rename(lambda name: f"before_{name}").collect(engine="streaming")


def messages(lake: Lake, commits: pl.DataFrame) -> dict[bytes, str | None]:
    """The messages of commits as rows have them (``message_of``), of those that the lake has.

    Args:
        lake: the lake.
        commits: column revision_id.

    Raises:
        LakeError: a table can't be read.
    """
    wanted = commits.lazy().select(id="revision_id").unique()
    headers = lake.scan("revision_extra_headers").filter(pl.col("key") == b"encoding").join(wanted, on="id", how="semi")
    encodings = headers.group_by("id").agg(encoding=pl.col("value").sort_by("rank").first())
    raw = lake.scan("revision").select("id", "message").join(wanted, on="id", how="semi")
    said = raw.join(encodings, on="id", how="left").select("id", "message", "encoding").collect()
    return {revision: message_of(message, encoding) for revision, message, encoding in said.iter_rows()}


def message_of(raw: bytes | None, encoding: bytes | None = None) -> str | None:
    """A commit's message as a row has it, without lines that name people; None where nothing is left, or it is no text.

    Args:
        raw: the message.
        encoding: in what the commit says that it is, where it is no UTF-8.
    """
    known = (_read(raw or b"", name) for name in ("utf-8", (encoding or b"").decode(errors="replace")))
    text = next((one for one in known if one is not None), None)
    if text is None:
        return None
    return _NAMES_PEOPLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip() or None


def _read(raw: bytes, encoding: str) -> str | None:
    """A text in an encoding; None where it is none, or there is no such encoding."""
    try:
        if codecs.lookup(encoding).name in _PYTHONS_OWN:
            return None
        text = raw.decode(encoding)
        text.encode()  # halves of pairs, which UTF-7 can hold, are no text
    except (LookupError, ValueError):
        return None
    return text


def judged(lake: Lake, rows: pl.DataFrame, judging: Policy, accepted: list[str]) -> pl.DataFrame:
    """Let what the versions of a file state themselves count.

    Args:
        lake: the lake.
        rows: of ``candidates``.
        judging: the licence policy.
        accepted: its verdicts that let a row in.

    Returns:
        The rows, with license and verdict of what the version after states, where it states something, and ``permitted``:
        whether the file in its tree and both versions are accepted.
    """
    if judging.resolution != NEAREST:
        return rows.with_columns(permitted=pl.col("verdict").is_in(accepted))
    sides = [rows.select("content", "name"), rows.select("name", content="before_content").select("content", "name")]
    own = (
        statements(said_in(lake), pl.concat(sides).unique().lazy())
        .filter(pl.col("speaks").is_null())
        .select("content", "name", "own")
    )
    worth = {one: judging.judge(one).verdict for one in own["own"].unique().sort()}
    own = own.with_columns(own_verdict=pl.col("own").replace_strict(worth, return_dtype=pl.String))
    before = own.select("name", before_content="content", before_verdict="own_verdict")
    rows = rows.join(own, on=["content", "name"], how="left").join(before, on=["before_content", "name"], how="left")
    good = [
        pl.col("verdict").is_in(accepted),
        *(pl.col(side).is_null() | pl.col(side).is_in(accepted) for side in ("own_verdict", "before_verdict")),
    ]
    return rows.with_columns(
        permitted=pl.all_horizontal(good),
        license=pl.coalesce("own", "license"),
        verdict=pl.coalesce("own_verdict", "verdict"),
    ).drop("own", "own_verdict", "before_verdict")


# Messages that say nothing, in lower case: those of CommitPack.
_EMPTY = """
add files via upload|can't you see i'm updating the time?|commit|create readme.md|dummy|first commit|heartbeat update
initial commit|mirroring from micro.blog.|no message|pi push|readme|test|update|update _config.yaml|update data.js
update data.json|update index.html|update log|update readme|update readme.md|updated readme|updates|wip
"""
# Verbs that an instruction begins with. OctoPack has a list of some 270; this one is ours.
_VERBS = """
add adjust align allow append apply avoid bring build cache change check clarify clean clear combine compute configure
convert copy correct create declare decrease define delete detect disable display document drop enable enforce ensure escape
exclude expand expose extend extract filter fix fold format generalize generate handle hide ignore implement import improve
include increase initialize inline insert install introduce limit load log make mark match merge migrate modify move
normalize omit optimize parse pass permit prefer prepare prevent print protect provide raise read reduce refactor reformat
register release relax remove rename reorder reorganize replace report require reset resolve restore restrict return reuse
revert rewrite run save send separate set show silence simplify skip sort specify speed split start stop store support
suppress switch sync test tidy tighten track translate trim tweak turn unify update upgrade use validate verify work wrap
write
"""


def _rules() -> dict[str, list[tuple[str, pl.Expr]]]:
    """Filter of messages -> what each must be, in order, over the columns message, name and lengths of both versions."""
    message, subject = pl.col("message"), pl.col("message").str.extract(r"^([^\n]*)").str.strip_chars()
    lower, words = subject.str.to_lowercase(), subject.str.split(" ").list.len()
    # [core] Fix … and core: Fix … begin with a label, and some end with one.
    bare = subject.str.replace(r"^(?:\[\S*\]|\S*:)\s+", "").str.replace(r"\s+\[\S*\]$", "").str.strip_chars()
    stem = pl.col("name").cast(pl.Binary).map_batches(_stems, return_dtype=pl.String)
    pack = [
        ("has_some_length", message.str.len_chars().is_between(6, 9_999)),
        ("says_something", ~message.str.to_lowercase().is_in([one for line in _EMPTY.split("\n") for one in line.split("|")])),
        ("is_no_merge", ~message.str.to_lowercase().str.starts_with("merge")),
    ]
    names = [*_VERBS.split()]
    told = [
        ("is_a_sentence", subject.str.len_chars().is_between(11, 999) & words.is_between(5, 999)),
        ("is_a_sentence_without_labels", bare.str.len_chars().is_between(11, 999) & bare.str.split(" ").list.len().ge(5)),
        ("begins_with_a_capital", bare.str.contains(r"^\p{Lu}")),
        ("begins_with_a_verb", bare.str.to_lowercase().str.extract(r"^(\w+)\s").is_in(names)),
        ("refers_to_nothing", ~lower.str.contains(r"#|https?://|(?:issue|bug|feature)\s*\d+|[0-9a-f]{40}|cherry picked from")),
        ("is_not_about_the_file", stem.is_null() | ~subject.str.contains(stem, literal=True)),
        ("is_no_version", ~bare.str.to_lowercase().str.contains(r"^(?:bump|set version|update version|v?\d+\.\d+\.\d+)")),
        ("is_of_nobody", ~lower.str.contains(r" i |i've|i'm|thanks to|code review|signed-off-by|update contributing")),
        ("is_not_unfinished", ~lower.str.contains(r"work in progress|wip|auto commit|leetcode|<\?xml")),
        ("is_of_a_small_file", (pl.col("before_length") < 50_000) & (pl.col("length") > 0)),
    ]
    return {"none": [], "commitpack": pack, "commitpackft": pack + told}


def _stems(names: pl.Series) -> pl.Series:
    """``setup`` of ``setup.py``; null where a name has no dot."""
    texts = (name.decode(errors="replace").split(".") for name in names)
    return pl.Series([parts[-2] or None if len(parts) > 1 else None for parts in texts], dtype=pl.String)


# What a specification may ask of messages; the version goes with the names of rules into what is left out.
MESSAGES = _rules()
VERSION = 1


def failed(filter_: str) -> pl.Expr:
    """The first rule of a filter that a commit does not keep, as ``commitpackft@1: begins_with_a_verb``; null: it keeps all."""
    return pl.coalesce(
        *(
            pl.when(~keeps.fill_null(value=False)).then(pl.lit(f"{filter_}@{VERSION}: {name}"))
            for name, keeps in MESSAGES[filter_]
        ),
        pl.lit(None, pl.String),
    )
