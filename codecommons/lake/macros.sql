-- SPDX-FileCopyrightText: 2026 CodeCommons contributors
--
-- SPDX-License-Identifier: Apache-2.0

-- What the views, and people, say things with.

-- Text of bytes, as in Trino, but surviving invalid bytes: they stand as \xNN, or as the replacement that is asked for.
create or replace macro from_utf8(bytes) as coalesce(try(decode(bytes)), bytes::varchar),
    (bytes, replacement) as coalesce(try(decode(bytes)), regexp_replace(bytes::varchar, '\\x[89A-F][0-9A-F]', replacement, 'g'));

create or replace macro swhid(kind, id) as 'swh:1:' || kind || ':' || lower(hex(id));

-- The bytes of a SWHID's hash, to filter the tables of schema `lake` by.
create or replace macro from_swhid(swhid) as unhex(split_part(split_part(swhid, ';', 1), ':', 4));

create or replace macro swhid_of(type, id) as 'swh:1:' || case type
    when 'content' then 'cnt' when 'file' then 'cnt' when 'directory' then 'dir' when 'revision' then 'rev'
    when 'release' then 'rel' when 'snapshot' then 'snp' else type end || ':' || lower(hex(id));

create or replace macro moment(date) as try(make_timestamp(date.seconds * 1000000 + date.microseconds));

-- Bytes of a path as a SWHID's qualifier writes them. A blob's text writes odd bytes as \xNN, the backslash among them.
create or replace macro qualifier(bytes) as regexp_replace(url_encode(bytes::varchar), '%5Cx(..)', '%\1', 'g')
    .replace('%2F', '/').replace('%21', '!').replace('%24', '$').replace('%26', '&').replace('%27', '''').replace('%28', '(')
    .replace('%29', ')').replace('%2A', '*').replace('%2B', '+').replace('%2C', ',').replace('%3A', ':').replace('%3D', '=')
    .replace('%40', '@');

-- Where a file of a tree is, as a SWHID with qualifiers.
create or replace macro file_swhid(content, root, path) as
    swhid('cnt', content) || ';anchor=' || swhid('dir', root) || ';path=/' || qualifier(path);

-- The form of an address that is compared, as `lake.places.place` has it: `host/a/b`, of a package its purl without version.
create or replace macro place(address) as case when starts_with(address, 'pkg:') then regexp_replace(address, '[@?#].*', '', 's')
    else regexp_replace(regexp_replace(regexp_replace(
        regexp_replace(lower(trim(address)), '^[a-z0-9_.-]+@([a-z0-9.-]+):/*', '\1/'),
        '^(?:(?:[a-z][a-z0-9+.-]*:)?//(?:[^/@]*@)?)?(?:www\.)?', ''), '[?#].*$', '', 's'), '(?:/|\.git)+$', '') end;

-- A text in which words that are the login of somebody in a thread (by sha256 in lower case) have the name there: none that is
-- shorter, or part of a path, an address or code. What makes a path of it stands within 64 characters: to look further from each
-- word of a text without spaces would take time that grows with its square.
create or replace macro named(text, words) as coalesce(list_aggregate(list_transform(
    regexp_extract_all(text, '(?s)```.*?(?:```|\z)|~~~.*?(?:~~~|\z)|`[^`\n]*`|[^\s`]{0,64}[/@:\\.]\w[^\s`]*|[\p{L}\p{N}_-]+|[^\p{L}\p{N}_`-]+|.'),
    lambda word: if(length(word) between 4 and 39, coalesce(words[sha256(lower(word))], word), word)
), 'string_agg', ''), text);
-- A text in which those it calls, `@{sha256}`, have their names of a thread, and so have those whom it names in `words`.
create or replace macro called(text, names, words) as list_reduce(
    list_concat([named(text, words)], list_distinct(regexp_extract_all(text, '@\{([0-9a-f]{64})\}', 1))),
    lambda said, person: replace(said, '@{' || person || '}', '@' || names[person])
);
