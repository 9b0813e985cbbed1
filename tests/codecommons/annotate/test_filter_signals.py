# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Signals of filters, beside plain Python that follows the published definitions word by word."""

from __future__ import annotations

import inspect
import io
import re
import textwrap
import tokenize
import tracemalloc
import unicodedata
from collections import Counter
from html.parser import HTMLParser

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from codecommons.annotate.annotators import filter_signals
from codecommons.annotate.languages import is_language
from codecommons.annotate.signals import syntaxes

PUNCTUATION = re.compile(r"""[!-/:-@\[-`{-~]""")
ENCODED = (
    re.compile(r"[a-zA-Z0-9+/\n=]{64,}"),
    re.compile(r"(?:\b(?:0x|\\x)?[0-9a-fA-F]{2}(?:,|\b\s*)){8,}"),
    re.compile(r"(?:\\u[0-9a-fA-F]{4}){8,}"),
)
quick = hypothesis_settings(max_examples=60, deadline=None)


@pytest.fixture(scope="module")
def signals(say):
    return lambda text, name=b"file": say("filter_signals", text if isinstance(text, bytes) else text.encode(), name=name)


def words_of(text):
    text = unicodedata.normalize("NFKC", text.lower())
    return re.findall(r"\w+|[^\w\s]+", PUNCTUATION.sub(" ", text))


def top(words, long):
    grams = Counter(tuple(words[at : at + long]) for at in range(len(words) - long + 1))
    if not grams:
        return 0
    gram, count = grams.most_common(1)[0]
    return sum(map(len, gram)) * count if count > 1 else 0


def repeated(words, long):
    grams = [tuple(words[at : at + long]) for at in range(len(words) - long + 1)]
    counts = Counter(grams)
    covered = {at + step for at, gram in enumerate(grams) if counts[gram] > 1 for step in range(long)}
    return sum(len(words[at]) for at in covered)


PHRASES = st.lists(
    st.sampled_from(
        ["a", "bb", "a_b", "x+y", "Ünïcode", "ﬁ", "½", "日本", "→", "→→", "\x01", "\xa0", "\n", " ", "...", "…", "İ"]
    ),
    max_size=60,
).map(" ".join)


@given(text=st.one_of(PHRASES, st.text(max_size=80)))
@quick
def test_words_and_phrases_are_counted_as_redpajama_counts_them(signals, text):
    row, words = signals(text.replace("\0", "")), words_of(text.replace("\0", ""))
    assert row["words"] == len(words)
    total = sum(map(len, words))
    if not words:
        assert row["mean_word"] is None
        return
    assert row["mean_word"] == total / len(words)
    assert row["unique_words"] == len(set(words)) / len(words)
    for long in (2, 3, 4):
        assert row[f"top_{long}grams"] == top(words, long) / total
    for long in range(5, 11):
        assert row[f"dupe_{long}grams"] == repeated(words, long) / total


def test_a_real_file_has_the_words_and_phrases_of_the_definition(signals):
    text = inspect.getsource(argparse_module())
    row, words = signals(text, b"argparse.py"), words_of(text)
    total = sum(map(len, words))
    assert (row["words"], row["unique_words"]) == (len(words), len(set(words)) / len(words))
    assert [row[f"top_{n}grams"] for n in (2, 3, 4)] == [top(words, n) / total for n in (2, 3, 4)]
    assert [row[f"dupe_{n}grams"] for n in range(5, 11)] == [repeated(words, n) / total for n in range(5, 11)]
    assert row["dupe_5grams"] > row["dupe_10grams"] > 0


def argparse_module():
    import argparse

    return argparse


ITEMS = st.sampled_from(
    [
        "41",
        "0x41",
        "\\x41",
        ",",
        " ",
        "\t",
        "x",
        "g",
        "é",
        "\u3000",
        "\\u0041",
        "\\u00",
        "QUJD" * 16,
        "\n",
        "=",
        "+",
        "_",
        "a0 ",
        "0x",
    ]
)


@given(text=st.lists(st.one_of(ITEMS, ITEMS.map(lambda item: item * 9)), max_size=24).map("".join))
@quick
def test_encoded_data_are_what_the_three_expressions_match(signals, text):
    matches = [match for expression in ENCODED for match in expression.findall(text)]
    row = signals(text)
    assert row["encoded_longest"] == max(map(len, matches), default=0)
    assert row["encoded"] == (sum(map(len, matches)) / len(text) if text else None)


@pytest.mark.parametrize(
    ("text", "longest"),
    [
        ("key = '" + "QUJD" * 16 + "'", 64),
        ("key = '" + "QUJD" * 15 + "'", 0),
        ("{0x41,0x42,0x43,0x44,0x45,0x46,0x47,0x48}", 39),
        ("{0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48}", 0),
        ("41 42 43 44 45 46 47 48 ", 24),
        ("\\u0041" * 8, 48),
        ("word\n" * 13, 65),
    ],
)
def test_encoded_data_by_example(signals, text, longest):
    assert signals(text)["encoded_longest"] == longest


class Page(HTMLParser):
    text = ""
    hidden = False

    def handle_starttag(self, tag, attrs):
        self.hidden = tag in ("script", "style")

    def handle_endtag(self, tag):
        self.hidden = False

    def handle_data(self, data):
        self.text += "" if self.hidden else data


PIECES = st.sampled_from(
    ["<p>", "</p>", "<a href='x>y'>", '<b class="1 > 0">', "text ", "ü", "&amp;", "&#233;", " 1 < 2 ", "<!-- <p> -->",
     "<!DOCTYPE html>", "<script>if (a<b) '<p>'</script>", "<STYLE>p > a {}</STYLE>", "<br/>", "\n"]
)  # fmt: skip


@given(text=st.lists(PIECES, max_size=20).map("".join))
@quick
def test_the_text_of_a_page_is_what_pythons_parser_shows(signals, text):
    page = Page()
    page.feed(text)
    page.close()
    row = signals("<html>" + text + "</html>", b"a.html")
    assert row["html_text"] == len(page.text)
    assert row["html_share"] == len(page.text) / len("<html>" + text + "</html>")


def test_only_html_has_a_page_s_text(signals):
    assert signals("<p>", b"a.xml")["html_text"] is None


@given(text=st.text(alphabet=st.sampled_from("a1é½ \n\t_.\ufffd日٣"), max_size=40))
@quick
def test_characters_are_those_of_python(signals, text):
    row = signals(text)
    visible = re.sub(r"\s", "", text)
    assert row["letters"] == (sum(map(str.isalpha, visible)) / len(visible) if visible else None)
    assert row["digits"] == (sum(map(str.isdigit, visible)) / len(visible) if visible else None)
    assert row["replacement"] == (text.count("\ufffd") / len(text) if text else None)


def test_a_byte_that_is_no_utf8_counts_as_a_replacement(signals):
    assert signals(b"ab\xff\xfe")["replacement"] == 0.5


@pytest.mark.parametrize(
    ("name", "text", "commented"),
    [
        (b"a.c", 'int a; // one\nchar *s = "// no"; /* two */\n', "// one/* two */"),
        (b"a.c", "char c = '\"'; // x\n", "// x"),
        (b"a.cpp", "int million = 1'000'000; // x\n", "// x"),
        (b"a.rs", "fn f<'a>(x: &'a str) {} /* a /* b */ c */ // d\n", "/* a /* b */ c */// d"),
        (b"a.js", "const a = `// ${b}\n// no`; // yes\n", "// yes"),
        (b"a.py", 'def f():\n    """Says."""\n    return """no # no"""  # yes\n', '"""Says."""# yes'),
        (b"a.py", "x = '#no' # yes\n", "# yes"),
        (b"a.rb", "=begin\nall\n=end\nx = 1 # yes\n", "=begin\nall\n=end# yes"),
        (b"a.sh", "echo ${#x} 'a\n# no' # yes\n", "# yes"),
        (b"a.sql", "select 'it''s -- no' -- yes\n", "-- yes"),
        (b"a.lua", "--[[ a\nb ]] x = 1 -- c\n", "--[[ a\nb ]]-- c"),
        (b"a.hs", 'x\' = "--" {- a {- b -} -} -- c\n', "{- a {- b -} -}-- c"),
        (b"a.ml", "(* a (* b *) *) let x = '\"' (* c *)\n", "(* a (* b *) *)(* c *)"),
        (b"a.html", "<p><!-- a -- b --></p>\n", "<!-- a -- b -->"),
        (b"a.ini", "; one\nkey = a;b # no\n# two\n", "; one# two"),
        (b"a.tex", "5\\% of \\\\% yes\n", "% yes"),
        (b"a.css", "a { b: url(//c) } /* d */\n", "/* d */"),
        (b"a.php", "<?php # a\n$x = '// no'; // b\n", "# a// b"),
        (b"a.json", '{"a": "// no"}\n', ""),
    ],
)
def test_comments_are_told_from_code_and_strings(signals, name, text, commented):
    assert signals(text, name)["comments"] == pytest.approx(len(commented) / len(text))


def test_how_comments_are_written_is_unknown_for_an_unknown_language(signals):
    row = signals("a // b\n", b"no.such-extension")
    assert [row[column] for column in ("comments", "prompts", "strings", "long_strings")] == [None] * 4


@pytest.mark.parametrize("module", ["argparse", "ast", "base64", "csv", "textwrap", "tokenize", "typing"])
def test_python_s_comments_are_those_of_its_own_tokenizer(signals, module):
    text = inspect.getsource(__import__(module))
    expected = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        triple = token.type == tokenize.STRING and token.string.lower().lstrip("rbuf")[:3] in ('"""', "'''")
        documents = triple and not token.line[: token.start[1]].strip()
        if token.type == tokenize.COMMENT or documents:
            expected += len(token.string)
    assert signals(text, b"a.py")["comments"] == pytest.approx(expected / len(text), abs=2e-3)


def test_every_language_of_the_syntaxes_is_listed_once_under_linguist_s_name():
    names = [name for names in syntaxes.SYNTAXES.values() for name in names.split("; ")]
    assert len(names) == len(set(names))
    assert [name for name in names if not is_language(name)] == []


LINE = st.sampled_from(["return x;", "  return  x;", "}", "},", " } , ", "", "  ", "a();", "é", "b(); // said", "// only", "ab"])


@given(lines=st.lists(LINE, max_size=30))
@quick
def test_lines_that_occur_again_are_counted_without_blanks_and_comments(signals, lines):
    code = [re.sub(r"\s|//.*", "", line) for line in lines]
    code = [line for line in code if line]
    again = sum(count for line, count in Counter(code).items() if count > 1 and line != "}," and len(line) != 1)
    row = signals("\n".join(lines), b"a.java")
    assert row["code_lines"] == len(code)
    assert row["duplicate_lines"] == (again / len(code) if code else None)


def test_what_stands_in_lines(signals):
    long = " ".join(["word"] * 21)
    text = textwrap.dedent(f"""\
        assert x == 0x1F  # Todo: your code here, fixme
        self.assertEqual("{long}", '{long[:-5]}')
        y = 0xZZ  # 0xFF, assert nothing

        z = 0XAB
        """)
    row = signals(text, b"a.py")
    code = len(re.sub("#.*", "", text))
    assert row["code_lines"] == 4
    assert row["asserts"] == 2 / 4
    assert row["prompts"] == 1 / 5
    assert row["long_strings"] == 1 / 4
    assert row["strings"] == (len(long) * 2 - 5) / code
    assert row["hex_words"] == len("0x1F0XAB") / code


@pytest.mark.parametrize(
    ("name", "text", "flags"),
    [
        (b"a.xml", '<?xml version="1.0"?><a/>', (True, False, False, False)),
        (b"a.xml", " " * 90 + '<?xml version="1.0"?><a/>', (False, False, False, False)),
        (b"a.c", "\n\n\n\n/* AUTO-GENERATED */", (False, True, True, False)),
        (b"a.c", "\n\n\n\n\n/* automatically generated */", (False, False, True, False)),
        (b"a.c", "x" * 200 + "\n// This file is generated", (False, True, False, False)),
        (b"a.c", "// Do Not Edit", (False, False, True, False)),
        (b"README", "", (False, False, False, True)),
        (b"CMakeLists.txt", "", (False, False, False, True)),
        (b"dev-Requirements.txt", "", (False, False, False, True)),
        (b"notes2.txt", "", (False, False, False, False)),
    ],
)
def test_flags(signals, name, text, flags):
    row = signals(text, name)
    assert tuple(row[column] for column in ("xml_start", "autogenerated", "generated_head", "telling_name")) == flags


def test_what_is_too_long_for_words_has_the_other_signals(signals, monkeypatch):
    monkeypatch.setattr(filter_signals, "MOST_BYTES", 10)
    row = signals("a bb ccc dddd\n", b"a.py")
    assert (row["words"], row["unique_words"], row["dupe_5grams"]) == (None, None, None)
    assert row["code_lines"] == 1


def test_more_words_and_lines_than_are_compared_are_still_counted(signals, monkeypatch):
    from codecommons.annotate.signals import lines, words

    monkeypatch.setattr(words, "MOST_WORDS", 3)
    monkeypatch.setattr(lines, "MOST_LINES", 3)
    row = signals("aa\nbb\ncc\naa\n")
    assert (row["words"], row["mean_word"], row["unique_words"], row["top_2grams"]) == (4, 2.0, None, None)
    assert (row["code_lines"], row["duplicate_lines"]) == (4, None)


def test_binary_content_has_no_signals(signals):
    row = signals(b"a\0b")
    assert {row[field.name] for field in filter_signals.FIELDS} == {None}


def test_a_batch_gives_each_content_the_row_it_has_alone(annotators, batch):
    files = [(b"a.py", b"# x\nassert 1\n"), (b"b", b"\0"), (b"a.html", b"<p>x"), (b"c.c", "é // ü\n".encode() * 9), (b"d", b"")]
    run = annotators["filter_signals"].run
    assert run(batch(files)).to_pylist() == [run(batch([file])).to_pylist()[0] for file in files]


@pytest.mark.parametrize("name", [b"a.js", b"a.html", b"a.unknown"])
def test_a_long_line_costs_one_byte_for_each_of_its_own(name):
    def batch(data):
        columns = {"sha1_git": bytes(20), "name": name, "data": data}
        return pa.record_batch({column: pa.array([value], pa.binary()) for column, value in columns.items()})

    piece = b"<p>x = 'a long string'; "
    filter_signals.ANNOTATOR.run(batch(piece))  # what is loaded once is not asked about
    long = batch(piece * 1_000_000)
    tracemalloc.start()
    try:
        assert filter_signals.ANNOTATOR.run(long)["error"].to_pylist() == [None]
        assert tracemalloc.get_traced_memory()[1] < 1.3 * len(piece) * 1_000_000
    finally:
        tracemalloc.stop()
