# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""One SQLAlchemy engine a SQLite database.

Dagster's storages make an engine for every look into a database, and with it compile their statements anew: a fifth of the work
of a recorded run. Here engines are kept; connections are opened and closed every time, as before. A test notices when Dagster
changes.
"""

from __future__ import annotations

from functools import lru_cache
from types import ModuleType
from typing import Any

from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage
from sqlalchemy import Engine, create_engine

STORAGES: tuple[ModuleType, ...] = (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage)
# Every run has a database of its own, and a webserver looks into many.
_MOST = 64


def keep_engines() -> None:
    """Have Dagster's SQLite storages of this process use one engine a database."""
    for storage in STORAGES:
        storage.create_engine = _engine  # type: ignore[attr-defined]


def _engine(database: str, **options: Any) -> Engine:
    given = {name: tuple(value.items()) if isinstance(value, dict) else value for name, value in options.items()}
    return _kept(database, **given)


@lru_cache(_MOST)
def _kept(database: str, connect_args: tuple[tuple[str, Any], ...] = (), **options: Any) -> Engine:
    return create_engine(database, connect_args=dict(connect_args), **options)
