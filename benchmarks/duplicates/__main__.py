# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""``python -m benchmarks.duplicates``: measure; when every peer ran, write the result and the page."""

import argparse
import json
import sys
from pathlib import Path

from benchmarks.accuracy import put
from benchmarks.duplicates import RESULT, run
from benchmarks.duplicates.peers import TOOLS
from codecommons.errors import CodeCommonsError
from codecommons.settings import Settings

PAGE = Path("docs/performance.md")

parser = argparse.ArgumentParser(prog="python -m benchmarks.duplicates", description="Near-duplicates: ours beside others.")
parser.add_argument("--peers", default=sys.executable, help="an interpreter that has the peers (default: this one)")
parser.add_argument("--megabytes", type=float, default=24.0, help="of texts, about (default: %(default)s)")
arguments = parser.parse_args()
try:
    result = run(Settings.from_environment(), arguments.peers, arguments.megabytes, lambda line: print(line, file=sys.stderr))
except CodeCommonsError as error:
    sys.exit(f"Error: {error}")
print(result.to_markdown())
if TOOLS.keys() <= result.tools.keys():
    RESULT.write_text(json.dumps(result.to_json(), indent=2) + "\n")
    PAGE.write_text(put(PAGE.read_text(), "Near-duplicates", result.to_markdown()))
else:
    print(f"Nothing is written: {', '.join(sorted(TOOLS.keys() - result.tools.keys()))} did not run", file=sys.stderr)
