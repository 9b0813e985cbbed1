# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""How others make shards; run by an interpreter that has datatrove, with nothing of ours on its path.

``python builds_peers.py FOLDER LIMITS``: reads ``texts.parquet`` (id, text and what describes a row) in the folder, keeps what is
within the limits (a JSON object, named as in ``codecommons.datasets.rules``), writes Parquet into ``out``, and prints one JSON
object: documents kept and CPU seconds of the pipeline.
"""

import contextlib
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any


def _lines(text: str) -> list[str]:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[:-1] if lines and not lines[-1] else lines


# As a user of it writes them.
LIMITS: dict[str, Callable[[Any, float], bool]] = {
    "min_length": lambda document, limit: document.metadata["length"] >= limit,
    "max_lines": lambda document, limit: len(_lines(document.text)) <= limit,
    "max_line": lambda document, limit: max(map(len, _lines(document.text)), default=0) <= limit,
    "max_mean_line": lambda document, limit: sum(map(len, lines := _lines(document.text))) <= limit * len(lines),
    "min_alphabetic": lambda document, limit: sum(map(str.isalpha, document.text)) >= limit * len(document.text),
}


def _within(name: str, limit: float, document: Any) -> bool:
    return LIMITS[name](document, limit)


def main() -> None:
    """Run the pipeline once."""
    folder, limits = Path(sys.argv[1]), json.loads(sys.argv[2])
    with contextlib.redirect_stdout(sys.stderr):
        from datatrove.executor import LocalPipelineExecutor
        from datatrove.pipeline.filters import LambdaFilter
        from datatrove.pipeline.readers import ParquetReader
        from datatrove.pipeline.writers import ParquetWriter

        steps = [
            ParquetReader(str(folder), glob_pattern="texts.parquet"),
            *(LambdaFilter(partial(_within, name, limit)) for name, limit in limits.items()),
            ParquetWriter(str(folder / "out"), compression="zstd"),
        ]
        start = time.process_time()
        LocalPipelineExecutor(steps, tasks=1, workers=1, logging_dir=str(folder / "logs")).run()
        seconds = time.process_time() - start

        import pyarrow.parquet as pq

        kept = sum(pq.read_metadata(file).num_rows for file in (folder / "out").glob("**/*.parquet"))
    print(json.dumps({"rows": kept, "cpu_seconds": seconds}))


if __name__ == "__main__":
    main()
