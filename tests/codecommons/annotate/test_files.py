# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import os
import time
from dataclasses import replace

import pytest

from codecommons.annotate import annotate_files
from codecommons.annotate.copyright import MOST, copyrights
from codecommons.errors import UsageError
from codecommons.swhid import content_id, swhid_text

FIELDS = [
    "path", "swhid", "length", "encoding", "language", "license", "license_evidence", "copyright", "generated", "vendored",
    "documentation", "test", "stats", "spans", "project", "annotations", "errors",
]  # fmt: skip


@pytest.fixture
def tree(tmp_path):
    files = {
        "tree/tests/a.py": b"# SPDX-License-Identifier: MIT\n# Copyright (c) 2026 Somebody Else\nx = 1\n",
        "tree/.git/config": b"[core]\n",
        "tree/package.json": b'{"name": "thing", "version": "1"}',
        "tree/bad/package.json": b"{",
    }
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    (tmp_path / "tree" / "link").symlink_to("package.json")
    return tmp_path / "tree"


def test_a_tree_gives_one_object_a_file_in_order(tree, settings):
    rows = list(annotate_files([tree], settings))
    assert [row["path"] for row in rows] == [str(tree / name) for name in ("package.json", "bad/package.json", "tests/a.py")]
    assert all(list(row) == FIELDS for row in rows)
    json.dumps(rows)
    python = rows[-1]
    assert python["swhid"] == swhid_text("cnt", content_id((tree / "tests" / "a.py").read_bytes()))
    assert (python["encoding"], python["language"], python["license"], python["test"]) == ("ascii", "Python", "MIT", True)
    assert python["license_evidence"] == [{"lines": "1-1", "expression": "MIT", "detector": "spdx-tag"}]
    assert python["copyright"] == ["Copyright (c) 2026 Somebody Else"]
    assert python["stats"]["lines"] == 3
    assert rows[0]["project"]["project"] == "thing"
    assert list(rows[1]["errors"]) == ["project_metadata"]


def test_batches_change_nothing(tree, settings):
    assert list(annotate_files([tree], replace(settings, batch_bytes=1))) == list(annotate_files([tree], settings))


def test_a_single_file_is_a_tree_of_its_own(tree, settings):
    (row,) = annotate_files([tree / "tests" / "a.py"], settings)
    assert row["test"] is False
    assert row["language"] == "Python"


def test_what_is_not_there_is_one_clear_line(tmp_path, settings):
    with pytest.raises(UsageError, match=r"absent can't be read: No such file"):
        list(annotate_files([tmp_path / "absent"], settings))


@pytest.mark.parametrize(
    ("line", "statement"),
    [
        (
            b"/* Copyright (C) 1989, 1991 Free Software Foundation, Inc. */",
            "Copyright (C) 1989, 1991 Free Software Foundation, Inc.",
        ),
        ("# © 2020 Günter".encode(), "© 2020 Günter"),
        (b"SPDX-FileCopyrightText: 2024 A. Person", "SPDX-FileCopyrightText: 2024 A. Person"),
        (b"(c) 2012 by Somebody.", "(c) 2012 by Somebody."),
        (b"// Copyright Google LLC", "Copyright Google LLC"),
        (b"<p>&copy; Foo &amp; Bar</p>", "© Foo & Bar"),
        (b"<p>Copyright 2005 <a href='x'>Somebody</a></p>", "Copyright 2005 Somebody"),
        (
            b" * Copyright (c) 1990, 1993\r\n *\tThe Regents of the University of California.  All rights reserved.",
            "Copyright (c) 1990, 1993 The Regents of the University of California. All rights reserved.",
        ),
        (b"// Copyright 2001-2004,\n// 2006 Somebody and\n// Another", "Copyright 2001-2004, 2006 Somebody and Another"),
        (b"(c) 2001\nPermission is granted", "(c) 2001"),
        (b"# Foursquare (c) 2019", "Foursquare (c) 2019"),
        (b"The Copyright Holder may", None),
        (b"Copyright Law", None),
        (b"in any way the Copyright Alliance", None),
        (b"the above copyright notice", None),
        (b"copyright = value", None),
        (b"case (c) of", None),
    ],
)
def test_copyright_statements_are_shown_as_written(line, statement):
    assert copyrights(b"first\n" + line + b"\nlast\n") == ([statement] if statement else [])


def test_copyright_statements_are_read_in_the_encoding_of_their_file():
    names = b"# Copyright (c) 2019-2021 Ada Byron,\n#    2020 Bob Miller, Eve and\r\n# Zo\xc3\xab Lang\n# All rights reserved.\n"
    assert copyrights(names) == ["Copyright (c) 2019-2021 Ada Byron, 2020 Bob Miller, Eve and Zoë Lang"]
    apart = b" * Copyright 2020 Ada,\n * Copyright 2021 Bob,\n * with help of many\n"
    assert copyrights(apart) == ["Copyright 2020 Ada,", "Copyright 2021 Bob,"]
    assert copyrights("# Copyright (c) 2020 Jörg M".encode("latin-1"), "latin-1") == ["Copyright (c) 2020 Jörg M"]
    assert copyrights("# Copyright (c) 2020 Jörg M".encode("utf-16"), "utf-16") == ["Copyright (c) 2020 Jörg M"]


def test_copyrights_without_end_cost_no_more_than_their_length():
    start = time.process_time()
    for text in (b"Copyright 2000,\n", b"(c) 2000 ", b"a Copyright Foo\n", b"Copyright (c)\n # "):
        assert len(copyrights(text * 5_000)) <= MOST
    assert len(copyrights(b"".join(b"(c) 2000 X%d\n" % number for number in range(2_000)))) == MOST
    for word in (b"Copyright", b"Copyright (c)", b"Copyright by"):
        assert copyrights(word + b" " * 500_000 + b"x") == []
    assert time.process_time() - start < 3


def test_a_pipe_is_refused_and_never_waited_for(tmp_path, settings):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="neither a file nor a folder"):
        list(annotate_files([tmp_path / "pipe"], settings))
    assert list(annotate_files([tmp_path], settings)) == []


def test_a_file_that_no_stage_looks_into_has_its_reason_and_the_others_their_answers(tree, settings):
    (tree / "middle.bin").write_bytes(b"x" * 200)
    rows = {row["path"]: row for row in annotate_files([tree, tree / "middle.bin"], replace(settings, max_content_bytes=100))}
    row = rows[str(tree / "middle.bin")]
    assert list(row) == FIELDS
    assert (row["swhid"], row["length"]) == (swhid_text("cnt", content_id(b"x" * 200)), 200)
    assert row["errors"] == {"content": "a file of 200 bytes; at most 100 are looked at (CODECOMMONS_MAX_CONTENT_BYTES)"}
    assert (row["language"], row["spans"], row["annotations"]) == (None, [], {})
    assert rows[str(tree / "tests" / "a.py")]["language"] == "Python"


def test_a_folder_that_can_t_be_listed_is_an_error_and_not_an_empty_one(tree, settings, monkeypatch):
    listing = os.scandir

    def refusing(path):
        if os.fsdecode(path).endswith("bad"):
            raise PermissionError(13, "Permission denied", os.fsdecode(path))
        return listing(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(UsageError, match=r"bad can't be read: Permission denied"):
        list(annotate_files([tree], settings))
