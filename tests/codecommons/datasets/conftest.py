# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A small lake with real objects, annotations, decisions and pairs, written as the stages before would write them."""

import copy
import dataclasses
import hashlib
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pytest

from codecommons.annotate.annotator import Annotator, current
from codecommons.annotate.spans import NAMES
from codecommons.datasets.inputs import ON_DEMAND, SAME_TEXT, SIGNALS
from codecommons.dedup.configuration import WORDS
from codecommons.dedup.tables import TABLES as DEDUP_TABLES
from codecommons.engine.local import InlineEngine
from codecommons.lake import Lake
from codecommons.license.policy import policy
from codecommons.report import STAGES
from codecommons.settings import Settings
from codecommons.swhid import hash_content

FILE, SYMLINK = 0o100644, 0o120000


def name_of(kind: str, *parts: object) -> bytes:
    """A stand-in identifier: only contents need real ones here."""
    return hashlib.sha1(repr((kind, parts)).encode(), usedforsecurity=False).digest()


@dataclass
class World:
    """Brings packages and repositories into a lake, stage by stage."""

    lake: Lake
    decision_rows: Callable[..., dict[str, dict]]
    news: dict[tuple[str, str], list[dict]] = field(default_factory=dict)
    rows: dict[str, list[dict]] = field(default_factory=lambda: defaultdict(list))
    files: list[tuple[bytes, bytes, bytes]] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        return self.lake.settings

    def specify(self, name: str, text: str) -> str:
        folder = self.settings.home / "datasets"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.yaml").write_text(text)
        return name

    def add(
        self,
        origin: str,
        files: dict[str | bytes, bytes],
        *,
        version: str = "1.0",
        day: str = "2026-01-01",
        date: int | None = 1_500_000_000,
        source: str = "pypi",
        verdict: str = "permissive",
        license: str | None = "MIT",
        rule: str | None = None,
        links: tuple[str, ...] = (),
        skip: tuple[str, ...] = (),
        undecided: tuple[str, ...] = (),
        unverified: tuple[str, ...] = (),
    ) -> None:
        """One release of a package (or, for source git, one head revision), with a licence decision for every file."""
        files = {path.encode() if isinstance(path, str) else path: data for path, data in files.items()}
        hashes = {path: hash_content(data) for path, data in files.items()}
        root = name_of("dir", sorted((path, one.sha1_git) for path, one in hashes.items()))
        anchor, snapshot = name_of("anchor", origin, version, root), name_of("snp", origin, version, root, day)
        kind = "revision" if source == "git" else "release"
        when = None if date is None else {"seconds": date, "microseconds": 0}
        left = {path.encode() for path in skip}
        plain = dict.fromkeys(("message", "author", "date_offset", "date_raw_offset_bytes", "raw_manifest", "verified_reason"))
        rows = {
            "origin": [{"id": hashlib.sha1(origin.encode()).digest(), "url": origin}],
            "snapshot": [{"id": snapshot, "verified": "yes", "verified_reason": None}],
            "snapshot_branch": [
                {
                    "snapshot_id": snapshot,
                    "name": b"HEAD" if kind == "revision" else version.encode(),
                    "target": anchor,
                    "target_type": kind,
                }
            ],
            "tree_file": [
                {
                    "root": root,
                    "path": path,
                    "perms": SYMLINK if path.decode(errors="replace") in links else FILE,
                    "content": one.sha1_git,
                }
                for path, one in hashes.items()
            ],
            "content": [
                one._asdict()
                | {
                    "length": len(files[path]),
                    "status": "visible",
                    "verified": "mismatch" if path.decode(errors="replace") in unverified else "yes",
                    "verified_reason": None,
                }
                for path, one in hashes.items()
                if path not in left
            ],
            "content_data": [{"sha1_git": one.sha1_git, "data": files[path]} for path, one in hashes.items() if path not in left],
            "skipped_content": [
                one._asdict() | {"length": len(files[path]), "status": "absent", "reason": "too-large"}
                for path, one in hashes.items()
                if path in left
            ],
        }
        for path, one in hashes.items():
            if path.decode(errors="replace") not in undecided:
                decided = self.decision_rows(
                    policy(self.settings, "permissive").key(self.settings),
                    root,
                    path,
                    one.sha1_git,
                    expression=license,
                    verdict=verdict,
                    rule=rule or f"license-file/{verdict}-license",
                    evidence=["swh:1:cnt:" + "0" * 40],
                )
                for table, row in decided.items():
                    rows.setdefault(table, []).append(row)
        if kind == "release":
            rows["release"] = [
                {
                    "id": anchor,
                    "name": version.encode(),
                    "target": root,
                    "target_type": "directory",
                    "date": when,
                    "verified": "yes",
                    **plain,
                }
            ]
        else:
            more = dict.fromkeys(("committer", "committer_date", "committer_offset", "committer_date_raw_offset_bytes", "type"))
            rows["revision"] = [{"id": anchor, "directory": root, "date": when, "verified": "yes", **plain, **more}]
        for table, values in rows.items():
            self.rows[table] += values
        self.rows["signature"] += [
            {"configuration": WORDS.key(self.settings), "content": one.sha1_git, "words": 1} for one in hashes.values()
        ]
        self.files += [(one.sha1_git, path, files[path]) for path, one in hashes.items() if path not in left]
        visits = self.news.setdefault((day, source), [])
        seen = sum(visit["origin"] == origin for every in self.news.values() for visit in every)
        visits.append({"origin": origin, "visit": seen + 1, "date": None, "status": "full", "snapshot": snapshot, "type": source})

    def pair(self, one: bytes, other: bytes, similarity: float, *, accepted: bool = True) -> None:
        a, b = sorted((hash_content(one).sha1_git, hash_content(other).sha1_git))
        key = WORDS.key(self.settings)
        self.rows["duplicate_pair"].append({"configuration": key, "a": a, "b": b, "similarity": similarity, "accepted": accepted})
        value = hashlib.sha1(a + b).digest()[:8]
        self.rows["band"] += [{"configuration": key, "value": value, "content": content} for content in (a, b)]

    def passed(self, *, through: str = "deduped") -> None:
        """Let every slice come through the stages up to one."""
        for table in DEDUP_TABLES:
            self.lake.register(table)
        self._commit()
        for (day, source), visits in self.news.items():
            schema = pa.schema(self.lake.tables()["origin_visit_status"].fields)
            attempt = hashlib.sha256(repr(visits).encode()).hexdigest()[:16]
            self.lake.write_news({"origin_visit_status": pa.Table.from_pylist(visits, schema)}, day, source, attempt)
            for stage in STAGES[: STAGES.index(through) + 1]:
                self.lake.log.record(day, source, stage, "passed", attempt)

    def _commit(self) -> None:
        with self.lake.staging("test") as area:
            writer = area.writer("test")
            for name, values in self.rows.items():
                fields = pa.schema(self.lake.tables()[name].fields)
                writer.add(name, pa.Table.from_pylist(values, schema=fields))
            for annotator, batch in self._batches():
                writer.add(annotator.table.name, annotator.run(batch))
            self.lake.commit(area, [writer.close()], InlineEngine())
        self.rows.clear()
        self.files.clear()

    def _batches(self) -> Iterator[tuple[Annotator, pa.RecordBatch]]:
        ids, paths, data = zip(*self.files, strict=True) if self.files else ((), (), ())
        columns = {
            "content": {"sha1_git": ids, "data": data},
            "named_content": {"sha1_git": ids, "name": [path.rpartition(b"/")[2] for path in paths], "data": data},
            "path": {"path_id": [hashlib.sha1(path).digest() for path in paths], "path": paths},
        }
        known = current(self.settings)
        for annotator in (known[name] for name in (*SIGNALS, SAME_TEXT, *ON_DEMAND, *NAMES)):
            self.lake.register(annotator.table)
            wanted = columns[annotator.input]
            yield annotator, pa.record_batch([pa.array(values, pa.binary()) for values in wanted.values()], names=list(wanted))


@pytest.fixture
def world(tmp_path: Path, fresh_lake: Callable[[Settings], Lake], decision_rows: Callable[..., dict[str, dict]]) -> World:
    return World(fresh_lake(Settings(home=tmp_path, lake=str(tmp_path / "lake"), workers=0, bucket_bits=1)), decision_rows)


@pytest.fixture
def remote_world(settings_on_s3: Settings, decision_rows: Callable[..., dict[str, dict]]) -> World:
    """The same on a server that speaks S3."""
    return World(Lake.open(settings_on_s3), decision_rows)


@pytest.fixture
def shop(tmp_path: Path, shop_at: Callable[[Path], World]) -> World:
    """Two packages in two releases, a repository, and one of everything that can be wrong with a file."""
    return shop_at(tmp_path)


@pytest.fixture(scope="module")
def module_shop(tmp_path_factory: pytest.TempPathFactory, shop_at: Callable[[Path], World]) -> World:
    """The same, for tests that change nothing in it, or put it right again."""
    return shop_at(tmp_path_factory.mktemp("module-shop"))


@pytest.fixture(scope="session")
def shop_at(filled_shop: World) -> Callable[[Path], World]:
    """Copies the shop to another home."""

    def copied(home: Path) -> World:
        shutil.copytree(filled_shop.settings.home, home, dirs_exist_ok=True)
        lake = Lake.open(dataclasses.replace(filled_shop.settings, home=home, lake=str(home / "lake")))
        for table in filled_shop.lake.tables().values():
            lake.register(table)
        return World(lake, filled_shop.decision_rows, copy.deepcopy(filled_shop.news))

    return copied


@pytest.fixture(scope="session")
def filled_shop(
    tmp_path_factory: pytest.TempPathFactory,
    fresh_lake: Callable[[Settings], Lake],
    decision_rows: Callable[..., dict[str, dict]],
) -> World:
    """The ``shop``, made once; tests work on copies."""
    home = tmp_path_factory.mktemp("shop")
    world = World(fresh_lake(Settings(home=home, lake=str(home / "lake"), workers=0, bucket_bits=1)), decision_rows)
    read = b"def read(path):\n    with open(path) as file:\n        return file.read()\n"
    renamed = read.replace(b"path", b"name")
    world.add(
        "pkg:pypi/alpha",
        {"alpha/io.py": read, "README": "Grüße\n".encode("latin-1"), "alpha/__init__.py": b""},
        date=1_400_000_000,
    )
    world.add(
        "pkg:pypi/alpha", {"alpha/io.py": read, "alpha/new.py": b"x = 1\n"}, version="2.0", day="2026-01-02", date=1_450_000_000
    )
    world.add(
        "pkg:npm/beta", {"index.js": b"module.exports = 1;\n", "logo.png": b"\x89PNG\0\0"}, source="npm", license="Apache-2.0"
    )
    world.add(
        "https://forge.example/eve/gamma",
        {"io.py": renamed, "link": b"io.py", "a;b%\n.py": b"y = 2\n", b"\xff.py": b"z = 3\n"},
        source="git",
        links=("link",),
    )
    world.add("pkg:pypi/closed", {"secret.py": b"password = 'none'\n"}, verdict="non_permissive", license="LicenseRef-Closed")
    world.pair(read, renamed, 0.9)
    world.passed()
    return world


@pytest.fixture
def own(made: World, tmp_path: Path) -> World:
    """A copy of the world ``made`` of a module of tests, to be changed."""
    home = shutil.copytree(made.settings.home, tmp_path / "home")
    lake = Lake.open(dataclasses.replace(made.settings, home=home, lake=str(home / "lake")))
    for table in made.lake.tables().values():
        lake.register(table)
    return dataclasses.replace(made, lake=lake)
