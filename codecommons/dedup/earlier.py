# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What is known of some texts in a lake in which only the texts of a day had been compared, and what is not.

Two of them that are asked for now were asked for then, as fewer members only make ranks smaller. What is missing are pairs whose
smaller text was among the anchors of a crowded band then and is not now. Whether they were ever compared depends on the order
in which days came, so they are compared here, exactly: no table has to remember what came before what. The work is bounded as
the first comparison was, by ``anchors`` pairs a member of each crowded band, and there is none where no anchor was pushed out.

Of members of a crowded band that are none of its anchors nobody knows whether they are alike. They are named here, and compared
for who asks: a dataset knows which of them matter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from codecommons.dedup.candidates import new_pairs
from codecommons.dedup.configuration import Configuration, configured
from codecommons.dedup.index import Context, Part, band_parts, compared, files_of, read_rows
from codecommons.dedup.pairs import pairs
from codecommons.dedup.tables import BAND, CANDIDATE, CROWD_MEMBER, CROWDED_BAND, DUPLICATE_PAIR
from codecommons.engine import Engine
from codecommons.lake import Lake, StagedFile
from codecommons.lake.ranges import in_range
from codecommons.lake.schemas import Table
from codecommons.lake.staging import staged_batches

_PAIR = ("a", "b", "similarity", "accepted")
# A member of a crowded band: its number in the order of identifiers, its place among the texts that are asked about, its rank in
# the band, from 1, among all members and among those of then.
_MEMBERS = pl.Schema({"band": pl.UInt64, "number": pl.UInt32, "place": pl.UInt32, "now": pl.UInt32, "then": pl.UInt32})
_STAGED_AT_ONCE = 1 << 20

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Known:
    """What a lake of then knows of some texts.

    Attributes:
        pairs: columns a, b, similarity and accepted as ``pairs``, of two of these texts.
        crowds: those of them that share a crowded band and are none of its anchors: band, and place among the texts, from 0;
            by both. Nobody has compared them with each other.
        anchors: how many members of a crowded band were compared with all others.
        compare: takes two arrays of places, which make pairs, each once, and gives their ``similarities``.
    """

    pairs: pl.LazyFrame
    crowds: pl.DataFrame
    anchors: int
    compare: Callable[[Places, Places], NDArray[np.float64]]


def known_then(
    lake: Lake,
    engine: Engine,
    texts: pl.DataFrame | pl.LazyFrame,
    among: pl.DataFrame,
    configuration: Configuration | None = None,
) -> Known:
    """What a lake would know in which only some texts had been compared, whatever came before or after them.

    Args:
        lake: the lake.
        engine: where pairs are compared that no table has.
        texts: column content: all that had been compared then. Read only where a band is crowded.
        among: column content, unique: those that are asked about.
        configuration: as ``pairs``.

    Raises:
        LakeError: a table can't be read, or nothing can be staged.
    """
    configuration = configuration or configured(lake.settings)
    key = configuration.key(lake.settings)
    known = pairs(lake, configuration).select(_PAIR)
    for end in ("a", "b"):
        known = known.join(among.lazy(), left_on=end, right_on="content", how="semi")
    contents = among["content"].to_arrow()
    members = _members(lake, engine, configuration, key, texts.lazy(), among)
    missing = _missing(members, configuration.anchors)
    if len(missing[0]):
        # Not twice: of two members of several bands, one pair may be an old one here and one of today's there.
        found = _compare(lake, engine, configuration, key, contents, *missing)
        known = pl.concat([known, found.lazy()]).unique(["a", "b"])
    crowds = members.filter(pl.col("then") > configuration.anchors).select("band", "place").sort("band", "place")
    compare = partial(similarities, lake, engine, contents, configuration=configuration)
    return Known(known, crowds, configuration.anchors, compare)


def similarities(
    lake: Lake, engine: Engine, contents: pa.Array, left: Places, right: Places, configuration: Configuration | None = None
) -> NDArray[np.float64]:
    """Compare pairs of texts exactly, whether or not any table has them.

    Args:
        lake: the lake.
        engine: where they are compared.
        contents: sha1_git of the texts, each once.
        left: of each pair the place of one text among them; who comes in many pairs had better be here.
        right: that of the other; no pair is there twice.
        configuration: as ``pairs``.

    Returns:
        Of each pair its similarity, 0 where it is not accepted.

    Raises:
        LakeError: texts can't be read, or nothing can be staged.
    """
    configuration = configuration or configured(lake.settings)
    found = _compare(lake, engine, configuration, configuration.key(lake.settings), contents, left, right).filter("accepted")
    places = pl.DataFrame({"content": contents}).with_row_index("place")
    ends = [found.select(content=end).join(places, on="content", how="left", maintain_order="left") for end in ("a", "b")]
    one, other = (end["place"].cast(pl.Int64).to_numpy() for end in ends)
    asked = left * len(contents) + right
    order = np.argsort(asked)
    result = np.zeros(len(left))
    result[order[np.searchsorted(asked, one * len(contents) + other, sorter=order)]] = found["similarity"].to_numpy()
    return result


def _members(
    lake: Lake, engine: Engine, configuration: Configuration, key: str, texts: pl.LazyFrame, among: pl.DataFrame
) -> pl.DataFrame:
    """Those of ``among`` that are in bands which ``texts`` crowded, as ``_MEMBERS``, by band and number.

    Workers read the bands, which are the lake's; what comes here is no more than what the texts have of crowded ones.
    """
    for table in (BAND, CROWDED_BAND):
        lake.register(table)
    crowded = files_of(lake, CROWDED_BAND, key)
    if not crowded:
        return _MEMBERS.to_frame()
    # Not the signatures: they come last, and go first at a takedown, while bands stand and have pushed anchors out.
    then = texts.select("content").unique().sort("content").collect(engine="streaming").with_row_index("number")
    places = among.select("content").with_row_index("place")
    then = then.join(places, on="content", how="left", maintain_order="left")
    found = [_MEMBERS.to_frame().select("band", "number", "place", "now")]
    with lake.staging("crowds") as area:
        area.tables = {**area.tables, CROWD_MEMBER.name: CROWD_MEMBER}
        find = partial(
            _find, Context(lake, area, configuration, key), [lake.path(CROWDED_BAND.name, one.path) for one in crowded]
        )
        parts = band_parts(lake, key)
        for files in engine.map(find, parts, name=lambda part: f"looking into crowded bands, {part}"):
            rows = _read(lake, files, CROWD_MEMBER, CROWD_MEMBER.schema.names[:-1])
            band = pl.col("value").bin.reinterpret(dtype=pl.UInt64, endianness="big").alias("band")
            found.append(rows.join(then, on="content").select(band, "number", "place", "now"))
    members = pl.concat(found).sort("band", "number").filter(pl.len().over("band") > configuration.anchors)
    members = members.with_columns(then=pl.int_range(1, pl.len() + 1, dtype=pl.UInt32).over("band"))
    return members.filter(pl.col("place").is_not_null()).select(_MEMBERS.names())


def _find(context: Context, crowded: Sequence[str], part: Part) -> list[StagedFile]:
    """Stage the members of the crowded bands of this part, with their ranks in the order of identifiers, from 1."""
    here = in_range("value", part.low, part.high)
    values = read_rows(context.lake, tuple(crowded), ["value"], here)
    writer = context.area.writer("crowds")
    if values.height:
        rows = read_rows(context.lake, part.files, ["value", "content"], here).join(values, on="value", how="semi")
        rows = rows.with_columns(now=pl.col("content").rank("ordinal").over("value").cast(pl.UInt32))
        writer.add(CROWD_MEMBER.name, rows.to_arrow())
    return writer.close()


def _missing(members: pl.DataFrame, anchors: int) -> tuple[Places, Places]:
    """Places of the pairs that crowded bands asked for then and don't ask for now, the smaller identifier first."""
    rows = members.with_columns(new=(pl.col("then") <= anchors) & (pl.col("now") > anchors))
    rows = rows.filter(pl.col("new").any().over("band"))
    groups, numbers = (column.cast(pl.Int64).to_numpy() for column in (rows["band"].rle_id(), rows["number"]))
    places = np.zeros(numbers.max(initial=-1) + 1, np.int64)
    places[numbers] = rows["place"].to_numpy()
    found = [low * len(places) + high for low, high in new_pairs(groups, numbers, rows["new"].to_numpy(), anchors)]
    both = np.unique(np.concatenate([np.empty(0, np.int64), *found]))
    return places[both // max(1, len(places))], places[both % max(1, len(places))]


def _compare(
    lake: Lake, engine: Engine, configuration: Configuration, key: str, contents: pa.Array, left: Places, right: Places
) -> pl.DataFrame:
    """Compare pairs of ``contents`` (by place) exactly; columns ``_PAIR``, those that reach the floor.

    Tasks go by the right ones, and read each of them once: the left ones had better be few.
    """
    with lake.staging("pairs") as area:
        area.tables = {**area.tables, CANDIDATE.name: CANDIDATE, DUPLICATE_PAIR.name: DUPLICATE_PAIR}
        writer = area.writer("pairs")
        for at in range(0, len(left), _STAGED_AT_ONCE):
            a, b = (contents.take(pa.array(side[at : at + _STAGED_AT_ONCE])) for side in (left, right))
            writer.add(CANDIDATE.name, pa.table({"a": a, "b": b}))
        found = list(compared(Context(lake, area, configuration, key), engine, writer.close()))
        return _read(lake, [file for files in found for file in files], DUPLICATE_PAIR, _PAIR)


def _read(lake: Lake, files: Sequence[StagedFile], table: Table, columns: Sequence[str]) -> pl.DataFrame:
    schema = pa.schema([table.schema.field(name) for name in columns])
    return pl.DataFrame(pa.Table.from_batches(staged_batches(lake.storage, files, schema.names, b"", None), schema=schema))
