-- SPDX-FileCopyrightText: 2026 CodeCommons contributors
--
-- SPDX-License-Identifier: Apache-2.0

-- Every file counts once per policy: one that no decision covers is `undecided`, so the files of a policy add up to all files.
with policy as (
    select distinct policy from {{ source('license_qualified', 'license_decision') }}
),

decision as (
    select policy, root, path, verdict, rule from {{ source('license_qualified', 'license_decision') }}
),

file as (
    select file.origin, file.root, file.path, file.content, known.length
    from {{ source('raw_archive_slice', 'file') }} as file
    left join {{ source('raw_archive_slice', 'content') }} as known on known.swhid = file.content
)

select
    policy.policy,
    coalesce(decision.verdict, 'undecided') as verdict,
    coalesce(decision.rule, 'none') as rule,
    count(*) as files,
    count(distinct file.content) as contents,
    count(distinct file.origin) as origins,
    coalesce(sum(file.length), 0)::bigint as bytes
from policy
cross join file
left join decision on decision.policy = policy.policy and decision.root = file.root and decision.path = file.path
group by all
order by policy, files desc, verdict, rule
