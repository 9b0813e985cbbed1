# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Bars as SVG, by hand: plotting libraries load slowly, and write clocks and random names into their files.

And names from archives as what they are: whatever is in them, it is shown and does nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

# What Markdown (or HTML within it) takes for more than itself anywhere in a line; of underscores, those at the edge of a word.
_MARKS = re.compile(r"[\\`*\[\]<>|~&]|(?<![^\W_])_|_(?![^\W_])")
ROW, _BAR, _TITLES = 24, 18, 64
BLUE, RED, GREEN, GREY = "#47a", "#e53", "#5a4", "#bbb"


@dataclass(frozen=True)
class Frame:
    """What stands where, in pixels from the left.

    Attributes:
        names: width of the column of names, which end beside the bars where there is a title.
        bars: length of the longest bar.
        figures: width of the column of figures behind the bars.
        letters: of a name that are shown.
        title: a line above all, with ``subtitle`` under it; without one there are bars alone.
    """

    names: int = 150
    bars: int = 330
    figures: int = 160
    letters: int = 22
    title: str = ""
    subtitle: str = ""

    def bar(self, at: int, share: float, top: int = 0, height: int = _BAR, start: float = 0) -> str:
        """A path: in row ``at``, of a share of the longest bar (visible if it is any), beginning at another share of it."""
        left = self.names + round(self.bars * start)
        return f"M{left} {ROW * at + top}h{max(share > 0, round(self.bars * share)):d}v{height}H{left}"

    def svg(self, labels: Sequence[tuple[str, str]], paths: Mapping[str, str]) -> str:
        """A drawing.

        Args:
            labels: for each row the name before the bar and the figures behind it.
            paths: colour -> what is drawn in it.
        """
        # The UI shows no more than some hundred characters, and so does without names beside their bars.
        end, start = (f"x='{self.names - 10}' text-anchor='end' ", " text-anchor='start'") if self.title else ("", "")
        right = f"x='{self.names + self.bars + 10}'{start}"
        shown = [(escape(printable(name)[: self.letters]), escape(printable(figures))) for name, figures in labels]
        texts = [
            f"<text {end}y='{ROW * at + 14}'>{name}<tspan {right}>{figures}</tspan></text>"
            for at, (name, figures) in enumerate(shown)
        ]
        drawn = "".join([*(f"<path d='{path}' fill='{colour}'/>" for colour, path in paths.items()), *texts])
        width, height = self.names + self.bars + self.figures, ROW * len(labels)
        style = "style='font:13px sans-serif;background:#fff'"
        if not self.title:
            return f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' {style}>{drawn}</svg>"
        # Who has no background (in a dark page, say) can't read black on nothing; the lines of a title need room of their own.
        whole = height + _TITLES + 16
        return (
            f"<svg xmlns='http://www.w3.org/2000/svg' width='{width + 32}' height='{whole}' "
            f"viewBox='-16 -{_TITLES} {width + 32} {whole}' role='img' {style}><title>{escape(self.title)}</title>"
            f"<rect x='-16' y='-{_TITLES}' width='{width + 32}' height='{whole}' fill='#fff'/>"
            f"<text y='-38' style='font-size:17px;font-weight:bold'>{escape(self.title)}</text>"
            f"<text y='-17' fill='#555'>{escape(self.subtitle)}</text>{drawn}</svg>\n"
        )


def printable(text: str) -> str:
    """A text in one line, with an escape (as in Python) for everything that would break, turn or hide it."""
    return text if text.isprintable() else "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def plain(text: str) -> str:
    """A text that Markdown shows letter for letter, in one line: no table, link, code or HTML comes of it."""
    return _MARKS.sub(r"\\\g<0>", printable(text))


def shortened(text: str, letters: int) -> str:
    """A text without its middle where it is too long: of an origin, both ends tell."""
    if len(text) <= letters:
        return text
    head = (letters - 1) // 2
    return f"{text[:head]}…{text[len(text) - (letters - 1 - head) :]}"


def size(count: float) -> str:
    """Bytes for people, in powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"
