# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Marts are copies: what is opted out leaves them at once, and comes back, once a request is withdrawn, when dbt runs next."""

from __future__ import annotations

import duckdb
import polars as pl

from codecommons.errors import LakeError
from codecommons.lake.storage import lake_errors
from codecommons.settings import Settings
from codecommons.swhid import swhid_text

_SCHEMA = "marts"


def leave_out(settings: Settings, hidden: pl.DataFrame) -> int:
    """Take the rows that name a content out of every mart, its Parquet file and its table in the catalogue.

    Args:
        settings: where they are.
        hidden: what is out everywhere (``reach.hidden``).

    Returns:
        How many rows went from the files.

    Raises:
        LakeError: one can't be read or written, or another process has the catalogue open.
    """
    swhids = pl.Series("swhid", [swhid_text("cnt", content) for content in hidden["content"]], dtype=pl.String)
    gone = 0
    for path in sorted(settings.marts.glob("*.parquet")) if swhids.len() else ():
        with lake_errors(f"the mart {path}"):
            rows = pl.read_parquet(path)
            left = rows.filter(~pl.any_horizontal(False, pl.col(pl.String).is_in(swhids.implode()).fill_null(False)))
            if left.height < rows.height:
                half = path.with_suffix(".half")
                left.write_parquet(half)
                half.replace(path)
                gone += rows.height - left.height
    if swhids.len() and settings.catalogue.is_file():
        _delete(settings, swhids)
    return gone


def _delete(settings: Settings, swhids: pl.Series) -> None:
    try:
        with duckdb.connect(str(settings.catalogue)) as connection:
            connection.register("gone", swhids.to_frame().to_arrow())
            columns = connection.execute(
                """select table_name, column_name from duckdb_columns() join duckdb_tables() using (schema_name, table_name)
                where schema_name = ? and data_type = 'VARCHAR'""",
                [_SCHEMA],
            ).fetchall()
            for table, column in columns:
                connection.execute(f'delete from {_SCHEMA}."{table}" where "{column}" in (select swhid from gone)')
    except duckdb.Error as error:
        said = str(error).partition("\n")[0]
        raise LakeError(
            f"marts in {settings.catalogue} may name what is opted out ({said}); close what holds it, then run the job `opt_outs`"
        ) from error
