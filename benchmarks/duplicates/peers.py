# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

r"""How others find near-duplicates; run by an interpreter that has them, with nothing of ours on its path.

``python peers.py TOOL FOLDER BANDS ROWS THRESHOLD``: reads ``texts.parquet`` (column text) and ``shingles.npz`` (hashes, offsets,
seconds) in the folder, writes ``pairs-TOOL.npy`` (row numbers, two columns) into it, and prints one JSON object: CPU seconds by
part, and the peak of memory above what the process had with the texts loaded.

Each is called as its documentation does for a corpus in memory, with the same shingles (five words, ``\w+`` in lower case), bands
and threshold; datatrove has its own words and works from files. Pairs are what the tool itself holds for duplicates; of one that
says only "a duplicate" or "a cluster", every pair in one of its bands that it would estimate similar, or in one of its clusters.
"""

import contextlib
import itertools
import json
import re
import resource
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

SHINGLE = 5
_WORD = re.compile(r"\w+")
Pairs = Iterable[tuple[int, int]]


class Clock:
    """CPU seconds of this process and its dead children, by part."""

    def __init__(self) -> None:
        """Nothing is measured yet."""
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count what happens inside under a name."""
        start = _cpu()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + _cpu() - start


class Memory:
    """How much this process grows from here on: its own pages, at their most, in bytes."""

    def __init__(self) -> None:
        """Forget what it took before (Linux keeps the largest figure, and starts again on request)."""
        Path("/proc/self/clear_refs").write_text("5")
        self._before = self._kilobytes("VmRSS")

    def growth(self) -> int:
        """The most so far."""
        return (self._kilobytes("VmHWM") - self._before) * 1024

    def _kilobytes(self, name: str) -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def _cpu() -> float:
    dead = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + dead.ru_utime + dead.ru_stime


def shingles(text: str) -> set[str]:
    """The shingles of a text, as users of these tools write them."""
    words = _WORD.findall(text.lower())
    return {" ".join(words[at : at + SHINGLE]) for at in range(len(words) - SHINGLE + 1)}


def rensa_texts(texts: list[str], folder: Path, bands: int, rows: int, threshold: float, clock: Clock) -> Pairs:
    """Rensa as its users run it: Python shingles, its batch calls."""
    from rensa import RMinHash

    with clock.part("shingles"):
        sets = [list(shingles(text)) for text in texts]
    with clock.part("signatures"):
        matrix = RMinHash.digest_matrix_from_token_sets(sets, bands * rows, 42)
    return _rensa(matrix, np.array([len(one) for one in sets]), bands, rows, threshold, clock)


def rensa_shingles(texts: list[str], folder: Path, bands: int, rows: int, threshold: float, clock: Clock) -> Pairs:
    """Rensa fed with our shingles, whose making counts as what it took us."""
    from rensa import RMinHash

    with np.load(folder / "shingles.npz") as given:
        hashes, offsets = given["hashes"], given["offsets"].astype(np.uint64)
        clock.seconds["shingles"] = float(given["seconds"])
    with clock.part("signatures"):
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets, bands * rows, 42)
    return _rensa(matrix, np.diff(offsets.astype(np.int64)), bands, rows, threshold, clock)


def _rensa(matrix: Any, sizes: Any, bands: int, rows: int, threshold: float, clock: Clock) -> Pairs:
    from rensa import RMinHashLSH

    with clock.part("duplicates"):
        index = RMinHashLSH(threshold, bands * rows, bands)
        index.insert_matrix(matrix)
        index.query_duplicate_flags_matrix(matrix)
    # Its index says which texts are duplicates, not of what; pairs are its signatures', by its own estimate.
    signatures = np.array(matrix.to_rows(), np.uint64)
    found = {
        pair
        for band in range(bands)
        for group in _groups(signatures[:, band * rows : (band + 1) * rows], np.flatnonzero(sizes))
        for pair in itertools.combinations(group, 2)
    }
    return (pair for pair in found if (signatures[pair[0]] == signatures[pair[1]]).mean() >= threshold)


def _groups(values: Any, which: Any) -> list[list[int]]:
    groups: dict[bytes, list[int]] = defaultdict(list)
    for row in which.tolist():
        groups[values[row].tobytes()].append(row)
    return [group for group in groups.values() if len(group) > 1]


def datasketch(texts: list[str], folder: Path, bands: int, rows: int, threshold: float, clock: Clock) -> Pairs:
    """Datasketch: an index, queried with every text, and its estimate of every candidate."""
    from datasketch import MinHash, MinHashLSH

    with clock.part("shingles"):
        sets = [[shingle.encode() for shingle in shingles(text)] for text in texts]
    with clock.part("signatures"):
        signatures = MinHash.bulk(sets, num_perm=bands * rows)
    found = []
    with clock.part("duplicates"):
        index = MinHashLSH(num_perm=bands * rows, params=(bands, rows))
        for number, signature in enumerate(signatures):
            if sets[number]:
                for other in index.query(signature):
                    if signature.jaccard(signatures[other]) >= threshold:
                        found.append((other, number))
                index.insert(number, signature)
    return found


def text_dedup(texts: list[str], folder: Path, bands: int, rows: int, threshold: float, clock: Clock) -> Pairs:
    """Text-dedup: its signature function and what its command line does with the bands; it has no verification."""
    from text_dedup import minhash
    from text_dedup.utils import INDEX_COLUMN, xxh3_32hash

    modulo = np.uint32((1 << 32) - 5)
    permutations = tuple(minhash.RNG.randint(low, modulo, size=bands * rows, dtype=np.uint32) for low in (1, 0))
    settings = {
        "num_perm": bands * rows,
        "ngram_size": SHINGLE,
        "min_length": SHINGLE,
        "hashranges": [(band * rows, (band + 1) * rows) for band in range(bands)],
        "permutations": permutations,
        "hash_func": xxh3_32hash,
        "dtype": np.uint32,
        "max_hash": np.uint32((1 << 32) - 1),
        "modulo_prime": modulo,
    }
    # Its words are split(r"\W") with the empty ones kept; given these it finds ours.
    words = [" ".join(_WORD.findall(text.lower())) for text in texts]
    tables: list[dict[bytes, set[int]]] = [defaultdict(set) for _ in range(bands)]
    with clock.part("signatures"), np.errstate(over="ignore"):
        for number, text in enumerate(words):
            if text.count(" ") >= SHINGLE - 1:
                row = minhash.embed_func(text, number, **settings)
                for table, value in zip(tables, row[minhash.SIGNATURE_COLUMN], strict=True):
                    table[value].add(row[INDEX_COLUMN])
    with clock.part("duplicates"):
        for table in tables:
            for cluster in table.values():
                for number in cluster if len(cluster) > 1 else ():
                    minhash.uf.union(number, min(cluster))
    return _pairs_of_clusters(minhash.uf.find(number) for number in range(len(texts)))


def _pairs_of_clusters(clusters: Iterable[int]) -> Pairs:
    members: dict[int, list[int]] = defaultdict(list)
    for number, cluster in enumerate(clusters):
        members[cluster].append(number)
    return (pair for group in members.values() for pair in itertools.combinations(group, 2))


def datatrove(texts: list[str], folder: Path, bands: int, rows: int, threshold: float, clock: Clock) -> Pairs:
    """Datatrove: its first three steps, with its own words (spaCy's for English), from a JSON Lines file as its readers want."""
    import struct

    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.readers import JsonlReader

    config = MinhashConfig(n_grams=SHINGLE, num_buckets=bands, hashes_per_bucket=rows)
    with tempfile.TemporaryDirectory(prefix="codecommons-") as place:
        Path(place, "in").mkdir()
        with Path(place, "in", "texts.jsonl").open("w") as lines:
            lines.writelines(json.dumps({"text": text, "id": str(number)}) + "\n" for number, text in enumerate(texts))
        steps = {
            "signatures": [JsonlReader(f"{place}/in"), MinhashDedupSignature(f"{place}/signatures", config)],
            "duplicates": [MinhashDedupBuckets(f"{place}/signatures", f"{place}/buckets", config=config)],
            "clusters": [MinhashDedupCluster(f"{place}/buckets", f"{place}/clusters", config, save_cluster_id=True)],
        }
        tasks = {"signatures": 1, "duplicates": bands, "clusters": 1}
        for name, step in steps.items():
            with clock.part(name):
                LocalPipelineExecutor(step, tasks=tasks[name], workers=1, logging_dir=f"{place}/logs/{name}").run()
        clusters = list(range(-1, -1 - len(texts), -1))
        for file in Path(place, "clusters").glob("*.clusters"):
            for number, cluster in struct.iter_unpack("<2I", file.read_bytes()):
                clusters[number] = cluster
    return _pairs_of_clusters(clusters)


TOOLS: dict[str, Callable[..., Pairs]] = {
    "rensa, our shingles": rensa_shingles,
    "rensa": rensa_texts,
    "datasketch": datasketch,
    "text-dedup": text_dedup,
    "datatrove": datatrove,
}


def main() -> None:
    """Run one tool."""
    tool, place, bands, rows, threshold = sys.argv[1:]
    folder, clock = Path(place), Clock()
    texts = pq.read_table(folder / "texts.parquet", columns=["text"])["text"].to_pylist()
    memory = Memory()
    with contextlib.redirect_stdout(sys.stderr):
        found = TOOLS[tool](texts, folder, int(bands), int(rows), float(threshold), clock)
        peak = memory.growth()
        pairs = np.array(sorted({(min(pair), max(pair)) for pair in found}), np.int64).reshape(-1, 2)
    np.save(folder / f"pairs-{tool}.npy", pairs)
    print(json.dumps({"seconds": clock.seconds, "memory": peak}))


if __name__ == "__main__":
    main()
