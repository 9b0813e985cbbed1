# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import time
from hashlib import sha256

import pytest

from codecommons.annotate.expressions import UNKNOWN

PKG_INFO = b"""Metadata-Version: 2.1
Name: thing
Version: 1.2
License: BSD
Classifier: License :: OSI Approved :: BSD License
Classifier: Programming Language :: Python

Name: not-this
"""


@pytest.mark.parametrize(
    ("name", "data", "ecosystem", "project", "version", "raw", "expression"),
    [
        (b"PKG-INFO", PKG_INFO, "pypi", "thing", "1.2", "BSD", "BSD-3-Clause"),
        (b"METADATA", b"Name: t\nVersion: 1\nLicense-Expression: MIT OR ISC\n", "pypi", "t", "1", "MIT OR ISC", "MIT OR ISC"),
        (b"METADATA", b"Name: t\nLicense: UNKNOWN\n", "pypi", "t", None, None, None),
        (b"pyproject.toml", b'[project]\nname="t"\nversion="2"\nlicense="MIT"\n', "pypi", "t", "2", "MIT", "MIT"),
        (b"pyproject.toml", b'[tool.poetry]\nname="t"\nlicense="Apache 2.0"\n', "pypi", "t", None, "Apache 2.0", "Apache-2.0"),
        (b"pyproject.toml", b'[project]\nname="t"\nlicense={file="LICENSE"}\n', "pypi", "t", None, None, None),
        (b"setup.cfg", b"[metadata]\nname = t\nversion = attr: t.v\nlicense = MIT\n", "pypi", "t", None, "MIT", "MIT"),
        (b"setup.cfg", b"[bdist_wheel]\nuniversal = 1\n", "pypi", None, None, None, None),
        (
            b"setup.py",
            b"from setuptools import setup\nsetup(name='t', version='1', license='MIT')\n",
            "pypi",
            "t",
            "1",
            "MIT",
            "MIT",
        ),
        (
            b"setup.py",
            b"V = '1.' + '2'\nc = dict(version=V)\nsetuptools.setup(name='t', license=read('LICENSE'), **c)\n",
            "pypi",
            "t",
            "1.2",
            None,
            None,
        ),
        (b"setup.py", b"if x:\n    V = '1'\nV = '2'\nsetup(name=f'{x}', version=V)\nsetup()\n", "pypi", None, None, None, None),
        (
            b"setup.py",
            b"C = ['License :: OSI Approved :: ISC License (ISCL)', x]\ndef run():\n    setup(classifiers=C)\n",
            "pypi",
            None,
            None,
            None,
            "ISC",
        ),
        (b"package.json", b'{"name":"@a/b","version":"1.0.0","license":"ISC"}', "npm", "@a/b", "1.0.0", "ISC", "ISC"),
        (
            b"package.json",
            b'{"licenses":[{"type":"MIT"},{"type":"GPL-2.0"}]}',
            "npm",
            None,
            None,
            "(MIT) OR (GPL-2.0)",
            "MIT OR GPL-2.0-only",
        ),
        (
            b"Cargo.toml",
            b'[package]\nname="c"\nversion="0.1.0"\nlicense="MIT/Apache-2.0"\n',
            "cargo",
            "c",
            "0.1.0",
            "MIT OR Apache-2.0",
            "MIT OR Apache-2.0",
        ),
        (b"Cargo.toml", b'[workspace]\nmembers=["a"]\n', "cargo", None, None, None, None),
    ],
)
def test_a_manifest_says(say, name, data, ecosystem, project, version, raw, expression):
    row = say("project_metadata", data, name=name)
    assert row["error"] is None
    said = row["ecosystem"], row["project"], row["project_version"], row["license_raw"], row["license"]
    assert said == (ecosystem, project, version, raw, expression)


@pytest.mark.parametrize(
    ("raw", "expression"),
    [
        ("MIT License", "MIT"),
        ("Apache Software License", "Apache-2.0"),
        ("GPLv3", "GPL-3.0-only"),
        ("BSD 3-Clause", "BSD-3-Clause"),
        ("see the web site", None),
    ],
)
def test_a_licence_in_plain_words_becomes_an_expression(say, raw, expression):
    assert say("project_metadata", f"Name: t\nLicense: {raw}\n".encode(), name=b"PKG-INFO")["license"] == expression


def test_classifiers_count_where_the_licence_field_says_nothing(say):
    row = say("project_metadata", PKG_INFO.replace(b"License: BSD\n", b""), name=b"PKG-INFO")
    assert row["license_raw"] is None
    assert row["classifiers"] == ["License :: OSI Approved :: BSD License"]
    assert row["license"] == "BSD-3-Clause"


POM = b"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <parent><groupId>org.example</groupId><artifactId>parent</artifactId><version>7</version></parent>
  <artifactId>thing</artifactId><name>${project.artifactId}-lib</name><url>https://thing.example/</url>
  <licenses><license><name>Apache License, Version 2.0</name></license></licenses>
  <scm><connection>scm:git:https://me:secret@code.example/thing.git</connection></scm>
  <issueManagement><url>https://thing.example/issues</url></issueManagement>
  <developers><developer><name>Ada</name><email>ada@example.org</email></developer></developers>
  <properties><other.version>1.5</other.version></properties>
  <dependencies>
    <dependency><groupId>${project.groupId}</groupId><artifactId>other</artifactId><version>${other.version}</version></dependency>
    <dependency><groupId>junit</groupId><artifactId>junit</artifactId><version>[4,5)</version><scope>test</scope></dependency>
    <dependency><groupId>${unknown}</groupId><artifactId>x</artifactId></dependency>
  </dependencies>
</project>"""
GEMSPEC = b"""require_relative "lib/thing/version"
Gem::Specification.new do |spec|
  spec.name    = "thing".freeze
  spec.version = Thing::VERSION
  spec.authors = ["Ada", %q{Bob}]
  spec.summary = "A " + 'thing' # with a remark
  spec.description = <<~TEXT
    Much longer.
  TEXT
  spec.homepage = "https://thing.example"
  spec.licenses = %w[MIT Ruby]
  spec.metadata["bug_tracker_uri"] = "https://thing.example/issues"
  spec.files = `git ls-files`.split
  spec.email = "#{system('rm -rf /')}"
  spec.add_dependency "rack", "~> 3.0"
  spec.add_runtime_dependency(%q<exact>.freeze, ["= 1.2.3"])
  spec.add_development_dependency 'rspec'
end
"""
DESCRIPTION = b"""Package: thing
Version: 1.0-2
Title: A
    Thing
Authors@R: c(person("Ada", "Lovelace", email = "ada@example.org", role = c("aut", "cre")), person("Bob"))
License: GPL (>= 2) | MIT + file LICENSE
URL: https://thing.example, https://github.com/thing/thing
BugReports: https://github.com/thing/thing/issues
Depends: R (>= 4.0), methods
Imports: rlang (>= 1.0)
Suggests: testthat
"""
CODEMETA = b"""{"@type": "SoftwareSourceCode", "name": "thing", "version": "1", "license": "https://spdx.org/licenses/MIT",
"codeRepository": "https://code.example/thing", "author": [{"givenName": "Ada", "familyName": "L"}, {"@type": "Organization"}],
"keywords": "a, b", "programmingLanguage": [{"@type": "ComputerLanguage", "name": "R"}],
"softwareRequirements": ["pkg:cran/x"]}"""
NUSPEC = b"""<?xml version="1.0"?><package xmlns="http://schemas.microsoft.com/packaging/2010/07/nuspec.xsd"><metadata>
<id>Thing</id><version>1.2</version><authors>Ada, Bob</authors><license type="expression">MIT OR ISC</license>
<description>A thing.</description><tags>a b</tags><repository url="https://code.example/thing.git"/>
<dependencies><group targetFramework="net8"><dependency id="Other" version="1.0"/></group></dependencies></metadata></package>"""
GO_MOD = b"""module github.com/thing/thing/v2 // a remark

go 1.22
require example.org/one v1.0.0
require (
\tgithub.com/two/two v2.1.0 // indirect
)
replace example.org/one => ../one
"""


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        (
            "pom.xml",
            POM,
            {
                "ecosystem": "maven",
                "project": "org.example:thing",
                "project_version": "7",
                "license": "Apache-2.0",
                "homepage": "https://thing.example/",
                "code_repository": "https://code.example/thing.git",
                "issue_tracker": "https://thing.example/issues",
                "authors": 1,
                "requires": ["pkg:maven/org.example/other@1.5"],
                "suggests": ["pkg:maven/junit/junit"],
            },
        ),
        (
            "thing.gemspec",
            GEMSPEC,
            {
                "ecosystem": "gem",
                "project": "thing",
                "project_version": None,
                "license": "MIT OR Ruby",
                "description": "Much longer.",
                "authors": 2,
                "homepage": "https://thing.example",
                "issue_tracker": "https://thing.example/issues",
                "requires": ["pkg:gem/rack", "pkg:gem/exact@1.2.3"],
                "suggests": ["pkg:gem/rspec"],
            },
        ),
        (
            "DESCRIPTION",
            DESCRIPTION,
            {
                "ecosystem": "cran",
                "project": "thing",
                "project_version": "1.0-2",
                "license": "GPL-2.0-or-later OR MIT",
                "description": "A Thing",
                "authors": 2,
                "code_repository": "https://github.com/thing/thing",
                "requires": ["pkg:cran/methods", "pkg:cran/rlang"],
                "suggests": ["pkg:cran/testthat"],
            },
        ),
        (
            "codemeta.json",
            CODEMETA,
            {
                "ecosystem": "codemeta",
                "license": "MIT",
                "authors": 1,
                "keywords": ["a", "b"],
                "languages": ["R"],
                "requires": ["pkg:cran/x"],
            },
        ),
        (
            "Thing.nuspec",
            NUSPEC,
            {
                "ecosystem": "nuget",
                "project": "Thing",
                "project_version": "1.2",
                "license": "MIT OR ISC",
                "authors": 2,
                "keywords": ["a", "b"],
                "requires": ["pkg:nuget/Other"],
            },
        ),
        (
            "go.mod",
            GO_MOD,
            {
                "ecosystem": "golang",
                "project": "github.com/thing/thing/v2",
                "code_repository": "https://github.com/thing/thing",
                "requires": ["pkg:golang/example.org/one@v1.0.0", "pkg:golang/github.com/two/two@v2.1.0"],
            },
        ),
        (
            "composer.json",
            b'{"name": "a/b", "license": ["MIT", "GPL-2.0-only"], "require": {"php": ">=8", "c/d": "1.2.3"}}',
            {"ecosystem": "composer", "license": "MIT OR GPL-2.0-only", "requires": ["pkg:composer/c/d@1.2.3"]},
        ),
        (
            "META.json",
            b'{"meta-spec": {"version": "2"}, "generated_by": "x", "name": "Some-Thing", "version": "1.20", "license": '
            b'["perl_5"], "author": ["Ada <a@e>"], "prereqs": {"runtime": {"requires": {"perl": "5.6", "List::Util": "1.3"}}}, '
            b'"resources": {"repository": {"web": "https://t.example/r"}, "bugtracker": {"web": "https://t.example/b"}}}',
            {
                "ecosystem": "cpan",
                "project": "Some-Thing",
                "project_version": "1.20",
                "license": "Artistic-1.0-Perl OR GPL-1.0-or-later",
                "authors": 1,
                "code_repository": "https://t.example/r",
                "issue_tracker": "https://t.example/b",
                "requires": ["pkg:cpan/List-Util"],
            },
        ),
        (
            "META.yml",
            b"---\nname: Some-Thing\nversion: 1.20\ngenerated_by: x\nlicense: lgpl\nrequires:\n  List::Util: 0\nresources:\n"
            b"  repository: https://t.example/r\nmeta-spec:\n  version: 1.4\n",
            {"license": "LGPL-2.0-or-later", "code_repository": "https://t.example/r", "requires": ["pkg:cpan/List-Util"]},
        ),
        (
            "CITATION.cff",
            b"title: Thing\nversion: 1.10\nlicense: [MIT, ISC]\nauthors:\n- {given-names: A, family-names: B}\n",
            {"ecosystem": "cff", "project": "Thing", "project_version": "1.10", "license": "MIT OR ISC", "authors": 1},
        ),
        (
            "pubspec.yaml",
            b"name: thing\ndependencies:\n  a: ^1.0.0\n  b: 1.2.3\ndev_dependencies: {flutter_test: {sdk: flutter}}\n",
            {"ecosystem": "pub", "requires": ["pkg:pub/a", "pkg:pub/b@1.2.3"], "suggests": ["pkg:pub/flutter_test"]},
        ),
        (
            "package.json",
            b'{"repository": "thing/thing", "bugs": {"url": "https://t.example"}, "author": "Ada <a@e.org> (https://a.example)", '
            b'"dependencies": {"@a/b": "1.0.0", "c": "^1"}, "devDependencies": {"d": "npm:e@^2"}}',
            {
                "code_repository": "https://github.com/thing/thing",
                "issue_tracker": "https://t.example",
                "authors": 1,
                "requires": ["pkg:npm/%40a/b@1.0.0", "pkg:npm/c"],
                "suggests": ["pkg:npm/e"],
            },
        ),
        (
            "pyproject.toml",
            b'[project]\nname="t"\ndependencies=["A_b==1.0", "c>=1; python_version > \'3\'"]\noptional-dependencies.x=["d"]\n'
            b'urls={"Bug Tracker"="https://t.example/issues", Source="https://code.example/t"}\n',
            {
                "requires": ["pkg:pypi/a-b@1.0", "pkg:pypi/c"],
                "suggests": ["pkg:pypi/d"],
                "issue_tracker": "https://t.example/issues",
                "code_repository": "https://code.example/t",
            },
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_format_is_read(say, name, data, said):
    row = say("project_metadata", data, name=name.encode())
    assert row["error"] is None
    assert {field: row[field] for field in said} == said


def test_a_codemeta_document_names_nobody(say):
    row = say("project_metadata", POM, name=b"pom.xml")
    document = json.loads(row["codemeta"])
    assert document == {
        "@context": "https://w3id.org/codemeta/3.0",
        "@type": "SoftwareSourceCode",
        "author": [{"@id": f"urn:sha256:{sha256(b'Ada <ada@example.org>').hexdigest()}", "@type": "Person"}],
        "codeRepository": "https://code.example/thing.git",
        "identifier": "pkg:maven/org.example/thing@7",
        "issueTracker": "https://thing.example/issues",
        "license": "https://spdx.org/licenses/Apache-2.0",
        "name": "thing-lib",
        "programmingLanguage": ["Java"],
        "softwareRequirements": ["pkg:maven/org.example/other@1.5"],
        "softwareSuggestions": ["pkg:maven/junit/junit"],
        "url": "https://thing.example/",
        "version": "7",
    }
    assert "ada@" not in str(row).lower()
    assert "secret" not in str(row)


@pytest.mark.parametrize(
    ("name", "data", "authors"),
    [
        ("METADATA", "Name: t\nAuthor-email: Ada Lovelace <ada@t.example>, \"Byron, A.\" <ab@t.example>, x@t.example\n",
         ["Ada Lovelace <ada@t.example>", "Byron, A. <ab@t.example>", "<x@t.example>"]),
        ("PKG-INFO", "Name: t\nAuthor: Bob\nAuthor-email: Ada <ada@t.example>\n", ["Bob", "Ada <ada@t.example>"]),
        ("PKG-INFO", "Name: t\nAuthor: Ada, Bob\nAuthor-email: Ada <a@t.example>, Bob <b@t.example>\n",
         ["Ada <a@t.example>", "Bob <b@t.example>"]),
        ("PKG-INFO", "Name: t\nAuthor: Ada\nAuthor-email: <a@t.example>\n", ["Ada <a@t.example>"]),
        ("PKG-INFO", "Name: t\nAuthor: Ada\nAuthor-email: a@t.example\n", ["Ada <a@t.example>"]),
        ("setup.cfg", "[metadata]\nname = t\nauthor_email = Ada <a@t.example>\n", ["Ada <a@t.example>"]),
        ("setup.py", "setup(name='t', author_email='Ada <a@t.example>')", ["Ada <a@t.example>"]),
    ],
)  # fmt: skip
def test_authors_are_people_whichever_field_names_them(say, name, data, authors):
    row = say("project_metadata", data.encode(), name=name.encode())
    said = [one["@id"] for one in json.loads(row["codemeta"])["author"]]
    assert said == [f"urn:sha256:{sha256(one.encode()).hexdigest()}" for one in authors]
    assert row["authors"] == len(authors)


def test_a_requirement_without_end_costs_itself_alone(say):
    deep = "b; " + "(" * 900 + "python_version > '3'" + ")" * 900
    row = say("project_metadata", f"Name: t\nRequires-Dist: {deep}\nRequires-Dist: c\n".encode(), name=b"METADATA")
    assert (row["error"], row["project"], row["requires"]) == (None, "t", ["pkg:pypi/c"])


LAUGHS = b'<!DOCTYPE p [<!ENTITY a "ha">' + b"".join(
    b'<!ENTITY %c "&%c;&%c;&%c;&%c;&%c;&%c;&%c;&%c;">' % (98 + n, *[97 + n] * 8) for n in range(20)
)
YAML_LAUGHS = b"a: &a [x, x, x]\n" + b"".join(b"%c: &%c [*%c, *%c, *%c]\n" % (98 + n, 98 + n, *[97 + n] * 3) for n in range(24))


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        (b"package.json", b"{", "JSONDecodeError"),
        (b"package.json", b"[1]", "not an object"),
        (b"package.json", b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "JSONDecodeError"),
        (b"composer.json", b"[" * 3_000_000, "JSONDecodeError"),
        (b"META.json", b'{"name": "a game", "license": "MIT"}', "no metadata of CPAN"),
        (b"package.json", b"\xff\xfe{", "JSONDecodeError"),
        (b"package.json", b" " * (5 << 20), "a manifest of 5242880 bytes"),
        (b"Cargo.toml", b"[package\n", "TOMLDecodeError"),
        (b"Cargo.toml", b"[" * 900_000, "TOMLDecodeError"),
        (b"Cargo.toml", b"a=" + b"[" * 100_000, "RecursionError"),
        (b"Cargo.toml", b"a." * 400_000 + b"b=1", "more than 256 dots"),
        (b"pyproject.toml", b"\0\xff" * 100_000, "UnicodeDecodeError"),
        (b"setup.cfg", b"no section\n", "MissingSectionHeaderError"),
        (b"setup.py", b"print 'x'\nsetup(name='x')\n", "line 1: no Python 3"),
        (b"setup.py", b"import x\n", "nothing in it calls setup()"),
        (b"setup.py", b"setup(name=" + b"-" * 100_000 + b"1)", "nested too deeply"),
        (b"setup.py", b"setup(name=a" + b".b" * 50_000 + b")", "nested too deeply"),
        (b"setup.py", b"setup(name=[" + b"1," * 60_000 + b"])", "more than 50000 nodes"),
        (b"setup.py", b"setup()" * 30_000, "a manifest of 210000 bytes"),
        (b"pom.xml", LAUGHS + b"]><project>&u;</project>", "entity declarations are not read"),
        (
            b"pom.xml",
            b'<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]><project>&x;</project>',
            "entity declarations are not",
        ),
        (b"pom.xml", b"<project>" * 10_000, "nested too deeply"),
        (b"pom.xml", b"<project>" + b"<a/>" * 300_000, "nested too deeply or too long"),
        (b"pom.xml", b"<html/>", "the root element is html, not project"),
        (b"x.nuspec", b'<?xml version="1.0" encoding="nonsense"?><package/>', "unknown encoding"),
        (b"CITATION.cff", YAML_LAUGHS, "aliases are not read"),
        (b"CITATION.cff", b"- " * 10_000, "nested too deeply"),
        (b"pubspec.yaml", b"[" * 500_000, "nested too deeply"),
        (b"pubspec.yaml", b"name: !!python/object/apply:os.system [id]", "the tag"),
        (b"CITATION.cff", b"- a\n- b\n", "not one mapping"),
        (b"x.gemspec", b"puts 1", "no Gem::Specification"),
        (b"DESCRIPTION", b"What this is about.\n", "no R package"),
        (b"go.mod", b"require (", "no module"),
    ],
)
def test_a_manifest_that_can_not_be_read_says_why(say, name, data, reason):
    start = time.process_time()
    row = say("project_metadata", data, name=name)
    assert reason in row["error"]
    assert {value for field, value in row.items() if field not in ("digest", "content", "name", "error")} == {None}
    assert time.process_time() - start < 4


@pytest.mark.parametrize(
    "body",
    [
        b's.name = "' + b"a\\" * 100_000,
        b"s.name = " + b"[" * 100_000,
        b"s.a = <<A\n" * 10_000,
        b"s.a = %q(" * 20_000,
        b"s.a = %w(\n" * 20_000,
        b"s.name = 'a' \\\n" * 10_000,
        b's.description = "' + b"\n" * 200_000,
        b"s.add_dependency " * 10_000,
        b"s.metadata = {" + b'"a" => {' * 10_000,
    ],
    ids=["escapes", "arrays", "heredocs", "quotes", "words", "joined", "lines", "calls", "hashes"],
)
def test_a_gemspec_made_to_be_slow_is_read_in_bounded_time(say, body):
    start = time.process_time()
    say("project_metadata", b"Gem::Specification.new do |s|\n" + body, name=b"x.gemspec")
    assert time.process_time() - start < 3


SPACES = b" " * 900_000
DEPENDENCY = b"<dependency><groupId>${a}</groupId><artifactId>b</artifactId></dependency>"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        (b"package.json", b'{"author":"a%sb"}' % SPACES),
        (b"package.json", b'{"license":"a%sb"}' % SPACES),
        (b"package.json", b'{"license":"%s"}' % (b"MIT or " * 200_000)),
        (b"codemeta.json", b'{"license":[%s"MIT"]}' % (b'"MIT",' * 400_000)),
        (b"PKG-INFO", b"Name: x\nLicense: a%sb\n" % SPACES),
        (b"PKG-INFO", b"Name: x\n" + b"Requires-Dist: abc (>=1.0)\n" * 100_000),
        (b"PKG-INFO", b"Name: x\nRequires-Dist: abc %s\n" % (b">=1.0," * 500_000)),
        (b"setup.cfg", b"[metadata]\nname%sb\n" % SPACES),
        (b"setup.py", b"".join(b"n%d = n%d + n%d\n" % (n, n + 1, n + 1) for n in range(48)) + b"n48 = 'x'\nsetup(name=n0)\n"),
        (b"DESCRIPTION", b"Package: x\nVersion: 1\nAuthors@R: person(%s\n" % (b"'\\" * 400_000)),
        (b"x.gemspec", b"Gem::Specification.new do " * 9_000),
        (
            b"pom.xml",
            b"<project><properties><a>%s</a></properties><description>%s</description></project>"
            % (b"x" * 2_000_000, b"${a}" * 400_000),
        ),
        (
            b"pom.xml",
            b"<project><properties><a>%s</a><b>%s</b></properties><dependencies>%s</dependencies></project>"
            % (b"${b}" * 500, b"x" * 2_000, DEPENDENCY * 40_000),
        ),
    ],
    ids=[
        "author", "license", "choices", "licenses", "text", "requirements", "requirement", "line", "sums", "person", "blocks",
        "property",
        "properties",
    ],
)  # fmt: skip
def test_no_field_costs_much_more_than_its_length(say, name, data):
    start = time.process_time()
    say("project_metadata", data, name=name)
    assert time.process_time() - start < 4


@pytest.mark.parametrize(
    ("name", "data", "field", "value"),
    [
        (b"package.json", b'{"author":"Ada (https://ada.example) (see there)"}', "authors", 1),
        (b"setup.cfg", b"[metadata]\nname  =  a  b\n", "project", "a b"),
        (b"pom.xml", b"<project><artifactId>${a}</artifactId><properties><a>x-${b}</a><b>1</b></properties></project>", "project",
         "x-1"),
    ],
)  # fmt: skip
def test_what_is_bounded_is_still_read(say, name, data, field, value):
    assert say("project_metadata", data, name=name)[field] == value


def test_other_files_are_not_asked(annotators):
    wants = annotators["project_metadata"].wants
    assert wants(b"PKG-INFO")
    assert wants(b"package.json")
    assert not wants(b"my-package.json")
    assert not wants(b"\xff")


@pytest.mark.parametrize(
    ("raw", "expression"),
    [
        ("BSD-3-Clause or Apache License 2.0", "BSD-3-Clause OR Apache-2.0"),
        ("GPL-2.0 or later", "GPL-2.0-or-later"),
        ("MIT or something nobody knows", f"MIT OR {UNKNOWN}"),
        ("GPL-3.0-only or commercial", f"GPL-3.0-only OR {UNKNOWN}"),
        ("MIT/GPL-3.0", "MIT OR GPL-3.0-only"),
    ],
)
def test_a_choice_in_words_is_a_choice(say, raw, expression):
    assert say("project_metadata", f"Name: t\nLicense: {raw}\n".encode(), name=b"PKG-INFO")["license"] == expression


@pytest.mark.parametrize(
    ("raw", "expression"),
    [
        ("MIT AND LicenseRef-Ours", "MIT AND LicenseRef-Ours"),
        ("MIT, LicenseRef-Ours", "MIT AND LicenseRef-Ours"),
        ("(MIT OR Apache-2.0) AND LicenseRef-Ours", "(MIT OR Apache-2.0) AND LicenseRef-Ours"),
        ("(MIT or Apache 2.0) and proprietary assets", f"(MIT OR Apache-2.0) AND {UNKNOWN}"),
        ("Proprietary AND (MIT OR ISC)", f"{UNKNOWN} AND (MIT OR ISC)"),
        ("MIT WITH Our-exception", f"MIT WITH {UNKNOWN}"),
        ("MIT License (academic use only)", UNKNOWN),
        ("MIT AND", UNKNOWN),
        (" and ".join(["MIT", *"abcdefghij"]), UNKNOWN),
        ("MIT; see LICENSE", "MIT"),
        ("MIT, see LICENSE and NOTICE", "MIT"),
        ("Copyright (c) 2020 and onward, MIT License", "MIT"),
        ("(c) 2020 ACME and contributors. MIT license.", "MIT"),
        ("MIT No Attribution", "MIT-0"),
        ("OSI Approved :: Academic Free License (AFL)", "AFL-3.0"),
        ("BSD 3-clause, no advertising clause", "BSD-3-Clause"),
        ("BSD 3-Clause (non-copyleft)", "BSD-3-Clause"),
        ("MIT + file LICENSE", "MIT"),
        ("MIT AND (GPL-3.0-only", "MIT AND GPL-3.0-only"),
        ("MIT AND UNLICENSED", f"MIT AND {UNKNOWN}"),
        ("MIT and commercial", f"MIT AND {UNKNOWN}"),
        ("(MIT AND BUSL-1.1", "MIT AND BUSL-1.1"),
        ("MIT, GPL-3.0", "MIT AND GPL-3.0-only"),
        ("MIT; GPL-3.0", "MIT AND GPL-3.0-only"),
        ("MIT (code), CC-BY-NC-4.0 (data)", "MIT AND CC-BY-NC-4.0"),
        ("MIT/ACME", f"MIT AND {UNKNOWN}"),
        ("MIT, ACME", f"MIT AND {UNKNOWN}"),
        ("MIT und GPL", f"MIT AND {UNKNOWN}"),
        ("MIT und GPLv3", "MIT AND GPL-3.0-only"),
        ("MIT as well as ACME", f"MIT AND {UNKNOWN}"),
        ("MIT/Expat", "MIT"),
        ("MIT/X11", "MIT"),
        ("MIT (https://opensource.org/licenses/MIT)", "MIT"),
        ("MIT until 2024, then proprietary", UNKNOWN),
        ("no MIT license", UNKNOWN),
        ("MIT for non-commercial use only", UNKNOWN),
        ("Proprietary", "LicenseRef-scancode-proprietary-license"),
        ("UNLICENSED", "LicenseRef-scancode-proprietary-license"),
        ("All rights reserved.", "LicenseRef-scancode-proprietary-license"),
        ("MIT but ask first", UNKNOWN),
        ("MIT, individuals only", UNKNOWN),
        ("MIT for everybody excluding companies", UNKNOWN),
        ("GPL version 2 only", "GPL-2.0-only"),
        ("MIT-ish", UNKNOWN),
        ("MIT?", UNKNOWN),
        ("The MIT License (MIT)", "MIT"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("BSD 3-Clause License", "BSD-3-Clause"),
    ],
)
def test_half_of_what_a_licence_field_says_is_never_all_of_it(say, raw, expression):
    assert say("project_metadata", f"Name: t\nLicense: {raw}\n".encode(), name=b"PKG-INFO")["license"] == expression
