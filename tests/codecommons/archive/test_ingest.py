# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

import gzip
import io
import shutil
import tarfile
import zipfile
from dataclasses import replace

import polars as pl
import pytest

from codecommons.archive import add_inputs, ingest_slice, slice_roots
from codecommons.archive.checks import Trees, files_accounted, wiped_out
from codecommons.archive.source import Outcome, Visit
from codecommons.engine import local_engine
from codecommons.engine.local import InlineEngine
from codecommons.errors import UsageError
from codecommons.lake import Lake
from codecommons.lake.news import NewsFile
from codecommons.report import StageReport
from codecommons.swhid import content_id

DAY, NEXT = "2026-01-31", "2026-02-01"


def ingest(lake, day=DAY, source="pypi", engine=None):
    return ingest_slice(lake, engine or InlineEngine(), day, source)


def quarantine(lake, day=DAY):
    """What was quarantined, but for what a folder of archives never says."""
    rows = lake.scan("quarantine").filter((pl.col("slice") == day) & (pl.col("reason") != "no-upload-time")).collect()
    return {row["item"].rpartition("/")[2]: (row["reason"], row["detail"]) for row in rows.to_dicts()}


def checks(report):
    return {check.name: check.passed for check in report.checks}


@pytest.fixture
def packages(index, sdist):
    """Three versions of two packages in the index, one file in common."""
    for name, version in (("one", "1.0"), ("one", "1.1"), ("two", "2.0")):
        files = {"main.py": f"VERSION = {version!r}\n".encode(), "common.py": b"def same():\n    return 1\n"}
        (index / f"{name}-{version}.tar.gz").write_bytes(sdist(name, version, files))
    return ["pypi:one==1.0", "pypi:one==1.1", "pypi:two==2.0"]


def bad_archives(tar):
    """Every kind of bad input the issue names, and a good one among them."""
    good = tar().file("p/good.py", b"print('good')\n").bytes()
    hole = tarfile.TarInfo("p/large.bin")
    hole.size = 200 << 20
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("../up.py", "x")
    return {
        "good.tar.gz": (good, None),
        "up.tar.gz": (tar().file("../up.py").bytes(), "unsafe-path"),
        "up.zip": (zipped.getvalue(), "unsafe-path"),
        "absolute.tar.gz": (tar().file("/etc/cron.d/x").bytes(), "unsafe-path"),
        "hard.tar.gz": (tar().special("p/x", tarfile.LNKTYPE, "../../etc/passwd").bytes(), "unsafe-path"),
        "through.tar.gz": (tar().special("p/l", tarfile.SYMTYPE, "/etc").file("p/l/x").bytes(), "path-conflict"),
        "link.tar.gz": (
            tar().file("p/a.py").special("p/out", tarfile.SYMTYPE, "../../../etc/passwd").bytes(),
            "link-leaves-tree",
        ),
        "device.tar.gz": (tar().special("p/null", tarfile.CHRTYPE).bytes(), "special-file"),
        "bomb.tar.gz": (tar().file("p/zeros", bytes(30 << 20)).bytes(), "bomb"),
        "truncated.tar.gz": (tar().file("p/a", bytes(range(256)) * 100).bytes()[:-200], "truncated"),
        "cut.tar": (gzip.decompress(good)[:400], "not-an-archive"),
        "empty.tar.gz": (tar().bytes(), "empty-archive"),
        "names.tar.gz": (tar().file(b"p/d\xe9j\xe0.py".decode("utf-8", "surrogateescape")).bytes(), "name-not-utf8"),
        "large.tar": (hole.tobuf() + bytes(512), "truncated"),
    }


def test_every_bad_archive_is_one_line_and_one_row_and_the_rest_goes_on(tar, lake, tmp_path):
    expected = {}
    for name, (data, reason) in bad_archives(tar).items():
        (tmp_path / name).write_bytes(data)
        if reason:
            expected[name] = reason
    add_inputs(lake, [f"path:{tmp_path / name}" for name in bad_archives(tar)], DAY)
    report = ingest(lake, source="path")
    found = quarantine(lake)
    assert {name: reason for name, (reason, _) in found.items()} == expected
    kept = set(lake.scan("quarantine").filter("kept").collect()["reason"])
    assert kept == {"link-leaves-tree", "name-not-utf8"}, "they are worth a remark, and nothing was left out"
    lines = [*report.details["quarantined"], *report.details["remarks"]]
    assert (len(lines), len(report.details["remarks"])) == (len(expected), len(kept))
    assert all("\n" not in line for line in lines)
    assert all(checks(report).values())
    assert report.conserved
    paths = set(lake.scan("tree_file").collect()["path"])
    assert {b"p/good.py", b"p/out", b"p/d\xe9j\xe0.py"} <= paths
    assert not any(path.startswith((b"/", b"..")) for path in paths)


def test_a_200_mb_file_is_a_skipped_content_with_all_its_hashes(lake, tmp_path):
    info = tarfile.TarInfo("p/large.bin")
    info.size = 200 << 20
    with (tmp_path / "large.tar").open("wb") as file:
        file.write(info.tobuf())
        file.truncate(512 + info.size + 1024)
    add_inputs(lake, [f"path:{tmp_path / 'large.tar'}"], DAY)
    report = ingest(lake, source="path")
    [row] = lake.scan("skipped_content").collect().to_dicts()
    assert row["sha1_git"].hex() == "10f1a0bf47fca0d7b287e96142ffbf7fdfedf059"
    assert (row["length"], row["reason"], row["status"]) == (info.size, "too-large", "absent")
    assert report.dropped["too-large"].bytes == info.size
    assert report.conserved
    assert quarantine(lake)["large.tar"][0] == "too-large"
    assert lake.scan("content").collect().height == 0


def test_missing_packages_wrong_hashes_and_broken_sdists_stop_no_other(packages, index, lake, tar):
    (index / "broken-1.0.tar.gz").write_bytes(b"<html>Not found</html>")
    wanted = [*packages, "pypi:nowhere==1.0", f"pypi:two==2.0.0 sha256:{'0' * 64}", "pypi:broken==1.0"]
    add_inputs(lake, wanted, DAY)
    report = ingest(lake)
    assert {item: reason for item, (reason, _) in quarantine(lake).items()} == {
        "nowhere==1.0": "missing-package",
        "two==2.0.0": "wrong-hash",
        "broken==1.0": "not-an-archive",
    }
    assert slice_roots(lake, DAY, "pypi")["origin"].to_list() == ["pkg:pypi/one", "pkg:pypi/one", "pkg:pypi/two"]
    assert report.details["items"] == {"failed": 3, "loaded": 3}
    assert all(checks(report).values())
    status = dict(lake.scan("origin_visit_status").select("origin", "status").collect().rows())
    assert status == {
        "pkg:pypi/one": "full",
        "pkg:pypi/two": "partial",
        "pkg:pypi/nowhere": "failed",
        "pkg:pypi/broken": "failed",
    }


def test_an_index_without_upload_times_gives_releases_without_date_and_says_so(packages, lake):
    add_inputs(lake, packages, DAY)
    for report in (ingest(lake), ingest(lake)):
        assert all(checks(report).values())
        assert (len(report.details["remarks"]), report.details["quarantined"]) == (3, [])
        line = "pypi:one==1.0: no-upload-time: the index doesn't say when one==1.0 was uploaded; its release has no date"
        assert line in report.details["remarks"]
    assert lake.scan("release").select("date", "date_offset").collect().rows() == [(None, None)] * 3
    assert lake.scan("quarantine").select("reason", "kept").collect().rows() == [("no-upload-time", True)] * 3


def test_a_bad_archive_leaves_nothing_in_the_lake(tar, lake, tmp_path):
    (tmp_path / "late.tar.gz").write_bytes(tar().file("p/innocent.py", b"x = 1\n").file("../late.py").bytes())
    add_inputs(lake, [f"path:{tmp_path / 'late.tar.gz'}"], DAY)
    ingest(lake, source="path")
    assert lake.scan("content").collect().height == 0
    assert lake.scan("directory").collect().height == 0


def test_rows_do_not_depend_on_workers_batches_or_order(packages, settings, tmp_path, assert_same_rows):
    lakes = []
    for at, (workers, batch, order) in enumerate(((0, 32 << 20, 1), (1, 1, -1), (2, 1 << 20, 1))):
        other = replace(settings, lake=str(tmp_path / f"lake-{at}"), workers=workers, batch_bytes=batch)
        lake = Lake.open(other)
        add_inputs(lake, packages[::order], DAY)
        ingest(lake, engine=local_engine(other))
        lakes.append(lake)
    assert_same_rows(lakes[0], lakes[1])
    assert_same_rows(lakes[0], lakes[2])


def test_loading_a_slice_again_computes_nothing_and_changes_nothing(packages, lake, rows_of):
    add_inputs(lake, packages, DAY)
    first = ingest(lake)
    before, versions = rows_of(lake), {name: lake.delta(name).version() for name in lake.tables()}
    assert (first.computed, first.reused) == (3, 0)
    add_inputs(lake, packages, DAY)
    second = ingest(lake)
    assert (second.computed, second.reused) == (0, 3)
    assert (second.rows_in, second.rows_kept) == (first.rows_in, first.rows_kept)
    assert second.seconds_saved > 0
    assert all(rows.equals(before[name]) for name, rows in rows_of(lake).items())
    changed = {name for name, version in versions.items() if lake.delta(name).version() != version}
    assert changed <= {"stage_report", "slice_log"}


def test_a_slice_keeps_what_was_ingested_before_when_more_is_added(packages, lake, settings, tmp_path, assert_same_rows):
    for package in packages:
        add_inputs(lake, [package], DAY)
        ingest(lake)
    ingest(lake)
    at_once = Lake.open(replace(settings, lake=str(tmp_path / "at-once")))
    add_inputs(at_once, packages, DAY)
    ingest(at_once)
    # Objects of the snapshots in between stay: they are true, and nothing points to them.
    assert_same_rows(lake, at_once, but=("snapshot", "snapshot_branch"))
    assert slice_roots(lake, DAY, "pypi").height == 3


def test_the_order_of_slices_does_not_matter(packages, lake, settings, tmp_path, assert_same_rows):
    add_inputs(lake, packages[:2], DAY)
    add_inputs(lake, packages[1:], NEXT)
    other = Lake.open(replace(settings, lake=str(tmp_path / "other")))
    add_inputs(other, packages[1:], NEXT)
    add_inputs(other, packages[:2], DAY)
    for day in (DAY, NEXT):
        ingest(lake, day)
    for day in (NEXT, DAY):
        ingest(other, day)
    assert_same_rows(lake, other)


def test_what_another_slice_brought_is_not_fetched_again(packages, index, lake, settings):
    add_inputs(lake, packages, DAY)
    ingest(lake)
    shutil.rmtree(index)
    shutil.rmtree(settings.cache)
    add_inputs(lake, packages, NEXT)
    report = ingest(lake, NEXT)
    assert (report.computed, report.reused, quarantine(lake, NEXT)) == (0, 3, {})
    assert slice_roots(lake, NEXT, "pypi")["root"].to_list() == slice_roots(lake, DAY, "pypi")["root"].to_list()


def test_an_item_that_fails_keeps_its_last_good_rows(packages, index, lake, settings):
    add_inputs(lake, packages, DAY)
    ingest(lake)
    before = slice_roots(lake, DAY, "pypi")
    shutil.rmtree(index)
    shutil.rmtree(settings.cache)
    # Another limit means loading again, which can't be done any more.
    stricter = Lake.open(replace(settings, max_content_bytes=50 << 20))
    report = ingest(stricter)
    assert report.details["items"] == {"kept": 3}
    assert slice_roots(lake, DAY, "pypi").equals(before)
    assert {reason for reason, _ in quarantine(lake).values()} == {"missing-package"}
    assert all(checks(report).values())


def test_without_npm_its_packages_wait_and_nothing_fails(lake, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    [row] = add_inputs(lake, [f"npm:left-pad@1.3.0 sha256:{'a' * 64}"], DAY)
    report = ingest(lake, source="npm")
    assert row.sha256 == "a" * 64
    assert quarantine(lake) == {"left-pad@1.3.0": ("npm-missing", report.details["quarantined"][0].partition("npm-missing: ")[2])}
    assert "install it" in report.details["quarantined"][0]
    assert all(checks(report).values())
    assert lake.log.passed_sources(DAY, "raw_archive_slice") == ["npm"]


def test_an_index_that_can_not_be_reached_is_no_success(lake, index, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple/")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    add_inputs(lake, ["pypi:one==1.0"], DAY)
    report = ingest(lake)
    assert checks(report)["no_empty_success"] is False
    assert "unreachable" in report.details["quarantined"][0]
    verdict = lake.log.verdict(DAY, "pypi", "raw_archive_slice")
    assert verdict["verdict"] == "failed"
    assert "codecommons ingest" in verdict["detail"]


def test_input_that_comes_while_a_slice_is_loaded_is_loaded_too(packages, lake):
    class Meanwhile(InlineEngine):
        done = False

        def map(self, function, tasks, name=str):
            if not self.done:
                self.done = True
                add_inputs(lake, packages[2:], DAY)
            return super().map(function, tasks, name)

    add_inputs(lake, packages[:2], DAY)
    ingest(lake, engine=Meanwhile())
    assert slice_roots(lake, DAY, "pypi").height == 3


def test_every_committed_content_hashes_to_its_name(packages, lake):
    add_inputs(lake, packages, DAY)
    ingest(lake)
    ids = lake.scan("content").select("sha1_git", "length").collect()
    found = [row for batch in lake.contents(ids) for row in batch.to_pylist()]
    assert len(found) == ids.height
    assert all(content_id(row["data"]) == row["sha1_git"] for row in found)


def test_a_content_with_other_bytes_turns_the_identity_check_red(packages, lake, monkeypatch):
    add_inputs(lake, packages, DAY)
    honest = Lake.contents

    def tampered(self, ids, batch_bytes=None):
        for batch in honest(self, ids, batch_bytes):
            yield batch.set_column(1, "data", pl.Series([b"other"] * batch.num_rows).to_arrow().cast("binary"))

    monkeypatch.setattr(Lake, "contents", tampered)
    report = ingest(lake)
    assert checks(report)["identity"] is False
    assert lake.log.verdict(DAY, "pypi", "raw_archive_slice")["failing_check"] == "identity"
    assert slice_roots(lake, DAY, "pypi").height == 0


def test_a_directory_with_other_entries_turns_the_identity_check_red(packages, lake):
    add_inputs(lake, packages, DAY)
    assert checks(ingest(lake))["identity"]
    lake.delta("directory_entry").delete("type = 'dir'")
    report = ingest(lake)
    assert not checks(report)["identity"]
    assert "swh:1:dir:" in next(check.description for check in report.checks if check.name == "identity")


def test_an_origin_that_showed_something_and_shows_nothing_now_turns_a_check_red(packages, lake):
    add_inputs(lake, packages, DAY)
    ingest(lake)
    shown = lake.scan("origin_visit_status").collect()
    visits = [Visit(row["origin"], None, row["status"], snapshot=row["snapshot"]) for row in shown.to_dicts()]
    report = StageReport("raw_archive_slice", DAY, "pypi")
    assert wiped_out(lake, report, visits).passed
    red = wiped_out(lake, report, visits[1:])
    assert not red.passed
    assert f"1 origins showed something before and show nothing now, such as {visits[0].origin}" in red.description
    assert not wiped_out(lake, report, [replace(visits[0], snapshot=None), *visits[1:]]).passed


def test_an_unknown_source_is_a_usage_error(lake):
    with pytest.raises(UsageError, match="there is no source 'cran'"):
        ingest(lake, source="cran")


def test_checks_find_the_same_however_many_files_they_look_up_at_once(packages, lake, monkeypatch):
    add_inputs(lake, packages, DAY)
    ingest(lake)
    roots = slice_roots(lake, DAY, "pypi").select("origin", "anchor", "root").unique().sort("root")
    gone = lake.delta("content_data")
    gone.delete("bucket = 0")
    whole = Trees.listed(lake, roots)
    assert whole.lost.height
    monkeypatch.setattr("codecommons.archive.checks._FILES_AT_ONCE", 1)
    cut = Trees.listed(lake, roots)
    assert all(getattr(cut, name).equals(getattr(whole, name)) for name in ("roots", "files", "lost", "sample"))
    assert not checks(ingest(lake))["row_conservation"]


def test_files_that_do_not_add_up_turn_a_check_red(lake):
    def row_conservation(report, *items, news=()):
        nothing = Trees.of(lake, lake.scan("origin_visit_status").collect(), [])
        return files_accounted(lake, report, Outcome(list(items), [], [], news=list(news)), nothing)

    assert row_conservation(StageReport("raw_archive_slice", DAY, "pypi", rows_in=1, rows_kept=1)).passed
    lost = row_conservation(StageReport("raw_archive_slice", DAY, "pypi", rows_in=2, bytes_in=9, rows_kept=1, bytes_kept=9))
    assert not lost.passed
    assert "2 files came in, but kept and dropped ones add up to another number" in lost.description
    records = StageReport("raw_archive_slice", DAY, "osv", rows_in=2, rows_kept=2, details={"unit": "records"})
    assert row_conservation(records, news=[NewsFile("osv_record", "a", "a.parquet", 2)]).passed
    assert (
        "2 records were read, but 1 were written"
        in row_conservation(records, news=[NewsFile("osv_record", "a", "a.parquet", 1)]).description
    )


def test_a_file_that_the_committed_tree_does_not_list_turns_a_check_red(packages, lake):
    add_inputs(lake, packages, DAY)
    assert checks(ingest(lake))["row_conservation"]
    lake.delta("tree_file").delete("perms = 33188")
    report = ingest(lake)
    assert not checks(report)["row_conservation"]
    assert "files were read, but the committed trees list 0" in next(
        check.description for check in report.checks if check.name == "row_conservation"
    )
