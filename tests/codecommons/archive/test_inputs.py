# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

import contextlib
import json
import subprocess
import textwrap
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as tried
from hypothesis import strategies as st

from codecommons.archive import (
    Request,
    add_inputs,
    forget_inputs,
    ingest_slice,
    parse_request,
    read_package_list,
    slice_roots,
)
from codecommons.archive.source import Source, base_item, first_state, rank_of, sources
from codecommons.archive.sources import npm, path, pypi
from codecommons.credentials import without_credentials
from codecommons.engine.local import InlineEngine
from codecommons.errors import UsageError
from codecommons.lake import Lake, SliceInput
from codecommons.settings import Settings
from codecommons.status import status
from codecommons.swhid.tree import identify_directory

DAY, NEXT = "2026-01-31", "2026-02-01"
SHA = "ab" * 32


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("pypi:Flask_Admin==1.6.1", Request("pypi", "flask-admin==1.6.1")),
        (f"pypi:six==1.16.0 sha256:{SHA}", Request("pypi", "six==1.16.0", SHA)),
        (f"npm:lodash@4.17.15 --hash=sha256:{SHA}", Request("npm", "lodash@4.17.15", SHA)),
        ("npm:@babel/core@7.0.0-beta.1", Request("npm", "@babel/core@7.0.0-beta.1")),
        ("git:https://example.org/x.git", Request("git", "https://example.org/x.git")),
        ("git:git@example.org:x.git", Request("git", "git@example.org:x.git")),
    ],
)
def test_requests_are_read(text, request_, settings):
    assert parse_request(text, settings) == request_


@pytest.mark.parametrize(
    "text",
    [
        "pypi:requests", "pypi:requests>=2", "pypi:==1", "pypi:-r==1", "pypi:six==1.16.0 sha256:short",
        "npm:lodash", "npm:lodash@latest", "npm:../x@1.0.0", "npm:-g@1",
        "cran:ggplot2", "no/such/path", "path:no/such/path", "git:no/such/path", "",
        "path:~nouser", "git:~nouser/x", "osv:~nouser/x", "swh:~nouser/x", "~nouser/a:b", f"path:{'x' * 300}", f"{'x' * 300}:b",
        f"osv:{'x' * 300}", f"git:{'x' * 300}", f"swh:{'x' * 300}", "osv:https://[bad/x", "git:https://[bad/x",
        "gharchive:https://[bad/2025-01-31-0.json", "path:a\0b", "path:\udcff", "path:", "git:", "osv:", "table:", "swh:",
        "git:http://", "git:https:///x.git",
    ],
)  # fmt: skip
def test_what_can_not_be_understood_is_a_usage_error_in_one_line(text, settings):
    with pytest.raises(UsageError) as caught:
        parse_request(text, settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("bucket", ["", "Bad_Bucket!", "a b", "b\u00fccher", "x" * 256])
@pytest.mark.parametrize(
    "text",
    ["swh:s3://{}/graph", "swh:s3://good/graph?contents=s3://{}/content", "table:s3://{}/x.parquet", "osv:s3://{}/all.zip"],
)
def test_a_bucket_that_can_not_be_is_a_usage_error_that_quotes_it(text, bucket, settings):
    with pytest.raises(UsageError, match="is no name of a bucket") as caught:
        parse_request(text.format(bucket), settings)
    assert repr(bucket) in str(caught.value)
    for good in ("softwareheritage", "My_Old.bucket-1", "arn:aws:s3:eu-west-1:123456789012:accesspoint/mine"):
        assert good in parse_request(text.format(good), settings).item


_WORDS = [
    "~", "[", "]", "::", ":", "@", "?", "#", "/", "\0", "%", "=", "&", " ", "x" * 300, "\udcff", "~root", "127.0.0.1", "https://",
    "s3://", "file://", "text=", "modified=", "swhids=", "contents=", "2025-01-31-0.json.gz", "sha256:",
]  # fmt: skip


@tried(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), foreign=st.booleans())
def test_whatever_is_written_is_understood_or_a_usage_error(data, foreign, no_home):
    known = sources(no_home)
    words = st.sampled_from([*(f"{name}:" for name in known), *_WORDS])
    text = "".join(data.draw(st.lists(st.one_of(words, st.text(max_size=2)), max_size=7)))
    with contextlib.suppress(UsageError):
        found = parse_request(text, no_home, known, foreign)
        assert (
            not foreign or found.source in ("deb", "gharchive", "npm", "pypi") or found.item.startswith(("http://", "https://"))
        )


@pytest.fixture(scope="module")
def no_home(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    return Settings(home=home, lake=str(home / "lake"), workers=0)


def test_a_plain_path_is_a_folder_or_a_repository(repository, tmp_path, settings, monkeypatch):
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    assert parse_request("folder", settings) == Request("path", str(tmp_path / "folder"))
    assert parse_request("repository", settings) == Request("git", str(repository.path))
    assert parse_request("path:repository", settings) == Request("path", str(repository.path))


# By source: what may be named from elsewhere, and what may not ("FILE" stands for a file that is there).
FOREIGN = {
    "deb": (["hello=2.10-3"], []),
    "npm": (["@babel/core@7.0.0"], []),
    "pypi": (["six==1.16.0"], []),
    "git": (
        ["https://example.org/x.git", "http://example.org/x.git", "https://[2001:db8::1]/x.git"],
        ["FILE", "~/x", "../x", "file://FILE", "ssh://example.org/x", "git@example.org:x", "git://example.org/x", "HTTPS://x/y"],
    ),
    "gharchive": (["2025-01-31-0", "https://example.org/2025-01-31-0.json.gz"], ["FILE"]),
    "mentions": (["https://example.org/x.jsonl"], []),
    "osv": (["https://example.org/all.zip", "https://example.org/all.zip?modified=2026-01-31"], ["FILE?modified=2026-01-31"]),
    "table": (["https://example.org/x.parquet?text=body"], ["FILE?text=body", "s3://bucket/*.parquet?text=body"]),
    "path": ([], ["FILE", "https://example.org/x"]),
    "swh": ([], ["FOLDER", "s3://bucket/graph?origins=FILE", "s3://bucket/graph?contents=FOLDER", "s3://bucket/graph"]),
}
ELSEWHERE = [
    "FILE", "~/x", "file://FILE", "file:FILE", "local://FILE", "s3://bucket/x", "memory://x", "ftp://example.org/x",
    "zip://x.json::FILE", "zip://x.json::https://example.org/x.zip", "simplecache::file://FILE", "blockcache::FILE",
    "filecache::https://example.org/x", "https://example.org/x::file://FILE", "https://example.org/x::FILE", "https:FILE",
    "https:///FILE", "HTTPS://example.org/x", " https://example.org/x", "https://example.org/x y", "https://[bad/x", "",
]  # fmt: skip


def test_somebody_else_names_what_is_on_the_web_and_in_registries_and_nothing_of_this_machine(tmp_path, settings):
    known = sources(settings)
    assert FOREIGN.keys() == known.keys(), "a new source says here what may be named of it from elsewhere"
    file = tmp_path / "2025-01-31-0.json.gz"
    file.touch()
    for name, (good, bad) in FOREIGN.items():
        for text in good:
            assert parse_request(f"{name}:{text}", settings, foreign=True).item == text
        for text in [*bad, *([] if name in ("deb", "npm", "pypi") else ELSEWHERE)]:
            text = text.replace("FILE", str(file)).replace("FOLDER", str(tmp_path))
            with pytest.raises(UsageError, match="nothing of this machine"):
                parse_request(f"{name}:{text}", settings, known, foreign=True)
    for text in (str(file), f"{tmp_path}:on", "~", ".", "nonesuch:x", "https://example.org/x", "file:///etc", ""):
        with pytest.raises(UsageError, match="nothing of this machine"):
            parse_request(text, settings, known, foreign=True)


def test_a_source_that_does_not_say_is_refused_to_others():
    assert Source.is_local(path.SOURCE, "https://example.org/x")


@pytest.mark.parametrize("text", ["zip://x.json::{}", "simplecache::file://{}", "https://example.org/x::file://{}"])
def test_a_chain_of_file_systems_is_read_for_nobody(text, tmp_path, settings):
    (tmp_path / "x.zip").touch()
    with pytest.raises(UsageError):
        parse_request(f"osv:{text.format(tmp_path / 'x.zip')}", settings)


@pytest.mark.parametrize(
    "text",
    [
        "git:https://u:s3cret@127.0.0.1:1/x.git", "git:https://s3cret@127.0.0.1:1/x.git", "git:ssh://git:s3cret@example.org/x",
        "git:HTTPS://s3cret@example.org/x", "git:ftp://u:s3cret@example.org/x", "git:https://u:p@ss@s3cret@example.org/x",
        "osv:https://u:s3cret@example.org/all.zip", "osv:https://s3cret@example.org/all.zip?modified=2026-01-31",
        "osv:https://u:s3cret@example.org/all.zip?modifed=1", "mentions:https://u:s3cret@example.org/x.jsonl",
        "table:https://u:s3cret@example.org/x.parquet", "table:https://u:s3cret@example.org/x.parquet?text=body",
        "table:https://u:s3cret@example.org/x.parquet?bad=body", "table:s3://key:s3cret@bucket/x.parquet",
        "gharchive:https://u:s3cret@example.org/2025-01-31-0.json.gz", "gharchive:https://u:s3cret@example.org/x",
        "swh:s3://key:s3cret@bucket/graph", "swh:https://u:s3cret@example.org/graph", "swh:s3://bucket/graph?contents=https://u:s3cret@x/y",
        "swh:s3://bucket/graph?endpoint=https%3A%2F%2Fu%3As3cret%40example.org", "path:https://u:s3cret@example.org/x",
        "https://u:s3cret@example.org/x.git", "gti:https://u:s3cret@example.org/x.git", "osv:file://u:s3cret@example.org/x",
    ],
)  # fmt: skip
def test_a_url_with_credentials_is_refused_and_they_are_not_repeated(text, settings):
    for foreign in (False, True):
        with pytest.raises(UsageError) as caught:
            parse_request(text, settings, foreign=foreign)
        assert "s3cret" not in str(caught.value)
    if text.partition(":")[0] in sources(settings) and not text.startswith("path:"):
        with pytest.raises(UsageError, match="leave them out"):
            parse_request(text, settings)


@pytest.mark.parametrize("text", ["git:ssh://git@example.org/x", "git:git@example.org:x", "git:https://example.org/@a/b@c"])
def test_a_user_alone_is_no_secret_and_an_at_elsewhere_is_none(text, settings):
    assert f"git:{parse_request(text, settings).item}" == text


def test_credentials_that_git_or_the_environment_gives_are_in_no_error(lake, monkeypatch):
    for name, value in {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "url.http://u:s3cret@127.0.0.1:1/.insteadOf",
        "GIT_CONFIG_VALUE_0": "http://forge.invalid/",
    }.items():
        monkeypatch.setenv(name, value)
    object.__setattr__(lake.settings, "gharchive", "http://u:s3cret@127.0.0.1:1")
    add_inputs(lake, ["git:http://forge.invalid/x.git", "gharchive:2025-01-31-0"], DAY)
    for source in ("git", "gharchive"):
        [line] = ingest_slice(lake, InlineEngine(), DAY, source).details["quarantined"]
        assert "127.0.0.1" in line
        assert "s3cret" not in line
    said = "unable to access 'https://u:p@s3cret@example.org/@x/': asked sftp://s3cret@example.org, see a@b and c://d/e@f"
    assert without_credentials(said) == (
        "unable to access 'https://***@example.org/@x/': asked sftp://***@example.org, see a@b and c://d/e@f"
    )


def test_a_list_has_one_request_a_line(tmp_path):
    path = tmp_path / "packages.txt"
    path.write_text(f"# ours\n\npypi:six==1.16.0 sha256:{SHA}  # small\nnpm:d3@7.8.5\t# big\npath:x/y#2\n")
    assert read_package_list(path) == [f"pypi:six==1.16.0 sha256:{SHA}", "npm:d3@7.8.5", "path:x/y#2"]
    with pytest.raises(UsageError, match="can't be read"):
        read_package_list(tmp_path / "nothing")


def test_an_item_is_pinned_before_anything_is_loaded(index, sdist, lake):
    (index / "one-1.0.tar.gz").write_bytes(sdist("one", "1.0"))
    [row] = add_inputs(lake, ["pypi:one==1.0"], DAY)
    assert (row.slice, row.source, row.item, row.version) == (DAY, "pypi", "one==1.0", "1.0")
    assert len(row.sha256) == 64
    assert json.loads(row.detail) == {"upload_time": None}
    (index / "one-1.0.tar.gz").write_bytes(sdist("one", "1.0", {"other.py": b"changed\n"}))
    assert add_inputs(lake, ["pypi:one==1.0"], DAY) == [row]


def test_a_bad_item_loses_no_other(repository, tmp_path, lake):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / ".git").write_bytes(b"gitdir: x\0y")
    (tmp_path / "worse").mkdir()
    (tmp_path / "worse" / ".git").write_text(f"gitdir: {repository.path / '.git'}")
    add_inputs(lake, [f"git:{tmp_path / name}" for name in ("bad", "worse")] + [f"git:{repository.path}"], DAY)
    (tmp_path / "worse" / ".git").write_bytes(b"gitdir: x\0y")
    report = ingest_slice(lake, InlineEngine(), DAY, "git")
    assert report.details["items"] == {"failed": 2, "loaded": 1}
    assert all("NUL" in line for line in report.details["quarantined"])


def test_another_hash_for_what_the_slice_has_is_a_usage_error_and_nothing_is_recorded(index, sdist, lake):
    for name in ("one", "two"):
        (index / f"{name}-1.0.tar.gz").write_bytes(sdist(name, "1.0"))
    add_inputs(lake, ["pypi:one==1.0"], DAY)
    with pytest.raises(UsageError, match="leave the hash out"):
        add_inputs(lake, ["pypi:two==1.0", f"pypi:one==1.0 sha256:{SHA}"], DAY)
    assert [row.item for row in lake.log.inputs(DAY, "pypi")] == ["one==1.0"]


def test_what_can_not_be_looked_up_is_listed_and_looked_up_again_when_it_is_loaded(index, sdist, lake):
    [row] = add_inputs(lake, ["pypi:late==1.0"], DAY)
    assert (row.version, row.sha256) == (None, None)
    (index / "late-1.0.tar.gz").write_bytes(sdist("late", "1.0"))
    report = ingest_slice(lake, InlineEngine(), DAY, "pypi")
    assert report.details["items"] == {"loaded": 1}


def test_a_folder_that_changes_is_refused_until_it_is_listed_again(tmp_path, lake):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.py").write_text("a = 1\n")
    add_inputs(lake, [f"path:{folder}"], DAY)
    (folder / "a.py").write_text("a = 2\n")
    report = ingest_slice(lake, InlineEngine(), DAY, "path")
    assert "changed since it was listed" in report.details["quarantined"][0]
    add_inputs(lake, [f"path:{folder}"], DAY)
    report = ingest_slice(lake, InlineEngine(), DAY, "path")
    assert report.details["items"] == {"failed": 1, "loaded": 1}


def test_the_folder_that_the_lake_itself_is_in_is_refused_and_one_beside_it_is_not(tmp_path, lake, monkeypatch):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text("a = 1\n")
    (tmp_path / "link").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    for text in (".", "path:.", "path:link", f"path:{lake.settings.home}"):
        with pytest.raises(UsageError, match="where the lake is"):
            add_inputs(lake, [text], DAY)
    assert lake.log.inputs(DAY, "path") == []
    add_inputs(lake, ["src"], DAY)
    assert ingest_slice(lake, InlineEngine(), DAY, "path").details["items"] == {"loaded": 1}


def test_a_name_that_ends_like_the_rank_of_a_state_is_a_name(repository, tmp_path, lake):
    names = ["proj", "proj#2", "proj#2#1", "proj#0", "proj#1"]
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text(f"name = {name!r}\n")
    (tmp_path / "osv.jsonl#2").write_text('{"id": "X", "modified": "2026-01-31T00:00:00Z"}\n')
    (tmp_path / "t.jsonl#2").write_text('{"text": "hello"}\n')
    (tmp_path / "git#2").mkdir()
    subprocess.run(["git", "clone", "-q", "--bare", str(repository.path), str(tmp_path / "git#2")], check=True)
    rows = add_inputs(lake, [f"path:{tmp_path / name}" for name in names], DAY)
    assert [row.version for row in rows] == [identify_directory(tmp_path / name).hex() for name in names]
    assert add_inputs(lake, [f"path:{tmp_path / 'proj#2'}", f"path:{tmp_path / 'proj'}"], DAY) == [rows[1], rows[0]]
    (tmp_path / "proj").joinpath("a.py").write_text("second\n")
    (tmp_path / "proj#2").joinpath("a.py").write_text("second, too\n")
    again = add_inputs(lake, [f"path:{tmp_path / 'proj#2'}", f"path:{tmp_path / 'proj'}"], DAY)
    assert [row.item for row in again] == [f"{tmp_path}/proj#2#2", f"{tmp_path}/proj#2"]
    others = add_inputs(lake, [f"osv:{tmp_path}/osv.jsonl#2", f"table:{tmp_path}/t.jsonl#2", f"git:{tmp_path}/git#2"], DAY)
    assert all(row.version for row in others)
    reports = {source: ingest_slice(lake, InlineEngine(), DAY, source) for source in ("path", "git", "osv", "table")}
    # Of what has changed the first state is gone.
    assert reports.pop("path").details["items"] == {"failed": 2, "loaded": 5}
    assert [report.details["items"] for report in reports.values()] == [{"loaded": 1}] * 3
    seen = set(lake.scan("origin_visit").collect()["origin"])
    assert seen == {(tmp_path / name).as_uri() for name in [*names, "git#2", "t.jsonl#2"]}


@pytest.mark.parametrize(
    ("recorded", "base", "rank"),
    [("/x", "/x", 0), ("/x#2", "/x", 1), ("/x#2#1", "/x#2", 0), ("/x#2#3", "/x#2", 2), ("/x#y", "/x#y", 0), ("/x#٢", "/x#٢", 0)],
)
def test_a_recorded_item_is_a_name_and_a_rank(recorded, base, rank):
    assert (base_item(recorded), rank_of(recorded)) == (base, rank)


@given(st.text("a#12", max_size=6))
def test_a_name_can_be_told_from_its_states(name):
    states = [first_state(name), *(f"{name}#{rank}" for rank in (2, 3))]
    assert [base_item(state) for state in states] == [name] * 3
    assert [rank_of(state) for state in states] == [0, 1, 2]


def test_a_single_file_and_an_archive_survive_their_removal(tmp_path, lake, sdist):
    (tmp_path / "script.py").write_text("print(1)\n")
    (tmp_path / "script.py").chmod(0o755)
    (tmp_path / "one.tar.gz").write_bytes(sdist("one", "1.0"))
    add_inputs(lake, [f"path:{tmp_path / name}" for name in ("script.py", "one.tar.gz")], DAY)
    (tmp_path / "script.py").unlink()
    (tmp_path / "one.tar.gz").unlink()
    report = ingest_slice(lake, InlineEngine(), DAY, "path")
    assert report.details["items"] == {"loaded": 2}
    files = {row["path"]: row["perms"] for row in lake.scan("tree_file").collect().to_dicts()}
    assert files == {b"script.py": 0o100755, b"one-1.0/PKG-INFO": 0o100644, b"one-1.0/main.py": 0o100644}


def test_two_processes_that_list_the_same_change_agree(repository, settings):
    one, other = Lake.open(settings), Lake.open(settings)
    add_inputs(one, [f"git:{repository.path}"], DAY)
    repository.commit("Second", b__py="b\n")
    [row] = add_inputs(one, [f"git:{repository.path}"], DAY)
    assert add_inputs(other, [f"git:{repository.path}"], DAY) == [row]


def test_a_source_is_one_new_file(tmp_path, settings):
    """What a user writes to add a source: here, one that invents a package."""
    folder = tmp_path / "plugins" / "sources"
    folder.mkdir(parents=True)
    (folder / "lucky.py").write_text(
        textwrap.dedent(
            '''
            """Numbers."""
            from dataclasses import replace
            from codecommons.archive.objects import Rows
            from codecommons.archive.source import Item, Outcome, Source, Visit
            from codecommons.archive.tree import build_tree
            from codecommons.archive.unpack import Member
            from codecommons.swhid import FILE_PERMS


            class Lucky(Source):
                name = visit_type = "lucky"

                def parse(self, text):
                    return str(int(text))

                def resolve(self, wanted, settings):
                    return replace(wanted, version="1")

                def load(self, work, inputs):
                    items, visits, rows = [], [], Rows(work.area, "lucky")
                    for row in inputs:
                        data = row.item.encode()
                        tree = build_tree([Member(b"number.txt", FILE_PERMS, len(data), data)], rows)
                        branches = {b"HEAD": ("directory", tree.root)}
                        items.append(Item(row.item, f"lucky:{row.item}", "loaded", tree.tally, tree.root))
                        visits.append(Visit(f"lucky:{row.item}", branches, "full"))
                    return Outcome(items, visits, [rows.close()])


            SOURCE = Lucky()
            '''
        )
    )
    lake = Lake.open(replace(settings, plugins=(tmp_path / "plugins",)))
    add_inputs(lake, ["lucky:7"], DAY)
    report = ingest_slice(lake, InlineEngine(), DAY, "lucky")
    assert all(check.passed for check in report.checks)
    assert lake.scan("tree_file").collect()["path"].to_list() == [b"number.txt"]


def test_versions_are_ordered_as_their_registries_do():
    ordered = ["1.0.dev1", "1.0rc1", "1.0", "1.0.post1", "1.2", "1.10"]
    assert sorted([*ordered[3:], *ordered[:3]], key=pypi.SOURCE.version_key) == ordered
    ordered = [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "1.10.0",
    ]
    assert sorted([*ordered[3:], *ordered[:3]], key=npm.SOURCE.version_key) == ordered


@pytest.mark.parametrize(
    ("document", "author"),
    [
        ({"author": "Groot <groot@galaxy.org>"}, "Groot <groot@galaxy.org>"),
        ({"author": {"name": "Groot", "email": "groot@galaxy.org"}}, "Groot <groot@galaxy.org>"),
        ({"author": {"email": "no@one.org"}}, " <no@one.org>"),
        ({"authors": ["First", "Second"]}, "First"),
        ({"author": None, "authors": ["First"]}, ""),
        ({"author": 7}, ""),
        ([], ""),
    ],
)
def test_the_author_of_a_package_json_is_read_as_software_heritage_reads_it(document, author):
    assert npm._author(document) == author


@pytest.mark.parametrize(
    "document", [b"", b"\xff\xfe", b"[" * 200_000, b'{"author": ' + b"[" * 900 + b"]" * 900 + b"}", b"1" * 5_000]
)
def test_a_package_json_that_nobody_can_read_names_no_author(document):
    tree = SimpleNamespace(names=[b"package"], documents={b"package/package.json": document})
    author, message = npm.SOURCE.release(SliceInput(DAY, "npm", "odd@1.0.0"), tree)
    assert (author, message) == (b"", b"Synthetic release for NPM source package odd version 1.0.0\n")


def test_pip_is_asked_for_its_settings(monkeypatch, tmp_path):
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://index.example/simple\n[download]\ntrusted-host = a.example\n\tb.example\n"
    )
    monkeypatch.setenv("PIP_INDEX_URL", "https://other.example/simple")
    found = pypi._pip_settings()
    assert found["index-url"] == "https://other.example/simple"
    assert pypi._words(found, "trusted-host") == ["a.example", "b.example"]


def test_an_item_that_never_came_in_can_be_forgotten_and_one_that_did_stays(lake, tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "a.py").write_text("a = 1\n")
    good, bad, alone = f"path:{tmp_path}/here", f"path:{tmp_path}/gone", "git:http://127.0.0.1:9/gone.git"
    (tmp_path / "gone").mkdir()
    add_inputs(lake, [good, bad, alone], DAY)
    (tmp_path / "gone").rmdir()
    for source in ("path", "git"):
        ingest_slice(lake, InlineEngine(), DAY, source)
    with pytest.raises(UsageError, match="has come into slice"):
        forget_inputs(lake, [bad, good], DAY)
    with pytest.raises(UsageError, match="has no git:"):
        forget_inputs(lake, ["git:http://127.0.0.1:9/other.git"], DAY)
    assert len(lake.log.inputs(DAY, "path")) == 2, "nothing is forgotten when something can't be"
    assert forget_inputs(lake, [bad, alone], DAY) == [alone, bad]
    assert (lake.log.sources(DAY), lake.log.verdicts()["source"].to_list()) == (["path"], ["path"])
    ingest_slice(lake, InlineEngine(), DAY, "path")
    state = status(lake)
    assert (state["healthy"], state["quarantine"]) == (True, [])
    assert slice_roots(lake, DAY, "path").height == 1


def test_what_is_forgotten_of_a_name_that_ends_like_a_rank_is_that_name(lake, tmp_path):
    names = [f"path:{tmp_path}/gone", f"path:{tmp_path}/gone#2"]
    for name in names:
        (tmp_path / name.rpartition("/")[2]).mkdir()
    add_inputs(lake, names, DAY)
    for name in names:
        (tmp_path / name.rpartition("/")[2]).rmdir()
    assert forget_inputs(lake, [names[1]], DAY) == [f"{names[1]}#1"]
    assert [f"path:{row.item}" for row in lake.log.inputs(DAY, "path")] == [names[0]]
