# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import codecommons

EVERY_MODULE = """
import importlib, pkgutil, codecommons
for found in pkgutil.walk_packages(codecommons.__path__, "codecommons."):
    importlib.import_module(found.name)

from hashlib import blake2s
import pyarrow as pa
from codecommons.swhid.hashing import blake2s_column
assert blake2s_column(pa.array([b"abc"], pa.binary())).to_pylist() == [blake2s(b"abc").digest()]
"""


def test_every_module_works_where_no_machine_code_can_be_kept():
    # No module of ours is in a zip, so Numba finds no place to keep anything, as where no folder can be written.
    checkout = Path(codecommons.__file__).resolve().parent.parent
    environment = {**os.environ, "NUMBA_CACHE_LOCATOR_CLASSES": "ZipCacheLocator", "PYTHONPATH": str(checkout)}
    done = subprocess.run([sys.executable, "-c", EVERY_MODULE], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
