# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import codecs

import pytest

CYRILLIC = "Это предложение достаточно длинное, чтобы угадать его кодировку.\n"  # noqa: RUF001 (it is Russian)


@pytest.mark.parametrize(
    ("data", "encoding", "evidence"),
    [
        (b"", "ascii", "empty"),
        (b"plain\n", "ascii", "ascii"),
        ("naïve\n".encode(), "utf-8", "utf-8"),
        (codecs.BOM_UTF8 + b"x", "utf-8-sig", "bom"),
        ("naïve\n".encode("utf-16"), "utf-16", "bom"),
        ("naïve\n".encode("utf-32"), "utf-32", "bom"),
        (codecs.BOM_UTF16_LE + b"x", None, "none"),
    ],
)
def test_what_can_be_proved_is_said_as_proved(say, data, encoding, evidence):
    row = say("encoding", data)
    assert (row["encoding"], row["evidence"], row["binary"]) == (encoding, evidence, False)


JAPANESE = "関数"
# A character of NEC's and one of IBM's, which only Microsoft's Shift_JIS has.
NEC = "①髙"


@pytest.mark.parametrize(
    ("data", "encoding", "evidence"),
    [
        (f"# -*- coding: euc-jp -*-\n# {JAPANESE}\n".encode("euc_jp"), "euc_jp", "declared"),
        (f"#!/usr/bin/perl\n# vim: fileencoding=shift_jis\n# {JAPANESE}\n".encode("shift_jis"), "shift_jis", "declared"),
        (f'<?xml version="1.0" encoding="GB18030"?>\n<a>{JAPANESE}</a>\n'.encode("gb18030"), "gb18030", "declared"),
        (f'<html><meta charset="shift_jis"><p>{JAPANESE}'.encode("shift_jis"), "shift_jis", "declared"),
        (f'<html><meta charset="shift_jis"><p>{JAPANESE}{NEC}'.encode("cp932"), "cp932", "declared"),
        (f"{JAPANESE}\n".encode("iso2022_jp"), "iso2022_jp", "escapes"),
        ("한국어\n".encode("iso2022_kr"), "iso2022_kr", "escapes"),
        (b"plain, ~{<:Ky2;~}\n", "hz", "escapes"),
        (b"\x1b[31m red \x1b(B \x1b$<2> of a terminal\n", "ascii", "ascii"),
        (b"task ~{name} of ~{workflow}, if ~{a~}\n", "ascii", "ascii"),
        ("/* Copyright 2020 Jörg Müller. Größe über öäü */\nint main(void){return 0;}\n".encode("latin-1"), "cp1252", "western"),
        ("# l\u2019été «déjà vu»; señor, coração, smörgåsbord, rødgrød\nx = 1\n".encode("cp1252"), "cp1252", "western"),
        (b"/* Copyright \xa9 2003 Foo Inc. */ int main(void) { return 0; }\n", "cp1252", "mostly-ascii"),
        (b"C     a dash \x96 in a comment of an old program\n" + b"      END\n" * 40, "cp1252", "mostly-ascii"),
        (b"# coding: utf-8\n" + b"x = 1\n" * 40 + b"\xa9", "cp1252", "mostly-ascii"),
        (b"# coding: utf-16-be\nx = 1\nprint(1)\n# caf\xe9 ok " + b"." * 61, "iso8859-2", "guess"),
        (b"# coding: cp037\nx = 1\nprint(1)\n# caf\xe9 ok " + b"." * 61, "iso8859-2", "guess"),
        (b"# coding: rot13\nx = '\xff\x81'\n", None, "none"),
        (b"# coding: utf-7\nx = '\x81\xff'\n", None, "none"),
        ("# coding: latin-1\n# naïve\n".encode(), "utf-8", "utf-8"),
    ],
)
def test_what_a_file_says_of_its_encoding_goes_before_a_guess_and_one_odd_byte_makes_it_no_binary(say, data, encoding, evidence):
    row = say("encoding", data)
    assert (row["encoding"], row["evidence"]) == (encoding, evidence)
    if evidence == "declared":
        assert JAPANESE in data.decode(row["encoding"])


def test_a_guess_says_that_it_is_one_and_decodes_everything(say):
    data = CYRILLIC.encode("cp1251") * 3
    row = say("encoding", data)
    assert row["evidence"] == "guess"
    assert 0 < row["confidence"] <= 1
    assert row["encoding"] == "cp1251"
    assert data.decode(row["encoding"]) == CYRILLIC * 3


@pytest.mark.parametrize("data", [b"text\0text", bytes(range(256)), b"\x89PNG\r\n\x1a\n\0\0"])
def test_nul_is_never_text(say, data):
    row = say("encoding", data)
    assert (row["encoding"], row["evidence"], row["binary"]) == (None, "nul", True)


def test_control_characters_in_what_is_no_utf_8_are_binary(say):
    assert say("encoding", b"\x01\x02\x03\xff\xfe\xfd" * 100)["evidence"] == "control"


def test_a_large_content_is_proved_to_its_last_byte(say):
    good = "é".encode() * (3 << 20)
    assert say("encoding", good)["encoding"] == "utf-8"
    assert say("encoding", good + b"\xff")["encoding"] != "utf-8"
    assert say("encoding", good[:-1])["encoding"] != "utf-8"


def test_real_files_in_known_encodings_decode_to_what_they_say(say, corpus_archive, tmp_path):
    """chardet's own tests: folders named after an encoding."""
    import tarfile

    right = read = 0
    with tarfile.open(corpus_archive("pypi:chardet==5.2.0")) as archive:
        for member in archive:
            folders = member.name.split("/")
            if not (member.isfile() and len(folders) == 4 and folders[1] == "tests"):
                continue
            try:
                codec = codecs.lookup(folders[2]).name
                data = archive.extractfile(member).read()
                text = data.decode(codec)
            except (LookupError, UnicodeDecodeError):
                continue
            row = say("encoding", data)
            read += 1
            right += row["encoding"] is not None and data.decode(row["encoding"]) == text
    assert read > 150
    assert right / read > 0.9
