# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a document is, and what it is made from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import polars as pl

from codecommons.datasets.attribution import Attributions
from codecommons.datasets.format import ShardFormat


@dataclass(frozen=True)
class Facts:
    """All that documents of a release are made from: the same for all, so that they agree.

    Attributes:
        document: the release's ``fingerprint.json``, without ``documents``.
        manifest: its rows, with the columns ``shards.MANIFEST``.
        left_out: slices that were not there yet.
        form: of the shards.
        attributions: what ``attribution.attributions`` found for its rows.
        meanings: annotator -> what it says of a file, of those that the release was made with.
        rules: rule of a filter set, as steps name it -> which files it leaves out.
    """

    document: dict[str, Any]
    manifest: pl.DataFrame
    left_out: tuple[str, ...]
    form: ShardFormat
    attributions: Attributions
    meanings: Mapping[str, str]
    rules: Mapping[str, str]


class Document(NamedTuple):
    """One file of a release, or several.

    Attributes:
        files: path in the release -> what writes its text, in pieces: a NOTICE of millions of files is larger than memory.
        rows: where one of the texts says how many rows there are, in its first group; a release in which it is wrong is not
            published. None where no text says so.
    """

    files: Mapping[str, Callable[[Facts], Iterable[str]]]
    rows: re.Pattern[str] | None = None
