# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""One stage on a Ray cluster of one node and of two, beside the engine of this machine: ``python -m benchmarks.cluster``.

The texts are Python files of this interpreter's own packages, in a lake that is copied for every run; the stage is
``enriched_context``, the largest of the five. A node has one core, and all of them are on this machine, so two nodes can be no
faster than two processes: what is asked is what Ray adds. CPU seconds are of the driver and all it starts, Ray's own processes
included. Needs ``pip install 'codecommons[ray]'``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray
from ray.cluster_utils import Cluster

from benchmarks.accuracy import put
from benchmarks.processes import PeakMemory, machine
from codecommons.annotate import annotate_slice
from codecommons.archive import add_inputs, ingest_slice
from codecommons.engine import Engine, local_engine
from codecommons.engine.cluster import RayEngine
from codecommons.lake import Lake
from codecommons.settings import Settings

BEFORE, DAY = "2026-01-30", "2026-01-31"
RESULTS, PAGE = Path("benchmarks/results/cluster.json"), Path("docs/performance.md")
_NODE = {"num_cpus": 1, "object_store_memory": 100 << 20, "include_dashboard": False}


def nothing(number: int) -> int:
    """A task that costs nothing."""
    return number


def main() -> None:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=60, help="of texts; more of them are better texts")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        size = _texts(root / "texts", arguments.megabytes << 20)
        raw = Settings(home=root / "raw", lake=str(root / "raw" / "lake"), workers=0)
        lake = Lake.open(raw)
        for day, texts in ((DAY, "texts"), (BEFORE, "texts/first")):
            add_inputs(lake, [f"path:{root / texts}"], day)
            ingest_slice(lake, local_engine(raw), day, "path")
        annotate_slice(lake, local_engine(raw), BEFORE, "path")  # what annotators derive is there, and code is compiled
        found: dict[str, Any] = {"machine": machine(), "bytes": size, "runs": {}}
        for workers in (1, 2):
            engine = local_engine(replace(raw, workers=workers))
            found["runs"][f"this machine, {workers} process{'es' * (workers > 1)}"] = _run(root, raw, engine)
            engine.close()
        cluster = Cluster(initialize_head=True, head_node_args=_NODE)
        try:
            for nodes in (1, 2):
                if nodes > 1:
                    cluster.add_node(**_NODE)
                    cluster.wait_for_nodes()
                engine = RayEngine(cluster.address)
                list(engine.map(nothing, range(8)))  # workers start
                one = found["runs"][f"Ray, {nodes} node{'s' * (nodes > 1)}"] = _run(root, raw, engine)
                started = time.perf_counter()
                assert list(engine.map(nothing, range(1000))) == list(range(1000))
                one["milliseconds a task"] = round(time.perf_counter() - started, 2)
                engine.close()
        finally:
            ray.shutdown()
            cluster.shutdown()
    print(_table(found))
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    PAGE.write_text(put(PAGE.read_text(), "Ray", _table(found)))


def _table(found: dict[str, Any]) -> str:
    """As the page has it."""
    runs = found["runs"]
    columns = list(dict.fromkeys(column for run in runs.values() for column in run))
    lines = [f"| {name} | {' | '.join(str(run.get(column, '')) for column in columns)} |" for name, run in runs.items()]
    return "\n".join(
        [
            f"`enriched_context` of {found['bytes'] / 1e6:.0f} MB of Python, {found['machine']}.\n",
            f"| where | {' | '.join(columns)} |",
            f"|---|{'---:|' * len(columns)}",
            *lines,
        ]
    )


def _texts(folder: Path, most: int) -> int:
    size = 0
    packages = [Path(one) for one in sys.path if one.endswith("site-packages")]
    for number, path in enumerate(path for one in packages for path in sorted(one.rglob("*.py"))):
        data = path.read_bytes()
        if size + len(data) > most:
            break
        place = folder / ("first" if number < 20 else f"{number // 100}") / f"{number}.py"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        size += len(data)
    return size


def _run(root: Path, raw: Settings, engine: Engine) -> dict[str, float]:
    """Seconds and MB/s of the stage over a copy of the raw lake; tasks are small enough for every node to have many."""
    home = root / "run"
    shutil.copytree(raw.home, home)
    settings = replace(raw, home=home, lake=str(home / "lake"), batch_bytes=2 << 20)
    with PeakMemory(os.getpid(), 0.1) as memory:
        report = annotate_slice(Lake.open(settings), engine, DAY, "path")
    shutil.rmtree(home)
    megabytes = report.bytes_in / 1e6
    cpu = float(report.details["cpu_seconds"])
    return {
        "seconds": round(report.seconds, 1),
        "MB/s": round(megabytes / report.seconds, 2),
        "CPU seconds": round(cpu, 1),
        "MB a CPU second": round(megabytes / cpu, 2),
        "peak MB": memory.total >> 20,
        "load": round(os.getloadavg()[0], 1),
    }


if __name__ == "__main__":
    main()
