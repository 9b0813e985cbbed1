# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Every kind of fault by name, and what trying it came to."""

from __future__ import annotations

import dataclasses
import gzip
import io
import os
import pickle
import random
import shutil
import socket
import subprocess
import sys
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl

from benchmarks.faults import damage
from benchmarks.faults.kills import kill_at_random
from benchmarks.faults.proxy import FAULTS, NO_ANSWER, faulty
from benchmarks.faults.world import World, run, settings_of, state
from codecommons.errors import CodeCommonsError
from codecommons.lake import Lake
from codecommons.settings import Settings
from codecommons.upkeep import vacuum

_BUCKET = "faults"
# Which part of the requests each fault happens to; who waits for no answer waits half a minute or a whole one.
_RATES = {
    **{fault: {fault: 0.03} for fault in FAULTS},
    NO_ANSWER: {NO_ANSWER: 0.002},
    "all of these": dict.fromkeys(FAULTS, 0.01),
}
# How often a run that stops is run again through the failing server; then the server is mended.
_STOPS = 5
_SAME = "the undisturbed lake, every row and byte"
# Facts that others point to, facts that nobody does, what says that facts are there, news, the switch, and a release.
_TORN = ("directory", "annotation_language", "origin_revision", "origin_visit", "slice_log", "dataset_row")
_SKEW = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
static long skew(void) { const char *s = getenv("SKEW_SECONDS"); return s ? atol(s) : 0; }
int clock_gettime(clockid_t id, struct timespec *t) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
  int r = real(id, t);
  if (!r && id == CLOCK_REALTIME) t->tv_sec += skew();
  return r;
}
int gettimeofday(struct timeval *t, void *z) {
  struct timespec s; int r = clock_gettime(CLOCK_REALTIME, &s);
  t->tv_sec = s.tv_sec; t->tv_usec = s.tv_nsec / 1000; return r;
}
time_t time(time_t *t) {
  struct timespec s; clock_gettime(CLOCK_REALTIME, &s);
  if (t) *t = s.tv_sec; return s.tv_sec;
}
"""


@dataclass(frozen=True)
class Tried:
    """One row of the table.

    Attributes:
        fault: what was done.
        times: how often.
        outcome: what came of it when it came out as it should.
        unexpected: how often it did not.
        details: what was wrong then.
    """

    fault: str
    times: int
    outcome: str
    unexpected: int = 0
    details: str = ""

    @classmethod
    def of(cls, fault: str, outcome: str, wrong: list[str]) -> Tried:
        """What some tries came to; ``wrong`` has a text of each, empty where all is well."""
        found = [text for text in wrong if text]
        return cls(fault, len(wrong), outcome, len(found), "; ".join(found))


def kills(world: World, seed: int, times: int) -> Iterator[Tried]:
    """Processes killed at random points."""
    done = kill_at_random(world, times, seed)
    reached = ", ".join(f"{count} after {stage}" for stage, count in done.after.most_common())
    yield Tried(
        f"kill -9 at a random point of a slice through all stages and a dataset, up to eight in a row ({reached})",
        done.killed,
        f"run again: {_SAME}, in all {done.lakes} lakes",
        len(done.differs),
        "; ".join(done.differs),
    )


def rot(world: World, seed: int, times: int) -> Iterator[Tried]:
    """Files of tables that rot, one after the other; a repository's too."""
    world = World.make(world.folder / "rot")
    wrong: dict[str, list[str]] = {way: [] for way in damage.WAYS}
    for some, said in damage.of_each_table(world, seed):
        for table, way in some:
            wrong[way].append(said and f"{table}: {said}")
    names = {"flip": "one bit flipped in a page", "cut": "cut short", "overwrite": "overwritten", "lose": "gone"}
    for way, found in wrong.items():
        what = f"a data file {names[way]}, each time of another table, six of a lake at once in one way or another"
        yield Tried.of(what, f"named, repaired: {_SAME}", found)

    def log(home: Path) -> set[str]:
        for path in (home / "lake" / "content" / "_delta_log").glob("*.json"):
            path.write_text("garbage")
        return {"content"}

    def torn(name: str, home: Path) -> set[str]:
        max((home / "lake" / name / "_delta_log").glob("*.json")).write_bytes(b"")
        return {name}

    def original(home: Path) -> set[str]:
        damage.lose(damage.data_of(home)["slice_input"][0], random.Random(seed))
        return {"slice_input"}

    def shard(home: Path) -> set[str]:
        damage.overwrite(next((home / "lake" / "datasets").rglob("data/*.parquet")), random.Random(seed))
        return {"releases"}

    yield Tried.of("the log of a table overwritten", f"named, repaired: {_SAME}", [damage.repaired(world, log, "log")])
    wrong_logs = [damage.repaired(world, partial(torn, name), f"torn-{name}") for name in _TORN]
    what = f"the newest entry of the log of a table emptied, as a machine that goes down may leave it ({', '.join(_TORN)})"
    yield Tried.of(what, f"named, repaired: {_SAME}", wrong_logs)
    yield Tried.of("a shard of a release overwritten", f"named, repaired: {_SAME}", [damage.repaired(world, shard, "shard")])
    yield Tried.of(
        "what a slice consists of is lost",
        "named; nothing is changed, and restoring a backup is what it says to do",
        [damage.repaired(world, original, "original")],
    )


def storage(world: World, seed: int, times: int) -> Iterator[Tried]:
    """An S3 server that fails now and then."""
    with ExitStack() as stack:
        endpoint = stack.enter_context(s3_server())
        for number, (fault, rates) in enumerate(_RATES.items()):
            with faulty(endpoint, seed + number, rates) as proxy:
                home, stops = world.fresh(f"storage-{number}"), list[str]()
                while len(stops) < _STOPS and (said := _disturbed(world, on_s3(home, proxy.url))):
                    stops.append(said)
                wrong = next((said for said in stops if said.startswith("unclear")), "")
                wrong = wrong or ", ".join(world.finish(on_s3(home, endpoint)))
                ended = f"stopped {len(stops)} times with a clear error, run again each time" if stops else "came through at once"
                yield Tried.of(
                    f"S3: {fault}, {sum(proxy.done.values())} of {proxy.requests:,} requests",
                    f"{ended}: {_SAME}",
                    [wrong and f"{wrong}; {' | '.join(stops)}"],
                )


def on_s3(home: Path, endpoint: str) -> Settings:
    """The settings of a home whose lake lies behind an endpoint."""
    given = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }
    options = tuple(sorted(given.items()))
    return dataclasses.replace(settings_of(home), lake=f"s3://{_BUCKET}/{home.name}", storage_options=options)


@contextmanager
def s3_server() -> Iterator[str]:
    """Moto's server with our bucket: a protocol-true S3 that enforces conditional puts."""
    import s3fs
    from moto.server import ThreadedMotoServer

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    server.start()
    endpoint = f"http://127.0.0.1:{port}"
    s3fs.S3FileSystem(key="test", secret="test", endpoint_url=endpoint).mkdir(_BUCKET)
    yield endpoint
    server.stop()


def _told(settings: Settings, items: tuple[str, ...]) -> None:
    """Run, and leave in the home what went wrong."""
    try:
        run(settings, items)
    except CodeCommonsError as error:
        (settings.home / "error").write_text(f"clear: {error}")
        sys.exit(1)
    except BaseException as error:
        (settings.home / "error").write_text(f"unclear: {type(error).__name__}: {error}")
        sys.exit(1)


def _disturbed(world: World, settings: Settings) -> str:
    """Run in a process of its own; what it ended with, empty if all went well."""
    said = settings.home / "error"
    said.unlink(missing_ok=True)
    with world.started(settings.home, _told, lake=settings.lake, storage_options=settings.storage_options) as process:
        process.join(900)
        if process.is_alive():
            return "unclear: it did not come to an end within 15 minutes"
    if said.is_file():
        return said.read_text()
    return "" if process.exitcode == 0 else f"unclear: exit code {process.exitcode}"


def full_disk(world: World, seed: int, times: int) -> Iterator[Tried]:
    """File systems that are too small, each of another size."""
    dice = random.Random(seed)
    needed = sum(path.stat().st_size for path in (world.folder / "undisturbed").rglob("*") if path.is_file()) // 1024
    wrong: list[str] = []
    for number in range(5):
        point = world.folder / f"small-{number}"
        point.mkdir()
        pickled = world.folder / "world.pickle"
        pickled.write_bytes(pickle.dumps(world))
        size = dice.randint(needed // 4, needed)
        mount = (
            f"mount -t tmpfs -o size={size}k tmpfs {point} && exec {sys.executable} -m benchmarks.faults.full {pickled} {point}"
        )
        done = subprocess.run(["unshare", "--mount", "sh", "-c", mount], capture_output=True, text=True, check=False)
        if "unshare failed" in done.stderr or "mount:" in done.stderr:
            yield Tried("a full disk", 0, f"not tried: no small file system can be mounted here ({done.stderr.strip()})")
            return
        wrong.append("" if done.returncode == 0 else f"{size} KB: {done.stdout.strip()} {done.stderr.strip()[-400:]}")
    yield Tried.of(
        "a full disk: a file system of a quarter of what is needed, up to all of it",
        f"stopped and says that the disk is full, or came through; with more room, run again: {_SAME}",
        wrong,
    )


def two_at_once(world: World, seed: int, times: int) -> Iterator[Tried]:
    """Two operators who materialise the same slice at the same time."""
    wrong = []
    for number in range(min(3, times)):
        home = world.fresh(f"two-{number}")
        with world.started(home, _told) as one, world.started(home, _told) as other:
            one.join()
            other.join()
        said = (home / "error").read_text() if (home / "error").is_file() else ""
        bad = said if said.startswith("unclear") else ""
        wrong.append(bad or ", ".join(world.finish(settings_of(home)) if said else world.differs(settings_of(home))))
    yield Tried.of("two processes materialise the same slice and dataset at the same time", f"{_SAME}", wrong)


def clock(world: World, seed: int, times: int) -> Iterator[Tried]:
    """Clocks that are wrong, for all of a process: Python, Rust and C ask the same function."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        yield Tried("a clock that is wrong", 0, "not tried: there is no C compiler to make one with")
        return
    source, library = world.folder / "skew.c", world.folder / "skew.so"
    source.write_text(_SKEW)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    days = {"three days ahead": 3, "400 days behind": -400, "eleven years ahead": 4000}
    for said, skew in days.items():
        home = world.fresh(f"clock-{skew}")
        environment = {**os.environ, "LD_PRELOAD": str(library), "SKEW_SECONDS": str(skew * 86400)}
        code = "import pickle,sys; from benchmarks.faults.tries import skewed; skewed(*pickle.load(open(sys.argv[1],'rb')))"
        asked = world.folder / "skewed.pickle"
        asked.write_bytes(pickle.dumps((settings_of(home), world.items)))
        done = subprocess.run(
            [sys.executable, "-c", code, str(asked)], env=environment, capture_output=True, text=True, check=False
        )
        wrong = done.stderr[-400:] if done.returncode else ", ".join(world.differs(settings_of(home)))
        # Whoever has a right clock collects garbage then, and goes on.
        vacuum(Lake.open(settings_of(home)))
        yield Tried.of(f"a clock that is {said}", f"{_SAME}; garbage is collected by the storage's clock", [wrong])


def skewed(settings: Settings, items: tuple[str, ...]) -> None:
    """Half a slice, garbage collected by who has a wrong clock while another is at work, and the rest."""
    with Lake.open(settings).staging("somebody-else") as area:
        lake = Lake.open(settings)
        lake.fs.pipe_file(lake.path(area.folder, "rows.arrow"), b"not yet committed")
        run(settings, items)
        vacuum(lake)
        assert lake.fs.exists(lake.path(area.folder, "rows.arrow")), "what another is at work on was taken for garbage"
    run(settings, items)


def poison(world: World, seed: int, times: int) -> Iterator[Tried]:
    """Archives that mean harm beside a sound project."""
    folder = world.folder / "poison"
    folder.mkdir()
    canary = world.folder / "canary"
    made = dict(_poisons(folder, canary, seed))
    home = world.fresh("poisoned")
    settings = dataclasses.replace(settings_of(home), max_archive_bytes=32 << 20)
    said = _run_more(world, settings, [f"path:{path}" for path in made.values()])
    rows, found = (
        {name: one for name, one in these.items() if isinstance(one, pl.DataFrame)} for these in (world.expected, state(settings))
    )
    lost = [name for name, frame in rows.items() if _lost(frame, found[name], name)]
    told = Lake.open(settings).scan("quarantine").select("item", "reason").collect().rows()
    silent = [
        kind for kind, path in made.items() if kind != "links out of the tree" and not any(str(path) in item for item, _ in told)
    ]
    wrong = [said, f"rows lost in {', '.join(lost)}" * bool(lost), f"not quarantined: {silent}" * bool(silent)]
    wrong.append("a file was written outside" * canary.exists())
    reasons = Counter(reason for _, reason in told)
    yield Tried(
        f"a poisoned archive in the slice: {', '.join(made)}",
        len(made),
        "quarantined with its reason, nothing written elsewhere; every row of the rest is there",
        sum(map(bool, wrong)),
        f"{[text for text in wrong if text]} {dict(reasons)}" if any(wrong) else "",
    )


def _run_more(world: World, settings: Settings, more: list[str]) -> str:
    try:
        run(settings, (*world.items, *more))
    except CodeCommonsError as error:
        return str(error)
    return ""


def _lost(right: pl.DataFrame, found: pl.DataFrame, name: str) -> bool:
    """Whether rows are missing, whatever attempt they belong to by now; releases are others, of another slice."""
    if name.startswith(("dataset", "shard", "slice_log")):
        return False
    plain = [
        column for column, kind in right.schema.items() if not kind.is_nested() and column not in ("attempt", "input_digest")
    ]
    return bool(right.join(found, on=plain, how="anti", nulls_equal=True).height)


def _poisons(folder: Path, canary: Path, seed: int) -> Iterator[tuple[str, Path]]:
    def tar(name: str, *members: tarfile.TarInfo) -> Path:
        path = folder / f"{name}.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            for member in members:
                archive.addfile(member, io.BytesIO(b"x" * member.size))
        return path

    def member(name: str, size: int = 1, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
        info = tarfile.TarInfo(name)
        info.size, info.type, info.linkname = size if kind == tarfile.REGTYPE else 0, kind, target
        return info

    bomb = folder / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(64 << 20))
    yield "a bomb", bomb
    yield "paths out of the tree", tar("paths", member("ok.py"), member(f"../../{canary.name}"), member(str(canary)))
    yield "links out of the tree", tar("links", member("ok.py"), member("link", kind=tarfile.SYMTYPE, target="/etc/passwd"))
    yield "devices", tar("devices", member("ok.py"), member("zero", kind=tarfile.CHRTYPE), member("pipe", kind=tarfile.FIFOTYPE))
    whole = tar("whole", member("a.py", 100_000), member("b.py", 100_000))
    short = folder / "short.tar.gz"
    short.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    yield "cut short", short
    noise = folder / "noise.tar.gz"
    noise.write_bytes(gzip.compress(random.Random(seed).randbytes(5_000)))
    yield "noise", noise


def daemon(world: World, seed: int, times: int) -> Iterator[Tried]:
    """A daemon that is killed in the middle of a backfill."""
    from benchmarks.faults.daemon import restarted

    wrong = [restarted(world, random.Random(seed).randint(1, 8))]
    what = "Dagster's daemon killed (-9) in the middle of a backfill of three days, and started again"
    yield Tried.of(what, "the backfill goes on to its end: every row of an undisturbed one, in all twelve stages", wrong)


KINDS: dict[str, Callable[[World, int, int], Iterator[Tried]]] = {
    "kills": kills,
    "storage": storage,
    "full-disk": full_disk,
    "rot": rot,
    "two-at-once": two_at_once,
    "clock": clock,
    "poison": poison,
    "daemon": daemon,
}
