-- SPDX-FileCopyrightText: 2026 CodeCommons contributors
--
-- SPDX-License-Identifier: Apache-2.0

-- What `codecommons sql`, dbt and notebooks see.
--
-- Schema `lake` holds the stored tables (binary hashes, live slices only); the views here are their public face. An identifier
-- column is a SWHID as text, a hash is lower-case hex, a date is a UTC timestamp (null when it fits none), a name or a
-- message stays binary as in Software Heritage's export, and a path is text in which bytes that are not UTF-8 stand as \xNN.

-- What the opt-out ledger leaves out is in no view of contents, files and origins (`lake.opted_out_content`, `_origin`, `_place`).

-- The archive, with Software Heritage's names.

create or replace view origin as select lower(hex(origin.id)) as id, origin.url
from lake.origin anti join lake.opted_out_origin as gone on gone.origin = origin.url;

create or replace view origin_visit as
select origin, visit, make_timestamp(epoch_us(date)) as date, type, slice, source from lake.origin_visit;

create or replace view origin_visit_status as
select origin, visit, make_timestamp(epoch_us(date)) as date, status, swhid('snp', snapshot) as snapshot, type, slice, source
from lake.origin_visit_status;

create or replace view snapshot as select swhid('snp', id) as id, verified, verified_reason from lake.snapshot;

create or replace view snapshot_branch as
select
    swhid('snp', snapshot_id) as snapshot_id,
    name,
    case target_type when 'alias' then from_utf8(target) else swhid_of(target_type, target) end as target,
    target_type
from lake.snapshot_branch;

create or replace view release as
select
    swhid('rel', id) as id, name, message, swhid_of(target_type, target) as target, target_type, lower(hex(author)) as author,
    moment(date) as date, date_offset, date_raw_offset_bytes, raw_manifest, verified, verified_reason
from lake.release;

create or replace view revision as
select
    swhid('rev', id) as id, message, lower(hex(author)) as author, moment(date) as date, date_offset, date_raw_offset_bytes,
    lower(hex(committer)) as committer, moment(committer_date) as committer_date, committer_offset,
    committer_date_raw_offset_bytes, swhid('dir', directory) as directory, type, raw_manifest, verified, verified_reason
from lake.revision;

create or replace view revision_history as
select swhid('rev', id) as id, swhid('rev', parent_id) as parent_id, parent_rank from lake.revision_history;

create or replace view revision_extra_headers as select swhid('rev', id) as id, rank, key, value from lake.revision_extra_headers;

create or replace view directory as select swhid('dir', id) as id, raw_manifest, verified, verified_reason from lake.directory;

create or replace view directory_entry as
select swhid('dir', directory_id) as directory_id, name, type, swhid_of(type, target) as target, perms from lake.directory_entry;

create or replace view content as
select
    swhid('cnt', sha1_git) as swhid, lower(hex(sha1)) as sha1, lower(hex(sha1_git)) as sha1_git, lower(hex(sha256)) as sha256,
    lower(hex(blake2s256)) as blake2s256, length, status, verified, verified_reason
from lake.content anti join lake.opted_out_content as gone on gone.content = content.sha1_git;

create or replace view skipped_content as
select
    swhid('cnt', sha1_git) as swhid, lower(hex(sha1)) as sha1, lower(hex(sha1_git)) as sha1_git, lower(hex(sha256)) as sha256,
    lower(hex(blake2s256)) as blake2s256, length, status, reason
-- Somebody else may have brought the bytes since.
from lake.skipped_content anti join lake.opted_out_content as gone on gone.content = skipped_content.sha1_git;

create or replace view content_data as select swhid('cnt', sha1_git) as swhid, data
from lake.content_data anti join lake.opted_out_content as gone on gone.content = content_data.sha1_git;

create or replace view extid as
select lower(hex(extid)) as extid, extid_type, extid_version, swhid_of(target_type, target) as target, target_type,
    files, bytes, skipped_files, skipped_bytes
from lake.extid;

create or replace view tree_file as
select swhid('dir', root) as root, from_utf8(path) as path, perms, swhid('cnt', content) as content from lake.tree_file;

-- Every file as a person would look for it: visit, then snapshot, then anchor, then path.

-- What a visit shows as a tree: every release of a package, the head of a repository or folder (see archive.slice_roots; the rule
-- for the head is archive.views.HEADS).
create or replace view lake.anchor as
with recursive step as (
    select snapshot_id, case name when 'HEAD'::blob then 0 when 'refs/heads/master'::blob then 1 else 2 end as rank,
        target_type, target, 0 as aliases
    from lake.snapshot_branch where name in ('HEAD'::blob, 'refs/heads/master'::blob, 'refs/heads/main'::blob)
    union all
    select step.snapshot_id, step.rank, named.target_type, named.target, step.aliases + 1
    from step join lake.snapshot_branch as named on named.snapshot_id = step.snapshot_id and named.name = step.target
    where step.target_type = 'alias' and step.aliases < 8
),
head as (
    select distinct on (snapshot_id) snapshot_id, target_type, target
    from step where target_type in ('revision', 'release', 'directory') order by snapshot_id, rank
),
anchor as (
    select branch.snapshot_id, 'rel' as kind, release.id, release.date, release.target as root
    from lake.snapshot_branch as branch
    join lake.release as release on branch.target_type = 'release' and release.id = branch.target
    where release.target_type = 'directory'
    union
    select head.snapshot_id, 'rev', revision.id, revision.date, revision.directory
    from head join lake.revision as revision on head.target_type = 'revision' and revision.id = head.target
    union
    select snapshot_id, 'dir', target, null, target from head where target_type = 'directory'
)
select visit.origin, visit.visit, visit.slice, visit.source, visit.snapshot, anchor.kind, anchor.id, moment(anchor.date) as date, anchor.root
from lake.origin_visit_status as visit
join anchor on anchor.snapshot_id = visit.snapshot;

-- Every content where it occurs. A date before 1970 or after the day of the visit is impossible: it is null.
create or replace view lake.occurrence as
select
    tree.content, tree.path, tree.root, anchor.origin, anchor.visit, anchor.slice, anchor.source, anchor.kind, anchor.id,
    case when anchor.date > make_timestamp(0) and anchor.date < anchor.slice::date + interval 1 day then anchor.date end as date
from lake.anchor as anchor
join lake.tree_file as tree on tree.root = anchor.root;

create or replace view file as
select origin, visit, swhid(kind, id) as anchor, from_utf8(path) as path, swhid('cnt', content) as content, slice, swhid('dir', root) as root
from lake.occurrence
anti join lake.opted_out_origin using (origin)
anti join lake.opted_out_place using (origin, root, path)
anti join lake.opted_out_content using (content);

-- Every content where history brought it (see archive.history). A date after the newest visit of the origin is impossible.
create or replace view lake.brought as
with visited as (
    select origin, max(slice)::date + interval 1 day as until from lake.origin_visit_status group by origin
),
introduced as (
    from lake.introduced qualify parents = max(parents) over (partition by revision)
)
select
    introduced.content, introduced.path, revision.directory as root, origin.url as origin, 'rev' as kind, revision.id,
    case when moment(revision.date) > make_timestamp(0) and moment(revision.date) < visited.until then moment(revision.date) end as date
from introduced
join lake.revision as revision on revision.id = introduced.revision
join lake.origin_revision as held on held.revision = introduced.revision
join lake.origin as origin on origin.id = held.origin
join visited on visited.origin = origin.url
where introduced.content is not null;

create or replace view lake.seen as
select content, path, root, origin, kind, id, date from lake.occurrence
union all
select content, path, root, origin, kind, id, date from lake.brought;

-- The earliest release or revision that holds a content: by date, its identifier, origin and path.
create or replace view first_occurrence as
select swhid('cnt', content) as content, date, swhid(kind, id) as anchor, origin, from_utf8(path) as path
from (select distinct on (content) * from lake.seen order by content, date nulls last, id, origin, path);

-- What manifests say of the project they belong to, wherever one occurs; `codemeta` is a CodeMeta document, authors as hashes.
create or replace view project as
select
    occurrence.origin, occurrence.slice, swhid(occurrence.kind, occurrence.id) as anchor, from_utf8(occurrence.path) as path,
    said.ecosystem, said.project, said.project_version, said.license, said.license_raw, said.classifiers, said.description, said.authors,
    said.code_repository, said.issue_tracker, said.homepage, said.keywords, said.languages, said.requires, said.suggests, said.codemeta
from annotation_project_metadata as said
join lake.occurrence as occurrence
    on swhid('cnt', occurrence.content) = said.swhid and parse_filename(from_utf8(occurrence.path), false, 'forward_slash') = said.name
where said.error is null;

-- Every statement about a licence, with the lines that make it: `stated` ones are what decisions go by.
create or replace view license_evidence as
select
    said.swhid || ';lines=' || one.start_line || '-' || one.end_line as evidence, said.swhid as content, said.name, one.expression,
    one.detector, one.stated
from annotation_license_evidence as said, unnest(said.evidence) as statement(one);

-- How often a content is named what: one row a content, its most frequent name (ties by bytes).
create or replace view popular_content_name as
with naming as (
    select target, name, count(*) as occurrences from lake.directory_entry where type = 'file' group by target, name
),
popular as (
    select distinct on (target) target, name, occurrences from naming order by target, occurrences desc, name
),
known as (
    select sha1_git, length from lake.content
    union all
    select sha1_git, length from lake.skipped_content anti join lake.content using (sha1_git)
)
select swhid('cnt', popular.target) as swhid, known.length, popular.name as filename, popular.occurrences
from popular left join known on known.sha1_git = popular.target;

create or replace view popular_contents as from popular_content_name;

-- What collections declare of their files.

create or replace view declaration as
select swhid('dir', root) as root, from_utf8(path) as path, licenses, make_timestamp(epoch_us(date)) as date, language, row_id,
    declared_by
from lake.declaration;

create or replace view collection_tree as
select lower(hex(state)) as state, origin, swhid('dir', root) as root, files, bytes, skipped_files, skipped_bytes
from lake.collection_tree;

-- Feeds, as they came; whose they are and what they say is parsed by later stages.

create or replace view gharchive_event as
select hour, id, type, lower(hex(actor)) as actor, repo_id, repo, url, make_timestamp(epoch_us(created_at)) as created_at, public,
    complete, slice, source, item
from lake.gharchive_event;

create or replace view osv_record as
select id, make_timestamp(epoch_us(modified)) as modified, make_timestamp(epoch_us(published)) as published,
    make_timestamp(epoch_us(withdrawn)) as withdrawn, aliases, packages, record, slice, source, item
from lake.osv_record;

create or replace view software_mention as select id, doi, title, layout, mentions, slice, source, item from lake.software_mention;

-- What the stages decided.

-- Under the policies as they are now; `lake.license_decision` keeps what earlier versions said.
create or replace view license_decision as
select file_swhid(content, root, path) as file, policy, verdict, rule, evidence, expression, swhid('cnt', content) as content,
    swhid('dir', root) as root, from_utf8(path) as path
from lake.license_decision semi join lake.current_policy using (policy);

-- Where each opt-out request stands: its last entry says so. Who asks is in no table.
create or replace view opt_out as
with entry as (
    select sequence, digest, entry->>'$.action' as action, coalesce(entry->>'$.id', digest[:16]) as id, entry from lake.opt_out_ledger
),
last as (
    select distinct on (id) id, case action when 'submitted' then entry->>'$.state' else action end as state,
        entry->>'$.why' as why, cast(entry->'$.evidence' as varchar[]) as evidence, sequence, digest
    from entry order by id, sequence desc
)
select
    id, entry.entry->>'$.request.scope' as scope, cast(entry.entry->'$.request.values' as varchar[]) as "values",
    entry.entry->>'$.request.within' as within, entry.entry->>'$.request.reason' as reason, last.state, last.why, last.evidence,
    entry.entry->>'$.received' as received, last.sequence, last.digest
from entry join last using (id)
where entry.action = 'submitted';

create or replace view duplicate_pair as
select swhid('cnt', a) as a, swhid('cnt', b) as b, similarity, accepted, configuration from lake.duplicate_pair;

create or replace view duplicate as
select dataset, swhid('cnt', content) as content, swhid('cnt', kept) as kept, similarity, rule, fingerprint
from lake.dataset_drop where kept is not null;

create or replace view dataset as select dataset, fingerprint, specification, as_of, rows, bytes, shards from lake.dataset;

create or replace view dataset_row as
select dataset, fingerprint, shard, row, swhid, swhid('cnt', content) as content, origin, from_utf8(path) as path, length, language,
    license
from lake.dataset_row;

create or replace view dataset_drop as
select dataset, fingerprint, swhid('cnt', content) as content, origin, anchor, from_utf8(path) as path, length, rule, evidence,
    swhid('cnt', kept) as kept, similarity
from lake.dataset_drop;

create or replace view shard as select dataset, fingerprint, shard, sha256, rows, bytes from lake.shard;

-- What the lake knows about itself.

create or replace view quarantine as
select slice, source, item, stage, reason, detail, from_utf8(path) as path, length, kept from lake.quarantine;

create or replace view slice_input as from lake.slice_input;

create or replace view slice_log as from lake.slice_log;

-- What is followed: one row an origin, its newest change as the lister tells it, how many items it has and how many of them
-- have become input, and the newest slice that one went to.
create or replace view listed_origin as
select
    lister, instance, url, visit_type, make_timestamp(epoch_us(max(last_update))) as last_update, min(day) as first_listed,
    max(day) filter (slice is null) as last_listed, count(distinct item) as items,
    count(distinct item) filter (slice is not null) as taken, max(slice) as last_slice, any_value(problem) as problem
from lake.listed_origin
group by lister, instance, url, visit_type;

create or replace view cursor as
select instance, lister, cursor, day, make_timestamp(epoch_us(completed)) as completed, waiting from lake.cursor;

create or replace view stage_report as from lake.stage_report;
