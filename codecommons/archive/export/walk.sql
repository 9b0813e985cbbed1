-- SPDX-FileCopyrightText: 2026 CodeCommons contributors
--
-- SPDX-License-Identifier: Apache-2.0

-- The statements of `walk.py`, by name. Hashes are bytes here. `position` says where in the export a row stood (its file and its row in
-- it): an object that an export has twice is taken from where it stands first. All of this has to work in memory that is smaller than
-- what is selected, so aggregates keep numbers, which DuckDB can spill, and no values.

-- [tables]
create table wanted (kind varchar, id blob);
create table sought (id blob);
create table asked_release (id blob);
create table asked_directory (id blob);
create table unread (kind varchar, id blob);
create table malformed (kind varchar, id blob);
create table origin (id blob, url varchar, position bigint);
create table origin_visit (origin varchar, visit bigint, date timestamp, type varchar, position bigint);
create table origin_visit_status (
    origin varchar, visit bigint, date timestamp, status varchar, snapshot blob, type varchar, position bigint
);
create table snapshot (id blob, position bigint);
create table snapshot_branch (snapshot_id blob, name blob, target blob, target_type varchar, position bigint);
create table release (
    id blob, name blob, message blob, target blob, target_type varchar, author blob,
    date struct(seconds bigint, microseconds integer), date_offset smallint, date_raw_offset_bytes blob, raw_manifest blob,
    position bigint
);
create table revision (
    id blob, message blob, author blob, date struct(seconds bigint, microseconds integer), date_offset smallint,
    date_raw_offset_bytes blob, committer blob, committer_date struct(seconds bigint, microseconds integer),
    committer_offset smallint, committer_date_raw_offset_bytes blob, directory blob, type varchar, raw_manifest blob,
    position bigint
);
create table revision_history (id blob, parent_id blob, parent_rank integer, position bigint);
create table edge (id blob, parent_id blob, parent_rank integer, position bigint);
create table revision_extra_headers (id blob, key blob, value blob, position bigint);
create table directory (id blob, raw_manifest blob, position bigint);
create table directory_entry (
    directory_id blob, name blob, type varchar, target blob, perms integer, position bigint
);
create table content (
    sha1 blob, sha1_git blob, sha256 blob, blake2s256 blob, length bigint, status varchar, position bigint
);
create table skipped_content (
    sha1 blob, sha1_git blob, sha256 blob, blake2s256 blob, length bigint, status varchar, reason varchar, position bigint
);
create table verdict (kind varchar, id blob, verified varchar, reason varchar);
create table here (sha1_git blob);
create table failed (sha1_git blob, reason varchar);

-- Visits. Of the states of one visit the last one counts.

-- [window]
delete from origin_visit where date < $low or date > $high;
delete from origin_visit_status where (origin, visit) not in (select (origin, visit) from origin_visit);

-- [seen_all]
create table seen as
select distinct on (status.origin, status.visit)
    status.origin, status.visit, visit.date, coalesce(visit.type, status.type) as type, status.status, status.snapshot
from origin_visit_status as status
join origin_visit as visit using (origin, visit)
order by status.origin, status.visit, status.date desc, status.position desc;

-- [seen_latest_full]
create table seen as
select distinct on (status.origin)
    status.origin, status.visit, visit.date, coalesce(visit.type, status.type) as type, status.status, status.snapshot
from origin_visit_status as status
join origin_visit as visit using (origin, visit)
where status.status = 'full' and status.snapshot is not null
order by status.origin, status.visit desc, status.date desc, status.position desc;

-- [branches]
create table branch as
select distinct snapshot_id, name, target, target_type from snapshot_branch;

-- [head_branches]
select snapshot_id, name, target, target_type from branch
where name in ($names)
    or target_type = 'alias'
    or (snapshot_id, name) in (select (snapshot_id, target) from branch where target_type = 'alias')
order by all;

-- [edges]
insert into revision_history select * from edge where id in (select id from sought);
drop table edge;
drop table node;
drop table reached;

-- [entries]
create table entry as
select distinct directory_id, name, type, target, perms from directory_entry order by directory_id;
drop table directory_entry;

-- What no object can have: an entry or branch without a name or target, a target that no hash is, or a name that can't be told from two.
-- [malformed]
insert into malformed
select distinct 'directory', directory_id from entry
where name is null or type is null or perms is null or target is null or octet_length(target) <> 20
    or type not in ('file', 'dir', 'rev')
    or (
        regexp_matches(hex(name), '^(..)*(00|2F)')
        and directory_id not in (select id from directory where raw_manifest is not null)
    )
union
select distinct 'snapshot', snapshot_id from branch
where name is null or (target_type is not null and target is null)
    or (target_type not in ('alias', 'dangling') and octet_length(target) <> 20)
    or (target_type = 'alias' and target = ''::blob)
union
select distinct 'release', id from release where octet_length(target) <> 20
union
select distinct 'revision', id from revision where directory is null or octet_length(directory) <> 20
union
select distinct 'revision', id from revision_history where parent_id is null or octet_length(parent_id) <> 20;

-- The type of an entry is in no hash, but it follows from the mode, which is.
-- [malformed_types]
insert into malformed
select distinct 'directory', directory_id from entry
where type <> case perms & 61440 when 16384 then 'dir' when 57344 then 'rev' else 'file' end;

-- [known_contents]
create table known as
select
    sha1_git,
    case when octet_length(sha1) = 20 then sha1 end as sha1,
    case when octet_length(sha256) = 32 then sha256 end as sha256,
    case when octet_length(blake2s256) = 32 then blake2s256 end as blake2s256,
    octet_length(sha1) <> 20 or octet_length(sha256) <> 32 or octet_length(blake2s256) <> 32 as malformed,
    length, status
from content where position in (select min(position) from content group by sha1_git);
drop table content;

-- Every content that something names, and why its bytes can't be had; null when they can be asked for.
-- [contents]
create table stated as
select
    wanted.id as sha1_git,
    coalesce(known.sha1, skipped.sha1) as sha1,
    coalesce(known.sha256, skipped.sha256) as sha256,
    coalesce(known.blake2s256, skipped.blake2s256) as blake2s256,
    coalesce(
        case when known.length between 0 and $longest then known.length end,
        case when skipped.length between 0 and $longest then skipped.length end
    ) as length,
    known.sha1_git is not null as archived,
    case
        when known.sha1_git is null then coalesce(skipped.reason, $missing)
        when known.status <> 'visible' then known.status
        when not (known.length between 0 and $longest) then $bad_length
        when known.length > $limit then $too_large
        when known.malformed then $malformed
        when known.sha1 is null or known.length is null then $not_fetched
    end as reason
from (select id from wanted where kind = 'content') as wanted
left join known on known.sha1_git = wanted.id
left join (
    select
        sha1_git,
        case when octet_length(sha1) = 20 then sha1 end as sha1,
        case when octet_length(sha256) = 32 then sha256 end as sha256,
        case when octet_length(blake2s256) = 32 then blake2s256 end as blake2s256,
        length, coalesce(reason, $missing) as reason
    from skipped_content where position in (select min(position) from skipped_content group by sha1_git)
) as skipped on skipped.sha1_git = wanted.id;

-- What rows say of themselves before anything is hashed.
-- [claimed]
delete from revision where position not in (select min(position) from revision group by id);
delete from release where position not in (select min(position) from release group by id);
create table claim as
select 'revision' as kind, id, author is not null or committer is not null as personal, raw_manifest from revision
union all
select 'release', id, author is not null, raw_manifest from release;

-- [proved_snapshots]
create table hashed_snapshot as
with line as (
    select
        snapshot_id as id, name,
        hex(
            encode(coalesce(target_type, 'dangling')) || ' '::blob || name || '\x00'::blob
            || encode(octet_length(coalesce(target, ''::blob))::varchar || ':') || coalesce(target, ''::blob)
        ) as line
    from branch
),
body as (select id, string_agg(line, '' order by name) as body, count(*) as lines, count(distinct name) as names from line group by id)
select
    snapshot.id, coalesce(lines = names, true) as consistent,
    sha1(encode('snapshot ' || length(coalesce(body, '')) // 2) || '\x00'::blob || unhex(coalesce(body, ''))) = lower(hex(snapshot.id))
        as proved
from (select distinct id from snapshot) as snapshot
left join body using (id);
insert into verdict
select
    'snapshot', id,
    case when proved then 'yes' when consistent then 'not-possible' else 'mismatch' end,
    case when not proved and consistent then 'filtered branches' end
from hashed_snapshot;

-- [proved_directories]
insert into verdict
with piece as (
    select
        directory_id as id,
        case when (perms & 61440) = 16384 then name || '/'::blob else name end as key,
        hex(encode(format('{:o} ', perms)) || name || '\x00'::blob || target) as piece
    from entry
    where directory_id >= $low and directory_id < $high
),
body as (select id, string_agg(piece, '' order by key, piece) as body from piece group by id),
hashed as (
    select
        directory.id,
        sha1(
            case
                when raw_manifest is not null then raw_manifest
                else encode('tree ' || length(coalesce(body, '')) // 2) || '\x00'::blob || unhex(coalesce(body, ''))
            end
        ) = lower(hex(directory.id)) as proved
    from directory
    left join body using (id)
    where directory.id >= $low and directory.id < $high
)
select 'directory', id, case when proved then 'yes' else 'mismatch' end, null from hashed;

-- [proved_raw]
insert into verdict
select
    kind, id,
    case when raw_manifest is null then 'not-possible' when sha1(raw_manifest) = lower(hex(id)) then 'yes' else 'mismatch' end,
    case when raw_manifest is null then 'pseudonymised author' end
from claim where raw_manifest is not null or personal;

-- [nameless_releases]
select id, name, message, target, target_type from release where author is null and raw_manifest is null order by id;

-- [nameless_revisions]
select
    id, message, directory,
    (
        select list(distinct_parent.parent_id order by parent_rank)
        from (select distinct id, parent_id, parent_rank from revision_history) as distinct_parent
        where distinct_parent.id = revision.id
    ) as parents,
    (
        select list({'key': key, 'value': value} order by position)
        from revision_extra_headers as header where header.id = revision.id
    ) as headers
from revision where author is null and committer is null and raw_manifest is null order by id;

-- [proved_nameless]
insert into verdict select kind, id, verified, null from streamed;

-- [mismatches]
update verdict set verified = 'mismatch', reason = null where (kind, id) in (select (kind, id) from malformed);
create table mismatch as select kind, id from verdict where verified = 'mismatch';

-- [synthetic]
insert into verdict
select kind, id, 'not-possible', 'synthetic export' from (
    select distinct 'snapshot' as kind, id from snapshot
    union all
    select distinct 'directory', id from directory
    union all
    select kind, id from claim
);

-- What visits show as a tree, by the rule of `archive.views.anchors`.
-- [anchors]
create table anchor as
select branch.snapshot_id, release.id, release.target as root
from branch join release on branch.target_type = 'release' and release.id = branch.target
where release.target_type = 'directory' and ('release', release.id) not in (select (kind, id) from mismatch)
union
select head.snapshot_id, revision.id, revision.directory
from head join revision on head.target_type = 'revision' and revision.id = head.target
where ('revision', revision.id) not in (select (kind, id) from mismatch)
union
select snapshot_id, target, target from head where target_type = 'directory';
create table hole (id blob);
create table hole_found as
select id from wanted where kind = 'directory' and id not in (select id from directory)
union
select id from mismatch where kind = 'directory';

-- [holes]
insert into hole from hole_found;
create or replace table hole_found as
select distinct directory_id as id from entry
where type = 'dir' and target in (select id from hole_found) and directory_id not in (select id from hole);

-- [roots]
create table hole_root as
select distinct root from anchor where root in (select id from hole) or root not in (select id from directory);
create table large_root (root blob);
create table size (root blob, entries bigint, bytes hugeint);
create table file (root blob, path blob, perms integer, content blob);
create table place as
select distinct root, ''::blob as prefix, root as id from anchor where root not in (select root from hole_root);

-- Counted before it is written out: directories in directories may name more files than there are atoms.
-- [too_many]
insert into size
select place.root, sum(counted.entries), sum(counted.bytes + counted.entries * octet_length(place.prefix))
from place
join (
    select directory_id as id, count(*) as entries, sum(octet_length(name)) as bytes from entry group by directory_id
) as counted using (id)
group by place.root;
create or replace table left_out as
select root from size group by root having sum(entries) > $most or sum(bytes) > $most_bytes;

-- [too_deep]
create or replace table left_out as select distinct root from place;

-- [leave_out]
insert into large_root from left_out;
delete from size where root in (from left_out);
delete from place where root in (from left_out);
delete from file where root in (from left_out);

-- [level]
insert into file
select distinct place.root, place.prefix || entry.name, entry.perms, entry.target
from place join entry on entry.directory_id = place.id where entry.type = 'file';
create or replace table place as
select distinct place.root, place.prefix || entry.name || '/'::blob as prefix, entry.target as id
from place join entry on entry.directory_id = place.id where entry.type = 'dir';

-- What is missing or wrong, and what names that: revisions of their directories, with history children of their parents, releases.
-- [damaged]
create table damaged as
select kind, id from mismatch
union
select 'directory', id from hole
union
select kind, id from wanted where kind = 'revision' and id not in (select id from revision)
union
select kind, id from wanted where kind = 'release' and id not in (select id from release)
union
select 'revision', id from revision where directory in (select id from hole);

-- [descendants]
create or replace table sought as select distinct id from damaged where kind = 'revision';
create or replace table edge as
select distinct parent_id as id, id as parent_id from revision_history where id in (select id from revision);
create or replace table reached (number bigint);

-- [damaged_descendants]
insert into damaged
select 'revision', id from node where number in (select number from reached)
    and id not in (select id from damaged where kind = 'revision');

-- [damaged_releases]
insert into damaged
select 'release', id from release
where (target_type, target) in (select (kind, id) from damaged)
    and id not in (select id from damaged where kind = 'release');

-- [without_tree]
select distinct origin from seen
where snapshot in (select id from snapshot) and snapshot not in (select snapshot_id from anchor)
    and ('snapshot', snapshot) not in (select (kind, id) from mismatch)
    and snapshot not in (
        select snapshot_id from followed where (target_type, target) in (select (kind, id) from damaged)
    )
order by origin;

-- [visits]
select
    seen.origin, seen.visit, seen.date, seen.type,
    case
        when seen.status = 'full' and (
            seen.snapshot not in (select id from snapshot)
            or ('snapshot', seen.snapshot) in (select (kind, id) from mismatch)
            or seen.snapshot in (select snapshot_id from anchor where root in (select root from large_root))
            or seen.snapshot in (select snapshot_id from followed where (target_type, target) in (select (kind, id) from damaged))
        ) then 'partial'
        else seen.status
    end as status,
    case
        when octet_length(seen.snapshot) = 20 and ('snapshot', seen.snapshot) not in (select (kind, id) from mismatch)
            then seen.snapshot
    end as snapshot
from seen order by seen.origin, seen.visit;

-- [to_fetch]
select sha1_git, sha1, sha256, blake2s256, length from stated where reason is null order by sha1_git;

-- [content_states]
create table state as
select
    stated.* exclude (reason),
    case
        when here.sha1_git is not null then null
        else coalesce(failed.reason, stated.reason, 'not-fetched')
    end as reason
from stated
left join (select distinct sha1_git from here) as here using (sha1_git)
left join (select sha1_git, min(reason) as reason from failed group by sha1_git) as failed using (sha1_git);

-- [lost]
select reason, count(*), min(sha1_git) from state where reason is not null group by reason order by reason;

-- [trees]
with tally as (
    select file.root, state.reason, count(*) as files, sum(coalesce(state.length, 0))::bigint as bytes
    from file join state on state.sha1_git = file.content group by file.root, state.reason
)
select distinct seen.origin, anchor.id, tally.reason, coalesce(tally.files, 0), coalesce(tally.bytes, 0)
from seen
join anchor on anchor.snapshot_id = seen.snapshot
left join tally using (root)
where anchor.root not in (select root from hole_root) and anchor.root not in (select root from large_root)
    and ('snapshot', seen.snapshot) not in (select (kind, id) from mismatch)
order by all;

-- Rows of the lake's tables, each sorted by key.

-- [rows content]
select sha1_git, sha1, sha256, blake2s256, length, 'visible' as status, 'not-possible' as verified, $why as verified_reason
from state where archived and reason is not null order by sha1_git;

-- [rows skipped_content]
select sha1_git, sha1, sha256, blake2s256, length, 'absent' as status, reason
from state where reason is not null order by sha1_git;

-- [rows directory_entry]
select directory_id, name, type, target, perms from entry
where directory_id in (select id from directory)
    and ('directory', directory_id) not in (select (kind, id) from mismatch)
order by directory_id, name;

-- [rows directory]
select directory.id, directory.raw_manifest, verdict.verified, verdict.reason as verified_reason
from directory
join verdict on verdict.kind = 'directory' and verdict.id = directory.id
where verdict.verified <> 'mismatch' order by directory.id;

-- [rows tree_file]
select root, path, perms, content from file order by root, path;

-- [rows revision_extra_headers]
select header.id, (row_number() over (partition by header.id order by position) - 1)::integer as rank, header.key, header.value
from revision_extra_headers as header
join (select id, min(position) >> 40 as file from revision_extra_headers group by id) as first
    on first.id = header.id and first.file = header.position >> 40
where header.id in (select id from revision) and ('revision', header.id) not in (select (kind, id) from mismatch)
order by header.id, rank;

-- [rows revision_history]
select distinct id, parent_id, parent_rank from revision_history
where id in (select id from revision) and ('revision', id) not in (select (kind, id) from mismatch)
order by id, parent_rank;

-- [rows revision]
select
    revision.id, message,
    case when octet_length(author) = 32 then author else unhex(sha256(author)) end as author,
    date, date_offset, date_raw_offset_bytes,
    case when octet_length(committer) = 32 then committer else unhex(sha256(committer)) end as committer,
    committer_date, committer_offset, committer_date_raw_offset_bytes, directory, type, raw_manifest,
    verdict.verified, verdict.reason as verified_reason
from revision
join verdict on verdict.kind = 'revision' and verdict.id = revision.id
where verdict.verified <> 'mismatch' order by revision.id;

-- [rows release]
select
    release.id, name, message, target, target_type,
    case when octet_length(author) = 32 then author else unhex(sha256(author)) end as author,
    date, date_offset, date_raw_offset_bytes, raw_manifest, verdict.verified, verdict.reason as verified_reason
from release
join verdict on verdict.kind = 'release' and verdict.id = release.id
where verdict.verified <> 'mismatch' order by release.id;

-- [rows snapshot_branch]
select snapshot_id, name, target, target_type from branch
where snapshot_id in (select id from snapshot) and ('snapshot', snapshot_id) not in (select (kind, id) from mismatch)
order by snapshot_id, name;

-- [rows snapshot]
select snapshot.id, verdict.verified, verdict.reason as verified_reason
from (select distinct id from snapshot) as snapshot
join verdict on verdict.kind = 'snapshot' and verdict.id = snapshot.id
where verdict.verified <> 'mismatch' order by snapshot.id;
