# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The licence of every file in its own tree, from what was found in the files of that tree, whatever it is worth to anybody.

``nearest``: a file's own header decides. Else it is what the collection that brought the file declares of it; a declaration that
nobody can read leaves it unknown, whatever stands around. Else it is the nearest folder on the way up that says something, by
licence files or package metadata; a nested one overrides the outer ones inside its folder. Where none does, the nearest README or
NOTICE speaks. What a list of licences in the tree (``lists``) says of a file comes before these, as far as it is as close: one
that names ``src/*`` speaks from ``src``, and says nothing about ``src/old`` where that has a licence file of its own. The way up
ends at a foreign folder (``FOREIGN_FOLDERS``, a virtual environment, or what the annotator ``path_facts`` calls vendored):
somebody else's code never takes the licence of the project around it.

A licence file or a licence field with words that nobody can read (terms of somebody's own) says that there is a licence, and not
which: where nothing beside it can be read, its folder's files are unknown, whatever stands further up.

A licence file that offers a choice, and then has the texts of what it offers, offers that choice. Several licence files in one
folder are all asked for (AND), unless the metadata beside them names the same licences and says how
they go together (``Apache-2.0 OR MIT``). Where licence files and metadata of one folder name different licences, what the
metadata say is kept as ``otherwise``: a policy to which that makes a difference calls it a conflict. All that was found is in the
evidence, what decided first.

``stack-v2``: what The Stack v2 did, to compare with. A file has every licence that a file named like a licence file, a README or
a NOTICE states in its own folder or in one above; nested ones add, and nothing else counts: no header, no metadata, no foreign
folder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from codecommons.annotate.annotator import current
from codecommons.lake.stages import digest
from codecommons.license.expressions import INDEX, conjunction, families, offers_choice, parts, settled
from codecommons.license.lists import SIDECAR, UNREADABLE, where_said
from codecommons.settings import Settings
from codecommons.swhid import swhid_text

# Raised when the code resolves differently on the same evidence.
VERSION = 9
HEADER, DECLARED, LISTED = "header", "declared", "listed"
LICENSE_FILE, METADATA, MENTION = "license-file", "metadata", "mention"
# What third parties' licences are to a folder: more to ask for, where it has a licence of its own.
OTHERS = "others"
NOTHING, FOREIGN = "nothing", "foreign"

# What resolving needs to know of each file, see ``nearest``.
COLUMNS = (
    *("root", "path", "content", "own", "lines", "speaks", "metadata", "vendored"),
    *("declared", "declared_by", "listed", "listed_by", "listed_at"),
)
RESOLVED = ("root", "path", "content", "expression", "otherwise", "kind", "evidence")
# Annotators whose answers are resolved.
ANNOTATORS = ("file_licenses", "language", "license_evidence", "path_facts", "project_metadata")

# Folders with somebody else's code, as regular expressions of how their paths end: what lies in them never takes the licence of
# the project around them. Where package managers keep what they fetched is known by two names (``.cargo`` also has the project's
# own settings) or by a version.
_FOREIGN = rb"""
    (?:[._]?vendor(?:s|ed)?|third[-_\x20]?part(?:y|ies)|3rd[-_\x20]?party|externals?|extern)(?:[-_]<kind>)? ext[-_]<kind>
    deps _deps subprojects submodules packagecache dist-packages site-packages __pypackages__ [^/]+@v\d[^/]* [^/]+\.egg
    \.eggs \.tox \.nox \.venv \.virtualenvs? \.pyenv \.cache/(?:pip|pypoetry|uv) \.conda
    (?:ana|mini)conda\d?/(?:envs|lib|pkgs) node[-_]modules(?:[-_.](?:bak|backup|old|orig|tmp))? bower_components
    jspm_(?:packages|modules) web_modules deno_modules elm-stuff \.pnpm-store \.npm/_cacache \.yarn/(?:cache|unplugged)
    \.bundle \.rbenv \.m2 \.ivy2 \.gradle/caches \.nuget/packages packages/[A-Z][\w.-]*\.\d+\.\d+[\w.-]* godeps
    \.?go(?:path)?/pkg/mod (?:\.|usr/local/)cargo/(?:registry|git) \.rustup pods carthage \.swiftpm
    (?:\.build|SourcePackages)/checkouts \.pub-cache \.hex/packages \.cabal/packages \.cabal-sandbox \.stack(?:-work)?
    [._]opam _esy \.?nimble[/_]pkgs2? \.shards \.dub/packages \.haxelib quicklisp/dists zig-pkg \.?zig-cache/p
    \.cpan(?:m|plus)? perl5/lib/perl5 renv/library packrat/(?:lib|src) \.julia/packages lua_modules \.luarocks elpa
    \.vim/(?:bundle|plugged) \.conan2? vcpkg_installed \.terraform
""".replace(b"<kind>", rb"(?:libs?|librar(?:y|ies)|src|sources?|code|deps|modules|packages)")
FOREIGN_FOLDERS = re.compile(rb"(?:.*/)?(?:%s)" % b"|".join(_FOREIGN.split()), re.IGNORECASE | re.DOTALL)
# Settings of a virtual environment.
ENVIRONMENT = b"pyvenv.cfg"
# Where virtual environments of any age and system have their packages.
_PACKAGES = re.compile(rb"(?s)(.*?)/(?:lib(?:64)?/[^/]+/|Lib/)?site-packages/")
# Called vendored by Linguist, and yet the project's own: declarations of types, and what a project tells its tools.
OWN_PATHS = re.compile(r"\.d\.[cm]?ts$|(^|/)\.(git\w*|github|vscode|sublime-\w+)(/|$)")


@dataclass(frozen=True)
class Statement:
    """What one folder says about the files in it.

    Attributes:
        expression: SPDX expression; empty where nobody says anything.
        kind: what decided.
        otherwise: what the metadata beside it say, where they name other licences; else empty.
        evidence: SWHIDs, what decided first.
        vendored: whether what says so is itself vendored.
    """

    expression: str
    kind: str
    otherwise: str = ""
    evidence: tuple[str, ...] = ()
    vendored: bool = False


@dataclass(frozen=True)
class _Found:
    """An expression in one file of a folder."""

    expression: str
    evidence: str
    vendored: bool


def nearest(files: pl.DataFrame) -> pl.DataFrame:
    """Resolve every file of some trees, see above.

    Args:
        files: all files of each tree. Columns root, path (from the root, bytes), content; own (expression that the
            file states, or null) and lines (where, ``3-20``, or null); speaks (whether it states that for its folder:
            ``license-file``, ``others``, ``mention``, or null: for itself only); metadata (expression in package metadata,
            or null); vendored; declared (expression that the file's collection declares of it, or null) and declared_by
            (which collection);
            listed, listed_by and listed_at, see ``lists.listed``.

    Returns:
        The same rows, sorted by root and path, with columns root, path, content, expression (empty where nothing is said),
        otherwise (empty, or what metadata say that name other licences), kind (header, declared, listed, license-file, metadata,
        mention, nothing, or foreign: nothing, in somebody else's code), evidence. Evidence are SWHIDs; that of a file nobody says
        anything about is the tree that was searched, and behind that of one that a collection speaks of stands its name.
    """
    files = _with_choices(_with_sidecars(_with_folders(files.select(COLUMNS))).sort("root", "path"))
    files = files.with_columns(vendored=pl.col("vendored") & ~pl.col("path").is_in(_own_paths(files).implode()))
    folders = files.select("root", "folder", "vendored").unique().sort("root", "folder", "vendored")
    *said, others = _statements(files)
    firm, weak = (_Nearest(found, others, _environments(files)) for found in said)
    statements = [firm.find(*folder) or weak.find(*folder) or firm.nothing(*folder) for folder in folders.iter_rows()]
    outer = folders.hstack(_columns(statements, "outer_"))
    files = files.join(outer, on=["root", "folder", "vendored"], how="left")
    silent = files.filter(pl.col("own").is_null() & pl.col("declared").is_null())
    stated = _stated(files.join(silent, on=["root", "path"], how="anti"))
    listed = _listed(silent, firm)
    rest = silent.join(listed, on=["root", "path"], how="anti")
    inherited = rest.select("root", "path", "content", pl.col(r"^outer_.*$").name.map(lambda name: name.removeprefix("outer_")))
    return pl.concat([one.select(RESOLVED) for one in (stated, listed, inherited)]).sort("root", "path")


def subtree(files: pl.DataFrame) -> pl.DataFrame:
    """Resolve every file of some trees as The Stack v2 did, see above; arguments and result as those of ``nearest``."""
    files = _with_folders(files.select(COLUMNS)).sort("root", "path")
    stating = files.filter(pl.col("speaks").is_not_null() & pl.col("own").is_not_null())
    said: dict[tuple[bytes, bytes], list[tuple[str, str]]] = {}
    for root, folder, own, where in zip(stating["root"], stating["folder"], stating["own"], _swhids(stating), strict=True):
        said.setdefault((root, folder), []).append((own, where))
    folders = files.select("root", "folder").unique().sort("root", "folder")
    statements = [_above(root, folder, said) for root, folder in folders.iter_rows()]
    found = files.join(folders.hstack(_columns(statements)), on=["root", "folder"], how="left")
    return found.select(RESOLVED).sort("root", "path")


def _above(root: bytes, folder: bytes, said: Mapping[tuple[bytes, bytes], list[tuple[str, str]]]) -> Statement:
    """All that is said in a folder and in those above it, nearest first."""
    parts = folder.split(b"/") if folder else []
    ways = [b"", *accumulate(parts, lambda above, part: above + b"/" + part)]
    found = [one for way in reversed(ways) for one in said.get((root, way), [])]
    if not found:
        return Statement("", NOTHING, evidence=(swhid_text("dir", root),))
    return Statement(conjunction(own for own, _ in found), LICENSE_FILE, evidence=tuple(where for _, where in found))


NEAREST = "nearest"
RESOLUTIONS: Mapping[str, Callable[[pl.DataFrame], pl.DataFrame]] = {NEAREST: nearest, "stack-v2": subtree}


def key(settings: Settings, name: str) -> str:
    """The value of column ``resolution``: name and 12 hex digits over all that it is made of."""
    annotators = current(settings)
    made_of = [VERSION, INDEX, *(annotators[one].digest for one in ANNOTATORS)]
    return f"{name}-{digest(made_of)[:12]}"


def _stated(files: pl.DataFrame) -> pl.DataFrame:
    """Resolve files of which something is said by name; whoever says otherwise stands behind it in the evidence."""
    files = files.with_columns(swhid=pl.Series(_swhids(files), dtype=pl.String))
    kind = (
        pl.when(pl.col("own").is_null()).then(pl.lit(DECLARED)).when(pl.col("speaks") == LICENSE_FILE).then(pl.lit(LICENSE_FILE))
    )
    decided = pl.coalesce("own", "declared")
    # A declaration that only repeats what the file itself says is no further evidence.
    collection = pl.col("own").is_null() | (pl.col("declared") != decided)
    surroundings = (pl.col("outer_expression") != "") & (pl.col("outer_expression") != decided)
    none = pl.lit([], dtype=pl.List(pl.String))
    evidence = pl.concat_list(
        "swhid",
        pl.when(collection).then(pl.concat_list("declared_by")).otherwise(none),
        pl.when(surroundings).then("outer_evidence").otherwise(none),
    )
    return files.with_columns(expression=decided, otherwise=pl.lit(""), kind=kind.otherwise(pl.lit(HEADER)), evidence=evidence)


def _listed(files: pl.DataFrame, firm: _Nearest) -> pl.DataFrame:
    """Resolve those files of which a list speaks that is as close as what else is said; that stands behind it in the evidence."""
    named = files.filter(pl.col("listed").is_not_null())
    close = [
        at == path if vendored else firm.reaches(root, folder, at)
        for root, path, folder, vendored, at in named.select("root", "path", "folder", "vendored", "listed_at").iter_rows()
    ]
    surroundings = (pl.col("outer_expression") != "") & (pl.col("outer_expression") != pl.col("listed"))
    none = pl.lit([], dtype=pl.List(pl.String))
    evidence = pl.concat_list("listed_by", pl.when(surroundings).then("outer_evidence").otherwise(none))
    return named.filter(pl.Series(close, dtype=pl.Boolean)).with_columns(
        expression="listed", otherwise=pl.lit(""), kind=pl.lit(LISTED), evidence=evidence
    )


def _columns(statements: list[Statement], prefix: str = "") -> pl.DataFrame:
    return pl.DataFrame(
        {
            f"{prefix}expression": pl.Series([one.expression for one in statements], dtype=pl.String),
            f"{prefix}otherwise": pl.Series([one.otherwise for one in statements], dtype=pl.String),
            f"{prefix}kind": pl.Series([one.kind for one in statements], dtype=pl.String),
            f"{prefix}evidence": pl.Series([list(one.evidence) for one in statements], dtype=pl.List(pl.String)),
        }
    )


def _with_folders(files: pl.DataFrame) -> pl.DataFrame:
    """Add folder (without a slash at its end, empty for the root) and name: Arrow splits bytes that may be no UTF-8."""
    parts = pc.extract_regex(files["path"].to_arrow().cast(pa.binary()), r"(?s)^(?:(?P<folder>.*)/)?(?P<name>[^/]*)$")
    return files.with_columns(pl.from_arrow(parts).struct.unnest())  # type: ignore[union-attr]


def _with_sidecars(files: pl.DataFrame) -> pl.DataFrame:
    """Let ``x.license`` speak for no folder where there is an ``x``, of which it speaks (``lists``)."""
    above = pl.col("path").bin.slice(0, pl.col("path").bin.size() - len(SIDECAR))
    sidecars = files.filter(pl.col("path").bin.ends_with(SIDECAR)).select("root", "path", above=above)
    beside = sidecars.join(files.select("root", above="path"), on=["root", "above"], how="semi")
    files = files.join(beside.select("root", "path", beside=True), on=["root", "path"], how="left", maintain_order="left")
    return files.with_columns(speaks=pl.when(pl.col("beside").is_null()).then("speaks")).drop("beside")


def _with_choices(files: pl.DataFrame) -> pl.DataFrame:
    """Take out of what licence files, READMEs and notices state the licences that they also put as a choice."""
    said = files.filter(pl.col("speaks").is_not_null())["own"].drop_nulls().unique()
    chosen = {one: conjunction(settled(parts(one))) for one in said if offers_choice(one)}
    speaks = pl.col("speaks").is_not_null()
    return files.with_columns(own=pl.when(speaks).then(pl.col("own").replace(chosen)).otherwise("own"))


def _own_paths(files: pl.DataFrame) -> pl.Series:
    """Paths called vendored that are the project's own all the same."""
    paths = files.filter("vendored")["path"].unique()
    own = [OWN_PATHS.search(path.decode("utf-8", "replace")) is not None for path in paths]
    return paths.filter(pl.Series(own, dtype=pl.Boolean))


def _environments(files: pl.DataFrame) -> frozenset[tuple[bytes, bytes]]:
    """Folders that are virtual environments, as (root, folder).

    By their settings, conda's list of what is installed, or (old ones) by a script ``activate`` and the place of their
    packages: a project may well have the one.
    """
    scripts = pl.col("name").is_in([b"activate", b"activate_this.py"]) & (
        pl.col("folder").bin.ends_with(b"/bin") | pl.col("folder").bin.ends_with(b"/Scripts")
    )
    settings = files.filter(pl.col("name") == ENVIRONMENT).select("root", "folder").iter_rows()
    lists = files.filter(pl.col("folder").bin.ends_with(b"conda-meta")).select("root", "folder").unique().iter_rows()
    conda = {(root, above) for root, folder in lists for above, _, name in [folder.rpartition(b"/")] if name == b"conda-meta"}
    activated = {
        (root, folder.rpartition(b"/")[0]) for root, folder in files.filter(scripts).select("root", "folder").iter_rows()
    }
    roots = {root for root, _ in activated}
    packages = files.filter(pl.col("root").is_in(roots), pl.col("path").bin.contains(b"site-packages/"))
    places = ((root, _PACKAGES.match(path)) for root, path in packages.select("root", "path").iter_rows())
    filled = {(root, place[1]) for root, place in places if place}
    return frozenset([*settings, *conda, *(activated & filled)])


def _swhids(files: pl.DataFrame) -> list[str]:
    """Where each file says what it says."""
    return [where_said(*row) for row in files.select("root", "path", "content", "lines").iter_rows()]


_Statements = dict[tuple[bytes, bytes], Statement]
_Way = tuple[Statement | None, bool, bytes]


def _statements(files: pl.DataFrame) -> tuple[_Statements, _Statements, _Statements]:
    """What each folder says, by (root, folder): firmly (licence files, metadata), in passing, and of third parties only."""
    stated, declared = (pl.col("speaks").is_not_null() & pl.col("own").is_not_null()), pl.col("metadata").is_not_null()
    found: dict[tuple[bytes, bytes], dict[str, list[_Found]]] = {}
    for row in files.filter(stated | declared).iter_rows(named=True):
        kinds = found.setdefault((row["root"], row["folder"]), {LICENSE_FILE: [], METADATA: [], MENTION: [], OTHERS: []})
        where = where_said(row["root"], row["path"], row["content"], row["lines"])
        for kind, expression in ((row["speaks"], row["own"]), (METADATA, row["metadata"])):
            if kind is not None and expression is not None:
                kinds[kind].append(_Found(expression, where, row["vendored"]))
    firm = {
        key: _combine(kinds[LICENSE_FILE], kinds[METADATA])
        for key, kinds in found.items()
        if kinds[LICENSE_FILE] or kinds[METADATA]
    }
    weak = {key: replace(_combine(kinds[MENTION], []), kind=MENTION) for key, kinds in found.items() if kinds[MENTION]}
    others = {key: _combine(kinds[OTHERS], []) for key, kinds in found.items() if kinds[OTHERS]}
    return firm, weak, others


def _combine(texts: list[_Found], metadata: list[_Found]) -> Statement:
    """What the licence files and the metadata of one folder say together; what can't be read counts where nothing can."""
    texts = _read(texts) or texts
    metadata = _read(metadata) or ([] if _read(texts) else metadata)
    evidence = tuple(dict.fromkeys(one.evidence for one in (*texts, *metadata)))
    vendored = any(one.vendored for one in (*texts, *metadata))
    written = conjunction(one.expression for one in texts)
    declared = conjunction(settled(one.expression for one in metadata))
    kind, expression, otherwise = (LICENSE_FILE, written, "") if texts else (METADATA, declared, "")
    if texts and metadata:
        # The same licences: metadata say how they go together. Others: both are told.
        expression, otherwise = (declared, "") if families(written) <= families(declared) else (written, declared)
    return Statement(expression, kind, otherwise, evidence, vendored)


def _read(found: list[_Found]) -> list[_Found]:
    return [one for one in found if one.expression != UNREADABLE]


class _Nearest:
    """Finds the statement that holds in a folder, each folder once."""

    def __init__(self, statements: _Statements, others: _Statements, environments: Container[tuple[bytes, bytes]]) -> None:
        self._statements = statements
        self._others = others
        self._environments = environments
        # (root, folder) -> its statement if there is one, whether the way up ended at a foreign folder, and where it ended.
        self._known: dict[tuple[bytes, bytes], _Way] = {}

    def find(self, root: bytes, folder: bytes, vendored: bool) -> Statement | None:
        """The statement that holds for the files of a folder.

        A vendored file below a folder that is the project's own: what the project says about itself is not about this file.
        """
        statement, _, _ = self._up(root, folder)
        return statement if statement is not None and (statement.vendored or not vendored) else None

    def nothing(self, root: bytes, folder: bytes, vendored: bool) -> Statement:
        """What is left to say where there is no statement."""
        kind = FOREIGN if vendored or self._up(root, folder)[1] else NOTHING
        return Statement("", kind, evidence=(swhid_text("dir", root),))

    def reaches(self, root: bytes, folder: bytes, place: bytes) -> bool:
        """Whether what is said from a place above a folder, or in it, is said no farther away than where the way up ends."""
        _, _, end = self._up(root, folder)
        return not end or place == end or place.startswith(end + b"/")

    def _up(self, root: bytes, folder: bytes) -> _Way:
        below: list[tuple[bytes, bytes]] = []
        while (root, folder) not in self._known:
            below.append((root, folder))
            statement = self._statements.get((root, folder))
            foreign = bool(FOREIGN_FOLDERS.fullmatch(folder)) or (root, folder) in self._environments
            if statement is not None or foreign or not folder:
                here = statement, foreign and statement is None, folder
                self._known[root, folder] = self._with_others((root, folder), here)
                break
            folder = folder.rpartition(b"/")[0]
        found = self._known[root, folder]
        for key in reversed(below):
            found = self._with_others(key, found)
            self._known[key] = found
        return found

    def _with_others(self, key: tuple[bytes, bytes], found: _Way) -> _Way:
        """What holds in a folder with third parties' licences: those are asked for, too, below it."""
        statement, more = found[0], self._others.get(key)
        if statement is None or more is None:
            return found
        both = conjunction([statement.expression, more.expression])
        return replace(statement, expression=both, evidence=(*statement.evidence, *more.evidence)), *found[1:]
