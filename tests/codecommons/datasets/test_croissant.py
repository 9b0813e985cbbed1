# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The Croissant file of a release, read by MLCommons' own reader."""

import hashlib
import itertools
import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from codecommons.datasets import build
from codecommons.engine.local import InlineEngine

FORMATS = {"all": "parquet", "lines": "jsonl", "tokens": "tokens, vocabulary: 512"}


@pytest.fixture(scope="module")
def releases(shop_at, tmp_path_factory) -> dict[str, Path]:
    shop = shop_at(tmp_path_factory.mktemp("croissant"))
    return {name: Path(shop.settings.lake, built(shop, name, kind).details["folder"]) for name, kind in FORMATS.items()}


def built(shop, name, kind):
    said = f"{{shard: {{bits: 2}}, publisher: {{name: The | Lab, url: 'https://lab.example'}}, format: {{kind: {kind}}}}}"
    return build(shop.lake, InlineEngine(), shop.specify(name, said))


@pytest.fixture
def release(releases) -> Path:
    return releases["all"]


# In a process of its own: its logging (absl) keeps the stream that it was imported under, which pytest closes.
_READ = """
import json, sys, mlcroissant
said = []
for path in sys.argv[1:]:
    described = mlcroissant.Dataset(path)
    issues = described.metadata.ctx.issues
    # It has no way to read zstd.
    rows = [] if "jsonl" in json.dumps(described.metadata.to_json()) else described.records("rows")
    plain = [{name: value.decode() if isinstance(value, bytes) else str(value) for name, value in row.items()} for row in rows]
    said.append({"issues": [*issues.errors, *issues.warnings], "rows": plain})
print(json.dumps(said))
"""


def test_mlcommons_reader_finds_nothing_to_complain_of_and_loads_every_row(release, releases):
    # "not standard" is how it complains of a key in the context, on standard error alone.
    files = [folder / "croissant.json" for folder in releases.values()]
    reader = subprocess.run([sys.executable, "-c", _READ, *files], capture_output=True, text=True, check=True)
    said, lines, tokens = json.loads(reader.stdout)
    fingerprint = json.loads((release / "fingerprint.json").read_text())
    assert said["issues"] == lines["issues"] == tokens["issues"] == []
    assert "not standard" not in reader.stderr
    assert len(said["rows"]) == fingerprint["result"]["rows"] > 0
    assert {row["rows/text"] for row in said["rows"]} >= {"x = 1\n", "Grüße\n"}
    assert all(row["rows/swhid"].startswith("swh:1:cnt:") for row in said["rows"])
    assert {row["rows/swhid"] for row in tokens["rows"]} == {row["rows/swhid"] for row in said["rows"]}
    manifest = pl.read_parquet(releases["tokens"] / "manifest.parquet")
    assert {(row["rows/swhid"], int(row["rows/token"])) for row in tokens["rows"]} == set(
        manifest.select("swhid", "token").iter_rows()
    )


@pytest.mark.parametrize("name", FORMATS)
def test_card_and_croissant_say_which_format_it_is_and_name_every_file(releases, name):
    folder = releases[name]
    described, card = json.loads((folder / "croissant.json").read_text()), (folder / "README.md").read_text()
    files = {one["contentUrl"]: one for one in described["distribution"] if one["@type"] == "cr:FileObject"}
    assert files.keys() == {
        str(path.relative_to(folder))
        for pattern in ("data/*", "manifest.parquet", "tokenizer.json")
        for path in folder.glob(pattern)
    }
    for path, one in files.items():
        assert one["sha256"] == hashlib.sha256((folder / path).read_bytes()).hexdigest()
    [together] = [one for one in described["distribution"] if one["@type"] == "cr:FileSet"]
    ending = {"all": ".parquet", "lines": ".jsonl.zst", "tokens": ".rows.parquet"}[name]
    assert together["includes"] == f"data/*{ending}"
    assert f"\n  data_files: data/*{ending}\n" in card
    named = {one["name"] for record in described["recordSet"] for one in record["field"]}
    assert ("text" in named, "token" in named) == (name != "tokens", name == "tokens")
    assert all(f"| {column} | " in card for column in named)
    if name == "tokens":
        count = pl.read_parquet(folder / "manifest.parquet")["tokens"].sum()
        assert f"| tokens | {count:,} |" in card
        assert "| text |" not in card


def test_it_names_every_file_by_its_digest_and_says_the_same_numbers_as_card_and_fingerprint(release):
    described, fingerprint = (json.loads((release / name).read_text()) for name in ("croissant.json", "fingerprint.json"))
    files = [one for one in described["distribution"] if one["@type"] == "cr:FileObject"]
    assert {one["contentUrl"] for one in files} == {
        str(path.relative_to(release)) for path in itertools.chain(release.glob("data/*"), release.glob("manifest.parquet"))
    }
    for one in files:
        data = (release / one["contentUrl"]).read_bytes()
        assert (one["sha256"], one["contentSize"]) == (hashlib.sha256(data).hexdigest(), f"{len(data)} B")
    rows, size = fingerprint["result"]["rows"], fingerprint["result"]["text_bytes"]
    assert described["size"] == f"{size} B of text in {rows} rows"
    assert described["creator"] == {"@type": "sc:Organization", "name": "The | Lab", "url": "https://lab.example"}
    card = (release / "README.md").read_text()
    assert "| publisher | The \\| Lab https://lab.example |" in card
    assert f"| rows | {rows:,} |" in card
    assert f"| bytes of text | {size:,} |" in card
    assert described["version"].endswith(fingerprint["fingerprint"][:12])
    notice = (release / "NOTICE").read_text()
    assert all(f"\n{license}: " in notice for license in described["license"])
    principles = ("given back", "by SWHID", "exclude their code", "original licence", "Update to a newer release")
    assert all(said in described["usageInfo"] and said in card.replace("\n", " ") for said in principles)
    assert fingerprint["documents"]["croissant.json"] == hashlib.sha256((release / "croissant.json").read_bytes()).hexdigest()
