# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What loading one item came to: counts and remarks, kept with its identifier so that a second visit says the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from codecommons.report import Count

# The end of keys in table ``extid`` of what is to be read again: not known any more, but nothing else says what it came to.
BEFORE_REPAIR = b" before a repair"


@dataclass(frozen=True)
class Note:
    """One line of table ``quarantine``: something of an item that was left out, or was taken and is worth a look.

    Attributes:
        reason: the short stable word that is counted.
        detail: the line a person reads.
        path: of the file, from the root of its tree.
        length: of the file, in bytes.
        kept: whether nothing was left out, and this is only a remark.
    """

    reason: str
    detail: str
    path: bytes | None = None
    length: int | None = None
    kept: bool = False


@dataclass
class Tally:
    """What came out of an item: files, or records of a feed.

    Attributes:
        kept: files whose bytes are here; records that are here.
        skipped: files without bytes: over the size limit, or for one of ``reasons``, or missing upstream as ``notes`` say.
        replaced: files that another of the same path replaced: a later one in an archive, the first one in a git tree.
        notes: what a person should know.
        dropped: records that were left out, by reason.
        reasons: why files are skipped that were taken down or are too many for a note each; table ``skipped_content`` has all.
    """

    kept: Count = field(default_factory=Count)
    skipped: Count = field(default_factory=Count)
    replaced: Count = field(default_factory=Count)
    notes: list[Note] = field(default_factory=list)
    dropped: dict[str, Count] = field(default_factory=dict)
    reasons: dict[str, Count] = field(default_factory=dict)

    @property
    def total(self) -> Count:
        """Every file or record there was."""
        return sum(self.dropped.values(), self.kept + self.skipped + self.replaced)

    def skip(self, length: int, reason: str | None = None) -> None:
        """Count a file without bytes; without a reason it is over the size limit."""
        self.skipped += Count(1, length)
        if reason:
            self.reasons[reason] = self.reasons.get(reason, Count()) + Count(1, length)

    def detail(self) -> str:
        """What the columns of table ``extid`` don't hold, as JSON text."""
        notes = [
            [note.reason, note.detail, note.path.hex() if note.path is not None else None, note.length, *([True] * note.kept)]
            for note in self.notes
        ]
        detail: dict[str, Any] = {"replaced": [self.replaced.rows, self.replaced.bytes], "notes": notes}
        for name, counts in (("dropped", self.dropped), ("reasons", self.reasons)):
            if counts:
                detail[name] = {reason: [count.rows, count.bytes] for reason, count in sorted(counts.items())}
        return json.dumps(detail, separators=(",", ":"))

    @classmethod
    def from_extid(cls, row: Mapping[str, Any]) -> Tally:
        """Read a row of table ``extid``."""
        detail = json.loads(row["detail"])
        notes = [
            Note(reason, line, bytes.fromhex(path) if path is not None else None, length, bool(kept))
            for reason, line, path, length, *kept in detail["notes"]
        ]
        return cls(
            Count(row["files"], row["bytes"]),
            Count(row["skipped_files"], row["skipped_bytes"]),
            Count(*detail["replaced"]),
            notes,
            *({reason: Count(*count) for reason, count in detail.get(name, {}).items()} for name in ("dropped", "reasons")),
        )
