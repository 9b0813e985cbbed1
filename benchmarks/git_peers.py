# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What others make of a git repository; run by an interpreter that has them, with nothing of ours on its path.

``python git_peers.py REPOSITORY PACK`` prints one JSON object: objects and CPU seconds by what was done. Nothing here is part of
the product: Software Heritage's packages are under the GPL.
"""

import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any


def with_dulwich(repository: str) -> Counter[str]:
    """Read and parse every object, and hash contents as a loader must."""
    from dulwich.repo import Repo

    counts: Counter[str] = Counter()
    with Repo(repository) as repo:
        for name in repo.object_store:
            one = repo.object_store[name]
            counts[one.type_name.decode()] += 1
            if one.type_name == b"blob":
                data = one.as_raw_string()
                for digest in (hashlib.sha1(b"blob %d\0" % len(data) + data), *(new(data) for new in _HASHES)):
                    digest.digest()
            elif one.type_name == b"tree":
                for _ in one.iteritems():
                    pass
            else:
                _ = one.message
    return counts


_HASHES: tuple[Callable[[bytes], Any], ...] = (hashlib.sha1, hashlib.sha256, hashlib.blake2s)


def with_swh_loader_git(repository: str, pack: str, layers: bool) -> Counter[str]:
    """Its own conversion of a pack to swh-model's objects: in one pass, or in one for each type as it does by itself."""
    loader = _loader(repository, pack)
    passes: Iterable[Callable[[], Iterable[Any]]] = (
        (loader.get_contents, loader.get_directories, loader.get_revisions, loader.get_releases)
        if layers
        else [loader.get_objects]
    )
    kinds = {"content": "blob", "directory": "tree", "revision": "commit", "release": "tag", "skipped_content": "blob"}
    return Counter(kinds[one.object_type.value] for read in passes for one in read())


def with_swh_storage(repository: str, pack: str) -> Counter[str]:
    """The whole of it: conversion, and its own storage in memory."""
    from swh.model.model import Snapshot

    loader = _loader(repository, pack)
    loader.get_snapshot = lambda: Snapshot(branches={})
    loader.store_data()
    stored = loader.stats["storage_summary"]
    kinds = {"blob": "content", "tree": "directory", "commit": "revision", "tag": "release"}
    return Counter({kind: stored[f"{name}:add"] for kind, name in kinds.items()})


def _loader(repository: str, pack: str) -> Any:
    from pathlib import Path

    from swh.loader.git.loader import FetchedPack, GitLoader
    from swh.storage import get_storage

    loader = GitLoader(get_storage("memory"), f"file://{repository}", incremental=False)
    loader.fetched_pack = FetchedPack({}, {}, Path(pack).open("rb"), Path(pack).stat().st_size)  # noqa: SIM115 (the loader reads it later)
    return loader


def main() -> None:
    """Do all of it, one after the other."""
    repository, pack = sys.argv[1:]
    jobs: dict[str, Callable[[], Counter[str]]] = {
        "dulwich": lambda: with_dulwich(repository),
        "conversion in one pass": lambda: with_swh_loader_git(repository, pack, layers=False),
        "conversion as it is": lambda: with_swh_loader_git(repository, pack, layers=True),
        "loader with storage": lambda: with_swh_storage(repository, pack),
    }
    _loader(repository, pack)  # what is imported is not counted
    result = {}
    for name, job in jobs.items():
        start = time.process_time()
        counts = job()
        result[name] = {"seconds": time.process_time() - start, "objects": dict(sorted(counts.items()))}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
