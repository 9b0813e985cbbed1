# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""SWHIDs as text: what is read, what is refused and why, what is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codecommons.errors import UsageError
from codecommons.swhid import Span, Swhid, swhid_text

ID = "94a9ed024d3859793618152ea559a168bbcbb5e2"
CNT = f"swh:1:cnt:{ID}"
QUALIFIED = (  # The example of the specification, chapter 6.
    "swh:1:cnt:4d99d2d18326621ccdd70f5ea66c2e2ac236ad8b"
    ";origin=https://gitorious.org/ocamlp3l/ocamlp3l_cvs.git"
    ";visit=swh:1:snp:d7f1b9eb7ccb596c2622c4780febaa02549830f9"
    ";anchor=swh:1:rev:2db189928c94d62a3b4757b3eec68f0a4d4113f0"
    ";path=/Examples/SimpleFarm/simplefarm.ml"
    ";lines=9-15"
)


def test_the_specifications_example_is_read_and_written_back() -> None:
    swhid = Swhid.parse(QUALIFIED)
    assert swhid.kind == "cnt"
    assert swhid.lines == Span(9, 15)
    assert swhid.path == b"/Examples/SimpleFarm/simplefarm.ml"
    assert str(swhid) == QUALIFIED
    assert swhid.core == QUALIFIED.partition(";")[0]


def test_qualifiers_in_any_order_are_written_in_the_canonical_one() -> None:
    core, *qualifiers = QUALIFIED.split(";")
    assert str(Swhid.parse(";".join([core, *reversed(qualifiers)]))) == QUALIFIED


def test_one_line_and_byte_ranges_are_read() -> None:
    assert Swhid.parse(f"{CNT};lines=7").lines == Span(7, 7)
    assert str(Swhid.parse(f"{CNT};lines=7-7")).endswith(";lines=7")
    assert Swhid.parse(f"{CNT};bytes=0-19").bytes == Span(0, 19)


def test_a_path_on_a_content_without_an_anchor_is_allowed() -> None:
    assert Swhid.parse(f"{CNT};path=/a%3Bb%25c").path == b"/a;b%c"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "swh",
        f"swh:1:cnt:{ID[:-1]}",
        f"swh:1:cnt:{ID}0",
        f"swh:1:cnt:{ID.upper()}",
        f"SWH:1:cnt:{ID}",
        f"swh:2:cnt:{ID}",
        f"swh:1:ori:{ID}",
        f"swh:1:emd:{ID}",
        f" {CNT}",
        f"{CNT}\n",
        f"{CNT};",
        f"{CNT};lines",
        f"{CNT};lines=",
        f"{CNT};color=red",
        f"{CNT};lines=0",
        f"{CNT};lines=9-8",
        f"{CNT};lines=1-",
        f"{CNT};lines=01",
        f"{CNT};lines=1;bytes=1",
        f"{CNT};lines=1;lines=2",
        f"swh:1:dir:{ID};lines=1",
        f"{CNT};path=a",
        f"{CNT};visit=swh:1:snp:{ID}",
        f"{CNT};origin=https://a;visit={CNT}",
        f"{CNT};anchor=swh:1:rev:{ID}",
        f"{CNT};anchor={CNT};path=/a",
        f"{CNT};origin=https://a;visit=swh:1:snp:{ID[1:]}",
        f"{CNT};lines=\u0661",
    ],
)
def test_anything_else_is_refused_in_one_line_that_quotes_it(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        Swhid.parse(text)
    assert repr(text) in str(caught.value)
    assert "\n" not in str(caught.value)


@given(
    path=st.binary(max_size=20).map(lambda rest: b"/" + rest),
    origin=st.text(st.characters(min_codepoint=33, exclude_categories=["Cs"]), min_size=1, max_size=20),
)
def test_any_path_and_origin_survive_the_text(path: bytes, origin: str) -> None:
    swhid = Swhid("cnt", bytes(20), origin=origin, path=path)
    assert Swhid.parse(str(swhid)) == swhid


def test_text_needs_a_known_kind_and_twenty_bytes() -> None:
    for kind, identifier in (("ori", bytes(20)), ("cnt", bytes(19)), ("content", bytes(20))):
        with pytest.raises(ValueError, match="SWHID"):
            swhid_text(kind, identifier)


@pytest.mark.parametrize("byte", range(256))
def test_every_byte_of_a_path_is_written_as_rfc_3987_has_it(byte: int) -> None:
    path = b"/a" + bytes([byte])
    written = str(Swhid("cnt", bytes(20), path=path)).partition(";path=")[2]
    plain = chr(byte) in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/:@!$&'()*+,="
    assert written == "/a" + (chr(byte) if plain else f"%{byte:02X}")
