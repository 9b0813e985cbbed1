# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codecommons.errors import UsageError
from codecommons.license.blue_oak import FILE, RATINGS, ratings
from codecommons.license.expressions import licenses
from codecommons.license.policy import VERDICTS, Judgement, policies, policy, read_policy, unreadable
from codecommons.settings import Settings

STRICTER = """
name: no-attribution
version: 3
description: Only what asks for nothing at all.
no_license: unknown
rules:
  - name: dedicated
    verdict: permissive
    licenses: [0BSD]
    categories: [Public Domain]
"""


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path, lake=str(tmp_path / "lake"))


@pytest.fixture(scope="module")
def policy_of_ours(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    return policy(Settings(home=home, lake=str(home)), "permissive")


@pytest.fixture
def permissive(settings):
    return policy(settings, "permissive")


@pytest.mark.parametrize(
    ("expression", "verdict"),
    [
        ("MIT", "permissive"),
        ("0BSD", "permissive"),
        ("CC0-1.0", "permissive"),
        ("Apache-2.0 WITH LLVM-exception", "permissive"),
        ("MIT AND BSD-3-Clause", "permissive"),
        ("MIT OR GPL-3.0-only", "permissive"),
        ("(MIT AND BSD-3-Clause) OR GPL-2.0-or-later", "permissive"),
        ("MIT AND GPL-3.0-only", "copyleft"),
        ("MIT AND (GPL-3.0-only OR MPL-2.0)", "copyleft"),
        ("GPL-2.0", "copyleft"),
        ("LGPL-2.1+", "copyleft"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "copyleft"),
        ("CC-BY-NC-4.0", "non_permissive"),
        ("MIT AND BUSL-1.1", "non_permissive"),
        ("MIT OR LicenseRef-of-my-own", "permissive"),
        ("GPL-2.0-only AND x11vnc-openssl-exception", "copyleft"),
        ("MIT AND Classpath-exception-2.0", "permissive"),
        ("MIT AND LicenseRef-scancode-commons-clause", "non_permissive"),
    ],
)
def test_an_expression_is_worth_its_worst_and_or_its_best_or(permissive, expression, verdict):
    assert permissive.judge(expression).verdict == verdict


@pytest.mark.parametrize(
    "expression",
    [
        "LicenseRef-of-my-own",
        "MIT AND LicenseRef-of-my-own",
        "MIT AND",
        "()",
        "AND",
        "MIT WITH MIT",
        "(MIT AND " * 900 + "ISC" + ")" * 900,
        "Classpath-exception-2.0",
        "MIT WITH Nothing",
        "Classpath-exception-2.0 AND LLVM-exception",
    ],
)
def test_what_is_not_understood_is_unknown_never_permissive(permissive, expression):
    assert permissive.judge(expression) == Judgement("unknown", "unrecognised-license")


def test_a_policy_is_one_new_file(settings):
    folder = settings.home / "policies"
    folder.mkdir()
    (folder / "no-attribution.yaml").write_text(STRICTER)
    assert list(policies(settings)) == ["any-known", "attribution", "copyleft-ok", "no-attribution", "permissive", "stack-v2"]
    mine = policy(settings, "no-attribution")
    assert [mine.judge(one).verdict for one in ("0BSD", "Unlicense", "MIT")] == ["permissive", "permissive", "unknown"]


def test_a_rule_that_names_a_licence_goes_before_one_that_names_its_category(settings):
    path = settings.home / "odd.yaml"
    path.write_text(
        "name: odd\nversion: 1\ndescription: x\nno_license: unknown\n"
        "rules:\n- {name: all, verdict: permissive, categories: [Permissive]}\n"
        "- {name: not-this, verdict: non_permissive, licenses: [beerware]}\n"
    )
    odd = read_policy(path)
    assert odd.judge("Beerware")[:2] == ("non_permissive", "not-this")
    assert odd.judge("MIT")[:2] == ("permissive", "all")


def test_the_key_changes_with_the_meaning_and_only_with_it(settings, permissive):
    assert permissive.key(settings) == policy(settings, "permissive").key(replace(settings, workers=7))
    assert permissive.key(settings).startswith("permissive-")
    assert replace(permissive, version=permissive.version + 1).key(settings) != permissive.key(settings)
    assert replace(permissive, resolution="stack-v2").key(settings) != permissive.key(settings)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("licenses: [0BSD]", "licenses: [0BSB]", "0BSB.*no SPDX licence identifier; did you mean '0BSD'"),
        ("[Public Domain]", "[Public Domian]", "did you mean 'Public Domain'"),
        ("verdict: permissive", "verdict: permisive", "did you mean 'permissive'"),
        ("verdict: permissive", "verdict: no_license", "verdict is 'no_license'"),
        ("version: 3", "version: three", "version is 'three'"),
        ("version: 3\n", "", "the key 'version' is missing"),
        ("licenses:", "licences:", "unknown key 'licences'; did you mean 'licenses'"),
        ("name: no-attribution", "name: something-else", "must be the file's name"),
        ("name: dedicated", "name: no-license", "'no-license' is in rule 'no-license' and in every policy"),
        ("rules:\n", "rules: []\nunused:\n", "unknown key 'unused'"),
        (
            "categories: [Public Domain]",
            "categories: [Public Domain]\n  - {name: again, verdict: copyleft, licenses: [0BSD]}",
            "'0BSD' is in rule 'again' and",
        ),
        ("    licenses: [0BSD]\n    categories: [Public Domain]\n", "", "names no licence"),
        ("rules:", "rules: [", "line "),
        ("rules:", "resolution: nearst\nrules:", "did you mean 'nearest'"),
        ("rules:", "ignored: [MIT]\nrules:", "choices: false"),
        ("rules:", "choices: false\nignored: [0BSD]\nrules:", "'0BSD' is ignored and is in rule"),
        ("rules:", "resolution: {a: b}\nrules:", "resolution is"),
        ("no_license: unknown\n", "", "the key 'no_license' is missing"),
        ("no_license: unknown", "no_license: permissive", "without a licence it can only be no_license or unknown"),
        ("licenses: [0BSD]", "ratings: [Golden]", "did you mean 'Gold'"),
        (
            "categories: [Public Domain]",
            "ratings: [Gold]\n  - {name: again, verdict: copyleft, ratings: [Gold]}",
            "'rating Gold' is in rule 'again' and",
        ),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_in_one_clear_line(tmp_path, old, new, message):
    path = tmp_path / "no-attribution.yaml"
    path.write_text(STRICTER.replace(old, new))
    assert path.read_text() != STRICTER
    with pytest.raises(UsageError, match=message) as refused:
        read_policy(path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "expected"),
    {
        "permissive": "permissive permissive permissive copyleft copyleft non_permissive unknown unknown",
        "attribution": "permissive copyleft non_permissive copyleft copyleft non_permissive unknown unknown",
        "copyleft-ok": "permissive permissive permissive copyleft copyleft non_permissive unknown unknown",
        "any-known": "permissive permissive permissive permissive permissive permissive no_license unknown",
        "stack-v2": "permissive permissive permissive non_permissive non_permissive non_permissive no_license unknown",
    }.items(),
)
def test_our_policies_say_of_well_known_licences(settings, name, expected):
    mine = policy(settings, name)
    asked = ("MIT", "Artistic-2.0", "Artistic-1.0", "MPL-2.0", "AGPL-3.0-only", "BUSL-1.1", "", "LicenseRef-of-my-own")
    assert [mine.judge(one).verdict for one in asked] == expected.split()


def test_the_stack_v2_takes_a_choice_for_a_list_and_looks_past_amendments(settings):
    stack = policy(settings, "stack-v2")
    asked = {
        "MIT OR GPL-3.0-only": "non_permissive",
        "MIT AND LicenseRef-scancode-generic-cla": "permissive",
        "LicenseRef-scancode-google-cla": "no_license",
        "MIT AND LicenseRef-scancode-unknown-license-reference": "permissive",
        "GPL-2.0-only AND LicenseRef-scancode-unknown-license-reference": "non_permissive",
        "LicenseRef-scancode-unknown-license-reference": "non_permissive",
    }
    assert {one: stack.judge(one).verdict for one in asked} == asked


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("MIT", ("notice", "license-text")),
        ("0BSD", ()),
        ("CC0-1.0", ()),
        ("LGPL-2.1-only", ("notice", "license-text", "share-alike")),
        ("AGPL-3.0-or-later", ("notice", "license-text", "share-alike", "network-use")),
        ("MIT AND AGPL-3.0-only", ("notice", "license-text", "share-alike", "network-use")),
        ("0BSD OR GPL-3.0-only", ()),
        ("GPL-2.0-only WITH Classpath-exception-2.0", ("notice", "license-text", "share-alike")),
        ("MIT AND LicenseRef-of-my-own", ()),
        ("", ()),
    ],
)
def test_a_decision_says_what_the_licences_ask_for_that_it_rests_on(settings, expression, expected):
    assert policy(settings, "copyleft-ok").judge(expression).obligations == expected


def test_every_licence_that_blue_oak_rates_is_known_and_permissive(permissive):
    for identifier in ratings():
        assert identifier.lower() in licenses()
        assert permissive.judge(identifier).verdict == "permissive"
    rated = json.loads(FILE.read_text())
    assert tuple(rated["ratings"]) == RATINGS
    assert rated["source"].startswith("npm:@blueoak/list@")


LEAVES = st.sampled_from(["MIT", "0BSD", "Apache-2.0", "MPL-2.0", "GPL-3.0-only", "AGPL-3.0-only", "BUSL-1.1", "LicenseRef-x"])
EXPRESSIONS = st.recursive(LEAVES, lambda parts: st.builds("({} {} {})".format, parts, st.sampled_from(["AND", "OR"]), parts))


@given(EXPRESSIONS, EXPRESSIONS)
def test_and_is_never_better_and_or_never_worse_than_a_part(policy_of_ours, one, other):
    worth = [
        VERDICTS.index(policy_of_ours.judge(text).verdict) for text in (one, f"({one}) AND ({other})", f"({one}) OR ({other})")
    ]
    assert worth[2] <= worth[0] <= worth[1]


def test_a_users_policy_does_not_replace_one_of_ours(settings):
    (settings.home / "policies").mkdir()
    ours = policy(settings, "permissive")
    (settings.home / "policies" / "permissive.yaml").write_text(STRICTER.replace("no-attribution", "permissive"))
    assert policy(settings, "permissive") == ours
    assert "rename it" in unreadable(settings)["permissive"]


def test_a_policy_that_can_not_be_read_takes_no_other_with_it(settings):
    (settings.home / "policies").mkdir()
    (settings.home / "policies" / "no-attribution.yaml").write_text(STRICTER)
    (settings.home / "policies" / "mine.yaml").write_text("name: mine\nversion: [")
    (settings.home / "policies" / "other.yaml").write_text(STRICTER)
    assert {"no-attribution", "permissive"} < set(policies(settings))
    assert set(unreadable(settings)) == {"mine", "other"}
    assert all("\n" not in why for why in unreadable(settings).values())
    with pytest.raises(UsageError, match="must be the file's name"):
        policy(settings, "other")
    assert policy(settings, "no-attribution").name == "no-attribution"


def test_an_unknown_policy_is_answered_with_the_nearest_name(settings):
    with pytest.raises(UsageError, match="did you mean 'permissive'"):
        policy(settings, "permisive")


def test_a_policy_that_is_edited_is_read_again(settings):
    path = settings.home / "policies" / "no-attribution.yaml"
    path.parent.mkdir()
    versions = []
    for version in (3, 4, 3):
        path.write_text(STRICTER.replace("version: 3", f"version: {version}"))
        versions.append(policy(settings, "no-attribution").version)
    assert versions == [3, 4, 3]
