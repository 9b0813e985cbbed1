# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The lake: Delta tables on a local folder or any S3 endpoint, by one code path.

Belongs here: what the tables are (``schemas``) and what stages do with them (``lake``); how rows get in exactly once
(``staging``, ``news``, ``merging``, ``commits``) and how a stage ends (``stages``); which of them readers see (``slices``,
``snapshots``) and the SQL face (``views``); how the key space is cut and looked up (``ranges``, ``keys``); when two addresses
mean one place (``places``); the bytes of contents (``contents``); the files behind it all (``storage``, ``files``), what is
broken among them (``damage``), and what goes for good (``garbage``, ``erasing``). Does not belong here: what the rows mean to a
stage.
"""

from codecommons.lake.lake import Committed, Lake
from codecommons.lake.news import NewsFile
from codecommons.lake.slices import SliceInput, SliceLog
from codecommons.lake.stages import close_stage
from codecommons.lake.staging import StagedFile, StagingArea

__all__ = ["Committed", "Lake", "NewsFile", "SliceInput", "SliceLog", "StagedFile", "StagingArea", "close_stage"]
