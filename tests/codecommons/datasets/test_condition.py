# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

import time

import polars as pl
import pyarrow as pa
import pytest

from codecommons.datasets.condition import COLUMNS, FILTER_SIGNALS, checked, matches, signals_of
from codecommons.errors import UsageError


def rows(**columns):
    height = len(next(iter(columns.values())))
    empty = {name: [None] * height for name in COLUMNS}
    return pl.DataFrame(pa.table({**empty, **columns}, schema=pa.schema(COLUMNS.items())))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("path like '%.v'", [True, False, False]),
        ("lower(name) like '%.v' and length > 5", [True, False, False]),
        ("length between 1 and 10 or language is null", [True, True, True]),
        ("language in ('Verilog', 'Coq') and not generated", [True, False, False]),
        ("language = 'C' -- the rest is a comment", [False, True, False]),
        ("regexp_matches(path, '^src/') or coalesce(language, 'none') = 'none'", [False, True, True]),
        ("case when generated then length > 3 else path glob '*.v' end", [True, False, False]),
        ("length / 2 > 3.5", [True, False, False]),
        ("name ilike '%.C'", [False, True, False]),
        ("cast(length as varchar) = '10'", [True, False, False]),
    ],
)
def test_a_condition_selects_the_rows_it_is_true_of(condition, expected):
    table = rows(
        path=["rtl/a.v", "src/b.c", None],
        name=["a.v", "b.c", None],
        length=[10, 3, 7],
        language=["Verilog", "C", None],
        generated=[False, True, None],
    )
    assert checked(condition, "where") == condition
    assert matches(condition, table).to_list() == expected


@pytest.mark.parametrize(
    "attack",
    [
        "true; drop table file",
        "true) or (true",
        "path in (select path from file)",
        "exists(from read_csv('/etc/passwd'))",
        "path = (select content from read_text('/etc/passwd'))",
        "read_text('/etc/passwd') = path",
        "getenv('HOME') = path",
        "current_setting('memory_limit') = path",
        "true order by 1",
        "true limit 1",
        "true group by 1",
        "true union all select row_of_file from file",
        "true qualify row_number() over () = 1",
        "sum(length) over () > 1",
        "count(*) > 1",
        "max(length) filter (where true) > 1",
        "path = $1",
        "*",
        "columns('.*') = 'x'",
        "repeat(path, 1000000000) = 'x'",
        "list_filter([1], x -> x > 0) = [1]",
        "length::struct(a int) = 1",
        "pg_sleep(10) is null",
        "error(path)",
        "random() > 0.5",
        "now() > date '2020-01-01'",
        "current_date > date '2020-01-01'",
        "system.main.lower(path) = 'x'",
        "file.path = 'x'",
        "row_of_file = 1",
        "nextval('x') > 0",
        "not " * 2000 + "true",
        "path = '" + "x" * 20_000 + "'",
        "length >",
        "",
        "path like name",
        "path not ilike lower(name)",
        "path like null",
        "path glob name || '*'",
        "path like '%a' escape name",
        "path like 'a!' escape '!'",
        '"~~"(path)',
        "like_escape(path, 'a')",
    ],
)
def test_anything_but_columns_literals_operators_and_named_functions_is_refused(attack):
    with pytest.raises(UsageError, match="where"):
        checked(attack, "where")


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("length", "'length'"),
        ("generated and (test or length)", "'length'"),
        ("not alphabetic", "'alphabetic'"),
        ("name", "'name'"),
        ("null", "'NULL'"),
        ("path like '%.v' and 1", "'1'"),
    ],
)
def test_what_is_a_value_and_no_condition_is_refused(value, part):
    with pytest.raises(UsageError, match=f"where: {part} is no condition but a value"):
        checked(value, "where")


def test_an_unknown_column_or_function_names_the_nearest_one():
    with pytest.raises(UsageError, match="did you mean 'language'"):
        checked("langauge = 'C'", "where")
    with pytest.raises(UsageError, match="did you mean 'regexp_matches'"):
        checked("regexp_match(path, 'x')", "where")


def test_a_condition_that_fails_on_a_value_is_a_clear_error():
    with pytest.raises(UsageError, match="Conversion Error"):
        matches("cast(path as integer) = 1", rows(path=["abc"]))


def test_a_condition_that_takes_too_long_is_stopped(monkeypatch):
    monkeypatch.setattr("codecommons.datasets.condition.SECONDS", 0.05)
    slow = " or ".join(f"regexp_matches(path, '(.*)(.*)(.*){n}x')" for n in range(60))
    with pytest.raises(UsageError, match="more than"):
        matches(slow, rows(path=["a" * 300] * 50_000))


@pytest.mark.parametrize(
    "pattern",
    [
        f"{value} {fits}"
        for fits in (
            f"glob '{'*a' * 30}*b'",
            f"like '{'%_a' * 30}%_b'",
            f"not like '{'%_a' * 30}%_b'",
            f"ilike '{'%A' * 30}%b'",
            f"like '{'%a' * 30}%b' escape '!'",
        )
        # Of what is written out DuckDB makes one value while it plans.
        for value in ("path", f"'{'a' * 200}'")
    ],
)
def test_a_pattern_with_many_stars_takes_no_longer_than_another(pattern):
    table = rows(path=["a" * 200] * 1000)
    begun = time.process_time()
    assert matches(pattern, table).sum() == ("not like" in pattern) * 1000
    assert time.process_time() - begun < 5


def test_signals_of_filters_are_columns_of_conditions_under_their_own_names():
    from codecommons.annotate.annotators.filter_signals import FIELDS

    assert {field.name: field.type for field in FIELDS} == FILTER_SIGNALS
    assert not FILTER_SIGNALS.keys() & COLUMNS.keys()


def test_a_condition_tells_which_signals_it_names():
    condition = "comments < 0.8 and top_2grams <= .2 and path like '%words%'"
    assert checked(condition, "where") == condition
    assert signals_of(condition) == {"comments", "top_2grams", "words"}  # the last one needlessly, which costs time and no row
    table = rows(path=["words", "words"]).with_columns(comments=pl.Series([0.9, 0.1]), top_2grams=pl.Series([0.1, 0.1]))
    assert matches(condition, table).to_list() == [False, True]
