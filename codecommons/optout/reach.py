# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a request reaches: occurrences of an origin, of paths in it or of a directory anywhere, and contents wherever they are.

An origin, an owner or a path cuts occurrences: the same content from elsewhere stays, and is listed for review. A content or an
author's work goes everywhere: forks, vendored copies and other packages have the same identifier. What merely resembles it is
wider than what was asked, and is listed for review.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import polars as pl

from codecommons.archive.views import visited_trees
from codecommons.dedup.pairs import pairs
from codecommons.lake import Lake
from codecommons.optout import markers
from codecommons.optout.ledger import read
from codecommons.optout.requests import Request, key_of
from codecommons.optout.standing import Standing
from codecommons.swhid import Swhid

_CONTENTS = pl.Schema({"content": pl.Binary, "reason": pl.String})
_ORIGINS = pl.Schema({"origin": pl.String, "reason": pl.String})
_PLACES = pl.Schema({"origin": pl.String, "root": pl.Binary, "path": pl.Binary, "reason": pl.String})
_PEOPLE = pl.Schema({"person": pl.Binary, "reason": pl.String})
# No honest directory lies deeper in a tree.
_DEEPEST = 512


@dataclass(frozen=True)
class Excluded:
    """What is left out, each with the reason: the request and its state, or the marker.

    Attributes:
        contents: (content binary, reason), unique: out wherever they are.
        origins: (origin, reason), unique: all of their occurrences are cut.
        places: (origin, root, path, reason), unique: single occurrences that are cut.
        people: (person, sha256 of the name as commits have it; reason), unique: what they say in commits is out.
    """

    contents: pl.DataFrame
    origins: pl.DataFrame
    places: pl.DataFrame
    people: pl.DataFrame

    @property
    def empty(self) -> bool:
        """Whether nothing is left out."""
        return not (self.contents.height or self.origins.height or self.places.height or self.people.height)

    def marked(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows with a column ``opt_out``: the first reason why an occurrence is out, or null.

        Args:
            rows: with content, origin, root, path; of commits also before_content, author and committer.
        """
        asked = {
            ("content",): self.contents,
            ("origin",): self.origins,
            ("origin", "root", "path"): self.places,
            ("before_content",): self.contents.rename({"content": "before_content"}),
            ("author",): self.people.rename({"person": "author"}),
            ("committer",): self.people.rename({"person": "committer"}),
        }
        reasons = []
        for key, out in asked.items():
            if set(key) <= set(rows.columns):
                reasons.append(f"_{key[-1]}_is_out")
                rows = rows.join(out.rename({"reason": reasons[-1]}), on=key, how="left", maintain_order="left")
        return rows.with_columns(opt_out=pl.coalesce(reasons)).drop(reasons)


def resolve(lake: Lake, standings: Iterable[Standing], trees: pl.DataFrame, with_markers: bool = True) -> Excluded:
    """What requests in effect, and markers in the trees themselves, leave out of trees; the same for any order of requests.

    Args:
        lake: the lake.
        standings: requests; those not in effect are passed over.
        trees: every tree that counts: origin, slice, visit, anchor, anchor_date, root, current (``archive.views.visited_trees``).
        with_markers: whether markers in the trees count, which have to be looked for.

    Raises:
        LakeError: a table can't be read.
    """
    effective = sorted((one for one in standings if one.in_effect), key=lambda one: one.id)
    contents: list[pl.DataFrame] = [pl.DataFrame(schema=_CONTENTS)]
    origins = [markers.marked_origins(lake, trees) if with_markers else pl.DataFrame(schema=_ORIGINS)]
    places: list[pl.DataFrame] = [pl.DataFrame(schema=_PLACES)]
    people: list[pl.DataFrame] = [pl.DataFrame(schema=_PEOPLE)]
    known = sorted({*trees["origin"].unique(), *_discussed(lake, [one.request for one in effective])})
    roots = trees.select("origin", "root").unique()
    for one in effective:
        reason = pl.lit(f"opt-out {one.id} ({one.state})")
        match one.request.scope:
            case "origin" | "owner":
                asked = pl.DataFrame({"origin": origins_of(one.request, known)}, {"origin": pl.String})
                origins.append(_renamed(lake, asked).with_columns(reason=reason))
            case "path":
                inside = roots.filter(pl.col("origin").is_in(origins_of(one.request, known)))
                places.append(_paths(lake, one.request, inside).with_columns(reason=reason))
            case "directory":
                places.append(_below(lake, one.request, roots).with_columns(reason=reason))
            case "content":
                ids = [Swhid.parse(value).identifier for value in one.request.values]
                contents.append(pl.DataFrame({"content": ids}, {"content": pl.Binary}).with_columns(reason=reason))
            case "author":
                contents.append(_brought_by(lake, one.request).with_columns(reason=reason))
                places.append(_released_by(lake, one.request, trees).with_columns(reason=reason))
                hashes = [bytes.fromhex(value) for value in one.request.values]
                people.append(pl.DataFrame({"person": hashes}, {"person": pl.Binary}).with_columns(reason=reason))
    return Excluded(
        _first(contents, _CONTENTS, ["content"]),
        _first(origins, _ORIGINS, ["origin"]),
        _first(places, _PLACES, ["origin", "root", "path"]),
        _first(people, _PEOPLE, ["person"]),
    )


def _first(frames: list[pl.DataFrame], schema: pl.Schema, key: list[str]) -> pl.DataFrame:
    whole = pl.concat([frame.select(schema.names()).cast(schema) for frame in frames])
    return whole.sort(*key, "reason").unique(key, keep="first", maintain_order=True)


def origins_of(request: Request, known: Iterable[str]) -> list[str]:
    """Those of known origins that a request for an origin, an owner or paths is about, however either is written."""
    asked = request.values if request.within is None else (request.within,)
    owning = [value for value in asked if value.endswith("/") and request.scope != "origin"]
    exact = {key_of(value) for value in asked if value not in owning}
    owners = tuple(f"{key_of(value)}/" for value in owning)
    return [origin for origin in known if (key := key_of(origin)) in exact or key.startswith(owners)]


def discussed(lake: Lake, standings: Iterable[Standing]) -> pl.DataFrame:
    """Origins whose discussions requests in effect leave out, visited by the lake or not: column origin, sorted."""
    wanted = [one.request for one in standings if one.in_effect and one.request.scope in ("origin", "owner")]
    known = _discussed(lake, wanted)
    found = {origin for one in wanted for origin in origins_of(one, known)}
    return _renamed(lake, pl.DataFrame({"origin": sorted(found)}, {"origin": pl.String})).sort("origin")


def _renamed(lake: Lake, origins: pl.DataFrame) -> pl.DataFrame:
    """Origins with all other names that a forge's events have of the same repositories, by their numbers."""
    said = [
        lake.scan(name).select("origin", "repository_id").drop_nulls().unique()
        for name in ("thread_event", "repository_observation")
    ]
    names = pl.concat(said).unique()
    same = names.join(origins.lazy(), on="origin", how="semi").select("repository_id").unique()
    others = names.join(same, on="repository_id", how="semi").select("origin").collect(engine="streaming")
    return pl.concat([origins, others]).unique(maintain_order=True)


def _discussed(lake: Lake, requests: Iterable[Request]) -> list[str]:
    """Origins that events of forges speak of; where nobody asks for an origin or an owner, nobody has to look."""
    if not any(one.scope in ("origin", "owner") for one in requests):
        return []
    said = [lake.scan(name).select("origin").drop_nulls().unique() for name in ("thread_event", "repository_observation")]
    return pl.concat(said).unique().collect(engine="streaming")["origin"].to_list()


def _paths(lake: Lake, request: Request, roots: pl.DataFrame) -> pl.DataFrame:
    """Places that fit a pattern, from the root or from the one folder that a package wraps its tree in.

    A claimant's pattern takes effect on a mere claim, so it is matched in linear time, by Rust's expressions: Python's took 28 s
    for six stars and one path of 120 letters. They know text only; one letter a byte is any path.
    """
    files = lake.scan("tree_file").select("root", "path").join(roots.lazy(), on="root").collect()
    paths = pl.Series([path.decode("latin-1") for path in files["path"]], dtype=pl.String)
    first = paths.str.extract(r"(?s)^([^/]*)/")
    wrapped = pl.col("first").is_not_null().all().over("root") & (pl.col("first").n_unique() == 1).over("root")
    inside = pl.when(wrapped).then(paths.str.strip_prefix(first + "/"))
    texts = files.with_columns(first=first).select("origin", "root", "path", text=paths, inside=inside)
    fits = [pl.col(column).str.contains(_pattern(value)) for value in request.values for column in ("text", "inside")]
    return texts.filter(pl.any_horizontal(fits)).select("origin", "root", "path")


def _pattern(value: str) -> str:
    """``*`` is anything, ``?`` one byte; a pattern that ends in ``/`` is all that is below."""
    text = value + "*" if value.endswith("/") else value
    signs = (chr(byte) for byte in text.encode())
    return "(?s)^" + "".join({"*": ".*", "?": "."}.get(sign) or pl.escape_regex(sign) for sign in signs) + "$"


def _below(lake: Lake, request: Request, roots: pl.DataFrame) -> pl.DataFrame:
    """Occurrences below directories, in whichever trees they stand: upwards to the roots, then all files under those paths."""
    wanted = [Swhid.parse(value).identifier for value in request.values]
    at = pl.DataFrame({"directory": wanted, "prefix": [b""] * len(wanted)}, {"directory": pl.Binary, "prefix": pl.Binary})
    found, seen = [at], at
    entries = lake.scan("directory_entry").filter(pl.col("type") == "dir").select("directory_id", "name", "target")
    for _ in range(_DEEPEST):
        above = entries.join(at.lazy(), left_on="target", right_on="directory").select("directory_id", "name", "prefix").collect()
        prefixes = [name + b"/" + prefix for name, prefix in above.select("name", "prefix").iter_rows()]
        at = above.select(directory="directory_id", prefix=pl.Series(prefixes, dtype=pl.Binary)).unique()
        at = at.join(seen, on=["directory", "prefix"], how="anti")
        if not at.height:
            break
        found.append(at)
        seen = pl.concat([seen, at])
    tops = pl.concat(found).join(roots, left_on="directory", right_on="root", how="inner").rename({"directory": "root"})
    files = lake.scan("tree_file").select("root", "path").join(tops.lazy(), on="root").collect()
    return files.filter(pl.col("path").bin.starts_with(pl.col("prefix"))).select("origin", "root", "path").unique()


def _brought_by(lake: Lake, request: Request) -> pl.DataFrame:
    """Contents whose earliest known revision is by one of the authors: what they wrote first, wherever it went since."""
    hashes = [bytes.fromhex(value) for value in request.values]
    revisions = lake.scan("revision").select("id", "author", date=pl.col("date").struct.field("seconds"))
    brought = lake.scan("introduced").filter(pl.col("content").is_not_null()).select("revision", "content")
    by_them = revisions.filter(pl.col("author").is_in(hashes)).select(revision="id")
    theirs = brought.join(by_them, on="revision", how="semi").select("content").unique()
    return (
        brought.join(theirs, on="content", how="semi")
        .join(revisions, left_on="revision", right_on="id")
        .sort("content", "date", "revision", nulls_last=True)
        .unique("content", keep="first", maintain_order=True)
        .filter(pl.col("author").is_in(hashes))
        .select("content")
        .collect(engine="streaming")
    )


def _released_by(lake: Lake, request: Request, trees: pl.DataFrame) -> pl.DataFrame:
    """Occurrences in releases by one of the authors."""
    hashes = [bytes.fromhex(value) for value in request.values]
    releases = lake.scan("release").filter(pl.col("author").is_in(hashes)).select("id").collect()
    named = releases.select(anchor=pl.lit("swh:1:rel:") + pl.col("id").bin.encode("hex"))
    roots = trees.join(named, on="anchor", how="semi").select("origin", "root").unique()
    return lake.scan("tree_file").select("root", "path").join(roots.lazy(), on="root").select("origin", "root", "path").collect()


def hidden(lake: Lake, excluded: Excluded, trees: pl.DataFrame) -> pl.DataFrame:
    """Contents of which no occurrence in any tree is left, or that are out wherever they are: column content (binary), sorted."""
    roots = trees.select("origin", "root").unique()
    cut_roots = roots.filter(pl.col("origin").is_in(excluded.origins["origin"].implode()))
    files = lake.scan("tree_file").select("root", "path", "content")
    cut = pl.concat(
        [
            files.join(cut_roots.lazy(), on="root", how="semi").select("content"),
            files.join(excluded.places.lazy(), on=["root", "path"], how="semi").select("content"),
        ]
    ).unique()
    seen = files.join(cut, on="content", how="semi").join(roots.lazy(), on="root").collect(engine="streaming")
    left = excluded.marked(seen).filter(pl.col("opt_out").is_null()).select("content").unique()
    gone = seen.select("content").unique().join(left, on="content", how="anti")
    return pl.concat([gone, excluded.contents.select("content")]).unique().sort("content")


def out_of_sight(lake: Lake) -> frozenset[bytes]:
    """Contents (sha1_git) that requests in effect leave out everywhere, as the public views do; markers are not looked for.

    Raises:
        GateError: the ledger is broken or stale.
        LakeError: a table can't be read.
    """
    effective = read(lake).effective
    if not effective:
        return frozenset()
    trees = visited_trees(lake)
    return frozenset(hidden(lake, resolve(lake, effective, trees, with_markers=False), trees)["content"])


@dataclass(frozen=True)
class Copy:
    """Something beyond what was asked, for a person to look at.

    Attributes:
        kind: ``same`` (the same content at an origin that the request is not about) or ``similar`` (a near-duplicate).
        content: SWHID of what the request is about.
        other: SWHID of the copy.
        origin: where one is.
        path: there.
        similarity: 1.0 for the same.
    """

    kind: str
    content: str
    other: str
    origin: str
    path: str
    similarity: float


def contents_of(lake: Lake, standing: Standing, trees: pl.DataFrame) -> pl.DataFrame:
    """Every content that a request is about, whether it is in effect or not: column content (binary), sorted."""
    reached = resolve(lake, [replace(standing, state="verified")], trees)
    mine = pl.col("reason") == f"opt-out {standing.id} (verified)"
    contents, origins, places = (frame.filter(mine) for frame in (reached.contents, reached.origins, reached.places))
    roots = trees.join(origins, on="origin", how="semi").select("root").unique()
    files = lake.scan("tree_file").select("root", "path", "content")
    found = pl.concat(
        [
            contents.lazy().select("content"),
            files.join(roots.lazy(), on="root", how="semi").select("content"),
            files.join(places.lazy().select("root", "path"), on=["root", "path"], how="semi").select("content"),
        ]
    )
    return found.unique().sort("content").collect()


def review(lake: Lake, standing: Standing, trees: pl.DataFrame) -> Iterator[Copy]:
    """What else there is of what a request is about: the same contents elsewhere, and accepted near-duplicates; sorted."""
    mine = contents_of(lake, standing, trees)
    reached = resolve(lake, [replace(standing, state="verified")], trees)
    close = pairs(lake).filter("accepted").select("a", "b", "similarity").collect()
    both = pl.concat(
        [
            close.select(content="a", other="b", similarity="similarity"),
            close.select(content="b", other="a", similarity="similarity"),
        ]
    )
    wider = pl.concat(
        [
            mine.select("content", other="content", similarity=pl.lit(1.0)),
            both.join(mine, on="content", how="semi").join(mine.rename({"content": "other"}), on="other", how="anti"),
        ]
    )
    roots = trees.select("origin", "root").unique().lazy()
    seen = (
        lake.scan("tree_file")
        .select("root", "path", other="content")
        .join(wider.lazy().select("other").unique(), on="other", how="semi")
    )
    there = reached.marked(seen.join(roots, on="root").collect().rename({"other": "content"})).filter(pl.col("opt_out").is_null())
    rows = wider.join(there.rename({"content": "other"}), on="other").sort("content", "similarity", "other", "origin", "path")
    merged: dict[tuple[bytes, bytes, str], tuple[bytes, float]] = {}
    for content, other, similarity, origin, path in rows.select("content", "other", "similarity", "origin", "path").iter_rows():
        merged.setdefault((content, other, origin), (path, similarity))
    for (content, other, origin), (path, similarity) in merged.items():
        kind = "same" if content == other else "similar"
        yield Copy(kind, _cnt(content), _cnt(other), origin, path.decode(errors="replace"), similarity)


def _cnt(content: bytes) -> str:
    return f"swh:1:cnt:{content.hex()}"
