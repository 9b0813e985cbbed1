# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The tables of the stage. All are keyed by configuration and hold facts about contents, whoever brought them and when."""

from __future__ import annotations

import pyarrow as pa

from codecommons.lake.schemas import DUPLICATE_PAIR, HASH, Table

_CONFIGURATION = pa.field("configuration", pa.string())

BAND = Table(
    "band",
    "One band of one text's signature; texts that share a value are compared. The value is 8 bytes.",
    (_CONFIGURATION, pa.field("value", pa.binary()), pa.field("content", HASH)),
    ("configuration", "value", "content"),
    partition=("configuration",),
)
CROWDED_BAND = Table(
    "crowded_band",
    "A band value that more texts share than are compared with each other, or shared before some were taken down.",
    (_CONFIGURATION, pa.field("value", pa.binary())),
    ("configuration", "value"),
    partition=("configuration",),
)
SIGNATURE = Table(
    "signature",
    "One text that is done: its bands are in the lake, and so are its pairs with every text done before it.",
    (_CONFIGURATION, pa.field("content", HASH), pa.field("words", pa.int64())),
    ("configuration", "content"),
    partition=("configuration",),
)
CANDIDATE = Table(
    "candidate",
    "Two texts that share a band. Travels between tasks only, is never committed.",
    (pa.field("a", HASH), pa.field("b", HASH)),
    # In a crowded band `a` is one of a few anchors: by `b`, a task that compares them reads every other text once.
    ("b", "a"),
)
CROWD_MEMBER = Table(
    "crowd_member",
    "A text in a crowded band, and its rank there in the order of identifiers. Travels between tasks only, is never committed.",
    (pa.field("value", pa.binary()), pa.field("content", HASH), pa.field("now", pa.uint32())),
    ("value", "content"),
)
TABLES = (BAND, CROWDED_BAND, DUPLICATE_PAIR, SIGNATURE)
