# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What is followed becomes input once, whatever happens in between."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys

import polars as pl
import pytest

from codecommons import archive, listing
from codecommons.engine import local_engine
from codecommons.errors import LakeError, UsageError
from codecommons.lake import SliceInput
from codecommons.listing import store
from codecommons.listing.lister import listers

NOW = dt.datetime.now(dt.UTC)
# A test that runs over midnight is of the day on which it began.
TODAY = NOW.date().isoformat()
YESTERDAY = (dt.date.fromisoformat(TODAY) - dt.timedelta(days=1)).isoformat()

# A forge as a plug-in: what it has is in a file, one line a page: item|last update|day, separated by blanks.
FORGE = """
import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from codecommons import strict
from codecommons.listing import Listed, Lister, ListingError, Options, Page

@dataclass(frozen=True, kw_only=True)
class ForgeOptions(Options):
    file: str = strict.rule(strict.text)

class Forge(Lister):
    options = ForgeOptions
    dated = True
    def pages(self, options, cursor, context):
        for at, line in enumerate(Path(options.file).read_text().splitlines()):
            if at < cursor.get("line", 0):
                continue
            if line == "BROKEN":
                raise ListingError("the forge is on fire")
            if line == "SURPRISE":
                raise KeyError("sun")
            entries = []
            for word in line.split():
                item, update, due = (word + "||").split("|")[:3]
                moment = dt.datetime.fromisoformat(update).replace(tzinfo=dt.UTC) if update else None
                entries.append(Listed(item, moment, due or None, own=True))
            yield Page(tuple(entries), {"line": at + 1} if cursor.get("keeps") else {})

LISTER = Forge()
"""


@pytest.fixture
def forge(settings, tmp_path, monkeypatch):
    """Says what the forge has, and how it is followed."""
    (tmp_path / "plug" / "listers").mkdir(parents=True)
    (tmp_path / "plug" / "listers" / "forge.py").write_text(FORGE)
    monkeypatch.delitem(sys.modules, "codecommons.listing.listers.forge", raising=False)
    object.__setattr__(settings, "plugins", (tmp_path / "plug",))
    settings.home.mkdir(exist_ok=True)

    def has(*lines, **options):
        (tmp_path / "forge").write_text("".join(f"{line}\n" for line in lines))
        said = "".join(f"  {name}: {value}\n" for name, value in options.items())
        (settings.home / "sources.yaml").write_text(f"mine:\n  lister: forge\n  file: {tmp_path / 'forge'}\n{said}")

    return has


@pytest.fixture
def repository(tmp_path):
    def made(name):
        path = tmp_path / name
        subprocess.run(["git", "init", "-q", "-b", "main", str(path)], check=True)
        commit(path, "one")
        return path

    return made


def commit(path, text):
    (path / "readme").write_text(text)
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "-C", str(path), "add", "-A"], check=True)
    subprocess.run(["git", "-C", str(path), *who, "commit", "-qm", text], check=True)


def follow(*arguments, **named):
    return listing.follow(*arguments, now=NOW, **named)


def only(reports):
    [report] = reports
    return report


def inputs(lake, day=TODAY):
    return [f"{source}:{row.item}" for source in lake.log.sources(day) for row in lake.log.inputs(day, source)]


def listed(lake):
    """Rows by item, and how many say a slice."""
    rows = lake.scan("listed_origin").collect()
    return sorted(rows.select("item", "slice").rows(), key=str)


def as_if_yesterday(lake):
    """Move everything that was listed and recorded today a day back."""
    for table in ("listed_origin", "slice_input", "cursor"):
        frame = lake.scan(table).collect()
        days = [name for name in ("day", "slice") if name in frame.columns]
        moved = frame.with_columns(
            pl.when(pl.col(name) == TODAY).then(pl.lit(YESTERDAY)).otherwise(pl.col(name)).alias(name) for name in days
        )
        if "completed" in frame.columns:
            moved = moved.with_columns(pl.col("completed") - pl.duration(days=1))
        lake.delta(table)  # fails early when the table is gone
        from deltalake import write_deltalake

        write_deltalake(lake.storage.uri(table), moved.to_arrow(), mode="overwrite")


def test_what_is_new_becomes_input_of_the_day_and_of_no_other(lake, forge, index_of):
    index_of("a==1", "a==2", "b==1")
    forge("pypi:a==1 pypi:a==2", f"pypi:b==1||{YESTERDAY}")
    report = only(follow(lake, TODAY))
    assert (report.listed, report.new, report.taken, report.waiting, report.error) == (3, 3, {TODAY: 2, YESTERDAY: 1}, 0, None)
    assert inputs(lake) == ["pypi:a==1", "pypi:a==2"]
    assert inputs(lake, YESTERDAY) == ["pypi:b==1"]
    again = only(follow(lake, TODAY))
    assert (again.listed, again.new, again.taken) == (3, 0, {})
    with lake.sql() as connection:
        rows = connection.execute("select url, visit_type, items, taken, last_slice from listed_origin order by url").fetchall()
    assert rows == [("pkg:pypi/a", "pypi", 2, 2, TODAY), ("pkg:pypi/b", "pypi", 1, 1, YESTERDAY)]


@pytest.fixture
def index_of(index):
    """Makes archives that are all pip knows of."""
    import io
    import tarfile

    def make(*items):
        for item in items:
            name, _, version = item.partition("==")
            data = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
            with tarfile.open(index / f"{name}-{version}.tar.gz", "w:gz") as tar:
                info = tarfile.TarInfo(f"{name}-{version}/PKG-INFO")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))

    return make


def test_a_limit_cuts_the_day_and_the_next_day_goes_on_from_there(lake, forge, index_of):
    names = [f"p{number}==1" for number in range(5)]
    index_of(*names)
    forge(" ".join(f"pypi:{name}" for name in names), max_items=2)
    taken = []
    for waiting in (3, 1, 0):
        report = only(follow(lake, TODAY))
        assert (sum(report.taken.values()), report.waiting) == (len(inputs(lake)), waiting)
        assert only(follow(lake, TODAY)).taken == {}, "a second run of the day takes no more"
        assert listing.due(lake, NOW) == []
        taken += inputs(lake)
        as_if_yesterday(lake)
        assert listing.due(lake, NOW) == ["mine"]
        # What was recorded stays recorded: only the days move.
        assert inputs(lake) == []
    assert sorted(taken) == [f"pypi:{name}" for name in names]


def test_a_listing_that_breaks_keeps_what_came_before_and_stops_no_other(lake, forge, index_of, tmp_path):
    index_of("a==1", "b==1", "c==1")
    forge("pypi:a==1", "BROKEN", "pypi:b==1")
    (tmp_path / "list").write_text("pypi:c==1\n")
    with (lake.settings.home / "sources.yaml").open("a") as file:
        file.write(f"other: {{lister: urls, list: {tmp_path / 'list'}}}\n")
    mine, other = follow(lake, TODAY)
    assert (mine.error, mine.taken) == ("the forge is on fire", {TODAY: 1})
    assert (other.error, other.taken) == (None, {TODAY: 1})
    assert listing.due(lake, NOW) == ["mine"]
    forge("pypi:a==1", "pypi:b==1")
    assert only(follow(lake, TODAY)).taken == {TODAY: 1}
    assert inputs(lake) == ["pypi:a==1", "pypi:b==1", "pypi:c==1"]


def test_a_lister_that_surprises_stops_no_other(lake, forge, index_of, tmp_path):
    index_of("a==1", "c==1")
    forge("pypi:a==1", "SURPRISE")
    (tmp_path / "list").write_text("pypi:c==1\n")
    with (lake.settings.home / "sources.yaml").open("a") as file:
        file.write(f"other: {{lister: urls, list: {tmp_path / 'list'}}}\n")
    mine, other = follow(lake, TODAY)
    assert (mine.error or "").startswith("KeyError: 'sun'; this is a defect")
    assert (mine.taken, other.error, other.taken) == ({TODAY: 1}, None, {TODAY: 1})


def test_pages_over_the_limit_are_listed_by_the_next_listing(lake, settings, forge, server, answer):
    base = "/api/v1/repos/search?limit=50&page={}&sort=updated&order=desc&private=false"
    for page in (1, 2, 3):
        link = {"Link": f'<{server.url}{base.format(page + 1)}>; rel="next"'} if page < 3 else {}
        body = f'[{{"clone_url": "{server.url}/{page}.git", "updated_at": "2026-01-0{page}T00:00:00Z"}}]'
        server.put(base.format(page), answer(body.encode(), headers=link))
    (settings.home / "sources.yaml").write_text(f"forge: {{lister: gitea, url: '{server.url}', max_pages: 2}}\n")
    first = only(follow(lake, TODAY))
    assert (first.listed, first.new, "2 pages" in (first.error or "")) == (2, 2, True)
    assert listing.due(lake, NOW) == ["forge"]
    second = only(follow(lake, TODAY))
    assert (second.listed, second.new, second.error) == (1, 1, None)
    assert listing.due(lake, NOW) == []


class KilledError(BaseException):
    pass


@pytest.mark.parametrize(
    ("at", "after"), [("add_listed", False), ("add_listed", True), ("move", True), ("add_inputs", True), ("add_taken", True)]
)
def test_a_process_that_dies_anywhere_loses_nothing_and_doubles_nothing(
    lake, forge, index_of, repository, monkeypatch, at, after
):
    index_of("a==1", "a==2")
    git = repository("repository")
    forge(f"pypi:a==1 git:{git}|2026-01-01", "pypi:a==2")
    module = archive if at == "add_inputs" else store
    real, times = getattr(module, at), iter([True])

    def dying(*arguments, **named):
        first = next(times, False)
        if first and not after:
            raise KilledError
        result = real(*arguments, **named)
        if first:
            raise KilledError
        return result

    monkeypatch.setattr(module, at, dying)
    with pytest.raises(KilledError):
        follow(lake, TODAY)
    follow(lake, TODAY)
    assert inputs(lake) == [f"git:{git}", "pypi:a==1", "pypi:a==2"]
    assert listed(lake) == [
        (str(git), TODAY), (str(git), None), ("a==1", TODAY), ("a==1", None), ("a==2", TODAY), ("a==2", None)
    ]  # fmt: skip
    assert only(follow(lake, TODAY)).taken == {}


def test_a_version_that_was_recorded_before_a_crash_is_not_recorded_again_the_next_day(lake, forge, index_of, monkeypatch):
    index_of("a==1", "b==1")
    forge("pypi:a==1 pypi:b==1")
    real = store.add_taken

    def dying(*arguments):
        monkeypatch.setattr(store, "add_taken", real)
        raise KilledError

    monkeypatch.setattr(store, "add_taken", dying)
    with pytest.raises(KilledError):
        follow(lake, TODAY)
    as_if_yesterday(lake)
    assert only(follow(lake, TODAY)).taken == {}
    assert inputs(lake) == []


def test_two_processes_that_follow_the_same_do_not_both_go_on(lake, forge, index_of, monkeypatch):
    index_of("a==1")
    forge("pypi:a==1")
    real = store.add_listed

    def slow(*arguments):
        found = real(*arguments)
        monkeypatch.setattr(store, "add_listed", real)
        assert only(follow(lake, TODAY)).error is None
        return found

    monkeypatch.setattr(store, "add_listed", slow)
    assert "followed by another process" in only(follow(lake, TODAY)).error
    assert inputs(lake) == ["pypi:a==1"]
    assert len([row for row in listed(lake) if row[1] is None]) == 1


def test_a_repository_is_visited_again_when_it_has_moved_and_not_before(lake, forge, repository):
    path = repository("repository")
    forge(f"git:{path}|2026-01-01")
    assert only(follow(lake, TODAY)).taken == {TODAY: 1}
    as_if_yesterday(lake)
    assert only(follow(lake, TODAY)).taken == {}, "it has not moved"
    commit(path, "two")
    forge(f"git:{path}|2026-01-02")
    assert only(follow(lake, TODAY)).taken == {TODAY: 1}
    assert inputs(lake) == [f"git:{path}"]
    with lake.sql() as connection:
        rows = connection.execute("select lister, instance, url, visit_type, last_update from listed_origin").fetchall()
    assert rows == [("forge", "mine", path.as_uri(), "git", dt.datetime(2026, 1, 2))]


def test_a_visit_that_finds_nothing_new_costs_one_row(lake, settings, repository):
    path = repository("mirrors/one")
    (settings.home / "sources.yaml").write_text(f"mirrors: {{lister: folder, path: {path.parent}}}\n")
    assert only(follow(lake, TODAY)).taken == {TODAY: 1}
    as_if_yesterday(lake)
    archive.ingest_slice(lake, local_engine(settings), YESTERDAY, "git")
    before = {name: lake.scan(name).collect().height for name in lake.tables() if name not in ("stage_report", "slice_log")}
    assert only(follow(lake, TODAY)).taken == {TODAY: 1}
    report = archive.ingest_slice(lake, local_engine(settings), TODAY, "git")
    assert (report.computed, report.reused) == (0, 1)
    after = {name: lake.scan(name).collect().height - before[name] for name in before}
    # One visit (in both of Software Heritage's tables of visits), and the lines that say what was listed and recorded.
    assert {name: rows for name, rows in after.items() if rows} == {
        "origin_visit": 1,
        "origin_visit_status": 1,
        "slice_input": 1,
        "listed_origin": 2,
    }


def test_a_repository_that_is_no_longer_listed_is_no_longer_visited(lake, settings, repository, tmp_path):
    one, two = repository("mirrors/one"), repository("mirrors/two")
    (settings.home / "sources.yaml").write_text(f"mirrors: {{lister: folder, path: {one.parent}}}\n")
    assert only(follow(lake, TODAY)).taken == {TODAY: 2}
    as_if_yesterday(lake)
    two.rename(tmp_path / "elsewhere")
    assert only(follow(lake, TODAY)).taken == {TODAY: 1}


def test_what_can_not_be_reached_is_tried_again_after_all_others_and_not_for_ever(lake, forge, repository, tmp_path):
    here, gone = repository("here"), (tmp_path / "gone").as_uri()
    forge(f"git:{gone}|2026-01-01", f"git:{here}|2026-01-01", max_items=1)
    assert only(follow(lake, TODAY)).taken == {}
    as_if_yesterday(lake)
    report = only(follow(lake, TODAY))
    assert (report.taken, inputs(lake)) == ({TODAY: 1}, [f"git:{here}"])
    rows = [SliceInput(f"2026-01-0{day}", "git", gone, detail='{"unresolved": ["unreachable", "no"]}') for day in range(1, 8)]
    lake.log.add_input(rows)
    as_if_yesterday(lake)
    assert only(follow(lake, TODAY)).waiting == 0
    as_if_yesterday(lake)
    assert only(follow(lake, TODAY)).taken == {}


def test_an_entry_that_makes_no_sense_is_recorded_with_its_reason_and_holds_no_other_back(lake, forge, index_of):
    index_of("a==1")
    forge("pypi:a==1 pypi:a nonesuch:x")
    report = only(follow(lake, TODAY))
    assert (report.taken, report.new) == ({TODAY: 1}, 1)
    assert report.problems[0].startswith("pypi:a: pypi:a names no version of a package")
    with lake.sql() as connection:
        rows = connection.execute("select url, problem is null, taken from listed_origin order by url").fetchall()
    assert rows == [("nonesuch:x", False, 0), ("pkg:pypi/a", True, 1), ("pypi:a", False, 0)]
    assert only(follow(lake, TODAY)).problems == [], "it was told once"


def test_what_a_list_from_elsewhere_names_of_this_machine_is_refused_and_told_nothing_of(
    lake, settings, server, answer, index_of, repository, tmp_path, monkeypatch
):
    index_of("a==1")
    monkeypatch.chdir(tmp_path)
    secret = tmp_path / "secret.json"
    secret.write_text('{"id": "X", "modified": "2026-01-31T00:00:00Z"}')
    (tmp_path / "col:on").mkdir()
    bad = [
        f"osv:{secret}", f"osv:file://{secret}", f"osv:local://{secret}", f"mentions:{secret}", f"gharchive:{secret}",
        f"table:{secret}", f"path:{secret}", f"git:{repository('here')}", f"{tmp_path}/col:on", "col:on", str(secret),
        f"swh:{tmp_path}", f"osv:zip://x::{secret}", f"osv:simplecache::file://{secret}", f"osv:{tmp_path}/nonesuch",
    ]  # fmt: skip
    settings.home.mkdir(exist_ok=True)
    url = server.put("/list", answer("\n".join([*bad, "pypi:a==1"]).encode()))
    (settings.home / "sources.yaml").write_text(f"theirs: {{lister: urls, list: '{url}'}}\n")
    report = only(follow(lake, TODAY))
    assert (report.taken, report.new, inputs(lake)) == ({TODAY: 1}, 1, ["pypi:a==1"])
    rows = lake.scan("listed_origin").collect().filter(pl.col("problem").is_not_null())
    assert set(rows["url"]) == set(bad)
    assert rows["problem"].n_unique() == 1, "whether something is there is not told"


def test_a_bad_line_or_folder_is_told_and_holds_nothing_back(lake, settings, repository, tmp_path):
    good = repository("mirrors/good")
    for name, data in (("bad", b"gitdir: x\0y"), ("long", b"gitdir: " + b"x" * 3000)):
        (good.parent / name).mkdir()
        (good.parent / name / ".git").write_bytes(data)
    (good.parent / os.fsdecode(b"not-\xff-utf8") / ".git").mkdir(parents=True)
    lines = [
        "osv:https://[bad/x", "gharchive:https://[bad/2025-01-31-0.json", "table:s3://[bad/x?text=t", "git:https://[bad/x",
        "swh:s3://[bad/x?origins=/nonesuch", "~nouser/a:b", "path:~nouser", "git:~nouser/x", "osv:~nouser/x", f"{'x' * 300}:b",
        f"path:{'x' * 300}", f"git:{'x' * 300}", f"table:{'x' * 300}", "path:a\0b", "a\0b:c", f"path:{'x' * 100_000}",
    ]  # fmt: skip
    (tmp_path / "list").write_text("\n".join([*lines, f"git:{repository('other')}"]))
    (settings.home / "sources.yaml").write_text(
        f"lines: {{lister: urls, list: {tmp_path / 'list'}}}\nmirrors: {{lister: folder, path: {good.parent}}}\n"
    )
    first, second = follow(lake, TODAY)
    assert (first.error, first.taken, first.new) == (None, {TODAY: 1}, 1)
    assert (second.error, second.taken) == (None, {TODAY: 3})
    problems = lake.scan("listed_origin").collect().filter(pl.col("problem").is_not_null())
    assert problems.height == len(lines) + 1
    assert problems.filter(pl.col("problem").str.contains("Error")).is_empty(), "nothing of it is a surprise"
    assert problems["problem"].str.len_chars().max() <= 500
    report = archive.ingest_slice(lake, local_engine(settings), TODAY, "git")
    assert report.details["items"] == {"failed": 2, "loaded": 2}
    assert all(": unreadable: " in line for line in report.details["quarantined"])


# A source as a plug-in that nobody has tried on everything.
WILD = """
from dataclasses import replace
from codecommons.archive.source import Source
from codecommons.errors import LakeError

class Wild(Source):
    name = visit_type = "wild"
    changes = CHANGES

    def parse(self, text):
        if text == "parse":
            raise KeyError("no such thing")
        if text == "full":
            raise LakeError("the disk is full")
        return text

    def origin(self, item):
        return item[{"origin": 99}.get(item, slice(None))]

    def resolve(self, wanted, settings):
        if wanted.item == "resolve":
            raise ZeroDivisionError("by nothing")
        return replace(wanted, version=object() if wanted.item == "type" else "1")

    def load(self, work, inputs):
        raise NotImplementedError

SOURCE = Wild()
"""


@pytest.mark.parametrize("changes", [True, False])
def test_what_a_source_did_not_foresee_is_the_fault_of_that_item_alone(lake, settings, tmp_path, monkeypatch, caplog, changes):
    (tmp_path / "plug" / "sources").mkdir(parents=True)
    (tmp_path / "plug" / "sources" / "wild.py").write_text(WILD.replace("CHANGES", str(changes)))
    monkeypatch.delitem(sys.modules, "codecommons.archive.sources.wild", raising=False)
    object.__setattr__(settings, "plugins", (tmp_path / "plug",))
    (tmp_path / "list").write_text("wild:parse\nwild:origin\nwild:resolve\nwild:type\nwild:good\n")
    (settings.home / "sources.yaml").write_text(f"mine: {{lister: urls, list: {tmp_path / 'list'}}}\n")
    report = only(follow(lake, TODAY))
    assert report.error is None
    assert [row.item for row in lake.log.inputs(TODAY, "wild") if row.version] == ["good"]
    said = " ".join([*report.problems, *(row.detail or "" for row in lake.log.inputs(TODAY, "wild"))])
    for name in ("KeyError: 'no such thing'", "IndexError: ", *(["ZeroDivisionError: by nothing"] if changes else [])):
        assert name in said
    assert report.waiting == 1, "what could not be recorded waits"
    assert {record.exc_info[0] for record in caplog.records if record.exc_info} >= {KeyError, IndexError, ZeroDivisionError}
    (tmp_path / "list").write_text("wild:full\n")
    with pytest.raises(LakeError):
        follow(lake, TODAY)


def test_credentials_in_a_line_are_written_nowhere(lake, settings, server, answer, tmp_path):
    lines = "git:https://u:s3cret@127.0.0.1:1/x.git\nhttps://s3cret@127.0.0.1:1/y.git\nosv:https://u:s3cret@127.0.0.1:1/all.zip\n"
    (tmp_path / "list").write_text(lines)
    body = b'[{"clone_url": "https://u:s3cret@127.0.0.1:1/z.git", "updated_at": "2026-01-01T00:00:00Z"}]'
    server.put("/api/v1/orgs/o/repos?limit=50&page=1", answer(body))
    (settings.home / "sources.yaml").write_text(
        f"mine: {{lister: urls, list: {tmp_path / 'list'}}}\nforge: {{lister: gitea, url: '{server.url}', organization: o}}\n"
    )
    reports = follow(lake, TODAY)
    assert [len(report.problems) for report in reports] == [3, 1]
    assert [report.taken for report in reports] == [{}, {}]
    assert "s3cret" not in str(reports)
    rows = lake.scan("listed_origin").collect()
    assert rows.height == 4
    assert "s3cret" not in str(rows.to_dicts())


def test_another_hash_than_the_slice_has_stops_that_item_alone(lake, settings, index_of, tmp_path):
    index_of("a==1", "b==1")
    archive.add_inputs(lake, ["pypi:a==1"], YESTERDAY)
    (tmp_path / "list").write_text(f"pypi:a==1 sha256:{'0' * 64}\npypi:b==1\n")
    (settings.home / "sources.yaml").write_text(f"mine: {{lister: urls, list: {tmp_path / 'list'}}}\n")
    report = only(follow(lake, TODAY))
    assert report.taken == {TODAY: 1}
    assert inputs(lake) == ["pypi:b==1"]


def test_a_day_that_is_over_is_filled_with_what_belongs_to_it_and_never_with_todays_state(lake, forge, index_of, repository):
    index_of("a==1", "b==1", "c==1")
    git = repository("repository")
    forge(f"pypi:a==1||{YESTERDAY} pypi:b==1||{TODAY} pypi:c==1 git:{git}")
    report = only(follow(lake, YESTERDAY))
    assert report.taken == {YESTERDAY: 1}
    assert inputs(lake, YESTERDAY) == ["pypi:a==1"]
    assert store.cursors(lake) == {}, "the cursor belongs to today"
    (lake.settings.home / "sources.yaml").write_text(f"mirrors: {{lister: folder, path: {git.parent}}}\n")
    assert follow(lake, YESTERDAY) == []
    assert "is no state of" in only(follow(lake, YESTERDAY, ["mirrors"])).error
    assert inputs(lake, YESTERDAY) == ["pypi:a==1"]


def test_a_dry_run_tells_and_writes_nothing(lake, forge, index_of):
    index_of("a==1")
    forge("pypi:a==1")
    report = only(follow(lake, TODAY, dry_run=True))
    assert (report.new, report.examples, report.taken) == (1, ["pypi:a==1"], {})
    assert inputs(lake) == []
    assert lake.scan("listed_origin").collect().height == 0
    assert store.cursors(lake) == {}


def test_another_thing_to_list_under_the_same_name_begins_again(lake, settings, server, answer):
    for organization in ("a", "b"):
        server.put(f"/api/v1/orgs/{organization}/repos?limit=50&page=1", answer(b"[]"))
        (settings.home / "sources.yaml").write_text(
            f"forge: {{lister: gitea, url: '{server.url}', organization: {organization}}}\n"
        )
        assert listing.due(lake, NOW) == ["forge"]
        follow(lake, TODAY)
        assert listing.due(lake, NOW) == []


def test_many_commits_are_merged_into_few_files(lake, monkeypatch):
    from codecommons.lake.files import data_files

    monkeypatch.setattr(store, "MOST_FILES", 3)
    for number in range(9):
        row = store.Row(f"u{number:02}", "git", "git", f"u{number:02}", None, None, TODAY)
        store.add_listed(lake, "forge", "mine", [row, row], {"git"})
    assert len(data_files(lake.delta("listed_origin"))) <= 3
    assert sorted(lake.scan("listed_origin").collect()["item"]) == [f"u{number:02}" for number in range(9)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("forge: {lister: gitlub, url: 'https://x'}", "there is no lister 'gitlub'; did you mean 'gitlab'?"),
        ("forge: {lister: gitlab, ulr: 'https://x'}", "unknown key 'ulr'; did you mean 'url'?"),
        ("forge: {lister: gitlab}", "the key 'url' is missing"),
        ("forge: {url: 'https://x'}", "unknown key 'url'"),
        ("forge: {lister: gitlab, url: 'ftp://x'}", "must be a URL such as"),
        ("forge: {lister: gitlab, url: 'https://user:secret@x'}", "has credentials in it"),
        ("forge: {lister: gitlab, url: 'https://user:secret@[x'}", "must be a URL such as"),
        ("mine: {lister: urls, list: 'https://user:secret@x/list'}", "has credentials in it"),
        ("mine: {lister: debian, index: ['https://secret@x/Sources']}", "has credentials in it"),
        ("mine: {lister: osv, place: 'https://user:secret@x/all.zip'}", "has credentials in it"),
        ("mine: {lister: urls, list: ~nouser/list}", "write the path in full"),
        ("mine: {lister: folder, path: ~nouser/list}", "write the path in full"),
        ("forge: {lister: gitlab, url: 'https://x', token: glpat-abc}", "write the name, never the token itself"),
        ("forge: {lister: gitlab, url: 'https://x', every: month}", "must be day, week, or {hours: 6}"),
        ("forge: {lister: gitlab, url: 'https://x', every: {hours: 0}}", "must be day, week, or {hours: 6}"),
        ("forge: {lister: gitlab, url: 'https://x', max_items: many}", "max_items is 'many'"),
        ("My Forge: {lister: gitlab, url: 'https://x'}", "must be 1 to 63 of a-z"),
        ("forge: {lister: folder, path: mirrors}", "must be an absolute path"),
        ("forge: {lister: swh, root: /exports, select: 'orgin=*'}", "did you mean 'origin'?"),
        ("- forge", "each a name and what is followed"),
        ("forge: {lister: gitlab, url: 'https://x'}\nforge: {}", "line 2: the key 'forge' is written twice"),
    ],
)
def test_what_is_written_wrong_in_sources_yaml_is_named(settings, text, said):
    settings.home.mkdir(exist_ok=True)
    (settings.home / "sources.yaml").write_text(text)
    with pytest.raises(UsageError) as raised:
        listing.followed(settings)
    assert said in str(raised.value)
    assert "glpat" not in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_token_is_written_nowhere_in_the_lake(lake, settings, server, answer, monkeypatch):
    monkeypatch.setenv("FORGE_TOKEN", "tea-pot")
    server.put("/api/v1/orgs/o/repos?limit=50&page=1", answer(b"[]"))
    (settings.home / "sources.yaml").write_text(
        f"forge: {{lister: gitea, url: '{server.url}', organization: o, token: FORGE_TOKEN}}\n"
    )
    assert only(follow(lake, TODAY)).error is None
    files = [path for path in settings.home.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"tea-pot" in path.read_bytes()]


def test_nothing_is_followed_without_a_file_and_a_name_that_is_not_in_it_is_an_error(lake):
    assert follow(lake, TODAY) == []
    with pytest.raises(UsageError, match="'mine' is not in"):
        follow(lake, TODAY, ["mine"])
    tomorrow = (dt.date.fromisoformat(TODAY) + dt.timedelta(days=1)).isoformat()
    with pytest.raises(UsageError, match="has not begun"):
        follow(lake, tomorrow)


def test_the_example_is_read(settings, monkeypatch):
    from tests.conftest import ROOT

    settings.home.mkdir(exist_ok=True)
    (settings.home / "sources.yaml").write_bytes((ROOT / "examples" / "sources.yaml").read_bytes())
    assert {options.lister for options in listing.followed(settings).values()} == set(listers(settings))


INSIDE = [
    "http://localhost:1/a.git", "http://2130706433/a.git", "http://0x7f.1/a.git", "https://[::1]/a.git", "http://0.0.0.0/a.git",
    "git:http://10.1.2.3/a.git", "git:http://[::ffff:192.168.0.1]/a.git", "http://[2002:7f00:1::]/a.git", "http://[fe80::1]/a.git",
    "table:http://169.254.169.254/latest.parquet", "osv:http://172.16.0.1:8080/all.zip",
]  # fmt: skip
OUTSIDE = ["https://1.1.1.1/a.git", "https://[2606:4700::1111]/a.git", "pypi:six==1.16.0", "https://nobody.invalid/a.git"]


def test_what_others_list_leads_nowhere_into_the_own_network_unless_that_is_meant(lake, settings, server, answer, tmp_path):
    settings.home.mkdir(exist_ok=True)
    behind = server.put("/list", answer("\n".join([*INSIDE, *OUTSIDE, f"{server.url}/here.git"]).encode()))
    refused = []
    for place, more in ((behind, ""), (behind, ", own_network: true"), (tmp_path / "list", "")):
        (tmp_path / "list").write_text("\n".join(INSIDE))
        (settings.home / "sources.yaml").write_text(f"mine: {{lister: urls, list: '{place}'{more}}}\n")
        report = only(follow(lake, TODAY, dry_run=True))
        refused.append((report.new, report.problems))
    [(new, problems), *allowed] = refused
    assert new == len(OUTSIDE) + 1
    assert len(problems) == 10, "so many are shown"
    assert all("own_network: true in the entry mine" in line for line in problems)
    assert allowed == [(len(INSIDE) + len(OUTSIDE) + 1, []), (len(INSIDE), [])]
