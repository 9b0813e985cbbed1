-- SPDX-FileCopyrightText: 2026 CodeCommons contributors
--
-- SPDX-License-Identifier: Apache-2.0

{{ config(meta={'dagster': {'ref': {'name': 'license_funnel'}}}) }}

-- The files of every policy add up to the files of the lake.
select policy, sum(files) as counted
from {{ ref('license_funnel') }}
group by policy
having sum(files) <> (select count(*) from {{ source('raw_archive_slice', 'file') }})
