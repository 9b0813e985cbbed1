# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import hashlib
from pathlib import Path

import polars as pl
import pytest

from codecommons.errors import UsageError
from codecommons.license.lists import UNREADABLE
from codecommons.license.policy import policy
from codecommons.license.resolve import COLUMNS, nearest, subtree
from codecommons.settings import Settings
from codecommons.swhid import Swhid

ROOT = b"r" * 20


@pytest.fixture(scope="module")
def permissive(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    return policy(Settings(home=home, lake=str(home)), "permissive")


UNLISTED = {"listed": None, "listed_by": None, "listed_at": None}


def tree(*files, root=ROOT):
    """Files as path or (path, what was found): own, speaks, metadata, vendored, declared."""
    rows = []
    for file in files:
        path, found = (file, {}) if isinstance(file, (str, bytes)) else file
        path = path if isinstance(path, bytes) else path.encode()
        row = {
            "root": root,
            "path": path,
            "content": hashlib.sha1(path).digest(),
            "own": None,
            "lines": None,
            "speaks": None,
        }
        rows.append({**row, "metadata": None, "vendored": False, "declared": None, "declared_by": None, **UNLISTED, **found})
    kinds = [pl.Binary, pl.Binary, pl.Binary, pl.String, pl.String, pl.String, pl.String, pl.Boolean]
    kinds += [pl.String, pl.String, pl.String, pl.String, pl.Binary]
    return pl.DataFrame(rows, schema=dict(zip(COLUMNS, kinds, strict=True)))


def text(path, expression, **more):
    return path, {"own": expression, "speaks": "license-file", "lines": "1-21", **more}


def header(path, expression, **more):
    return path, {"own": expression, "lines": "3", **more}


def metadata(path, expression, **more):
    return path, {"metadata": expression, **more}


def declared(path, expression, **more):
    return path, {"declared": expression, "declared_by": "table:docs", **more}


def listed(path, expression, at, **more):
    return path, {"listed": expression, "listed_by": "swh:1:cnt:" + "1" * 40, "listed_at": at, **more}


def decisions(files, policy):
    found = nearest(files)
    decided = [policy.decide(*row) for row in found.select("expression", "otherwise").iter_rows()]
    found = found.with_columns(
        expression=pl.Series([expression or None for expression, _ in decided], dtype=pl.String),
        verdict=pl.Series([judgement.verdict for _, judgement in decided]),
        rule=found["kind"] + "/" + pl.Series([judgement.rule for _, judgement in decided]),
    )
    assert found.select("root", "path", "content").equals(files.select("root", "path", "content").sort("root", "path"))
    assert found["evidence"].list.len().min() >= 1
    for swhid in found["evidence"].explode():
        if not swhid.startswith("table:"):
            Swhid.parse(swhid)
    return {row["path"]: row for row in found.to_dicts()}


def answers(files, policy):
    return {path.decode(): (row["verdict"], row["rule"], row["expression"]) for path, row in decisions(files, policy).items()}


def test_a_files_own_header_decides_and_what_the_folder_says_otherwise_stays_visible(permissive):
    files = tree(text("COPYING", "GPL-3.0-only"), header("src/a.c", "MIT"), "src/b.c")
    assert answers(files, permissive) == {
        "COPYING": ("copyleft", "license-file/copyleft-license", "GPL-3.0-only"),
        "src/a.c": ("permissive", "header/permissive-license", "MIT"),
        "src/b.c": ("copyleft", "license-file/copyleft-license", "GPL-3.0-only"),
    }
    mine, other = decisions(files, permissive)[b"src/a.c"]["evidence"]
    assert Swhid.parse(mine).path == b"/src/a.c"
    assert str(Swhid.parse(mine).lines) == "3"
    assert Swhid.parse(other).path == b"/COPYING"
    assert Swhid.parse(other).anchor == f"swh:1:dir:{ROOT.hex()}"


def test_a_file_s_licence_beside_it_speaks_for_that_alone_and_for_its_folder_where_there_is_no_such_file(permissive):
    sidecar = text("img/logo.png.license", "GPL-3.0-only")
    found = answers(tree(text("LICENSE", "MIT"), sidecar, "img/logo.png", "img/a.c"), permissive)
    assert found["img/a.c"] == ("permissive", "license-file/permissive-license", "MIT")
    assert found["img/logo.png.license"] == ("copyleft", "header/copyleft-license", "GPL-3.0-only")
    alone = answers(tree(text("LICENSE", "MIT"), sidecar, "img/a.c"), permissive)
    assert alone["img/a.c"] == ("copyleft", "license-file/copyleft-license", "GPL-3.0-only")


def test_a_nested_licence_file_overrides_the_outer_one_in_its_folder_only(permissive):
    found = answers(
        tree(text("LICENSE", "MIT"), text("docs/LICENSE", "CC-BY-NC-4.0"), "docs/a/b.md", "docs.py", "src/a.py"), permissive
    )
    assert found["docs/a/b.md"] == ("non_permissive", "license-file/restricted-license", "CC-BY-NC-4.0")
    assert found["docs.py"][0] == found["src/a.py"][0] == "permissive"


@pytest.mark.parametrize(
    ("place", "marker"),
    [
        ("node_modules/left-pad", ()),
        ("pkg/_vendor/six", ()),
        ("Vendor/x", ()),
        ("third_party", ()),
        ("env/lib/python3/x", ("env/pyvenv.cfg",)),
        ("env/share", ("env/bin/activate", "env/lib/python3.9/site-packages/pip/a.py")),
        ("a/env/share", ("a/env/Scripts/activate", "a/env/Lib/site-packages/pip/a.py")),
        ("env/share", ("env/bin/activate_this.py", "env/site-packages/pip/a.py")),
        ("miniconda/lib", ("miniconda/conda-meta/history",)),
    ],
)
def test_somebody_elses_code_never_takes_the_licence_of_the_project_around_it(permissive, place, marker):
    found = answers(tree(text("LICENSE", "MIT"), "main.py", f"{place}/index.js", *marker), permissive)
    assert found["main.py"][0] == "permissive"
    assert found[f"{place}/index.js"] == ("unknown", "foreign/no-license", None)


def test_somebody_elses_code_keeps_its_own_licence(permissive):
    found = answers(
        tree(
            text("LICENSE", "MIT"), text("node_modules/a/COPYING", "GPL-2.0-only"), "node_modules/a/lib/x.js",
            metadata("node_modules/b/package.json", "ISC"), "node_modules/b/x.js", header("vendor/c.c", "BSD-2-Clause"),
            text("deps/LICENSE", "Zlib"), "deps/zlib.c",
        ),
        permissive,
    )  # fmt: skip
    assert found["node_modules/a/lib/x.js"] == ("copyleft", "license-file/copyleft-license", "GPL-2.0-only")
    assert found["node_modules/b/x.js"] == ("permissive", "metadata/permissive-license", "ISC")
    assert found["vendor/c.c"] == ("permissive", "header/permissive-license", "BSD-2-Clause")
    assert found["deps/zlib.c"] == ("permissive", "license-file/permissive-license", "Zlib")


def test_a_path_that_is_called_vendored_takes_a_licence_only_from_a_vendored_place(permissive):
    vendored = {"vendored": True}
    found = answers(
        tree(
            text("LICENSE", "MIT"), text("static/LICENSE", "MIT"), ("static/jquery.min.js", vendored), "static/own.js",
            text("dist/x/LICENSE", "Apache-2.0", **vendored), ("dist/x/x.js", vendored), ("dist/y.js", vendored),
        ),
        permissive,
    )  # fmt: skip
    assert found["static/jquery.min.js"] == ("unknown", "foreign/no-license", None)
    assert found["static/own.js"][0] == "permissive"
    assert found["dist/x/x.js"] == ("permissive", "license-file/permissive-license", "Apache-2.0")
    assert found["dist/y.js"] == ("unknown", "foreign/no-license", None)


def test_declarations_and_settings_of_tools_are_the_projects_own_whatever_linguist_says(permissive):
    vendored = {"vendored": True}
    found = answers(
        tree(
            text("LICENSE", "MIT"),
            ("index.d.ts", vendored),
            (".github/ci.yml", vendored),
            ("dist/x.js", vendored),
            ("vendor/x/index.d.ts", vendored),
        ),
        permissive,
    )
    assert [found[path][0] for path in ("index.d.ts", ".github/ci.yml", "dist/x.js", "vendor/x/index.d.ts")] == [
        "permissive",
        "permissive",
        "unknown",
        "unknown",
    ]


def test_package_metadata_speaks_where_no_licence_file_does(permissive):
    found = answers(
        tree(metadata("PKG-INFO", "BSD-3-Clause"), metadata("x.egg-info/PKG-INFO", "BSD-3-Clause"), "src/a.py"), permissive
    )
    assert found["src/a.py"] == ("permissive", "metadata/permissive-license", "BSD-3-Clause")


def test_a_readme_speaks_only_where_nothing_firmer_does(permissive):
    mention = {"speaks": "mention"}
    files = [header("README.md", "MIT", **mention), "a.py", header("docs/README.md", "CC-BY-NC-4.0", **mention), "docs/a.md"]
    found = answers(tree(*files), permissive)
    assert found["a.py"] == ("permissive", "mention/permissive-license", "MIT")
    assert found["docs/a.md"] == ("non_permissive", "mention/restricted-license", "CC-BY-NC-4.0")
    found = answers(tree(*files, metadata("PKG-INFO", "GPL-3.0-only")), permissive)
    assert found["a.py"] == found["docs/a.md"] == ("copyleft", "metadata/copyleft-license", "GPL-3.0-only")


def test_nothing_found_is_unknown_and_the_evidence_is_the_tree_that_was_searched(permissive):
    files = tree("a.py", ("LICENSE", {"speaks": "license-file"}))
    assert set(answers(files, permissive).values()) == {("unknown", "nothing/no-license", None)}
    assert decisions(files, permissive)[b"a.py"]["evidence"] == [f"swh:1:dir:{ROOT.hex()}"]


def test_several_licence_files_of_a_folder_are_all_asked_for(permissive):
    found = answers(tree(text("LICENSE", "MIT"), text("COPYING", "GPL-2.0-only"), "a.c"), permissive)
    assert found["a.c"] == ("copyleft", "license-file/copyleft-license", "GPL-2.0-only AND MIT")


def test_licence_files_that_the_metadata_names_as_alternatives_are_alternatives(permissive):
    files = [text("LICENSE-APACHE", "Apache-2.0"), text("LICENSE-GPL", "GPL-3.0-only"), "a.rs"]
    assert answers(tree(*files), permissive)["a.rs"][0] == "copyleft"
    declared = tree(*files, metadata("Cargo.toml", "Apache-2.0 OR GPL-3.0-or-later"))
    assert answers(declared, permissive)["a.rs"] == (
        "permissive",
        "license-file/permissive-license",
        "Apache-2.0 OR GPL-3.0-or-later",
    )
    assert len(decisions(declared, permissive)[b"a.rs"]["evidence"]) == 3


def test_a_manifest_that_can_say_or_settles_what_one_that_cannot_lists(permissive):
    files = [text("LICENSE-APACHE", "Apache-2.0"), text("LICENSE-MIT", "MIT"), metadata("PKG-INFO", "Apache-2.0 AND MIT")]
    found = answers(tree(*files, metadata("Cargo.toml", "Apache-2.0 OR MIT"), "a.rs"), permissive)
    assert found["a.rs"] == ("permissive", "license-file/permissive-license", "Apache-2.0 OR MIT")


def test_licence_file_and_metadata_that_contradict_each_other_are_a_conflict_with_both_as_evidence(permissive):
    files = tree(text("LICENSE", "GPL-3.0-only"), metadata("package.json", "MIT"), "a.js", header("b.js", "ISC"))
    assert answers(files, permissive)["a.js"] == ("conflict", "license-file/conflicting-evidence", "GPL-3.0-only AND MIT")
    paths = [Swhid.parse(one).path for one in decisions(files, permissive)[b"a.js"]["evidence"]]
    assert paths == [b"/LICENSE", b"/package.json"]
    assert answers(files, permissive)["b.js"][0] == "permissive"


def test_metadata_that_nobody_understands_does_not_outvote_a_licence_file(permissive):
    found = answers(tree(text("LICENSE", "MIT"), metadata("PKG-INFO", "LicenseRef-BSD-like"), "a.py"), permissive)
    assert found["a.py"] == ("permissive", "license-file/permissive-license", "MIT")


def test_a_licence_text_that_nobody_understands_is_not_outvoted_by_metadata(permissive):
    found = answers(tree(text("LICENSE", "LicenseRef-odd"), metadata("PKG-INFO", "MIT"), "a.py"), permissive)
    assert found["a.py"][0] == "conflict"


def test_what_a_collection_declares_of_a_file_holds_for_that_file_alone(permissive):
    files = tree(declared("a.md", "MIT"), declared("b.md", "GPL-3.0-only"), declared("c.md", "LicenseRef-unreadable"), "d.md")
    assert answers(files, permissive) == {
        "a.md": ("permissive", "declared/permissive-license", "MIT"),
        "b.md": ("copyleft", "declared/copyleft-license", "GPL-3.0-only"),
        "c.md": ("unknown", "declared/unrecognised-license", "LicenseRef-unreadable"),
        "d.md": ("unknown", "nothing/no-license", None),
    }
    swhid, name = decisions(files, permissive)[b"a.md"]["evidence"]
    assert (Swhid.parse(swhid).path, Swhid.parse(swhid).anchor, name) == (b"/a.md", f"swh:1:dir:{ROOT.hex()}", "table:docs")


def test_a_declaration_stands_between_a_files_own_header_and_its_folder(permissive):
    files = tree(
        text("LICENSE", "GPL-3.0-only"),
        declared("own.md", "MIT", own="CC-BY-NC-4.0", lines="1"),
        declared("same.md", "MIT", own="MIT", lines="1"),
        declared("plain.md", "MIT"),
        declared("garbage.md", "LicenseRef-unreadable"),
    )
    found = answers(files, permissive)
    assert found["own.md"] == ("non_permissive", "header/restricted-license", "CC-BY-NC-4.0")
    assert found["same.md"] == ("permissive", "header/permissive-license", "MIT")
    assert found["plain.md"] == ("permissive", "declared/permissive-license", "MIT")
    assert found["garbage.md"][0] == "unknown"
    evidence = {path: row["evidence"] for path, row in decisions(files, permissive).items()}
    license_file = next(one for one in evidence[b"plain.md"] if "path=/LICENSE" in one)
    assert [len(evidence[path]) for path in (b"own.md", b"same.md", b"plain.md")] == [3, 2, 3]
    assert evidence[b"own.md"][1:] == evidence[b"plain.md"][1:] == ["table:docs", license_file]
    assert evidence[b"same.md"][1:] == [license_file]


def test_trees_do_not_see_each_other(permissive):
    files = pl.concat([tree(text("LICENSE", "MIT"), "a.py", root=b"1" * 20), tree("a.py", root=b"2" * 20)])
    assert nearest(files).filter(pl.col("path") == b"a.py")["expression"].to_list() == ["MIT", ""]


def test_paths_may_be_any_bytes_and_any_depth(permissive):
    deep = b"/".join([b"d"] * 3000)
    odd = b"s\xffrc\n;%/a b.c"
    found = decisions(tree(text("LICENSE", "MIT"), deep + b"/x.c", header(odd, "ISC"), b"caf\xe9/\n.c"), permissive)
    assert {row["verdict"] for row in found.values()} == {"permissive"}
    assert Swhid.parse(found[odd]["evidence"][0]).path == b"/" + odd


def test_no_files_are_no_decisions(permissive):
    assert nearest(tree()).is_empty()
    assert subtree(tree()).is_empty()


def test_a_choice_with_the_texts_of_what_it_offers_is_a_choice(permissive):
    perl = "(GPL-1.0-or-later OR Artistic-1.0-Perl) AND GPL-1.0-only AND Artistic-1.0-Perl"
    found = answers(tree(text("LICENSE", perl), "lib/A.pm", header("lib/B.pm", perl)), permissive)
    assert found["lib/A.pm"] == ("permissive", "license-file/permissive-license", "GPL-1.0-or-later OR Artistic-1.0-Perl")
    assert found["lib/B.pm"][0] == "copyleft", "in a header, all of it is asked for"
    other = answers(tree(text("LICENSE", "(MIT OR Apache-2.0) AND GPL-2.0-only"), "a.py"), permissive)
    assert other["a.py"][0] == "copyleft"


def test_the_stack_v2_adds_nested_licences_and_knows_no_foreign_folder():
    files = tree(
        text("LICENSE", "MIT"), text("a/COPYING", "GPL-3.0-only"), "a/b/c.py", header("a/mine.c", "BSD-2-Clause"),
        "node_modules/x/y.js", metadata("p/package.json", "ISC"),
        ("p/README.md", {"own": "Zlib", "speaks": "mention", "lines": "9"}), "p/x.js",
    )  # fmt: skip
    found = {path.decode(): expression for path, expression in subtree(files).select("path", "expression").iter_rows()}
    assert found["a/b/c.py"] == found["a/mine.c"] == "GPL-3.0-only AND MIT"
    assert found["node_modules/x/y.js"] == "MIT"
    assert found["p/x.js"] == found["p/package.json"] == "MIT AND Zlib"
    [evidence] = subtree(files).filter(pl.col("path") == b"a/b/c.py")["evidence"].to_list()
    assert [Swhid.parse(one).path for one in evidence] == [b"/a/COPYING", b"/LICENSE"]
    [nothing] = subtree(tree(header("x.c", "MIT"))).to_dicts()
    assert (nothing["expression"], nothing["kind"]) == ("", "nothing")
    assert nothing["evidence"] == [f"swh:1:dir:{ROOT.hex()}"]


def test_a_contradiction_is_a_conflict_only_under_a_policy_to_which_it_makes_a_difference(permissive):
    folder = tree(text("LICENSE", "GPL-3.0-only"), metadata("setup.py", "MIT"), "a.py")
    assert answers(folder, permissive)["a.py"] == ("conflict", "license-file/conflicting-evidence", "GPL-3.0-only AND MIT")
    [said] = nearest(folder).filter(pl.col("path") == b"a.py").to_dicts()
    assert (said["expression"], said["otherwise"]) == ("GPL-3.0-only", "MIT")
    any_known = policy(Settings(home=Path("nowhere"), lake="nowhere"), "any-known")
    assert answers(folder, any_known)["a.py"][0] == "permissive"


def test_a_policy_name_is_checked_before_anything_is_decided(tmp_path):
    with pytest.raises(UsageError, match="there is no licence policy"):
        policy(Settings(home=tmp_path, lake=str(tmp_path)), "nothing")


def kinds_of(*files):
    return {row["path"].decode(): (row["kind"], row["expression"]) for row in nearest(tree(*files)).to_dicts()}


def test_a_list_speaks_of_silent_files_as_closely_as_its_patterns_begin():
    found = kinds_of(
        text("LICENSE", "MIT"),
        listed("logo.png", "CC0-1.0", b"logo.png"),
        listed("src/a.c", "Apache-2.0", b""),
        listed("src/own.c", "Apache-2.0", b"", own="ISC"),
        text("src/old/COPYING", "GPL-2.0-only"),
        listed("src/old/b.c", "Apache-2.0", b"src"),
        listed("src/old/c.c", "Apache-2.0", b"src/old/c.c"),
        listed("src/older/d.c", "Apache-2.0", b"src/old"),
    )
    assert found["logo.png"] == ("listed", "CC0-1.0")
    assert found["src/a.c"] == ("listed", "Apache-2.0")
    assert found["src/own.c"] == ("header", "ISC")
    assert found["src/old/b.c"] == ("license-file", "GPL-2.0-only")
    assert found["src/old/c.c"] == ("listed", "Apache-2.0")
    assert found["src/older/d.c"] == ("listed", "Apache-2.0")


def test_a_list_reaches_somebody_elses_code_only_where_it_names_it():
    found = kinds_of(
        listed("vendor/x/a.c", "MIT", b""),
        listed("vendor/x/b.c", "MIT", b"vendor/x"),
        listed("vendor/x/c.c", "MIT", b"vendor/x/c.c"),
        listed("static/jquery.js", "MIT", b"static", vendored=True),
        listed("static/jquery.min.js", "MIT", b"static/jquery.min.js", vendored=True),
    )
    assert {path: kind for path, (kind, _) in found.items()} == {
        "vendor/x/a.c": "foreign",
        "vendor/x/b.c": "listed",
        "vendor/x/c.c": "listed",
        "static/jquery.js": "foreign",
        "static/jquery.min.js": "listed",
    }


def test_a_list_and_the_licence_file_that_it_overrules_are_both_evidence():
    [row] = [one for one in nearest(tree(text("LICENSE", "MIT"), listed("a.c", "ISC", b""))).to_dicts() if one["path"] == b"a.c"]
    assert row["evidence"][0] == "swh:1:cnt:" + "1" * 40
    assert len(row["evidence"]) == 2
    assert "path=/LICENSE" in row["evidence"][1]


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ([text("sub/LICENSE", UNREADABLE)], "license-file"),
        ([metadata("sub/package.json", UNREADABLE)], "metadata"),
        ([text("sub/LICENSE", UNREADABLE), metadata("sub/package.json", "MIT")], "license-file"),
    ],
)
def test_terms_that_nobody_can_read_keep_the_licence_further_up_out(files, kind, permissive):
    decided = decisions(tree(text("LICENSE", "MIT"), *files, "sub/a.c", "b.c"), permissive)
    assert decided[b"b.c"]["verdict"] == "permissive"
    assert decided[b"sub/a.c"]["verdict"] in ("unknown", "conflict")
    assert decided[b"sub/a.c"]["rule"].startswith(kind)


def test_beside_what_can_be_read_terms_that_can_not_be_do_not_count():
    found = kinds_of(text("LICENSE", "MIT"), text("LICENSE.foo", UNREADABLE), metadata("setup.py", UNREADABLE), "a.c")
    assert found["a.c"] == ("license-file", "MIT")


def others(path, expression):
    return path, {"own": expression, "speaks": "others", "lines": "1-21"}


def test_third_parties_licences_are_asked_for_beside_a_folders_own_and_are_none_themselves():
    found = kinds_of(others("THIRD-PARTY-LICENSES", "MIT"), "a.c")
    assert found["a.c"] == ("nothing", "")
    found = kinds_of(text("LICENSE", "MIT"), others("THIRD-PARTY-LICENSES", "GPL-3.0-only"), "a.c")
    assert found["a.c"] == ("license-file", "GPL-3.0-only AND MIT")
    found = kinds_of(metadata("setup.py", "MIT"), others("THIRD-PARTY-LICENSES", "ISC"), "a.c")
    assert found["a.c"] == ("metadata", "ISC AND MIT")
    found = kinds_of(text("LICENSE", "MIT"), others("sub/third_party_licenses.txt", "GPL-3.0-only"), "sub/x/a.c", "b.c")
    assert found["b.c"] == ("license-file", "MIT")
    assert found["sub/x/a.c"] == ("license-file", "GPL-3.0-only AND MIT")


def test_no_licence_in_metadata_beside_a_licence_file_is_a_conflict(permissive):
    """npm's UNLICENSED means that nobody may, which a licence file beside it doesn't change."""
    files = tree(text("LICENSE", "MIT"), metadata("package.json", "LicenseRef-scancode-proprietary-license"), "a.js")
    assert answers(files, permissive)["a.js"][:2] == ("conflict", "license-file/conflicting-evidence")


@pytest.mark.parametrize("other", ["setup.py", "lib/python3.9/site-packages/x.py", "src/lib/python/a.py"])
def test_a_script_called_activate_alone_makes_no_virtual_environment(permissive, other):
    found = answers(tree(text("LICENSE", "MIT"), "src/bin/activate", "src/main.py", other), permissive)
    assert found["src/bin/activate"][0] == found["src/main.py"][0] == "permissive"


@pytest.mark.parametrize(
    "path",
    [
        *(".venv/lib/foo.py", "env/lib/foo.py", ".tox/py39/lib/a.py", ".eggs/x/a.py", "__pypackages__/3.9/lib/a.py"),
        *("_deps/foo-src/a.c", "subprojects/zlib/a.c", "third-party-libs/a.c", "external_libs/a.c", "vendor-src/a.c"),
        *("Third Party/a.c", "submodules/x/a.c", ".bundle/ruby/a.rb", ".m2/a.java", "Library/PackageCache/x/a.cs"),
        *("jspm_packages/a.js", "web_modules/a.js", "elm-stuff/a.elm", "src/thirdparty_code/a.c"),
        *(".cargo/registry/src/index.crates.io-6f17d22bba15001f/memchr-2.7.4/src/lib.rs", ".cargo/git/checkouts/x/1/a.rs"),
        *("go/pkg/mod/github.com/pkg/errors@v0.9.1/a.go", "tools/github.com/pkg/errors@v0.9.1/a.go", ".gradle/caches/a.java"),
        *(".yarn/unplugged/x/a.js", ".nuget/packages/x/a.cs", "renv/library/x/a.R", "vcpkg_installed/x/a.h"),
        *("node_modules.bak/x/a.js", ".vendor/x/a.go", "ext-libs/a.c", "packages/Newtonsoft.Json.12.0.3/a.cs", "x-1.2.egg/x.py"),
        *(
            "App/SourcePackages/checkouts/x/a.swift",
            "_opam/lib/a.ml",
            "usr/local/cargo/registry/src/a.rs",
            "miniconda3/pkgs/a.py",
        ),
    ],
)
def test_folders_of_other_peoples_code_do_not_take_the_licence_around_them(path):
    environment = "env/bin/activate", "env/lib/python3.9/site-packages/six.py"
    own = ["vendored.py", "venv/__init__.py", ".cargo/config.toml", "pkg/mod/mod.go", "user@vcs/a.go", ".yarn/releases/a.js"]
    own += ["src/cargo/registry/a.rs", "packages/core/a.js", "opam/a.opam", "miniconda3/Dockerfile", "ext/a.c", "eggs/a.py"]
    found = kinds_of(text("LICENSE", "MIT"), *environment, *own, path)
    assert found[path] == ("foreign", "")
    assert [found[one] for one in own] == [("license-file", "MIT")] * len(own)
