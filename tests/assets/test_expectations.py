# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What is expected of annotations: a defect planted into tables of our own making turns its suite red, and no other."""

from importlib.resources import files

import duckdb
import pyarrow as pa
import pytest

from assets.expectation_checks import Subject, record
from assets.expectations import SUITES
from assets.validation import validate
from codecommons.annotate.annotators.filter_signals import FIELDS
from codecommons.lake import Lake
from codecommons.report import CheckResult
from codecommons.settings import Settings

ANNOTATORS = (
    "encoding", "line_statistics", "language", "license_evidence", "secrets", "personal_data", "project_metadata",
    "generated", "path_facts", "filter_signals", "normalized_text", "notebook", "file_licenses",
)  # fmt: skip

# Two slices of 600 files in eight trees each; every content has one name, every annotator its answer.
TABLES = """
create schema lake;
create table lake.anchor as
select '2026-01-0' || day as slice, 'pypi' as source, ('r' || day || tree)::blob as root
from range(1, 3) as days(day), range(8) as trees(tree);
create table lake.tree_file as
select ('r' || day || n % 8)::blob as root, ('f/' || n || '.py')::blob as path, 33188 as perms, ('c' || day || n)::blob as content
from range(1, 3) as days(day), range(600) as numbers(n);
create table lake.content as select distinct content as sha1_git, 100 as length from lake.tree_file;
create table lake.content_data as select sha1_git from lake.content;
create table lake.annotation_encoding as
select 'encoding' as digest, sha1_git as content, false as binary, null::varchar as error from lake.content;
create table lake.annotation_line_statistics as
select 'line_statistics' as digest, sha1_git as content, 9 as max_line, 3.5 as mean_line,
    0.5 as alphabetic, 0.6 as alphanumeric, 0.1 as whitespace, null::varchar as error from lake.content;
create table lake.annotation_language as select 'language' as digest, content, ('' || parse_filename(decode(path)))::blob as name,
    'Python' as language, 'programming' as kind, null::varchar as error from lake.tree_file;
create table lake.annotation_license_evidence as
select 'license_evidence' as digest, content, name, 'MIT' as stated, true as license_file,
    [{start_line: 1, end_line: 2, expression: 'MIT', detector: 'changed-license-text'}] as evidence, null::varchar as error
from lake.annotation_language;
create table lake.annotation_secrets as select 'secrets' as digest, content, null::varchar as error,
    [{kind: 'token', start: 5, "end": 100, rule: 'npm', confidence: 0.9}] as spans from lake.annotation_language;
create table lake.annotation_personal_data as select 'personal_data' as digest, content, null::varchar as error,
    [{kind: 'email', start: 0, "end": 10, rule: 'address', confidence: 0.7}] as spans from lake.annotation_language;
create table lake.annotation_generated as select 'generated' as digest, content, name, content = 'c17' as generated,
    case when content = 'c17' then 'marker:@generated' end as evidence, null::varchar as error from lake.annotation_language;
create table lake.annotation_path_facts as select distinct 'path_facts' as digest, path, false as vendored, true as documentation,
    false as test, null::varchar as error from lake.tree_file;
create table lake.annotation_normalized_text as select 'normalized_text' as digest, content, sha1(content) as normalized,
    null::varchar as error from lake.annotation_language;
create table lake.annotation_notebook as select 'notebook' as digest, content, 4 as cells, 3 as code_cells, 2 as outputs,
    0.5 as output_share, null::varchar as error from lake.annotation_language where content in ('c25', 'c26');
create table lake.annotation_file_licenses as select 'file_licenses' as digest, content, [{path: null::varchar, pattern: '^src/',
    precedence: 'closest', said: 'Expat', license: 'MIT'}] as files, [{start_line: 3, end_line: 5}] as lines,
    null::varchar as error
from lake.annotation_language where content in ('c25', 'c26');
create table lake.thread_event as select '2026-01-02' as slice, 'pypi' as source, '7' as id, 'issue' as kind, 3 as number,
    'ada/engine' as repository, timestamp '2026-01-02' as created_at, 'comment' as text_kind, 11 as text_id,
    'Thanks' as text, 'created' as action, 3 as comments from range(100);
create table lake.repository_observation as select '2026-01-02' as slice, 'pypi' as source, '7' as id, 'base' as part,
    5 as repository_id, 'ada/engine' as repository, 1 as stars, 1 as watchers, 0 as forks, null::bigint as open_issues;
create table lake.vulnerability_statement as select 's'::blob as statement;
create table lake.vulnerability_record as select '2026-01-02' as slice, 'pypi' as source, 'CVE-1' as id,
    timestamp '2026-01-01' as published, null::timestamp as withdrawn, [{statement: 's'::blob}] as affected;
create table lake.mention as select '2026-01-02' as slice, 'pypi' as source, 'tei' as layout, 'p' as paper, 'NumPy' as name,
    4 as start_offset, 9 as end_offset, 0.5 as used_score, 0.1 as created_score, null::double as shared_score,
    1.0 as document_used_score;
create table lake.annotation_project_metadata as select 'project_metadata' as digest, content, name, 'MIT AND ISC' as license
from lake.annotation_language;
"""


_ZERO = {pa.bool_(): "false", pa.float64(): "0.0", pa.int64(): "0"}
SIGNALS = f"""
create table lake.annotation_filter_signals as select 'filter_signals' as digest, content, null::varchar as error,
    {", ".join(f"{_ZERO[field.type]} as {field.name}" for field in FIELDS)} from lake.annotation_language
"""


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    path = tmp_path_factory.mktemp("expectations") / "sound.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute((files("codecommons.lake") / "macros.sql").read_text())
        connection.execute(TABLES)
        connection.execute(SIGNALS)
        for name in ("encoding", "language", "license_evidence", "project_metadata", "generated"):
            key = "swhid('cnt', content) as swhid" + ("" if name == "encoding" else ", from_utf8(name) as name")
            answer = "* exclude (digest, content)" if name == "encoding" else "* exclude (digest, content, name)"
            connection.execute(f"create view annotation_{name} as select {key}, {answer} from lake.annotation_{name}")
    return path


def span(annotator, kind="'token'", end=10, confidence=0.7):
    """A statement that gives one content of the second slice another span."""
    one = f"{{kind: {kind}, start: 5, \"end\": {end}, rule: 'some', confidence: {confidence}}}"
    return f"update lake.annotation_{annotator} set spans = [{one}] where content = 'c27'"


def statement(end_line=2, detector="'spdx-tag'", content="c27"):
    """A statement that gives one content of the second slice other evidence."""
    one = f"{{start_line: 1, end_line: {end_line}, expression: 'MIT', detector: {detector}}}"
    return f"update lake.annotation_license_evidence set evidence = [{one}] where content = '{content}'"


def fact(annotator, change, content="c27"):
    """A statement that gives one content of the second slice another answer."""
    return f"update lake.annotation_{annotator} set {change} where content = '{content}'"


def judged(sound, tmp_path, *defects):
    """Names of the suites that are red over the second slice, once statements were run on a copy of the tables."""
    database = tmp_path / "scratch.duckdb"
    database.write_bytes(sound.read_bytes())
    suites = [suite for suite in SUITES if suite.stage == "enriched_context"]
    with duckdb.connect(database) as connection:
        connection.execute("set variable digests = ?", [{name: name for name in ANNOTATORS}])
        connection.execute(
            "set variable slice = '2026-01-02'; set variable previous = '2026-01-01'; set variable source = 'pypi'"
        )
        for defect in defects:
            connection.execute(defect)
        found = [(suite, connection.execute(suite.query).df()) for suite in suites]
    return {result.name for result in validate(found) if not result.passed}


def test_a_sound_slice_is_green(sound, tmp_path):
    assert judged(sound, tmp_path) == set()


def test_every_detector_of_ours_is_green(sound, tmp_path):
    detectors = "license-denial", "license-restriction", "license-clue", "changed-license-text"
    said = [statement(detector=f"'{detector}'", content=f"c2{at}") for at, detector in enumerate(detectors, 1)]
    assert judged(sound, tmp_path, *said) == set()


def test_a_slice_without_anything_of_feeds_is_green(sound, tmp_path):
    feeds = ("thread_event", "repository_observation", "vulnerability_record", "vulnerability_statement", "mention")
    assert judged(sound, tmp_path, *(f"delete from lake.{name}" for name in feeds)) == set()


@pytest.mark.parametrize(
    ("suite", "defect"),
    [
        ("span_values", span("secrets", end=101)),
        ("span_values", span("personal_data", confidence=1.5)),
        ("span_values", span("personal_data", kind="null")),
        ("license_evidence_values", statement(end_line=0)),
        ("license_evidence_values", statement(detector="'hope'")),
        ("fact_values", fact("generated", "evidence = 'hope'")),
        ("annotators_answer", "update lake.annotation_secrets set error = 'TimeoutError' where decode(content) like 'c2_'"),
        ("annotators_answer", "update lake.annotation_language set language = null"),
        ("drift_since_last_slice", "update lake.annotation_language set language = 'C' where decode(content) like 'c2%'"),
        (
            "drift_since_last_slice",
            "update lake.annotation_generated set generated = true, evidence = 'linguist' where content > 'c2'",
        ),
        ("thread_values", "update lake.thread_event set kind = 'gist'"),
        ("thread_values", "update lake.thread_event set text = null"),
        ("thread_values", "update lake.thread_event set text_id = null"),
        ("repository_values", "update lake.repository_observation set stars = -1"),
        ("repository_values", "update lake.repository_observation set repository = null"),
        ("vulnerability_values", "delete from lake.vulnerability_statement"),
        ("vulnerability_days", "update lake.vulnerability_record set withdrawn = '2025-01-01'"),
        ("mention_values", "update lake.mention set end_offset = 1"),
        ("mention_values", "update lake.mention set used_score = 1.5"),
        ("detectors_agree", "update lake.annotation_project_metadata set license = 'GPL-3.0-only'"),
        ("detectors_agree", 'update lake.annotation_encoding set "binary" = true'),
    ],
)
def test_a_planted_defect_turns_its_suite_red_and_no_other(sound, tmp_path, suite, defect):
    assert judged(sound, tmp_path, defect) == {suite}


@pytest.mark.parametrize(
    ("annotator", "defect"),
    [
        ("generated", fact("generated", "generated = true")),
        ("path_facts", "update lake.annotation_path_facts set test = null where path = 'f/7.py'"),
        ("filter_signals", fact("filter_signals", "digits = 1.5")),
        ("filter_signals", fact("filter_signals", "words = -1")),
        ("normalized_text", fact("normalized_text", "normalized = 'c27'")),
        ("notebook", fact("notebook", "code_cells = 5", "c25")),
        ("notebook", fact("notebook", "output_share = null", "c25")),
        (
            "file_licenses",
            fact("file_licenses", "files = [{path: null, pattern: null, precedence: 'closest', said: 'MIT'}]", "c25"),
        ),
        ("file_licenses", fact("file_licenses", "files = [{path: 'a', pattern: null, precedence: 'last', said: 'MIT'}]", "c25")),
        ("file_licenses", fact("file_licenses", "lines = [{start_line: 3, end_line: 2}]", "c25")),
    ],
)
def test_what_an_annotator_can_not_have_said_is_counted_under_its_name(sound, tmp_path, annotator, defect):
    database = tmp_path / "scratch.duckdb"
    database.write_bytes(sound.read_bytes())
    with duckdb.connect(database) as connection:
        connection.execute("set variable digests = ?", [{name: name for name in ANNOTATORS}])
        connection.execute("set variable slice = '2026-01-02'; set variable source = 'pypi'")
        connection.execute(defect)
        said = connection.sql(next(suite.query for suite in SUITES if suite.name == "fact_values")).fetchall()
    assert {name: impossible for name, _, impossible, _ in said if impossible} == {annotator: 1}
    assert len(said) == 6


VISITS = """
create schema lake;
create table origin_visit_status as select '2026-01-02' as slice, 'git' as source, 'o' || n as origin, 1 as visit, 'git' as type,
    'full' as status, timestamp '2026-01-02' as date, 's' as snapshot from range(3) as numbers(n);
create table origin_visit as select slice, source, origin, visit from origin_visit_status;
create table snapshot as select 's' as id;
create table lake.anchor as select '2026-01-02' as slice, 'git' as source, 'r'::blob as root;
create table lake.tree_file as select 'r'::blob as root, ('f' || n)::blob as path, 33188 as perms, ('c' || n)::blob as content
from range(3) as numbers(n);
create table lake.content as select content as sha1_git, 100 as length from lake.tree_file;
create table lake.skipped_content as select sha1_git from lake.content limit 0;
"""


@pytest.mark.parametrize(
    ("suite", "defect", "counted"),
    [
        ("visits_are_whole", "update snapshot set id = id", {}),
        ("visits_are_whole", "delete from origin_visit where origin = 'o1'", {"unannounced": 1}),
        ("visits_are_whole", "update origin_visit_status set snapshot = 'x' where origin = 'o1'", {"without_snapshot": 1}),
        ("visits_are_whole", "update origin_visit_status set date = '2026-01-03' where origin = 'o1'", {"of_other_days": 1}),
        ("visits_are_whole", "insert into origin_visit_status from origin_visit_status where origin = 'o1'", {"repeated": 2}),
        (
            "visits_are_whole",
            "update origin_visit_status set visit = null where origin = 'o1'",
            {"nameless": 1, "unannounced": 1},
        ),
        ("contents_are_there", "update lake.content set length = length", {}),
        ("contents_are_there", "delete from lake.content where sha1_git = 'c1'", {"lost": 1}),
        ("contents_are_there", "update lake.content set length = -1 where sha1_git = 'c1'", {"negative": 1}),
        ("contents_are_there", "update lake.tree_file set path = 'f2' where path = 'f1'", {"with_paths_twice": 1}),
    ],
)
def test_what_can_not_be_of_visits_and_trees_is_counted_with_an_example(suite, defect, counted):
    [asked] = [one for one in SUITES if one.name == suite]
    zero = {arguments["column"] for _, arguments in asked.expectations if arguments.get("max_value") == 0}
    with duckdb.connect() as connection:
        connection.execute((files("codecommons.lake") / "macros.sql").read_text())
        connection.execute(VISITS)
        connection.execute("set variable slice = '2026-01-02'; set variable source = 'git'")
        connection.execute(defect)
        [row] = connection.execute(asked.query).df().to_dict("records")
    assert {name: row[name] for name in zero if row[name]} == counted
    assert isinstance(row["example"], str) == bool(counted)


def test_a_warning_shuts_no_gate_and_a_blocking_check_does(tmp_path):
    lake = Lake.open(Settings(tmp_path, str(tmp_path / "lake")))
    day, stage = "2026-01-02", "enriched_context"
    lake.log.record(day, "pypi", stage, "passed", attempt="a")
    subject = Subject(day, day, "pypi")
    assert record(lake, stage, subject, [CheckResult("drift_since_last_slice", False, "moved")]).passed
    assert lake.log.verdict(day, "pypi", stage)["verdict"] == "passed"
    assert not record(lake, stage, subject, [CheckResult("span_values", False, "outside")]).passed
    assert lake.log.verdict(day, "pypi", stage)["failing_check"] == "span_values"
