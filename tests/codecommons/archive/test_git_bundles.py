# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A bundle is the repository it was made of."""

import shutil
import subprocess
from dataclasses import replace

import pytest

from codecommons.archive import add_inputs, ingest_slice, slice_roots
from codecommons.engine.local import InlineEngine
from codecommons.lake import Lake

DAY = "2026-01-31"


@pytest.fixture
def bundle(repository, tmp_path):
    """Makes a bundle of some references of a repository with two commits, a tag and a branch; all of them if none are named."""
    repository.commit("Second", more__py="print(2)\n")
    repository.git("tag", "-a", "v1", "-m", "Version one")
    repository.git("branch", "other", "HEAD~1")

    def make(*references, name="repo.bundle"):
        repository.git("bundle", "create", "-q", str(tmp_path / name), *(references or ("--all",)))
        return tmp_path / name

    return make


def ingest(lake, path, day=DAY):
    add_inputs(lake, [f"git:{path}"], day)
    return ingest_slice(lake, InlineEngine(), day, "git")


def reasons(lake):
    return set(lake.scan("quarantine").collect()["reason"])


def test_a_bundle_holds_the_objects_and_the_snapshot_of_its_repository(repository, bundle, settings, tmp_path):
    lakes = []
    for at, path in enumerate((repository.path, bundle())):
        lakes.append(Lake.open(replace(settings, lake=str(tmp_path / f"lake-{at}"))))
        report = ingest(lakes[-1], path)
        assert all(check.passed for check in report.checks)
        assert slice_roots(lakes[-1], DAY, "git").height == 1
    for table in ("snapshot", "snapshot_branch", "release", "revision", "directory", "content", "tree_file"):
        one, other = (lake.scan(table).collect() for lake in lakes)
        columns = [name for name, kind in one.schema.items() if not kind.is_nested()]
        assert one.sort(columns).equals(other.sort(columns)), table
    assert lakes[1].scan("origin").collect()["url"].to_list() == [(tmp_path / "repo.bundle").as_uri()]


def test_the_bundle_of_software_heritages_tests_names_its_submodule_and_brings_nothing_of_it(oracle, lake, tmp_path):
    (tmp_path / "example.bundle").write_bytes(oracle("swh-loader-git==3.4.0", "/example-submodule.bundle"))
    report = ingest(lake, tmp_path / "example.bundle")
    assert all(check.passed for check in report.checks)
    subprocess.run(["git", "clone", "-q", "--bare", tmp_path / "example.bundle", tmp_path / "clone"], check=True)
    listed = subprocess.run(
        ["git", "-C", tmp_path / "clone", "ls-tree", "HEAD", "example-dependency"], capture_output=True, text=True, check=True
    ).stdout
    entries = lake.scan("directory_entry").collect().filter(name=b"example-dependency", type="rev")
    assert listed in [f"{row['perms']:o} commit {row['target'].hex()}\texample-dependency\n" for row in entries.to_dicts()]
    assert not set(entries["target"]) & set(lake.scan("revision").collect()["id"])
    assert lake.scan("origin_visit_status").collect()["status"].to_list() == ["full"]


def test_a_day_is_loaded_again_from_the_bundle_it_saw_though_another_lies_there_now(repository, bundle, settings, tmp_path):
    lake = Lake.open(settings)
    path = bundle()
    ingest(lake, path)
    recorded = lake.log.inputs(DAY, "git")
    repository.commit("Third", third__py="print(3)\n")
    bundle()
    shutil.rmtree(settings.cache / "bundles")
    other = Lake.open(replace(settings, lake=str(tmp_path / "other")))
    other.log.add_input(recorded)
    report = ingest_slice(other, InlineEngine(), DAY, "git")
    assert all(check.passed for check in report.checks)
    assert other.scan("revision").collect().height == 2
    assert ingest(lake, path, "2026-02-01").details["objects_read"] == {"blob": 1, "commit": 1, "tree": 1}


def test_a_bundle_that_lists_no_head_is_a_snapshot_without_one(bundle, lake):
    ingest(lake, bundle("main", "v1"))
    assert reasons(lake) == set()
    assert lake.scan("revision").collect().height == 2
    names = set(lake.scan("snapshot_branch").collect()["name"])
    assert names == {b"refs/heads/main", b"refs/tags/v1"}
    assert slice_roots(lake, DAY, "git").height == 1  # main is where it is looked for next


def test_a_bundle_of_a_detached_head_names_its_revision(repository, bundle, lake):
    repository.git("checkout", "-q", "--detach")
    head = repository.commit("Detached", third__py="print(3)\n")
    ingest(lake, bundle())
    branches = {row["name"]: row for row in lake.scan("snapshot_branch").collect().to_dicts()}
    assert (branches[b"HEAD"]["target_type"], branches[b"HEAD"]["target"].hex()) == ("revision", head)


def test_a_bundle_that_builds_on_another_or_is_cut_short_is_quarantined(bundle, lake, tmp_path):
    part = bundle("main~1..main", name="part.bundle")
    whole = bundle().read_bytes()
    (tmp_path / "short.bundle").write_bytes(whole[:-40])
    (tmp_path / "changed.bundle").write_bytes(whole[:-60] + b"\xff" * 20 + whole[-40:])
    for path in (part, tmp_path / "short.bundle", tmp_path / "changed.bundle"):
        ingest(lake, path)
    rows = lake.scan("quarantine").collect()
    assert set(rows["reason"]) == {"unreadable-bundle"}
    assert rows.height == 3
    assert any("git bundle create FILE --all" in detail for detail in rows["detail"])
    assert not any(str(lake.settings.cache) in detail for detail in rows["detail"])


def test_a_bundle_with_sha256_names_is_refused(repository, lake, tmp_path):
    modern = replace(repository, path=tmp_path / "modern")
    modern.path.mkdir()
    modern.git("init", "-q", "-b", "main", "--object-format=sha256")
    modern.commit("First", a__py="a\n")
    modern.git("bundle", "create", "-q", str(tmp_path / "modern.bundle"), "--all")
    ingest(lake, tmp_path / "modern.bundle")
    ingest(lake, repository.path)
    assert reasons(lake) == {"sha256-repository"}


def test_a_bundle_whose_references_want_to_leave_their_folder_writes_nothing_outside(bundle, repository, lake, tmp_path):
    path = bundle()
    head = repository.git("rev-parse", "HEAD").encode()
    data = path.read_bytes()
    escape = b"%s refs/heads/../../../../../escape\n%s ../../../escape\n" % (head, head)
    path.write_bytes(data.replace(b"bundle\n", b"bundle\n" + escape, 1))
    ingest(lake, path)
    assert not list(tmp_path.rglob("escape*"))
    assert lake.scan("revision").collect().height == 0


def test_a_bundle_of_another_hash_than_was_asked_for_is_refused(bundle, lake):
    add_inputs(lake, [f"git:{bundle()} sha256:{'0' * 64}"], DAY)
    ingest_slice(lake, InlineEngine(), DAY, "git")
    assert reasons(lake) == {"wrong-hash"}
