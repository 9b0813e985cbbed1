# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Fetch Blue Oak Council's list from npm, where the Council publishes it: ``python -m codecommons.license.refresh 15.0.0``."""

from __future__ import annotations

import hashlib
import json
import sys
import tarfile

from codecommons.archive.sources.npm import SOURCE
from codecommons.errors import CodeCommonsError
from codecommons.lake import SliceInput
from codecommons.license.blue_oak import FILE
from codecommons.settings import Settings

PACKAGE = "@blueoak/list"


def refresh(version: str, settings: Settings) -> None:
    """Write ``blue-oak.json`` from a version of the published list.

    Raises:
        ItemError: npm or the version is not there.
    """
    wanted = SOURCE.resolve(SliceInput("2026-01-31", "npm", f"{PACKAGE}@{version}"), settings)
    archive = SOURCE.fetch(wanted, settings)
    with tarfile.open(archive) as opened:
        member = opened.extractfile("package/index.json")
        assert member is not None
        index = json.load(member)
    document = {
        "source": f"npm:{PACKAGE}@{version}",
        "sha256": hashlib.sha256(archive.read_bytes()).hexdigest(),
        "license": "CC0-1.0",
        "ratings": {rating["name"]: sorted(one["id"] for one in rating["licenses"]) for rating in index},
    }
    FILE.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    try:
        refresh(sys.argv[1], Settings.from_environment())
    except (CodeCommonsError, IndexError) as error:
        sys.exit(f"Error: {error if isinstance(error, CodeCommonsError) else 'name a version, such as 15.0.0'}")
