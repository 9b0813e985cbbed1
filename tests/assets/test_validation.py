# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Great Expectations reads what DuckDB gives rightly, and its results are told in a few words."""

import duckdb
import pytest

from assets.expectations import SUITES, Suite
from assets.validation import validate

NUMBERS = """
select range as n, range % 4 = 0 as is_fourth, case when range >= 3 then 'x' end as letter, range // 2 as half,
    case when range >= 3 then range end as late, case when range >= 3 then true end as told from range(10)
"""


@pytest.fixture(scope="module")
def numbers():
    with duckdb.connect() as connection:
        return connection.execute(NUMBERS).df()


def judge(numbers, *expectations, item=("n",)):
    [result] = validate([(Suite("toy", "raw_archive_slice", "A toy.", "", item, expectations), numbers)])
    return result


def test_expectations_that_hold_pass_and_say_over_how_many_rows(numbers):
    result = judge(
        numbers,
        ("ExpectColumnValuesToBeBetween", {"column": "n", "min_value": 0, "max_value": 9}),
        ("ExpectTableRowCountToBeBetween", {"min_value": 10, "max_value": 10}),
        ("ExpectCompoundColumnsToBeUnique", {"column_list": ["n", "half"]}),
    )
    assert result.passed
    assert result.name == "toy"
    assert result.metadata["expect_column_values_to_be_between(column=n, min_value=0.0, max_value=9.0)"] == "holds (10 rows)"


def test_what_is_null_is_asked_for_nothing_but_to_be_there(numbers):
    assert judge(
        numbers,
        ("ExpectColumnValuesToBeBetween", {"column": "late", "min_value": 3, "max_value": 9}),
        ("ExpectColumnValuesToBeInSet", {"column": "told", "value_set": [True]}),
    ).passed
    assert "3 of 10 rows" in judge(numbers, ("ExpectColumnValuesToNotBeNull", {"column": "told"})).description


def test_expectations_that_do_not_hold_name_the_column_the_count_and_an_item(numbers):
    result = judge(
        numbers,
        ("ExpectColumnValuesToNotBeNull", {"column": "letter"}),
        ("ExpectColumnValuesToBeInSet", {"column": "is_fourth", "value_set": [True]}),
        ("ExpectColumnValuesToBeUnique", {"column": "half"}),
    )
    assert not result.passed
    assert (
        "expect_column_values_to_not_be_null(column=letter): 3 of 10 rows don't fit, such as n 0, letter null"
        in result.description
    )
    assert "(column=is_fourth, value_set=[True]): 7 of 10 rows don't fit, such as n 1, is_fourth False" in result.description
    assert "expect_column_values_to_be_unique(column=half): 10 of 10 rows don't fit, such as n 0, half 0" in result.description


def test_where_no_item_is_named_the_value_is(numbers):
    result = judge(numbers, ("ExpectColumnValuesToBeBetween", {"column": "half", "max_value": 3}), item=())
    assert result.description.endswith("2 of 10 rows don't fit, such as value 4")


def test_an_expectation_that_can_not_be_evaluated_is_red(numbers):
    result = judge(numbers, ("ExpectColumnValuesToNotBeNull", {"column": "missing"}))
    assert not result.passed
    assert "can't be evaluated" in result.description


def test_every_stage_has_a_suite_and_no_two_have_one_name():
    assert len({suite.stage for suite in SUITES}) == 5
    assert len({suite.name for suite in SUITES}) == len(SUITES)
