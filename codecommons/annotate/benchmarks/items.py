# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Benchmarks as they are published: a JSON object a line, in files that may be compressed with gzip."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codecommons.errors import UsageError

MOST_BYTES = 256 << 20
# What HumanEval, MBPP, MultiPL-E, CRUXEval and their like call an item, the first that is there.
_NAMES = ("task_id", "question_id", "problem_id", "name", "id")


@dataclass(frozen=True)
class Item:
    """One problem.

    Attributes:
        benchmark: name of the file, without its endings.
        name: as the file has it, else the number of its line.
        passages: field -> its text, of every field that is a text or a list of texts.
    """

    benchmark: str
    name: str
    passages: dict[str, str]

    @property
    def asks_for(self) -> str:
        """What the function is called that is asked for, as HumanEval and those after it say; empty where nothing does."""
        return self.passages.get("entry_point", "")


def benchmark_of(path: Path) -> str:
    """What a file's benchmark is called: ``HumanEval`` of ``HumanEval.jsonl.gz``."""
    return path.name.partition(".")[0]


def digest_of(path: Path) -> str:
    """sha256 of a file, hex.

    Raises:
        UsageError: it is none, can't be read, or is too large.
    """
    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            raise UsageError(f"the benchmark {path} is no file of at most {MOST_BYTES >> 20} MiB")
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UsageError(f"the benchmark {path} can't be read: {error.strerror}") from None


def read_items(path: Path) -> list[Item]:
    """The items of one file, in its order.

    Raises:
        UsageError: it can't be read, is too large, or a line is no JSON object; the message names file and line.
    """
    lines = [(number, line) for number, line in enumerate(_bytes(path).split(b"\n"), 1) if line.strip()]
    return [_item(benchmark_of(path), number, _object(path, number, line)) for number, line in lines]


def _bytes(path: Path) -> bytes:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(f"the benchmark {path} can't be read: {error}") from None
    if len(data) > MOST_BYTES:
        raise UsageError(f"the benchmark {path} has more than {MOST_BYTES >> 20} MiB; it must be a file of problems, a line each")
    return data


def _object(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise UsageError(f"line {number} of the benchmark {path} is no JSON object; one is needed a line")
    return value


def _item(benchmark: str, number: int, value: dict[str, Any]) -> Item:
    name = next((value[key] for key in _NAMES if isinstance(value.get(key), (str, int))), number)
    return Item(benchmark, _kept(str(name)), {_kept(field): text for field, text in _passages(value)})


def _kept(text: str) -> str:
    """A text without halves of surrogates, which JSON may hold and no table can."""
    return text.encode("utf-8", "replace").decode()


def _passages(value: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for field, text in value.items():
        if isinstance(text, str):
            yield field, text
        elif isinstance(text, list) and text and all(isinstance(one, str) for one in text):
            yield field, "\n".join(text)
