# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Both layouts of an export give the same rows, and only what matters is read."""

import datetime as dt
import hashlib
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from codecommons.archive.export.selection import parse_selection
from codecommons.archive.export.tables import COLUMNS, LAYOUTS, NEEDED, Export, Range
from codecommons.errors import ItemError
from codecommons.settings import Settings

ROWS = {
    "origin": 2,
    "origin_visit": 2,
    "origin_visit_status": 2,
    "snapshot": 2,
    "snapshot_branch": 5,
    "release": 3,
    "revision": 4,
    "revision_history": 3,
    "revision_extra_headers": 0,
    "directory": 6,
    "directory_entry": 11,
    "content": 6,
    "skipped_content": 1,
}


def opened(folder: Path, settings: Settings) -> Export:
    return Export(parse_selection(str(folder)), settings)


@pytest.mark.parametrize("table", COLUMNS)
def test_the_twins_of_the_example_are_the_same(example: Path, settings: Settings, table: str) -> None:
    parquet, orc = (opened(example / layout, settings).read(table, list(COLUMNS[table])).read_all() for layout in LAYOUTS)
    assert parquet.num_rows == ROWS[table]
    assert parquet.equals(orc)


def test_the_layout_is_found_and_parquet_preferred(example: Path, settings: Settings) -> None:
    assert opened(example, settings).layout == "parquet"
    assert opened(example / "orc", settings).layout == "orc"
    assert opened(example, settings).digest() != opened(example / "orc", settings).digest()


def test_dates_of_the_example_are_those_of_its_documentation(example: Path, settings: Settings) -> None:
    for layout in LAYOUTS:
        dates = opened(example / layout, settings).read("release", ["id", "date", "date_offset"]).read_all()
        assert dates["date"].to_pylist() == [{"seconds": 1234567890, "microseconds": 0}, None, None]
        assert dates["date_offset"].to_pylist() == [120, None, None]


SECONDS = [0, -1, 1_700_000_000, -62_135_510_961, 253_402_297_199, 99_999_999_999, -9_223_372_037, 9_223_372_037]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_dates_that_fit_no_timestamp_come_through(graph_of_dates, settings: Settings, layout: str) -> None:
    read = opened(graph_of_dates(SECONDS, layout), settings).read("revision", ["id", "date", "message"]).read_all()
    assert read["date"].to_pylist() == [{"seconds": one, "microseconds": 0} for one in SECONDS]
    assert read["message"].to_pylist() == [b"%d" % one for one in SECONDS]


@pytest.mark.parametrize("zone", [None, "UTC"])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_dates_of_revisions_may_be_timestamps_in_parquet_too(tmp_path: Path, settings, graph_of_dates, unit, zone) -> None:
    import pyarrow.parquet as pq

    seconds = [0, -1, 1_700_000_000, -2_000_000_000]
    folder = graph_of_dates(seconds, "parquet")
    file = folder / "parquet" / "revision" / "revision-0.parquet"
    table = pq.read_table(file)
    moments = pa.array(seconds, pa.timestamp("s")).cast(pa.timestamp(unit, zone))
    for name in ("date", "committer_date"):
        table = table.set_column(table.schema.get_field_index(name), name, moments)
    pq.write_table(table, file, coerce_timestamps=None if unit != "s" else "ms")
    visits = folder / "parquet" / "origin_visit" / "origin_visit-0.parquet"
    seen = pq.read_table(visits)
    pq.write_table(seen.set_column(2, "date", seen["date"].cast(pa.timestamp("ms" if unit == "s" else unit, zone))), visits)
    for column in ("date", "committer_date"):
        read = opened(folder, settings).read("revision", [column]).read_all()
        assert read[column].to_pylist() == [{"seconds": one, "microseconds": 0} for one in seconds]
    day = Range("date", dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 1, 23))
    assert opened(folder, settings).read("origin_visit", ["date"], day).read_all()["date"].to_pylist() == [
        dt.datetime(2024, 1, 1)
    ]


def test_microseconds_before_1970_count_up(tmp_path: Path, settings: Settings, example: Path) -> None:
    import shutil

    from pyarrow import orc

    folder = tmp_path / "export"
    shutil.copytree(example / "orc", folder)
    when = pa.array([-1_500_000, -1, 1_500_000], pa.timestamp("us"))
    made = {name: pa.nulls(3, kind if name != "date" else when.type) for name, kind in COLUMNS["release"].items()}
    made = {**made, "date": when, "committer_date": when}
    orc.write_table(pa.table({name: made[name] for name in COLUMNS["release"]}), folder / "release" / "release-all.orc")
    read = opened(folder, settings).read("release", ["date"]).read_all()["date"].to_pylist()
    assert [(one["seconds"], one["microseconds"]) for one in read] == [(-2, 500_000), (-1, 999_999), (1, 500_000)]


@pytest.fixture
def graph_of_dates(tmp_path: Path, graph, repository):
    def make(seconds: list[int], layout: str) -> Path:
        made = graph(repository).visit("https://a", 1, "2024-01-01")
        [(_, _, *rest)] = made.rows["revision"]
        made.rows["revision"] = [(hashlib.sha1(b"%d" % one).hexdigest(), b"%d" % one, rest[0], one, *rest[2:]) for one in seconds]
        return made.write(tmp_path / "export", layout)

    return make


@pytest.mark.parametrize("layout", LAYOUTS)
def test_row_groups_and_stripes_that_can_not_matter_are_not_read(
    tmp_path: Path, settings: Settings, graph, repository, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = graph(repository)
    for number in range(3_000):
        made.visit("https://a", number, f"2024-01-{1 + number // 100:02}T10:00:00")
    day = dt.datetime(2024, 1, 9)
    if layout == "orc":
        from pyarrow import orc

        write = orc.write_table
        monkeypatch.setattr(orc, "write_table", lambda table, path: write(table, path, stripe_size=1024, batch_size=256))
    folder = made.write(tmp_path / "export", layout, row_group=500)
    export = opened(folder, settings)
    window = Range("date", day, day + dt.timedelta(days=1) - dt.timedelta(microseconds=1))
    found = export.read("origin_visit", ["visit", "date"], window).read_all()
    assert found["visit"].to_pylist() == list(range(800, 900))
    [(path, size)] = export.files["origin_visit"]
    if layout == "orc":
        assert len(export._stripes(path, size, window)) < orc.ORCFile(path).nstripes
    else:
        import pyarrow.dataset as ds

        [fragment] = ds.dataset(path).get_fragments()
        assert len(fragment.split_by_row_group(window.expression(pa.timestamp("us")))) < 6


def test_columns_and_row_groups_that_are_not_asked_for_may_be_damaged(
    tmp_path: Path, settings: Settings, graph, repository
) -> None:
    import pyarrow.parquet as pq

    made = graph(repository)
    for number in range(2_000):
        made.visit(f"https://a/{number}", number, f"2024-01-{1 + number // 100:02}T10:00:00")
    file = made.write(tmp_path / "export", "parquet", row_group=500) / "parquet" / "origin_visit" / "origin_visit-0.parquet"
    day = dt.datetime(2024, 1, 9)
    window = Range("date", day, day + dt.timedelta(hours=23))
    data, groups = bytearray(file.read_bytes()), pq.read_metadata(file)
    for group in range(groups.num_row_groups):
        for column in map(groups.row_group(group).column, range(groups.num_columns)):
            if group != 1 or column.path_in_schema not in ("visit", "date"):
                start = column.dictionary_page_offset or column.data_page_offset
                data[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    file.write_bytes(data)
    found = opened(tmp_path / "export", settings).read("origin_visit", ["visit", "date"], window).read_all()
    assert found["visit"].to_pylist() == list(range(800, 900))
    for columns, where in ((["visit", "date"], None), (["visit", "date", "type"], window)):
        with pytest.raises(ItemError, match="table origin_visit of"):
            opened(tmp_path / "export", settings).read("origin_visit", columns, where).read_all()


def test_stripes_that_are_not_asked_for_may_be_damaged(
    tmp_path: Path, settings: Settings, graph, repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyorc
    from pyarrow import orc

    made = graph(repository)
    for number in range(3_000):
        made.visit("https://a", number, f"2024-01-{1 + number // 100:02}T10:00:00")
    write = orc.write_table
    monkeypatch.setattr(orc, "write_table", lambda table, path: write(table, path, stripe_size=1024, batch_size=256))
    file = made.write(tmp_path / "export", "orc") / "orc" / "origin_visit" / "origin_visit-0.orc"
    data = bytearray(file.read_bytes())
    with file.open("rb") as opened_file:
        reader = pyorc.Reader(opened_file)
        places = [
            (one.row_offset, one.bytes_offset, one.bytes_length) for one in map(reader.read_stripe, range(reader.num_of_stripes))
        ]
    for row, start, length in places:
        if not 500 <= row <= 900:
            # The middle, which is columns: statistics stand before them, and where they are behind.
            data[start + length // 2 : start + length * 4 // 5] = b"\xff" * (length * 4 // 5 - length // 2)
    file.write_bytes(data)
    day = dt.datetime(2024, 1, 9)
    window = Range("date", day, day + dt.timedelta(hours=23))
    found = opened(tmp_path / "export", settings).read("origin_visit", ["visit", "date"], window).read_all()
    assert found["visit"].to_pylist() == list(range(800, 900))
    with pytest.raises(ItemError, match="table origin_visit of"):
        opened(tmp_path / "export", settings).read("origin_visit", list(COLUMNS["origin_visit"])).read_all()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_are_numbered_in_the_order_of_the_files(tmp_path: Path, settings: Settings, graph, lively, layout: str) -> None:
    made = graph(lively).visit("https://a", 1, "2024-01-01")
    folder = made.write(tmp_path / "export", layout, files=2)
    names = ["directory_id", "name", "target"]
    read = opened(folder, settings).read("directory_entry", names).read_all()
    whole = sorted(made.rows["directory_entry"], key=lambda row: row[0])
    assert [tuple(row.values()) for row in read.select(names).to_pylist()] == [(row[0], row[1], row[3]) for row in whole]
    per_file = Counter(read["file"].to_pylist())
    assert sorted(per_file) == [0, 1]
    assert read["row"].to_pylist() == [*range(per_file[0]), *range(per_file[1])]


def test_a_column_that_an_old_export_lacks_is_null(tmp_path: Path, settings: Settings, graph, repository) -> None:
    import pyarrow.parquet as pq

    folder = graph(repository).visit("https://a", 1, "2024-01-01").write(tmp_path / "export", "parquet")
    file = folder / "parquet" / "origin_visit_status" / "origin_visit_status-0.parquet"
    pq.write_table(pq.read_table(file).drop_columns(["type"]), file)
    read = opened(folder, settings).read("origin_visit_status", ["visit", "type"]).read_all()
    assert read["type"].to_pylist() == [None, None]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_export_whose_columns_are_others_is_refused_and_the_column_named(
    tmp_path: Path, settings: Settings, graph, repository, layout: str
) -> None:
    import pyarrow.parquet as pq
    from pyarrow import orc

    folder = graph(repository).visit("https://a", 1, "2024-01-01").write(tmp_path / "export", layout)
    read, write = {"parquet": (pq.read_table, pq.write_table), "orc": (orc.read_table, orc.write_table)}[layout]
    for table, columns in NEEDED.items():
        for column in columns:
            file = folder / layout / table / f"{table}-0.{layout}"
            whole = read(file)
            write(whole.rename_columns([f"{name}_" if name == column else name for name in whole.column_names]), file)
            with pytest.raises(ItemError, match=f"table {table} has no column {column}"):
                opened(folder, settings).read(table, list(COLUMNS[table])).read_all()
            write(whole, file)


def test_a_folder_without_tables_and_one_with_some_are_refused(tmp_path: Path, settings: Settings, example: Path) -> None:
    with pytest.raises(ItemError, match="there is no export") as refused:
        opened(tmp_path, settings)
    assert refused.value.reason == "missing-export"
    target = tmp_path / "parquet" / "origin"
    target.mkdir(parents=True)
    (target / "origin-all.parquet").write_bytes((example / "parquet" / "origin" / "origin-all.parquet").read_bytes())
    with pytest.raises(ItemError, match="no whole export"):
        opened(tmp_path, settings)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_damaged_file_is_named(tmp_path: Path, settings: Settings, graph, repository, layout: str) -> None:
    folder = graph(repository).visit("https://a", 1, "2024-01-01").write(tmp_path / "export", layout)
    (folder / layout / "content" / f"content-0.{layout}").write_bytes(b"no table")
    with pytest.raises(Exception, match="table content of"):
        opened(folder, settings).read("content", ["sha1"]).read_all()
