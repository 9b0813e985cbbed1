"""The SQL face of a lake: every table as a DuckDB view.

The stored tables become views of schema ``lake`` (through DuckDB's ``delta`` extension, so nothing is copied); what people
see is written in ``views.sql`` on top of them. ``person`` has no view. A view of a slice-scoped table follows ``slice_log``,
one of a release's table follows ``dataset``, so a reader never sees half a slice or half a release.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import duckdb

from codecommons.errors import LakeError
from codecommons.lake.schemas import TABLES, Table
from codecommons.lake.storage import Storage, lake_errors
from codecommons.settings import Settings

if TYPE_CHECKING:
    from codecommons.lake.lake import Lake

RESTRICTED = frozenset({"person"})
ANNOTATION = "annotation_"

# A stage registers this table when it first runs; until then its view is empty.
_NO_PAIRS = "select null::blob as a, null::blob as b, null::double as similarity, null::boolean as accepted, null::varchar as configuration"


def connect(lake: Lake) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB that sees the lake through every view, and the marts that dbt has built.

    Raises:
        LakeError: a table can't be read; the message names it.
    """
    connection = duckdb.connect()
    create_views(connection, lake.settings)
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
            f"the catalogue {settings.catalogue} can't be opened ({str(error).splitlines()[0]}); close what holds it, or delete it: it is rebuilt"
        ) from error
    with connection:
        create_views(connection, settings)
    return settings.catalogue


def connection_config(settings: Settings) -> dict[str, str]:
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


def create_views(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Create or replace every view and macro in a connection.

    Raises:
        LakeError: a table can't be read; the message names it.
    """
    storage = Storage(settings)
    connection.execute(f"load {_quoted(str(extension('delta')))}")
    if storage.remote:
        _create_secret(connection, settings)
    connection.execute("create schema if not exists lake")
    with lake_errors(f"reading the lake {settings.lake}"):
        folders = {path.rstrip("/").rpartition("/")[2] for path in storage.fs.ls(storage.path(), detail=False)}
    for name, query in _stored(storage, folders):
        try:
            connection.execute(f"create or replace view lake.{name} as {query}")
        except duckdb.Error as error:
            raise LakeError(f"table {name} in {settings.lake} can't be read: {str(error).splitlines()[0]}") from error
    connection.execute(resources.files(__package__).joinpath("views.sql").read_text())
    tables = sorted(name for name in folders if name.startswith(ANNOTATION))
    connection.execute("\n".join(_annotation_views(connection, tables, settings)))


def _stored(storage: Storage, folders: set[str]) -> Iterator[tuple[str, str]]:
    """Every stored table that may be seen, with the query that reads its live rows; ``slice_log`` first, as others follow it."""
    yield "slice_log", _scan(storage, "slice_log")
    for name in sorted(TABLES.keys() - RESTRICTED - {"slice_log"}):
        yield name, _scan(storage, name) + _live(TABLES[name])
    yield "duplicate_pair", _scan(storage, "duplicate_pair") if "duplicate_pair" in folders else f"{_NO_PAIRS} where false"
    for name in sorted(folders):
        if name.startswith(ANNOTATION):
            yield name, _scan(storage, name)


def _live(table: Table) -> str:
    """What keeps rows of half a slice or half a release out of sight; the row of ``dataset`` is a release's last."""
    if table.scope == "slice":
        return " semi join lake.slice_log using (slice, source, attempt)"
    if table.scope == "dataset" and table.name != "dataset":
        return " semi join lake.dataset using (dataset, fingerprint)"
    return ""


def _scan(storage: Storage, name: str) -> str:
    return f"from delta_scan({_quoted(storage.uri(name))})"


def _annotation_views(connection: duckdb.DuckDBPyConnection, tables: list[str], settings: Settings) -> Iterator[str]:
    """One view an annotator, of its current digest, and ``annotation``: all of them in one, what they say being JSON."""
    # Here, as annotators know the lake: their digests say which rows are current.
    from codecommons.annotate.annotator import current

    digests = {annotator.table.name: annotator.digest for annotator in current(settings).values()} if tables else {}
    public = {"content": "swhid('cnt', content) as swhid", "name": "from_utf8(name) as name", "path": "from_utf8(path) as path"}
    parts = [
        "select null::blob as content, null::blob as name, null::blob as path, null::varchar as annotator,"
        " null::varchar as digest, null::json as value where false"
    ]
    for table in tables:
        columns = [row[0] for row in connection.execute(f"describe lake.{table}").fetchall()]
        keys = [column for column in public if column in columns]
        said = [f'"{column}"' for column in columns if column not in {*public, "path_id", "digest", "bucket"}]
        # An annotator that isn't installed here has no current digest: then all that it ever said is shown.
        rows = f"lake.{table}" + (f" where digest = {_quoted(digests[table])}" if table in digests else "")
        yield f"create or replace view {table} as select {', '.join([public[key] for key in keys] + said + ['digest'])} from {rows};"
        shown = [key if key in keys else f"null as {key}" for key in public]
        value = ", ".join(f"{column} := {column}" for column in said)
        annotator = table.removeprefix(ANNOTATION)
        parts.append(
            f"select {', '.join(shown)}, '{annotator}' as annotator, digest, to_json(struct_pack({value})) as value from {rows}"
        )
    yield f"create or replace view lake.annotation as {' union all by name '.join(parts)};"
    yield f"create or replace view annotation as select {', '.join(public.values())}, annotator, digest, value from lake.annotation;"


def _create_mart_views(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """The marts that dbt has built, where no view of that name answers from the lake itself."""
    for mart in sorted(settings.marts.glob("*.parquet")):
        connection.execute(f"create view if not exists {mart.stem} as from read_parquet({_quoted(str(mart))})")


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
    connection.execute(f"load {_quoted(str(extension('httpfs')))}")
    connection.execute(f"create or replace secret lake (type s3{given})")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
