-- Large objects, and the list of files that names them. Their numbers are fixed: dumps keep them.

INSERT INTO storage.buckets (id, name, public, allowed_mime_types, created_at) VALUES
    ('pictures', 'Pictures', true, '{image/webp,image/jpeg}', '2024-01-01 00:00:00+00'),
    ('invoices', 'Rechnungen', false, '{application/pdf}', '2024-01-01 00:00:01+00'),
    ('odd', 'ünïcødé & spaces', false, NULL, '2024-01-01 00:00:02+00');

SELECT
    pg_catalog.lo_from_bytea(240001, convert_to('Ahoy, this is a short one.', 'UTF8')),
    pg_catalog.lo_from_bytea(240002, ''),
    pg_catalog.lo_from_bytea(240003, convert_to(repeat(E'A page of an old catalogue.\n', 200), 'UTF8')),
    pg_catalog.lo_from_bytea(240004, (SELECT string_agg(sha256(int8send(i)), '' ORDER BY i) FROM generate_series(1, 32768) AS i)),
    pg_catalog.lo_from_bytea(240005, '\x00010203fffefd5c2e0a');
COMMENT ON LARGE OBJECT 240004 IS 'One megabyte that does not compress';

INSERT INTO storage.objects (id, bucket_id, name, metadata, content) VALUES
    (pg_temp.id('file', 1), 'pictures', 'logo.txt', '{"size": 26, "mimetype": "text/plain"}', 240001),
    (pg_temp.id('file', 2), 'pictures', 'leer/nichts', '{"size": 0}', 240002),
    (pg_temp.id('file', 3), 'invoices', '2025/03/catalogue page.pdf', '{"size": 5600}', 240003),
    (pg_temp.id('file', 4), 'odd', 'größe/📦/a "file".bin', '{"size": 1048576}', 240004),
    (pg_temp.id('file', 5), 'odd', '../not/allowed', NULL, 240005);
INSERT INTO storage.objects (id, bucket_id, name, metadata)
SELECT pg_temp.id('picture', i), 'pictures', 'products/' || i || '/front.webp',
    jsonb_build_object('size', 20000 + pg_temp.pick(i, 150, 90000), 'mimetype', 'image/webp', 'eTag', md5('etag' || i::text))
FROM generate_series(1, pg_temp.n(300)) AS i;
