# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What of a content's text is replaced, and that the bytes with the row's own account give exactly that text."""

from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codecommons.datasets import build, list_releases, verify
from codecommons.datasets.redaction import BREAK, Span, text_of
from codecommons.engine.local import InlineEngine
from codecommons.errors import UsageError

ENGINE = InlineEngine()
KEY = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" + "k1L2m3N4o5P6q7R8"
MAIL = "mira.kovacs@kastenbach.org"
SECRETIVE = f"""# Written by Mira Kovacs <{MAIL}>
hosts = ["93.184.216.34", "151.101.1.69", "93.184.216.34"]
token = "{KEY}"
again = "{MAIL}"
""".encode()


@pytest.fixture
def release(shop):
    """Builds the dataset ``all`` with some more lines in its specification."""

    def built(lines):
        shop.add(
            "pkg:pypi/secretive", {"keys.py": SECRETIVE, "plain.py": b"print('<|endoftext|>', '<repo_name>')\n"}, day="2026-01-02"
        )
        shop.passed()
        report = build(shop.lake, ENGINE, shop.specify("all", lines))
        assert [check.description for check in report.checks if not check.passed] == []
        return pl.read_parquet(f"{shop.settings.lake}/{report.details['folder']}/data/*.parquet")

    return built


def row(rows, path):
    return rows.filter(pl.col("path") == path).row(0, named=True)


def test_secrets_and_personal_data_are_replaced_the_same_value_the_same_way_and_the_row_says_where(shop, release):
    one = row(release("redact: {secrets: 0.5, personal_data: 0.5}"), "keys.py")
    assert one["text"] == (
        "# Written by <NAME> <<EMAIL>>\n"
        'hosts = ["172.16.31.10", "172.16.58.3", "172.16.31.10"]\n'
        'token = "<KEY>"\n'
        'again = "<EMAIL>"\n'
    )
    replaced = [SECRETIVE[span["start"] : span["end"]].decode() for span in one["redactions"]]
    assert replaced == ["Mira Kovacs", MAIL, "93.184.216.34", "151.101.1.69", "93.184.216.34", KEY, MAIL]
    assert one["length"] == len(SECRETIVE)
    assert verify(shop.lake, "all").passed


def test_kinds_can_stay_and_a_confidence_over_a_spans_keeps_it(release):
    one = row(release("redact: {secrets: 0.99, personal_data: 0.5, keep: [name, ip-address]}"), "keys.py")
    assert one["text"] == SECRETIVE.decode().replace(MAIL, "<EMAIL>")


def test_without_redaction_the_text_is_that_of_the_bytes(release):
    rows = release("{}")
    assert row(rows, "keys.py")["text"].encode() == SECRETIVE
    assert rows["redactions"].list.len().sum() == 0
    assert row(rows, "plain.py")["text"] == "print('<|endoftext|>', '<repo_name>')\n"


def test_tokens_of_training_formats_are_broken_and_the_release_still_verifies(shop, release):
    text = row(release("escape: [starcoder2]"), "plain.py")["text"]
    assert text == f"print('<{BREAK}|endoftext|>', '<{BREAK}repo_name>')\n"
    assert verify(shop.lake, "all").passed


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "tokens, vocabulary: 512"])
def test_rows_whose_tokens_are_broken_are_counted_also_where_a_shard_is_kept(shop, kind):
    shop.add("pkg:pypi/marked", {"marks.py": b"a = '<|im_start|>'\n", "both.py": b"b = '<file_sep><|im_end|>'\n"})
    shop.passed()
    asked = f"{{escape: [starcoder2, bars], shard: {{bits: 4}}, format: {{kind: {kind}}}}}"
    build(shop.lake, InlineEngine(), shop.specify("all", asked))
    shop.add("pkg:npm/more", {"more.py": b"more = 1\n"}, source="npm", day="2026-01-03")
    shop.passed()
    assert build(shop.lake, InlineEngine(), "all").details["shards_kept"] > 2
    for one in list_releases(shop.lake, "all"):
        assert sum(shard["escaped"] for shard in one.shards) == 2
        for name in ("README.md", "data-information.md"):
            said = Path(shop.settings.lake, one.folder, name).read_text()
            assert "Tokens of starcoder2, bars are broken in 2 files by" in said
        assert verify(shop.lake, "all", one.fingerprint).passed


@pytest.mark.parametrize(
    "change",
    [
        lambda row: row | {"redactions": row["redactions"][:-1]},
        # What was replaced is there again: the text hashes to the SWHID, and is still not what the row says.
        lambda row: row | {"text": SECRETIVE.decode() if row["path"] == "keys.py" else row["text"]},
        lambda row: row | {"text": row["text"].replace(BREAK, "")},
    ],
    ids=["another span", "the text as it was", "a token that was broken"],
)
def test_a_row_whose_text_is_not_what_its_redactions_make_is_found_by_verify(shop, release, change):
    release("{redact: {secrets: 0.5, personal_data: 0.5}, escape: [starcoder2]}")
    [folder] = [path.parent for path in Path(shop.settings.lake, "datasets/all").rglob("fingerprint.json")]
    [path] = [path for path in folder.glob("data/*") if "keys.py" in pq.read_table(path)["path"].to_pylist()]
    table = pq.read_table(path)
    pq.write_table(pa.Table.from_pylist([change(row) for row in table.to_pylist()], table.schema), path)
    problems = [problem.what for problem in verify(shop.lake, "all").problems]
    assert "its text is not that of the bytes its SWHID names, with its redactions" in problems


def test_a_file_of_which_not_every_span_is_listed_is_left_out(shop, release):
    many = "\n".join(f"mail{number}@host{number}.org" for number in range(1200)).encode()
    shop.add("pkg:pypi/many", {"many.py": many}, day="2026-01-02")
    assert row(release("{}"), "many.py")
    assert release("redact: {personal_data: 0.5}").filter(path="many.py").is_empty()
    drops = shop.lake.scan("dataset_drop").filter(pl.col("rule") == "not_redactable").collect()
    assert drops["path"].to_list() == [b"many.py"]


def test_what_the_rules_still_find_in_a_text_blocks_the_release(shop, monkeypatch):
    shop.add("pkg:pypi/secretive", {"keys.py": SECRETIVE}, day="2026-01-02")
    shop.passed()
    nothing = pl.DataFrame(
        schema={"content": pl.Binary, "redactions": pl.List(pl.Struct({"kind": pl.String, "start": pl.Int64, "end": pl.Int64}))}
    )
    monkeypatch.setattr("codecommons.datasets.selection.redactions", lambda *_: nothing)
    report = build(shop.lake, ENGINE, shop.specify("all", "redact: {secrets: 0.5}"))
    [red] = [check for check in report.checks if not check.passed]
    assert red.name == "nothing_left_to_redact"
    assert "keys.py" in red.description
    assert not list(Path(shop.settings.lake, "datasets/all").rglob("fingerprint.json"))


@pytest.mark.parametrize(
    "line",
    [
        "redact: {secrets: 2}",
        "redact: {keep: [nmae]}",
        "escape: [starcoder]",
        "redact: {mails: 1}",
        "publisher: {url: 'ftp://x'}",
    ],
)
def test_a_specification_that_asks_for_what_there_is_not_is_refused(shop, line):
    with pytest.raises(UsageError, match=r"redact|escape|publisher"):
        build(shop.lake, ENGINE, shop.specify("wrong", line))


@given(
    st.lists(st.tuples(st.text(max_size=6), st.sampled_from(["", "email", "jwt"])), max_size=6),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32-be", "gb18030", "shift_jis", "latin-1", "iso2022_jp"]),
)
def test_in_any_encoding_what_is_not_replaced_stays_as_it_is(pieces, encoding):
    if not all(can(text, encoding) for text, _ in pieces):
        return
    data, spans, expected = b"", [], ""
    whole = "".join(text for text, _ in pieces)
    # Where a piece ends in the bytes: encoders write marks and states in front, so prefixes are encoded.
    ends = [0]
    for at in range(len(pieces)):
        ends.append(len("".join(text for text, _ in pieces[: at + 1]).encode(encoding)))
    data = whole.encode(encoding)
    if encoding == "iso2022_jp":
        assert text_of(data, encoding) == whole
        return
    for (text, kind), start, end in zip(pieces, ends, ends[1:], strict=False):
        if kind and text:
            spans.append(Span(kind, start, end))
        expected += {"": text, "email": "<EMAIL>", "jwt": "<KEY>"}[kind if text else ""]
    assert text_of(data, encoding, spans) == expected


def can(text, encoding):
    try:
        return text.encode(encoding).decode(encoding) == text
    except UnicodeError:
        return False
