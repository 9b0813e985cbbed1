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


def run(*arguments, **environment):
    checkout = Path(codecommons.__file__).resolve().parent.parent
    environment = {**os.environ, "PYTHONPATH": str(checkout), **environment}
    done = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_module_works_where_no_machine_code_can_be_kept():
    # No module of ours is in a zip, so Numba finds no place to keep anything, as where no folder can be written.
    run("-c", EVERY_MODULE, NUMBA_CACHE_LOCATOR_CLASSES="ZipCacheLocator")


ON_A_FULL_DISK = """
import resource
from numba import int64
from codecommons.compiled import compiled

resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

@compiled(int64(int64))
def twice(number):
    return 2 * number

assert twice(21) == 42
"""


def test_a_function_is_compiled_where_there_is_no_room_to_keep_it(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(ON_A_FULL_DISK)
    run(str(script), NUMBA_CACHE_DIR=str(tmp_path))
