# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Identifiers that others published: the SWHID test suite, swh-model's own tests, real packages."""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codecommons.archive import add_inputs, ingest_slice
from codecommons.engine.local import InlineEngine
from codecommons.lake import Lake
from codecommons.swhid import (
    Date,
    Release,
    Revision,
    directory_id,
    git_object,
    git_object_id,
    hash_content,
    origin_id,
    release_id,
    revision_id,
    snapshot_id,
    swhid_text,
)
from codecommons.swhid.parsing import parse_directory, parse_release, parse_revision
from codecommons.swhid.tree import identify_directory, identify_file, identify_paths


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt") as file:
        yield from map(json.loads, file)


def _cases(shared_data: Path, *kinds: str) -> list[dict[str, Any]]:
    cases = _lines(shared_data / "swhid-vectors" / "swhid_test_suite_cases.jsonl.gz")
    found = [case for case in cases if case["category"].partition("/")[0] in kinds]
    assert found
    return found


def _repositories(shared_data: Path) -> Iterator[dict[str, Any]]:
    return _lines(shared_data / "swhid-vectors" / "swhid_test_suite_git_repos.jsonl.gz")


@pytest.fixture(scope="module")
def repositories(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The suite's git repositories, written as loose objects and packed references."""
    folder = tmp_path_factory.mktemp("repositories")
    result = {}
    for number, repository in enumerate(_repositories(shared_data)):
        root = folder / f"{number}.git"
        (root / "refs").mkdir(parents=True)
        for item in repository["objects"]:
            path = root / "objects" / item["id"][:2] / item["id"][2:]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(zlib.compress(git_object(item["type"], base64.b64decode(item["raw_base64"]))))
        (root / "HEAD").write_text(repository["HEAD"] + "\n")
        (root / "packed-refs").write_text("".join(f"{ref['target']} {ref['name']}\n" for ref in repository["refs"]))
        result[repository["repo"]] = root
    return result


def test_every_content_of_the_suite_has_its_identifier(shared_data: Path) -> None:
    for case in _cases(shared_data, "content"):
        hashes = hash_content(base64.b64decode(case["data_base64"]))
        assert swhid_text("cnt", hashes.sha1_git) == case["expected_swhid"], case["name"]


def test_every_directory_of_the_suite_has_its_identifier(shared_data: Path, tmp_path: Path) -> None:
    for number, case in enumerate(_cases(shared_data, "directory")):
        root = tmp_path / str(number)
        for entry in case["entries"]:
            path = root / os.fsdecode(base64.b64decode(entry["path_base64"]))
            data = base64.b64decode(entry.get("data_base64", ""))
            path.parent.mkdir(parents=True, exist_ok=True)
            if entry["mode"] == "120000":
                path.symlink_to(os.fsdecode(data))
            else:
                path.write_bytes(data)
                path.chmod(int(entry["mode"], 8) & 0o777)
        assert swhid_text("dir", identify_directory(root)) == case["expected_swhid"], case["name"]


def test_every_repository_of_the_suite_is_the_expected_snapshot(shared_data: Path, repositories: dict[str, Path]) -> None:
    cases = [case for case in _cases(shared_data, "git", "git-repository") if "expected_swhid" in case]
    for case in cases:
        path = str(repositories[case["repo"]])
        assert list(identify_paths([path])) == [(case["expected_swhid"], path)], case["name"]


def test_every_repository_of_the_suite_is_ingested_as_the_expected_snapshot(
    shared_data: Path, repositories: dict[str, Path], lake: Lake
) -> None:
    cases = [case for case in _cases(shared_data, "git", "git-repository") if "expected_swhid" in case]
    add_inputs(lake, [f"git:{path}" for path in repositories.values()], "2026-01-31")
    report = ingest_slice(lake, InlineEngine(), "2026-01-31", "git")
    assert all(check.passed for check in report.checks)
    seen = dict(lake.scan("origin_visit_status").select("origin", "snapshot").collect().iter_rows())
    for case in cases:
        assert swhid_text("snp", seen[repositories[case["repo"]].as_uri()]) == case["expected_swhid"], case["name"]
    given = {(item["type"], item["id"]) for one in _repositories(shared_data) for item in one["objects"]}
    kinds = {"content": ("sha1_git", "blob"), "directory": ("id", "tree"), "revision": ("id", "commit"), "release": ("id", "tag")}
    for table, (column, kind) in kinds.items():
        rows = lake.scan(table).select(column, "verified").collect()
        assert set(rows["verified"]) == {"yes"}
        assert {one.hex() for one in rows[column]} <= {name for of, name in given if of == kind}
        assert rows.height > 10 or table == "release"


def test_every_named_revision_and_release_of_the_suite_has_its_identifier(
    shared_data: Path, repositories: dict[str, Path]
) -> None:
    for case in _cases(shared_data, "revision", "release"):
        name = case.get("commit") or case.get("tag")
        path = str(repositories[case["repo"]]) + (f"@{name}" if name else "")
        [(swhid, _)] = identify_paths([path], case["expected_swhid"].split(":")[2])
        assert swhid == case["expected_swhid"], case["name"]


def test_branches_and_tags_of_the_suite_are_found_under_their_names(shared_data: Path, repositories: dict[str, Path]) -> None:
    for case in _cases(shared_data, "git-repository"):
        for group, kind in (("branches", "rev"), ("tags", "rel")):
            for name, expected in case.get("expected", {}).get(group, {}).items():
                [(swhid, _)] = identify_paths([f"{repositories[case['repo']]}@{name}"], kind)
                assert swhid == expected, (case["name"], name)


def test_every_git_object_of_the_suite_is_read_and_written_back_unchanged(shared_data: Path) -> None:
    seen = set()
    for repository in _repositories(shared_data):
        for item in repository["objects"]:
            body, identifier = base64.b64decode(item["raw_base64"]), bytes.fromhex(item["id"])
            seen.add(item["type"])
            match item["type"]:
                case "tree":
                    directory = parse_directory(body)
                    assert directory.raw_manifest is None
                    assert directory_id(directory.entries) == identifier
                case "commit":
                    revision = parse_revision(body)
                    assert revision.raw_manifest is None
                    assert revision_id(revision) == identifier
                case "tag":
                    release = parse_release(body)
                    assert release.raw_manifest is None
                    assert release_id(release) == identifier
                case "blob":
                    assert git_object_id("blob", body) == hash_content(body).sha1_git == identifier
    assert seen == {"tree", "commit", "tag", "blob"}


def _bytes(value: Any) -> Any:
    match value:
        case {"__utf8__": text}:
            return text.encode()
        case {"__base64__": text}:
            return base64.b64decode(text)
    return value


def _date(value: Any) -> Date | None:
    if value is None:
        return None
    if isinstance(value, str):
        moment = dt.datetime.fromisoformat(value)
        return Date(int(moment.timestamp()), moment.microsecond, moment.strftime("%z").encode())
    if isinstance(value, int):
        return Date(value)
    stamp = value["timestamp"] if isinstance(value["timestamp"], dict) else {"seconds": value["timestamp"]}
    offset = _bytes(value["offset_bytes"]) if "offset_bytes" in value else b"%+03d%02d" % divmod(value["offset"], 60)
    return Date(stamp["seconds"], stamp.get("microseconds", 0), offset)


def _identifier(kind: str, item: dict[str, Any]) -> bytes:
    def person(name: str) -> bytes | None:
        person = item.get(name)
        if not person or "fullname" in person:
            return _bytes(person["fullname"]) if person else None
        return _bytes(person["name"]) + b" <" + _bytes(person["email"]) + b">"

    match kind:
        case "directory":
            return directory_id((_bytes(e["name"]), e["perms"], bytes.fromhex(e["target"])) for e in item["entries"])
        case "revision":
            headers = item.get("extra_headers") or (item.get("metadata") or {}).get("extra_headers") or []
            revision = Revision(
                directory=bytes.fromhex(item["directory"]),
                parents=tuple(bytes.fromhex(parent) for parent in item["parents"]),
                author=person("author"),
                date=_date(item["date"]),
                committer=person("committer"),
                committer_date=_date(item["committer_date"]),
                message=_bytes(item["message"]),
                extra_headers=tuple((_bytes(key), _bytes(value)) for key, value in headers),
            )
            return revision_id(revision)
        case "release":
            name, target = _bytes(item["name"]), bytes.fromhex(item["target"])
            return release_id(
                Release(target, item["target_type"], name, person("author"), _date(item.get("date")), _bytes(item["message"]))
            )
        case "snapshot":
            branches: dict[bytes, tuple[str, bytes] | None] = {}
            for name, branch in item["branches"].items():
                target = _bytes(branch["target"]) if branch else None
                branches[name.encode()] = (
                    None
                    if target is None
                    else (branch["target_type"], bytes.fromhex(target) if isinstance(target, str) else target)
                )
            return snapshot_id(branches)
    raise AssertionError(kind)


def test_the_odd_objects_of_swh_models_tests_have_their_identifiers(shared_data: Path) -> None:
    kinds = set()
    for line in (shared_data / "swhid-vectors" / "swh_model_identifiers.jsonl").read_text().splitlines():
        case = json.loads(line)
        if case["type"] == "origin":
            continue
        kinds.add(case["type"])
        assert _identifier(case["type"], case["object"]).hex() == case["object"]["id"], case["case"]
    assert kinds == {"directory", "revision", "release", "snapshot"}


def test_an_origin_is_named_by_the_sha1_of_its_url() -> None:
    assert origin_id("https://github.com/torvalds/linux").hex() == "b63a575fe3faab7692c9f38fb09d4bb45651bb0f"
    assert origin_id("https://example.com/swh/graph").hex() == "83404f995118bd25774f4ac14422a8f175e7a054"


def test_empty_things_have_the_identifiers_everyone_knows(tmp_path: Path) -> None:
    assert hash_content(b"").sha1_git.hex() == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert directory_id([]).hex() == identify_directory(tmp_path).hex() == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    assert snapshot_id({}).hex() == "1a8893e6a86f444e8be8e7bda6cb34fb1735a00e"


def test_the_synthetic_release_of_an_npm_package_is_the_archives() -> None:
    """The first version of the npm package org, as Software Heritage's loader archived it."""
    release = Release(
        target=bytes.fromhex("42753c0c2ab00c4501b552ac4671c68f3cf5aece"),
        target_type="directory",
        name=b"0.0.2",
        author=b"mooz <stillpedant@gmail.com>",
        date=Date(1388590833, 0, b"+0000"),
        message=b"Synthetic release for NPM source package org version 0.0.2\n",
    )
    assert release_id(release).hex() == "d38cc0b571cd41f3c85513864e049766b42032a7"


def test_a_link_is_the_text_it_holds(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("foo.txt")
    entries = [(b"link", 0o120000, bytes.fromhex("996f1789ff67c0e3f69ef5933a55d54c5d0e9954"))]
    assert identify_directory(tmp_path) == directory_id(entries)


def test_a_file_on_disk_has_the_identifier_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"foo\n")
    assert identify_file(tmp_path / "file").hex() == "257cc5642cb1a054f08cc83f2d943e56fd3ebe99"
