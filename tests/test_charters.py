# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A newcomer finds the room of a line of code by reading the charters of the folders."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Their modules are found by name; there is no list to edit.
FOUND_BY_NAME = {"annotators", "documents", "feeds", "formats", "listers", "sources"}
FOLDERS = [
    path.parent.relative_to(ROOT).as_posix()
    for package in ("codecommons", "resources", "assets", "codecommons_dagster")
    for path in sorted((ROOT / package).rglob("__init__.py"))
    if path.parent.name not in FOUND_BY_NAME
]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_charter_names_every_module_of_its_folder(folder: str) -> None:
    charter = ast.get_docstring(ast.parse((ROOT / folder / "__init__.py").read_text())) or ""
    there = {path.parent.name for path in ROOT.glob(f"{folder}/*/__init__.py")}
    there |= {path.stem for path in ROOT.glob(f"{folder}/*.py")} - {"__init__"}
    assert sorted(name for name in there if not re.search(rf"``{name}\b", charter)) == []
