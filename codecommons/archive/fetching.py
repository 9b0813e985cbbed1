# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Files wherever they lie, on this machine or at a URI that fsspec reads (``s3://``, ``https://`` …), brought into the cache.

S3 is read with what ``AWS_*`` says (keys, profile, endpoint), anonymously where it says nothing. What is cut short goes on
where it stopped, in this run or the next, if the server names the state of a file: no file is put together of two.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import re
import tarfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from codecommons.archive.cache import copy_archive, keep_archive
from codecommons.archive.download import TRIES, WAIT, part_of
from codecommons.archive.scratch import scratch_folder
from codecommons.credentials import without_credentials
from codecommons.errors import CodeCommonsError, ItemError, UsageError
from codecommons.lake.storage import lake_errors
from codecommons.settings import BUCKET, Settings

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_URI = re.compile(r"([a-z][a-z0-9+.-]*)://")
_GLOB = re.compile(r"[*?\[]")
# Between file systems that are read through each other, such as ``zip://a.json::file:///x``; the last may be anywhere.
_CHAIN = "::"
# Of version 6, in which two colons are zeros.
_ADDRESS = re.compile(r"(?<=//)\[[0-9a-f:.]+\]", re.IGNORECASE)
_AFTER_PATH = re.compile(r"[?#].*", re.DOTALL)
_USER = re.compile(r"([a-z][a-z0-9+.-]*)://([^/?#]*)@", re.IGNORECASE)
_CHUNK = 1 << 20
# What servers call the state of a file, the surest first.
_STATES = ("ETag", "Content-MD5", "Digest", "LastModified", "Last-Modified")
# Of a path in an error.
_LONGEST_SHOWN = 200


def place(text: str) -> str:
    """The canonical name of a place: a URI as it is, or the absolute path of something that is there.

    Raises:
        UsageError: nothing is there, it is no URL or one with credentials, no bucket has that name, or no file system of that
            scheme is known.
    """
    scheme = _URI.match(refuse_credentials(text, "the place"))
    if scheme is not None and scheme[1] != "file":
        from fsspec import available_protocols

        if _CHAIN in text:
            raise UsageError(f"{text} is a chain of file systems, which is not read; name the file or archive itself")
        try:
            urlsplit(text)
        except ValueError as error:
            raise UsageError(f"{text} is no URL: {error}") from None
        if scheme[1] not in available_protocols():
            raise UsageError(f"{text} is on a file system that nobody here can read; write a path, s3://… or https://…")
        return check_bucket(text)
    path = local_path(text.removeprefix("file://"))
    if not path.exists() and not (_GLOB.search(path.name) and path.parent.is_dir()):
        raise UsageError(f"{without_credentials(text)} does not exist; name a file, or a URI such as s3://bucket/file")
    return str(path)


def local_path(text: str) -> Path:
    """The absolute path that somebody wrote, who may begin it with ``~`` or ``~user``.

    Raises:
        UsageError: it is empty, nothing can have that name, or nobody may look whether something has it.
    """
    if not text:
        raise UsageError("no path is written; write . for the folder you are in")
    shown = repr(without_credentials(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"))
    try:
        path = Path(text).expanduser().absolute()
        str(path).encode()
        path.exists()
    except UnicodeEncodeError:
        raise UsageError(f"the path {shown} is not UTF-8 and can't name an origin; rename it or copy it elsewhere") from None
    except OSError as error:
        raise UsageError(f"the path {shown} can't be looked at: {error.strerror or error}") from error
    except (RuntimeError, ValueError) as error:
        raise UsageError(f"the path {shown} can't be read: {error}; write it in full") from error
    return path


def refuse_credentials(url: str, where: str, instead: str = "have git's credential.helper or ~/.netrc give them") -> str:
    """A URL that may be recorded and shown: it is returned as it is. What is none is not looked at.

    Args:
        url: the URL; a user alone, such as ssh has, is no credentials, but may be a token where http is spoken.
        where: how the error names the place.
        instead: what to do about it.

    Raises:
        UsageError: there are credentials in it; the message doesn't repeat them.
    """
    found = _USER.match(url)
    if found and (found[1].lower() in ("http", "https") or ":" in found[2]):
        raise UsageError(
            f"{where}: the URL has credentials in it, which would be recorded and shown; leave them out, and {instead}"
        )
    return url


def check_bucket(uri: str) -> str:
    """A URI as it is, unless it is on S3 in a bucket that can't be: no server could be asked for it.

    Raises:
        UsageError: it names no bucket, or one of a name that none has.
    """
    bucket = uri.removeprefix("s3://").partition("/")[0]
    if uri.startswith("s3://") and not BUCKET.fullmatch(bucket):
        raise UsageError(f"{uri}: {bucket!r} is no name of a bucket, which has letters, digits, dots, dashes and underscores")
    return uri


def is_web(text: str) -> bool:
    """Whether a URL is plain http(s), with nothing in it that is not printable: nobody's file and nobody's bucket."""
    try:
        parts = urlsplit(text)
        return text.startswith(("http://", "https://")) and bool(parts.hostname) and text.isprintable() and " " not in text
    except ValueError:
        return False


def is_local(text: str) -> bool:
    """Whether a place could be one of this machine, or one that is read with its keys: all but http(s) without a chain."""
    return not is_web(text) or _CHAIN in _ADDRESS.sub("", text, count=1)


def url_of(where: str) -> str:
    """A place as the URL of an origin: without credentials, a path as ``file://``."""
    if not _URI.match(where):
        return Path(where).as_uri()
    parts = urlsplit(where)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))


def name_of(where: str) -> str:
    """The last part of a place's path, such as ``all.zip``."""
    uri = _URI.match(where)
    path = _AFTER_PATH.sub("", where[uri.end() :]).partition("/")[2] if uri else where
    return path.rstrip("/").rpartition("/")[2]


def is_pattern(where: str) -> bool:
    """Whether a place is a pattern of names, such as ``docs/*.parquet``."""
    return bool(_GLOB.search(name_of(where)))


def is_folder(where: str) -> bool:
    """Whether a place is a folder of this machine."""
    return not _URI.match(where) and Path(where).is_dir()


def expand(where: str, suffixes: tuple[str, ...], settings: Settings) -> list[str]:
    """The files that a place stands for: itself, those that a pattern such as ``docs/*.parquet`` names, or a folder's, by name.

    Args:
        where: the place.
        suffixes: which files of a folder count, by the end of their names.
        settings: how to reach S3.

    Raises:
        ItemError: ``missing-file``: there is none; ``unreachable``.
    """
    if is_pattern(where):
        fs, path = _open(where, settings)
        with _reachable(where):
            found = [fs.unstrip_protocol(str(one)) if _URI.match(where) else str(one) for one in fs.glob(path)]
    elif is_folder(where):
        found = [str(path) for path in Path(where).rglob("*") if path.is_file() and not path.is_symlink()]
        found = [path for path in found if path.lower().endswith(suffixes)]
    else:
        return [where]
    if not found:
        raise ItemError("missing-file", f"there is no file of that kind at {_shown(where)}")
    return sorted(found)


def bring(where: str, settings: Settings) -> tuple[Path, str]:
    """Copy a file into the cache, so that loading it again needs no luck.

    Returns:
        Where it is now, and its sha256.

    Raises:
        ItemError: ``missing-file``, ``unreadable``, ``unreachable`` or ``too-large``.
        LakeError: the cache can't be written.
    """
    if not _URI.match(where):
        return _bring_local(Path(where), settings)
    fs, path = _open(where, settings)
    with _reachable(where):
        info = fs.info(path)
    state = next((str(info[name]) for name in _STATES if info.get(name)), None)
    with _part(where, f"{state} {info.get('size')}" if state else None, settings) as target:
        for attempt in range(TRIES):
            if attempt:
                time.sleep(WAIT * 2 ** (attempt - 1))
            try:
                _append(fs, path, where, info, target, settings)
                break
            except ItemError as error:
                if error.reason != "unreachable" or attempt + 1 == TRIES:
                    raise
                if state is None:
                    os.truncate(target, 0)
        return keep_archive(target, None, settings)


@contextmanager
def _part(where: str, state: str | None, settings: Settings) -> Iterator[Path]:
    """The file to go on with; what came of other states of the same place is no use any more."""
    if state is None:
        with scratch_folder("download", settings) as folder:
            (folder / "file").touch()
            yield folder / "file"
        return
    there, now = (hashlib.sha256(text.encode()).hexdigest()[:32] for text in (where, state))
    for old in (settings.cache / "downloads").glob(f"{there}-*.part"):
        if old.name != f"{there}-{now}.part":
            _remove_unless_locked(old)
    with part_of(f"{there}-{now}", settings) as part:
        yield part


def _remove_unless_locked(part: Path) -> None:
    with suppress(OSError), part.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        part.unlink()


def _append(fs: AbstractFileSystem, path: str, where: str, info: Mapping[str, Any], target: Path, settings: Settings) -> None:
    """Write what is missing of a file; all of it where the server can't begin in the middle."""
    size = info.get("size")
    with lake_errors(f"writing {target}"):
        sink = target.open("r+b")
        sink.seek(0, os.SEEK_END)

    def fill(**options: Any) -> None:
        with fs.open(path, "rb", **options) as file:
            if sink.tell():
                file.seek(sink.tell())
            while chunk := file.read(_CHUNK):
                if sink.tell() + len(chunk) > settings.max_archive_bytes:
                    raise ItemError("too-large", f"{_shown(where)} has more than {settings.max_archive_bytes:,} bytes")
                with lake_errors(f"writing {target}"):
                    sink.write(chunk)
                    sink.flush()

    with sink, _reachable(where):
        ranged = size is not None and info.get("partial", True)
        if ranged:
            try:
                fill(cache_type="readahead", size=size)
            except ValueError:  # so fsspec says that it got all of the file where it had asked for a part
                ranged = False
        if not ranged:
            sink.seek(0)
            sink.truncate()
            fill(block_size=0)
        if size is not None and sink.tell() != size:
            raise ItemError("unreachable", f"{_shown(where)} ended after {sink.tell():,} of {size:,} bytes")


def bring_folder(files: Iterable[Path], root: Path, settings: Settings) -> tuple[Path, str]:
    """Pack files of a folder as a tar archive in the cache; the same names and bytes give the same sha256.

    Raises:
        ItemError: ``unreadable``.
        LakeError: the cache can't be written.
    """
    with scratch_folder("download", settings) as folder:
        target = folder / "file"
        with lake_errors(f"writing {target}"), tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
            for file in files:
                info = tarfile.TarInfo(file.relative_to(root).as_posix())
                data = _read(file)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        return keep_archive(target, None, settings)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ItemError("unreadable", f"{file} can't be read: {error.strerror or error}") from error


def _bring_local(path: Path, settings: Settings) -> tuple[Path, str]:
    try:
        if not path.is_file():
            raise ItemError("missing-file", f"there is no file {path}")
        with path.open("rb"):
            pass
    except OSError as error:
        raise ItemError("unreadable", f"{path} can't be read: {error.strerror or error}") from error
    if path.stat().st_size > settings.max_archive_bytes:
        raise ItemError("too-large", f"{path} has more than {settings.max_archive_bytes:,} bytes")
    return copy_archive(path, settings)


def _open(where: str, settings: Settings) -> tuple[AbstractFileSystem, str]:
    import fsspec

    if _URI.match(where) and _CHAIN in where:  # such as a link that a server lists
        raise ItemError("unreachable", f"{_shown(where)} is a chain of file systems, which is not read", False)
    uri = _URI.match(where)
    scheme = uri[1] if uri else ""
    options: dict[str, object] = {}
    if scheme in ("s3", "s3a"):
        given = dict(settings.export_options)
        options = {
            "anon": not (given.get("AWS_ACCESS_KEY_ID") or given.get("AWS_PROFILE")),
            "key": given.get("AWS_ACCESS_KEY_ID"),
            "secret": given.get("AWS_SECRET_ACCESS_KEY"),
            "token": given.get("AWS_SESSION_TOKEN"),
            "endpoint_url": given.get("AWS_ENDPOINT_URL"),
            "profile": given.get("AWS_PROFILE"),
            "use_listings_cache": False,
            "skip_instance_cache": True,
        }
    elif scheme in ("http", "https"):
        options = {"client_kwargs": {"trust_env": True}}
    with _reachable(where):
        fs, path = fsspec.core.url_to_fs(where, **options)
    return fs, path


@contextmanager
def _reachable(where: str) -> Iterator[None]:
    """Say in one line what the clients of remote file systems raise, each in its own way."""
    try:
        yield
    except CodeCommonsError:
        raise
    except Exception as error:
        if _is_missing(error):
            raise ItemError("missing-file", f"there is no file {_shown(where)}") from error
        cause = error.__cause__ if isinstance(error, FileNotFoundError) else error
        said = (str(cause).strip().splitlines() or [type(cause).__name__])[0]
        raise ItemError("unreachable", f"{_shown(where)} can't be had: {without_credentials(said)}") from error


def _is_missing(error: Exception) -> bool:
    """Whether there is no file; over HTTP whatever goes wrong when fsspec asks for its size is none to it."""
    cause = error.__cause__
    over_http = isinstance(cause, TimeoutError) or type(cause).__module__.startswith("aiohttp.")
    return isinstance(error, FileNotFoundError) and (not over_http or getattr(cause, "status", None) in (404, 410))


def _shown(where: str) -> str:
    """A place as an error names it: without credentials."""
    return url_of(where) if _URI.match(where) else where
