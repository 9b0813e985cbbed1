# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Get contents from an object store, ``<place>/<sha1>``, each a gzip file: many at a time, none trusted.

A task's contents are asked for at once, as many as there are connections; what is missing or fails is asked for again, a little
later each time. No more of an object is read than its content could be packed into, nor unpacked than its length, and it is
taken only if it has every hash that the export names. What was got is staged by the worker that got it.
"""

from __future__ import annotations

import logging
import time
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from codecommons.archive.export.selection import Selection
from codecommons.archive.export.tables import is_anonymous, open_place
from codecommons.archive.objects import Rows
from codecommons.archive.repository import MISSING
from codecommons.errors import ItemError
from codecommons.lake import StagedFile, StagingArea
from codecommons.settings import Settings
from codecommons.swhid import hash_content

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

WRONG_HASH = "wrong-hash"
UNREACHABLE = "unreachable"

# How often an object is asked for, and after how many seconds for the second time; each time later it is twice as long.
TRIES = 3
BACKOFF = 0.5
# Contents of one task: enough to keep every connection busy. Their bytes are bounded by the batch size.
_TASK_CONTENTS = 512
_CONNECTIONS = 64
# What deflate adds to bytes that it can't pack, the header with a file name, and some.
_GZIP_MORE = 4096
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fetch:
    """Contents for one worker to get.

    Attributes:
        place: where the objects are.
        selection: says how to reach it.
        contents: columns sha1_git, sha1, sha256, blake2s256, length.
        area: where the rows go.
    """

    place: str
    selection: Selection
    contents: pa.RecordBatch
    area: StagingArea

    def __str__(self) -> str:
        """How an error names it."""
        return f"{self.contents.num_rows} contents of {self.place} from {self.contents['sha1_git'][0].as_py().hex()}"


@dataclass
class Fetched:
    """What became of a task: contents that are staged, and why others are not."""

    ids: list[bytes] = field(default_factory=list)
    failed: list[tuple[bytes, str]] = field(default_factory=list)
    bytes: int = 0
    staged: list[StagedFile] = field(default_factory=list)


def tasks(
    place: str, selection: Selection, contents: Iterable[pa.RecordBatch], area: StagingArea, batch_bytes: int
) -> Iterator[Fetch]:
    """Cut contents into tasks of bounded number and bytes; one that is larger than a batch is a task of its own."""
    for batch in contents:
        start = total = 0
        for at, length in enumerate(batch["length"].to_pylist()):
            if at > start and (total + length > batch_bytes or at - start >= _TASK_CONTENTS):
                yield Fetch(place, selection, batch.slice(start, at - start), area)
                start, total = at, 0
            total += length
        if start < batch.num_rows:
            yield Fetch(place, selection, batch.slice(start), area)


def fetch(task: Fetch) -> Fetched:
    """Get the contents of a task.

    Raises:
        ItemError: ``unreachable``: not one of them could even be asked for.
    """
    fs, root = _open_store(task.place, task.selection, task.area.storage.settings)
    rows = Rows(task.area, str(task))
    wanted: dict[str, list[dict[str, Any]]] = defaultdict(list)  # two contents may have one sha1, and then share an object
    for row in task.contents.to_pylist():
        wanted[row["sha1"].hex()].append(row)
    done = Fetched()
    errors: dict[str, Exception] = {}
    waiting = sorted(wanted)
    for attempt in range(TRIES):
        if attempt:
            time.sleep(BACKOFF * 2 ** (attempt - 1))
        ends = [packed_bound(max(row["length"] for row in wanted[name])) for name in waiting]
        paths = [f"{root}/{name}" for name in waiting]
        got = _read(fs, paths, ends)
        errors = {}
        for name, data in zip(waiting, got, strict=True):
            if isinstance(data, Exception):
                errors[name] = data
            else:
                for row in wanted[name]:
                    _take(row, data, rows, done)
        waiting = sorted(errors)
        if not waiting:
            break
        if attempt + 1 < TRIES:
            _LOG.info(
                "%s: %d objects are asked for again, such as %s: %s", task.place, len(waiting), waiting[0], errors[waiting[0]]
            )
    lost = {name: error for name, error in errors.items() if not isinstance(error, FileNotFoundError)}
    if lost and len(lost) == len(wanted):
        name, error = next(iter(lost.items()))
        raise ItemError("unreachable", f"no content can be had from {task.place}: {name}: {str(error) or type(error).__name__}")
    done.failed += [(row["sha1_git"], UNREACHABLE if name in lost else MISSING) for name in errors for row in wanted[name]]
    done.staged = rows.close()
    return done


def _open_store(place: str, selection: Selection, settings: Settings) -> tuple[AbstractFileSystem, str]:
    """The file system of the object store and the path of its objects.

    Who needs no credentials gets an object of S3 by its URL, which takes a third of the time that an S3 client needs to ask.
    """
    import fsspec

    url = place
    if place.startswith("s3://") and is_anonymous(selection, settings):
        bucket, _, prefix = place.removeprefix("s3://").partition("/")
        endpoint = selection.endpoint or dict(settings.export_options).get("AWS_ENDPOINT_URL")
        url = f"{endpoint.rstrip('/')}/{bucket}/{prefix}" if endpoint else f"https://{bucket}.s3.amazonaws.com/{prefix}"
    if url.startswith(("http://", "https://")):
        # Proxies as the environment says; a gzip file is what we ask for, and not a way of sending it.
        return fsspec.filesystem("http", client_kwargs={"trust_env": True, "auto_decompress": False}), url.rstrip("/")
    return open_place(place, selection, settings, _CONNECTIONS, tries=1)


def _read(fs: AbstractFileSystem, paths: list[str], ends: list[int]) -> list[Any]:
    """The start of each object, or why it can't be had; what is no regular file, such as a pipe, is no object."""
    if "file" not in fs.protocol:
        return list(fs.cat_ranges(paths, [0] * len(paths), ends, batch_size=_CONNECTIONS, on_error="return"))
    there = [path if Path(path).is_file() else None for path in paths]
    files = [(path, end) for path, end in zip(there, ends, strict=True) if path]
    read = iter(fs.cat_ranges([path for path, _ in files], [0] * len(files), [end for _, end in files], on_error="return"))
    return [next(read) if path else FileNotFoundError(path) for path in there]


def _take(row: dict[str, Any], packed: bytes, rows: Rows, done: Fetched) -> None:
    data = unpacked(packed, row["length"])
    if data is not None:
        hashes = hash_content(data)
        if all(row[name] in (None, found) for name, found in hashes._asdict().items()):
            rows.content(hashes.sha1_git, data)
            done.ids.append(hashes.sha1_git)
            done.bytes += len(data)
            return
    done.failed.append((row["sha1_git"], WRONG_HASH))


def unpacked(packed: bytes, length: int) -> bytes | None:
    """The content in a gzip file if it has exactly this length, else None; no more than a byte beyond it is unpacked."""
    unzip = zlib.decompressobj(wbits=31)
    try:
        data = unzip.decompress(packed, length + 1)
    except zlib.error:
        return None
    return data if len(data) == length and unzip.eof else None


def packed_bound(length: int) -> int:
    """The most bytes that a gzip file of a content of this length has."""
    return length + length // 100 + _GZIP_MORE
