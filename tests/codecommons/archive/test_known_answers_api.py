# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What Software Heritage's interface once answered, kept in the tests of its own clients, hashes to the names it was asked by."""

from __future__ import annotations

import ast
import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest

from codecommons.swhid import (
    Date,
    Release,
    Revision,
    directory_id,
    hash_content,
    release_id,
    revision_id,
    snapshot_id,
)

# Snapshots that were captured without some of their branches, so that the others can't give their names.
PARTIAL = {"cabcc7d7bf639bbe1cc3b41989e1806618dd5764", "02db117fef22434f1658b833a756775ca6effed0"}
# Made up by the test that holds it.
INVENTED = "0" * 40


@pytest.fixture(scope="module")
def answers(oracle):
    """Answers by path, read as data from a module that is not run."""

    def answers(package: str, name: str) -> dict[str, Any]:
        for statement in ast.parse(oracle(package, "/api_data.py")).body:
            targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                return ast.literal_eval(statement.value)
        raise AssertionError(name)

    return answers


def _date(text: str | None) -> Date | None:
    moment = dt.datetime.fromisoformat(text) if text else None
    return moment and Date(int(moment.timestamp()), moment.microsecond, moment.strftime("%z").encode())


def _person(person: dict[str, str] | None) -> bytes | None:
    return person["fullname"].encode() if person else None


def _identifier(kind: str, said: Any) -> str:
    match kind:
        case "directory":
            found = directory_id((entry["name"].encode(), entry["perms"], bytes.fromhex(entry["target"])) for entry in said)
        case "revision":
            found = revision_id(
                Revision(
                    directory=bytes.fromhex(said["directory"]),
                    parents=tuple(bytes.fromhex(parent["id"]) for parent in said["parents"]),
                    author=_person(said["author"]),
                    date=_date(said["date"]),
                    committer=_person(said["committer"]),
                    committer_date=_date(said["committer_date"]),
                    message=said["message"].encode(),
                    extra_headers=tuple((key.encode(), value.encode()) for key, value in said.get("extra_headers", ())),
                )
            )
        case "release":
            author, date, message = _person(said["author"]), _date(said["date"]), said["message"].encode()
            target = bytes.fromhex(said["target"])
            found = release_id(Release(target, said["target_type"], said["name"].encode(), author, date, message))
        case "snapshot":
            found = snapshot_id(
                {
                    name.encode(): (
                        one["target_type"],
                        one["target"].encode() if one["target_type"] == "alias" else bytes.fromhex(one["target"]),
                    )
                    for name, one in said["branches"].items()
                }
            )
    return found.hex()


def _objects(answers: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Kind, name and answer; a log gives its revisions."""
    for path, said in answers.items():
        kind, name, *rest = path.rstrip("/").split("/")
        said = (
            json.loads(said)
            if isinstance(said, str) and kind in ("directory", "revision", "release", "snapshot") and not rest
            else said
        )
        if kind == "revision" and rest and isinstance(said, list):
            yield from (("revision", one["id"], one) for one in said)
        elif kind in ("directory", "revision", "release", "snapshot") and not rest:
            yield kind, name, said


def test_the_answers_in_the_web_clients_tests_hash_to_their_names(answers):
    found = {name: _identifier(kind, said) == name for kind, name, said in _objects(answers("swh-web-client==0.9.2", "API_DATA"))}
    assert found == {
        "977fc4b98c0e85816348cebd3b12026407c368b6": True,
        "aafb16d69fd30ff58afdd69036a26047f3aebdc6": True,
        "b9db10d00835e9a43e2eebef2db1d04d4ae82342": True,
        "6a3a2cf0b2b90ce7ae1cf0a221ed68035b686f5a": True,
        "cabcc7d7bf639bbe1cc3b41989e1806618dd5764": False,
    }


def test_the_answers_in_the_file_systems_tests_hash_to_their_names(answers):
    archive = answers("swh-fuse==1.5.0", "MOCK_ARCHIVE")
    counts = dict.fromkeys(("content", "directory", "revision", "release", "snapshot"), 0)
    for kind, name, said in _objects(archive):
        if name != INVENTED:
            assert (_identifier(kind, said) == name) == (name not in PARTIAL), (kind, name)
            counts[kind] += 1
    for path, data in archive.items():
        if path.startswith("content/") and path.endswith("/raw/"):
            hashes = hash_content(data if isinstance(data, bytes) else data.encode())
            said = archive[path.removesuffix("raw/")]["checksums"]
            assert {name: getattr(hashes, name).hex() for name in said} == said
            assert path == f"content/sha1_git:{hashes.sha1_git.hex()}/raw/"
            counts["content"] += 1
    assert counts == {"content": 4, "directory": 5, "revision": 93, "release": 3, "snapshot": 1}
