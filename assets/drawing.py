# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Tables and plots as Markdown, so small that Dagster's UI shows them at once; by hand, as plotting libraries load slowly."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

from codecommons.drawing import BLUE, GREEN, GREY, RED, Frame, plain
from codecommons.report import Count

# The UI hides Markdown of this many characters behind a link.
SHOWN_AT_ONCE = 1000
# As wide as the column of values on a page of an asset.
_FRAME = Frame(names=130, bars=110, figures=170, letters=18)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table of as many rows as the UI shows at once, of plain texts; numbers are aligned to the right."""
    numeric = [isinstance(cell, (int, float)) for cell in (rows[0] if rows else head)]
    text = f"{_line([_cell(name) for name in head])}\n{_line(['---:' if right else '---' for right in numeric])}"
    for row in rows:
        line = _line([_cell(cell) for cell in row])
        if len(text) + len(line) >= SHOWN_AT_ONCE:
            break
        text = f"{text}\n{line}"
    return text


def _line(cells: Sequence[object]) -> str:
    return f"|{'|'.join(str(cell) for cell in cells)}|"


def _cell(cell: object) -> str:
    return f"{cell:,}" if isinstance(cell, (int, float)) else plain(str(cell))


def funnel(came: Count, dropped: Mapping[str, Count], kept: Count) -> str:
    """An SVG drawing, as a Markdown image; the smallest reasons are drawn as one where all would be too many."""
    reasons = sorted(dropped.items(), key=lambda item: (-item[1].rows, item[0]))
    for most in range(len(reasons), -1, -1):
        rest = sum((count for _, count in reasons[most:]), Count())
        others = [("other reasons", rest)] if rest.rows else []
        image = f"![funnel]({_data_uri(_bars([('in', came), *reasons[:most], *others, ('kept', kept)]))})"
        if len(image) < SHOWN_AT_ONCE:
            break
    return image


def _bars(bars: Sequence[tuple[str, Count]]) -> str:
    """Horizontal bars, the first and the last in colours of their own: length is files, the label adds bytes."""
    widest = max(1, *(count.rows for _, count in bars))
    shapes = [_FRAME.bar(at, count.rows / widest) for at, (_, count) in enumerate(bars)]
    labels = [
        (label.replace("_", " "), f"{count.rows:,}{'' if at else ' files'}, {count.bytes / 1e6:,.1f} MB")
        for at, (label, count) in enumerate(bars)
    ]
    return _FRAME.svg(labels, {BLUE: shapes[0], RED: "".join(shapes[1:-1]), GREEN: shapes[-1]})


def histogram(counts: Mapping[str, int]) -> str:
    """An SVG drawing, as a Markdown image: a bar for each name, in the order given."""
    widest = max(1, *counts.values())
    bars = "".join(_FRAME.bar(at, count / widest) for at, count in enumerate(counts.values()))
    return f"![histogram]({_data_uri(_FRAME.svg([(name, f'{count:,}') for name, count in counts.items()], {BLUE: bars}))})"


def change(before: Mapping[str, float], now: Mapping[str, float]) -> str:
    """An SVG drawing, as a Markdown image: shares of a whole before (grey) and now, of as many names as are shown at once."""
    names = sorted({*before, *now}, key=lambda name: (-max(before.get(name, 0), now.get(name, 0)), name))
    for most in range(len(names), 0, -1):
        image = f"![change]({_data_uri(_pairs([(name, before.get(name, 0), now.get(name, 0)) for name in names[:most]]))})"
        if len(image) < SHOWN_AT_ONCE:
            return image
    return ""


def _pairs(pairs: Sequence[tuple[str, float, float]]) -> str:
    """Two horizontal bars a name, before over now; length is the share, the label says both."""
    widest = max(max(before, now) for _, before, now in pairs) or 1.0
    grey = "".join(_FRAME.bar(at, before / widest, 1, 9) for at, (_, before, _) in enumerate(pairs))
    blue = "".join(_FRAME.bar(at, now / widest, 10, 9) for at, (_, _, now) in enumerate(pairs))
    return _FRAME.svg([(name, f"{before:.1%} → {now:.1%}") for name, before, now in pairs], {GREY: grey, BLUE: blue})


def _data_uri(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
