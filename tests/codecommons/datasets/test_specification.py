# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from pathlib import Path

import pytest

from codecommons.datasets import names, specification
from codecommons.datasets.specification import parse
from codecommons.errors import UsageError
from codecommons.settings import Settings

EXAMPLES = Path(__file__).parents[3] / "examples" / "datasets"


def test_every_example_is_a_valid_specification():
    for path in sorted(EXAMPLES.glob("*.yaml")):
        assert parse(path.read_bytes(), path.stem).description


def test_defaults_are_the_safe_ones():
    made = parse(b"{}", "plain")
    assert made.license.accept == ("permissive",)
    assert made.deduplicate.threshold == 0.7
    assert made.where is None
    assert made.as_of is None


def test_a_specification_means_the_same_however_it_is_written():
    one = parse(b"languages: [Python]\nfilters: {max_line: 1000, min_length: 1}\n", "same")
    other = parse(b"# a comment\nname: same\nfilters:\n  min_length: 1.0\n  max_line: 1000\nlanguages: Python\n", "same")
    assert one.digest == other.digest
    assert one.digest != one.at("2026-01-31").digest


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("langauges: [Python]", "did you mean 'languages'?"),
        ("license: {polcy: permissive}", "did you mean 'policy'?"),
        ("license: {accept: [permisive]}", "did you mean 'permissive'?"),
        ("filters: {max_lin: 3}", "did you mean 'max_line'?"),
        ("filters: {max_line: -3}", "not negative"),
        ("filters: {max_line: .nan}", "not negative"),
        (f"filters: {{max_line: 1{'0' * 400}}}", "less than 2**63"),
        (f"names: ['*.py', '{'?' * 1001}']", "of 1001 characters; a pattern has at most 1000"),
        ("sources: ['*a???????b']", "has '*a???????b'; a pattern with * has at most 6 signs ?"),
        (
            f"names: [{', '.join(f'a*{one}' for one in range(501))}]",
            "too many patterns with wildcards inside: it may have 500 like a*b, or 100 like",
        ),
        (f"names: [{', '.join(f'a*b*{one}' for one in range(101))}]", "too many patterns with wildcards inside"),
        ("languages: [Pyhton]", "languages has 'Pyhton', which Linguist has no language of; did you mean 'Python'?"),
        ("languages: [python]", "did you mean 'Python'?"),
        ("languages: [C, Verilogg]", "did you mean 'Verilog'?"),
        ("exclude: [vendord]", "did you mean 'vendored'?"),
        ("deduplicate: {order: [earlyest]}", "did you mean 'earliest'?"),
        ("deduplicate: {order: [latest, popular, latest]}", "order has 'latest' twice"),
        ("deduplicate: {order: [latest, permissive, earliest]}", "order has both 'earliest' and 'latest'"),
        ("deduplicate: {threshold: 1.5}", "up to 1"),
        ("as_of: 2026-02-30", "must be a day"),
        ("as_of: yesterday", "must be a day"),
        ("shard: {bits: 40}", "from 0 to 16"),
        ("languages: [[Python]]", "list of texts"),
        ("languages: Python\nlanguages: C", "written twice"),
        ("languages: &a [Python]\nnames: *a", "aliases"),
        ("- a list", "must be lines"),
        ('description: "a\\0b"', "line 1: 'a\\x00b' has the control character U+0000; leave it out"),
        ('description: "a\\eb"', "has the control character U+001B"),
        ("name: other", "must be that of its file"),
        ("description: [", "dataset typo: line"),
        ("where: lenght > 3", "did you mean 'length'?"),
        ("where: PATH like 'a'", "did you mean 'path'?"),
        ("!!python/object/apply:os.system ['true']", "dataset typo"),
    ],
)
def test_what_is_wrong_is_named_with_the_nearest_valid_name(written, said):
    with pytest.raises(UsageError, match="dataset typo") as raised:
        parse(written.encode(), "typo")
    assert said in str(raised.value)


@pytest.mark.parametrize("name", ["../lake", "/etc/passwd", "a/b", "A", "", ".", "a" * 64, "-a", "a_b", "ä", "a\n", "dataset=x"])
def test_a_name_is_never_a_path(name, tmp_path):
    with pytest.raises(UsageError):
        parse(b"{}", name)
    with pytest.raises(UsageError, match="no dataset"):
        specification(Settings(home=tmp_path, lake=str(tmp_path / "lake")), name)


def test_a_dataset_is_one_file_in_the_home(tmp_path):
    settings = Settings(home=tmp_path, lake=str(tmp_path / "lake"))
    assert names(settings) == []
    folder = tmp_path / "datasets"
    folder.mkdir()
    (folder / "lua-only.yaml").write_text("languages: [Lua]\n")
    assert names(settings) == ["lua-only"]
    assert specification(settings, "lua-only").languages == ("Lua",)
    with pytest.raises(UsageError, match="did you mean 'lua-only'"):
        specification(settings, "lua-onyl")


def test_a_huge_or_deeply_nested_file_is_refused():
    with pytest.raises(UsageError, match="at most"):
        parse(b"#" * 100_000, "huge")
    with pytest.raises(UsageError):
        parse(b"languages: " + b"[" * 20_000, "deep")
