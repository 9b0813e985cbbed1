# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The bytes of contents, streamed from the files of table ``content_data``, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from codecommons.lake.ranges import slices_of
from codecommons.lake.schemas import TABLES
from codecommons.lake.storage import Storage, lake_errors

# Row groups whose keys are looked up together: of 4 MB they are some 20,000 contents.
_GROUPS = 64


def in_order(storage: Storage, files: Sequence[str], ids: pl.DataFrame, batch_bytes: int) -> Iterator[pa.RecordBatch]:
    """See ``Lake.contents``; ``ids`` (sha1_git, length) are sorted and unique."""
    if not files:
        return
    schema = pa.schema(TABLES["content_data"].fields)
    dataset = ds.dataset(list(files), schema=schema, format="parquet", filesystem=storage.arrow_fs)
    for run in slices_of(ids, batch_bytes):
        keys = run["sha1_git"]
        low, high = keys[0], keys[-1]
        where = (ds.field("sha1_git") >= pa.scalar(low, pa.binary())) & (ds.field("sha1_git") <= pa.scalar(high, pa.binary()))
        wanted = ds.field("sha1_git").isin(pa.array(keys.to_list(), pa.binary()))
        with lake_errors(f"table content_data in {storage.settings.lake}"):
            groups = (group for file in dataset.get_fragments(where) for group in file.split_by_row_group(where))
            # The keys alone are read of row groups that hold none of the contents.
            holding = [group for group in groups if group.count_rows(filter=wanted, use_threads=False)]
            here = ds.FileSystemDataset(holding, schema, dataset.format, storage.arrow_fs)
            found = here.to_table(filter=where & wanted, use_threads=False, batch_readahead=1, fragment_readahead=1)
        order = pl.DataFrame(found.select(["sha1_git"])).with_row_index("row").sort("sha1_git")["row"].to_arrow()
        found = found.combine_chunks()  # one name for all of them: while the reader works, one copy is enough
        found = found.take(order).combine_chunks()
        pa.default_memory_pool().release_unused()  # row groups that were looked through: several times the batch
        yield from found.to_batches()


def as_they_lie(storage: Storage, files: Sequence[str], ids: pl.DataFrame) -> Iterator[pa.RecordBatch]:
    """See ``Lake.contents_as_they_lie``."""
    wanted = ids.select("sha1_git", held=pl.lit(True)).unique()
    for path in files:
        with lake_errors(f"table content_data in {storage.settings.lake}"):
            parquet = pq.ParquetFile(path, filesystem=storage.arrow_fs)
        for groups in (range(parquet.num_row_groups)[at : at + _GROUPS] for at in range(0, parquet.num_row_groups, _GROUPS)):
            with lake_errors(f"table content_data in {storage.settings.lake}"):
                keys = pl.DataFrame(parquet.read_row_groups(groups, columns=["sha1_git"], use_threads=False))
            held = keys.join(wanted, on="sha1_git", how="left", maintain_order="left")["held"].fill_null(False)
            at = 0
            for group in groups:
                here = held[at : at + parquet.metadata.row_group(group).num_rows]
                at += len(here)
                if here.any():
                    with lake_errors(f"table content_data in {storage.settings.lake}"):
                        found = parquet.read_row_group(group, columns=["sha1_git", "data"], use_threads=False)
                    yield from (found if here.all() else found.filter(here.to_arrow())).combine_chunks().to_batches()
        pa.default_memory_pool().release_unused()
