# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The one SQL expression of a specification, which may come from a stranger.

It is parsed, not trusted: DuckDB turns it into a syntax tree, in which only known columns, literals, operators and a named
list of functions pass; what runs is the text made back from that tree, over one in-memory table, in a connection that
reaches no file, no network and no setting, with limits on memory and time.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

from codecommons.errors import UsageError
from codecommons.strict import nearest, text

COLUMNS: dict[str, pa.DataType] = {
    "source": pa.string(),
    "origin": pa.string(),
    "slice": pa.string(),
    "anchor": pa.string(),
    "path": pa.string(),
    "name": pa.string(),
    "swhid": pa.string(),
    "length": pa.int64(),
    "language": pa.string(),
    "license": pa.string(),
    "verdict": pa.string(),
    "encoding": pa.string(),
    "lines": pa.int64(),
    "max_line": pa.int64(),
    "mean_line": pa.float64(),
    "alphabetic": pa.float64(),
    "alphanumeric": pa.float64(),
    "generated": pa.bool_(),
    "vendored": pa.bool_(),
    "documentation": pa.bool_(),
    "test": pa.bool_(),
}

# One word a name keeps these readable and their differences small.
FUNCTIONS = frozenset(
    """
    abs ceil concat contains ends_with floor greatest instr least left length lower ltrim nullif position prefix
    regexp_full_match regexp_matches right round rtrim split_part starts_with strlen substr substring suffix trim upper
    """.split()  # noqa: SIM905
)
_OPERATORS = frozenset(
    "+ - * / // % || ^@ ~~ !~~ ~~* !~~* ~~~ like_escape not_like_escape ilike_escape not_ilike_escape".split()  # noqa: SIM905
)
_LOGIC = frozenset(
    "OPERATOR_NOT OPERATOR_IS_NULL OPERATOR_IS_NOT_NULL OPERATOR_COALESCE COMPARE_IN COMPARE_NOT_IN".split()  # noqa: SIM905
)
_TYPES = frozenset("BOOLEAN INTEGER BIGINT HUGEINT DECIMAL DOUBLE VARCHAR DATE NULL".split())  # noqa: SIM905
_CHILDREN = {
    "COLUMN_REF": (),
    "CONSTANT": (),
    "COMPARISON": ("left", "right"),
    "CONJUNCTION": ("children",),
    "OPERATOR": ("children",),
    "BETWEEN": ("input", "lower", "upper"),
    "CASE": ("case_checks", "else_expr"),
    "CAST": ("child",),
    "FUNCTION": ("children",),
}
MAX_LENGTH = 10_000
SECONDS = 60.0
MEMORY = "1GB"


def checked(value: Any, where: str) -> str:
    """A condition that passes: its text as it was written.

    Raises:
        UsageError: it is not one boolean expression over ``COLUMNS`` made of literals, operators and ``FUNCTIONS``.
    """
    condition = text(value, where)
    try:
        matches(condition, pl.DataFrame(pa.schema(COLUMNS.items()).empty_table()))
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
    return condition


def matches(condition: str, rows: pl.DataFrame) -> pl.Series:
    """For each row, whether the condition is true of it (null counts as not).

    Args:
        condition: the expression.
        rows: all ``COLUMNS``.

    Raises:
        UsageError: the expression is not allowed, or fails on a value, or takes more than ``SECONDS`` or ``MEMORY``.
    """
    connection = duckdb.connect(
        ":memory:",
        config={
            "enable_external_access": "false",
            "autoload_known_extensions": "false",
            "autoinstall_known_extensions": "false",
            "python_enable_replacements": "false",
            "memory_limit": MEMORY,
            "threads": "2",
        },
    )
    watch = threading.Timer(SECONDS, connection.interrupt)
    try:
        query = _query(connection, condition)
        table = rows.select(COLUMNS.keys()).with_row_index("row_of_file").to_arrow()
        connection.register("file", table)
        connection.execute("SET lock_configuration = true")
        watch.start()
        found = connection.execute(query).fetchnumpy()["row_of_file"]
    except duckdb.InterruptException:
        raise UsageError(f"the condition took more than {SECONDS:.0f} seconds; make it simpler") from None
    except duckdb.Error as error:
        raise UsageError(str(error).strip().splitlines()[0]) from None
    finally:
        watch.cancel()
        connection.close()
    mask = np.zeros(rows.height, bool)
    mask[found] = True
    return pl.Series("where", mask)


def _query(connection: duckdb.DuckDBPyConnection, condition: str) -> str:
    """``SELECT row_of_file FROM file WHERE <the condition, made back from its tree>``."""
    if len(condition) > MAX_LENGTH:
        raise UsageError(f"it has {len(condition)} characters; a condition has at most {MAX_LENGTH}")
    tree = _tree(connection, condition)
    expected = _tree(connection, "true")
    node = tree["statements"][0]["node"]
    frame = {key: value for key, value in node.items() if key != "where_clause"}
    wanted = {key: value for key, value in expected["statements"][0]["node"].items() if key != "where_clause"}
    if len(tree["statements"]) != 1 or frame != wanted:
        raise UsageError("it must be one expression, without ORDER BY, LIMIT, UNION or the like")
    for expression in _expressions(node["where_clause"]):
        _check(expression)
    made = connection.execute("SELECT json_deserialize_sql(?::JSON)", [json.dumps(tree)]).fetchone()
    assert made is not None
    return str(made[0])


def _tree(connection: duckdb.DuckDBPyConnection, condition: str) -> dict[str, Any]:
    row = connection.execute("SELECT json_serialize_sql(?)", [f"SELECT row_of_file FROM file WHERE {condition}"]).fetchone()
    assert row is not None
    try:
        tree: dict[str, Any] = json.loads(row[0])
    except RecursionError:
        raise UsageError("it is nested too deeply") from None
    if tree["error"]:
        raise UsageError(str(tree["error_message"]))
    return tree


def _expressions(root: Any) -> Iterator[dict[str, Any]]:
    """Every expression of the tree; a kind that isn't known doesn't pass."""
    todo = [root]
    while todo:
        expression = todo.pop()
        if isinstance(expression, list):
            todo += expression
        elif "when_expr" in expression:
            todo += [expression["when_expr"], expression["then_expr"]]
        elif expression["class"] not in _CHILDREN:
            raise UsageError(f"{expression['class'].lower()} is not allowed; use columns, literals, operators and functions")
        else:
            yield expression
            todo += [expression[child] for child in _CHILDREN[expression["class"]] if expression[child] is not None]


def _check(expression: dict[str, Any]) -> None:
    match expression["class"]:
        case "COLUMN_REF":
            name = ".".join(expression["column_names"])
            if name not in COLUMNS:
                raise UsageError(f"unknown column {name!r}; {nearest(name, COLUMNS)}")
        case "FUNCTION":
            name = expression["function_name"]
            plain = not expression["distinct"] and not expression["filter"] and not expression["order_bys"]["orders"]
            known = name in (_OPERATORS if expression["is_operator"] else FUNCTIONS | _OPERATORS)
            if not known or not plain or expression["catalog"] or expression["schema"] not in ("", "main"):
                raise UsageError(f"the function {name!r} is not allowed; {nearest(name, FUNCTIONS)}")
        case "OPERATOR":
            if expression["type"] not in _LOGIC:
                raise UsageError(f"the operator {expression['type'].lower()} is not allowed")
        case "CAST":
            _check_type(expression["cast_type"])
        case "CONSTANT":
            _check_type(expression["value"]["type"])


def _check_type(kind: dict[str, Any]) -> None:
    if kind["id"] not in _TYPES:
        raise UsageError(f"the type {kind['id']} is not allowed; use one of {', '.join(sorted(_TYPES))}")
