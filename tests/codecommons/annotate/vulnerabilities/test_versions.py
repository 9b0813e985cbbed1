# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The order of versions, with the examples of those who defined it."""

from __future__ import annotations

import itertools

import pytest

from codecommons.annotate.vulnerabilities.versions import order, semantic

# In ascending order, from the definition that is named.
ASCENDING = {
    ("npm", "SEMVER"): [  # SemVer 2.0.0, sections 9 and 11
        "1.0.0-0.3.7",
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "2.0.0",
        "2.1.0",
        "2.1.1",
    ],
    ("Go", "SEMVER"): ["0.0.0-20220524220425-1d687d428aca", "0.1.1-0.20221104162952-702349b0e862", "v0.1.1", "1.22"],
    ("PyPI", "ECOSYSTEM"): [  # PEP 440, "Summary of permitted suffixes and relative ordering"
        "1.dev0",
        "1.0.dev456",
        "1.0a1",
        "1.0a2.dev456",
        "1.0a12.dev456",
        "1.0a12",
        "1.0b1.dev456",
        "1.0b2",
        "1.0b2.post345.dev456",
        "1.0b2.post345",
        "1.0rc1.dev456",
        "1.0rc1",
        "1.0",
        "1.0+abc.5",
        "1.0+abc.7",
        "1.0+5",
        "1.0.post456.dev34",
        "1.0.post456",
        "1.0.15",
        "1.1.dev1",
        "1!0.1",
    ],
    ("Debian:12", "ECOSYSTEM"): [
        "1.0~beta1~svn1245",
        "1.0~beta1",
        "1.0",
        "1.0-1",
        "1.0-1+deb12u1",
        "1.0-1.1",
        "1.0a",
        "1.9",
        "1.10",
        "1:0.1",
    ],
    ("Maven", "ECOSYSTEM"): [  # Maven's own specification of version order
        "1-alpha-1",
        "1-beta",
        "1-milestone",
        "1-rc",
        "1-snapshot",
        "1",
        "1-sp",
        "1-foo2",
        "1-foo10",
        "1-1",
        "1.1",
    ],
    ("RubyGems", "ECOSYSTEM"): ["1.0.a", "1.0.b1", "1.0.b2", "1.0", "1.0.1", "1.8", "1.10", "2"],
    ("NuGet", "ECOSYSTEM"): ["1.0.0-alpha", "1.0.0-beta", "1.0.0", "1.0.0.1", "1.0.1", "1.10.0"],
    ("Alpine:v3.19", "ECOSYSTEM"): ["1.0_alpha", "1.0_rc1", "1.0", "1.0-r1", "1.0_p1", "1.0a", "1.9", "1.10"],
    ("Red Hat", "ECOSYSTEM"): ["1.0~rc1-1.el8", "1.0-1.el8", "1.0-2.el8", "1.9-1.el8", "1.10-1.el8", "1:0.1-1.el8"],
}


@pytest.mark.parametrize("ecosystem", ASCENDING, ids=lambda one: one[0])
def test_versions_are_in_the_order_that_their_ecosystem_defines(ecosystem):
    read = order(*ecosystem)
    for one, other in itertools.combinations(ASCENDING[ecosystem], 2):
        assert read(one) < read(other), (one, other)
        assert not read(other) < read(one), (one, other)


@pytest.mark.parametrize("said", ["", "1.0.0.0", "01.0.0", "1.0.0-", "1.0.0-a..b", "latest", "1.0.0+", "one", "\u0661.0.0"])
def test_what_is_no_semantic_version_is_refused(said):
    with pytest.raises(ValueError, match="no semantic version"):
        semantic(said)


def test_build_metadata_and_missing_numbers_make_no_difference():
    assert semantic("1.2.0+build.7") == semantic("1.2.0") == semantic("v1.2") == semantic("1.2")


@pytest.mark.parametrize("ecosystem", ["Packagist", "CRAN", "GitHub Actions", "Unheard-of", ""])
def test_an_ecosystem_whose_order_is_not_known_has_none(ecosystem):
    assert order(ecosystem, "ECOSYSTEM") is None
