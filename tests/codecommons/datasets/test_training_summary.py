# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The feed for Art. 53(1)(d): every field of the template, with the release's own numbers."""

import json
import re
from pathlib import Path

from codecommons.datasets import build
from codecommons.engine.local import InlineEngine

SECTIONS = ["Head", "1.1", "1.2", "1.3", "2.1", "2.2.1", "2.2.2", "2.3", "2.4", "2.5", "2.6", "3.1", "3.2", "3.3"]


def test_every_field_is_answered_or_named_as_the_providers_and_numbers_are_those_of_the_release(shop):
    report = build(shop.lake, InlineEngine(), shop.specify("all", "as_of: 2026-03-31"))
    release = Path(shop.settings.lake, report.details["folder"])
    told, fingerprint = (json.loads((release / name).read_text()) for name in ("art53.json", "fingerprint.json"))
    assert told["release"] == fingerprint["fingerprint"]
    assert list(dict.fromkeys(one["section"] for one in told["fields"])) == SECTIONS
    said = {(one["section"], one["label"]): one["value"] for one in told["fields"]}
    assert len(said) == len(told["fields"])
    assert all(one["value"] != "" and (one["value"] is None) == (one["by"] == "provider") for one in told["fields"])
    rows, size = fingerprint["result"]["rows"], fingerprint["result"]["text_bytes"]
    # Exactly one of the template's bands, and the figure of the manifest behind it.
    assert re.fullmatch(
        rf"less than 1 billion tokens \(about [\d,]+, at 3\.1 bytes a token; {size} bytes of text in {rows} files\)",
        said["1.3", "Text: size"],
    )
    assert said["Head", "Last update"] == "31/03/2026"
    assert said["1.3", "Latest date of data acquisition or collection"].startswith("01/2026")
    domains = said["2.3", "Summary of the most relevant domain names"]
    assert domains.startswith("1 of 3: pkg:pypi (")
    assert fingerprint["result"]["merkle"]["swhids"]["root"] in said["3.3", "Other information"]
    page = (release / "art53.md").read_text()
    assert page.count("to be filled in by the provider of the model") == sum(value is None for value in said.values())
    assert all(f"| {section} | {label} | " in page for section, label in said)
