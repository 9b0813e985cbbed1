-- SPDX-FileCopyrightText: 2026 CodeCommons contributors
--
-- SPDX-License-Identifier: Apache-2.0

select swhid, length, filename, occurrences
from {{ source('raw_archive_slice', 'popular_content_name') }}
order by swhid
