# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Archives and repositories as the world makes them, good and bad, and Software Heritage's own fixtures."""

from __future__ import annotations

import io
import os
import random
import subprocess
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import polars as pl
import pytest

from codecommons.archive.source import sources
from codecommons.archive.unpack import members
from codecommons.archive.views import visited_trees
from codecommons.errors import ItemError
from codecommons.lake import Lake, SliceInput
from codecommons.settings import Settings

DAY = "2026-01-31"

# Source archives of Software Heritage's own packages, whose test data have known answers. Read, never copied into the repository.
ORACLES = {
    "swh-fuse==1.5.0": "5adbdeb21fd449e15d16de5c81e78362013f34605c8046243bf51c98eb1d5387",
    "swh-loader-core==5.24.2": "e342ef98637a9e88e0c92e112e60f1deb6e544f46adf9d0b510673bc48e028fb",
    "swh-loader-git==3.4.0": "816f954a705f3f13c8eec2f5c9ee1e4b787ac2ed496a9254cdf5e2a6de46546d",
    "swh-model==8.4.1": "27fbf55e3083c0c7d09eb9303a3e179be40163b7d2878136a2c4078024ffa0ca",
    "swh-web-client==0.9.2": "926f50a323adce4058a7caca1c275575516ab68b3fd7618e80b053359532442e",
}


@pytest.fixture(scope="session")
def oracle(request: pytest.FixtureRequest) -> Callable[[str, str], bytes]:
    """A file of one of the ``ORACLES``, by the end of its path; pip is asked as it was set outside of the test."""
    outside = dict(os.environ)
    home = Path(os.environ.get("CODECOMMONS_TEST_CACHE") or request.config.cache.mkdir("codecommons"))
    settings = Settings(home=home, lake=str(home / "lake"), workers=0)
    opened: dict[str, dict[bytes, bytes]] = {}

    def read(package: str, name: str) -> bytes:
        if package not in opened:
            row = SliceInput(DAY, "pypi", package, sha256=ORACLES[package])
            try:
                with patch.dict(os.environ, outside, clear=True):
                    path = sources(settings)["pypi"].fetch(row, settings)
            except ItemError as error:
                if error.reason != "unreachable" or os.environ.get("CI"):
                    raise
                pytest.skip(f"{package} can't be downloaded here: {error}")
            found = (one for one in members(path, settings) if one.data is not None and b"/tests/" in one.path)
            opened[package] = {one.path: one.data for one in found}
        [path] = [path for path in opened[package] if path.endswith(name.encode())]
        return opened[package][path]

    return read


@dataclass
class Tar:
    """Builds a tar archive, member by member, with nothing in the way of a bad one."""

    mode: str = "w:gz"
    _buffer: io.BytesIO = field(default_factory=io.BytesIO)

    def __post_init__(self) -> None:
        self._tar = tarfile.open(fileobj=self._buffer, mode=self.mode, errors="surrogateescape", encoding="utf-8")  # noqa: SIM115

    def file(self, name: str, data: bytes = b"print('hello')\n", mode: int = 0o644) -> Tar:
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(data), mode
        self._tar.addfile(info, io.BytesIO(data))
        return self

    def special(self, name: str, kind: bytes, target: str = "") -> Tar:
        info = tarfile.TarInfo(name)
        info.type, info.linkname, info.mode = kind, target, 0o755
        self._tar.addfile(info)
        return self

    def bytes(self) -> bytes:
        self._tar.close()
        return self._buffer.getvalue()


@pytest.fixture
def tar() -> type[Tar]:
    """What builds tar archives."""
    return Tar


def _sdist(name: str, version: str, files: Mapping[str, bytes] | None = None) -> bytes:
    top = f"{name}-{version}"
    tar = Tar().file(
        f"{top}/PKG-INFO", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nAuthor: A. Nonymous\n".encode()
    )
    for path, data in (files or {"main.py": f"VERSION = {version!r}\n".encode()}).items():
        tar.file(f"{top}/{path}", data)
    return tar.bytes()


@pytest.fixture
def sdist() -> Callable[..., bytes]:
    """Makes a source archive of a Python package: name, version, files."""
    return _sdist


def git(path: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    """What git says of a repository."""
    return subprocess.run(["git", "-C", str(path), *arguments], input=stdin, capture_output=True, check=True).stdout


@dataclass
class Repository:
    """A git repository, made by git."""

    path: Path

    def git(self, *arguments: str, stdin: bytes = b"", **environment: str) -> str:
        identity = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in _IDENTITY.items()}
        env = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **identity, **environment}
        done = subprocess.run(["git", "-C", str(self.path), *arguments], input=stdin, capture_output=True, env=env, check=True)
        return done.stdout.decode().strip()

    def commit(self, message: str, **files: str) -> str:
        for name, text in files.items():
            (self.path / name.replace("__", ".")).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")


_IDENTITY = {"NAME": "Ada", "EMAIL": "ada@example.org", "DATE": "1700000000 +0100"}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository with one commit."""
    made = Repository(tmp_path / "repository")
    made.path.mkdir()
    made.git("init", "-q", "-b", "main")
    made.commit("First", readme__md="# One\n", main__py="print(1)\n")
    return made


PATHS = ("a", "b/c", "b/d/e", "b/d/\u00fc", "f/g/h/i", "j b")


@pytest.fixture
def random_history(tmp_path: Path) -> Callable[..., Path]:
    """Makes a repository in which the same seed changes the same files, six of them, in the same way."""

    def made(
        seed: int,
        commits: int,
        branches: int,
        parents: Callable[[random.Random, int], list[int]],
        changed: Callable[[random.Random, int], int],
        modes: Sequence[str] = ("100644",),
        removed: float = 0.1,
    ) -> Path:
        """Commits by number, on branches in turn; each has parents of these numbers, changes so many files and may remove one."""
        path = tmp_path / "history"
        subprocess.run(["git", "init", "-q", "--bare", "-b", "b0", str(path)], check=True)
        dice, stream = random.Random(seed), []
        for number in range(1, commits + 1):
            stream += [f"commit refs/heads/b{number % branches}", f"mark :{number}"]
            stream += [f"committer A <a@example.org> {1_600_000_000 + number} +0000", "data 0"]
            before = parents(dice, number) if number > 1 else []
            stream += [f"{'merge' if at else 'from'} :{parent}" for at, parent in enumerate(before)]
            for place in dice.sample(PATHS, changed(dice, number)):
                text = str(dice.randrange(12))
                stream += [f"M {dice.choice(modes)} inline {place}", f"data {len(text)}", text]
            if dice.random() < removed:
                stream.append(f"D {dice.choice(PATHS)}")
        importing = ["git", "-C", str(path), "fast-import", "--quiet", "--force"]
        subprocess.run(importing, input=("\n".join(stream) + "\n").encode(), check=True)
        return path

    return made


def _rows_of(lake: Lake) -> dict[str, pl.DataFrame]:
    found = {}
    for name in sorted(set(lake.tables()) - {"stage_report"}):
        frame = lake.scan(name).collect()
        found[name] = frame.sort([column for column, kind in frame.schema.items() if not kind.is_nested()])
    return found


@pytest.fixture
def rows_of() -> Callable[[Lake], dict[str, pl.DataFrame]]:
    """Every row of a lake that is data, sorted: what must not depend on anything but the input."""
    return _rows_of


@pytest.fixture
def assert_same_rows() -> Callable[..., None]:
    """Compares two lakes, table by table, leaving some out."""

    def compare(one: Lake, other: Lake, but: tuple[str, ...] = ()) -> None:
        left, right = _rows_of(one), _rows_of(other)
        assert left.keys() == right.keys()
        for name in sorted(left.keys() - set(but)):
            assert left[name].equals(right[name]), name

    return compare


@pytest.fixture
def current_files() -> Callable[[Lake, str], pl.DataFrame]:
    """The files that a dataset as of a day may take: origin, path and content of each."""

    def read(lake: Lake, as_of: str) -> pl.DataFrame:
        visits = lake.scan("origin_visit_status").select("slice", "source").unique().filter(pl.col("slice") <= as_of)
        trees = visited_trees(lake, visits.collect()).filter("current").select("origin", "root")
        return trees.join(lake.scan("tree_file").select("root", "path", "content").collect(), on="root").drop("root")

    return read
