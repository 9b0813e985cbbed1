# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Looks for one text by identity, as the same text but for blanks, and by exact similarity to what shares a band with it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa

from codecommons.annotate import store
from codecommons.annotate.annotator import current
from codecommons.annotate.annotators.encoding import encoding_of
from codecommons.annotate.annotators.normalized_text import normalized
from codecommons.dedup import Configuration, pairs
from codecommons.dedup.configuration import configured
from codecommons.dedup.signatures import sign
from codecommons.dedup.similarity import jaccard, shingle_sets
from codecommons.dedup.tables import BAND, DUPLICATE_PAIR, SIGNATURE
from codecommons.dedup.texts import read_texts, select_texts, to_utf8
from codecommons.errors import UsageError
from codecommons.lake import Lake
from codecommons.swhid import Swhid, content_id, swhid_text

if TYPE_CHECKING:
    import duckdb

Row = dict[str, Any]
# Content, how it was found, similarity.
Found = tuple[bytes, str, float]

SCOPE = (
    "whole files only: a passage copied into a larger file is found where most of the two files is the same; "
    "old versions that only a history has are found by their bytes"
)
# The closest are told of; of a boilerplate there may be thousands.
MOST_MATCHES = 100
# A text is read whole; what is longer is compared by identity alone, as in the lake.
MOST_BYTES = 100 << 20
# Contents that a query names one by one.
_CONSTANTS = 100
EXACT, NORMALIZED, NEAR = "exact", "normalized", "near"


def whence(lake: Lake, target: str, most_places: int = 5) -> Row:
    """Say where code comes from, by what is in the lake now.

    Args:
        lake: the lake.
        target: a file, ``-`` for standard input, or the SWHID of a content.
        most_places: occurrences told of each match; how many there are is said.

    Returns:
        ``target, swhid, length, found`` and ``matches``, the closest and among these the earliest first (at most
        ``MOST_MATCHES``; ``more`` says how many others there are): of each ``swhid, match`` (``exact``, ``normalized``: but for
        blanks at line ends and the like, or ``near``) ``, similarity`` (exact Jaccard similarity of shingles; 1 unless near)
        ``, duplicate`` (whether the lake would call it one) ``, first_occurrence, occurrences`` (paths of origins) ``, places,
        licenses`` (verdict, expression and evidence under every policy) ``, opt_out`` (``nowhere``, ``somewhere``: in some of its
        places, or ``everywhere``: no dataset may have it any more) ``, datasets``. ``earliest`` is the place of that match, of
        all there are, that was there first, as far as dates are known: the likeliest origin; its ``forks`` are other origins that
        hold the same revision. ``searched`` says in what, and how many bands more texts share than are compared (of these some
        were not looked at), ``scope`` and ``note`` what the answer doesn't tell.

    Raises:
        UsageError: there is no such file, it is too large, or the SWHID is of no content.
        LakeError: a table can't be read.
    """
    identifier, data = _read(lake, target)
    comparing = configured(lake.settings)
    text, note = _text(data, comparing)
    near, crowded = _near(lake, text, comparing)
    rows = [*_exact(lake, identifier), *_same_text(lake, data), *_paired(lake, identifier, comparing), *near]
    schema = {"content": pl.Binary(), "match": pl.Enum([EXACT, NORMALIZED, NEAR]), "similarity": pl.Float64()}
    found = pl.DataFrame(rows, schema=schema, orient="row").unique("content", keep="first", maintain_order=True)
    closest = found.sort("match", -pl.col("similarity"), "content").head(MOST_MATCHES)
    earliest, matches = None, []
    if found.height:
        with lake.sql() as connection:
            _look_up(connection, found["content"])
            earliest = _earliest(connection)
            matches = _told(connection, closest, comparing, most_places)
    matches.sort(key=lambda match: (_ORDER[match["match"]], -match["similarity"], _age(match), match["swhid"]))
    return {
        "target": target,
        "swhid": swhid_text("cnt", identifier),
        "length": None if data is None else len(data),
        "found": bool(matches),
        "matches": matches,
        "more": found.height - closest.height,
        "earliest": earliest,
        "searched": {**_searched(lake), "crowded_bands": crowded},
        "scope": SCOPE,
        "note": note,
    }


_ORDER = {EXACT: 0, NORMALIZED: 1, NEAR: 2}


def _age(match: Row) -> str:
    first = match["first_occurrence"]
    return str(first["date"]) if first and first["date"] else "9999"


def _read(lake: Lake, target: str) -> tuple[bytes, bytes | None]:
    """Identifier and bytes of what is asked about; None of a SWHID whose bytes are not in the lake."""
    if not target.strip():
        raise UsageError("nothing was named; give a file, - for standard input, or the SWHID of a content")
    if target.startswith("swh:"):
        swhid = Swhid.parse(target)
        if swhid.kind != "cnt":
            raise UsageError(f"{target} is no content; `codecommons explain` tells about other objects")
        wanted = pl.DataFrame({"sha1_git": [swhid.identifier]})
        return swhid.identifier, next((batch["data"][0].as_py() for batch in lake.contents(wanted)), None)
    try:
        if target == "-":
            data = sys.stdin.buffer.read(MOST_BYTES + 1)
        else:
            with Path(target).open("rb") as source:
                data = source.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"{target} can't be read: {error.strerror or error}; give a file, - or the SWHID of a content"
        ) from error
    if len(data) > MOST_BYTES:
        raise UsageError(f"{target} has more than {MOST_BYTES:,} bytes, which is no source code; `codecommons identify` takes it")
    return content_id(data), data


def _exact(lake: Lake, identifier: bytes) -> list[Found]:
    """The content itself, whether its bytes are here or only its name."""
    for table in ("content", "skipped_content"):
        if lake.scan(table).filter(pl.col("sha1_git") == identifier).select(pl.len()).collect().item():
            return [(identifier, EXACT, 1.0)]
    return []


def _text(data: bytes | None, comparing: Configuration) -> tuple[bytes | None, str | None]:
    """The text that similar ones are looked for, in UTF-8, or why none can be."""
    if data is None:
        return None, "its bytes are not in the lake, so nothing but its name could be looked for"
    encoding = encoding_of(data)
    if not data:
        return None, "it is empty, so nothing but its name could be looked for"
    if encoding.binary:
        return None, "it is no text, so nothing but its name could be looked for"
    if len(data) > comparing.most_bytes:
        return None, f"texts of more than {comparing.most_bytes:,} bytes are not looked into for similar ones"
    text = to_utf8(data, encoding.encoding or "utf-8")
    words, _ = sign(pa.array([text], pa.binary()), comparing)
    if words[0] < comparing.shingle:
        return None, f"it has fewer than {comparing.shingle} words, too few to look for similar texts"
    return text, None


def _same_text(lake: Lake, data: bytes | None) -> list[Found]:
    """The contents that differ in nothing but line ends, blanks and the like."""
    key = normalized(data) if data else None
    if key is None:
        return []
    rows = store.rows(lake, current(lake.settings)["normalized_text"]).filter(pl.col("normalized") == key)
    return [(content, NORMALIZED, 1.0) for content in rows.select("content").sort("content").collect()["content"]]


def _paired(lake: Lake, identifier: bytes, configuration: Configuration) -> list[Found]:
    """What a text of the lake was compared with: of an anchor of a crowded band, many more than ``_near`` looks at."""
    lake.register(DUPLICATE_PAIR)
    known = pairs(lake, configuration)
    both = [known.filter(pl.col(one) == identifier).select(other, "similarity") for one, other in (("a", "b"), ("b", "a"))]
    return [(content, NEAR, similarity) for one in both for content, similarity in one.collect().iter_rows()]


def _near(lake: Lake, text: bytes | None, configuration: Configuration) -> tuple[list[Found], int]:
    """Contents that share a band with a text and reach the floor, with their similarity.

    In a crowded band the members of smallest identifier are looked at, as when texts of the lake are compared; how many such
    bands there are is told, too.
    """
    if text is None:
        return [], 0
    one = pa.array([text], pa.binary())
    _, values = sign(one, configuration)
    lake.register(BAND)
    mine = pl.col("configuration") == configuration.key(lake.settings)
    packed = values[0].astype(">u8").tobytes()
    bands = [packed[at : at + 8] for at in range(0, len(packed), 8)]
    members = lake.scan(BAND).filter(mine & pl.col("value").is_in(bands)).select("value", "content").collect()
    anchors = members.sort("value", "content").group_by("value", maintain_order=True).head(configuration.anchors)
    crowded = members.group_by("value").len().filter(pl.col("len") > configuration.anchors).height
    texts = select_texts(lake, anchors.select(sha1_git="content").unique(), configuration)
    found: list[Found] = []
    for ids, others in read_texts(lake, texts):
        sets, ends = shingle_sets(pa.concat_arrays([one, others]), configuration)
        places = np.arange(1, len(others) + 1)
        scores = jaccard(sets, ends, np.zeros_like(places), places, configuration.floor)
        near = np.flatnonzero(scores >= configuration.floor)
        found += [(ids[int(at)].as_py(), NEAR, float(scores[at])) for at in near]
    return found, crowded


def _look_up(connection: duckdb.DuckDBPyConnection, contents: pl.Series) -> None:
    """Make table ``place``: everywhere that contents are or were, in trees and in histories."""
    connection.register("found", contents.to_frame("content").to_arrow())
    # Constants are looked for where tables are read; what is joined is not, and all files of the lake would be put together.
    few = ", ".join(f"from_hex('{content.hex()}')" for content in contents)
    asked = few if len(contents) <= _CONSTANTS else "select content from found"
    connection.execute(
        f"create temp table place as select content, origin, kind, id, path, date from lake.seen where content in ({asked})"
    )


def _earliest(connection: duckdb.DuckDBPyConnection) -> Row | None:
    """Which of all contents that were found was there first, and where, as far as dates are known: the likeliest origin."""
    rows = _rows(
        connection,
        """select swhid('cnt', content) as swhid, origin, swhid(kind, id) as anchor, from_utf8(path) as path, date
        from place where date is not null
        qualify rank() over (order by date, id) = 1 order by origin, path, content""",
    )
    return rows[0] | {"forks": sorted({row["origin"] for row in rows} - {rows[0]["origin"]})} if rows else None


def _told(connection: duckdb.DuckDBPyConnection, closest: pl.DataFrame, comparing: Configuration, most: int) -> list[Row]:
    """Everything that is told of each match."""
    connection.register("closest", closest.select("content").to_arrow())
    # A repository that is visited daily has a file in many revisions: each of its paths is told once, where it was first.
    places = _by_content(
        connection,
        f"""with first as (
            select distinct on (content, origin, path) content, origin, kind, id, path, date
            from place semi join closest using (content) order by content, origin, path, date nulls last, id
        )
        select content, origin, swhid(kind, id) as anchor, from_utf8(path) as path, date, count(*) over of_content as occurrences
        from first window of_content as (partition by content)
        qualify row_number() over (partition by content order by date nulls last, id, origin, path) <= {int(most)}
        order by content, date nulls last, id, origin, path""",
    )
    licenses = _by_content(
        connection,
        """select distinct on (content, policy, expression, verdict) content, policy, verdict, expression, rule, evidence
        from lake.license_decision join closest using (content)
        order by content, policy, expression, verdict, rule""",
    )
    opted_out = _by_content(
        connection,
        """select content, content in (select content from lake.opted_out_content) as everywhere, exists(
            select 1 from lake.occurrence where occurrence.content = closest.content and (
                origin in (select origin from lake.opted_out_origin)
                or (origin, root, path) in (select (origin, root, path) from lake.opted_out_place))
        ) as somewhere from closest""",
    )
    datasets = _by_content(
        connection,
        """select distinct closest.content, dataset, fingerprint
        from lake.dataset_row as held join closest on closest.content in (held.content, held.before_content) order by all""",
    )
    told = []
    for content, match, similarity in closest.iter_rows():
        [gone] = opted_out[content]
        here = [dict(place) for place in places.get(content, [])]
        count = max((place.pop("occurrences") for place in here), default=0)
        told.append(
            {
                "swhid": swhid_text("cnt", content),
                "match": match,
                "similarity": similarity,
                "duplicate": similarity >= comparing.threshold,
                "first_occurrence": here[0] if here else None,
                "occurrences": count,
                "places": here,
                "licenses": licenses.get(content, []),
                "opt_out": "everywhere" if gone["everywhere"] else "somewhere" if gone["somewhere"] else "nowhere",
                "datasets": datasets.get(content, []),
            }
        )
    return told


def _by_content(connection: duckdb.DuckDBPyConnection, query: str) -> dict[bytes, list[Row]]:
    """The rows of a query by their column content, which is left out of them."""
    found: dict[bytes, list[Row]] = {}
    for row in _rows(connection, query):
        found.setdefault(row.pop("content"), []).append(row)
    return found


def _searched(lake: Lake) -> Row:
    """What the answer is over: a reader must know what "not found" means."""
    lake.register(SIGNATURE)
    mine = pl.col("configuration") == configured(lake.settings).key(lake.settings)
    return {
        "contents": lake.scan("content").select(pl.len()).collect().item(),
        "texts_compared": lake.scan(SIGNATURE).filter(mine).select(pl.len()).collect().item(),
        "origins": lake.scan("origin").select(pl.len()).collect().item(),
        "newest_slice": max(lake.log.slices(), default=None),
    }


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
