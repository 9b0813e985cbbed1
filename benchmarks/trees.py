# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Trees on a disk: ours against swh-model's ``Directory.from_disk``, on the unpacked archives of the benchmark's list.

Both read every file and compute the same four hashes of it, and the identifier of every directory; one core, files in the page
cache, the faster of three turns each, taken in alternation. ``python -m benchmarks.trees [FOLDER]``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from codecommons import archive
from codecommons.archive.packages import PackageSource
from codecommons.archive.source import sources
from codecommons.archive.tree import folder_members
from codecommons.archive.unpack import members
from codecommons.errors import UsageError
from codecommons.lake import SliceInput
from codecommons.settings import Settings
from codecommons.swhid import DIRECTORY_PERMS, EXECUTABLE_PERMS, SYMLINK_PERMS, directory_id, hash_content
from codecommons.swhid.tree import identify_directory

TURNS = 3
_MEGABYTES = 60


@dataclass(frozen=True)
class Trees:
    """CPU seconds of one pass over the same tree.

    Attributes:
        files: files in it; ``bytes`` theirs.
        peer_seconds: ``swh.model.from_disk.Directory.from_disk`` with the hash of the root.
        ours_seconds: the walk and the four hashes of ours that ingestion makes, and the identifier of every directory.
        identify_seconds: ``codecommons identify``'s function, which needs one hash a file.
    """

    files: int
    bytes: int
    peer_seconds: float
    ours_seconds: float
    identify_seconds: float

    def to_json(self) -> dict[str, Any]:
        """As plain values, with the ratios."""
        ratios = {
            "times_as_fast": self.peer_seconds / self.ours_seconds,
            "identify_times_as_fast": self.peer_seconds / self.identify_seconds,
        }
        return {name: round(value, 3) for name, value in {**asdict(self), **ratios}.items()}

    def to_markdown(self) -> str:
        """Two sentences for the README."""
        speed = self.bytes / 1e6
        return (
            f"Trees ({self.files:,} files, {speed:.0f} MB): {speed / self.ours_seconds:.0f} MB/s a core with all four hashes, "
            f"**{self.peer_seconds / self.ours_seconds:.1f} times** swh-model's `Directory.from_disk` "
            f"({speed / self.peer_seconds:.0f} MB/s); `codecommons identify`, which needs one hash, is "
            f"{self.peer_seconds / self.identify_seconds:.1f} times as fast."
        )


def measure(folder: Path, settings: Settings) -> Trees:
    """Time all three on a folder.

    Raises:
        UsageError: swh-model is not installed, or the identifiers differ.
    """
    try:
        from swh.model.from_disk import Directory
    except ModuleNotFoundError:
        raise UsageError("swh-model is not installed; `make` installs it with the tests' requirements") from None
    peer = _Timed(lambda: Directory.from_disk(path=bytes(folder), max_content_length=None).hash)
    ours = _Timed(lambda: _four_hashes(folder, settings))
    identify = _Timed(lambda: identify_directory(folder))
    for _ in range(TURNS):
        for timed in (peer, ours, identify):
            timed.turn()
    if len({peer.result, ours.result, identify.result}) != 1:
        raise UsageError(f"the identifiers of {folder} differ: {peer.result.hex()} (swh-model), {identify.result.hex()} (ours)")
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    size = sum(path.stat().st_size for path in files)
    return Trees(len(files), size, peer.seconds, ours.seconds, identify.seconds)


class _Timed:
    """The least CPU seconds of some turns, and what the last one gave."""

    def __init__(self, call: Callable[[], bytes]) -> None:
        self._call = call
        self.seconds = float("inf")
        self.result = b""

    def turn(self) -> None:
        start = time.process_time()
        self.result = self._call()
        self.seconds = min(self.seconds, time.process_time() - start)


def _four_hashes(folder: Path, settings: Settings) -> bytes:
    """What ``archive.tree.build_tree`` does, without rows: they are ingestion's, and the peer makes none."""
    entries: dict[bytes, list[tuple[bytes, int, bytes]]] = {b"": []}
    for member in folder_members(folder, settings):
        if member.perms == DIRECTORY_PERMS:
            entries[member.path] = []
            continue
        parent, _, name = member.path.rpartition(b"/")
        assert member.data is not None
        entries[parent].append((name, member.perms, hash_content(member.data).sha1_git))
    identifier = b""
    for path in sorted(entries, key=lambda path: (path.count(b"/") + bool(path), path), reverse=True):
        identifier = directory_id(entries[path])
        parent, _, name = path.rpartition(b"/")
        if path:
            entries[parent].append((name, DIRECTORY_PERMS, identifier))
    return identifier


def unpacked(settings: Settings, packages: Path, target: Path) -> None:
    """Lay archives of the list that are in the cache on the disk, largest last, until there is enough to measure.

    Raises:
        UsageError: none is in the cache.
    """
    known, size = sources(settings), 0
    for request in (archive.parse_request(line, settings) for line in archive.read_package_list(packages)):
        source = known[request.source]
        assert isinstance(source, PackageSource)
        file = source.fetch(SliceInput("2026-01-31", request.source, request.item, sha256=request.sha256), settings)
        for member in members(file, settings):
            size += member.length
            _lay(member.path, member.perms, member.data, target / request.item.replace("/", "-"))
        if size > _MEGABYTES * 1_000_000:
            return
    if not size:
        raise UsageError(f"{packages} names no archive that can be had")


def _lay(path: bytes, perms: int, data: bytes | None, root: Path) -> None:
    place = Path(bytes(root).decode(), path.decode("utf-8", "surrogateescape"))
    if perms == DIRECTORY_PERMS:
        place.mkdir(parents=True, exist_ok=True)
    elif data is not None and perms != SYMLINK_PERMS:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        place.chmod(0o755 if perms == EXECUTABLE_PERMS else 0o644)


def run(settings: Settings, packages: Path) -> Trees:
    """Unpack and measure."""
    with tempfile.TemporaryDirectory(prefix="codecommons-") as folder:
        unpacked(settings, packages, Path(folder))
        return measure(Path(folder), settings)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trees", description="Trees on a disk against swh-model.")
    parser.add_argument("folder", nargs="?", type=Path, help="the tree; some archives of examples/packages.txt unless given")
    given, own = parser.parse_args().folder, Settings.from_environment()
    print((measure(given, own) if given else run(own, Path("examples/packages.txt"))).to_markdown())
