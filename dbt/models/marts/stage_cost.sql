-- SPDX-FileCopyrightText: 2026 CodeCommons contributors
--
-- SPDX-License-Identifier: Apache-2.0

-- What each stage cost, and what it did not cost because the work was there already. Volumes are those of the newest run.
-- Runs before CPU time was measured have none: their seconds count for a core each.
with run as (
    select
        *,
        coalesce(json_extract(details, '$.cpu_seconds')::double, seconds) as cpu,
        coalesce(json_extract(details, '$.stored_bytes')::bigint, 0) as stored,
        row_number() over (partition by slice, source, stage order by run desc) = 1 as newest
    from {{ source('lake', 'stage_report') }}
)

select
    slice,
    source,
    stage,
    count(*) as runs,
    coalesce(any_value(json_extract_string(details, '$.unit')) filter (newest), 'files') as unit,
    any_value(rows_in) filter (newest) as rows_in,
    any_value(bytes_in) filter (newest) as bytes_in,
    any_value(rows_kept) filter (newest) as rows_kept,
    any_value(bytes_kept) filter (newest) as bytes_kept,
    sum(computed)::bigint as computed,
    sum(reused)::bigint as reused,
    sum(reused) / nullif(sum(computed) + sum(reused), 0) as share_avoided,
    sum(seconds) as seconds,
    sum(seconds_saved) as seconds_saved,
    sum(cpu) as cpu_seconds,
    sum(stored)::bigint as stored_bytes,
    max(peak_memory) as peak_memory,
    sum(cpu) / 3600 * {{ env_var('CODECOMMONS_CORE_HOUR', '0.04') }} as cost,
    sum(stored) / 1e9 * {{ env_var('CODECOMMONS_GIGABYTE_MONTH', '0.02') }} as cost_a_month
from run
group by slice, source, stage
order by slice, source, stage
