# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import resource

import pytest


def notebook(outputs, **more):
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Title"]},
        {"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": outputs, "source": ["print(1)"]},
    ]
    return {"cells": cells, "metadata": {"language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 5, **more}


@pytest.fixture(scope="module")
def read(say):
    return lambda value, **options: say("notebook", json.dumps(value, **options).encode(), name=b"a.ipynb")


def test_outputs_are_a_share_of_the_notebook_however_it_is_indented(read):
    outputs = [{"name": "stdout", "output_type": "stream", "text": ["1\n" * 500]}]
    document = notebook(outputs)
    row = read(document)
    compact = {"separators": (",", ":")}
    assert (row["cells"], row["code_cells"], row["outputs"], row["language"]) == (2, 1, 1, "python")
    assert row["output_share"] == len(json.dumps(outputs[0], **compact)) / len(json.dumps(document, **compact))
    assert read(document, indent=4)["output_share"] == row["output_share"]


def test_without_outputs_the_share_is_nought(read):
    assert read(notebook([]))["output_share"] == 0


def test_format_3_has_its_cells_in_worksheets(read):
    row = read({"nbformat": 3, "worksheets": [{"cells": notebook([{"text": "x"}])["cells"]}], "metadata": {}})
    assert (row["cells"], row["outputs"], row["language"]) == (2, 1, None)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"cells": 1}', b'{"worksheets": [1]}', b"[" * 100_000])
def test_what_is_no_notebook_says_so(say, data):
    row = say("notebook", data, name=b"a.ipynb")
    assert row["error"]
    assert row["cells"] is None


def test_a_notebook_that_would_fill_the_memory_is_not_read(say):
    """31 MB of empty lists took a gigabyte."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    row = say("notebook", b'{"cells": [], "a": [' + b"[]," * 10_000_000 + b"[]]}", name=b"a.ipynb")
    assert row["error"] == "ValueError: a notebook with more than 3000000 lists and objects"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 250_000  # KiB


def test_only_notebooks_are_asked_about(annotators):
    assert annotators["notebook"].wants(b"A.IPYNB")
    assert not annotators["notebook"].wants(b"a.py")
