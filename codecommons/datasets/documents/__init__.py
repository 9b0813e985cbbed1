# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Texts that go with a release, all made from the same numbers: its fingerprint's account and its manifest.

Belongs here: one module a document (the dataset card, the licence roll-up, Croissant metadata, the summary of training content),
and what they say alike (``figures``).
Does not belong here: selecting rows, and writing shards and manifest.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl

from codecommons.datasets.documents.card import card
from codecommons.datasets.documents.croissant import croissant
from codecommons.datasets.documents.figures import rollup
from codecommons.datasets.documents.notice import notice
from codecommons.datasets.documents.training_summary import summary_json, summary_markdown
from codecommons.datasets.format import ShardFormat

__all__ = ["rollup", "texts"]


def texts(document: dict[str, Any], manifest: pl.DataFrame, left_out: Iterable[str], form: ShardFormat) -> dict[str, str]:
    """Every document of a release, by the name of its file.

    Args:
        document: the release's ``fingerprint.json``, without ``documents``.
        manifest: its rows.
        left_out: slices that were not there yet.
        form: of the shards.
    """
    return {
        "README.md": card(document, manifest, left_out, form),
        "NOTICE": notice(document, manifest),
        "croissant.json": croissant(document, manifest, form),
        "art53.json": summary_json(document, manifest),
        "art53.md": summary_markdown(document, manifest),
    }
