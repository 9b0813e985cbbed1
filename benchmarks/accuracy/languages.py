# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Languages: linguist's own samples, under the labels that linguist gives them, beside a model of contents asked about every one.

The list of samples is among the known answers, the samples are not (their licences vary): they are read from a clone of
linguist's repository that ``LINGUIST`` names. Without one nothing is measured. The model is Magika, where it is installed:
it sees contents without names. Linguist's word statistics were
learnt from these very samples.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import polars as pl

from benchmarks.accuracy import Accuracy
from codecommons.annotate.annotators.content_model import linguist_name, model, row_of
from codecommons.annotate.annotators.language import language_of
from codecommons.swhid import git

SECTION = "Languages"
# What a folder with samples of whole file names is called.
_NAMES = "filenames/"


class Sample(NamedTuple):
    """A labelled file: linguist's name of its language, its name, its bytes."""

    language: str
    path: str
    data: bytes

    @property
    def name(self) -> bytes:
        """The last part of the path."""
        return self.path.rpartition("/")[2].encode()


def measure(data: Path) -> list[Accuracy]:
    """Ask about every sample under its own name, and the model about every content."""
    if "LINGUIST" not in os.environ:
        print(f"{SECTION}: left out, as LINGUIST names no clone of linguist's repository", file=sys.stderr)
        return []
    found = list(samples(data / "linguist" / "samples-manifest.tsv", Path(os.environ["LINGUIST"])))
    start = time.process_time()
    ours = [language_of(sample.name, sample.data)[0] for sample in found]
    speed = _speed(found, time.process_time() - start)
    wrong = [
        f"`{sample.path}`: expected {sample.language}, found {said or 'none'}"
        for sample, said in zip(found, ours, strict=True)
        if said != sample.language
    ]
    answers = [Accuracy(SECTION, "linguist's samples", len(found), len(found) - len(wrong), wrong, speed)]
    return answers + (_beside(found, ours) if find_spec("magika") else [])


def _beside(found: list[Sample], ours: list[str | None]) -> list[Accuracy]:
    """The model on every sample; both where the model knows the language, and where the annotator ``content_model`` asks it."""
    model().identify_bytes(found[0].data)  # loaded before it is timed
    start = time.process_time()
    labels = [str(model().identify_bytes(sample.data).output.label) for sample in found]
    speed = _speed(found, time.process_time() - start)
    theirs = [linguist_name(label) for label in labels]
    known = {linguist_name(str(label)) for label in model().get_output_content_types()}
    everything = range(len(found))
    fair = [at for at in everything if found[at].language in known]
    asked = [at for at in everything if row_of(found[at].name, found[at].data)[0] is not None]

    def answer(name: str, said: list[str | None], places: Sequence[int], figures: dict[str, str]) -> Accuracy:
        return Accuracy(SECTION, name, len(places), sum(said[at] == found[at].language for at in places), figures=figures)

    return [
        answer("the same by Magika on every content", theirs, everything, speed),
        answer("languages that Magika knows: ours", ours, fair, {}),
        answer("languages that Magika knows: Magika", theirs, fair, {}),
        answer("where rules leave several languages: ours", ours, asked, {}),
        answer("where rules leave several languages: Magika", theirs, asked, {}),
    ]


def _speed(found: list[Sample], seconds: float) -> dict[str, str]:
    size = sum(len(sample.data) for sample in found)
    return {"files/s": f"{len(found) / seconds:,.0f}", "MB/s": f"{size / seconds / 1e6:.1f}"}


def samples(manifest: Path, clone: Path) -> Iterator[Sample]:
    """The samples of the manifest that the clone has."""
    rows = pl.read_csv(manifest, separator="\t", quote_char=None)
    answer = git.run(clone, "cat-file", "--batch", stdin="".join(f"{blob}\n" for blob in rows["git_blob_sha1"]).encode())
    at = 0
    for language, path in rows.select("language", "path").iter_rows():
        end = answer.index(b"\n", at)
        words = answer[at:end].split()  # identifier, type and size, or identifier and "missing"
        at = end + 1
        if len(words) == 3:
            size = int(words[2])
            yield Sample(language, path.removeprefix(_NAMES), answer[at : at + size])
            at += size + 1
