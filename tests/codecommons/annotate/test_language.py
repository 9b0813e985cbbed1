# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import pytest

VERILOG = (
    b"`timescale 1ns / 1ps\nmodule counter(input clk, output reg [3:0] q);\n  always @(posedge clk) q <= q + 1;\nendmodule\n"
)
ROCQ = b"Require Import List.\nTheorem same : forall n : nat, n = n.\nProof. intros. reflexivity. Qed.\n"
V = b"module main\n\nfn main() {\n\tprintln('hello')\n}\n"


@pytest.mark.parametrize(
    ("name", "data", "language"),
    [
        (b"counter.v", VERILOG, "Verilog"),
        (b"same.v", ROCQ, "Rocq Prover"),
        (b"main.v", V, "V"),
        (b"setup.py", b"import os\n", "Python"),
        (b"tool", b"#!/usr/bin/env python3\nprint()\n", "Python"),
        (b"Makefile", b"all:\n\ttrue\n", "Makefile"),
        (b"list.h", b"#include <vector>\nnamespace a { template <typename T> class B {}; }\n", "C++"),
        (b"list.h", b"#include <stdio.h>\nint main(void);\n", "C"),
        (b"\xff\xfe.py", b"x = 1\n", "Python"),
        (b"picture.py", b"\x89PNG\0\0", None),
        (b"no.such-extension", b"?", None),
    ],
)
def test_linguist_s_answer(say, name, data, language):
    assert say("language", data, name=name)["language"] == language


def test_one_content_has_the_language_of_each_of_its_names(annotators, batch):
    rows = annotators["language"].run(batch([(b"a.py", b"x = 1\n"), (b"a.rb", b"x = 1\n")])).to_pylist()
    assert [row["language"] for row in rows] == ["Python", "Ruby"]


def test_the_kind_of_a_language_is_linguist_s(say):
    kinds = {name: say("language", data, name=name)["kind"] for name, data in
             [(b"a.py", b"x"), (b"a.json", b"{}"), (b"a.md", b"# x"), (b"a.html", b"<p>")]}  # fmt: skip
    assert kinds == {b"a.py": "programming", b"a.json": "data", b"a.md": "prose", b"a.html": "markup"}


def test_v_files_of_real_packages_are_what_their_packages_say(say, corpus_archive):
    import tarfile

    def languages(package):
        with tarfile.open(corpus_archive(package)) as archive:
            members = [member for member in archive if member.isfile() and member.name.endswith(".v")]
            return [
                say("language", archive.extractfile(one).read(), name=one.name.split("/")[-1].encode())["language"]
                for one in members
            ]

    verilog = languages("pypi:pyverilog==1.3.0")
    assert len(verilog) > 10
    assert set(verilog) == {"Verilog"}
