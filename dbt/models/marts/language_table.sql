-- SPDX-FileCopyrightText: 2026 CodeCommons contributors
--
-- SPDX-License-Identifier: Apache-2.0

-- A content can have another language under another name, so languages are looked up by content and name.
with language as (
    select swhid, name, any_value(value ->> 'language') as language
    from {{ source('enriched_context', 'annotation') }}
    where annotator = 'language'
    group by all
),

file as (
    select file.origin, file.content, parse_filename(file.path, false, 'forward_slash') as name, known.length
    from {{ source('raw_archive_slice', 'file') }} as file
    left join {{ source('raw_archive_slice', 'content') }} as known on known.swhid = file.content
),

spoken as (
    select coalesce(language.language, 'unknown') as language, file.content, file.origin, file.length
    from file left join language on language.swhid = file.content and language.name = file.name
),

distinct_bytes as (
    select language, sum(length)::bigint as bytes from (select distinct language, content, length from spoken) group by language
)

select
    language,
    count(*) as files,
    count(distinct content) as contents,
    count(distinct origin) as origins,
    coalesce(any_value(distinct_bytes.bytes), 0) as bytes
from spoken join distinct_bytes using (language)
group by language
order by bytes desc, language
