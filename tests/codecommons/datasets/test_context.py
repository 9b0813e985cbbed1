# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Repositories as context: files tree by tree, by what they import, as one document; and notebooks as texts."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as settings_of_examples
from hypothesis import strategies as st
from tokenizers import Tokenizer

from codecommons.annotate import current
from codecommons.annotate.annotators import in_edges
from codecommons.archive.views import visited_trees
from codecommons.datasets import build, list_releases, plan, reproduce, specification, verify
from codecommons.datasets.format import Terms
from codecommons.datasets.redaction import broken
from codecommons.datasets.repository_form import records
from codecommons.datasets.rows import ROW, TREE, row_schema
from codecommons.datasets.specification import Format
from codecommons.datasets.tokenizer import made_from
from codecommons.engine.local import InlineEngine
from codecommons.errors import GateError, UsageError
from codecommons.lake import Lake
from codecommons.optout import desk
from codecommons.optout.requests import Request, Submission
from codecommons.settings import Settings
from codecommons.swhid import Swhid, content_id

pytest.importorskip("tree_sitter", reason="the extra syntax is not installed")
ENGINE = InlineEngine()
MAIL = "ada.byron@engines.io"
NOTEBOOK = {
    "nbformat": 4,
    "metadata": {"language_info": {"name": "python"}},
    "cells": [
        {"cell_type": "markdown", "source": ["# Sums\n", f"Ask\n{MAIL}"]},
        {"cell_type": "markdown", "source": "of lists, not <jupyter_code>"},
        {"cell_type": "code", "source": "%matplotlib inline\nx = 1", "outputs": []},
        {"cell_type": "code", "source": "x", "outputs": [{"output_type": "execute_result", "data": {"text/plain": ["1"]}}]},
        {"cell_type": "raw", "source": "raw"},
        {"cell_type": "markdown", "source": "The end"},
        {"cell_type": "code", "source": "x + 1", "outputs": [{"output_type": "display_data", "data": {"image/png": "aGk="}}]},
    ],
}
SCRIPT = (
    "# # Sums\n# Ask\n# <EMAIL>\n\n# of lists, not <\u200cjupyter_code>\n\n"
    "# %matplotlib inline\nx = 1\n\nx\n\n# The end\n\nx + 1\n"
)
STRUCTURED = (
    "<jupyter_start><jupyter_text># Sums\nAsk\n<EMAIL>\nof lists, not < jupyter_code>"
    "<jupyter_code>%matplotlib inline\nx = 1\nx<jupyter_output>1"
    "<jupyter_text>The end<jupyter_code>x + 1<jupyter_output><empty_output>"
)
FILES = {
    "README": b"read me\n",
    "app.py": b"import zeta\nimport beta\n",
    "beta.py": b"import gamma\n",
    "gamma.py": b"import beta\nimport zeta\n# gamma\n",
    "odd <file_sep>.py": b"print('<file_sep>')\n",
    "zeta.py": b"z = 1\n",
    "sums.IPYNB": json.dumps(NOTEBOOK, indent=1).encode(),
}
ASKED = {
    "trees": "{order: tree, notebooks: script, escape: [starcoder2], redact: {personal_data: 0.6}}",
    "imports": "{order: dependencies, escape: [starcoder2], format: {document: repository}, deduplicate: {order: [latest]},"
    " notebooks: structured, redact: {personal_data: 0.6}}",
    "half": "{order: tree, escape: [starcoder2], format: {document: repository, metadata: half}}",
    "tokens": "{order: dependencies, escape: [starcoder2], notebooks: structured, redact: {personal_data: 0.6},"
    " format: {kind: tokens, vocabulary: 512, document: repository}}",
}


@pytest.fixture(scope="module")
def made(filled_shop, tmp_path_factory, fresh_lake):
    """Two packages, one of them in two releases, and a dataset of each of ``ASKED``."""
    home = tmp_path_factory.mktemp("context")
    settings = Settings(home=home, lake=str(home / "lake"), workers=0, bucket_bits=1, annotators=("in_edges", "syntax"))
    world = type(filled_shop)(fresh_lake(settings), filled_shop.decision_rows)
    world.add("pkg:pypi/sums", FILES, date=1_400_000_000)
    world.add("pkg:pypi/sums", FILES | {"zeta.py": b"z = 2\n", "README": b"read it\n"}, version="2.0", date=1_450_000_000)
    world.add("pkg:npm/broken", {"a.ipynb": b"{", "b.ipynb": b'{"cells": 1}', "c.js": b"c = 1;\n"}, source="npm")
    notes = [(content, path, data) for content, path, data in world.files if path.lower().endswith(b".ipynb")]
    world.passed()
    add_rows(world, "notebook", [{"sha1_git": one, "name": path, "data": data} for one, path, data in notes])
    add_rows(world, "in_edges", trees_of(world.lake))
    for name, said in ASKED.items():
        report = build(world.lake, ENGINE, world.specify(name, said))
        assert [check.description for check in report.checks if not check.passed] == []
    return world


def trees_of(lake):
    """What the annotator of trees is asked, with the imports of Python that a regular expression finds."""
    data = {one["sha1_git"]: one["data"] for one in lake.scan("content_data").collect().to_dicts()}
    files = lake.scan("tree_file").sort("root", "path").collect()
    asked = []
    for (root,), some in files.group_by("root", maintain_order=True):
        entries = []
        for path, content in some.select("path", "content").iter_rows():
            names = re.findall(rb"^import (\w+)$", data[content], re.MULTILINE) if path.endswith(b".py") else None
            said = None if names is None else {"language": "Python", "modules": [name.decode() for name in names]}
            entries.append({"path": path, "content": content, "said": said})
        asked.append({"root": root, "files": entries})
    return asked


def add_rows(world, name, asked):
    annotator = current(world.settings)[name]
    if name == "in_edges":
        found = [{"digest": annotator.digest, "root": one["root"], "files": in_edges.row_of(one["files"])[0]} for one in asked]
        rows = pa.Table.from_pylist(found, pa.schema(annotator.table.fields))
    else:
        rows = annotator.run(pa.RecordBatch.from_pylist(asked))
    world.lake.register(annotator.table)
    with world.lake.staging("test") as area:
        writer = area.writer("test")
        writer.add(annotator.table.name, rows)
        world.lake.commit(area, [writer.close()], ENGINE)


def folder_of(world, name):
    return Path(world.settings.lake, list_releases(world.lake, name)[-1].folder)


def rows_of(world, name):
    return pl.read_parquet(f"{folder_of(world, name)}/data/*.parquet")


@pytest.mark.parametrize("name", ASKED)
def test_every_dataset_is_verified_and_made_again(made, name):
    assert verify(made.lake, name).problems == ()
    assert reproduce(made.lake, ENGINE, name).problems == ()


def test_the_files_of_a_tree_stand_together_and_say_how_much_of_it_is_here(made):
    rows = rows_of(made, "trees").filter(origin="pkg:pypi/sums")
    assert rows["anchor"].rle().len() == rows["anchor"].n_unique() == 2
    for (_,), tree in rows.group_by("anchor"):
        assert tree["path"].cast(pl.Binary).is_sorted()
        [(files, here, left_out)] = tree.select("tree_files", "tree_rows", "tree_left_out").unique().iter_rows()
        assert (files, here) == (len(FILES), tree.height)
        assert files == here + sum(one["files"] for one in left_out)
    left_out = {one["rule"]: one["files"] for one in rows.explode("tree_left_out")["tree_left_out"].drop_nulls()}
    assert left_out == {"exact_duplicate": 5}
    broken = rows_of(made, "trees").filter(origin="pkg:npm/broken")
    assert broken.select("path", "tree_files", "tree_rows").rows() == [("c.js", 3, 1)]
    assert broken["tree_left_out"].to_list() == [[{"rule": "broken_notebook", "files": 2}]]


def test_datasets_loads_a_record_a_tree_in_which_files_come_after_what_they_import(made, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    import datasets

    loaded = datasets.load_dataset(str(folder_of(made, "imports")), split="train", cache_dir=str(tmp_path)).to_list()
    assert len(loaded) == 3, "the card names as many, or datasets had refused them"
    whole = next(one for one in loaded if one["repository"] == "pypi/sums" and one["tree_rows"] == len(FILES))
    paths = [one["path"] for one in whole["files"]]
    # beta and gamma import each other, and what nobody has parsed comes last.
    assert paths == ["zeta.py", "beta.py", "gamma.py", "app.py", "odd <file_sep>.py", "README", "sums.IPYNB"]
    head, *parts = whole["text"].split("<file_sep>")
    assert head == "<repo_name>pypi/sums"
    assert [part.partition("\n")[0] for part in parts] == [path.replace("<", "< ") if "<" in path else path for path in paths]
    assert (whole["tree_files"], whole["tree_left_out"]) == (len(FILES), [])
    for one, part in zip(whole["files"], parts, strict=True):
        text = whole["text"][one["start"] : one["end"]]
        assert part.partition("\n")[2] == text
        if not one["path"].startswith(("odd", "sums")):
            assert content_id(text.encode()) == Swhid.parse(one["swhid"]).identifier
    assert whole["text"].endswith(STRUCTURED)
    assert "print('<\u200cfile_sep>')" in whole["text"]
    manifest = pl.read_parquet(folder_of(made, "imports") / "manifest.parquet")
    assert manifest.height == sum(len(one["files"]) for one in loaded)


def test_half_of_the_documents_have_names_and_the_others_only_code(made):
    texts = rows_of(made, "half")["text"]
    named = texts.str.starts_with("<repo_name>")
    assert 0 < named.sum() < len(texts)
    for text in texts.filter(~named):
        assert text.startswith("<file_sep>")
        assert "README\n" not in text


def test_a_notebook_is_a_script_in_which_what_is_said_is_a_comment(made):
    [row] = rows_of(made, "trees").filter(pl.col("path") == "sums.IPYNB").to_dicts()
    assert row["text"] == SCRIPT
    assert row["length"] == len(FILES["sums.IPYNB"])
    assert row["swhid"].startswith(str(Swhid("cnt", content_id(FILES["sums.IPYNB"]))))
    [span] = row["redactions"]
    assert SCRIPT.replace("\u200c", "").replace("<EMAIL>", MAIL).encode()[span["start"] : span["end"]] == MAIL.encode()


def test_tokens_of_a_repository_are_those_of_its_document_and_marks_are_one_each(made):
    folder = folder_of(made, "tokens")
    tokenizer = Tokenizer.from_str((folder / "tokenizer.json").read_text())
    manifest = pl.read_parquet(folder / "manifest.parquet").sort("shard", "row")
    type_ = made_from((folder / "tokenizer.json").read_bytes()).type
    for (shard,), some in manifest.group_by("shard", maintain_order=True):
        numbers = np.fromfile(folder / "data" / shard, type_)
        for path, token, count in some.select("path", "token", "tokens").iter_rows():
            tokens = numbers[token : token + count].tolist()
            assert tokens[0] == tokenizer.token_to_id("<file_sep>")
            if path == b"sums.IPYNB":
                assert tokenizer.decode(tokens, skip_special_tokens=False) == f"<file_sep>{path.decode()}\n{STRUCTURED}"
                assert [tokens.count(tokenizer.token_to_id(f"<jupyter_{name}>")) for name in ("start", "text", "code")] == [
                    1,
                    2,
                    2,
                ]
    trees = manifest.select("shard", "origin", "anchor").unique().height
    assert manifest.select("shard", "document").unique().height == trees


@pytest.mark.parametrize(
    ("name", "path", "old", "new"),
    [
        ("imports", b"beta.py", "import gamma", "import gammb"),
        ("imports", b"beta.py", "<file_sep>beta.py\nimport gamma\n", "import gamma\n"),
        ("imports", b"sums.IPYNB", "<empty_output>", "<empty_output>more"),
        ("trees", b"sums.IPYNB", SCRIPT, FILES["sums.IPYNB"].decode()),
    ],
)
def test_verify_names_the_file_of_a_document_that_somebody_changed(own, name, path, old, new):
    shard = next(
        one
        for one in (folder_of(own, name) / "data").iterdir()
        if any(old in text for text in pq.read_table(one)["text"].to_pylist())
    )
    table, metadata = pq.read_table(shard), pq.read_metadata(shard).metadata
    texts = [text.replace(old, new) for text in table["text"].to_pylist()]
    shard.unlink()
    pq.write_table(
        table.set_column(table.schema.get_field_index("text"), "text", [texts]).replace_schema_metadata(metadata), shard
    )
    found = verify(own.lake, name).problems
    assert "its sha256 is not the one in the fingerprint" in found[0].what
    manifest = pl.read_parquet(folder_of(own, name) / "manifest.parquet")
    changed = manifest.filter(shard=shard.name, path=path).select("row", "swhid").rows()
    assert {(one.row, one.swhid) for one in found[1:]} >= set(changed) != set()


def test_who_takes_a_file_back_takes_it_out_of_its_document(own):
    before = list_releases(own.lake, "imports")[-1]
    asked = Submission(
        (Request("content", (str(Swhid("cnt", content_id(FILES["beta.py"]))),), None),), {"contact": "a@example.org"}
    )
    [one] = desk.submit(own.lake, asked, "2026-01-03T12:00:00+00:00")
    desk.verify(own.lake, one.id, visited_trees(own.lake), "checked by a test")
    report = build(own.lake, ENGINE, "imports")
    assert report.details["shards_kept"] == len(before.shards) - 1
    after = pl.read_parquet(f"{own.settings.lake}/{report.details['folder']}/data/*.parquet").filter(repository="pypi/sums")
    assert not after["text"].str.contains("import gamma").any()
    for files, here, left_out in after.select("tree_files", "tree_rows", "tree_left_out").iter_rows():
        counts = {one["rule"]: one["files"] for one in left_out}
        assert counts["opt_out"] == 1
        assert files == here + sum(counts.values())
    assert verify(own.lake, "imports", report.details["fingerprint"]).passed
    again = reproduce(own.lake, ENGINE, "imports", before.fingerprint)
    assert again.passed
    assert ["path=/beta.py" in row.swhid for row in again.withdrawn] == [True]


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.text(max_size=8), st.text(max_size=20)), min_size=1, max_size=8),
    st.integers(1, 4),
    st.sampled_from(["all", "half"]),
)
@settings_of_examples(deadline=None, max_examples=60)
def test_a_document_falls_apart_into_its_files_whatever_they_hold(files, cut, metadata):
    rows = [
        dict.fromkeys(ROW.names)
        | {"origin": "o", "repository": "<repo_name>", "anchor": anchor, "path": path, "text": broken(text, ["starcoder2"])}
        | {"tree_files": 1, "tree_rows": 1, "tree_left_out": []}
        for anchor, path, text in sorted(files)
    ]
    schema = row_schema([*ROW.names, *TREE])
    tables = [pa.Table.from_pylist(rows[at : at + cut], schema) for at in range(0, len(rows), cut)]
    terms = Terms(Format(document="repository", metadata=metadata), order="tree")
    made = [row for table in records(tables, schema, terms, 50) for row in table.to_pylist()]
    assert [one["anchor"] for one in made] == sorted({row["anchor"] for row in rows})
    found = []
    for one in made:
        head, *parts = one["text"].split("<file_sep>")
        texts = [one["text"][file["start"] : file["end"]] for file in one["files"]]
        assert head in ("", "<repo_name>< repo_name>")
        assert [part.partition("\n")[2] if head else part for part in parts] == texts
        found += [(one["anchor"], file["path"], text) for file, text in zip(one["files"], texts, strict=True)]
    assert found == [(row["anchor"], row["path"], row["text"]) for row in rows]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("{order: tree, rows: commits}", "order is about files, and rows is 'commits'"),
        ("{notebooks: script, rows: issues}", "notebooks is about files, and rows is 'issues'"),
        ("{order: dependency}", "did you mean 'dependencies'?"),
        ("{notebooks: scripts}", "did you mean 'script'?"),
        ("{format: {document: repository}}", "let order be tree or dependencies"),
        ("{order: tree, format: {document: repository}}", "let escape have starcoder2"),
        ("{order: tree, format: {kind: jsonl, document: repository}}", "document is for kind parquet or tokens"),
        ("{format: {metadata: half}}", "metadata is for document: repository"),
        ("{format: {kind: tokens, metadata: half}}", "metadata is for document: repository"),
        ("{rows: commits, format: {kind: tokens, document: repository}}", "is of files, and rows is 'commits'"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused_in_a_line(made, said, why):
    made.specify("odd", said)
    with pytest.raises(UsageError, match=re.escape(why)):
        plan(made.lake, specification(made.settings, "odd"))


def test_order_of_imports_needs_its_annotator_switched_on_and_run(shop):
    shop.specify("imports", "{order: dependencies}")
    with pytest.raises(UsageError, match="CODECOMMONS_ANNOTATORS name it and syntax"):
        plan(shop.lake, specification(shop.settings, "imports"))
    switched_on = Lake.open(dataclasses.replace(shop.settings, annotators=("in_edges", "syntax")))
    with pytest.raises(GateError, match="materialize enriched_context"):
        plan(switched_on, specification(shop.settings, "imports"))
