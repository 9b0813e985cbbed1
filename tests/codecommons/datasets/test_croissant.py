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

import pytest

from codecommons.datasets import build
from codecommons.engine.local import InlineEngine

PUBLISHED = "{shard: {bits: 2}, publisher: {name: The | Lab, url: 'https://lab.example'}}"


@pytest.fixture
def release(shop) -> Path:
    report = build(shop.lake, InlineEngine(), shop.specify("all", PUBLISHED))
    return Path(shop.settings.lake, report.details["folder"])


# In a process of its own: its logging (absl) keeps the stream that it was imported under, which pytest closes.
_READ = """
import json, sys, mlcroissant
described = mlcroissant.Dataset(sys.argv[1])
issues = described.metadata.ctx.issues
rows = [{name: value.decode() for name, value in row.items() if isinstance(value, bytes)} for row in described.records("rows")]
print(json.dumps({"issues": [*issues.errors, *issues.warnings], "rows": rows}))
"""


def test_mlcommons_reader_finds_nothing_to_complain_of_and_loads_every_row(release):
    # "not standard" is how it complains of a key in the context, on standard error alone.
    reader = subprocess.run([sys.executable, "-c", _READ, release / "croissant.json"], capture_output=True, text=True, check=True)
    said, fingerprint = json.loads(reader.stdout), json.loads((release / "fingerprint.json").read_text())
    assert said["issues"] == []
    assert "not standard" not in reader.stderr
    assert len(said["rows"]) == fingerprint["result"]["rows"] > 0
    assert {row["rows/text"] for row in said["rows"]} >= {"x = 1\n", "Grüße\n"}
    assert all(row["rows/swhid"].startswith("swh:1:cnt:") for row in said["rows"])


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
