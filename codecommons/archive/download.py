# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A file of known sha256 over HTTP into the cache: what was cut short goes on where it stopped, in this run or the next.

The bytes that came wait as ``downloads/<sha256>.part``, whatever ended the process. Whoever goes on with them locks the file; a
second process that wants the same one meanwhile gets all of it by itself. The hash has the last word in any case. Files whose
hash nobody knows wait the same way (``archive.fetching``), named after their place and what its server calls their state.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from codecommons.archive.cache import keep_archive, sha256_of
from codecommons.archive.scratch import scratch_folder
from codecommons.errors import ItemError
from codecommons.lake.storage import lake_errors
from codecommons.settings import Settings

# Opens a URL with these headers and gives httpx's response.
Stream = Callable[[Mapping[str, str]], AbstractContextManager[Any]]

TRIES = 4
# Seconds before the second try; twice that before the next, and so on.
WAIT = 0.25


def download(stream: Stream, name: str, sha256: str, settings: Settings) -> Path:
    """Get a file.

    Args:
        stream: opens the file's URL with these headers.
        name: what a message calls it.
        sha256: the hex hash that it has.
        settings: where the cache is, and how large a file may be.

    Returns:
        Its place in the cache.

    Raises:
        ItemError: ``unreachable``: what came is kept; ``wrong-hash`` or ``too-large``: nothing is.
    """
    with part_of(sha256, settings) as target:
        resumed = target.stat().st_size > 0
        _fill(stream, name, target, settings)
        if resumed and sha256_of(target) != sha256:
            os.truncate(target, 0)
            _fill(stream, name, target, settings)
        return keep_archive(target, sha256, settings)[0]


@contextmanager
def part_of(name: str, settings: Settings) -> Iterator[Path]:
    """The file that holds what came of a download so far, locked; a fresh one where another process has it.

    After an ``ItemError`` within it stays if that was ``unreachable``, which the message says, and else goes.

    Args:
        name: of the download, the same whenever the same bytes are meant.
        settings: where the cache is.
    """
    with _locked_part(name, settings) as part:
        try:
            yield part
        except ItemError as error:
            kept = part.stat().st_size
            if error.reason == "unreachable" and kept:
                line = f"{error.detail}; {kept:,} bytes are kept, and the next run goes on from there"
                raise ItemError(error.reason, line, error.passing) from error
            part.unlink()
            raise


@contextmanager
def _locked_part(name: str, settings: Settings) -> Iterator[Path]:
    part = settings.cache / "downloads" / f"{name}.part"
    with lake_errors(f"writing {part}"):
        part.parent.mkdir(parents=True, exist_ok=True)
        file = part.open("ab")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            mine = os.path.samestat(os.fstat(file.fileno()), part.stat())
        except OSError:
            mine = False
        if mine:
            yield part
            return
    with scratch_folder("download", settings) as folder:
        (folder / "file").touch()
        yield folder / "file"


def _fill(stream: Stream, name: str, target: Path, settings: Settings) -> None:
    """Append what is missing, some tries long."""
    import httpx2

    for attempt in range(TRIES):
        if attempt:
            time.sleep(WAIT * 2 ** (attempt - 1))
        try:
            status = _append(stream, name, target, settings)
        except httpx2.TransportError as error:
            said, passing = (str(error).strip().splitlines() or [type(error).__name__])[0], True
        except httpx2.HTTPError as error:
            raise ItemError("unreachable", f"{name} can't be downloaded ({type(error).__name__})") from error
        else:
            if status < 400:
                return
            said, passing = f"the server answered {status}", status >= 500 or status in (408, 429)
            if not passing:
                break
    raise ItemError("unreachable", f"{name} can't be downloaded ({said})", passing)


def _append(stream: Stream, name: str, target: Path, settings: Settings) -> int:
    """Ask for what is missing and write what comes; a server that knows no ranges sends all of it again."""
    there = target.stat().st_size
    # Encoded for the way, a range would be one of other bytes.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={there}-"} if there else {})
    with stream(headers) as response:
        if response.status_code == 416:
            os.truncate(target, 0)
            return 503
        if response.status_code >= 400:
            return response.status_code
        if response.headers.get("Content-Range", "").partition("-")[0] != f"bytes {there}":
            there = 0
        with lake_errors(f"writing {target}"):
            file = target.open("r+b")
        with file:
            file.truncate(there)
            file.seek(there)
            for chunk in response.iter_raw():
                there += len(chunk)
                if there > settings.max_archive_bytes:
                    raise ItemError("too-large", f"{name} has more than {settings.max_archive_bytes:,} bytes")
                with lake_errors(f"writing {target}"):
                    file.write(chunk)
        return response.status_code
