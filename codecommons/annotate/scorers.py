# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Where a trained classifier plugs in: a model file, a function that loads it, and a name that says what it was trained on.

A plug-in is a file ``<plug-in folder>/annotators/<name>.py``::

    from codecommons.annotate.scorers import scorer

    def load(path):
        model = ...             # from the file, and from nowhere else
        return lambda texts: model.predict(texts)

    ANNOTATOR = scorer("tutorial_likeness_v1", "How alike a file is to those of tutorials.", Path("model.bin"), load)

Its scores are an annotation like any other: computed once per content, keyed by the sha256 of the model, and for a policy to use.
A score is called after what the model has seen ("likeness to files of tutorials, by weak labels"), never after what one hopes.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from codecommons.annotate.annotator import Annotator
from codecommons.annotate.columns import table, values
from codecommons.errors import UsageError

Score = Callable[[Sequence[str]], Sequence[float]]

CHARACTERS = 4096
FIELDS = (pa.field("score", pa.float64()), pa.field("characters", pa.int64()))


def scorer(
    name: str,
    description: str,
    model: Path,
    load: Callable[[Path], Score],
    *,
    version: int = 1,
    characters: int = CHARACTERS,
    tools: tuple[str, ...] = (),
) -> Annotator:
    """An annotator of contents that gives each text a score.

    Args:
        name: the annotator's, and so its table's.
        description: what a score measures, and by which labels the model learnt it, one sentence.
        model: the model's file; its sha256 is part of the digest.
        load: called once a process, before the first content; what it returns gets some texts and gives each a finite number.
        version: raised by hand when ``load`` changes.
        characters: how much of a text's beginning the model sees; the column ``characters`` says how much that was.
        tools: distributions whose version can change a score.

    Returns:
        The annotator. Contents that are no UTF-8 text, and empty ones, have no score.

    Raises:
        UsageError: the model's file can't be read.
    """
    try:
        with model.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"the model {model} of the scorer {name} can't be read: {error.strerror}") from None
    loaded = cache(lambda: load(model))

    def annotate(batch: pa.RecordBatch) -> pa.Table:
        texts = [_text(data, characters) for data in values(batch, "data")]
        given = [text for text in texts if text]
        scores = [float(score) for score in loaded()(given)] if given else []
        if len(scores) != len(given) or not all(map(math.isfinite, scores)):
            raise ValueError(f"the scorer {name} gave {len(scores)} scores for {len(given)} texts, or one that is no number")
        left = iter(scores)
        rows: list[tuple[Any, ...]] = [(next(left), len(text)) if text else (None, None) for text in texts]
        return table(rows, FIELDS)

    return Annotator(
        name=name,
        description=description,
        version=version,
        input="content",
        fields=FIELDS,
        annotate=annotate,
        tools=tools,
        configuration={"model": sha256, "characters": characters},
    )


def _text(data: bytes, characters: int) -> str:
    """The beginning of a text; empty for what is none."""
    head = data[: 4 * characters]
    try:
        return head.decode()[:characters] if b"\0" not in head else ""
    except UnicodeDecodeError as error:
        cut = len(head) < len(data) and error.start > len(head) - 4  # in the middle of a character
        return head[: error.start].decode()[:characters] if cut else ""
