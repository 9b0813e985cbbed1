# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The verifier stands alone."""

import subprocess
import sys


def test_the_verifier_imports_nothing_of_the_lake():
    heavy = "{'polars', 'pyarrow', 'deltalake', 'duckdb', 'dagster', 'fsspec', 'codecommons.lake', 'codecommons.settings'}"
    code = f"import sys, codecommons.optout.check; sys.exit(str({heavy} & set(sys.modules)) if {heavy} & set(sys.modules) else 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
