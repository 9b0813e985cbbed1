# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""From the bytes of a content to the text of a row: personal data and secrets replaced, tokens of training formats broken.

Identity is never touched: a row names the content by SWHID, and says which of its bytes were replaced. Anybody with the bytes
gets the same text from them.

Sources: StarCoder 2 and The Stack v2 (Lozhkov et al. 2024), section 3.2 for placeholders and table 5 for tokens.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import polars as pl

from codecommons.annotate import spans, store
from codecommons.annotate.annotator import current
from codecommons.datasets.specification import Redact
from codecommons.datasets.tokens import TOKENS
from codecommons.lake import Lake

# Kind of a span -> what stands in its place; what is not here is a key.
PLACEHOLDERS = {"email": "<EMAIL>", "name": "<NAME>", "phone": "<PHONE>", "password": "<PASSWORD>"}
_KEY = "<KEY>"
# Addresses of private networks, as The Stack v2 takes them; the first one in a file gets the first, and so on, round and round.
_ADDRESSES = {
    4: ("172.16.31.10", "172.16.58.3", "172.16.17.32", "192.168.127.12", "192.168.3.11"),
    6: ("fd00:c2b6:b24b:be67:2827:688d:e6a1:6a3b", "fd00:a516:7c1b:17cd:6d81:2137:bd2a:2c5b", "fc00:e968:6179::de52:7100"),
}
# Comes after the first character of a token, which then is none for a tokenizer and looks the same to people.
BREAK = "\N{ZERO WIDTH NON-JOINER}"
# What a text has where such a token was broken, by the name of ``TOKENS``.
BROKEN = {name: pattern.pattern.replace("<", f"<{BREAK}", 1) for name, pattern in TOKENS.items()}
# Part of what decides a shard's bytes (``shards.rows_digest``).
RULES = {"placeholders": PLACEHOLDERS, "else": _KEY, "addresses": [*_ADDRESSES.values()], "break": BREAK}

SPANS = pl.List(pl.Struct({"kind": pl.String, "start": pl.Int64, "end": pl.Int64}))
_FOUND = pl.Schema({"content": pl.Binary, "kind": pl.String, "start": pl.Int64, "end": pl.Int64})


class Span(NamedTuple):
    """Bytes of a content that are replaced: what they are, where they begin and end (exclusive)."""

    kind: str
    start: int
    end: int


def text_of(data: bytes, encoding: str, redactions: Sequence[Span] = (), escape: Iterable[str] = ()) -> str:
    """The text of a row.

    Args:
        data: all bytes of the content.
        encoding: what Python calls it.
        redactions: in order of place, none across another.
        escape: names of ``TOKENS`` that are broken.

    Raises:
        UnicodeError: the bytes are not in the encoding.
        LookupError: there is no such encoding.
    """
    return broken(_redacted(data, encoding, redactions) if redactions else data.decode(encoding), escape)


def broken(text: str, escape: Iterable[str]) -> str:
    """A text in which the tokens ``TOKENS`` of these names are none."""
    for name in escape:
        text = TOKENS[name].sub(lambda token: token[0][0] + BREAK + token[0][1:], text)
    return text


def told(text: str, asked: Redact, escape: Iterable[str] = ()) -> str:
    """A text that no annotator has seen, such as a commit's message, with what the rules find in it replaced.

    Args:
        text: it.
        asked: which spans.
        escape: names of ``TOKENS`` that are broken.
    """
    data = text.encode()
    return text_of(data, "utf-8", found(data, asked), escape)


def found(data: bytes, asked: Redact) -> list[Span]:
    """What is replaced in a text (UTF-8) that no annotator has seen: in order of place, none across another."""
    told = [
        {"content": b"", "kind": span.kind, "start": span.start, "end": span.end}
        for name, confidence in asked.confidences.items()
        for span in spans.compiled(name).find(data)[0]
        if span.confidence >= confidence and span.kind not in asked.keep
    ]
    if not told:
        return []
    merged = _merged(pl.DataFrame(told, schema=_FOUND)).to_dicts()
    return [Span(**one) for row in merged for one in row["redactions"]]


def _redacted(data: bytes, encoding: str, redactions: Sequence[Span]) -> str:
    # An incremental decoder keeps what an encoding needs to know from one piece to the next, such as its byte order.
    decoder = codecs.getincrementaldecoder(encoding)()
    pieces, addresses, at = [], dict[str, str](), 0
    for kind, start, end in redactions:
        pieces.append(decoder.decode(data[at:start]))
        pieces.append(_replacement(kind, decoder.decode(data[start:end]), addresses))
        at = end
    pieces.append(decoder.decode(data[at:], final=True))
    return "".join(pieces)


def _replacement(kind: str, value: str, addresses: dict[str, str]) -> str:
    """What stands for a value: the same for the same value of a file."""
    if kind != "ip-address":
        return PLACEHOLDERS.get(kind, _KEY)
    choice = _ADDRESSES[6 if ":" in value else 4]
    return addresses.setdefault(value, choice[sum(one in choice for one in addresses.values()) % len(choice)])


def boundaries(lake: Lake, annotator: str) -> pl.LazyFrame:
    """Which contents an annotator of spans has listed whole.

    Returns:
        content; ``said_<annotator>``: true; ``whole_<annotator>``: false where it failed, or there are more spans than it lists.
    """
    said = store.rows(lake, current(lake.settings)[annotator])
    whole = (pl.col("error").is_null() & ~pl.col("truncated")).fill_null(False)
    return said.select("content", pl.lit(True).alias(f"said_{annotator}"), whole.alias(f"whole_{annotator}"))


def redactions(lake: Lake, asked: Redact, contents: pl.DataFrame) -> pl.DataFrame:
    """What is replaced in contents.

    Args:
        lake: the lake.
        asked: which spans.
        contents: column content.

    Returns:
        content; redactions (``SPANS``): in order of place, none across another. Contents without any are absent.
    """
    listed = [
        store.rows(lake, current(lake.settings)[name])
        .join(contents.lazy().select("content").unique(), on="content", how="semi")
        .select("content", "spans")
        .explode("spans", empty_as_null=False, keep_nulls=False)
        .unnest("spans")
        .filter(pl.col("confidence") >= confidence, ~pl.col("kind").is_in(list(asked.keep)))
        .select("content", "kind", "start", "end")
        for name, confidence in asked.confidences.items()
    ]
    if not listed:
        return pl.DataFrame(schema={"content": pl.Binary, "redactions": SPANS})
    return _merged(pl.concat(listed).collect())


def of_notebooks(rows: pl.DataFrame, asked: Redact) -> pl.DataFrame:
    """The same of the texts of notebooks, whose spans the rows have; the bytes are those of the text in UTF-8.

    Args:
        rows: content; notebook, whether it is one; notebook_spans, by annotator.
        asked: which spans.
    """
    found = [pl.DataFrame(schema=_FOUND)]
    for name, confidence in asked.confidences.items():
        told = rows.filter("notebook").select("content", spans=pl.col("notebook_spans").struct.field(name))
        every = told.explode("spans", empty_as_null=False, keep_nulls=False).unnest("spans")
        wanted = every.filter(pl.col("confidence") >= confidence, ~pl.col("kind").is_in(list(asked.keep)))
        found.append(wanted.select(_FOUND.names()))
    return _merged(pl.concat(found))


def _merged(found: pl.DataFrame) -> pl.DataFrame:
    """Spans (``_FOUND``) by content, as ``redactions`` gives them."""
    spans_ = found.unique().sort("content", "start", "end", "kind")
    # Two annotators may both see something in the same bytes; all of them go, as what the first one says.
    before = pl.col("end").cum_max().shift(1).over("content")
    apart = spans_.with_columns(group=(pl.col("start") >= before).fill_null(True).cum_sum())
    merged = apart.group_by("content", "group").agg(pl.col("kind").first(), pl.col("start").first(), pl.col("end").max())
    return (
        merged.sort("content", "start")
        .group_by("content", maintain_order=True)
        .agg(redactions=pl.struct("kind", "start", "end"))
        .cast({"redactions": SPANS})
    )


def counted(rows: pl.DataFrame) -> dict[str, int]:
    """How many stretches of each kind are replaced in rows with a column ``redactions``; by kind."""
    both = pl.concat([rows[name] for name in ("redactions", "before_redactions") if name in rows.columns])
    kinds = pl.DataFrame({"redactions": both}).explode("redactions", empty_as_null=False, keep_nulls=False).unnest("redactions")
    return dict(kinds.group_by("kind").len().sort("kind").iter_rows())


def left(text: bytes, asked: Redact) -> bool:
    """Whether the annotators' rules still find in a text (UTF-8) what should have been replaced."""
    return any(
        span.confidence >= confidence and span.kind not in asked.keep
        for name, confidence in asked.confidences.items()
        for span in spans.compiled(name).find(text)[0]
    )
