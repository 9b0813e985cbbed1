# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Languages: linguist's own samples, under the labels that linguist gives them.

The list of samples is among the known answers, the samples are not (their licences vary): they are read from a clone of
linguist's repository that ``LINGUIST`` names. Without one nothing is measured.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import polars as pl

from benchmarks.accuracy import Accuracy
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


def measure(data: Path) -> list[Accuracy]:
    """Ask about every sample under its own name."""
    if "LINGUIST" not in os.environ:
        print(f"{SECTION}: left out, as LINGUIST names no clone of linguist's repository", file=sys.stderr)
        return []
    right, wrong = 0, []
    for sample in samples(data / "linguist" / "samples-manifest.tsv", Path(os.environ["LINGUIST"])):
        said = language_of(sample.path.rpartition("/")[2].encode(), sample.data)[0]
        if said == sample.language:
            right += 1
        else:
            wrong.append(f"`{sample.path}`: expected {sample.language}, found {said or 'none'}")
    return [Accuracy(SECTION, "linguist's samples", right + len(wrong), right, wrong)]


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
