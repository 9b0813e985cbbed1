# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Shards in every format: read back by those who load them, kept, taken apart, and flipped a byte in."""

import dataclasses
import hashlib
import json
import shutil
import struct
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

from codecommons.archive.views import visited_trees
from codecommons.datasets import build, list_releases, plan, reproduce, specification, tokenizer, verify
from codecommons.datasets.rows import ROW
from codecommons.datasets.specification import parse
from codecommons.datasets.tokenizer import made_from, named, trained
from codecommons.datasets.tokens import STARCODER2
from codecommons.engine.local import InlineEngine, PoolEngine
from codecommons.errors import LakeError, UsageError
from codecommons.lake import Lake
from codecommons.optout import desk
from codecommons.optout.requests import Request, Submission
from codecommons.optout.takedown.published import withdraw
from codecommons.settings import Settings
from codecommons.swhid import Swhid, content_id

ENGINE = InlineEngine()
NOON = "2026-01-03T12:00:00+00:00"
SENTINELS = b"print('<|endoftext|>', '<file_sep>', '<repo_name>')\n"
KINDS = {
    "parquet": "{kind: parquet}",
    "jsonl": "{kind: jsonl}",
    "megatron": "{kind: tokens, vocabulary: 512}",
    "datatrove": "{kind: tokens, vocabulary: 512, layout: datatrove}",
    "repositories": "{kind: tokens, vocabulary: 512, document: repository}",
}
TOKENS = ("megatron", "datatrove", "repositories")
# One of each way to write a shard; other files of tests do the same with Parquet.
WRITTEN = ("jsonl", "datatrove", "repositories")


@pytest.fixture(scope="module")
def made(shop_at, tmp_path_factory):
    """The shop with a file that quotes tokens, and one dataset of each kind built from it."""
    world = shop_at(tmp_path_factory.mktemp("formats"))
    world.add("pkg:pypi/quotes", {"quotes.py": SENTINELS, "b/empty.py": b"", "b/ü.py": "ü = '木'\n".encode()})
    world.passed()
    for name, said in KINDS.items():
        report = build(world.lake, ENGINE, world.specify(name, f"{{shard: {{bits: 3}}, format: {said}}}"))
        assert [check.description for check in report.checks if not check.passed] == []
    return world


def folder_of(world, name):
    return Path(world.settings.lake, list_releases(world.lake, name)[-1].folder)


def manifest_of(world, name):
    return pl.read_parquet(folder_of(world, name) / "manifest.parquet")


def rows_of(world, name="parquet"):
    return pl.read_parquet(f"{folder_of(world, name)}/data/*.parquet")


def texts_of(world):
    return dict(rows_of(world).select("swhid", "text").iter_rows())


def ids_of(folder, shard):
    made = made_from((folder / "tokenizer.json").read_bytes())
    return np.fromfile(folder / "data" / shard, made.type), made


def test_parquet_shards_have_the_bytes_that_they_had_before_there_were_other_formats(shop):
    assert "format" not in parse(b"{}", "all").to_mapping()
    assert parse(b"{}", "all").digest == parse(b"format: {kind: parquet}", "all").digest
    build(shop.lake, ENGINE, shop.specify("all", "{}"))
    build(shop.lake, ENGINE, shop.specify("marked", "{deduplicate: {keep: all}, shard: {bits: 0}, escape: [bars]}"))
    written = {one.name: [shard["name"] for shard in one.shards] for one in list_releases(shop.lake)}
    # As version 0.1.0 wrote them with pyarrow 26.0.1, before this file was here.
    assert written == {
        "all": [
            "1-c52f06c771c477d9333cdb722fbcf95362dd8e98177874db3cbf0d2eddd81ce4.parquet",
            "2-b8f558463e9cb48ebc4b57e15468e57b3310c61747c9edbb75283e58d13cf708.parquet",
            "3-0686044a20eb1ab58d1e2991aaf07eb84c9c3ccb7487507925c5711356294761.parquet",
        ],
        "marked": ["0-acb4414ec5e775979ca169a6508f8f62c48fe66297d7595ab228b93ba01a3dd3.parquet"],
    }
    assert "beside" not in list_releases(shop.lake, "all")[0].shards[0]
    assert "supplies" not in list_releases(shop.lake, "all")[0].document["inputs"]


def test_datasets_and_polars_load_json_lines_to_the_rows_of_parquet(made, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    import datasets

    expected, files = rows_of(made).sort("swhid"), str(folder_of(made, "jsonl") / "data" / "*.jsonl.zst")
    loaded = datasets.load_dataset("json", data_files=files, split="train", cache_dir=str(tmp_path))
    assert loaded.column_names == ROW.names
    assert sorted(loaded.to_list(), key=lambda row: row["swhid"]) == expected.to_dicts()
    streamed = datasets.load_dataset("json", data_files=files, split="train", streaming=True)
    assert sorted(row["swhid"] for row in streamed) == expected["swhid"].to_list()
    assert pl.scan_ndjson(files, schema=expected.schema).collect().sort("swhid").equals(expected)
    parquet = datasets.load_dataset(
        "parquet", data_files=f"{folder_of(made, 'parquet')}/data/*.parquet", split="train", cache_dir=str(tmp_path)
    )
    assert sorted(parquet["swhid"]) == expected["swhid"].to_list()


def test_croissant_says_of_json_lines_who_does_not_read_them_and_is_valid_all_the_same(made):
    import mlcroissant

    path = folder_of(made, "jsonl") / "croissant.json"
    assert mlcroissant.Dataset(jsonld=str(path)).metadata.ctx.issues.report() == ""
    [records] = json.loads(path.read_text())["recordSet"]
    assert "reads no zstd" in records["description"]


def test_a_json_line_is_found_by_the_frame_that_the_manifest_names(shop, monkeypatch):
    import zstandard

    from codecommons.datasets import shards

    monkeypatch.setattr(shards, "GROUP_ROWS", 2)
    build(shop.lake, ENGINE, shop.specify("all", "{shard: {bits: 0}, format: {kind: jsonl}}"))
    [shard] = (folder_of(shop, "all") / "data").iterdir()
    manifest, data = manifest_of(shop, "all"), shard.read_bytes()
    assert manifest["frame"].n_unique() == -(-manifest.height // 2) > 2
    for swhid, frame, row in manifest.select("swhid", "frame", "row_in_frame").iter_rows():
        lines = zstandard.ZstdDecompressor().decompress(data[frame:]).splitlines()
        assert json.loads(lines[row])["swhid"] == swhid
    # The table of frames, read after the format's description by nobody else's code.
    count, _, magic = struct.unpack("<IBI", data[-9:])
    sizes = np.frombuffer(data[-9 - 8 * count : -9], "<u4").reshape(-1, 2)
    assert magic == 0x8F92EAB1
    assert np.cumsum(sizes[:, 0])[:-2].tolist() == manifest["frame"].unique(maintain_order=True).to_list()[1:]
    assert verify(shop.lake, "all").passed


@pytest.mark.parametrize("name", TOKENS)
def test_every_row_is_found_in_the_tokens_where_the_manifest_says(made, name):
    folder, texts = folder_of(made, name), texts_of(made)
    manifest = manifest_of(made, name)
    assert sorted(manifest["swhid"]) == sorted(texts)
    library = Tokenizer.from_file(str(folder / "tokenizer.json"))
    for shard, swhid, path, token, count in manifest.select("shard", "swhid", "path", "token", "tokens").iter_rows():
        ids, _ = ids_of(folder, shard)
        said = library.decode(ids[token : token + count].tolist(), skip_special_tokens=False)
        prefix = f"<file_sep>{path.decode(errors='replace')}\n" if name == "repositories" else ""
        assert said == prefix + texts[swhid]
    described = pl.read_parquet(f"{folder}/data/*.rows.parquet").sort("swhid")
    assert described.select(set(ROW.names) - {"text"}).equals(rows_of(made).sort("swhid").select(set(ROW.names) - {"text"}))
    assert described.select("token", "tokens", "document").equals(manifest.sort("swhid").select("token", "tokens", "document"))


@pytest.mark.parametrize("name", KINDS)
def test_the_card_says_how_much_is_to_be_downloaded_with_all_that_belongs_to_shards(made, name):
    folder = folder_of(made, name)
    size = sum(file.stat().st_size for file in (folder / "data").iterdir())
    assert f"  download_size: {size}\n" in (folder / "README.md").read_text()


def test_a_document_is_a_repository_as_starcoder_2_reads_it_and_ends_once(made):
    folder, texts = folder_of(made, "repositories"), texts_of(made)
    [shard] = manifest_of(made, "repositories").filter(origin="pkg:pypi/quotes")["shard"].unique()
    ids, coder = ids_of(folder, shard)
    library = Tokenizer.from_file(str(folder / "tokenizer.json"))
    documents = library.decode(ids.tolist(), skip_special_tokens=False)
    own = {Swhid.parse(swhid).path: text for swhid, text in texts.items() if "origin=pkg:pypi/quotes;" in swhid}
    files = "".join(f"<file_sep>{path[1:].decode()}\n{own[path]}" for path in sorted(own))
    assert f"<repo_name>pypi/quotes{files}<|endoftext|>" in documents
    # What files say of tokens is letters; the tokens themselves are where documents end and files begin.
    counted = {name: int((ids == coder.special[name]).sum()) for name in ("<|endoftext|>", "<repo_name>", "<file_sep>")}
    rows = manifest_of(made, "repositories").filter(shard=shard)
    assert counted == {
        "<|endoftext|>": rows["origin"].n_unique(),
        "<repo_name>": rows["origin"].n_unique(),
        "<file_sep>": rows.height,
    }


def megatron(prefix: Path):
    """After ``_IndexReader`` and ``IndexedDataset.__getitem__`` of Megatron-LM: the documents of an indexed dataset."""
    index = Path(f"{prefix}.idx").read_bytes()
    assert index[:9] == b"MMIDIDX\x00\x00"
    version, code, sequences, documents = struct.unpack_from("<QBQQ", index, 9)
    assert version == 1
    kind = {4: np.int32, 8: np.uint16}[code]
    lengths = np.frombuffer(index, np.int32, sequences, 34)
    pointers = np.frombuffer(index, np.int64, sequences, 34 + lengths.nbytes)
    indices = np.frombuffer(index, np.int64, documents, 34 + lengths.nbytes + pointers.nbytes)
    assert 34 + lengths.nbytes + pointers.nbytes + indices.nbytes == len(index)
    assert indices.tolist() == list(range(sequences + 1))
    data = Path(f"{prefix}.bin").read_bytes()
    return [np.frombuffer(data, kind, length, at).tolist() for length, at in zip(lengths, pointers, strict=True)]


@pytest.mark.parametrize("name", ["megatron", "repositories"])
def test_megatrons_index_gives_the_documents_and_datatroves_writer_for_megatron_the_same_files(made, name, tmp_path):
    from datatrove.pipeline.tokens.megatron_tokenizer import MegatronTokenizedFile

    manifest = manifest_of(made, name)
    for shard in sorted((folder_of(made, name) / "data").glob("*.bin")):
        documents = megatron(shard.with_suffix(""))
        ids, coder = ids_of(folder_of(made, name), shard.name)
        assert [one for document in documents for one in document] == ids.tolist()
        assert all(document[-1] == coder.end and coder.end not in document[:-1] for document in documents)
        rows = manifest.filter(shard=shard.name)
        assert len(documents) == rows["document"].max() + 1
        peer = MegatronTokenizedFile(str(tmp_path), shard.stem)
        for document in documents:
            peer.write(document)
        peer.close()
        for ending in (".bin", ".idx"):
            assert (tmp_path / f"{shard.stem}{ending}").read_bytes() == shard.with_suffix(ending).read_bytes()


def test_datatroves_own_programs_check_the_files_and_merge_them(made, tmp_path):
    from datatrove.io import get_datafolder
    from datatrove.pipeline.tokens.merger import DocumentTokenizerMerger
    from datatrove.tools.check_dataset import check_dataset, load_dataset_bytes, load_doc_ends

    folder = folder_of(made, "datatrove")
    data = get_datafolder(str(folder / "data"))
    check_dataset(data, str(folder / "tokenizer.json"), "<|endoftext|>")
    DocumentTokenizerMerger(str(folder / "data"), str(tmp_path), "merged", shuffle=False, progress=False).run()
    merged = get_datafolder(str(tmp_path))
    [name] = merged.list_files(glob_pattern="*.ds")
    ends = load_doc_ends(merged.open(f"{name}.index", "rb"))
    library = Tokenizer.from_file(str(folder / "tokenizer.json"))
    found = load_dataset_bytes(merged.open(name, "rb"), ends)
    documents = [library.decode(np.frombuffer(document, "<u2").tolist()) for document in found]
    assert sorted(documents) == sorted(texts_of(made).values())


@pytest.mark.parametrize("name", WRITTEN)
def test_what_was_built_is_verified_made_again_and_not_built_twice(made, name):
    assert verify(made.lake, name).problems == ()
    found = reproduce(made.lake, ENGINE, name)
    assert (found.problems, found.withdrawn, found.elected) == ((), (), ())
    assert build(made.lake, ENGINE, name).reused == found.rows
    assert len(list_releases(made.lake, name)) == 1


@pytest.mark.parametrize("name", WRITTEN)
def test_a_removal_writes_only_the_shard_of_its_rows_again(own, name):
    before = {shard["name"] for shard in list_releases(own.lake, name)[0].shards}
    [touched] = manifest_of(own, name).filter(origin="pkg:npm/beta")["shard"].unique()
    [one] = desk.submit(
        own.lake, Submission((Request("origin", ("pkg:npm/beta",), None),), {"contact": "someone@example.org"}), NOON
    )
    desk.verify(own.lake, one.id, visited_trees(own.lake), "checked by a test")
    report = build(own.lake, ENGINE, name)
    assert report.details["shards_kept"] == len(before) - 1
    [old] = [release for release in list_releases(own.lake, name) if release.fingerprint != report.details["fingerprint"]]
    [new] = [release for release in list_releases(own.lake, name) if release.fingerprint == report.details["fingerprint"]]
    assert before - {shard["name"] for shard in new.shards} == {touched}
    assert old.document["inputs"].get("supplies") == new.document["inputs"].get("supplies")
    assert verify(own.lake, name, new.fingerprint).passed
    found = reproduce(own.lake, ENGINE, name, old.fingerprint)
    assert found.passed
    assert [row.rule for row in found.withdrawn] == ["opt_out"]


@pytest.mark.parametrize("name", ["jsonl", *TOKENS])
def test_a_flipped_byte_is_named_with_shard_row_and_swhid(own, name):
    folder = folder_of(own, name)
    row = manifest_of(own, name).filter(pl.col("path") == b"quotes.py").row(0, named=True)
    shard = folder / "data" / row["shard"]
    data = bytearray(shard.read_bytes())
    data[row["frame"] + 200 if name == "jsonl" else 2 * (row["token"] + 3)] ^= 1
    shard.write_bytes(data)
    problems = verify(own.lake, name).problems
    assert {problem.file for problem in problems} == {f"data/{shard.name}"}
    whole, *rows = problems
    assert whole.what == "its sha256 is not the one in the fingerprint"
    if name == "jsonl":
        known = dict(manifest_of(own, name).filter(shard=row["shard"]).select("row", "swhid").iter_rows())
        assert rows
        assert all(problem.swhid == known[problem.row] for problem in rows)
    else:
        assert [(problem.row, problem.swhid) for problem in rows] == [(row["row"], row["swhid"])]
        assert rows[0].what == "its tokens are not those of the bytes its SWHID names, with its redactions"


@pytest.mark.parametrize("name", ["megatron", "datatrove"])
def test_what_belongs_to_a_shard_is_looked_at_as_well(own, name):
    folder = folder_of(own, name)
    beside = [path for path in folder.glob("data/*") if path.suffix not in (".bin", ".ds")]
    for path in [*beside[:3], folder / "tokenizer.json"]:
        kept = path.read_bytes()
        path.write_bytes(bytes([kept[0] ^ 1]) + kept[1:])
        problems = verify(own.lake, name).problems
        assert (str(path.relative_to(folder)), "its sha256 is not the one in the fingerprint") in {
            (problem.file, problem.what) for problem in problems
        }
        path.unlink()
        assert (str(path.relative_to(folder)), "it is missing") in {
            (problem.file, problem.what) for problem in verify(own.lake, name).problems
        }
        path.write_bytes(kept)
    assert verify(own.lake, name).passed
    (folder / "tokenizer.json").write_bytes(b"{}")
    with pytest.raises(LakeError, match="is not what it was"):
        reproduce(own.lake, ENGINE, name)


@pytest.mark.parametrize("name", TOKENS)
def test_tokens_of_another_text_are_found_though_every_digest_fits(own, name):
    """A shard that was never what it says: its tokens, its index and its digests are one another's."""
    folder = folder_of(own, name)
    row = manifest_of(own, name).filter(pl.col("path") == b"index.js").row(0, named=True)
    shard = folder / "data" / row["shard"]
    ids, _ = ids_of(folder, shard.name)
    ids[row["token"] + 2] = ids[row["token"] + 1]
    ids.tofile(shard)
    found = [problem for problem in verify(own.lake, name).problems if problem.row is not None]
    assert [(problem.file, problem.swhid) for problem in found] == [(f"data/{shard.name}", row["swhid"])]


@pytest.mark.parametrize("name", WRITTEN)
def test_a_takedown_deletes_every_file_of_the_shards_that_hold_a_content(own, name):
    folder = folder_of(own, name)
    before = {path.name for path in (folder / "data").iterdir()}
    [touched] = manifest_of(own, name).filter(origin="pkg:npm/beta")["shard"].unique()
    stem = touched.partition(".")[0]
    gone, erased = withdraw(own.lake, pl.Series([content_id(b"module.exports = 1;\n")]), "a takedown")
    trained = {"tokenizer.json"} if name in TOKENS else set()
    assert {one.shard for one in gone if one.release.startswith(f"{name}/")} == {touched, *trained}
    assert before - {path.name for path in (folder / "data").iterdir()} == {one for one in before if one.startswith(stem)}
    assert erased.files >= len([one for one in before if one.startswith(stem)])
    whats = {problem.what for problem in verify(own.lake, name).problems}
    assert whats == {"it was taken down (a takedown); build the dataset again"}
    # What was left by somebody who was killed might hold it, and nobody can tell.
    rest = [path for path in (folder / "data").iterdir() if path.suffix not in (".bin", ".ds")]
    if name in TOKENS:
        shutil.copy(rest[0], folder / "data" / f"f-{'0' * 64}.rows.parquet")
        assert "f-" + "0" * 64 + ".rows.parquet" in {one.shard for one in withdraw(own.lake, pl.Series([b"\0" * 20]), "more")[0]}


def test_a_tokenizer_is_trained_once_whatever_comes_later_and_is_in_the_fingerprint(own):
    [one] = list_releases(own.lake, "megatron")
    content = (folder_of(own, "megatron") / "tokenizer.json").read_bytes()
    assert one.document["inputs"]["supplies"] == {"tokenizer.json": hashlib.sha256(content).hexdigest()}
    assert Tokenizer.from_str(content.decode()).get_vocab_size() <= 512
    assert (folder_of(own, "datatrove") / "tokenizer.json").read_bytes() == content
    own.add("pkg:pypi/later", {"later.py": b"later = 'another text altogether'\n" * 9}, day="2026-01-02")
    own.passed()
    report = build(own.lake, ENGINE, "megatron")
    newer = Path(own.settings.lake, report.details["folder"])
    assert (newer / "tokenizer.json").read_bytes() == content
    assert report.details["shards_kept"] >= len(one.shards) - 1
    assert verify(own.lake, "megatron", report.details["fingerprint"]).passed


def test_training_gives_the_same_tokenizer_for_the_same_texts_in_any_order():
    texts = [f"def f{n}(value):\n    return value + {n}\n" for n in range(200)]
    assert trained(texts, 600) == trained(reversed(texts), 600)
    made = Tokenizer.from_str(trained(texts, 600).decode())
    assert [made.token_to_id(name) for name in STARCODER2] == list(range(len(STARCODER2)))
    assert made.encode("1234").tokens == ["1", "2", "3", "4"]


def test_a_long_text_is_cut_behind_a_line_and_has_the_tokens_of_its_pieces(monkeypatch):
    monkeypatch.setattr(tokenizer, "PIECE", 1000)
    line = "value = 'a line of a text that is longer than a piece'\n"
    made = made_from(trained([line], 512))
    long = line * 100
    [whole], once = made.encode([long]), made.encode([line])[0]
    assert whole.tolist() == once.tolist() * (len(long) // len(line))
    assert made.tokenizer.decode(made.encode(["x" * 2005])[0].tolist()) == "x" * 2005
    assert [one.tolist() for one in made.encode(["", "a", ""])] == [[], made.encode(["a"])[0].tolist(), []]


def own_tokenizer(path, *special, size=0):
    vocabulary = {letter: at for at, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    vocabulary |= {f"word{n}": len(vocabulary) + n for n in range(size)}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(list(special))
    if special:
        made.post_processor = processors.TemplateProcessing(
            single=f"{special[0]} $A {special[0]}", special_tokens=[(special[0], made.token_to_id(special[0]))]
        )
    made.enable_truncation(4)
    made.enable_padding(length=4)
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save(str(path))
    return path


def test_the_environment_names_tokenizers(tmp_path):
    found = Settings.from_environment({"CODECOMMONS_TOKENIZERS": f"{tmp_path}/a/tokenizer.json:{tmp_path}/b.json"})
    assert found.tokenizers == (tmp_path / "a" / "tokenizer.json", tmp_path / "b.json")
    own_tokenizer(tmp_path / "a" / "tokenizer.json", "</s>")
    assert named(found, "a") == named(Settings.from_environment({"CODECOMMONS_TOKENIZERS": f"{tmp_path}/a"}), "a")
    both = Settings.from_environment({"CODECOMMONS_TOKENIZERS": f"{tmp_path}/a.json:{tmp_path}/a"})
    with pytest.raises(UsageError, match="names two tokenizers a; rename one"):
        named(both, "a")
    with pytest.raises(UsageError, match="CODECOMMONS_TOKENIZERS names none"):
        named(Settings.from_environment({}), "a")


def with_tokenizers(world, *paths):
    lake = Lake.open(dataclasses.replace(world.settings, tokenizers=paths))
    for table in world.lake.tables().values():
        lake.register(table)
    return dataclasses.replace(world, lake=lake)


def test_a_tokenizer_of_the_user_makes_tokens_of_whole_texts_and_needs_not_be_there_afterwards(own, tmp_path):
    path = own_tokenizer(tmp_path / "mine" / "tokenizer.json", "</s>", size=70_000)
    world = with_tokenizers(own, path, own_tokenizer(tmp_path / "other.json", "<eos>"))
    build(world.lake, ENGINE, world.specify("named", "{shard: {bits: 0}, format: {kind: tokens, tokenizer: mine}}"))
    folder, manifest = folder_of(world, "named"), manifest_of(world, "named")
    assert (folder / "tokenizer.json").read_bytes() == path.read_bytes()
    [data] = folder.glob("data/*.bin")
    ids = np.fromfile(data, "<i4")
    texts = texts_of(world)
    assert ids.size == sum(len(text.encode()) + 1 for text in texts.values())
    plain = Tokenizer.from_file(str(path))
    for swhid, token, count in manifest.select("swhid", "token", "tokens").iter_rows():
        assert plain.decode(ids[token : token + count].tolist()) == texts[swhid]
        assert ids[token + count] == plain.token_to_id("</s>")
    assert verify(own.lake, "named").passed
    assert reproduce(own.lake, ENGINE, "named").passed


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("{kind: parquett}", "format: kind is 'parquett'; did you mean 'parquet'?"),
        ("{kind: jsonl, layout: datatrove}", "format: layout is for kind tokens; the kind is jsonl"),
        ("{layout: datatrove}", "format: layout is for kind tokens; the kind is parquet"),
        ("{kind: tokens, document: repo}", "document is 'repo'; did you mean 'repository'?"),
        ("{kind: tokens, layout: megatrn}", "layout is 'megatrn'; did you mean 'megatron'?"),
        ("{kind: tokens, vocabulary: 100}", "vocabulary is 100; it must be a whole number from 512 to"),
        ("{kind: tokens, tokenizer: mien}", "tokenizer is 'mien'; did you mean 'mine'?"),
        ("{kind: tokens, tokenizer: mine, vocabulary: 600}", "vocabulary is for a tokenizer that is trained"),
        ("{kind: tokens, tokenizer: mine, document: repository}", "document: repository needs the special token <repo_name>"),
        ("{kind: tokens, tokenizer: mine, end: <end>}", "end: <end> needs the special token <end>"),
        ("{kind: tokens, tokenizer: endless}", "has none of"),
        ("{kind: tokens, tokenizer: broken}", "can't be read by the tokenizers library"),
        ("{kind: tokens, tokenizer: gone}", "can't be read: No such file"),
        ("{kind: tokens, end: <end>}", "a tokenizer that is trained has not"),
        ("{kind: tokens, tokenizers: mine}", "unknown key 'tokenizers'; did you mean 'tokenizer'?"),
    ],
)
def test_what_can_not_be_is_said_before_anything_is_read(made, tmp_path, said, what):
    (tmp_path / "broken.json").write_text("{}")
    paths = [own_tokenizer(tmp_path / "mine.json", "</s>"), own_tokenizer(tmp_path / "endless.json")]
    world = with_tokenizers(made, *paths, tmp_path / "broken.json", tmp_path / "gone.json")
    name = world.specify("odd", f"format: {said}")
    with pytest.raises(UsageError) as planned:
        plan(world.lake, specification(world.settings, name))
    assert what in str(planned.value)
    assert str(planned.value).startswith("dataset odd: format")
    with pytest.raises(UsageError):
        build(world.lake, ENGINE, name)


def test_without_the_library_it_says_what_to_install(shop, monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    shop.specify("all", "format: {kind: tokens}")
    with pytest.raises(UsageError, match=r"pip install 'codecommons\[tokens\]'"):
        build(shop.lake, ENGINE, "all")
    build(shop.lake, ENGINE, shop.specify("rows", "{}"))


PLUGIN = """
from codecommons.datasets.formats.parquet import Parquet

class Renamed(Parquet):
    def endings(self, asked):
        return (".pq",)

FORMAT = Renamed()
"""


def test_one_file_adds_a_format(shop, tmp_path):
    (tmp_path / "plugins" / "formats").mkdir(parents=True)
    (tmp_path / "plugins" / "formats" / "renamed.py").write_text(PLUGIN)
    lake = Lake.open(dataclasses.replace(shop.settings, plugins=(tmp_path / "plugins",)))
    for table in shop.lake.tables().values():
        lake.register(table)
    build(lake, ENGINE, shop.specify("all", "{shard: {bits: 0}, format: {kind: renamed}}"))
    [shard] = (folder_of(shop, "all") / "data").iterdir()
    assert shard.name.endswith(".pq")
    assert pq.read_table(shard).schema.names == ROW.names
    assert verify(lake, "all").passed


def test_tokens_are_the_same_in_worker_processes(own):
    expected = {path.name: path.read_bytes() for path in (folder_of(own, "megatron") / "data").iterdir()}
    shutil.rmtree(folder_of(own, "megatron"))
    engine = PoolEngine(2)
    build(own.lake, engine, "megatron")
    engine.close()
    assert {path.name: path.read_bytes() for path in (folder_of(own, "megatron") / "data").iterdir()} == expected


@pytest.mark.parametrize("name", ["jsonl", "megatron"])
def test_a_manifest_that_somebody_changed_makes_no_reader_stumble(own, name):
    path = folder_of(own, name) / "manifest.parquet"
    manifest, first = pl.read_parquet(path), {"jsonl": "frame", "megatron": "token"}[name]
    changes = [
        manifest.drop(first),
        manifest.with_columns(pl.lit(None, pl.Int64).alias(first)),
        manifest.with_columns(pl.lit(-1, pl.Int64).alias(first)),
        manifest.with_columns(pl.lit(1 << 40, pl.Int64).alias(first)),
        manifest.with_columns(pl.col(first).reverse()),
    ]
    for changed in changes:
        changed.write_parquet(path)
        assert any(problem.file == "manifest.parquet" for problem in verify(own.lake, name).problems)


def test_json_lines_that_are_no_rows_are_named(own):
    import zstandard

    row = manifest_of(own, "jsonl").row(0, named=True)
    shard = folder_of(own, "jsonl") / "data" / row["shard"]
    for line in (b"[]", b"{}", b'{"swhid": 1, "text": 2, "encoding": [], "redactions": {}}', b"\x00"):
        shard.write_bytes(zstandard.compress(line + b"\n"))
        found = [problem for problem in verify(own.lake, "jsonl").problems if problem.row is not None]
        assert (found[0].file, found[0].row, found[0].swhid) == (f"data/{shard.name}", 0, row["swhid"])


def test_a_shard_that_reads_back_otherwise_is_not_published(shop, monkeypatch):
    from codecommons.datasets.formats.jsonl import JsonLines

    monkeypatch.setattr(JsonLines, "swhids", lambda self, files: iter([pl.Series("swhid", ["swh:1:cnt:" + "0" * 40])]))
    report = build(shop.lake, ENGINE, shop.specify("all", "format: {kind: jsonl}"))
    assert [check.name for check in report.checks if not check.passed] == ["shards_readable"]
    assert list_releases(shop.lake, "all") == []
    assert list(Path(shop.settings.lake).glob("**/*.jsonl.zst")) == []


@pytest.mark.parametrize("name", ["jsonl", "megatron"])
def test_a_shard_that_was_cut_short_or_changed_is_written_again(own, name):
    """What a killed build leaves, and what a disk does to it."""
    [one] = list_releases(own.lake, name)
    folder = folder_of(own, name)
    expected = {path.name: path.read_bytes() for path in (folder / "data").iterdir()}
    staged = Path(own.settings.lake, "_staging", f"dataset-{name}-killed", "data")
    for path in [path for path in sorted(expected) if path.startswith(min(expected).partition(".")[0])]:
        flipped = [lambda data: data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :]]
        for change in [*flipped, lambda data: data[:-5]][: 2 if name == "jsonl" else 1]:
            shutil.rmtree(folder)
            shutil.rmtree(staged, ignore_errors=True)
            staged.mkdir(parents=True)
            for other, data in expected.items():
                (staged / other).write_bytes(change(data) if other == path else data)
            if name == "megatron":
                # Without a release to take it from, the same tokenizer is trained.
                assert not list_releases(own.lake, name)
            report = build(own.lake, ENGINE, name)
            assert report.details["shards_kept"] == len(one.shards) - 1, path
            assert {path.name: path.read_bytes() for path in (folder / "data").iterdir()} == expected
