# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

import http.server
import io
import os
import shutil
import subprocess
import tarfile
import threading
from dataclasses import replace
from functools import partial

import polars as pl
import pytest

from codecommons.archive import add_inputs, ingest_slice, slice_roots
from codecommons.engine import local_engine
from codecommons.engine.local import InlineEngine
from codecommons.errors import UsageError
from codecommons.lake import Lake
from codecommons.swhid import git

DAY, NEXT = "2026-01-31", "2026-02-01"
_TABLES = {"blob": ("content", "sha1_git"), "tree": ("directory", "id"), "commit": ("revision", "id"), "tag": ("release", "id")}


def ingest(lake, path, day=DAY, engine=None):
    add_inputs(lake, [f"git:{path}"], day)
    return ingest_slice(lake, engine or InlineEngine(), day, "git")


def checks(report):
    return {check.name: check.passed for check in report.checks}


def reasons(lake):
    return set(lake.scan("quarantine").collect()["reason"])


def objects_of(lake):
    return {
        kind: {identifier.hex() for identifier in lake.scan(table).collect()[column]} for kind, (table, column) in _TABLES.items()
    }


def objects_in(repository):
    listed = repository.git("rev-list", "--objects", "--all", "--no-object-names")
    kinds = repository.git("cat-file", "--batch-check", stdin=listed.encode() + b"\n").splitlines()
    found = {kind: set() for kind in _TABLES}
    for line in kinds:
        identifier, kind, _ = line.split()
        found[kind].add(identifier)
    return found


def test_the_lake_holds_exactly_the_objects_that_git_lists(repository, lake):
    repository.git("tag", "-a", "v1", "-m", "Version one")
    repository.git("tag", "light")
    repository.git("checkout", "-q", "-b", "other")
    (repository.path / "sub").mkdir()
    repository.commit("Other", **{"sub/x__py": "x = 1\n"})
    repository.git("checkout", "-q", "main")
    repository.commit("Mäin", more__py="print(2)\n")
    repository.git("merge", "-q", "--no-ff", "-m", "Merge", "other")
    report = ingest(lake, repository.path)
    assert objects_of(lake) == objects_in(repository)
    assert all(checks(report).values())
    for table in ("content", "directory", "revision", "release", "snapshot"):
        assert set(lake.scan(table).collect()["verified"]) == {"yes"}
    [root] = slice_roots(lake, DAY, "git").to_dicts()
    assert root["anchor"] == f"swh:1:rev:{repository.git('rev-parse', 'HEAD')}"
    assert root["root"].hex() == repository.git("rev-parse", "HEAD^{tree}")
    listed = repository.git("ls-tree", "-r", "--name-only", "HEAD").splitlines()
    assert sorted(path.decode() for path in lake.scan("tree_file").collect()["path"]) == sorted(listed)


def test_the_snapshot_of_the_loader_fixture_is_software_heritages(oracle, lake, tmp_path):
    with tarfile.open(fileobj=io.BytesIO(oracle("swh-loader-git==3.4.0", "/testrepo.tgz"))) as archive:
        archive.extractall(tmp_path)
    report = ingest(lake, tmp_path / "testrepo")
    [snapshot] = lake.scan("snapshot").collect()["id"]
    assert snapshot.hex() == "a23699280a82a043f8c0994cf1631b568f716f95"
    assert lake.scan("snapshot_branch").collect().height == 6
    assert (lake.scan("revision").collect().height, lake.scan("directory").collect().height) == (7, 7)
    assert all(checks(report).values())


def test_a_second_visit_reads_only_what_is_new(repository, lake, current_files):
    first = ingest(lake, repository.path)
    assert first.details["objects_read"] == {"blob": 2, "commit": 1, "tree": 1}
    repository.commit("Second", more__py="print(2)\n")
    second = ingest(lake, repository.path, NEXT)
    assert second.details["objects_read"] == {"blob": 1, "commit": 1, "tree": 1}
    assert objects_of(lake) == objects_in(repository)
    third = ingest(lake, repository.path, "2026-02-02")
    assert (third.computed, third.reused, third.details["objects_read"]) == (0, 1, {})
    assert current_files(lake, DAY).height == 2
    assert current_files(lake, NEXT).height == 3


def test_a_fork_brings_only_what_it_adds(repository, lake, tmp_path):
    ingest(lake, repository.path)
    subprocess.run(["git", "clone", "-q", repository.path, tmp_path / "fork"], check=True)
    fork = replace(repository, path=tmp_path / "fork")
    fork.commit("Fork", fork__py="print(3)\n")
    assert ingest(lake, fork.path).details["objects_read"] == {"blob": 1, "commit": 1, "tree": 1}


def test_loading_a_slice_again_never_reads_todays_references(repository, settings, tmp_path, assert_same_rows):
    lake = Lake.open(settings)
    add_inputs(lake, [f"git:{repository.path}"], DAY)
    recorded = lake.log.inputs(DAY, "git")
    ingest_slice(lake, InlineEngine(), DAY, "git")
    repository.commit("Later", later__py="print(4)\n")
    other = Lake.open(replace(settings, lake=str(tmp_path / "other")))
    other.log.add_input(recorded)
    ingest_slice(other, InlineEngine(), DAY, "git")
    assert_same_rows(lake, other)


def test_a_repository_that_changed_is_another_state_of_the_same_day(repository, lake, current_files):
    ingest(lake, repository.path)
    repository.commit("Second", more__py="print(2)\n")
    report = ingest(lake, repository.path)
    assert [row.item for row in lake.log.inputs(DAY, "git")] == [str(repository.path), f"{repository.path}#2"]
    assert report.details["items"] == {"loaded": 1, "reused": 1}
    visits = lake.scan("origin_visit").collect()
    assert visits["origin"].unique().to_list() == [repository.path.as_uri()]
    assert visits["visit"].n_unique() == 2
    assert current_files(lake, DAY).height == 3
    ingest(lake, repository.path)
    assert len(lake.log.inputs(DAY, "git")) == 2


def test_rows_do_not_depend_on_workers_or_batches(repository, settings, tmp_path, assert_same_rows):
    for number in range(30):
        repository.commit(f"Commit {number}", **{f"file{number}__py": f"print({number})\n" * 50})
    lakes = []
    for at, (workers, batch) in enumerate(((0, 32 << 20), (2, 1000))):
        other = replace(settings, lake=str(tmp_path / f"lake-{at}"), workers=workers, batch_bytes=batch)
        lakes.append(Lake.open(other))
        ingest(lakes[-1], repository.path, engine=local_engine(other))
    assert_same_rows(*lakes)


def test_persons_are_hashes_everywhere_but_in_their_own_table(repository, lake, rows_of):
    ingest(lake, repository.path)
    name = b"Ada <ada@example.org>"
    assert lake.scan("person").collect()["fullname"].to_list() == [name]
    for table, rows in rows_of(lake).items():
        if table != "person":
            assert not any(name in value for row in rows.rows() for value in row if isinstance(value, bytes)), table


def test_objects_that_are_missing_make_a_partial_visit(oracle, lake, tmp_path):
    fixture = oracle("swh-loader-git==3.4.0", "/repo_with_missing_objects.tgz")
    with tarfile.open(fileobj=io.BytesIO(fixture)) as archive:
        archive.extractall(tmp_path)
    report = ingest(lake, tmp_path / "repo_with_missing_objects")
    assert lake.scan("origin_visit_status").collect()["status"].to_list() == ["partial"]
    assert (lake.scan("revision").collect().height, lake.scan("directory").collect().height) == (13, 3)
    assert "missing-objects" in reasons(lake)
    assert all(checks(report).values())


def test_a_missing_content_is_a_skipped_content_and_the_visit_is_full(repository, lake):
    lost = repository.git("rev-parse", "HEAD:main.py")
    (repository.path / ".git" / "objects" / lost[:2] / lost[2:]).unlink()
    report = ingest(lake, repository.path)
    [row] = lake.scan("skipped_content").collect().to_dicts()
    assert (row["sha1_git"].hex(), row["reason"], row["length"]) == (lost, "missing-upstream", None)
    assert lake.scan("origin_visit_status").collect()["status"].to_list() == ["full"]
    assert report.dropped["missing-upstream"].rows == 1
    assert all(checks(report).values())


def test_a_broken_clone_of_what_the_lake_has_whole_is_counted_right(repository, lake, tmp_path):
    (repository.path / "sub").mkdir()
    repository.commit("Second", **{"sub/x__py": "x = 1\n"})
    ingest(lake, repository.path)
    subprocess.run(["git", "clone", "-q", repository.path, tmp_path / "broken"], check=True)
    broken = replace(repository, path=tmp_path / "broken")
    broken.commit("Third")
    lost = broken.git("rev-parse", "HEAD:sub")
    (broken.path / ".git" / "objects" / lost[:2] / lost[2:]).unlink()
    report = ingest(lake, broken.path)
    assert all(checks(report).values())
    assert report.rows_kept == 3


def test_a_clone_that_lost_a_content_is_full_whoever_came_first(repository, settings, tmp_path):
    subprocess.run(["git", "clone", "-q", repository.path, tmp_path / "lossy"], check=True)
    lossy = replace(repository, path=tmp_path / "lossy")
    lossy.git("repack", "-adq")
    lost = lossy.git("rev-parse", "HEAD:main.py")
    everything = lossy.git("rev-list", "--objects", "--all", "--no-object-names").split()
    packs = list((lossy.path / ".git" / "objects" / "pack").iterdir())
    kept = "\n".join(one for one in everything if one != lost) + "\n"
    lossy.git("pack-objects", "-q", str(lossy.path / ".git" / "objects" / "pack" / "pack"), stdin=kept.encode())
    for pack in packs:
        pack.unlink()
    for at, order in enumerate(([repository, lossy], [lossy, repository])):
        lake = Lake.open(replace(settings, lake=str(tmp_path / f"lake-{at}")))
        for one in order:
            ingest(lake, one.path)
        assert set(lake.scan("origin_visit_status").collect()["status"]) == {"full"}
        assert reasons(lake) == {"missing-upstream"}
        assert lake.scan("skipped_content").collect().height == 0, "somebody has it, so nobody lacks it"
        with lake.sql() as connection:
            assert connection.sql("select count(*) from lake.skipped_content").fetchall() == [(0,)]
    alone = Lake.open(replace(settings, lake=str(tmp_path / "alone")))
    ingest(alone, lossy.path)
    assert alone.scan("skipped_content").collect()["sha1_git"].to_list() == [bytes.fromhex(lost)]


def test_submodules_stay_entries_and_are_no_files(repository, lake):
    target = "1" * 40
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{target},vendor")
    repository.git("commit", "-q", "-m", "Add a submodule")
    report = ingest(lake, repository.path)
    entry = lake.scan("directory_entry").filter(pl.col("type") == "rev").collect().to_dicts()
    assert [(row["name"], row["target"].hex(), row["perms"]) for row in entry] == [(b"vendor", target, 0o160000)]
    assert sorted(lake.scan("tree_file").collect()["path"]) == [b"main.py", b"readme.md"]
    assert all(checks(report).values())


def test_nothing_of_the_repository_is_run(repository, lake, tmp_path):
    witness = tmp_path / "witness"
    for hook in ("post-checkout", "reference-transaction", "pre-auto-gc", "fsmonitor-watchman"):
        script = repository.path / ".git" / "hooks" / hook
        script.write_text(f"#!/bin/sh\ntouch {witness}\n")
        script.chmod(0o755)
    (repository.path / ".gitattributes").write_text("* filter=evil diff=evil\n")
    repository.git("config", "core.fsmonitor", f"touch {witness}")
    for key in ("filter.evil.smudge", "filter.evil.process", "diff.evil.textconv", "core.alternateRefsCommand"):
        repository.git("config", key, f"touch {witness}")
    repository.git("config", "remote.origin.url", f"ext::touch {witness}")
    repository.git("config", "remote.origin.promisor", "true")
    witness.unlink(missing_ok=True)
    ingest(lake, repository.path)
    assert not witness.exists()


def test_odd_objects_are_kept_byte_for_byte(repository, lake):
    tree = repository.git("rev-parse", "HEAD^{tree}")
    odd = (
        f"tree {tree}\nauthor A <a> 1 -0000\ncommitter A  <a> 99999999999 --700\nencoding latin-1\ngpgsig x\n y\n\nm\xe9".encode(
            "latin-1"
        )
    )
    commit = repository.git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", stdin=odd)
    blob = repository.git("rev-parse", "HEAD:main.py")
    padded = b"0100644 a\0" + bytes.fromhex(blob)
    directory = repository.git("hash-object", "-t", "tree", "-w", "--stdin", "--literally", stdin=padded)
    repository.git("update-ref", "refs/heads/odd", commit)
    repository.git("update-ref", "refs/tags/tree", directory)
    report = ingest(lake, repository.path)
    assert commit in objects_of(lake)["commit"]
    row = lake.scan("directory").filter(pl.col("id") == bytes.fromhex(directory)).collect().to_dicts()[0]
    assert row["raw_manifest"] == b"tree %d\0" % len(padded) + padded
    headers = lake.scan("revision_extra_headers").collect().sort("rank")
    assert headers["key"].to_list() == [b"encoding", b"gpgsig"]
    assert all(checks(report).values())


def test_a_detached_head_an_empty_and_a_sha256_repository(repository, lake, tmp_path):
    repository.git("checkout", "-q", "--detach")
    ingest(lake, repository.path)
    assert slice_roots(lake, DAY, "git").height == 1
    empty = replace(repository, path=tmp_path / "empty")
    empty.path.mkdir()
    empty.git("init", "-q")
    modern = replace(repository, path=tmp_path / "modern")
    modern.path.mkdir()
    modern.git("init", "-q", "--object-format=sha256")
    modern.commit("First", a__py="a\n")
    ingest(lake, empty.path)
    ingest(lake, modern.path)
    assert reasons(lake) == {"empty-repository", "sha256-repository"}
    assert slice_roots(lake, DAY, "git").height == 1
    empty.commit("Not empty any more", a__py="a\n")
    ingest(lake, empty.path)
    assert reasons(lake) == {"sha256-repository"}
    assert slice_roots(lake, DAY, "git").height == 2


def test_a_shallow_clone_is_partial(repository, lake, tmp_path):
    repository.commit("Second", more__py="print(2)\n")
    subprocess.run(["git", "clone", "-q", "--depth=1", repository.path.as_uri(), tmp_path / "shallow"], check=True)
    ingest(lake, tmp_path / "shallow")
    assert lake.scan("origin_visit_status").collect()["status"].to_list() == ["partial"]
    assert reasons(lake) == {"shallow-repository"}
    assert slice_roots(lake, DAY, "git").height == 1
    subprocess.run(["git", "-C", tmp_path / "shallow", "fetch", "-q", "--unshallow"], check=True)
    ingest_slice(lake, InlineEngine(), DAY, "git")
    assert reasons(lake) == {"shallow-repository"}, "that visit did not see the rest"
    ingest(lake, tmp_path / "shallow")
    assert lake.scan("origin_visit_status").sort("visit").collect()["status"].to_list() == ["partial", "full"]
    ingest_slice(lake, InlineEngine(), DAY, "git")
    assert lake.scan("origin_visit_status").sort("visit").collect()["status"].to_list() == ["partial", "full"]


def test_a_repository_behind_a_url_is_mirrored_and_brought_up_to_date(repository, lake, settings):
    url = repository.path.as_uri()
    ingest(lake, url)
    assert len(list((settings.cache / "git").iterdir())) == 1
    assert not [*settings.home.rglob("main.py"), *settings.home.rglob("readme.md")], "no work tree is checked out"
    repository.commit("Second", more__py="print(2)\n")
    report = ingest(lake, url, NEXT)
    assert report.details["objects_read"] == {"blob": 1, "commit": 1, "tree": 1}
    assert lake.scan("origin").collect()["url"].to_list() == [url]


def test_a_repository_behind_http_is_the_one_that_is_served(repository, lake, tmp_path, settings):
    def publish():
        subprocess.run(["git", "clone", "-q", "--bare", repository.path, tmp_path / "www" / "x.git"], check=True)
        subprocess.run(["git", "-C", tmp_path / "www" / "x.git", "update-server-info"], check=True)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    repository.git("tag", "-a", "v1", "-m", "Version one")
    publish()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path / "www")) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/x.git"
        first = ingest(lake, url)
        assert all(checks(first).values())
        assert objects_of(lake) == objects_in(repository)
        assert lake.scan("origin").collect()["url"].to_list() == [url]
        again = ingest(lake, url, NEXT)
        assert (again.details["objects_read"], again.details["committed"]) == ({}, {}), "HEAD is still an alias of its branch"
        repository.commit("Second", more__py="print(2)\n")
        shutil.rmtree(tmp_path / "www" / "x.git")
        publish()
        assert ingest(lake, url, "2026-02-02").details["objects_read"] == {"blob": 1, "commit": 1, "tree": 1}
        server.shutdown()
    local = Lake.open(replace(settings, lake=str(tmp_path / "local")))
    ingest(local, repository.path)
    newest = lake.scan("origin_visit_status").collect().sort("date")["snapshot"][-1]
    assert newest == local.scan("snapshot").collect()["id"][0]


@pytest.mark.parametrize(("count", "others"), [(1, ""), (2, " and one other item"), (3, " and 2 other items")])
def test_a_slice_of_which_nothing_could_be_asked_says_how_much_that_is(lake, tmp_path, count, others):
    urls = [(tmp_path / f"gone-{number}").as_uri() for number in range(count)]
    add_inputs(lake, [f"git:{url}" for url in urls], DAY)
    [red] = [check for check in ingest_slice(lake, InlineEngine(), DAY, "git").checks if not check.passed]
    assert f"nothing came in, as {urls[0]}{others} can't be read: " in red.description


def test_a_url_that_can_not_be_reached_is_quarantined_and_superseded_when_it_can(repository, lake, tmp_path):
    url = (tmp_path / "later").as_uri()
    ingest(lake, url)
    assert reasons(lake) == set()  # the slice has failed, as nothing came in and nobody could be asked
    assert lake.log.verdict(DAY, "git", "raw_archive_slice")["failing_check"] == "no_empty_success"
    repository.path.rename(tmp_path / "later")
    report = ingest(lake, url)
    assert report.details["items"] == {"loaded": 1}
    assert slice_roots(lake, DAY, "git").height == 1


def test_a_repository_that_vanished_keeps_its_last_good_rows(repository, lake, settings, tmp_path):
    ingest(lake, repository.path)
    repository.path.rename(tmp_path / "gone")
    stricter = Lake.open(replace(settings, max_content_bytes=50 << 20))
    report = ingest_slice(stricter, InlineEngine(), DAY, "git")
    assert report.details["items"] == {"kept": 1}
    assert reasons(lake) == {"missing-repository"}
    assert slice_roots(lake, DAY, "git").height == 1


def test_what_is_no_repository_is_a_usage_error(lake, tmp_path):
    with pytest.raises(UsageError, match="is not a git repository"):
        add_inputs(lake, [f"git:{tmp_path}"], DAY)


def test_git_itself_is_asked_without_the_users_environment(monkeypatch):
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    assert "GIT_DIR" not in git.environment()
    assert os.environ["GIT_DIR"] == "/elsewhere"
