select swhid, length, filename, occurrences
from {{ source('raw_archive_slice', 'popular_content_name') }}
order by swhid
