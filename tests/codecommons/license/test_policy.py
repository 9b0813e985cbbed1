# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from dataclasses import replace

import pytest

from codecommons.errors import UsageError
from codecommons.license.policy import Judgement, policies, policy, read_policy
from codecommons.settings import Settings

STRICTER = """
name: no-attribution
version: 3
description: Only what asks for nothing at all.
rules:
  - name: dedicated
    verdict: permissive
    licenses: [0BSD]
    categories: [Public Domain]
"""


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path, lake=str(tmp_path / "lake"))


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
        "",
        "()",
        "AND",
        "MIT WITH MIT",
        "Classpath-exception-2.0",
        "MIT WITH Nothing",
    ],
)
def test_what_is_not_understood_is_unknown_never_permissive(permissive, expression):
    assert permissive.judge(expression) == Judgement("unknown", "unrecognised-license")


def test_a_policy_is_one_new_file(settings):
    folder = settings.home / "policies"
    folder.mkdir()
    (folder / "no-attribution.yaml").write_text(STRICTER)
    assert list(policies(settings)) == ["no-attribution", "permissive"]
    mine = policy(settings, "no-attribution")
    assert [mine.judge(one).verdict for one in ("0BSD", "Unlicense", "MIT")] == ["permissive", "permissive", "unknown"]


def test_a_rule_that_names_a_licence_goes_before_one_that_names_its_category(settings):
    path = settings.home / "odd.yaml"
    path.write_text(
        "name: odd\nversion: 1\ndescription: x\nrules:\n- {name: all, verdict: permissive, categories: [Permissive]}\n"
        "- {name: not-this, verdict: non_permissive, licenses: [beerware]}\n"
    )
    odd = read_policy(path)
    assert odd.judge("Beerware") == Judgement("non_permissive", "not-this")
    assert odd.judge("MIT") == Judgement("permissive", "all")


def test_the_key_changes_with_the_meaning_and_only_with_it(settings, permissive):
    assert permissive.key(settings) == policy(settings, "permissive").key(replace(settings, workers=7))
    assert permissive.key(settings).startswith("permissive-")
    assert replace(permissive, version=2).key(settings) != permissive.key(settings)
    assert replace(permissive, foreign_folders=()).key(settings) != permissive.key(settings)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("licenses: [0BSD]", "licenses: [0BSB]", "0BSB.*no SPDX licence identifier; did you mean '0BSD'"),
        ("[Public Domain]", "[Public Domian]", "did you mean 'Public Domain'"),
        ("verdict: permissive", "verdict: permisive", "did you mean 'permissive'"),
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
        ("rules:", "own_paths: ['[a']\nrules:", "no regular expression"),
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


def test_a_users_policy_does_not_replace_one_of_ours(settings):
    (settings.home / "policies").mkdir()
    (settings.home / "policies" / "permissive.yaml").write_text(STRICTER)
    with pytest.raises(UsageError, match="must be the file's name"):
        policies(settings)
    (settings.home / "policies" / "permissive.yaml").write_text(STRICTER.replace("no-attribution", "permissive"))
    with pytest.raises(UsageError, match="rename it"):
        policies(settings)


def test_an_unknown_policy_is_answered_with_the_nearest_name(settings):
    with pytest.raises(UsageError, match="did you mean 'permissive'"):
        policy(settings, "permisive")
