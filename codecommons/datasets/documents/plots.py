# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""plots/*.svg: what the release is made of, and what its rules left out, to look at. The card shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise

import polars as pl

from codecommons.datasets.documents.document import Document, Facts
from codecommons.datasets.documents.figures import called, rollup
from codecommons.drawing import BLUE, GREEN, GREY, RED, Frame, shortened, size

_MOST = 15
_NAMES, _LETTERS = 260, 32
# Every size up to this many bytes, then four times as many, and so on; what is over the last stands alone.
_SMALLEST, _STEPS = 64, 9


def _frame(title: str, subtitle: str) -> Frame:
    return Frame(names=_NAMES, figures=220, letters=_LETTERS, title=title, subtitle=subtitle)


def largest(column: str, name: str, facts: Facts) -> list[str]:
    """Bytes of the values of a column that have most of them.

    What the others have is said, and not drawn: it would be a bar beside which no other is seen.

    Args:
        column: of the manifest.
        name: what its values are, in the plural.
        facts: of the release.
    """
    every = rollup(facts.manifest, column)
    shown, rest = every[:_MOST], every[_MOST:]
    whole, most = max(1, sum(one["bytes"] for one in every)), max((one["bytes"] for one in every), default=1) or 1
    others = f"; the {len(rest):,} others have {size(sum(one['bytes'] for one in rest))}" if rest else ""
    frame = _frame(f"{name.capitalize()}, by bytes of text", f"{_whole(facts)}, in {len(every):,} {name}{others}")
    bars = "".join(frame.bar(at, one["bytes"] / most) for at, one in enumerate(shown))
    labels = [
        (
            shortened(one["value"], _LETTERS),
            f"{size(one['bytes'])}, {_percent(one['bytes'] / whole)}, {one['rows']:,} {called(facts.document, one['rows'])}",
        )
        for one in shown
    ]
    return [frame.svg(labels, {BLUE: bars})]


def sizes(facts: Facts) -> list[str]:
    """How many files are how large."""
    edges = [_SMALLEST * 4**step for step in range(_STEPS)]
    lengths = facts.manifest["length"]
    steps = pl.Series(edges, dtype=pl.Int64).search_sorted(lengths, side="left")
    counted = pl.DataFrame({"step": steps, "bytes": lengths}).group_by("step").agg(rows=pl.len(), bytes=pl.sum("bytes"))
    found = {step: (rows, bytes_) for step, rows, bytes_ in counted.sort("step").iter_rows()}
    names = [f"up to {_edge(edges[0])}", *(f"{_edge(a)} to {_edge(b)}" for a, b in pairwise(edges))]
    names.append(f"over {_edge(edges[-1])}")
    shown = range(min(found, default=0), max(found, default=0) + 1)
    most = max((rows for rows, _ in found.values()), default=1)
    middle = f"half of them up to {size(lengths.median() or 0)}, the largest {size(lengths.max() or 0)}"  # type: ignore[arg-type]
    frame = _frame(f"{called(facts.document).capitalize()}, by size", f"{_whole(facts)}; {middle}")
    bars = "".join(frame.bar(at, found.get(step, (0, 0))[0] / most) for at, step in enumerate(shown))
    counts = [found.get(step, (0, 0)) for step in shown]
    labels = [
        (names[step], f"{rows:,} {called(facts.document, rows)}, {size(bytes_)}")
        for step, (rows, bytes_) in zip(shown, counts, strict=True)
    ]
    return [frame.svg(labels, {BLUE: bars})]


def funnel(facts: Facts) -> list[str]:
    """From candidates to rows: what each rule left out, and what was still there after it."""
    candidates, result = facts.document["candidates"], facts.document["result"]
    whole = max(1, candidates["rows"])
    steps = [step for step in facts.document["steps"] if step["rows"]]
    idle = len(facts.document["steps"]) - len(steps)
    more = f"; {idle} more {'rule' if idle == 1 else 'rules'} left out nothing" * bool(idle)
    frame = _frame(
        f"From candidates to rows, by {called(facts.document)}",
        f"{_share(facts, result['rows'], candidates['rows'])} are rows{more}",
    )
    last = len(steps) + 1
    stay = "".join(frame.bar(at, step["left"] / whole) for at, step in enumerate(steps, 1))
    gone = "".join(frame.bar(at, step["rows"] / whole, start=step["left"] / whole) for at, step in enumerate(steps, 1))
    labels = [
        ("candidates", _counted(facts, candidates["rows"], candidates["bytes"])),
        *((step["rule"].replace("_", " "), f"-{_counted(facts, step['rows'], step['bytes'])}") for step in steps),
        ("rows", _counted(facts, result["rows"], result["text_bytes"])),
    ]
    ends = {BLUE: frame.bar(0, candidates["rows"] / whole), GREEN: frame.bar(last, result["rows"] / whole)}
    return [frame.svg(labels, {GREY: stay, RED: gone, **ends})]


def _whole(facts: Facts) -> str:
    return _counted(facts, facts.document["result"]["rows"], facts.document["result"]["text_bytes"])


def _counted(facts: Facts, rows: int, bytes_: int) -> str:
    return f"{rows:,} {called(facts.document, rows)}, {size(bytes_)}"


def _share(facts: Facts, rows: int, of: int) -> str:
    return f"{rows:,} of {of:,} {called(facts.document)} ({_percent(rows / max(1, of))})"


def _percent(share: float) -> str:
    return f"{share:.1%}"


def _edge(count: int) -> str:
    power = (count.bit_length() - 1) // 10
    return f"{count >> 10 * power} {('B', 'KiB', 'MiB')[power]}"


PLOTS: Mapping[str, Callable[[Facts], list[str]]] = {
    "languages": partial(largest, "language", "languages"),
    "licenses": partial(largest, "license", "licences"),
    "origins": partial(largest, "origin", "origins"),
    "sizes": sizes,
    "funnel": funnel,
}
DOCUMENT = Document({f"plots/{name}.svg": draw for name, draw in PLOTS.items()})
