# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a loader did not foresee is the fault of the item that it happened over; the others of its source come in."""

import errno
import importlib
import json
import logging

import pyarrow as pa
import pytest

from codecommons.archive import add_inputs, ingest_slice
from codecommons.archive.source import unexpected
from codecommons.engine.local import InlineEngine
from codecommons.errors import ItemError

DAY = "2026-01-31"
TRAP = b"trap"


def packages(folder, repository, sdist):
    for name, data in (("good", b"x"), ("bad", TRAP)):
        (folder / f"{name}-1.0.tar.gz").write_bytes(sdist(name, "1.0", {"data.txt": data}))
    return [f"pypi:{name}==1.0" for name in ("good", "bad")]


def paths(folder, repository, sdist):
    for name, data in (("good", b"x"), ("bad", TRAP)):
        (folder / name).mkdir()
        (folder / name / "data.txt").write_bytes(data)
    return [f"path:{folder / name}" for name in ("good", "bad")]


def repositories(folder, repository, sdist):
    good = repository.path.rename(folder / "good")
    repository.path = folder / "bad"
    repository.path.mkdir()
    repository.git("init", "-q")
    repository.commit("First", data__txt=TRAP.decode())
    return [f"git:{good}", f"git:{folder / 'bad'}"]


def feeds(folder, repository, sdist):
    for name, data in (("good", b"x"), ("bad", TRAP)):
        (folder / f"{name}.json").write_text(json.dumps({"id": data.decode(), "modified": "2026-01-31T00:00:00Z"}))
    return [f"osv:{folder / name}.json" for name in ("good", "bad")]


def tables(folder, repository, sdist):
    for name, data in (("good", b"x"), ("bad", TRAP)):
        (folder / f"{name}.jsonl").write_text(json.dumps({"text": data.decode()}))
    return [f"table:{folder / name}.jsonl" for name in ("good", "bad")]


@pytest.mark.parametrize(
    ("made", "module", "function"),
    [
        (packages, "tree", "content_id"),
        (paths, "tree", "content_id"),
        (repositories, "repository", "git_object_id"),
        (feeds, "feeds", "parse"),
        (tables, "collection.facts", "content_id"),
    ],
)
@pytest.mark.parametrize("error", [KeyError("nobody thought of this"), pa.ArrowInvalid("nor of that")])
def test_the_other_items_of_a_source_come_in(
    made, module, function, error, tmp_path, index, repository, sdist, lake, monkeypatch, caplog
) -> None:
    folder = index if made is packages else tmp_path / "made"
    folder.mkdir(exist_ok=True)
    items = made(folder, repository, sdist)
    source = items[0].partition(":")[0]
    add_inputs(lake, items, DAY)
    module = importlib.import_module(f"codecommons.archive.{module}")
    works = getattr(module, function)

    def breaks(*given):
        if TRAP in given[-1]:
            raise error
        return works(*given)

    monkeypatch.setattr(module, function, breaks)
    with caplog.at_level(logging.CRITICAL):
        report = ingest_slice(lake, InlineEngine(), DAY, source)
    assert [check.name for check in report.checks if not check.passed] == []
    assert report.details["items"] == {"failed": 1, "loaded": 1}
    [line] = report.details["quarantined"]
    assert "bad" in line.partition(": unexpected: ")[0]
    assert str(error) in line


def test_what_the_next_item_meets_as_well_is_nobodys_fault() -> None:
    with pytest.raises(OSError, match="No space"), unexpected("path:x"):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(pa.ArrowInvalid), unexpected("path:x", lake=True):
        raise pa.ArrowInvalid("a damaged table of the lake")
    with pytest.raises(ItemError), unexpected("path:x"):
        raise FileNotFoundError(errno.ENOENT, "gone meanwhile")
