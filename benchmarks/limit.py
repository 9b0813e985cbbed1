# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The limit of ingestion: unpack every archive and compute the four hashes, with nothing but the standard library.

It runs in as many processes as the main job has workers, so that a core is as busy beside it and as fast.
"""

from __future__ import annotations

import multiprocessing
import tarfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from hashlib import blake2s, sha1, sha256
from pathlib import Path


@dataclass(frozen=True)
class Pass:
    """What went through once: archives, the files in them, bytes of both; CPU seconds in sum, and wall seconds."""

    archives: int
    packed_bytes: int
    files: int
    bytes: int
    cpu_seconds: float
    wall_seconds: float


def measure(archives: Sequence[Path], workers: int) -> Pass:
    """Share the archives among ``workers`` processes; their start is not counted."""
    by_size = sorted(archives, key=lambda archive: -archive.stat().st_size)
    shares = [by_size[at :: max(1, workers)] for at in range(max(1, workers))]
    with ProcessPoolExecutor(len(shares), multiprocessing.get_context("spawn")) as pool:
        passes = list(pool.map(unpack_and_hash, shares))
    return Pass(
        sum(one.archives for one in passes),
        sum(one.packed_bytes for one in passes),
        sum(one.files for one in passes),
        sum(one.bytes for one in passes),
        sum(one.cpu_seconds for one in passes),
        max(one.wall_seconds for one in passes),
    )


def unpack_and_hash(archives: Sequence[Path]) -> Pass:
    """Read every regular file of every tar archive and hash it four times; keep nothing."""
    files = size = 0
    packed = sum(archive.stat().st_size for archive in archives)
    wall, cpu = time.perf_counter(), time.process_time()
    for archive in archives:
        with tarfile.open(archive, "r:*") as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isreg() else None
                if content is None:
                    continue
                data = content.read()
                git = sha1(b"blob %d\0" % len(data))
                git.update(data)
                for digest in (git, sha1(data), sha256(data), blake2s(data)):
                    digest.digest()
                files += 1
                size += len(data)
    return Pass(len(archives), packed, files, size, time.process_time() - cpu, time.perf_counter() - wall)
