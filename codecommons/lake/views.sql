-- SPDX-FileCopyrightText: 2026 CodeCommons contributors
--
-- SPDX-License-Identifier: Apache-2.0

-- What `codecommons sql`, dbt and notebooks see.
--
-- Schema `lake` holds the stored tables (binary hashes, live slices only); the views here are their public face. An identifier
-- column is a SWHID as text, a hash is lower-case hex, a date is a UTC timestamp (null when it fits none), a name or a
-- message stays binary as in Software Heritage's export, and a path is text in which bytes that are not UTF-8 stand as \xNN.

-- What the opt-out ledger leaves out is in no view (`lake.opted_out_content`, `_origin`, `_place`): a content that nobody may show is in
-- none that names contents, but for the entries of directories, which are what their identifier is made of.

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
select swhid('dir', root) as root, from_utf8(path) as path, perms, swhid('cnt', content) as content from lake.tree_file anti join lake.opted_out_content using (content);

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
-- A window would have to see every row, whichever content is asked for.
told as (select revision, max(parents) as parents from lake.introduced group by revision)
select
    introduced.content, introduced.path, revision.directory as root, origin.url as origin, 'rev' as kind, revision.id,
    case when moment(revision.date) > make_timestamp(0) and moment(revision.date) < visited.until then moment(revision.date) end as date
from lake.introduced as introduced
semi join told on told.revision = introduced.revision and told.parents = introduced.parents
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
from (select distinct on (content) * from lake.seen order by content, date nulls last, id, origin, path)
-- Where the first one is opted out nothing is said: the next would be taken for it.
anti join lake.opted_out_content using (content) anti join lake.opted_out_origin using (origin);

-- What manifests say of the project they belong to, wherever one occurs; `codemeta` is a CodeMeta document, authors as hashes.
create or replace view project as
select
    occurrence.origin, occurrence.slice, swhid(occurrence.kind, occurrence.id) as anchor, from_utf8(occurrence.path) as path,
    said.ecosystem, said.project, said.project_version, said.license, said.license_raw, said.classifiers, said.description, said.authors,
    said.code_repository, said.issue_tracker, said.homepage, said.keywords, said.languages, said.requires, said.suggests, said.codemeta
from annotation_project_metadata as said
join lake.occurrence as occurrence
    on swhid('cnt', occurrence.content) = said.swhid and parse_filename(from_utf8(occurrence.path), false, 'forward_slash') = said.name
anti join lake.opted_out_origin using (origin)
anti join lake.opted_out_place using (origin, root, path)
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
from popular left join known on known.sha1_git = popular.target
anti join lake.opted_out_content as gone on gone.content = popular.target;

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

-- What snapshots name: the releases of a package, by version, and tags and branches of a repository, with their revisions. What
-- people only propose (refs/pull/…) does not count.
create or replace view lake.named as
with seen as (select distinct origin, snapshot from lake.origin_visit_status where snapshot is not null),
branch as (
    select seen.origin, branch.name, branch.target_type, branch.target, release.name as version, release.target as released,
        release.target_type as released_type
    from seen
    join lake.snapshot_branch as branch on branch.snapshot_id = seen.snapshot
    left join lake.release as release on branch.target_type = 'release' and release.id = branch.target
    where branch.target_type in ('release', 'revision')
)
select distinct origin, 'package' as kind, target, 'rel' as anchor_kind, target as anchor, from_utf8(version) as version
from branch where starts_with(origin, 'pkg:') and target_type = 'release'
union all
select distinct origin, 'git', if(target_type = 'release', released, target), if(target_type = 'release', 'rel', 'rev'), target,
    if(starts_with(name::varchar, 'refs/tags/'), substr(from_utf8(name), 11), null)
from branch
where not starts_with(origin, 'pkg:') and (target_type = 'revision' or released_type = 'revision')
    and (not starts_with(name::varchar, 'refs/') or regexp_matches(name::varchar, '^refs/(heads|tags)/'));

-- Known vulnerabilities: which releases and revisions of the lake the newest state of each record affects, by which rule, and
-- where that can't be told, why. Records that were withdrawn affect nothing.
create or replace view vulnerability as
with record as (
    select * from (
        select distinct on (id) id, aliases, summary, severity, affected, modified, published, withdrawn
        from lake.vulnerability_record order by id, modified desc, digest desc
    ) where withdrawn is null
),
stated as (
    select record.* exclude (affected, severity, withdrawn), one.entry, one.statement,
        coalesce(if(len(one.severity) > 0, one.severity, null), record.severity) as severity
    from record, unnest(record.affected) as entry(one)
),
told as (
    select stated.*, said.* exclude (statement) from stated join lake.vulnerability_statement as said using (statement)
),
listed as (
    select id, entry, any_value(name) as listed_name, any_value(versions) as listed
    from told where kind = 'package' and len(versions) > 0 group by id, entry
),
verdict as (from lake.vulnerability_verdict semi join lake.current_vulnerability_rules using (digest)),
judged as (
    select told.*, named.origin, named.anchor_kind, named.anchor, named.version, verdict.affected, verdict.rule,
        -- A range of commits may lack the fix of a branch whose versions the same record knows to be good.
        if(told.kind = 'git' and not list_contains(listed.listed, regexp_replace(named.version, '^[^0-9]*', '')),
            'the versions of ' || listed.listed_name || ' that the record lists are others', verdict.detail) as detail
    from told
    join verdict using (statement)
    join lake.named as named on named.target = verdict.target and named.kind = told.kind
    left join listed on listed.id = told.id and listed.entry = told.entry
    where verdict.affected is distinct from false and (told.kind = 'git' or place(named.origin) = told.place)
    union all
    select told.*, named.origin, named.anchor_kind, named.anchor, named.version,
        if(list_contains(told.versions, named.version), true, null),
        if(list_contains(told.versions, named.version), 'versions', 'git-range'),
        case
            when list_contains(told.versions, named.version) then named.version
            when told.problem is not null then told.problem
            when named.target not in (select id from lake.revision) then 'the revision is not in the lake'
            else 'the lake has not all of its history, or has not been asked yet (enriched_context of its day)'
        end
    from told
    join lake.named as named on told.kind = 'git' and place(named.origin) = told.place
    left join verdict on verdict.statement = told.statement and verdict.target = named.target
    where verdict.affected is null or (not verdict.affected and list_contains(told.versions, named.version))
)
select id, aliases, severity, summary, origin, swhid(anchor_kind, anchor) as anchor, version,
    if(affected, 'affected', 'not-resolvable') as state, rule, detail, fixed, ecosystem, name as package, modified::timestamp as modified,
    published::timestamp as published
from judged;

-- Papers that mention software, and the origin that is meant, by the best of these rules: a SWHID that a visit of the origin shows
-- (high); an address that is the origin's (high); the name of a package with a version that it has (medium); the name alone (low),
-- of which several packages may be guilty. What no rule joins has no origin.
create or replace view mention as
with said as (
    select * from lake.mention qualify dense_rank() over (partition by paper order by slice desc, source, item) = 1
),
visited as (select distinct origin from lake.origin_visit_status),
package as (
    select origin, lower(regexp_replace(url_decode(split_part(origin, '/', -1)), '[-_.]+', '-', 'g')) as form
    from visited where starts_with(origin, 'pkg:')
),
identified as (select paper, number, swhid, from_swhid(swhid) as id, split_part(swhid, ':', 3) as kind from said where swhid is not null),
link as (
    select paper, number, origin.url as origin, 1 as rank
    from identified join lake.origin_revision as held on kind = 'rev' and held.revision = identified.id
    join lake.origin as origin on origin.id = held.origin
    union
    select paper, number, origin, 1 from identified join lake.anchor on identified.id = anchor.id and identified.kind = anchor.kind
    union
    select paper, number, origin, 1 from identified join lake.anchor on identified.kind = 'dir' and identified.id = anchor.root
    union
    select paper, number, origin, 1 from identified join lake.origin_visit_status as visit on kind = 'snp' and identified.id = visit.snapshot
    union
    select paper, number, visited.origin, 2
    from (select paper, number, unnest(places) as place from said) as meant join visited on place(visited.origin) = meant.place
    union
    select paper, number, package.origin, if(named.version is null, 4, 3)
    from (select paper, number, name_form, versions from said) as meant
    join package on package.form = meant.name_form
    left join lake.named as named on named.origin = package.origin and list_contains(meant.versions, named.version)
),
best as (select paper, number, origin, min(rank) as rank from link group by all)
select paper, doi, title, number, name, normalized, type, versions, urls, publishers, languages, swhid, relationship, origin,
    ['swhid', 'url', 'name-and-version', 'name'][rank] as rule, ['high', 'high', 'medium', 'low'][rank] as confidence,
    used, used_score, created, created_score, shared, shared_score, document_used, document_used_score, document_created,
    document_created_score, document_shared, document_shared_score, start_offset, end_offset, offsets_in, layout, slice, source, item
from said left join best using (paper, number);

-- What happened on forges, from GH Archive's events.

-- Events of issues and pull requests, each once however often it came, numbered from 1 in each thread in the order they happened.
-- A repository is its number, as names change.
create or replace view lake.thread_part as
select *, row_number() over (partition by place, number order by created_at, length(id), id) as n
from (
    select distinct on (id) *, coalesce(repository_id::varchar, repository) as place
    from lake.thread_event order by id, slice desc, source, item
);

-- Discussions: one row an issue or pull request, from whatever days its events came in. Messages are in order, and people are called
-- username_0 and so on, by who appears first; a comment that was edited is there once, as it was last, and one that was deleted is not.
-- `completeness` is trimmed (the forge left out what a pull request says), partial (the opening is not there, or fewer
-- comments than the forge counted) or complete.
create or replace view thread as
with known as (
    select place, number, arg_max(repository, n) as repository, arg_max(origin, n) as origin,
        if(bool_or(kind = 'pull_request'), 'pull_request', 'issue') as kind,
        arg_max({'title': title, 'body': body}, n) filter (title is not null) as said,
        arg_max({'opener': opener, 'bot': opener_bot}, n) filter (opener is not null) as whose,
        arg_max(opened_at, n) as opened_at,
        arg_max(if(text_kind is null, association, null), n) as association,
        min(created_at) filter (action = 'opened' and text_kind is null) as opened_seen,
        arg_min(author, n) filter (action = 'opened' and text_kind is null) as opened_by,
        arg_min(bot, n) filter (action = 'opened' and text_kind is null) as opened_by_bot,
        arg_max(labels, n) as labels, arg_max(base, n) as base, arg_max(head, n) as head,
        arg_max(action, n) filter (text_kind is null and action in ('opened', 'reopened', 'closed', 'merged')) as state,
        bool_or(merged) as merged, max(comments) as comments_counted, max(review_comments) as review_comments_counted,
        bool_and(complete) as whole, count(*) as events, min(created_at) as first_event, max(created_at) as last_event
    from lake.thread_part group by place, number
),
summary as (select *, whose.opener as opener, whose.bot as opener_bot from known),
message as (
    select place, number, 0 as turn, coalesce(opened_at, opened_seen) as happened, 0 as n, 'opened' as action,
        coalesce(opener, opened_by) as author, if(opener is null, opened_by_bot, opener_bot) as bot, association, said.body as text,
        null::bigint as text_id, null::varchar as review_state, null::bigint as review_id, null::bigint as in_reply_to,
        null::varchar as path, null::bigint as line, null::varchar as diff_hunk, null::varchar as commit, null::boolean as merged
    from summary where said is not null or opened_seen is not null
    union all
    select place, number, 1, created_at, n, action, author, bot, association, null, null, null, null, null, null, null, null, null, merged
    from lake.thread_part where text_kind is null and action in ('reopened', 'closed', 'merged')
    union all
    select place, number, 1, first_at, first_n, text_kind, author, bot, association, text, text_id, review_state,
        review_id, in_reply_to, path, line, diff_hunk, commit, null
    from (
        select *, min(coalesce(text_at, created_at)) over said as first_at, min(n) over said as first_n
        from lake.thread_part where text_kind is not null
        window said as (partition by place, number, text_kind, coalesce(text_id, -n))
        qualify row_number() over (partition by place, number, text_kind, coalesce(text_id, -n) order by n desc) = 1
    )
    where action is distinct from 'deleted'
),
ordered as (select *, row_number() over (partition by place, number order by turn, happened, n) - 1 as position from message),
called as (
    select place, number, 0 as position, 1 as part, regexp_extract_all(said.title, '@\{([0-9a-f]{64})\}', 1) as people from summary
    union all
    select place, number, position, 2, regexp_extract_all(text, '@\{([0-9a-f]{64})\}', 1) from ordered
),
appearance as (
    select place, number, position, 0 as part, 0 as rank, lower(hex(author)) as person from ordered where author is not null
    union all
    select place, number, position, part, generate_subscripts(people, 1), unnest(people) from called
),
person as (
    select place, number, person,
        'username_' || (row_number() over (partition by place, number order by min(row(position, part, rank))) - 1) as name,
        bool_or(part = 0) as speaks
    from appearance group by place, number, person
),
-- Words are whoever speaks: `@data` in code that nobody marked as such calls nobody. And a project is often called like its owner.
people as (
    select place, number, map(list(person), list(name)) as names,
        map_from_entries(list((person, name)) filter (speaks and person <> sha256(lower(split_part(repository, '/', 2))))) as words
    from person join summary using (place, number) group by place, number
),
told as (
    select place, number, count(*) filter (text_id is not null or action in ('comment', 'review', 'review_comment')) as comments,
        count(*) filter (action = 'comment') as comments_seen,
        count(*) filter (action = 'review_comment') as review_comments_seen,
        count(distinct author) filter (bot is null) as users, count(distinct author) filter (bot is not null) as bots,
        list({
            'number': position, 'user': names[lower(hex(author))],
            'role': case when bot is not null then 'bot' when author = coalesce(opener, opened_by) then 'author' else 'participant' end,
            'bot': bot, 'association': ordered.association, 'action': action, 'time': ordered.happened::timestamp, 'text': called(text, names, words),
            'id': text_id, 'review_state': review_state, 'review': review_id, 'in_reply_to': in_reply_to, 'path': path, 'line': line,
            'diff_hunk': diff_hunk, 'commit': commit, 'merged': ordered.merged
        } order by position) as messages
    from ordered join summary using (place, number) left join people using (place, number)
    group by place, number
)
select origin, repository, try_cast(place as bigint) as repository_id, number, kind, called(said.title, names, words) as title, case state when 'reopened' then 'opened' else state end as state,
    merged, case
        when not whole then 'trimmed'
        when said is null or comments_seen < comments_counted or review_comments_seen < review_comments_counted then 'partial'
        else 'complete'
    end as completeness,
    opened_at::timestamp as opened_at, opened_seen is not null as opened_seen, labels, coalesce(comments, 0) as comments, comments_counted,
    coalesce(users, 0) as users, coalesce(bots, 0) as bots, events, first_event::timestamp as first_event,
    last_event::timestamp as last_event, base, head, coalesce(messages, []) as messages
from summary left join told using (place, number) left join people using (place, number)
anti join lake.opted_out_origin using (origin);

-- Repositories of forges: the newest that events say of each, and how often it was starred and forked while we looked. `visited` are
-- the origins of the lake that are this repository.
create or replace view repository as
with happened as (
    select repo_id as repository_id, arg_max(repo, row(created_at, length(id), id)) as repository,
        arg_max(url, row(created_at, length(id), id)) as origin, count(distinct id) filter (type = 'WatchEvent') as star_events,
        count(distinct id) filter (type = 'ForkEvent') as fork_events, count(distinct id) as events,
        min(created_at) as first_event, max(created_at) as last_event
    from lake.gharchive_event where repo_id is not null group by repo_id
),
observed as (
    select distinct on (repository_id) * exclude (slice, source, attempt, item, id, part)
    from lake.repository_observation order by repository_id, observed_at desc, length(id) desc, id desc, part, slice desc, source, item
),
merged as (
    select repository_id, coalesce(happened.origin, observed.origin) as origin, coalesce(happened.repository, observed.repository) as repository,
        observed.* exclude (repository_id, origin, repository), happened.* exclude (repository_id, origin, repository)
    from happened full join observed using (repository_id)
),
visited as (select place(url) as place, list(url order by url) as visited from lake.origin group by 1)
select origin, repository, repository_id, description, homepage, language, license, license_key, topics, default_branch, fork, forked_from,
    archived, stars, watchers, forks, open_issues, size, created_at::timestamp as created_at, updated_at::timestamp as updated_at,
    pushed_at::timestamp as pushed_at, observed_at::timestamp as observed_at, coalesce(star_events, 0) as star_events,
    coalesce(fork_events, 0) as fork_events, coalesce(events, 0) as events, first_event::timestamp as first_event,
    last_event::timestamp as last_event, coalesce(visited, []) as visited
from merged left join visited on visited.place = place(merged.origin) anti join lake.opted_out_origin using (origin);

-- What the stages decided.

-- Under the policies as they are now; the two tables keep what earlier versions said.
create or replace view lake.license_decision as
select judged.policy, said.root, said.path, said.content, nullif(judged.decided, '') as expression, judged.verdict,
    said.kind || '/' || judged.rule as rule, judged.version, judged.obligations, said.evidence
from lake.license_resolution as said join lake.license_judgement as judged using (resolution, statement)
semi join lake.current_policy on current_policy.policy = judged.policy;

create or replace view license_decision as
select file_swhid(content, root, path) as file, policy, verdict, rule, version, obligations, evidence, expression,
    swhid('cnt', content) as content, swhid('dir', root) as root, from_utf8(path) as path
from lake.license_decision anti join lake.opted_out_content using (content);

-- Where each opt-out request stands: its last entry says so. Who asks is in no table.
create or replace view opt_out as
with entry as (
    select sequence, digest, entry->>'$.action' as action, coalesce(entry->>'$.id', digest[:16]) as id, entry from lake.opt_out_ledger
),
last as (
    select distinct on (id) id, case when action in ('submitted', 'taken-down') then entry->>'$.state' else action end as state,
        entry->>'$.why' as why, cast(entry->'$.evidence' as varchar[]) as evidence, sequence, digest
    from entry order by id, sequence desc
)
select
    id, entry.entry->>'$.request.scope' as scope, cast(entry.entry->'$.request.values' as varchar[]) as "values",
    entry.entry->>'$.request.within' as within, entry.entry->>'$.request.reason' as reason, last.state, last.why, last.evidence,
    entry.entry->>'$.received' as received, last.sequence, last.digest
from entry join last using (id)
where entry.action in ('submitted', 'taken-down');

create or replace view duplicate_pair as
select swhid('cnt', a) as a, swhid('cnt', b) as b, similarity, accepted, configuration from lake.duplicate_pair
anti join lake.opted_out_content as one on one.content = a anti join lake.opted_out_content as other on other.content = b;

create or replace view duplicate as
select dataset, swhid('cnt', content) as content, swhid('cnt', kept) as kept, evidence[1] as instead, similarity, rule, fingerprint
from lake.dataset_drop anti join lake.opted_out_content using (content) anti join lake.opted_out_content as gone on gone.content = kept
where rule in ('exact_duplicate', 'near_duplicate', 'near_repository');

create or replace view dataset as select dataset, fingerprint, specification, as_of, rows, bytes, shards from lake.dataset;

create or replace view dataset_row as
select dataset, fingerprint, shard, row, swhid, swhid('cnt', content) as content, swhid('cnt', before_content) as before, origin,
    from_utf8(path) as path, length, language, license
from lake.dataset_row anti join lake.opted_out_content using (content)
anti join lake.opted_out_content as gone on gone.content = before_content;

create or replace view dataset_drop as
select dataset, fingerprint, swhid('cnt', content) as content, swhid('cnt', before_content) as before, origin, anchor,
    from_utf8(path) as path, length, rule, evidence, swhid('cnt', kept) as kept, similarity
from lake.dataset_drop anti join lake.opted_out_content using (content) anti join lake.opted_out_content as gone on gone.content = kept
anti join lake.opted_out_content as old on old.content = before_content;

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
