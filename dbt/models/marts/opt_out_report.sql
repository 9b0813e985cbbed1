-- SPDX-FileCopyrightText: 2026 CodeCommons contributors
--
-- SPDX-License-Identifier: Apache-2.0

-- What was asked to be left out, by month, scope and state; nothing here tells by whom, or what.
select
    received[:7] as month,
    scope,
    state,
    count(*) as requests,
    coalesce(sum(len("values")), 0)::bigint as named,
    min(received)[:10] as first_received,
    max(received)[:10] as last_received
from {{ source('governance', 'opt_out') }}
group by all
order by month, scope, state
