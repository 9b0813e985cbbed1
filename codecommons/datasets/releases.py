# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Where releases are: ``datasets/<name>/<fingerprint, 12 hex>/`` in the lake, there once ``fingerprint.json`` is there.

data/<bucket>-<sha256>.parquet   the rows; or another of ``formats``, of which some have files beside it
tokenizer.json                   what those were made with, if anything
manifest.parquet                 one line a row: shard, row, SWHID with qualifiers, licence, sha256 of the shard
README.md, NOTICE                dataset card, licence roll-up
fingerprint.json                 what went in, what came out; written last
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from codecommons.datasets.fingerprint import digest
from codecommons.datasets.rows import swhids_of
from codecommons.errors import LakeError, UsageError
from codecommons.lake import Lake
from codecommons.lake.storage import lake_errors
from codecommons.optout.receipts import Published

MARKER = "fingerprint.json"
# Beside it where shards were taken down: shard -> why, as the ledger names it (see ``optout.takedown``).
NOTE = "taken-down.json"
# Earlier shards of a label that are looked at: each costs the reading of a footer.
LOOKS = 8


@dataclass(frozen=True)
class Release:
    """One published release.

    Attributes:
        name: of the dataset.
        fingerprint: 64 hex digits over what went in and what came out.
        document: all of ``fingerprint.json``.
    """

    name: str
    fingerprint: str
    document: dict[str, Any]

    @property
    def folder(self) -> str:
        """Below the lake's root."""
        return folder(self.name, self.fingerprint)

    @property
    def shards(self) -> list[dict[str, Any]]:
        """name, sha256, rows, text_bytes and bytes of every shard, and the files ``beside`` it if it has some, in order."""
        shards: list[dict[str, Any]] = self.document["result"]["shards"]
        return shards


def folder(name: str, fingerprint: str) -> str:
    """The folder of a release, below the lake's root."""
    return f"datasets/{name}/{fingerprint[:12]}"


def fingerprint_of(inputs_digest: str, result_digest: str) -> str:
    """A release's identity: 64 hex digits."""
    return digest({"inputs": inputs_digest, "result": result_digest})


def account_of(one: Release) -> dict[str, Any]:
    """What a release's fingerprint is made from, its Merkle roots aside: ``inputs``, ``shards`` and ``manifest``."""
    shards = [_sealed(shard) for shard in one.shards]
    return {"inputs": one.document["inputs_digest"], "shards": shards, "manifest": one.document["result"]["manifest"]["sha256"]}


def published(lake: Lake) -> Iterator[Published]:
    """Every release as a receipt needs it, by name and as-of day.

    Raises:
        LakeError: one can't be read.
    """
    for one in list_releases(lake):
        frame = manifest_of(lake, one, "content", "before_content", "origin")
        inputs = one.document["inputs"]
        yield Published(
            f"{one.name}/{one.fingerprint[:12]}",
            one.fingerprint,
            inputs["as_of"],
            # A release of a version that had no roots can't be proved of.
            inputs.get("opt_out") if "merkle" in one.document["result"] else None,
            account_of(one),
            swhids_of(frame),
            frame["origin"].to_list(),
        )


def manifest_of(lake: Lake, one: Release, *columns: str) -> pl.DataFrame:
    """Columns of a release's manifest; one of an earlier version may lack some.

    Raises:
        LakeError: it can't be read.
    """
    path = lake.path(one.folder, "manifest.parquet")
    with lake_errors(f"reading {path}"), lake.fs.open(path) as file:
        parquet = pq.ParquetFile(file)
        return pl.DataFrame(parquet.read([name for name in columns if name in parquet.schema_arrow.names]))


def result_digest(result: dict[str, Any]) -> str:
    """The identity of what came out: shards, manifest, and Merkle roots (which releases of earlier versions lack)."""
    shards = [_sealed(shard) for shard in result["shards"]]
    roots = [result["merkle"]] if "merkle" in result else []
    return digest([shards, result["manifest"]["sha256"], *roots])


def _sealed(shard: dict[str, Any]) -> list[Any]:
    """What of a shard its release's identity is made from."""
    beside = [[one["name"], one["sha256"]] for one in shard.get("beside", ())]
    return [shard["name"], shard["sha256"], shard["rows"], *([beside] if beside else [])]


def list_releases(lake: Lake, name: str | None = None) -> list[Release]:
    """Published releases, of one dataset or of all, by name and as-of day.

    Raises:
        LakeError: one can't be read.
    """
    root = lake.path("datasets")
    with lake_errors(f"reading {root}"):
        pattern = f"{root}/{name or '*'}/*/{MARKER}"
        found = [json.loads(lake.fs.cat_file(path)) for path in sorted(lake.fs.glob(pattern))]
    releases = [Release(document["name"], document["fingerprint"], document) for document in found]
    return sorted(releases, key=lambda one: (one.name, one.document["inputs"]["as_of"], one.fingerprint))


def release(lake: Lake, name: str, fingerprint: str | None = None) -> Release:
    """One release: the one whose fingerprint starts so, or the last by as-of day.

    Raises:
        UsageError: there is none, or the beginning fits several.
    """
    found = [one for one in list_releases(lake, name) if one.fingerprint.startswith(fingerprint or "")]
    if not found:
        which = f" {fingerprint}" if fingerprint else ""
        raise UsageError(f"there is no release{which} of dataset {name!r}; build one with `codecommons dataset build {name}`")
    if fingerprint and len(found) > 1:
        raise UsageError(f"{fingerprint} fits {len(found)} releases of {name}; write more of the fingerprint")
    return found[-1]


def taken_down(lake: Lake, folder: str) -> dict[str, str]:
    """Shards that were deleted from a folder of a release (below the lake's root): shard -> the takedown's name in the ledger.

    Raises:
        LakeError: it can't be read.
    """
    path = lake.path(folder, NOTE)
    with lake_errors(f"reading {path}"):
        found: dict[str, str] = json.loads(lake.fs.cat_file(path)) if lake.fs.exists(path) else {}
    return found


def shards_before(lake: Lake, name: str, ending: str) -> dict[str, tuple[str, ...]]:
    """Shards of a dataset that are there, by label: of its releases, the newest first, then of builds that were killed.

    Args:
        lake: the lake.
        name: of the dataset.
        ending: of the files.

    Returns:
        Label -> paths on the lake's file system, at most ``LOOKS``, each file once.

    Raises:
        LakeError: the lake can't be read.
    """
    newest = {one.fingerprint[:12]: at for at, one in enumerate(reversed(list_releases(lake, name)))}
    root = lake.path()
    with lake_errors(f"reading {root}"):
        paths = sorted(lake.fs.glob(f"{root}/datasets/{name}/*/data/*{ending}"))
        paths.sort(key=lambda path: newest.get(path.split("/")[-3], len(newest)))
        paths += sorted(lake.fs.glob(f"{root}/_staging/dataset-{name}-*/data/*{ending}"))
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for path in paths:
        file = path.rpartition("/")[2]
        found[file.rpartition("-")[0]].setdefault(file, path)
    return {label: tuple(files.values())[:LOOKS] for label, files in found.items()}


def files_of(one: Release) -> dict[str, str]:
    """Every file of a release that its identity is made from, by its path in it: sha256."""
    parts = [part for shard in one.shards for part in (shard, *shard.get("beside", ()))]
    expected = {f"data/{part['name']}": part["sha256"] for part in parts} | one.document["inputs"].get("supplies", {})
    return expected | {"manifest.parquet": one.document["result"]["manifest"]["sha256"]}


def supplies_of(lake: Lake, one: Release) -> dict[str, bytes]:
    """The files that a release's shards were made with, by name.

    Raises:
        LakeError: one can't be read, or is not what it was.
    """
    found = {}
    for name, sha256 in one.document["inputs"].get("supplies", {}).items():
        path = lake.path(one.folder, name)
        with lake_errors(f"reading {path}"):
            found[name] = lake.fs.cat_file(path)
        if hashlib.sha256(found[name]).hexdigest() != sha256:
            raise LakeError(f"{path} is not what it was when it was published; put back the file with sha256 {sha256}")
    return found


def is_whole(lake: Lake, one: Release) -> bool:
    """Whether every shard, what belongs to it, and the manifest are there, with the bytes they were published with."""
    expected = files_of(one)
    return all(_sha256(lake, lake.path(one.folder, name)) == sha256 for name, sha256 in expected.items())


def _sha256(lake: Lake, path: str) -> str | None:
    with lake_errors(f"reading {path}"):
        if not lake.fs.exists(path):
            return None
        with lake.fs.open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def publish(lake: Lake, document: dict[str, Any], staged: str, files: Sequence[str]) -> Release:
    """Move staged files into the release's folder and write its fingerprint, last.

    A process that dies in between leaves files that nobody sees; the next build of the same thing writes the same ones over them.

    Args:
        lake: the lake.
        document: what becomes ``fingerprint.json``.
        staged: the folder they are in, on the lake's file system.
        files: their paths from there, which are also those in the release.

    Raises:
        LakeError: the lake can't be written.
    """
    one = Release(document["name"], document["fingerprint"], document)
    root = lake.path(one.folder)
    with lake_errors(f"publishing {root}"):
        if not lake.storage.remote:
            lake.fs.makedirs(f"{root}/data", exist_ok=True)
        for file in files:
            lake.fs.mv(f"{staged}/{file}", f"{root}/{file}")
        text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        # A rename makes it whole or absent on a disk; on S3 a put is that by itself.
        lake.fs.pipe_file(f"{staged}/{MARKER}", text.encode())
        lake.fs.mv(f"{staged}/{MARKER}", f"{root}/{MARKER}")
    return one


def fixed_bits(lake: Lake, name: str, bits: int) -> None:
    """Refuse another number of buckets than the dataset's first release has.

    Raises:
        UsageError: every shard would change its rows.
    """
    for one in list_releases(lake, name):
        first = one.document["inputs"]["specification"]["shard"]["bits"]
        if first != bits:
            raise UsageError(
                f"dataset {name}: shard: bits is {bits}, but its releases have {first}; it is fixed at the first, so give a new "
                "dataset another name"
            )
