# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Where releases are: ``datasets/<name>/<fingerprint, 12 hex>/`` in the lake, there once ``fingerprint.json`` is there.

data/<bucket>-<sha256>.parquet   the rows; or another of ``formats``, of which some have files beside it
tokenizer.json                   what those were made with, if anything
manifest.parquet                 one line a row: shard, row, SWHID with qualifiers, licence, sha256 of the shard
README.md, NOTICE, plots/, …     the documents (``documents``)
attestation.dsse.json            a signed statement over every other file (``attestation``)
fingerprint.json                 what went in, what came out; written last
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import polars as pl
import pyarrow.parquet as pq

from codecommons.datasets.fingerprint import digest
from codecommons.datasets.format import format_of, terms_of
from codecommons.datasets.rows import swhids_of
from codecommons.datasets.specification import names
from codecommons.errors import LakeError, UsageError
from codecommons.lake import Lake
from codecommons.lake.garbage import files_below
from codecommons.lake.storage import lake_errors
from codecommons.optout.receipts import Published
from codecommons.report import STAGES, Stored
from codecommons.strict import is_slug, nearest, shown

MARKER = "fingerprint.json"
ATTESTATION = "attestation.dsse.json"
# Beside it where shards were taken down: shard -> why, as the ledger names it (see ``optout.takedown``).
NOTE = "taken-down.json"
# Releases that an error names.
_LISTED = 5
# Earlier shards of a label that are looked at: each costs the reading of a footer.
LOOKS = 8


class Earlier(NamedTuple):
    """A shard that is there: its path on the lake's file system; in how many rows a token is broken, if its release says so."""

    path: str
    escaped: int | None


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
    with lake_errors(f"reading {path}"), pq.ParquetFile(path, filesystem=lake.storage.arrow_fs) as parquet:
        # In this thread: one of Arrow's that lets go of a file of Python's while the process ends aborts it.
        there = [name for name in columns if name in parquet.schema_arrow.names]
        return pl.DataFrame(parquet.read(there, use_threads=False))


def scan(lake: Lake, name: str, fingerprint: str | None = None) -> pl.LazyFrame:
    """The rows of one release, as ``release`` finds it; of tokens what is beside them: where each row's begin.

    Raises:
        UsageError: there is no such release, or its shards are no Parquet.
    """
    one = release(lake, name, fingerprint)
    asked = terms_of(one.document).asked
    ending, _ = format_of(lake.settings, asked.kind).records(asked)
    if not ending.endswith(".parquet"):
        said = f"{lake.storage.uri(one.folder)}/README.md says how they are loaded"
        raise UsageError(f"the shards of {name} {one.fingerprint[:12]} are {asked.kind}, and no Parquet: {said}")
    files = [file for file in files_of(one.document) if file.startswith("data/") and file.endswith(ending)]
    paths = [lake.storage.uri(one.folder, file) for file in files]
    return pl.scan_parquet(paths, storage_options=lake.storage.options or None)


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
    """Published releases, of one dataset or of all, by name and as-of day; of one day that which was built last comes last.

    What is no name of a dataset has none: it would be a pattern, or lead out of the folder.

    Raises:
        LakeError: one can't be read.
    """
    if not (name is None or is_slug(name)):
        return []
    root = lake.path("datasets")
    with lake_errors(f"reading {root}"):
        pattern = f"{root}/{name or '*'}/*/{MARKER}"
        releases = [_read(path, lake.fs.cat_file(path)) for path in sorted(lake.fs.glob(pattern))]
    last = _built_last(lake) if len({(one.name, one.document["inputs"]["as_of"]) for one in releases}) < len(releases) else set()
    return sorted(releases, key=lambda one: (one.name, one.document["inputs"]["as_of"], one.fingerprint in last, one.fingerprint))


def _built_last(lake: Lake) -> set[str]:
    """Fingerprints of the releases that the log says are live: one a dataset and day."""
    log = lake.log.verdicts().lazy().filter(pl.col("stage") == STAGES[-1]).select("attempt").drop_nulls()
    reports = lake.scan("stage_report").filter(pl.col("stage") == STAGES[-1]).select("attempt", "details")
    details = reports.join(log, on="attempt", how="semi").select("details").unique().collect()["details"]
    return {json.loads(said).get("fingerprint", "") for said in details}


def _read(path: str, text: bytes) -> Release:
    try:
        document = json.loads(text)
        return Release(document["name"], document["fingerprint"], document)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise LakeError(
            f"{path} is not what a build wrote; restore it, or remove its folder and build the dataset again"
        ) from None


def release(lake: Lake, name: str, fingerprint: str | None = None, as_of: str | None = None) -> Release:
    """One release: the one whose fingerprint starts so, or the last (see ``list_releases``), of any day or of one.

    Raises:
        UsageError: there is none, or the beginning fits several.
    """
    every = list_releases(lake, name)
    if not every:
        known = {one.name for one in list_releases(lake)}
        what = f"build one with `codecommons dataset build {name}`" if name in names(lake.settings) else nearest(name, known)
        raise UsageError(f"there is no release of dataset {shown(name)}; {what}")
    found = [one for one in every if as_of in (None, one.document["inputs"]["as_of"])]
    found = [one for one in found if one.fingerprint.startswith(fingerprint or "")]
    if not found:
        which = f" {shown(fingerprint)}" if fingerprint else ""
        last = ", ".join(f"{one.fingerprint[:12]} as of {one.document['inputs']['as_of']}" for one in every[-_LISTED:])
        raise UsageError(f"there is no release{which}{f' as of {as_of}' if as_of else ''} of dataset {name}; there is {last}")
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


def withdrawn(lake: Lake, one: Release) -> dict[str, str]:
    """The files of a release that a takedown deleted: path in the release -> the takedown's name in the ledger.

    Raises:
        LakeError: it can't be read.
    """
    why = taken_down(lake, one.folder)
    of_shard = {f"data/{part['name']}": shard["name"] for shard in one.shards for part in (shard, *shard.get("beside", ()))}
    return {file: why[name] for file in files_of(one.document) if (name := of_shard.get(file, file)) in why}


def shards_before(lake: Lake, name: str, ending: str) -> dict[str, tuple[Earlier, ...]]:
    """Shards of a dataset that are there, by label: of its releases, the newest first, then of builds that were killed.

    Args:
        lake: the lake.
        name: of the dataset.
        ending: of the files.

    Returns:
        Label -> shards, at most ``LOOKS``, each file once.

    Raises:
        LakeError: the lake can't be read.
    """
    releases = list_releases(lake, name)
    newest = {one.fingerprint[:12]: at for at, one in enumerate(reversed(releases))}
    escaped = {shard["name"]: shard["escaped"] for one in releases for shard in one.shards if "escaped" in shard}
    root = lake.path()
    with lake_errors(f"reading {root}"):
        paths = sorted(lake.fs.glob(f"{root}/datasets/{name}/*/data/*{ending}"))
        paths.sort(key=lambda path: newest.get(path.split("/")[-3], len(newest)))
        paths += sorted(lake.fs.glob(f"{root}/_staging/dataset-{name}-*/data/*{ending}"))
    found: dict[str, dict[str, Earlier]] = defaultdict(dict)
    for path in paths:
        file = path.rpartition("/")[2]
        found[file.rpartition("-")[0]].setdefault(file, Earlier(path, escaped.get(file)))
    return {label: tuple(files.values())[:LOOKS] for label, files in found.items()}


def files_of(document: dict[str, Any]) -> dict[str, str]:
    """Every file that a ``fingerprint.json`` names, by its path in the release: sha256. The attestation is beside it."""
    result = document["result"]
    parts = [part for shard in result["shards"] for part in (shard, *shard.get("beside", ()))]
    made_from = {f"data/{part['name']}": part["sha256"] for part in parts} | document["inputs"].get("supplies", {})
    return made_from | {"manifest.parquet": result["manifest"]["sha256"]} | document.get("documents", {})


def supplies_of(lake: Lake, one: Release) -> dict[str, bytes]:
    """The files that a release's shards were made with, by name.

    Raises:
        LakeError: one can't be read, or is not what it was.
    """
    found = {}
    for name, sha256 in one.document["inputs"].get("supplies", {}).items():
        path = lake.path(one.folder, name)
        if why := withdrawn(lake, one).get(name):
            raise LakeError(f"{path} was taken down ({why}); build the dataset again")
        with lake_errors(f"reading {path}"):
            found[name] = lake.fs.cat_file(path)
        if hashlib.sha256(found[name]).hexdigest() != sha256:
            raise LakeError(f"{path} is not what it was when it was published; put back the file with sha256 {sha256}")
    return found


def marker(document: dict[str, Any]) -> tuple[bytes, str]:
    """The bytes of ``fingerprint.json``, and their sha256 (hex)."""
    text = (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
    return text, hashlib.sha256(text).hexdigest()


def is_whole(lake: Lake, one: Release) -> bool:
    """Whether every file is there, with the bytes it was published with, and the attestation."""
    named = all(sha256_of(lake, lake.path(one.folder, name)) == sha256 for name, sha256 in files_of(one.document).items())
    with lake_errors(f"reading {one.folder}"):
        return named and bool(lake.fs.exists(lake.path(one.folder, ATTESTATION)))


def sha256_of(lake: Lake, path: str) -> str | None:
    """Digest of a file (hex), None where it is not there.

    Raises:
        LakeError: it can't be read.
    """
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
        for file in files:
            if not lake.storage.remote:
                lake.fs.makedirs(f"{root}/{file}".rpartition("/")[0], exist_ok=True)
            lake.fs.mv(f"{staged}/{file}", f"{root}/{file}")
        # A rename makes it whole or absent on a disk; on S3 a put is that by itself.
        lake.fs.pipe_file(f"{staged}/{MARKER}", marker(document)[0])
        lake.fs.mv(f"{staged}/{MARKER}", f"{root}/{MARKER}")
    Stored.bytes += sum(info["size"] for info in files_below(lake.storage, root).values())
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
