# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The licence of every file in its own tree, from what was found in the files of that tree.

A file's own header decides. Else it is what the collection that brought the file declares of it; a declaration that nobody can
read leaves it unknown, whatever stands around. Else it is the nearest folder on the way up that says something, by licence files
or package metadata; a nested one overrides the outer ones inside its folder. Where none does, the nearest README or NOTICE
speaks. The way up ends at a foreign folder (one of ``Policy.foreign_folders``, a virtual environment, or what the
annotator ``path_facts`` calls vendored): somebody else's code never takes the licence of the project around it.

Several licence files in one folder are all asked for (AND), unless the metadata beside them names the same licences and says how
they go together (``Apache-2.0 OR MIT``). Where licence files and metadata of one folder contradict each other so that the verdict
hangs on whom to believe, the verdict is ``conflict``. All that was found is in the evidence, what decided first.
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass, replace

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from codecommons.license.expressions import conjunction, families, offers_choice
from codecommons.license.policy import CONFLICT, CONFLICTING, NO_LICENSE, Judgement, Policy
from codecommons.swhid import Span, Swhid, swhid_text

HEADER, DECLARED, LICENSE_FILE, METADATA, MENTION = "header", "declared", "license-file", "metadata", "mention"
NOTHING, FOREIGN = "nothing", "foreign"

# What ``decide`` needs to know of each file, see there.
COLUMNS = ("root", "path", "content", "own", "lines", "speaks", "metadata", "vendored", "declared", "declared_by")


@dataclass(frozen=True)
class Statement:
    """What one folder says about the files in it.

    Attributes:
        expression: SPDX expression; None where nobody says anything.
        judgement: verdict, and the rule of the policy behind it.
        kind: what decided.
        evidence: SWHIDs, what decided first.
        vendored: whether what says so is itself vendored.
    """

    expression: str | None
    judgement: Judgement
    kind: str
    evidence: tuple[str, ...] = ()
    vendored: bool = False


@dataclass(frozen=True)
class _Found:
    """An expression in one file of a folder."""

    expression: str
    evidence: str
    vendored: bool


def decide(files: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Decide on every file of some trees.

    Args:
        files: all files of each tree. Columns root, path (from the root, bytes), content; own (expression that the
            file states, or null) and lines (where, ``3-20``, or null); speaks (whether it states that for its folder:
            ``license-file``, ``mention``, or null: for itself only); metadata (expression in package metadata, or null);
            vendored; declared (expression that the file's collection declares of it, or null) and declared_by (which collection).
        policy: what expressions are worth.

    Returns:
        The same rows, sorted by root and path, with columns root, path, content, expression, verdict, rule, evidence. A rule
        is what decided (header, declared, license-file, metadata, mention, nothing, or foreign: nothing, in somebody else's code)
        and the policy's rule, as in ``header/permissive-license``. Evidence are SWHIDs; that of a file nobody says anything about
        is the tree that was searched, and behind that of one that a collection speaks of stands the collection's name.
    """
    files = _with_folders(files.select(COLUMNS)).sort("root", "path")
    files = files.with_columns(vendored=pl.col("vendored") & ~pl.col("path").is_in(_own_paths(files, policy).implode()))
    folders = files.select("root", "folder", "vendored").unique().sort("root", "folder", "vendored")
    firm, weak = (_Nearest(found, _environments(files), policy) for found in _statements(files, policy))
    statements = [firm.find(*folder) or weak.find(*folder) or firm.nothing(*folder) for folder in folders.iter_rows()]
    outer = folders.hstack(_columns(statements, "outer_"))
    files = files.join(outer, on=["root", "folder", "vendored"], how="left")
    silent = files.filter(pl.col("own").is_null() & pl.col("declared").is_null())
    inherited = silent.select("root", "path", "content", pl.col(r"^outer_.*$").name.map(lambda name: name.removeprefix("outer_")))
    stated = _stated(files.join(silent, on=["root", "path"], how="anti"), policy).select(inherited.columns)
    return pl.concat([inherited, stated]).sort("root", "path")


def _stated(files: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Decide on files of which something is said by name; whoever says otherwise stands behind it in the evidence."""
    names = {LICENSE_FILE: LICENSE_FILE, MENTION: HEADER, None: HEADER}
    says = files.select("own", "speaks", "declared").unique()
    statements = [
        Statement(own or declared, policy.judge(own or declared), names[speaks] if own else DECLARED)
        for own, speaks, declared in says.iter_rows()
    ]
    judged = says.hstack(_columns(statements)).drop("evidence")
    files = files.with_columns(swhid=pl.Series(_swhids(files), dtype=pl.String))
    files = files.join(judged, on=["own", "speaks", "declared"], how="left", nulls_equal=True)
    decided = pl.col("expression")
    # A declaration that only repeats what the file itself says is no further evidence.
    collection = pl.col("own").is_null() | (pl.col("declared") != decided)
    surroundings = pl.col("outer_expression") != decided
    none = pl.lit([], dtype=pl.List(pl.String))
    evidence = pl.concat_list(
        "swhid",
        pl.when(collection).then(pl.concat_list("declared_by")).otherwise(none),
        pl.when(surroundings).then("outer_evidence").otherwise(none),
    )
    return files.with_columns(evidence=evidence)


def _columns(statements: list[Statement], prefix: str = "") -> pl.DataFrame:
    return pl.DataFrame(
        {
            f"{prefix}expression": pl.Series([one.expression for one in statements], dtype=pl.String),
            f"{prefix}verdict": pl.Series([one.judgement.verdict for one in statements], dtype=pl.String),
            f"{prefix}rule": pl.Series([f"{one.kind}/{one.judgement.rule}" for one in statements], dtype=pl.String),
            f"{prefix}evidence": pl.Series([list(one.evidence) for one in statements], dtype=pl.List(pl.String)),
        }
    )


def _with_folders(files: pl.DataFrame) -> pl.DataFrame:
    """Add folder (without a slash at its end, empty for the root) and name: Arrow splits bytes that may be no UTF-8."""
    parts = pc.extract_regex(files["path"].to_arrow().cast(pa.binary()), r"(?s)^(?:(?P<folder>.*)/)?(?P<name>[^/]*)$")
    return files.with_columns(pl.from_arrow(parts).struct.unnest())  # type: ignore[union-attr]


def _own_paths(files: pl.DataFrame, policy: Policy) -> pl.Series:
    """Paths called vendored that the policy says are the project's own."""
    own = re.compile("|".join(f"(?:{pattern})" for pattern in policy.own_paths) or "(?!)")
    paths = files.filter("vendored")["path"].unique()
    return paths.filter(pl.Series([own.search(path.decode("utf-8", "replace")) is not None for path in paths], dtype=pl.Boolean))


def _environments(files: pl.DataFrame) -> frozenset[tuple[bytes, bytes]]:
    """Folders that are Python virtual environments, as (root, folder)."""
    return frozenset(files.filter(pl.col("name") == b"pyvenv.cfg").select("root", "folder").iter_rows())


def _swhids(files: pl.DataFrame) -> list[str]:
    """Where each file says what it says."""
    return [_swhid(*row) for row in files.select("root", "path", "content", "lines").iter_rows()]


def _swhid(root: bytes, path: bytes, content: bytes, lines: str | None) -> str:
    first, _, last = (lines or "").partition("-")
    span = Span(int(first), int(last or first)) if first else None
    return str(Swhid("cnt", content, anchor=swhid_text("dir", root), path=b"/" + path, lines=span))


_Statements = dict[tuple[bytes, bytes], Statement]


def _statements(files: pl.DataFrame, policy: Policy) -> tuple[_Statements, _Statements]:
    """What each folder says, by (root, folder): firmly (licence files, metadata), and what is merely mentioned in it."""
    stated, declared = (pl.col("speaks").is_not_null() & pl.col("own").is_not_null()), pl.col("metadata").is_not_null()
    found: dict[tuple[bytes, bytes], dict[str, list[_Found]]] = {}
    for row in files.filter(stated | declared).iter_rows(named=True):
        kinds = found.setdefault((row["root"], row["folder"]), {LICENSE_FILE: [], METADATA: [], MENTION: []})
        where = _swhid(row["root"], row["path"], row["content"], row["lines"])
        for kind, expression in ((row["speaks"], row["own"]), (METADATA, row["metadata"])):
            if kind is not None and expression is not None:
                kinds[kind].append(_Found(expression, where, row["vendored"]))
    firm = {
        key: _combine(kinds[LICENSE_FILE], kinds[METADATA], policy)
        for key, kinds in found.items()
        if kinds[LICENSE_FILE] or kinds[METADATA]
    }
    weak = {key: replace(_combine(kinds[MENTION], [], policy), kind=MENTION) for key, kinds in found.items() if kinds[MENTION]}
    return firm, weak


def _combine(texts: list[_Found], metadata: list[_Found], policy: Policy) -> Statement:
    """What the licence files and the metadata of one folder say together."""
    evidence = tuple(dict.fromkeys(one.evidence for one in (*texts, *metadata)))
    vendored = any(one.vendored for one in (*texts, *metadata))
    written = conjunction(one.expression for one in texts)
    declared = conjunction(_settled([one.expression for one in metadata]))
    kind, expression = (LICENSE_FILE, written) if texts else (METADATA, declared)
    judgement = policy.judge(expression)
    if texts and metadata:
        said = policy.judge(declared)
        if families(written) <= families(declared):
            expression, judgement = declared, said
        elif said.verdict not in (judgement.verdict, "unknown"):
            expression, judgement = conjunction([written, declared]), Judgement(CONFLICT, CONFLICTING)
    return Statement(expression, judgement, kind, evidence, vendored)


def _settled(declared: list[str]) -> list[str]:
    """What several manifests of a folder declare, without what another of them puts as a choice: classifiers can't say OR."""
    choices = [families(one) for one in declared if offers_choice(one)]
    return [one for one in declared if offers_choice(one) or not any(families(one) <= choice for choice in choices)]


class _Nearest:
    """Finds the statement that holds in a folder, each folder once."""

    def __init__(self, statements: _Statements, environments: Container[tuple[bytes, bytes]], policy: Policy) -> None:
        self._statements = statements
        self._environments = environments
        self._foreign = frozenset(name.lower().encode() for name in policy.foreign_folders)
        # (root, folder) -> its statement if there is one, and whether the way up ended at a foreign folder.
        self._known: dict[tuple[bytes, bytes], tuple[Statement | None, bool]] = {}

    def find(self, root: bytes, folder: bytes, vendored: bool) -> Statement | None:
        """The statement that holds for the files of a folder.

        A vendored file below a folder that is the project's own: what the project says about itself is not about this file.
        """
        statement, _ = self._up(root, folder)
        return statement if statement is not None and (statement.vendored or not vendored) else None

    def nothing(self, root: bytes, folder: bytes, vendored: bool) -> Statement:
        """What is left to say where there is no statement."""
        kind = FOREIGN if vendored or self._up(root, folder)[1] else NOTHING
        return Statement(None, Judgement("unknown", NO_LICENSE), kind, (swhid_text("dir", root),))

    def _up(self, root: bytes, folder: bytes) -> tuple[Statement | None, bool]:
        below: list[tuple[bytes, bytes]] = []
        while (root, folder) not in self._known:
            below.append((root, folder))
            statement = self._statements.get((root, folder))
            foreign = folder.rpartition(b"/")[2].lower() in self._foreign or (root, folder) in self._environments
            if statement is not None or foreign or not folder:
                self._known[root, folder] = statement, foreign and statement is None
                break
            folder = folder.rpartition(b"/")[0]
        found = self._known[root, folder]
        self._known.update(dict.fromkeys(below, found))
        return found
