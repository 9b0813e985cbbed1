# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What the annotators say of files on disk, without a lake."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from codecommons.annotate.annotator import Annotator, current, prepare, tree_files
from codecommons.annotate.copyright import copyrights
from codecommons.errors import UsageError
from codecommons.settings import Settings
from codecommons.swhid import content_id, swhid_text
from codecommons.swhid.tree import identify_file

MOST_FILES = 1024
OBJECT = (
    "path", "swhid", "length", "encoding", "language", "license", "license_evidence", "copyright", "generated", "vendored",
    "documentation", "test", "stats", "spans", "project", "annotations", "errors",
)  # fmt: skip


@dataclass(frozen=True)
class File:
    """One file: the folder it was found below (None: it was named itself), where it is, and its path from that folder.

    One that is larger than ``max_content_bytes`` has no data: no stage looks into it, either.
    """

    tree: Path | None
    path: Path
    tree_path: bytes
    data: bytes
    too_large: bool


def annotate_files(paths: Iterable[str | Path], settings: Settings) -> Iterator[dict[str, Any]]:
    """Annotate files and all files below folders, in order of path; symbolic links and ``.git`` are passed over.

    Args:
        paths: files and folders.
        settings: plug-in folders, batch size and cache.

    Yields:
        The object of ``annotate --json`` (design.md section 10): path, swhid, length, encoding, language, license,
        license_evidence, copyright, generated, vendored, documentation, test, stats, spans, project; all answers of all
        annotators under ``annotations``; ``errors`` by annotator. ``spans`` are byte offsets into the file, in order of place.
        Of a file larger than ``max_content_bytes`` nothing is said, and ``errors`` has the reason as ``content``.
        Where an annotator of trees is switched on, one more object for each folder: path, annotations, errors.

    Raises:
        UsageError: a path does not exist or can't be read.
    """
    annotators = current(settings)
    prepare(settings)
    batch: list[File] = []
    trees: dict[Path, list[dict[str, Any]]] = {}
    size = 0
    for file in _read(paths, settings.max_content_bytes):
        if file.too_large:
            yield from _annotate(batch, annotators, trees)
            batch, size = [], 0
            yield _unread(file, settings.max_content_bytes)
            continue
        if batch and (size + len(file.data) > settings.batch_bytes or len(batch) >= MOST_FILES):
            yield from _annotate(batch, annotators, trees)
            batch, size = [], 0
        batch.append(file)
        size += len(file.data)
    yield from _annotate(batch, annotators, trees)
    yield from _annotate_trees(trees, annotators)


def _read(paths: Iterable[str | Path], most: int) -> Iterator[File]:
    def file(tree: Path | None, path: Path, tree_path: bytes) -> File:
        too_large = path.stat().st_size > most
        return File(tree, path, tree_path, b"" if too_large else path.read_bytes(), too_large)

    def refuse(error: OSError) -> None:
        raise error

    for given in map(Path, paths):
        try:
            if not given.is_dir():
                if given.exists() and not given.is_file():
                    raise UsageError(f"{given} is neither a file nor a folder")
                yield file(None, given, os.fsencode(given.name))
                continue
            for folder, folders, names in os.walk(given, onerror=refuse):
                folders[:] = sorted(set(folders) - {".git"})
                for path in (Path(folder, name) for name in sorted(names)):
                    if path.is_file() and not path.is_symlink():
                        yield file(given, path, os.fsencode(path.relative_to(given).as_posix()))
        except OSError as error:
            raise UsageError(f"{error.filename or given} can't be read: {error.strerror}") from None


def _annotate(
    files: list[File], annotators: Mapping[str, Annotator], trees: dict[Path, list[dict[str, Any]]]
) -> Iterator[dict[str, Any]]:
    """The objects of some files; what annotators of trees need to know of them is added to ``trees``."""
    if not files:
        return
    ids = [content_id(file.data) for file in files]
    paths = [file.tree_path for file in files]
    columns = {
        "sha1_git": ids,
        "name": [path.rpartition(b"/")[2] for path in paths],
        "data": [file.data for file in files],
        "path_id": [hashlib.sha1(path, usedforsecurity=False).digest() for path in paths],
        "path": paths,
    }
    batch = pa.record_batch({name: pa.array(values, pa.binary()) for name, values in columns.items()})
    answers: list[dict[str, dict[str, Any]]] = [{} for _ in files]
    for name, annotator in annotators.items():
        if annotator.input == "tree":
            continue
        wanted = [at for at, file_name in enumerate(columns["name"]) if annotator.wants(file_name)]
        rows = annotator.run(batch.take(pa.array(wanted, pa.int64()))).to_pylist() if wanted else []
        for at, row in zip(wanted, rows, strict=True):
            answers[at][name] = {field: row[field] for field in (*(f.name for f in annotator.fields), "error")}
    needed = {one.needs.name for one in annotators.values() if one.input == "tree" and one.needs}
    for file, identifier, said in zip(files, ids, answers, strict=True):
        if file.tree is not None and needed:
            known = {name: said.get(name) for name in needed}
            trees.setdefault(file.tree, []).append({"path": file.tree_path, "content": identifier, "said": known})
        yield _shape(file, swhid_text("cnt", identifier), said)


def _unread(file: File, most: int) -> dict[str, Any]:
    """The object of a file that nobody looks into."""
    length = file.path.stat().st_size
    swhid = swhid_text("cnt", identify_file(file.path))
    lists: dict[str, Any] = {name: [] for name in ("license_evidence", "copyright", "spans")}
    reason = f"a file of {length:,} bytes; at most {most:,} are looked at (CODECOMMONS_MAX_CONTENT_BYTES)"
    said = {
        "path": _named(file.path),
        "swhid": swhid,
        "length": length,
        **lists,
        "annotations": {},
        "errors": {"content": reason},
    }
    return {name: said.get(name) for name in OBJECT}


def _annotate_trees(trees: Mapping[Path, list[dict[str, Any]]], annotators: Mapping[str, Annotator]) -> Iterator[dict[str, Any]]:
    """One object for each folder, if an annotator of trees is switched on."""
    for folder, entries in trees.items():
        said = {}
        for name, annotator in annotators.items():
            if annotator.input == "tree" and annotator.needs:
                files = [{**entry, "said": entry["said"][annotator.needs.name]} for entry in sorted(entries, key=_path)]
                columns = {"root": pa.array([b""], pa.binary()), "files": pa.array([files], tree_files(annotator))}
                row = annotator.run(pa.record_batch(columns)).to_pylist()[0]
                said[name] = {field: _shown(row[field]) for field in (*(f.name for f in annotator.fields), "error")}
        errors = {name: row.pop("error") for name, row in said.items()}
        yield {"path": _named(folder), "annotations": said, "errors": {name: error for name, error in errors.items() if error}}


def _named(path: Path) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _path(entry: dict[str, Any]) -> bytes:
    path: bytes = entry["path"]
    return path


def _shown(value: Any) -> Any:
    """Bytes as text, wherever they are."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, list):
        return [_shown(one) for one in value]
    return {name: _shown(one) for name, one in value.items()} if isinstance(value, dict) else value


_SPANS = ("personal_data", "secrets")


def _shape(file: File, swhid: str, said: dict[str, dict[str, Any]]) -> dict[str, Any]:
    errors = {name: row.pop("error") for name, row in said.items()}
    errors |= {name: "there are more spans than are listed" for name in _SPANS if said[name]["truncated"]}
    license_, facts = said["license_evidence"], said["path_facts"]
    return {
        "path": _named(file.path),
        "swhid": swhid,
        "length": len(file.data),
        "encoding": said["encoding"]["encoding"],
        "language": said["language"]["language"],
        "license": license_["expression"],
        "license_evidence": [
            {"lines": f"{row['start_line']}-{row['end_line']}", "expression": row["expression"], "detector": row["detector"]}
            for row in license_["evidence"] or ()
        ],
        "copyright": copyrights(file.data, said["encoding"]["encoding"]),
        "generated": said["generated"]["generated"] or facts["generated_folder"],
        "vendored": facts["vendored"],
        "documentation": facts["documentation"],
        "test": facts["test"],
        "stats": said["line_statistics"],
        "spans": sorted(
            (span for name in _SPANS for span in said[name]["spans"] or ()), key=lambda span: (span["start"], span["end"])
        ),
        "project": said.get("project_metadata"),
        "annotations": {name: _shown(row) for name, row in said.items()},
        "errors": {name: error for name, error in errors.items() if error},
    }
