# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What people may ask, and what is refused with one clear line."""

import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codecommons.errors import UsageError
from codecommons.optout.desk import read_requests
from codecommons.optout.requests import Request, key_of, parse, parse_form
from codecommons.optout.verification import by_account

# An issue as the form of bigcode-project/opt-out-v2 (template of 2026-07-31) writes it.
FORM = b"""### Accounts and organizations to remove ENTIRELY

my-username
My-Org

### Specific repositories to remove

some-org/another-repo

### Optional - your relationship to what you listed

- [x] These are my own personal account(s).
- [ ] I am an owner or admin of the organization(s) listed.

### Optional - a link that helps confirm this is you/yours

_No response_

### Anything else? (optional)

Thanks!
"""
EMPTY = "swh:1:cnt:e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


def test_a_file_may_hold_one_request_or_several():
    one = parse(b"scope: origin\nvalues: [https://github.com/Me/Tool.git]\nclaimant: {contact: me@example.org}\n", "r.yaml")
    assert one.requests == (Request("origin", ("https://github.com/Me/Tool.git",)),)
    assert one.claimant == {"contact": "me@example.org"}
    two = parse(
        b'{"requests": [{"scope": "owner", "values": ["pkg:npm/@me/"]}, {"scope": "author", "values": ["%s"]}]}' % (b"a" * 64),
        "r",
    )
    assert [request.scope for request in two.requests] == ["owner", "author"]


def test_a_form_becomes_owners_and_origins_and_the_rest_stays_private():
    submission = parse_form(FORM.replace(b"\n", b"\r\n"), "issue.md", "my-username")
    assert submission.requests == (
        Request("owner", ("https://github.com/My-Org/",)),
        Request("owner", ("https://github.com/my-username/",)),
        Request("origin", ("https://github.com/some-org/another-repo",)),
    )
    assert submission.claimant["account"] == "my-username"
    assert submission.claimant["notes"] == "Thanks!"
    verified = [by_account(request, "My-Username") for request in submission.requests]
    assert verified == [None, "account github.com/my-username", None]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("scope: origin", "the key 'values' is missing"),
        ("scope: orign\nvalues: [pkg:pypi/a]", "did you mean 'origin'"),
        ("scope: origin\nvalues: []", "it must be a list"),
        ("scope: origin\nvalues: pkg:pypi/a", "it must be a list"),
        ("scope: origin\nvalues: [https://github.com/]", "whole forge"),
        ("scope: origin\nvalues: [https://github.com/*]", "must be one origin"),
        ("scope: origin\nvalues: [https://github.com/me/../you]", "must be one origin"),
        ("scope: origin\nvalues: [pkg:pypi/]", "must be one origin"),
        ("scope: owner\nvalues: [https://github.com/]", "too broad"),
        ("scope: owner\nvalues: [https://github.com/me]", "an owner ends in '/'"),
        ("scope: owner\nvalues: [pkg:npm/]", "too broad"),
        ('scope: path\nwithin: pkg:pypi/a\nvalues: ["**/*"]', "every path"),
        ("scope: path\nwithin: pkg:pypi/a\nvalues: [../b]", "without '..'"),
        ("scope: path\nvalues: [a.py]", "needs 'within'"),
        ("scope: origin\nvalues: [pkg:pypi/a]\nwithin: pkg:pypi/b", "say which is meant"),
        (f"scope: content\nvalues: ['{EMPTY}']", "nobody's"),
        ("scope: content\nvalues: ['swh:1:dir:" + "a" * 40 + "']", "takes swh:1:cnt"),
        ("scope: content\nvalues: [abc]", "abc"),
        ("scope: author\nvalues: [Jane Doe <jane@example.org>]", "never the name itself"),
        ('scope: origin\nvalues: ["https://github.com/me/to\\u202Eol"]', "invisible character U+202E"),
        ('scope: origin\nvalues: ["https://github.com/me/tool\\0"]', "control character U+0000"),
        ("scope: origin\nvalues: [pkg:pypi/a]\nforce: true", "unknown key 'force'"),
        ("scope: origin\nscope: owner\nvalues: [pkg:pypi/a]", "written twice"),
        ("scope: origin\nvalues: [pkg:pypi/a]\nrequests: []", "beside it"),
        ("requests: [{scope: origin, values: [pkg:pypi/a]}, {scope: origin, values: ['*']}]", "request 2"),
        ("scope: origin\nvalues: [" + ", ".join(f"pkg:pypi/a{at}" for at in range(1001)) + "]", "at most 1000"),
        ("scope: origin\nvalues: [" + "a" * 3000 + "]", "at most 2048"),
        ("- a", "must be lines"),
        ("", "must be lines"),
    ],
)
def test_what_is_malformed_hostile_or_too_broad_is_refused_in_one_line(text, said):
    with pytest.raises(UsageError, match=re.escape(said)) as caught:
        parse(text.encode(), "r.yaml")
    assert "\n" not in str(caught.value)
    assert "jane" not in str(caught.value).lower()


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (FORM.replace(b"some-org/another-repo", b"some-org"), "is not OWNER/REPOSITORY"),
        (FORM.replace(b"my-username", b"*"), "is not an account"),
        (FORM.replace(b"some-org/another-repo", b"some-org/.."), "is not OWNER/REPOSITORY"),
        (FORM.replace(b"### Anything else? (optional)", b"### Anything"), "not one of the form"),
        (FORM + FORM, "there twice"),
        (b"Hello\n" + FORM, "before the form's first heading"),
        (FORM.replace(b"my-username\nMy-Org", b"_No response_").replace(b"some-org/another-repo", b""), "neither an account"),
        (FORM.replace(b"my-username", b"\xff"), "not UTF-8"),
    ],
)
def test_a_form_with_a_wrong_line_is_refused_whole(form, said):
    with pytest.raises(UsageError, match=re.escape(said)):
        parse_form(form, "issue.md")


def test_an_account_counts_only_when_an_operator_has_seen_it():
    text = b"scope: origin\nvalues: [https://github.com/me/tool]\nclaimant: {contact: a@example.org, account: me}\n"
    assert "account" not in read_requests(text, "r.yaml", None).claimant
    assert read_requests(text, "r.yaml", "you").claimant["account"] == "you"


def test_an_origin_is_the_same_however_it_is_written():
    same = ["https://github.com/Me/Tool", "http://www.GitHub.com/me/tool.git", "https://github.com/me/tool/"]
    assert {key_of(origin) for origin in same} == {"github.com/me/tool"}
    assert key_of("https://forge.example/Me/Tool") != key_of("https://forge.example/me/tool")
    same = ["ssh://git@github.com/me/tool", "https://user@github.com:443/me//tool", "https://github.com:/me/tool"]
    assert {key_of(origin) for origin in same} == {"github.com/me/tool"}
    same = [
        "git@github.com:me/tool.git",
        "git@GitHub.com:/Me/tool",
        "git+ssh://git@github.com:22/me/tool",
        "https://github.com./me/tool",
    ]
    assert {key_of(origin) for origin in same} == {"github.com/me/tool"}
    assert key_of("https://forge.example:8443/me/tool") != key_of("https://forge.example/me/tool")
    assert {key_of(f"pkg:pypi/{name}") for name in ("Typing_Extensions", "typing.extensions")} == {"pkg:pypi/typing-extensions"}
    assert key_of("pkg:npm/@me/Tool") == "pkg:npm/%40me/Tool"
    assert key_of("pkg:github/Me/Tool") == "pkg:github/me/tool"


@pytest.mark.parametrize(
    "same",
    [
        ("https://forge.example/me/a%2Db%7Ec", "https://forge.example/me/a-b~c"),
        ("https://forge.example/m%C3%A9/tool", "https://forge.example/m%c3%a9/tool", "https://forge.example/mé/tool"),
        ("https://github.com/Me/To%6fL.git", "https://github.com/me/tool", "https://github.com/me/tool%2Egit"),
        ("https://münchen.example/me/tool", "https://MÜNCHEN.example/me/tool", "https://xn--mnchen-3ya.example:443/me/tool"),
        ("pkg:composer/Symfony/Console", "pkg:composer/symfony/console", "pkg:Composer/symfony/console/"),
        ("pkg:npm/@me/Tool", "pkg:npm/%40me/Tool"),
        ("pkg:pypi/a%2Eb", "pkg:pypi/A_b"),
        ("file:///srv/a%20b", "file:///srv/a b"),
    ],
)
def test_an_origin_is_the_same_in_whatever_letters_it_is_written(same):
    assert len({key_of(origin) for origin in same}) == 1


def test_what_is_not_the_same_origin_stays_apart():
    apart = [
        ("https://forge.example/me/a%2Fb", "https://forge.example/me/a/b"),
        ("https://forge.example/me/a%25b", "https://forge.example/me/a%b0"),
        ("https://forge.example/me/a+b", "https://forge.example/me/a%20b"),
        ("pkg:npm/Tool", "pkg:npm/tool"),
    ]
    assert all(key_of(one) != key_of(other) for one, other in apart)
    assert key_of(f"https://{'x' * 70}.example/a") == f"{'x' * 70}.example/a"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/?#"), min_size=1, max_size=8))
def test_escaping_all_of_a_name_makes_no_other_origin(name):
    escaped = "".join(f"%{byte:02X}" for byte in name.encode())
    plain = quote(name)
    assert key_of(f"https://forge.example/me/{escaped}/x") == key_of(f"https://forge.example/me/{plain}/x")


def test_a_pattern_of_many_wildcards_is_refused():
    for pattern in ("?" * 60 + "a", "*a" * 60):
        with pytest.raises(UsageError, match="a path has at most 50"):
            read_requests(f"scope: path\nvalues: ['{pattern}']\nwithin: pkg:pypi/a\n".encode(), "r.yaml", None)


def test_an_account_of_a_known_forge_is_no_origin_and_the_scope_for_it_is_named():
    with pytest.raises(UsageError, match=r"that is an account; write .* under the scope owner"):
        read_requests(b"scope: origin\nvalues: [https://github.com/me]\n", "r.yaml", None)
    assert read_requests(b"scope: origin\nvalues: [https://forge.example/tool]\n", "r.yaml", None).requests


@pytest.mark.parametrize(
    "source",
    [
        b"word " * 10_000,
        b"scope: [" + b"x, " * 10_000 + b"x]",
        b"scope: " + b"y" * 10_000,
        b"scope: origin\nvalues: " + b"A" * 10_000,
    ],
)
def test_an_error_shows_little_of_a_file_that_is_something_else(source):
    with pytest.raises(UsageError) as refused:
        read_requests(source, "notes.txt", None)
    assert len(str(refused.value)) < 500
    assert "\n" not in str(refused.value)
