-- SPDX-FileCopyrightText: 2026 CodeCommons contributors
--
-- SPDX-License-Identifier: Apache-2.0

-- What was asked to be left out, by month, scope and state, and how far it reached; nothing here tells by whom, or what.
with request as (
    select id, scope, state, received, len("values") as named from {{ source('governance', 'opt_out') }}
),

left_out as (
    select
        regexp_extract(reason, '^opt-out (\S+)', 1) as id,
        count(distinct row(gone.origin, gone.anchor, gone.path)) as files,
        min(release.as_of) as first_release
    from (select *, unnest(evidence) as reason from {{ source('withheld', 'dataset_drop') }} where rule = 'opt_out') as gone
    join {{ source('training_shards', 'dataset') }} as release using (dataset, fingerprint)
    group by all
)

select
    received[:7] as month,
    scope,
    state,
    count(*) as requests,
    coalesce(sum(named), 0)::bigint as named,
    coalesce(sum(files), 0)::bigint as files_left_out,
    count(left_out.id) as applied,
    median(greatest(0, date_diff('day', received[:10]::date, first_release::date))) as days_to_release,
    min(received)[:10] as first_received,
    max(received)[:10] as last_received
from request left join left_out using (id)
group by all
order by month, scope, state
