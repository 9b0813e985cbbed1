# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Great Expectations reads DuckDB tables rightly, in spite of its private list of dialects."""

import duckdb
import pytest

from assets.expectations import SUITES, Suite
from assets.gx_on_duckdb import validate


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    path = tmp_path_factory.mktemp("gx") / "scratch.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute(
            "create table numbers as select range as n, range % 4 = 0 as is_fourth, "
            "case when range >= 3 then 'x' end as letter, range // 2 as half from range(10)"
        )
    return path


def judge(database, *expectations):
    suite = Suite("toy", "raw_archive_slice", "A toy.", "", ("n",), expectations)
    return validate(database, {"numbers": suite})["numbers"]


def test_expectations_that_hold_pass_and_say_over_how_many_rows(database):
    result = judge(
        database,
        ("ExpectColumnValuesToBeBetween", {"column": "n", "min_value": 0, "max_value": 9}),
        ("ExpectTableRowCountToBeBetween", {"min_value": 10, "max_value": 10}),
        ("ExpectCompoundColumnsToBeUnique", {"column_list": ["n", "half"]}),
    )
    assert result.passed
    assert result.name == "toy"
    assert result.metadata["expect_column_values_to_be_between(column=n, min_value=0.0, max_value=9.0)"] == "holds (10 rows)"


def test_expectations_that_do_not_hold_name_the_column_the_count_and_an_item(database):
    result = judge(
        database,
        ("ExpectColumnValuesToNotBeNull", {"column": "letter"}),
        ("ExpectColumnValuesToBeInSet", {"column": "is_fourth", "value_set": [True]}),
        ("ExpectColumnValuesToBeUnique", {"column": "half"}),
    )
    assert not result.passed
    assert (
        "expect_column_values_to_not_be_null(column=letter): 3 of 10 rows don't fit, such as n 0, letter None"
        in result.description
    )
    assert "(column=is_fourth, value_set=[True]): 7 of 10 rows don't fit, such as n 1, is_fourth False" in result.description
    assert "expect_column_values_to_be_unique(column=half): 10 of 10 rows don't fit, such as n 0, half 0" in result.description


def test_an_expectation_that_can_not_be_evaluated_is_red(database):
    result = judge(database, ("ExpectColumnValuesToNotBeNull", {"column": "missing"}))
    assert not result.passed
    assert "can't be evaluated" in result.description


def test_every_stage_has_a_suite_and_no_two_have_one_name():
    assert len({suite.stage for suite in SUITES}) == 5
    assert len({suite.name for suite in SUITES}) == len(SUITES)
