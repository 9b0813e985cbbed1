# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Listers on what Software Heritage's own were tested with: the same origins, with the same last updates."""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
import json
import lzma

import pytest

from codecommons.errors import UsageError
from codecommons.listing import ListingError
from codecommons.listing.lister import listers
from codecommons.strict import read


def options(settings, lister, **values):
    return read(listers(settings)[lister].options, {"lister": lister, **values}, "sources.yaml: it")


def pages(context, lister, cursor=(), **values):
    return list(listers(context.settings)[lister].pages(options(context.settings, lister, **values), dict(cursor), context))


def found(listed):
    return [(entry.request, entry.last_update) for page in listed for entry in page.entries]


def moment(text):
    return dt.datetime.fromisoformat(text)


def projects(body):
    return [(f"git:{one['http_url_to_repo']}", moment(one["last_activity_at"])) for one in json.loads(body)]


def gitlab(server, answer, recorded, second=None):
    """The instance with two pages as it was recorded."""
    base = "/api/v4/projects?order_by=id&sort=asc&simple=true&visibility=public&per_page=100&pagination=keyset"
    bodies = [recorded(f"https_gite.lirmm.fr/api_response_page{page}.json") for page in (1, 2, 3)]
    after = f"{base}&id_after=2"
    link = {"Link": f'<{server.url}{after}>; rel="next"', "Date": "Fri, 20 Nov 2020 08:00:00 GMT"}
    server.put(base, answer(bodies[0], headers=link))
    server.put(after, *(second or [answer(bodies[1])]))
    return base, after, bodies


def test_a_gitlab_instance_of_one_page(server, answer, recorded, today):
    body = recorded("https_gitlab.com/api_response_page1.json")
    server.put("/api/v4/projects?order_by=id&sort=asc&simple=true&visibility=public&per_page=100&pagination=keyset", answer(body))
    assert found(pages(today, "gitlab", url=server.url)) == projects(body)
    assert len(projects(body)) == 10


def test_a_gitlab_instance_of_several_pages(server, answer, recorded, today):
    _, _, bodies = gitlab(server, answer, recorded)
    assert found(pages(today, "gitlab", url=server.url + "/")) == projects(bodies[0]) + projects(bodies[1])


def test_a_gitlab_instance_is_listed_from_where_it_stopped_and_then_only_for_what_has_moved(server, answer, recorded, today):
    base, after, bodies = gitlab(server, answer, recorded)
    first, second = pages(today, "gitlab", url=server.url)
    server.asked.clear()
    again = pages(today, "gitlab", first.cursor, url=server.url)
    assert server.paths() == [after]
    assert found(again) == projects(bodies[1])
    assert [page.cursor for page in again] == [second.cursor] == [{"since": "2020-11-20T08:00:00Z"}]
    newer = server.put(f"{base}&last_activity_after=2020-11-20T07%3A59%3A59Z", answer(bodies[2])).removeprefix(server.url)
    server.asked.clear()
    assert found(pages(today, "gitlab", second.cursor, url=server.url)) == projects(bodies[2])
    assert server.paths() == [newer]


def test_a_gitlab_group_is_listed_with_its_subgroups(server, answer, recorded, today):
    body = recorded("https_gite.lirmm.fr/api_response_page1.json")
    server.put(
        "/api/v4/groups/a%2Fb/projects?order_by=id&sort=asc&simple=true&visibility=public&per_page=100"
        "&include_subgroups=true&with_shared=false",
        answer(body),
    )
    assert found(pages(today, "gitlab", url=server.url, group="a/b")) == projects(body)


@pytest.mark.parametrize(
    "refusal",
    [(502, {}), (503, {}), (520, {}), (429, {}), (403, {"RateLimit-Remaining": "0"})],
    ids=lambda refusal: str(refusal[0]),
)
def test_a_page_is_asked_for_again_after_a_while(server, answer, recorded, today, waits, refusal):
    no = answer(b"", *refusal)
    yes = answer(recorded("https_gite.lirmm.fr/api_response_page2.json"))
    _, _, bodies = gitlab(server, answer, recorded, [no, no, yes])
    assert found(pages(today, "gitlab", url=server.url)) == projects(bodies[0]) + projects(bodies[1])
    assert waits == [1, 2]


def test_a_server_says_how_long_to_wait(server, answer, recorded, today, waits):
    no = answer(b"", 429, {"Retry-After": "17"})
    yes = answer(recorded("https_gite.lirmm.fr/api_response_page2.json"))
    gitlab(server, answer, recorded, [no, yes])
    pages(today, "gitlab", url=server.url)
    assert waits == [17]


def test_a_server_that_wants_an_hour_is_left_alone_and_what_came_before_is_kept(server, answer, recorded, today, waits):
    _, after, _ = gitlab(server, answer, recorded, [answer(b"", 429, {"Retry-After": "3600"})])
    lister = listers(today.settings)["gitlab"]
    listing = lister.pages(options(today.settings, "gitlab", url=server.url), {}, today)
    assert next(listing).cursor["next"] == server.url + after
    with pytest.raises(ListingError, match="asks to wait for 3600 seconds"):
        next(listing)
    assert waits == []


def test_a_page_that_gitlab_can_not_make_is_skipped(server, answer, recorded, today):
    base, after, bodies = gitlab(server, answer, recorded, [answer(b"", 500)])
    server.put(f"{base}&id_after=102", answer(bodies[2]))
    assert found(pages(today, "gitlab", url=server.url)) == projects(bodies[0]) + projects(bodies[2])
    assert server.paths().count(after) == 5, "it was tried before it was skipped"


def test_a_token_goes_to_its_server_and_to_no_other(server, answer, recorded, today, monkeypatch):
    monkeypatch.setenv("FORGE_TOKEN", "tea-pot")
    base, _, _ = gitlab(server, answer, recorded)
    pages(today, "gitlab", url=server.url, token="FORGE_TOKEN")
    assert {headers["private-token"] for _, headers in server.asked} == {"tea-pot"}
    elsewhere = {"Link": '<http://127.0.0.2:1/api/v4/projects?id_after=2>; rel="next"'}
    server.put(base, answer(b"[]", headers=elsewhere))
    with pytest.raises(ListingError, match="leads to another server"):
        pages(today, "gitlab", url=server.url, token="FORGE_TOKEN")
    server.put(base, answer(b"", 302, {"Location": "http://127.0.0.2:1/"}))
    with pytest.raises(ListingError, match="leads to another server"):
        pages(today, "gitlab", url=server.url, token="FORGE_TOKEN")


def test_a_token_that_is_not_there_is_named(server, today, monkeypatch):
    monkeypatch.delenv("FORGE_TOKEN", raising=False)
    with pytest.raises(UsageError, match="FORGE_TOKEN, which is not set"):
        pages(today, "gitlab", url=server.url, token="FORGE_TOKEN")


def test_a_forge_names_nothing_of_this_machine_and_nothing_private(server, answer, today):
    told = [
        {"http_url_to_repo": url, "last_activity_at": "2020-01-01T00:00:00Z", **more}
        for url, more in [
            ("file:///home/someone/secret", {}),
            ("ext::sh -c id", {}),
            ("/etc", {}),
            (None, {}),
            ("https://forge.example.org/mine.git", {"visibility": "private"}),
            ("https://forge.example.org/ours.git", {"visibility": "public"}),
        ]
    ]
    path = "/api/v4/projects?order_by=id&sort=asc&simple=true&visibility=public&per_page=100&pagination=keyset"
    server.put(path, answer(json.dumps(told).encode()))
    assert [request for request, _ in found(pages(today, "gitlab", url=server.url))] == ["git:https://forge.example.org/ours.git"]


def test_times_that_utc_has_no_year_for_are_none(server, answer, today):
    body = json.dumps(
        [
            {"clone_url": f"{server.url}/{name}.git", "updated_at": time}
            for name, time in (("a", "0001-01-01T00:00:00+23:59"), ("b", "9999-12-31T23:59:59-23:59"), ("c", "soon"))
        ]
    )
    early = {"Date": "Mon, 01 Jan 0001 00:00:00 +2359"}
    server.put("/api/v1/orgs/o/repos?limit=50&page=1", answer(body.encode(), headers=early))
    listed = found(pages(today, "gitea", url=server.url, organization="o"))
    assert listed == [(f"git:{server.url}/{name}.git", None) for name in "abc"]


@pytest.mark.parametrize("body", [b"<html>", b'{"message": "no"}', b"[1]", b"[" * 100_000, b"\xff"])
def test_an_answer_that_is_no_list_of_repositories_is_an_error_of_one_line(server, answer, today, body):
    server.put("/api/v1/repos/search?limit=50&page=1&sort=updated&order=desc&private=false", answer(body))
    with pytest.raises(ListingError, match="answers with something else than") as raised:
        pages(today, "gitea", url=server.url)
    assert "\n" not in str(raised.value)


def test_an_answer_without_an_end_is_cut(server, answer, today, monkeypatch):
    monkeypatch.setattr("codecommons.listing.web.PAGE_BYTES", 1000)
    monkeypatch.setattr("codecommons.listing.web.Web.get.__defaults__", (None, 1000))
    server.put("/api/v1/repos/search?limit=50&page=1&sort=updated&order=desc&private=false", answer(b"[" + b" " * 2000))
    with pytest.raises(ListingError, match="sends more than 1,000 bytes"):
        pages(today, "gitea", url=server.url)


def test_a_server_that_is_not_there_is_an_error_of_one_line(today, waits):
    with pytest.raises(ListingError, match="can't be had after 5 tries"):
        pages(today, "gitea", url="http://127.0.0.1:1")
    assert waits == [1, 2, 4, 8]


def gitea(server, answer, recorded, second=None):
    base = "/api/v1/repos/search?limit=3&page={}&sort=updated&order=desc&private=false"
    bodies = [recorded(f"https_demo.gitea.com/repos_page{page}") for page in (1, 2)]
    link = {"Link": f'<{server.url}{base.format(2)}>; rel="next",<{server.url}{base.format(2)}>; rel="last"'}
    server.put(base.format(1), answer(bodies[0], headers={**link, "Date": "Sun, 01 Mar 2020 00:00:00 GMT"}))
    server.put(base.format(2), *(second or [answer(bodies[1], headers={"Link": link["Link"].replace("next", "prev")})]))
    return bodies


def clones(body):
    return [(f"git:{one['clone_url']}", moment(one["updated_at"])) for one in json.loads(body)["data"]]


def test_a_gitea_instance_of_several_pages_with_a_refusal_in_between(server, answer, recorded, today, waits):
    body = recorded("https_demo.gitea.com/repos_page2")
    bodies = gitea(server, answer, recorded, [answer(b"", 429), answer(body)])
    listed = pages(today, "gitea", url=server.url, page_size=3)
    assert found(listed) == clones(bodies[0]) + clones(bodies[1])
    assert len(found(listed)) == 6
    assert len(waits) == 1


def test_a_gitea_instance_is_listed_down_to_what_was_there_before(server, answer, recorded, today):
    bodies = gitea(server, answer, recorded)
    [*_, last] = pages(today, "gitea", url=server.url, page_size=3)
    assert last.cursor == {"since": "2020-03-01T00:00:00+00:00"}
    server.asked.clear()
    assert found(pages(today, "gitea", last.cursor, url=server.url, page_size=3)) == clones(bodies[0])
    assert len(server.asked) == 1, "everything on the first page is older"


def test_a_page_that_gitea_can_not_make_is_skipped_and_one_that_it_refuses_is_not(server, answer, recorded, today):
    bodies = gitea(server, answer, recorded, [answer(b"", 500)])
    server.put("/api/v1/repos/search?limit=3&page=3&sort=updated&order=desc&private=false", answer(bodies[1]))
    assert found(pages(today, "gitea", url=server.url, page_size=3)) == clones(bodies[0]) + clones(bodies[1])
    gitea(server, answer, recorded, [answer(b"", 400)])
    with pytest.raises(ListingError, match="status 400"):
        pages(today, "gitea", url=server.url, page_size=3)


def test_an_organization_of_gitea(server, answer, recorded, today):
    told = json.dumps(json.loads(recorded("https_demo.gitea.com/repos_page1"))["data"]).encode()
    server.put("/api/v1/orgs/tools/repos?limit=50&page=1", answer(told))
    listed = pages(today, "gitea", url=server.url, organization="tools")
    assert found(listed) == clones(recorded("https_demo.gitea.com/repos_page1"))


# Versions that the recorded indexes hold, as Software Heritage's tests list them.
SUITES = {
    "stretch": ["dh-elpa=0.0.18", "dh-elpa=0.0.19", "dh-elpa=0.0.20", "git=1:2.11.0-3+deb9u7"],
    "buster": ["git=1:2.20.1-2+deb10u3", "subversion=1.10.4-1+deb10u1"],
    "bullseye": ["git=1:2.29.2-1", "subversion=1.14.0-3", "hg-git=0.9.0-2"],
}
PACK = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress}


@pytest.mark.parametrize("ending", PACK)
def test_indexes_of_debian_however_they_are_packed(server, answer, recorded, today, ending):
    changed = {suite: f"Mon, 0{day} Jun 2026 10:00:00 GMT" for day, suite in enumerate(SUITES, 1)}
    index = [
        server.put(
            f"/dists/{suite}/main/source/Sources{ending}",
            answer(PACK[ending](recorded(f"Sources_{suite}")), headers={"Last-Modified": changed[suite]}),
        )
        for suite in SUITES
    ]
    listed = found(pages(today, "debian", index=index))
    assert [request.split(" ")[0] for request, _ in listed] == [f"deb:{one}" for some in SUITES.values() for one in some]
    assert [update.day for _, update in listed] == [1] * 4 + [2] * 2 + [3] * 3
    pins = dict(request.split(" sha256:") for request, _ in listed)
    for suite, items in SUITES.items():
        for line in recorded(f"Sources_{suite}").decode().splitlines():
            if line.endswith(".dsc") and len(line.split()[0]) == 64:
                assert line.split()[0] in {pins[f"deb:{item}"] for item in items}


def test_an_index_that_has_not_changed_is_not_read_again(server, answer, recorded, today, tmp_path):
    body = recorded("Sources_buster")
    url = server.put("/Sources", answer(body, headers={"ETag": '"one"'}), answer(b"", 304))
    (tmp_path / "Sources").write_bytes(body)
    index = [url, str(tmp_path / "Sources")]
    [*_, last] = pages(today, "debian", index=index)
    assert pages(today, "debian", last.cursor, index=index) == []
    assert server.asked[-1][1]["if-none-match"] == '"one"'
    (tmp_path / "Sources").write_bytes(recorded("Sources_bullseye"))
    assert len(found(pages(today, "debian", last.cursor, index=index))) == 3


@pytest.mark.parametrize("data", [gzip.compress(bytes(20 << 20)), gzip.compress(b"Package: a\n")[:-9], b"Package" * 400_000])
def test_an_index_that_is_a_bomb_or_damaged_or_none_is_an_error_of_one_line(today, tmp_path, data):
    (tmp_path / "Sources").write_bytes(data)
    with pytest.raises(ListingError, match=r"Sources (can't be read|has a line of more than a megabyte)"):
        pages(today, "debian", index=str(tmp_path / "Sources"))


def test_a_file_of_urls_and_requests(today, tmp_path):
    (tmp_path / "list").write_text(
        "# mine\n\nhttps://forge.example.org/a.git\npypi:six==1.16.0 # pinned\nnpm:left-pad@1.3.0 sha256:" + "0" * 64 + "\r\n"
    )
    assert [request for request, _ in found(pages(today, "urls", list=str(tmp_path / "list")))] == [
        "git:https://forge.example.org/a.git",
        "pypi:six==1.16.0",
        f"npm:left-pad@1.3.0 sha256:{'0' * 64}",
    ]


def test_what_a_list_on_this_machine_names_is_its_owners_and_what_one_from_elsewhere_names_is_not(
    server, answer, today, tmp_path
):
    url = server.put("/list", answer(b"pypi:six==1.16.0\n"))
    (tmp_path / "list").write_bytes(b"pypi:six==1.16.0\n")
    for place, own in ((url, False), (str(tmp_path / "list"), True)):
        [page] = pages(today, "urls", list=place)
        assert [(entry.request, entry.own) for entry in page.entries] == [("pypi:six==1.16.0", own)]


def test_a_folder_of_repositories(today, tmp_path):
    for name in ("b/.git", "a/x.git", "a/not"):
        (tmp_path / "mirrors" / name).mkdir(parents=True)
    for repository in ("b/.git", "a/x.git"):
        (tmp_path / "mirrors" / repository / "HEAD").write_text("ref: refs/heads/main\n")
        for part in ("objects", "refs"):
            (tmp_path / "mirrors" / repository / part).mkdir()
    (tmp_path / "mirrors" / "loop").symlink_to(tmp_path / "mirrors")
    mirrors = tmp_path / "mirrors"
    assert [request for request, _ in found(pages(today, "folder", path=str(mirrors)))] == [
        f"git:{mirrors / 'a' / 'x.git'}",
        f"git:{mirrors / 'b'}",
    ]
    assert [
        request for request, _ in found(pages(today, "folder", {"after": str(mirrors / "a" / "x.git")}, path=str(mirrors)))
    ] == [f"git:{mirrors / 'b'}"]


def test_hours_of_days_that_are_over(today):
    [page] = pages(today, "gharchive")
    assert [entry.request for entry in page.entries][::23] == ["gharchive:2026-01-30-0", "gharchive:2026-01-30-23"]
    assert {entry.due for entry in page.entries} == {"2026-01-30"}
    assert pages(today, "gharchive", page.cursor) == []
    assert len(pages(today, "gharchive", since="2026-01-01")) == 30


def simple_index(server, answer, monkeypatch, name, files):
    """A package index that tells upload times (PEP 700), and pip's settings for it."""
    told = {
        "meta": {"api-version": "1.1"},
        "name": name,
        "files": [{"filename": file, "url": f"{server.url}/{file}", "hashes": {}, "upload-time": time} for file, time in files],
    }
    kind = {"Content-Type": "application/vnd.pypi.simple.v1+json"}
    server.put(f"/simple/{name}/", answer(json.dumps(told).encode(), headers=kind))
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple/")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.delenv("PIP_NO_INDEX", raising=False)
    monkeypatch.setenv("PIP_FIND_LINKS", "")


def test_versions_belong_to_the_day_of_their_upload(server, answer, today, monkeypatch):
    files = [
        ("mine-1.0.tar.gz", "2026-01-29T23:59:59Z"),
        ("mine-1.1.tar.gz", "2026-01-30T00:00:00Z"),
        ("mine-1.1-py3-none-any.whl", "2026-01-30T00:00:00Z"),
        ("mine-2.0.zip", "2026-01-31T01:00:00.5+02:00"),
        ("mine-2.1.tar.gz", "2026-01-31T01:00:00Z"),
    ]
    simple_index(server, answer, monkeypatch, "mine", files)
    [page] = pages(today, "pypi", names=["mine"], since="2026-01-30")
    assert [(entry.request, entry.due) for entry in page.entries] == [
        ("pypi:mine==1.1", "2026-01-30"),
        ("pypi:mine==2.0", "2026-01-30"),
        ("pypi:mine==2.1", "2026-01-31"),
    ]
    [page] = pages(today, "pypi", names=["mine"])
    assert [entry.request for entry in page.entries] == ["pypi:mine==2.1"], "from the first listing on, unless told"
    assert page.cursor == {"since": "2026-01-31"}


def test_a_package_that_is_gone_holds_no_other_back(server, answer, today, monkeypatch):
    simple_index(server, answer, monkeypatch, "mine", [("mine-1.0.tar.gz", "2026-01-31T00:00:00Z")])
    gone, mine = pages(today, "pypi", names=["gone", "mine"])
    assert [entry.problem for entry in gone.entries] == ["pip's index and links have no source archive of gone"]
    assert gone.cursor["after"] == "gone"
    assert [entry.request for entry in mine.entries] == ["pypi:mine==1.0"]
