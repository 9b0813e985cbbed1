# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Where the lake's files are: one small face over a local folder and S3."""

from __future__ import annotations

import contextlib
import errno
import os
import posixpath
from collections.abc import Callable, Iterator
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from codecommons.errors import LakeError, ReaderPanicError, UnreachableError, no_panic
from codecommons.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.fs as pafs
    from fsspec import AbstractFileSystem

    from codecommons.lake.snapshots import Snapshot

T = TypeVar("T")

_ADVICE = {
    errno.ENOSPC: "the disk is full: free some room, then run the same command again; nothing committed is lost",
    errno.EDQUOT: "the quota is used up: free some room, then run the same command again; nothing committed is lost",
    errno.EACCES: "permission denied: make the folder writable or choose another with CODECOMMONS_HOME",
    errno.EPERM: "not permitted: make the folder writable or choose another with CODECOMMONS_HOME",
    errno.EROFS: "the file system is read-only: choose another folder with CODECOMMONS_HOME",
    errno.EEXIST: "a file stands where a folder should be: move it away or choose another folder with CODECOMMONS_HOME",
    errno.ENOTDIR: "a file stands where a folder should be: move it away or choose another folder with CODECOMMONS_HOME",
}

# How the system says so in the words of a program.
_SIGNS = {errno.ENOSPC: "No space left", errno.EACCES: "Permission denied", errno.EROFS: "Read-only file system"}

# The packages that read and write tables, by the module of their errors.
READERS = frozenset({"deltalake", "_internal", "pyarrow", "polars", "duckdb", "_duckdb", "botocore", "aiohttp"})
# What S3's clients say when they can't get through, and when they are not let in.
_UNREACHABLE = ("connect", "dispatch", "error sending request")
_REFUSED = ("redentials", "InvalidAccessKeyId", "SignatureDoesNotMatch", "Forbidden", "AccessDenied", "Access Denied")
# What they say when a server fails, is busy, or breaks off in the middle; each has tried several times by then.
_BROKEN_OFF = (
    "imed out", "imeout", "reset by peer", "Connection reset", "closed before", "disconnected", "not completed", "max retries",
    "SlowDown", "Slow Down", "reduce your request rate", "TooManyRequests", "ServiceUnavailable", "Service Unavailable",
    "InternalError", "Internal Server Error", "Bad Gateway", "response body",
)  # fmt: skip
# The same of a network file system.
_PASSING = frozenset({errno.ETIMEDOUT, errno.ECONNREFUSED, errno.ECONNRESET, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ESTALE})
_AGAIN = "the storage failed: run the same command again, in a while; nothing committed is lost"
# How often it is asked where an answer ends in its middle, before somebody is told.
_ASKS = 5
# What to do about a damaged table.
ADVICE = "`codecommons lake repair` puts it right; or restore its folder from a backup"
# Has DuckDB join as is written, keeping the right side in memory. It does not know how large a stream or a table of files is,
# takes it for small, and would keep all of it instead of the few keys that are looked for.
JOIN_AS_WRITTEN = "set disabled_optimizers = 'join_order,build_side_probe_side'"
# What to do where DuckDB ran out of memory: it says so too when it can't write to the disk what does not fit.
MEMORY_ADVICE = (
    "raise CODECOMMONS_BATCH_BYTES, of which memory is a multiple, and see that the disk of CODECOMMONS_HOME has some room"
)


@contextlib.contextmanager
def lake_errors(where: str) -> Iterator[None]:
    """Turn what storage and Delta raise into one clear ``LakeError``.

    Args:
        where: what was being read or written, for the message.

    Raises:
        UnreachableError: the storage can't be reached now; the same again may succeed.
        LakeError: anything else.
    """
    try:
        with no_panic():
            yield
    except OSError as error:
        kind = UnreachableError if error.errno in _PASSING or unreachable(error) else LakeError
        advice = _ADVICE.get(error.errno or 0, _delta_advice(str(error)))
        raise kind(f"{where}: {advice}") from error
    except Exception as error:
        if not of_reader(error):
            raise
        kind = UnreachableError if unreachable(error) else LakeError
        raise kind(f"{where}: {_delta_advice(str(error))}") from error


def unreachable(error: Exception) -> bool:
    """Whether an error says that a server can't be reached or is too busy, and not that it lets nobody in."""
    text = str(error)
    return any(sign in text for sign in (*_UNREACHABLE, *_BROKEN_OFF)) and not any(sign in text for sign in _REFUSED)


def cut_off(error: Exception) -> bool:
    """Whether an answer of S3 ended in its middle."""
    return "response body" in str(error)


def whole_answer(ask: Callable[[], T]) -> T:
    """Ask, and ask again where an answer of S3 ends in its middle: delta-rs, unlike s3fs, gives up over a list."""
    for _ in range(_ASKS - 1):
        try:
            return ask()
        except Exception as error:
            if not cut_off(error):
                raise
    return ask()


def of_reader(error: Exception) -> bool:
    """Whether an error is what a reader of tables says, and not a defect of ours."""
    return isinstance(error, ReaderPanicError) or type(error).__module__.partition(".")[0] in READERS


def advice_about(text: str) -> str | None:
    """What to do about what a program of others has said, where that is that it can't write."""
    return next((_ADVICE[code] for code, sign in _SIGNS.items() if sign in text), None)


def _delta_advice(text: str) -> str:
    first = text.strip().splitlines()[0] if text.strip() else "unknown error"
    if first.startswith("Out of Memory Error"):
        return f"{first}; {MEMORY_ADVICE}"
    advice = advice_about(text)
    if advice:
        return advice
    if any(sign in text for sign in (*_UNREACHABLE, *_REFUSED)):
        return f"{first}; is the endpoint right (AWS_ENDPOINT_URL, AWS_REGION, the credentials), and can it be reached from here?"
    failed = any(sign in text for sign in (*_BROKEN_OFF, "HTTP error", "Generic S3 error"))
    return f"{first}; {_AGAIN if failed else ADVICE}"


class Storage:
    """The root of a lake. Picklable: only the settings travel, connections are made where they are used."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is opened yet."""
        self.settings = settings
        self.remote = settings.lake.startswith("s3://")

    def __getstate__(self) -> dict[str, Any]:
        """Leave connections behind."""
        return {"settings": self.settings, "remote": self.remote}

    @cached_property
    def snapshots(self) -> dict[str, Snapshot]:
        """What ``lake.snapshots`` has opened, by table; each process has its own."""
        return {}

    @property
    def options(self) -> dict[str, str]:
        """What delta-rs and Polars want to know to reach the tables."""
        return dict(self.settings.storage_options)

    @cached_property
    def fs(self) -> AbstractFileSystem:
        """The fsspec file system; paths on it come from ``path``."""
        import fsspec

        if not self.remote:
            return fsspec.filesystem("file", auto_mkdir=True)
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL")
        return _on_s3(os.getpid(), *map(self.options.get, names))

    @cached_property
    def arrow_fs(self) -> pafs.FileSystem:
        """The same file system for Arrow's readers."""
        import pyarrow.fs as pafs

        if not self.remote:
            return pafs.LocalFileSystem()
        handler: Any = pafs.FSSpecHandler
        return pafs.PyFileSystem(handler(self.fs))

    def open_staged(self, path: str) -> pa.NativeFile:
        """A file of our own to read from anywhere; a local one is mapped, so that only what is used is read."""
        import pyarrow as pa

        return self.arrow_fs.open_input_file(path) if self.remote else pa.memory_map(path)

    def create(self, path: str) -> pa.NativeFile:
        """A new file of our own to write; its folder is made with it."""
        if not self.remote:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        return self.arrow_fs.open_output_stream(path)

    def path(self, *parts: str) -> str:
        """A path on ``fs``, below the lake's root."""
        root = self.settings.lake.removeprefix("s3://") if self.remote else self.settings.lake
        return posixpath.join(root, *parts)

    def uri(self, *parts: str) -> str:
        """The same as delta-rs, Polars and DuckDB name it."""
        return posixpath.join(self.settings.lake, *parts)


# A connection brings botocore's description of AWS along, 15 MB. A server that opens the lake every minute kept several of them.
@lru_cache(maxsize=8)
def _on_s3(_process: int, key: str | None, secret: str | None, token: str | None, endpoint: str | None) -> AbstractFileSystem:
    import fsspec

    # No listing cache: a file that another process has just written must be seen. And fsspec's own instances are one a thread.
    quiet = {"use_listings_cache": False, "skip_instance_cache": True}
    return fsspec.filesystem("s3", key=key, secret=secret, token=token, endpoint_url=endpoint, **quiet)
