# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Walk an export from origins to contents, table by table, on a disk.

An export has no index: what a set of identifiers names is found by reading a table once and keeping what is in the set. So the
walk goes level by level, and every level is one semi-join of a streamed table with the keys that the last one gave. Keys and what
is found lie in a DuckDB file that is removed afterwards; DuckDB's memory is bounded, and it spills. The statements are in
``walk.sql``.

What identifiers are hashes of is put together and hashed in SQL as well, and every row says how far that went:

- a directory whose entries hash to its identifier is verified, one whose entries don't is a mismatch and left out;
- a snapshot whose branches hash to its identifier is verified. The export leaves out dangling branches, and usually those of pull
  requests, so one whose branches don't is ``filtered branches``; it is a mismatch only if its rows contradict each other;
- a revision or release with a person is ``pseudonymised author``, unless its original bytes are there (``raw_manifest``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from codecommons.archive.export.ancestors import ancestors
from codecommons.archive.export.selection import Selection
from codecommons.archive.export.tables import COLUMNS, Export, Range, export_errors
from codecommons.archive.repository import MISSING, MOST_PATH_BYTES
from codecommons.archive.tally import Note
from codecommons.archive.tree import TOO_LARGE
from codecommons.archive.views import HEADS, heads
from codecommons.engine.engine import release_memory
from codecommons.lake.schemas import TABLES
from codecommons.lake.storage import JOIN_AS_WRITTEN
from codecommons.settings import Settings
from codecommons.swhid import KINDS, Release, Revision, Swhid, release_id, revision_id, swhid_text

# Directories below directories below directories: no project is as deep, and every level is one more reading of the table.
MAX_DEPTH = 256
# No file is longer.
_LONGEST = 1 << 40
# Entries that are hashed at once.
_HASHED_AT_ONCE = 200_000
# So few keys are looked for one by one; more are told by their range.
_FEW = 1_000
_ROWS = 16_384

NO_BYTES = "bytes not fetched"
SYNTHETIC = "synthetic export"
NOT_FETCHED = "not-fetched"
MISMATCH = "mismatch"
BAD_LENGTH = "bad-length"
MALFORMED = "malformed"
TOO_DEEP = "too-deep"

# Columns of the export that are hashes written as hex.
_HASHES = ("sha1", "sha1_git", "sha256", "blake2s256")
_HEX = frozenset(("id", "target", "directory", "snapshot", "snapshot_id", "parent_id", "directory_id", *_HASHES))
# What is no hex is no bytes at all, which no hash is: it is the fault of its row, and not of the export.
_BYTES = "coalesce(try(unhex({0})), {0}[:0]::blob)"
_MICROSECOND = dt.timedelta(microseconds=1)


@dataclass(frozen=True)
class SeenVisit:
    """One visit of the selection, as the export has it."""

    origin: str
    visit: int
    date: dt.datetime
    type: str
    status: str
    snapshot: bytes | None


@dataclass(frozen=True)
class ShownTree:
    """A tree that visits of an origin show: its anchor, and files and bytes by why they have none (None: they are here)."""

    origin: str
    anchor: bytes
    files: dict[str | None, tuple[int, int]]


class Walk:
    """What a selection of an export holds. A context manager; it keeps a file in ``folder``."""

    def __init__(self, export: Export, selection: Selection, folder: Path, settings: Settings) -> None:
        """Nothing is read yet."""
        self._export, self._selection, self._settings, self._folder = export, selection, settings, folder
        self._sql = duckdb.connect(
            str(folder / "walk.duckdb"),
            config={
                "memory_limit": f"{max(256, (16 * settings.batch_bytes) >> 20)}MB",
                "threads": max(1, settings.workers),
                "temp_directory": str(folder / "spill"),
            },
        )
        self._sql.execute("set enable_progress_bar = false")
        self._steps = _statements("walk.sql")
        self._step("tables")
        self.notes: list[Note] = []

    def __enter__(self) -> Walk:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file; whoever made the folder removes it."""
        self._sql.close()

    def run(self, day: str, origins: Iterable[str] | None = None, swhids: Iterable[Swhid] | None = None) -> None:
        """Read everything that is selected, but no content's bytes.

        Args:
            day: the slice, for ``visits=day``.
            origins: the origins of the selection's file, when it has one.
            swhids: the objects of the selection's file, when it has one.

        Raises:
            ItemError: ``missing-export``, ``unreachable`` or ``malformed-export``.
        """
        with export_errors(f"the export {self._export.uri}"):
            window = self._window(day)
            if swhids is not None:
                self._listed_objects(swhids, window)
            else:
                self._listed_origins(origins, window)
            self._undated()
            self._step("seen_latest_full" if self._selection.visits == "latest-full" else "seen_all")
            steps = (
                self._snapshots,
                self._releases,
                self._revisions,
                self._directories,
                self._contents,
                self._prove,
                self._files,
            )
            for step in steps:
                step()
                release_memory()

    # Reading.

    def _step(self, name: str, **values: Any) -> None:
        for statement in self._steps[name]:
            self._run(statement, **{key: value for key, value in values.items() if f"${key}" in statement})

    def _run(self, statement: str, **values: Any) -> duckdb.DuckDBPyConnection:
        return self._sql.execute(statement, values) if values else self._sql.execute(statement)

    def _value(self, statement: str, **values: Any) -> Any:
        row = self._run(statement, **values).fetchone()
        return row[0] if row else None

    @contextmanager
    def _streamed(self, rows: pa.Table | pa.RecordBatchReader) -> Iterator[None]:
        """Make rows readable as ``streamed``; what a reader raises comes through as it was."""
        self._sql.register("streamed", rows)
        try:
            yield
        except duckdb.Error:
            if self._export.failure is not None:
                raise self._export.failure from None
            raise
        finally:
            self._sql.unregister("streamed")

    def _insert(
        self, table: str, only: str = "", where: Range | None = None, matching: pc.Expression | None = None, into: str = ""
    ) -> None:
        """Read a table of the export into the one of that name, hashes as bytes, keeping what ``only`` says."""
        columns = COLUMNS[table]
        shown = ", ".join(f"{_BYTES.format(name)} as {name}" if name in _HEX else f'"{name}"' for name in columns)
        with self._streamed(self._export.read(table, list(columns), where, matching)):
            found = f"(select {shown}, (file::bigint << 40) + row as position from streamed) as found"
            self._run(JOIN_AS_WRITTEN)
            self._run(f"insert into {into or table} by name select found.* from {found} {only}")
            self._run("reset disabled_optimizers")

    def _find(self, table: str, column: str) -> None:
        """Read the rows of a table whose ``column`` is in ``sought``."""
        shown = "lower(hex(id))" if column in _HEX else "id"
        least, most, count = self._run(f"select min({shown}), max({shown}), count(*) from sought").fetchall()[0]
        if not count:
            return
        matching = None
        if count <= _FEW:
            few = [key for (key,) in self._run(f"select {shown} from sought order by 1").fetchall()]
            matching = ds.field(column).isin(pa.array(few, pa.string()))
        self._insert(table, f"where found.{column} in (select id from sought)", Range(column, least, most), matching)

    def _seek(self, kind: str, asked: str = "") -> int:
        """Make ``sought`` of what is wanted of a kind, less what is in table ``asked``; returns how many that are."""
        less = f"and id not in (select id from {asked})" if asked else ""
        self._run(f"create or replace table sought as select id from wanted where kind = '{kind}' {less}")
        return self._value("select count(*) from sought")

    def _want(self, query: str) -> None:
        """Add what a query (kind, id) gives to ``wanted``."""
        self._run(
            f"insert into wanted select distinct kind, id from ({query}) as more anti join wanted using (kind, id) "
            "where kind in ('content', 'directory', 'revision', 'release', 'snapshot') and octet_length(id) = 20"
        )

    # From origins to contents.

    def _window(self, day: str) -> Range:
        since, until = self._selection.since, self._selection.until
        if self._selection.visits == "day":
            since = dt.date.fromisoformat(day)
            until = since + dt.timedelta(days=1)
        low = dt.datetime.combine(since, dt.time()) if since else None
        return Range("date", low, dt.datetime.combine(until, dt.time()) - _MICROSECOND if until else None)

    def _listed_origins(self, origins: Iterable[str] | None, window: Range) -> None:
        patterns = self._selection.origin
        urls: list[str] = []
        only = ""
        prefix = _common(patterns)
        if origins is not None:
            urls = sorted(origins)
            with self._streamed(pa.table({"url": pa.array(urls, pa.string())})):
                self._run("create table listed_origin as from streamed")
            only = "where found.{0} in (select url from listed_origin)"
            prefix = (urls[0], urls[-1])

        def filters(column: str) -> pc.Expression | None:
            field, found = ds.field(column), None
            if urls and len(urls) <= _FEW:
                return field.isin(pa.array(urls, pa.string()))
            for pattern in patterns:
                one = pc.match_like(field, _like(pattern))
                found = one if found is None else found | one
            return found

        by_origin = {column: Range(column, *prefix) if any(prefix) else None for column in ("origin", "url")}
        matching = filters("origin")
        if window.low or window.high:
            # The days tell more than the names, as an export is roughly in the order of time.
            self._insert("origin_visit", only.format("origin"), window, matching)
        else:
            self._insert("origin_visit", only.format("origin"), by_origin["origin"], matching)
        self._insert("origin_visit_status", "semi join origin_visit using (origin, visit)", by_origin["origin"], matching)
        if origins is not None:
            self._insert("origin", only.format("url"), by_origin["url"], filters("url"))
            missing = self._run("select url from listed_origin where url not in (select url from origin) order by url").fetchall()
            self._note("missing-origin", "{} listed origins are not in the export, such as {}", [url for (url,) in missing])

    def _listed_objects(self, swhids: Iterable[Swhid], window: Range) -> None:
        kinds, ids = zip(*((KINDS[one.kind], one.identifier) for one in swhids), strict=True)
        with self._streamed(pa.table({"kind": pa.array(kinds, pa.string()), "id": pa.array(ids, pa.binary())})):
            self._run("create table listed as from streamed")
        self._want("from listed")
        if self._seek("snapshot"):
            self._find("origin_visit_status", "snapshot")
            self._run("create or replace table sought as select distinct origin as id from origin_visit_status")
            self._find("origin_visit", "origin")
            self._step("window", low=window.low or dt.datetime.min, high=window.high or dt.datetime.max)

    def _undated(self) -> None:
        """A visit without a day, or of one that no calendar has, is in no window and no slice."""
        undated = "from origin_visit where date is null or not isfinite(date) or year(date) not between 1 and 9999"
        origins = self._run(f"select origin {undated} order by origin").fetchall()
        self._note(MALFORMED, "{} visits have no date and were left out, such as one of {}", [origin for (origin,) in origins])
        self._run(f"delete {undated}")

    def _snapshots(self) -> None:
        unnamed = self._run("select origin from seen where octet_length(snapshot) <> 20 order by origin").fetchall()
        self._note(MALFORMED, "{} visits name a snapshot that is none, such as one of {}", [origin for (origin,) in unnamed])
        self._want("select 'snapshot' as kind, snapshot as id from seen")
        self._seek("snapshot")
        self._find("snapshot", "id")
        self._find("snapshot_branch", "snapshot_id")
        self._step("branches")
        names = ", ".join(f"'{name.decode()}'::blob" for name in HEADS)
        found = heads(self._run(self._steps["head_branches"][0].replace("$names", names)).pl())
        with self._streamed(found.to_arrow()):
            self._run("create table head as select snapshot_id, target_type, target from streamed")
        followed = "head" if self._selection.branch == "head" else "branch"
        self._run(f"create view followed as select snapshot_id, target_type, target from {followed}")
        self._want("select target_type as kind, target as id from followed")

    def _releases(self) -> None:
        # A release may name a release.
        for _ in range(MAX_DEPTH):
            if not self._seek("release", "asked_release"):
                break
            self._run("insert into asked_release from sought")
            self._find("release", "id")
            self._want("select target_type as kind, target as id from release where id in (select id from sought)")
        self._leave_unread("release")

    def _revisions(self) -> None:
        if not self._seek("revision"):
            return
        if self._selection.history:
            self._insert("revision_history", into="edge")
            self._run("create table reached (number bigint)")
            for numbers in ancestors(self._sql.cursor(), self._folder):
                with self._streamed(pa.table({"number": numbers})):
                    self._run("insert into reached from streamed")
            self._want("select 'revision' as kind, id from node where number in (select number from reached)")
            self._seek("revision")
            self._step("edges")
        else:
            self._find("revision_history", "id")
        self._find("revision", "id")
        self._find("revision_extra_headers", "id")
        self._want("select 'directory' as kind, directory as id from revision")

    def _directories(self) -> None:
        for _ in range(MAX_DEPTH):
            if not self._seek("directory", "asked_directory"):
                break
            self._run("insert into asked_directory from sought")
            self._find("directory_entry", "directory_id")
            self._want(
                "select 'directory' as kind, target as id from directory_entry "
                "where type = 'dir' and directory_id in (select id from sought)"
            )
        self._leave_unread("directory")
        self._step("entries")
        self._run("create or replace table sought as select id from asked_directory")
        self._find("directory", "id")
        self._run("delete from directory where position not in (select min(position) from directory group by id)")
        self._step("malformed")
        if self._selection.verify:
            self._step("malformed_types")

    def _leave_unread(self, kind: str) -> None:
        """Say what is deeper than anything is, or names itself in a circle that no hash can close."""
        self._seek(kind, f"asked_{kind}")
        self._run(f"insert into unread select '{kind}', id from sought")
        deep = self._run("select id from sought order by id").fetchall()
        line = f"{{}} {kind} objects are more than {MAX_DEPTH} levels down and were left out, such as {{}}"
        self._note(TOO_DEEP, line, [one.hex() for (one,) in deep])

    def _contents(self) -> None:
        self._want("select 'content' as kind, target as id from entry where type = 'file'")
        if self._seek("content"):
            self._find("content", "sha1_git")
        self._step("known_contents")
        self._run(
            "create or replace table sought as "
            "select id from wanted where kind = 'content' and id not in (select sha1_git from known)"
        )
        self._find("skipped_content", "sha1_git")
        self._step(
            "contents",
            limit=self._settings.max_content_bytes,
            longest=_LONGEST,
            missing=MISSING,
            too_large=TOO_LARGE,
            not_fetched=NOT_FETCHED,
            bad_length=BAD_LENGTH,
            malformed=MALFORMED,
        )

    # Verifying.

    def _prove(self) -> None:
        self._step("claimed")
        if self._selection.verify:
            self._step("proved_snapshots")
            parts = max(1, -(-self._value("select count(*) from entry") // _HASHED_AT_ONCE))
            for part in range(parts):
                low, high = ((at << 64) // parts for at in (part, part + 1))
                bounds = {"low": low.to_bytes(8, "big"), "high": (high - 1).to_bytes(8, "big") + b"\xff" * 13}
                self._step("proved_directories", **bounds)
            self._step("proved_raw")
            self._prove_without_person()
        else:
            self._step("synthetic")
        self._step("mismatches")
        for kind in ("snapshot", "directory", "revision", "release"):
            wrong = f"select id, (kind, id) in (select (kind, id) from malformed) from verdict where kind = '{kind}'"
            ids = self._run(f"{wrong} and verified = '{MISMATCH}' order by id").fetchall()
            short = next(short for short, long in KINDS.items() if long == kind)
            for identifier, malformed in ids:
                why = "are none that an object has" if malformed else "don't hash to its identifier"
                line = f"{swhid_text(short, identifier)}: its rows in the export {why}; it was left out"
                self.notes.append(Note(MISMATCH, line))
        for kind in ("snapshot", "release", "revision", "directory"):
            gone = self._run(
                f"select id from wanted where kind = '{kind}' and id not in (select id from {kind}) "
                f"and (kind, id) not in (select (kind, id) from unread) order by id"
            ).fetchall()
            self._note("missing-objects", f"{{}} {kind} rows are not in the export, such as {{}}", [one.hex() for (one,) in gone])

    def _prove_without_person(self) -> None:
        """Revisions and releases that name nobody: their manifest can be put together. There are few."""
        proved: list[tuple[str, bytes, str]] = []
        for row in _dicts(self._run(self._steps["nameless_releases"][0])):
            one = Release(row["target"], row["target_type"], row["name"], None, None, row["message"])
            proved.append(("release", row["id"], "yes" if release_id(one) == row["id"] else MISMATCH))
        for row in _dicts(self._run(self._steps["nameless_revisions"][0])):
            headers = tuple((header["key"], header["value"]) for header in row["headers"] or ())
            one_revision = Revision(
                row["directory"], tuple(row["parents"] or ()), None, None, None, None, row["message"], headers
            )
            proved.append(("revision", row["id"], "yes" if revision_id(one_revision) == row["id"] else MISMATCH))
        if proved:
            kinds, ids, verdicts = zip(*proved, strict=True)
            columns = {"kind": pa.array(kinds), "id": pa.array(ids, pa.binary()), "verified": pa.array(verdicts)}
            with self._streamed(pa.table(columns)):
                self._step("proved_nameless")

    # Files of the trees that visits show.

    def _files(self) -> None:
        self._step("anchors")
        # Upwards from what is missing or wrong: a tree with a hole has no list of files.
        while self._value("select count(*) from hole_found"):
            self._step("holes")
        self._step("roots")
        holes = self._run("select root from hole_root order by root").fetchall()
        line = "{} trees lack a directory, and their files are not in the slice, such as that of directory {}"
        self._note("missing-objects", line, [one.hex() for (one,) in holes])
        most = self._settings.max_archive_members
        for _ in range(MAX_DEPTH):
            if not self._value("select count(*) from place"):
                break
            self._step("too_many", most=most, most_bytes=MOST_PATH_BYTES)
            line = f"{{}} trees have more than {most:,} entries or {MOST_PATH_BYTES:,} bytes of paths and are not in the slice"
            self._leave_out("bomb", line)
            self._step("level")
        self._step("too_deep")
        self._leave_out(TOO_DEEP, f"{{}} trees have more than {MAX_DEPTH} levels and are not in the slice")
        self._damage()
        origins = self._run(self._steps["without_tree"][0]).fetchall()
        line = "the snapshots of {} origins show no tree, as no branch leads to one, such as that of {}"
        self._note("no-tree", line, [origin for (origin,) in origins], kept=True)

    def _leave_out(self, reason: str, line: str) -> None:
        roots = self._run("select root from left_out order by root").fetchall()
        if roots:
            self._step("leave_out")
            self._note(reason, f"{line}, such as {{}}", [root.hex() for (root,) in roots])

    def _damage(self) -> None:
        """Upwards from what is missing or wrong to the branches that lead there."""
        self._step("damaged")
        if self._selection.history:
            self._step("descendants")
            for numbers in ancestors(self._sql.cursor(), self._folder):
                with self._streamed(pa.table({"number": numbers})):
                    self._run("insert into reached from streamed")
            self._step("damaged_descendants")
        count = -1
        while count != (count := self._value("select count(*) from damaged")):
            self._step("damaged_releases")

    def _note(self, reason: str, line: str, names: list[str], kept: bool = False) -> None:
        if names:
            self.notes.append(Note(reason, line.format(len(names), names[0]), kept=kept))

    # What was found.

    def _told(self) -> AbstractContextManager[None]:
        """Errors of DuckDB over what was read, such as no more room for it."""
        return export_errors(f"what was selected of the export {self._export.uri}")

    def visits(self) -> list[SeenVisit]:
        """The selected visits, by origin and number; one whose snapshot is not whole in the export is partial."""
        with self._told():
            found = self._run(self._steps["visits"][0]).fetchall()
        return [SeenVisit(origin, visit, date.replace(tzinfo=dt.UTC), *rest) for origin, visit, date, *rest in found]

    def to_fetch(self) -> Iterator[pa.RecordBatch]:
        """Contents whose bytes may be had (sha1_git, sha1, sha256, blake2s256, length), by sha1_git."""
        with self._told():
            # Of its own, as the one of the walk is used while this one is read.
            yield from self._sql.cursor().execute(self._steps["to_fetch"][0]).to_arrow_reader(_ROWS)

    def here(self, ids: pa.Array) -> None:
        """Say that the bytes of contents are in the lake."""
        with self._told(), self._streamed(pa.table({"sha1_git": ids})):
            self._run("insert into here from streamed")

    def failed(self, reasons: Iterable[tuple[bytes, str]]) -> None:
        """Say why the bytes of contents are not."""
        ids, why = zip(*reasons, strict=True)
        rows = pa.table({"sha1_git": pa.array(ids, pa.binary()), "reason": pa.array(why, pa.string())})
        with self._told(), self._streamed(rows):
            self._run("insert into failed from streamed")

    def rows(self) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Everything that was found, as rows of the lake's tables, table by table and sorted by key."""
        with self._told():
            self._step("content_states")
            for table, [statement] in ((name[5:], steps) for name, steps in self._steps.items() if name.startswith("rows ")):
                names = ", ".join(field.name for field in TABLES[table].fields)
                values = {"why": NO_BYTES if self._selection.verify else SYNTHETIC} if "$why" in statement else {}
                for batch in self._run(f"select {names} from ({statement})", **values).to_arrow_reader(_ROWS):
                    yield table, batch

    def trees(self) -> list[ShownTree]:
        """The trees that the visits show, by origin and anchor; call after ``rows``."""
        found: dict[tuple[str, bytes], dict[str | None, tuple[int, int]]] = {}
        with self._told():
            rows = self._run(self._steps["trees"][0]).fetchall()
        for origin, anchor, reason, files, size in rows:
            tree = found.setdefault((origin, anchor), {})
            if files:
                tree[reason] = (files, size)
        return [ShownTree(origin, anchor, files) for (origin, anchor), files in found.items()]

    def lost(self) -> list[tuple[str, int, bytes]]:
        """Why contents have no bytes, how many, and the first of them; call after ``rows``."""
        with self._told():
            return self._run(self._steps["lost"][0]).fetchall()


def _statements(name: str) -> dict[str, list[str]]:
    """The statements of a script by the name in the ``-- [name]`` line above them."""
    found: dict[str, list[str]] = {}
    text = resources.files(__package__).joinpath(name).read_text()
    for part in text.split("-- [")[1:]:
        title, _, body = part.partition("]\n")
        lines = [line for line in body.splitlines() if not line.lstrip().startswith("--")]
        found[title] = [statement.strip() for statement in "\n".join(lines).split(";") if statement.strip()]
    return found


def _dicts(result: duckdb.DuckDBPyConnection) -> Iterator[dict[str, Any]]:
    for batch in result.to_arrow_reader(_ROWS):
        yield from batch.to_pylist()


def _like(pattern: str) -> str:
    """A pattern of ours as one of SQL."""
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%")


def _common(patterns: Iterable[str]) -> tuple[str | None, str | None]:
    """The range that every URL of the patterns is in, as far as their first characters tell."""
    starts = [pattern.partition("*")[0] for pattern in patterns]
    if not starts or not all(starts):
        return None, None
    return min(starts), max(start + "\U0010ffff" for start in starts)
