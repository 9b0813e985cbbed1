# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Which items of the user's benchmarks a content has, so that datasets can leave out what models will be tested on.

There is such an annotator only where ``CODECOMMONS_BENCHMARKS`` names files. Texts that are not UTF-8 are read as such all the
same: what benchmarks have is ASCII nearly everywhere. A Jupyter notebook is looked through as it is and as the text that can be
made of it (``annotate.notebooks``): in its JSON, line ends stand between the words of an item.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pyarrow as pa

from codecommons.annotate import notebooks
from codecommons.annotate.annotator import Annotator
from codecommons.annotate.benchmarks import FLOOR, Matcher, read_items
from codecommons.annotate.benchmarks.items import benchmark_of, digest_of
from codecommons.annotate.benchmarks.matching import LEAST, Match
from codecommons.errors import UsageError
from codecommons.settings import Settings

MOST_ITEMS = 100
ITEM = pa.struct(
    [
        pa.field("benchmark", pa.string()),
        pa.field("item", pa.string()),
        pa.field("field", pa.string()),
        pa.field("share", pa.float64()),
    ]
)
FIELDS = (pa.field("items", pa.list_(ITEM)),)


def configure(settings: Settings) -> Annotator | None:
    """The annotator for the user's benchmarks; None where there are none.

    Raises:
        UsageError: a file is no benchmark, or two are of the same name.
    """
    names = [benchmark_of(path) for path in settings.benchmarks]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"CODECOMMONS_BENCHMARKS names two files of the benchmark {twice}; rename one")
    if not names:
        return None
    digests = tuple(map(digest_of, settings.benchmarks))
    _matcher(settings.benchmarks, digests)  # what is no benchmark is told before anything runs
    return _annotator(settings.benchmarks, digests)


def _annotator(paths: tuple[Path, ...], digests: tuple[str, ...]) -> Annotator:
    named = [[benchmark_of(path), digest] for path, digest in zip(paths, digests, strict=True)]
    return Annotator(
        name="benchmark_items",
        description="Items of the user's benchmarks that are in a content, and the share of each.",
        version=3,
        input="content",
        fields=FIELDS,
        annotate=lambda batch: _answer(_matcher(paths, digests), batch),
        configuration={
            "benchmarks": named,
            "floor": FLOOR,
            "least": LEAST,
            "most": MOST_ITEMS,
            "notebooks": notebooks.VERSION,
        },
        configure=configure,
    )


@cache
def _matcher(paths: tuple[Path, ...], _digests: tuple[str, ...]) -> Matcher:
    return Matcher(item for path in paths for item in read_items(path))


def _answer(matcher: Matcher, batch: pa.RecordBatch) -> pa.Table:
    found = matcher.find(batch["data"])
    texts = {at: text for at, data in enumerate(batch["data"]) if (text := _written(memoryview(data.as_buffer()))) is not None}
    for at, more in zip(texts, matcher.find(pa.array(texts.values(), pa.binary())), strict=True):
        best: dict[tuple[str, str], Match] = {}
        for match in sorted([*found[at], *more], key=lambda match: (-match.share, match.benchmark, match.item)):
            best.setdefault((match.benchmark, match.item), match)
        found[at] = list(best.values())
    rows = [[match._asdict() for match in some[:MOST_ITEMS]] for some in found]
    return pa.table([pa.array(rows, pa.list_(ITEM))], schema=pa.schema(FIELDS))


def _written(data: memoryview) -> bytes | None:
    """What people wrote in a notebook; None for any other content."""
    if bytes(data[:1]) != b"{" or b'"cells"' not in bytes(data):
        return None
    try:
        return notebooks.text(bytes(data), notebooks.STRUCTURED).encode()
    except ValueError:
        return None


ANNOTATOR = _annotator((), ())
