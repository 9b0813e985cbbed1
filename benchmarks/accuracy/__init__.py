# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""How often the annotators are right, on data with known answers: ``python -m benchmarks.accuracy``.

Belongs here: one module per kind of answer, with ``measure(data) -> list[Accuracy]``, found by name; the result is
``benchmarks/results/accuracy.json`` and the tables of ``docs/accuracy.md``. The known answers are beside the checkout
(``../shared/data``), not in it. Does not belong here: what an answer costs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PAGE = Path("docs/accuracy.md")


@dataclass(frozen=True)
class Accuracy:
    """One measurement.

    Attributes:
        section: heading of ``docs/accuracy.md`` it stands under.
        name: what was asked.
        cases: answers that could be right or wrong; ``right`` of them were.
        wrong: the others by name, with what was expected and what came.
        figures: more numbers, such as precision and recall, by name.
    """

    section: str
    name: str
    cases: int
    right: int
    wrong: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """The share of right answers."""
        return self.right / self.cases if self.cases else 0.0

    def to_markdown(self) -> str:
        """A row of the table."""
        more = "; ".join(f"{name} {value}" for name, value in self.figures.items())
        return f"| {self.name} | {self.cases:,} | {self.right:,} | {self.share:.1%} | {more} |"


def put(page: str, section: str, table: str) -> str:
    """The page with a table between the marks of its section."""
    start, end = f"<!-- {section} -->\n", f"<!-- /{section} -->"
    before, found, rest = page.partition(start)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"the page has no marks {start.strip()} and {end} to put the table between")
    return f"{before}{start}{table}\n{end}{after}"
