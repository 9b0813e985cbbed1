# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import ast
import inspect
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings as given_settings
from hypothesis import strategies as st

from codecommons.annotate import annotate_files, annotate_slice, current
from codecommons.annotate.annotators.in_edges import File, edges
from codecommons.annotate.syntax import client
from codecommons.archive import add_inputs, ingest_slice
from codecommons.engine import local_engine
from codecommons.lake import Lake
from codecommons.settings import Settings

DAY = "2026-01-31"
PYTHON = b'''"""Doc."""
import os, sys as s
from . import a as b, c
from .x.y import *
from q import (z,
    w)

# no doc


def f(a):
    """Doc."""
    if a and b or c:
        return [x for x in y if x]
    def g():
        pass
    print(1)

# says
@dec
def h(): pass

class K:
    x = 1
    y: int = 2
'''


@pytest.fixture(scope="module")
def syntax():
    for module in ("tree_sitter", "tree_sitter_c_sharp", "tree_sitter_typescript"):
        pytest.importorskip(module, reason="the extra syntax is not installed")
    yield current(Settings.from_environment({"CODECOMMONS_ANNOTATORS": "syntax"}))["syntax"]
    client.parser().close()


@pytest.fixture(scope="module")
def parse(syntax, batch):
    return lambda data, name=b"a.py": syntax.run(batch([(name, data)])).to_pylist()[0]


def test_it_is_off_unless_it_is_named(settings):
    assert not {"syntax", "in_edges"} & current(settings).keys()


def test_a_file_of_python_by_hand(parse):
    row = parse(PYTHON)
    assert (row["language"], row["parsed"], row["errors"], row["error_share"]) == ("Python", True, 0, 0.0)
    assert (row["functions"], row["documented_functions"], row["classes"]) == (3, 2, 1)
    assert (row["decisions"], row["complexity_max"]) == (5, 6)  # if, and, or, for, if
    assert row["complexity_mean"] == pytest.approx((6 + 1 + 1) / 3)
    assert row["imports"] == 4
    assert row["modules"] == ["os", "sys", ".", ".a", ".c", ".x.y", "q", "q.z", "q.w"]
    assert (row["passes"], row["prints"], row["returns"], row["class_variables"]) == (2, 1, 1, 2)
    assert row["code_lines"] == 16
    assert row["comment_share"] == pytest.approx((2 * len('"""Doc."""') + len("# no doc# says")) / len(PYTHON))


@pytest.mark.parametrize("module", ["argparse", "ast", "csv", "textwrap", "tokenize"])
def test_python_s_own_modules_have_the_counts_of_its_own_parser(parse, module):
    text = inspect.getsource(__import__(module))
    nodes = list(ast.walk(ast.parse(text)))

    def count(*kinds):
        return sum(isinstance(node, kinds) for node in nodes)

    row = parse(text.encode())
    assert row["parsed"] is True
    assert row["functions"] == count(ast.FunctionDef, ast.AsyncFunctionDef)
    assert row["classes"] == count(ast.ClassDef)
    assert row["imports"] == count(ast.Import, ast.ImportFrom)
    assert row["returns"] == count(ast.Return)
    assert row["passes"] == count(ast.Pass)
    branches = count(ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.IfExp, ast.comprehension, ast.match_case)
    operators = sum(len(node.values) - 1 for node in nodes if isinstance(node, ast.BoolOp))
    conditions = sum(len(node.ifs) for node in nodes if isinstance(node, ast.comprehension))
    assert row["decisions"] == branches + operators + conditions
    documented = [node for node in nodes if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None]
    assert len(documented) <= row["documented_functions"] <= row["functions"]


@pytest.mark.parametrize(
    ("name", "text", "functions", "complexity", "modules"),
    [
        (b"a.c", '#include <a/b.h>\n#include "c.h"\nint f(int x) { switch (x) { case 1: case 2: break; default: ; }'
         " return x && 1 ? 1 : 0; }\n", 1, 5, ["a/b.h", "c.h"]),
        (b"a.cpp", '#include "c.h"\nint f() { for (auto x : y) try { g(); } catch (...) {} return [] { return 1; }(); }\n',
         1, 3, ["c.h"]),
        (b"A.cs", "using A.B;\nclass C { int F(int x) { while (x > 0 || x < 9) x--; return x; } }\n", 1, 3, ["A.B"]),
        (b"a.go", 'package a\nimport ("fmt"; b "x/y")\nfunc f(x int) { if x > 1 && x < 9 { } ; for { } }\n', 1, 4,
         ["fmt", "x/y"]),
        (b"A.java", "import a.b.C;\nimport static a.D.e;\nclass A { int f(int x) { do { x++; } while (x < 9);"
         " return x > 1 ? 1 : 2; } }\n", 1, 3, ["a.b.C", "a.D.e"]),
        (b"a.js", "import x from './y';\nexport * from \"./w\";\nconst z = require('z');\nconst f = (a) => a && b ?? c;\n", 1, 3,
         ["./y", "./w", "z"]),
        (b"a.ts", "import type { X } from './y';\nfunction f(a: number): number { if (a) { return 1 } return 2 }\n", 1, 2,
         ["./y"]),
        (b"a.tsx", "import { X } from './y';\nexport const F = () => <p>{a ? 1 : 2}</p>;\n", 1, 2, ["./y"]),
        (b"a.php", "<?php\nuse A\\B\\C;\nfunction f($x) { if ($x) {} elseif ($y) {} foreach ($x as $y) {} }\n", 1, 4,
         ["A\\B\\C"]),
        (b"a.rb", "require 'a/b'\ndef f(x)\n  return 1 if x && y\n  case x when 1 then 2 end\nend\n", 1, 4, ["a/b"]),
        (b"a.rs", "mod x;\nuse crate::a::{b, c};\nfn f() -> R { match x { A => 1, _ => g()? } }\n", 1, 4,
         ["x", "crate::a::{b,c}"]),
        (b"a.sh", "#!/bin/sh\nsource ./b.sh\nf() { if a && b; then c; fi; for x in y; do z; done; }\n", 1, 4, ["./b.sh"]),
    ],
)  # fmt: skip
def test_every_language_has_functions_decision_points_and_imports(parse, name, text, functions, complexity, modules):
    row = parse(text.encode(), name)
    assert row["parsed"] is True
    assert (row["functions"], row["complexity_max"], row["modules"]) == (functions, complexity, modules)


def test_every_grammar_is_tried_above():
    parameters = test_every_language_has_functions_decision_points_and_imports.pytestmark[0].args[1]
    assert len(parameters) == len(client.grammars()) - 1  # Python has tests of its own


@pytest.mark.parametrize(
    ("name", "text", "documented"),
    [
        (b"a.c", b"/** Says. */\nint f(void) { return 1; }\n", 1),
        (b"a.c", b"/** Says. */\n\nint f(void) { return 1; }\n", 0),
        (b"a.js", b"// says\nexport const f = () => 1;\n", 1),
        (b"a.rs", b"/// Says.\n#[test]\nfn f() {}\n", 1),
        (b"A.java", b"class A {\n  /** Says. */\n  @Override\n  public int f() { return 1; }\n  int g() { return 2; }\n}\n", 1),
        (b"a.py", b"def f():\n    x = 1\n    'no doc'\n", 0),
    ],
)
def test_a_function_is_documented_by_what_stands_right_above_it(parse, name, text, documented):
    assert parse(text, name)["documented_functions"] == documented


def test_a_file_that_does_not_parse_says_how_much_of_it(parse):
    row = parse(b"x = 1\n" * 50 + b"def (:\n")
    assert row["parsed"] is False
    assert row["errors"] >= 1
    assert 0 < row["error_share"] < 0.1
    assert parse(b"int main( {", b"a.c")["parsed"] is False


def test_of_a_language_without_grammar_nothing_is_said(parse):
    row = parse(b"# Title\n", b"a.md")
    assert (row["language"], row["parsed"], row["error"]) == (None, None, None)


def test_a_content_that_needs_too_much_memory_or_time_has_its_reason_and_the_next_one_is_parsed(syntax, batch, monkeypatch):
    hostile = b"a<b" * 33_000  # gigabytes in Java's grammar
    rows = syntax.run(batch([(b"a.py", b"x = 1\n"), (b"A.java", hostile), (b"b.py", b"x = 2\n")])).to_pylist()
    assert [row["parsed"] for row in rows] == [True, None, True]
    assert "MiB of memory" in rows[1]["error"]
    monkeypatch.setattr(client, "SECONDS", 0.0)
    client.parser().close()
    row = syntax.run(batch([(b"a.py", b"x = 1\n" * 10_000)])).to_pylist()[0]
    assert "more than 0 seconds of CPU time" in row["error"]
    client.parser().close()


def test_a_content_that_is_too_large_is_not_parsed(parse):
    assert "at most" in parse(b"x" * (client.MOST_BYTES + 1))["error"]


@pytest.mark.parametrize(
    ("importer", "paths", "imported"),
    [
        (
            File("p/a.py", "Python", (".", ".b", "..c", "os")),
            ["p/__init__.py", "p/b.py", "c.py"],
            ["c.py", "p/__init__.py", "p/b.py"],
        ),
        (
            File("src/p/a.py", "Python", ("p.q.r", "p.q")),
            ["src/p/q/r.py", "src/p/q/__init__.py"],
            ["src/p/q/__init__.py", "src/p/q/r.py"],
        ),
        (File("a/x.py", "Python", ("m",)), ["b/m.py", "a/v/m.py", "m.py"], ["a/v/m.py"]),
        (File("l/a.js", "JavaScript", ("./b", "../c", "d")), ["l/b.js", "c/index.js", "d.js"], ["c/index.js", "l/b.js"]),
        (File("l/a.ts", "TypeScript", ("./b.js",)), ["l/b.ts"], ["l/b.ts"]),
        (File("s/a.c", "C", ("b.h", "x/y.h", "stdio.h")), ["s/b.h", "b.h", "include/x/y.h"], ["include/x/y.h", "s/b.h"]),
        (
            File("A.java", "Java", ("a.b.C", "a.D.e", "java.util.List")),
            ["m/a/b/C.java", "m/a/D.java"],
            ["m/a/D.java", "m/a/b/C.java"],
        ),
        (File("src/lib.rs", "Rust", ("x", "crate::y::Z", "std::io")), ["src/x/mod.rs", "src/y.rs"], ["src/x/mod.rs", "src/y.rs"]),
        (
            File("src/a/b.rs", "Rust", ("super::c", "crate::d::{e,f}")),
            ["src/lib.rs", "src/a/c.rs", "src/d.rs"],
            ["src/a/c.rs", "src/d.rs"],
        ),
        (File("lib/a.rb", "Ruby", ("b", "x/y")), ["lib/b.rb", "lib/x/y.rb"], ["lib/b.rb", "lib/x/y.rb"]),
        (File("s/A.php", "PHP", ("V\\P\\Q",)), ["src/P/Q.php"], ["src/P/Q.php"]),
        (File("a.sh", "Shell", ("./b.sh",)), ["b.sh"], ["b.sh"]),
        (File("a.py", "Python", ("a", "....x")), ["x.py"], ["x.py"]),
    ],
)
def test_imports_lead_to_files_of_the_tree(importer, paths, imported):
    found = edges([importer], [importer.path, *paths])
    assert sorted(path for _, path in found) == imported


def test_ten_thousand_files_of_one_name_are_told_apart_in_little_time():
    files = [File(f"d{at}/main.py", "Python", ["util"]) for at in range(10_000)]
    files += [File(f"d{at}/deep/er/main.py", "Python", ["util"]) for at in range(10_000)]
    begun = time.process_time()
    found = edges([*files, File("z/main.py", "Python", ["util"])], [f"d{at}/sub/util.py" for at in range(10_000)])
    assert time.process_time() - begun < 5
    assert found == {(file.path, file.path.partition("/")[0] + "/sub/util.py") for file in files} | {
        ("z/main.py", "d0/sub/util.py")
    }


def test_a_tree_knows_which_of_its_files_import_which(syntax, settings, tmp_path):
    files = {
        "p/__init__.py": "",
        "p/a.py": "from . import b\nfrom .c import d\n",
        "p/b.py": "from p.c import d\n",
        "p/c.py": "d = 1\n",
    }
    for path, text in files.items():
        (tmp_path / "tree" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / path).write_text(text)
    chosen = replace(settings, annotators=("in_edges", "syntax"))
    expected = {"p/__init__.py": (1, 0), "p/a.py": (0, 3), "p/b.py": (1, 1), "p/c.py": (2, 0)}

    *rows, tree = annotate_files([tmp_path / "tree"], chosen)
    assert len(rows) == len(files)
    assert rows[0]["annotations"]["syntax"]["language"] == "Python"
    assert {f["path"]: (f["imported_by"], f["imports"]) for f in tree["annotations"]["in_edges"]["files"]} == expected

    lake = Lake.open(chosen)
    add_inputs(lake, [f"path:{tmp_path / 'tree'}"], DAY)
    ingest_slice(lake, local_engine(chosen), DAY, "path")
    first = annotate_slice(lake, local_engine(chosen), DAY, "path")
    assert first.details["errors"] == {}
    assert first.details["annotators"]["in_edges"]["computed"] == 1
    (row,) = lake.scan(current(chosen)["in_edges"].table).collect().to_dicts()
    assert {f["path"].decode(): (f["imported_by"], f["imports"]) for f in row["files"]} == expected
    again = annotate_slice(lake, local_engine(chosen), DAY, "path")
    assert again.computed == 0


def test_names_that_are_no_text_are_names_of_their_own():
    from codecommons.annotate.annotators.in_edges import row_of

    paths = [b"\\xff.py", b"\xff.py", b"m.py"]
    said = [{"language": "Python", "modules": modules} for modules in (["m"], [], [])]
    files = [{"path": path, "content": bytes(20), "said": one} for path, one in zip(paths, said, strict=True)]
    (rows,) = row_of([*files, {"path": b"README", "content": bytes(20), "said": None}])
    assert {row["path"]: (row["imported_by"], row["imports"]) for row in rows} == {
        b"\\xff.py": (0, 1), b"\xff.py": (0, 0), b"m.py": (1, 0),
    }  # fmt: skip


def test_files_come_by_path_but_each_after_what_it_imports():
    from codecommons.annotate.annotators.in_edges import in_order

    assert in_order("dbca", {}) == ["a", "b", "c", "d"]
    assert in_order("abcd", {"a": "d", "b": "c"}) == ["d", "a", "c", "b"]
    # b, c and d go round in a circle, which a needs and which needs e.
    assert in_order("abcde", {"a": "c", "b": "c", "c": "d", "d": "be"}) == ["e", "b", "c", "d", "a"]
    assert in_order("ab", {"a": ["a", "elsewhere"]}) == ["a", "b"]
    chain = [f"{at:05}" for at in range(20_000)]
    assert in_order(chain, dict(zip(chain, zip(chain[1:]), strict=False))) == chain[::-1]


@given_settings(deadline=None)
@given(st.dictionaries(st.integers(0, 7), st.sets(st.integers(0, 7)), max_size=8), st.randoms())
def test_no_file_comes_before_one_that_it_imports_unless_they_are_in_a_circle(imported, random):
    from codecommons.annotate.annotators.in_edges import in_order

    named = {str(one): {str(other) for other in others} for one, others in imported.items()}
    paths = [str(one) for one in range(8)]
    random.shuffle(paths)
    found = in_order(paths, named)
    assert found == in_order(sorted(paths), dict(reversed(named.items())))
    assert sorted(found) == sorted(paths)
    reached = {one: {one} for one in paths}
    for _ in paths:
        reached = {one: some.union(*(named.get(other, set()) for other in some)) for one, some in reached.items()}
    for one in paths:
        for other in named.get(one, ()):
            assert found.index(other) <= found.index(one) or one in reached[other]


def test_another_parser_makes_other_edges():
    from codecommons.annotate.annotators import in_edges, syntax

    pytest.importorskip("tree_sitter", reason="the extra syntax is not installed")
    other = replace(in_edges.ANNOTATOR, needs=replace(syntax.ANNOTATOR, version=99))
    assert other.digest != in_edges.ANNOTATOR.digest
