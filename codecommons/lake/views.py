# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The SQL face of a lake: every table as a DuckDB view.

The stored tables become views of schema ``lake`` (through DuckDB's ``delta`` extension, so nothing is copied); what people
see is written in ``views.sql`` and ``macros.sql`` on top of them. ``person`` has no view, and no view shows a restricted column.
A view of a slice-scoped table follows ``slice_log``, one of a release's table follows ``dataset``, so a reader never sees half a
slice or half a release.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import duckdb
import pyarrow as pa

from codecommons.errors import CodeCommonsError, LakeError
from codecommons.lake.damage import REFUSAL
from codecommons.lake.schemas import DUPLICATE_PAIR, OPT_OUT_LEDGER, TABLES, Table
from codecommons.lake.storage import ADVICE, Storage, lake_errors
from codecommons.settings import Settings

if TYPE_CHECKING:
    from codecommons.annotate.annotator import Annotator
    from codecommons.lake.lake import Lake

RESTRICTED = frozenset({"person"})

# What views anti-join with to keep out of sight what is opted out, and the requests that say so; of a content that is out as all
# its occurrences are, these have the reason.
_OPTED_OUT = {
    "opted_out_content": {"content": "blob", "reason": "varchar"},
    "opted_out_origin": {"origin": "varchar", "reason": "varchar"},
    "opted_out_place": {"origin": "varchar", "root": "blob", "path": "blob", "reason": "varchar"},
}

_SQL_TYPES = {
    pa.string(): "varchar",
    pa.binary(): "blob",
    pa.bool_(): "boolean",
    pa.int16(): "smallint",
    pa.int32(): "integer",
    pa.int64(): "bigint",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.timestamp("us", "UTC"): "timestamptz",
}

# Extensions whose signature DuckDB has checked in this process. For that it hashes all 80 MB of them, 0.3 s of CPU and more than
# all views take together; so the first connection of a process is strict, and the ones after it load the same files unchecked.
_PROVED: set[str] = set()


def connect(lake: Lake) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB that sees the lake through every view, and the marts that dbt has built.

    A table whose log can't be read is there, too; a query fails when it asks for its rows.

    Raises:
        LakeError: the lake can't be reached.
    """
    needed = {"delta", "httpfs"} if Storage(lake.settings).remote else {"delta"}
    connection = duckdb.connect(config={"allow_unsigned_extensions": needed <= _PROVED})
    connection.execute("set enable_progress_bar = false")  # it goes to standard output, among the rows
    create_views(connection, lake.settings, pinned=True)
    _create_mart_views(connection, lake.settings)
    return connection


def build_catalogue(settings: Settings) -> Path:
    """Write the views into the catalogue file, for dbt and notebooks; the marts in it stay.

    Raises:
        LakeError: a table can't be read, or another process holds the file.
    """
    settings.catalogue.parent.mkdir(parents=True, exist_ok=True)
    try:
        connection = duckdb.connect(str(settings.catalogue), config=connection_config(settings))
    except duckdb.IOException as error:
        raise LakeError(
            f"the catalogue {settings.catalogue} can't be opened ({_first_line(error)}); "
            "close what holds it, or delete it: it is rebuilt"
        ) from error
    with connection:
        unreadable = create_views(connection, settings)
    if unreadable:
        raise LakeError(next(iter(unreadable.values())))
    return settings.catalogue


def connection_config(settings: Settings) -> dict[str, str | bool | int | float | list[str]]:
    """What to open the catalogue file with (dbt, ``DuckDBResource``), so that DuckDB finds its extensions without a network.

    The extensions' binaries come with their Python packages; DuckDB wants them in a folder per version and platform.

    Raises:
        LakeError: an extension isn't installed.
    """
    folder = settings.home / "duckdb"
    with duckdb.connect() as connection:
        platform = connection.execute("pragma platform").fetchone()
    assert platform is not None
    home = folder / f"v{duckdb.__version__}" / platform[0]
    with lake_errors(f"preparing {home}"):
        home.mkdir(parents=True, exist_ok=True)
        for name in ("delta", "httpfs"):
            link = home / f"{name}.duckdb_extension"
            binary = extension(name)
            if not link.is_symlink() or link.readlink() != binary:
                link.unlink(missing_ok=True)
                link.symlink_to(binary)
    return {"extension_directory": str(folder)}


def extension(name: str) -> Path:
    """The binary of a DuckDB extension, from its Python package.

    Raises:
        LakeError: the package isn't installed for this version of DuckDB.
    """
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    for place in (spec.submodule_search_locations or []) if spec else []:
        binary = Path(place, "extensions", f"v{duckdb.__version__}", f"{name}.duckdb_extension")
        if binary.is_file():
            return binary
    version = duckdb.__version__
    raise LakeError(f"DuckDB {version} lacks its {name} extension; install the package duckdb-extension-{name}=={version}")


def _load(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    connection.execute(f"load {_quoted(str(extension(name)))}")
    _PROVED.add(name)


def create_views(connection: duckdb.DuckDBPyConnection, settings: Settings, pinned: bool = False) -> dict[str, str]:
    """Create or replace every view and macro in a connection.

    Args:
        connection: to DuckDB.
        settings: say where the lake is.
        pinned: the views show the tables as they are now as long as the connection is there, and each log is read once and not
            by every query; a file that outlives the connection can't have such.

    Returns:
        Tables whose log can't be read, with the reason. Their views fail with it when a query asks for rows.

    Raises:
        LakeError: the lake can't be reached.
    """
    # Here, as both know the lake: they say which annotations, decisions and verdicts are current.
    from codecommons.annotate.annotator import current
    from codecommons.annotate.vulnerabilities.rules import digest
    from codecommons.license.policy import policies

    storage = Storage(settings)
    _load(connection, "delta")
    if storage.remote:
        _create_secret(connection, settings)
    with lake_errors(f"reading the lake {settings.lake}"):
        there = {path.rstrip("/").rpartition("/")[2] for path in storage.fs.ls(storage.path(), detail=False)}
    annotators = current(settings)
    tables = [*TABLES.values(), DUPLICATE_PAIR, *(annotator.table for annotator in annotators.values())]
    tables = [table for table in tables if table.name not in RESTRICTED]
    # DuckDB binds a view when it is created, and binding a stored table reads its log. So the public views are created over
    # empty tables first, and these are then exchanged: every log is read once, which counts on S3.
    connection.execute("create schema if not exists lake")
    for table in tables:
        connection.execute(f"create or replace view lake.{table.name} as {_nothing(table)}")
    for name, columns in _OPTED_OUT.items():
        nothing = ", ".join(f"null::{kind} as {column}" for column, kind in columns.items())
        connection.execute(f"create or replace view lake.{name} as select {nothing} where false")
    connection.execute(_script("macros"))
    connection.execute("\n".join(_annotation_views(annotators.values())))
    keys = ", ".join(_quoted(policy.key(settings)) for policy in policies(settings).values())
    connection.execute(f"create or replace view lake.current_policy as select unnest([{keys}]::varchar[]) as policy")
    connection.execute(f"create or replace view lake.current_vulnerability_rules as select '{digest()}' as digest")
    connection.execute(_script("views"))
    unreadable = {}
    for table in tables:
        # What a stage or a plug-in registers may not be there yet.
        if table.name in TABLES or table.name in there:
            uri = _quoted(storage.uri(table.name))
            # What is attached has a name, under which whoever lists databases would find its restricted columns.
            attached = pinned and not table.restricted
            stored = f"stored_{table.name}" if attached else f"delta_scan({uri})"
            try:
                if attached:
                    connection.execute(f"attach {uri} as {stored} (type delta, pin_snapshot)")
                # An annotator's table may be of an older version: what that did not say yet is null.
                rows = stored if table.name in TABLES else f"({_nothing(table)} union all by name from {stored})"
                scan = f"select {_shown(table)} from {rows}"
                connection.execute(f"create or replace view lake.{table.name} as {scan}{_live(table)}")
            except duckdb.Error as error:
                reason = f"table {table.name} in {settings.lake} can't be read: {_first_line(error)}; {ADVICE}"
                connection.execute(f"create or replace view lake.{table.name} as {_refusal(table, reason)}")
                unreadable[table.name] = reason
    if OPT_OUT_LEDGER.name in there or settings.opt_out.is_dir():
        _hide_opted_out(connection, storage)
    return unreadable


def _hide_opted_out(connection: duckdb.DuckDBPyConnection, storage: Storage) -> None:
    """Fill the views of what is opted out. When nobody can tell what that is, whoever asks for what it hides is told why."""
    from codecommons.lake.lake import Lake
    from codecommons.optout import ledger

    lake = Lake(storage)
    try:
        effective = ledger.read(lake).effective
        if not effective:
            return
        # What knows of near-duplicates takes a second to import, so only when it is needed.
        from codecommons.archive.views import visited_trees
        from codecommons.optout import reach

        trees = visited_trees(lake)
        excluded = reach.resolve(lake, effective, trees, with_markers=False)
        rows = {
            "opted_out_content": reach.hidden(lake, excluded, trees).join(excluded.contents, on="content", how="left"),
            "opted_out_origin": excluded.origins.join(reach.discussed(lake, effective), on="origin", how="full", coalesce=True),
            "opted_out_place": excluded.places,
        }
    except CodeCommonsError as error:
        failing = f"error({_quoted(f'{REFUSAL}{error}')})"
        for name, columns in _OPTED_OUT.items():
            refusal = ", ".join(f"{failing}::{kind} as {column}" for column, kind in columns.items())
            connection.execute(f"create or replace view lake.{name} as select {refusal} where {failing}::boolean")
        return
    for name, frame in rows.items():
        connection.register("opted_out_rows", frame.to_arrow())
        connection.execute(f"create or replace table lake.{name}_rows as select * from opted_out_rows")
        connection.unregister("opted_out_rows")
        connection.execute(f"create or replace view lake.{name} as select * from lake.{name}_rows")


def _nothing(table: Table) -> str:
    """A query with the columns of a table and no rows."""
    columns = (f"null::{_sql_type(field.type)} as {field.name}" for field in _public(table))
    return f"select {', '.join(columns)} where false"


def _public(table: Table) -> list[pa.Field]:
    """The columns of a table that views may show."""
    return [field for field in table.schema if field.name not in table.restricted]


def _shown(table: Table) -> str:
    return f"* exclude ({', '.join(table.restricted)})" if table.restricted else "*"


def _refusal(table: Table, reason: str) -> str:
    """A query with the columns of a table that fails as soon as it runs, whichever of them are asked for."""
    failing = f"error({_quoted(reason)})"
    columns = (f"{failing}::{_sql_type(field.type)} as {field.name}" for field in _public(table))
    return f"select {', '.join(columns)} where {failing}::boolean"


def _sql_type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"{_sql_type(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        fields = (f'"{field.name}" {_sql_type(field.type)}' for field in kind)  # quoted: a span has an "end"
        return f"struct({', '.join(fields)})"
    return _SQL_TYPES[kind]


def _live(table: Table) -> str:
    """What keeps rows out of sight: of half a slice, of half a release (its row of ``dataset`` is the last), overruled ones."""
    if table.scope == "slice":
        return " semi join lake.slice_log using (slice, source, attempt)"
    if table.scope == "dataset" and table.name != "dataset":
        return " semi join lake.dataset using (dataset, fingerprint)"
    if table.unless:
        return f" anti join lake.{table.unless} using ({', '.join(table.key)})"
    return ""


def _annotation_views(annotators: Iterable[Annotator]) -> Iterator[str]:
    """One view an annotator, of its current digest, and ``annotation``: all of them in one, what they say being JSON."""
    public = {"content": "swhid('cnt', content) as swhid", "name": "from_utf8(name) as name", "path": "from_utf8(path) as path"}
    annotators = list(annotators)
    if any(annotator.input == "tree" for annotator in annotators):
        public["root"] = "swhid('dir', root) as root"
    parts = []
    for annotator in annotators:
        name, columns = annotator.table.name, annotator.table.schema.names
        rows = f"from lake.{name} where digest = '{annotator.digest}'"
        said = [f'"{column}"' for column in columns if column not in {*public, "path_id", "digest", "bucket"}]
        shown = [text for column, text in public.items() if column in columns] + said
        hidden = " anti join lake.opted_out_content using (content)" if "content" in columns else ""
        public_rows = rows.replace(" where ", f"{hidden} where ")
        yield f"create or replace view {name} as select {', '.join(shown)}, digest {public_rows};"
        keys = ", ".join(column if column in columns else f"null::blob as {column}" for column in public)
        value = ", ".join(f"{column} := {column}" for column in said)
        parts.append(f"select {keys}, '{annotator.name}' as annotator, digest, to_json(struct_pack({value})) as value {rows}")
    yield f"create or replace view lake.annotation as {' union all '.join(parts)};"
    shown = [*public.values(), "annotator", "digest", "value"]
    hidden = "anti join lake.opted_out_content using (content)"
    yield f"create or replace view annotation as select {', '.join(shown)} from lake.annotation {hidden};"


def _create_mart_views(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """The marts that dbt has built, where no view of that name answers from the lake itself."""
    for mart in sorted(settings.marts.glob("*.parquet")):
        try:
            connection.execute(f"create view if not exists {mart.stem} as from read_parquet({_quoted(str(mart))})")
        except duckdb.Error as error:
            reason = f"the mart {mart} can't be read: {_first_line(error)}; delete it: the job `marts` builds it again"
            connection.execute(f"create view if not exists {mart.stem} as select error({_quoted(reason)}) as mart")


def _create_secret(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    options = dict(settings.storage_options)
    endpoint = urlsplit(options.get("AWS_ENDPOINT_URL", ""))
    values = {
        "key_id": options.get("AWS_ACCESS_KEY_ID"),
        "secret": options.get("AWS_SECRET_ACCESS_KEY"),
        "session_token": options.get("AWS_SESSION_TOKEN"),
        "region": options.get("AWS_REGION"),
        "endpoint": endpoint.netloc or None,
        "url_style": "path" if endpoint.netloc else None,
        "use_ssl": "false" if endpoint.scheme == "http" else None,
    }
    given = "".join(f", {name} {_quoted(value)}" for name, value in values.items() if value)
    _load(connection, "httpfs")
    connection.execute(f"create or replace secret lake (type s3{given})")


def _script(name: str) -> str:
    return resources.files(__package__).joinpath(f"{name}.sql").read_text()


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
