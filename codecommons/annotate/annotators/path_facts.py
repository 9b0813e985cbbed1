# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What the path alone says of a file: linguist's rules for vendored code, documentation and tests.

Linguist knows test files by their names; that a file lies in a folder of tests is our addition.
"""

from __future__ import annotations

import enry
import pyarrow as pa

from codecommons.annotate.annotator import Annotator
from codecommons.annotate.columns import table, values

TEST_FOLDERS = ("__tests__", "test", "testdata", "tests", "testsuite")

FIELDS = (pa.field("vendored", pa.bool_()), pa.field("documentation", pa.bool_()), pa.field("test", pa.bool_()))


def facts_of(path: bytes) -> tuple[bool, bool, bool]:
    """Whether the file at a path (from the root of its tree) is vendored, documentation, a test."""
    text = path.decode("utf-8", "replace")
    folders = text.lower().split("/")[:-1]
    return enry.is_vendor(text), enry.is_documentation(text), enry.is_test(text) or not set(TEST_FOLDERS).isdisjoint(folders)


def annotate(batch: pa.RecordBatch) -> pa.Table:
    """See ``Annotator.annotate``."""
    return table(map(facts_of, values(batch, "path")), FIELDS)


ANNOTATOR = Annotator(
    name="path_facts",
    description="What a path in a tree says of the file there: vendored, documentation, test.",
    version=1,
    input="path",
    fields=FIELDS,
    annotate=annotate,
    tools=("enry-python",),
    configuration={"test_folders": TEST_FOLDERS},
)
