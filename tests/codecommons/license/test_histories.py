# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What is decided of a file in the tree of a commit is what the third stage decides of that tree, and nobody has to run it."""

import subprocess

import polars as pl
import pytest

from codecommons.annotate import annotate_slice
from codecommons.archive import add_inputs, ingest_slice
from codecommons.engine.local import InlineEngine
from codecommons.lake import Lake
from codecommons.license import decisions, qualify_slice
from codecommons.license.histories import as_it_came
from codecommons.license.policy import policies
from codecommons.settings import Settings

DAY, ENGINE = "2026-01-31", InlineEngine()
TAG = "SPDX-License-Identifier: "
DEP5 = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: %s\nCopyright: A\nLicense: %s\n"
# Every file that is no licence file or list is asked about.
TREE = {
    "LICENSE": f"{TAG}MIT\n",
    "package.json": '{"name": "x", "version": "1", "license": "GPL-2.0-only"}\n',
    "plain.c": "int plain;\n",
    "own.c": f"// {TAG}LGPL-2.1-only\nint own;\n",
    "side/beside.c": "int beside;\n",
    "side/beside.c.license": f"{TAG}GPL-3.0-only\n",
    "side/other.c": "int other;\n",
    "side/logo.png": "png",
    "side/logo.png.license": f"{TAG}LGPL-3.0-only\n",
    "REUSE.toml": f'version = 1\n\n[[annotations]]\npath = "far/**"\nprecedence = "override"\n{TAG[:-2]} = "AGPL-3.0-only"\n',
    "far/down/f.c": "int far;\n",
    "far/own/LICENSE": f"{TAG}MIT\n",
    "far/own/f.c": "int far_own;\n",
    "part/COPYING": f"{TAG}GPL-2.0-only\n",
    "part/in/f.c": "int part;\n",
    "lib/debian/copyright": DEP5 % ("*", "GPL-3"),
    "lib/f.c": "int lib;\n",
    ".reuse/dep5": DEP5 % ("old/*", "LGPL-2.1"),
    "old/f.c": "int old;\n",
    "node_modules/x/f.c": "int foreign;\n",
    "env/pyvenv.cfg": "home = /usr\n",
    "env/f.c": "int env;\n",
    "terms/LICENSE": "Ask us first.\n",
    "terms/f.c": "int terms;\n",
    "told/README": "Licensed under the MIT License.\n",
    "told/f.c": "int told;\n",
}


def brought(tmp_path, tree, **settings):
    """A lake with a repository of one commit, and the commit's revision and files."""
    path = tmp_path / "repository"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(path)], check=True)
    files = [f"M 100644 inline {name}\ndata {len(text)}\n{text}\n" for name, text in tree.items()]
    stream = f"commit refs/heads/main\ncommitter A <a@example.org> 1500000000 +0000\ndata 0\n{''.join(files)}"
    subprocess.run(["git", "-C", str(path), "fast-import", "--quiet"], input=stream.encode(), check=True)
    lake = Lake.open(Settings(home=tmp_path / "home", lake=str(tmp_path / "lake"), workers=0, bucket_bits=0, **settings))
    add_inputs(lake, [f"git:{path}"], DAY)
    ingest_slice(lake, ENGINE, DAY, "git")
    return lake, lake.scan("introduced").drop_nulls().select("revision", "content", "path").collect()


@pytest.mark.parametrize("name", ["permissive", "stack-v2"])
def test_a_file_is_worth_in_the_tree_of_its_commit_what_the_stage_says_of_that_tree(tmp_path, name):
    lake, places = brought(tmp_path, TREE)
    judging = policies(lake.settings)[name]
    places = places.filter(pl.col("path").bin.ends_with(b".c"))
    then = as_it_came(lake, places, judging).join(places, on=["revision", "content"])
    annotate_slice(lake, ENGINE, DAY, "git")
    qualify_slice(lake, ENGINE, DAY, "git")
    decided = dict(decisions(lake, judging.key(lake.settings)).select("path", "verdict").collect().rows())
    assert dict(then.select("path", "verdict").rows()) == {path: decided[path] for path in places["path"]}
    assert decided[b"plain.c"] == ("conflict" if name == "permissive" else "permissive")


def test_of_a_tree_in_which_a_licence_cannot_be_read_nothing_is_decided(tmp_path):
    lake, places = brought(tmp_path, {"f.c": "int f;\n", "COPYING": "x" * 100}, max_content_bytes=50)
    assert as_it_came(lake, places.filter(path=b"f.c"), policies(lake.settings)["permissive"]).is_empty()
