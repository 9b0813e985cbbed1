# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""NOTICE: the copyright holders of real packages, and whose names are not there."""

import tarfile
from pathlib import Path

import polars as pl
import pytest

from codecommons.annotate.copyright import MOST
from codecommons.archive.views import visited_trees
from codecommons.datasets import build
from codecommons.engine.local import InlineEngine
from codecommons.license.texts import texts
from codecommons.optout import desk
from codecommons.optout.requests import Request, Submission
from codecommons.optout.takedown import published
from codecommons.swhid import content_id

MIT = b"MIT License\n\nCopyright (c) 2020 Ada Author <ada@authors.net>\nCopyright (c) 2021 Ben Builder\n\nPermission is hereby\n"


def notice_of(world, text="{}", name="all") -> str:
    report = build(world.lake, InlineEngine(), world.specify(name, text))
    assert [check.description for check in report.checks if not check.passed] == []
    return Path(world.settings.lake, report.details["folder"], "NOTICE").read_text()


def lines_under(notice: str, license: str, origin: str) -> list[str]:
    """What stands below an origin of a licence."""
    lines = notice.partition(f"\n{license}: ")[2].partition("\n====")[0].splitlines()
    at = next(place for place, line in enumerate(lines) if line.startswith(f"  {origin}: "))
    below = lines[at + 1 :]
    end = next((place for place, line in enumerate(below) if not line.startswith("    ")), len(below))
    return [line.strip() for line in below[:end]]


@pytest.mark.parametrize(
    ("package", "folder", "module", "license", "holders"),
    [
        ("pypi:six==1.16.0", "six-1.16.0", "six.py", "MIT", ["Copyright (c) 2010-2020 Benjamin Peterson"]),
        # Its LICENSE is the text of the Apache licence, which names nobody; that licence asks to pass NOTICE on.
        (
            "pypi:requests==2.31.0",
            "requests-2.31.0",
            "requests/api.py",
            "Apache-2.0",
            ["Copyright 2019 Kenneth Reitz"],
        ),
        ("pypi:PyYAML==5.3.1", "PyYAML-5.3.1", "lib/yaml/nodes.py", "MIT", None),
    ],
)
def test_it_names_the_copyright_holders_of_a_real_package(world, corpus_archive, package, folder, module, license, holders):
    wanted = [f"{folder}/{name}" for name in ("LICENSE", "NOTICE", module)]
    with tarfile.open(corpus_archive(package)) as archive:
        files = {name: archive.extractfile(name).read() for name in archive.getnames() if name in wanted}
    origin = package.partition("==")[0].replace("pypi:", "pkg:pypi/").lower()
    world.add(origin, files, license=license)
    world.passed()
    notice = notice_of(world, f"names: ['{Path(module).name}']")
    under = lines_under(notice, license, origin)
    stated = [line for line in under if not line.startswith("swh:")]
    # What the licence file itself says, line for line.
    holders = holders or [
        line.strip() for line in files[f"{folder}/LICENSE"].decode().splitlines() if line.startswith("Copyright")
    ]
    assert holders
    assert stated == holders
    for name in set(files) & set(wanted[:2]):
        assert any(line.startswith(f"swh:1:cnt:{content_id(files[name]).hex()};origin={origin};") for line in under)
    assert f"The text of {license}\n" in notice


def test_files_beside_and_above_a_row_are_asked_and_those_in_other_folders_are_not(world):
    world.add(
        "pkg:pypi/alpha",
        {
            "a/LICENSE": b"Copyright (c) 2001 Above\n",
            "a/b/c/COPYING.txt": b"Copyright (c) 2002 Beside\n",
            "a/b/c/one.py": b"# Copyright (c) 2003 Own Header\nx = 1\n",
            "a/other/LICENSE": b"Copyright (c) 2004 Elsewhere\n",
            "LICENSE-APACHE": b"Copyright 2005 Root\n",
            "a/b/c/copying.link": b"one.py",
        },
        links=("a/b/c/copying.link",),
    )
    world.passed()
    stated = [line for line in lines_under(notice_of(world, "names: ['*.py']"), "MIT", "pkg:pypi/alpha") if line[0] == "C"]
    assert stated == ["Copyright 2005 Root", "Copyright (c) 2001 Above", "Copyright (c) 2002 Beside"]


def test_what_a_decision_rests_on_is_named_wherever_it_lies(world):
    listed = b"Files: *\nCopyright: 2019 Listed Holder\nLicense: MIT\n"
    world.add("pkg:deb/alpha", {"debian/dep5": listed, "src/one.py": b"x = 1\n"})
    for row in world.rows["license_resolution"]:
        place = f"swh:1:cnt:{content_id(listed).hex()};anchor=swh:1:dir:{row['root'].hex()};path=/debian/dep5"
        row["evidence"] = [f"{place};lines=1-3", "some collection", "swh:1:cnt:" + "0" * 40]
    world.passed()
    under = lines_under(notice_of(world, "names: ['*.py']"), "MIT", "pkg:deb/alpha")
    assert under[1:] == ["Copyright: 2019 Listed Holder"]
    assert under[0].endswith(";path=/debian/dep5")


def test_names_stay_where_texts_lose_them_and_what_else_is_replaced_is_replaced(world):
    world.add("pkg:pypi/alpha", {"LICENSE": MIT, "one.py": b"x = 1\n"})
    world.passed()
    plain, redacted, kept = (
        notice_of(world, f"{{names: ['*.py'], redact: {redact}}}", name)
        for name, redact in (
            ("plain", "{}"),
            ("redacted", "{personal_data: 0.1}"),
            ("kept", "{personal_data: 0.1, keep: [email]}"),
        )
    )
    ada = "Copyright (c) 2020 Ada Author"
    assert lines_under(plain, "MIT", "pkg:pypi/alpha")[1] == f"{ada} <ada@authors.net>"
    assert lines_under(redacted, "MIT", "pkg:pypi/alpha")[1] == f"{ada} <<EMAIL>>"
    assert lines_under(kept, "MIT", "pkg:pypi/alpha")[1] == f"{ada} <ada@authors.net>"
    assert "names are replaced" not in plain.replace("\n", " ")
    assert "There names are replaced" in redacted.replace("\n", " ")


def test_names_that_an_opt_out_reaches_are_gone_with_the_next_release_and_come_back_when_it_is_withdrawn(world):
    world.add("pkg:pypi/alpha", {"LICENSE": MIT, "one.py": b"x = 1\n"})
    world.passed()
    text = f"swh:1:cnt:{content_id(MIT).hex()}"
    before = notice_of(world, "names: ['*.py']")
    assert "Ada Author" in before
    asked = Submission((Request("content", (text,)),), {"contact": "someone@example.org"})
    [one] = desk.submit(world.lake, asked, "2026-01-03T12:00:00+00:00")
    desk.verify(world.lake, one.id, visited_trees(world.lake), "checked by a test")
    after = notice_of(world, "names: ['*.py']")
    assert "  pkg:pypi/alpha: 1 file from " in after
    assert "Ada Author" not in after
    assert text not in after
    desk.withdraw(world.lake, one.id)
    assert notice_of(world, "names: ['*.py']").splitlines()[1:] == before.splitlines()[1:]


def test_hostile_statements_stay_on_their_line_and_very_many_are_cut_and_said_so(world):
    many = "".join(f"Copyright (c) 20{number % 100:02} Holder {number}\n" for number in range(MOST + 5)).encode()
    hostile = b"Copyright (c) 2020 Eve\x1b[2J\x85\xe2\x80\xa8\xe2\x80\xaeMIT: 9 files\n"
    world.add("pkg:pypi/alpha", {"LICENSE": many, "one.py": b"x = 1\n"})
    world.add("pkg:pypi/beta", {"LICENSE": hostile + "é\n".encode(), "two.py": b"y = 1\n"})
    world.passed()
    notice = notice_of(world, "names: ['*.py']")
    under = lines_under(notice, "MIT", "pkg:pypi/alpha")
    assert under[-1] == "… and more in the file"
    assert sum(line.startswith("Copyright") for line in under) == MOST
    [stated] = [line for line in lines_under(notice, "MIT", "pkg:pypi/beta") if "Eve" in line]
    assert stated.isprintable()


def test_a_takedown_of_a_licence_file_takes_the_notices_that_quote_it_and_no_other(world):
    world.add("pkg:pypi/alpha", {"LICENSE": MIT, "one.py": b"x = 1\n"})
    world.add("pkg:pypi/beta", {"two.js": b"y = 1\n"})
    world.passed()
    notice_of(world, "names: ['*.py']", "quoting")
    notice_of(world, "names: ['*.js']", "other")
    gone, _ = published.withdraw(world.lake, pl.Series([content_id(MIT)], dtype=pl.Binary), "0a1b2c")
    assert [(one.release.partition("/")[0], one.shard) for one in gone] == [("quoting", "NOTICE")]
    left = {path.parts[-3] for path in Path(world.settings.lake, "datasets").glob("*/*/NOTICE")}
    assert left == {"other"}


def test_licence_texts_are_found_by_the_identifiers_of_expressions():
    found = texts(["(MIT OR Apache-2.0) AND GPL-2.0-only WITH Classpath-exception-2.0", "unknown", "no ( expression"])
    assert [*found] == ["Apache-2.0", "Classpath-exception-2.0", "GPL-2.0-only", "MIT"]
    assert found["MIT"].startswith("Permission is hereby granted, free of charge")
    assert "TERMS AND CONDITIONS FOR USE, REPRODUCTION" in found["Apache-2.0"]
