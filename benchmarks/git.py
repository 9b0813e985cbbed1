# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A git history: ours against dulwich and swh-loader-git, on the same objects.

``python -m benchmarks.git [REPOSITORY] [--peers PYTHON]``. The peers run in an interpreter of their own, as they are no part of
our environment: make one with ``python -m venv PLACE`` and ``PLACE/bin/pip install swh-loader-git``, and name
``PLACE/bin/python``. Without a repository one of some thousand commits is made, the same every time.

All figures are CPU seconds, git's own included; each is the least of some turns, taken in alternation, files in the page cache.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

from benchmarks.processes import machine, tree_cpu_seconds
from codecommons.archive import add_inputs, ingest_slice
from codecommons.archive.repository import ReadObjects, list_objects, read_objects
from codecommons.engine.local import InlineEngine
from codecommons.errors import UsageError
from codecommons.lake import Lake
from codecommons.settings import Settings
from codecommons.swhid import git, hash_content

DAY = "2026-01-31"
TURNS = 2
COMMITS = 6_000
_PEERS = ("loader with storage", "conversion as it is", "conversion in one pass", "dulwich")


@dataclass(frozen=True)
class History:
    """What one repository took.

    Attributes:
        environment: the machine.
        objects: how many, by git's kind.
        bytes: of all of them, unpacked.
        ingest_seconds: all of ``ingest_slice``: walk, conversion, Parquet files, commits, checks.
        ingest_wall_seconds: the same by the clock, in one process.
        peak_memory: bytes, sum of PSS over the process tree.
        convert_seconds: the part that peers have: every object read, verified, hashed and made into columns.
        floor_seconds: git unpacking every object and hashlib hashing every content four times, nothing else.
        peers: seconds by what the peers did; empty when they are not installed.
    """

    environment: str
    objects: dict[str, int]
    bytes: int
    ingest_seconds: float
    ingest_wall_seconds: float
    peak_memory: int
    convert_seconds: float
    floor_seconds: float
    peers: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """As plain values, with the ratios."""
        ratios = {name: round(seconds / self._ours(name), 3) for name, seconds in self.peers.items()}
        return {**asdict(self), "times_as_fast": ratios}

    def to_markdown(self) -> str:
        """A table for the README."""
        count = sum(self.objects.values())
        kinds = ", ".join(f"{number:,} {kind}s" for kind, number in sorted(self.objects.items()))
        rows = [
            ("ours: `ingest_slice`, into the lake", self.ingest_seconds, ""),
            ("ours: conversion alone", self.convert_seconds, ""),
            ("the floor: `git cat-file` and four hashes", self.floor_seconds, ""),
        ]
        labels = {
            "loader with storage": "swh-loader-git, into its storage in memory",
            "conversion as it is": "swh-loader-git: conversion alone, as it runs (one pass a type)",
            "conversion in one pass": "swh-loader-git: conversion alone, in one pass",
            "dulwich": "dulwich: read, parse, hash",
        }
        for name in _PEERS:
            if name in self.peers:
                what = "ingest" if name == "loader with storage" else "conversion"
                times = self.peers[name] / self._ours(name)
                rows.append((labels[name], self.peers[name], f"our {what} is **{times:.1f} times** as fast"))
        lines = [
            f"Git ({count:,} objects: {kinds}; {self.bytes / 1e6:.0f} MB; {self.environment}). One process, "
            f"{self.ingest_wall_seconds:.1f} s by the clock, peak {self.peak_memory / 1e6:.0f} MB.",
            "",
            "| what | CPU seconds | |",
            "|---|---:|---|",
            *(f"| {label} | {seconds:.2f} | {note} |" for label, seconds, note in rows),
        ]
        return "\n".join(lines)

    def _ours(self, peer: str) -> float:
        return self.ingest_seconds if peer == "loader with storage" else self.convert_seconds


def measure(repository: Path, peers: str, settings: Settings) -> History:
    """Time ours and, where they are installed, the peers.

    Args:
        repository: a bare repository or a work tree.
        peers: an interpreter that has swh-loader-git.
        settings: the cache and lake of the benchmark are made under its home and removed.

    Raises:
        UsageError: the peers saw other objects than we did.
    """
    floor = convert = ingest = wall = float("inf")
    theirs: dict[str, float] = {}
    home = settings.home / "benchmark-git"
    for _ in range(TURNS):
        shutil.rmtree(home, ignore_errors=True)
        own = replace(settings, home=home, lake=str(home / "lake"), workers=0)
        lake = Lake.open(own)
        add_inputs(lake, [f"git:{repository}"], DAY)
        cpu, clock = tree_cpu_seconds(), time.perf_counter()
        report = ingest_slice(lake, InlineEngine(), DAY, "git")
        ingest, wall = min(ingest, tree_cpu_seconds() - cpu), min(wall, time.perf_counter() - clock)
        counts, seconds = _converted(lake, repository)
        convert = min(convert, seconds)
        size, seconds = _floor(repository)
        floor = min(floor, seconds)
        for name, seen in _peers(repository, peers, home).items():
            # dulwich knows of an empty tree that nobody has to have.
            if name != "dulwich" and seen["objects"] != counts:
                raise UsageError(f"{name} saw {seen['objects']}, we saw {counts}")
            theirs[name] = min(theirs.get(name, float("inf")), seen["seconds"])
        shutil.rmtree(home)
    return History(machine(), counts, size, ingest, wall, report.peak_memory, convert, floor, theirs)


def _converted(lake: Lake, repository: Path) -> tuple[dict[str, int], float]:
    """Every object of the repository becomes staged columns, which are then thrown away."""
    ids = _all_objects(repository)
    with lake.staging("benchmark") as area:
        cpu = tree_cpu_seconds()
        read = read_objects(ReadObjects("benchmark", repository, ids, area))
        return dict(sorted(read.counts.items())), tree_cpu_seconds() - cpu


def _floor(repository: Path) -> tuple[int, float]:
    """Bytes of all objects, and what git and hashlib take."""
    with tempfile.TemporaryFile() as wanted:
        wanted.writelines(_names(_all_objects(repository)))
        wanted.seek(0)
        return _read_and_hashed(repository, wanted)


def _read_and_hashed(repository: Path, wanted: IO[bytes]) -> tuple[int, float]:
    cpu, size = tree_cpu_seconds(), 0
    command = ["git", f"--git-dir={git_dir(repository)}", "cat-file", "--batch", "--buffer"]
    with subprocess.Popen(command, stdin=wanted, stdout=subprocess.PIPE, env=git.environment(), bufsize=1 << 18) as process:
        assert process.stdout is not None
        while header := process.stdout.readline().split():
            body = process.stdout.read(int(header[2]))
            process.stdout.read(1)
            size += len(body)
            if header[1] == b"blob":
                hash_content(body)
    return size, tree_cpu_seconds() - cpu


def _peers(repository: Path, python: str, home: Path) -> dict[str, Any]:
    """What the peers took on the pack that git would send; nothing when they are not installed."""
    have = subprocess.run([python, "-c", "import swh.loader.git, swh.storage, dulwich"], capture_output=True, check=False)
    if have.returncode:
        print(
            "Without peers: swh-loader-git is not installed. python -m venv PLACE; PLACE/bin/pip install swh-loader-git; "
            "then --peers PLACE/bin/python",
            file=sys.stderr,
        )
        return {}
    pack = home / "objects.pack"
    names = b"".join(_names(_all_objects(repository)))
    with pack.open("wb") as file:
        command = ["git", f"--git-dir={git_dir(repository)}", "pack-objects", "--stdout", "-q", "--delta-base-offset"]
        subprocess.run(command, input=names, stdout=file, env=git.environment(), check=True)
    script = Path(__file__).with_name("git_peers.py")
    done = subprocess.run([python, "-I", str(script), str(repository), str(pack)], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def _all_objects(repository: Path) -> bytes:
    heads = {branch[1] for branch in git.branches(repository).values() if branch is not None and branch[0] != "alias"}
    with list_objects(repository, heads, set()) as listing:
        return b"".join(b"".join(window["id"]) for window in listing.objects())


def _names(ids: bytes) -> Iterator[bytes]:
    return (ids[at : at + 20].hex().encode() + b"\n" for at in range(0, len(ids), 20))


def git_dir(repository: Path) -> Path:
    """Where git keeps the objects of a repository, bare or not."""
    return repository / ".git" if (repository / ".git").exists() else repository


def make_history(folder: Path, commits: int = COMMITS, seed: int = 1) -> None:
    """A bare repository, one for each seed: many commits, files that grow and change, merges, tags, packed as a forge does."""
    subprocess.run(["git", "init", "--quiet", "--bare", "-b", "main", str(folder)], env=git.environment(), check=True)
    command = ["git", f"--git-dir={folder}", "fast-import", "--quiet"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=git.environment()) as process:
        assert process.stdin is not None
        for piece in _stream(random.Random(seed), commits):
            process.stdin.write(piece)
    if process.returncode:
        raise UsageError(f"git fast-import ended with code {process.returncode}")
    repack = ["git", f"--git-dir={folder}", "repack", "-adfq"]
    subprocess.run(repack, env=git.environment(), check=True)


def _stream(chance: random.Random, commits: int) -> Iterator[bytes]:
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz_", k=chance.randint(3, 12))) for _ in range(4_000)]

    def line() -> bytes:
        return f"    {' = '.join(chance.choices(words, k=2))}({', '.join(chance.choices(words, k=3))})\n".encode()

    folders = ["", "src/", "src/core/", "src/core/inner/", "src/ui/", "tests/", "tests/data/", "docs/"]
    paths = [f"{chance.choice(folders)}{name}.py" for name in words[:120]]
    files = {path: [line() for _ in range(chance.randint(50, 500))] for path in paths}
    for number in range(1, commits + 1):
        changed = paths if number == 1 else chance.sample(paths, chance.choice((1, 1, 2, 4)))
        message = f"Change {number}: {' '.join(chance.choices(words, k=8))}\n\n{' '.join(chance.choices(words, k=20))}\n".encode()
        yield b"commit refs/heads/main\nmark :%d\n" % number
        yield b"committer %s <%s@example.org> %d %s\n" % (
            *(chance.choice(words[:40]).encode(),) * 2,
            1_500_000_000 + 3_600 * number,
            chance.choice([b"+0000", b"+0200", b"-0800", b"+0530"]),
        )
        yield b"data %d\n%s" % (len(message), message)
        if number > 1:
            yield b"from :%d\n" % (number - 1)
        if number > 10 and number % 8 == 0:
            yield b"merge :%d\n" % (number - chance.randint(3, 9))
        for path in changed:
            lines = files[path]
            for _ in range(chance.randint(1, 6) if number > 1 else 0):
                lines[chance.randrange(len(lines))] = line()
            lines.append(line())
            text = b"".join(lines)
            yield b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(text), text)
        yield b"\n"
        if number % 150 == 0:
            yield b"tag v%d\nfrom :%d\ntagger A <a@example.org> %d +0000\ndata 4\ntag\n" % (
                number,
                number,
                1_500_000_000 + number,
            )


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.git", description="A git history against swh-loader-git and dulwich."
    )
    parser.add_argument("repository", nargs="?", type=Path, help=f"local; one of {COMMITS:,} commits is made unless given")
    parser.add_argument("--peers", default=sys.executable, help="an interpreter that has swh-loader-git (default: this one)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="codecommons-") as folder:
        repository = arguments.repository or Path(folder, "history.git")
        if not arguments.repository:
            make_history(repository)
        settings = Settings(home=Path(folder), lake=str(Path(folder, "lake")))
        try:
            found = measure(repository.absolute(), arguments.peers, settings)
        except UsageError as error:
            print(f"Error: {error}", file=sys.stderr)
            return 1
    print(json.dumps(found.to_json(), indent=2) if arguments.json else found.to_markdown())
    return 0


if __name__ == "__main__":
    sys.exit(main())
