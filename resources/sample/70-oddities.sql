-- Names, types and values that careless tools get wrong, kept by the shop's own staff.

-- Two tables that point at each other.
CREATE TABLE "shop internal".teams (
    id integer PRIMARY KEY,
    name text NOT NULL,
    lead_id integer NOT NULL
);
CREATE TABLE "shop internal".staff (
    id integer PRIMARY KEY,
    team_id integer NOT NULL REFERENCES "shop internal".teams DEFERRABLE INITIALLY DEFERRED,
    "Vor- und Nachname" text NOT NULL,
    "$ per hour" numeric(6, 2),
    "dropped" integer
);
ALTER TABLE "shop internal".teams ADD CONSTRAINT teams_lead_id_fkey
    FOREIGN KEY (lead_id) REFERENCES "shop internal".staff DEFERRABLE INITIALLY DEFERRED;
INSERT INTO "shop internal".teams VALUES (1, 'Lager', 2), (2, 'Kasse', 3);
INSERT INTO "shop internal".staff VALUES (1, 1, 'Søren Straße', 19.5, 1), (2, 1, 'Željko O''Connor', 23, 2), (3, 2, '中村 さくら', 24.25, 3);
SET CONSTRAINTS ALL IMMEDIATE; -- a table with pending triggers cannot be altered
ALTER TABLE "shop internal".staff DROP COLUMN "dropped";
ALTER TABLE "shop internal".staff ADD COLUMN since date DEFAULT '2019-04-01';
COMMENT ON COLUMN "shop internal".staff."$ per hour" IS 'Euro, in fact; $1 was a joke';

-- No berth twice at one time.
CREATE TABLE "shop internal".berths (
    berth int4range NOT NULL,
    during tstzrange NOT NULL,
    boat text,
    CONSTRAINT "one boat per berth" EXCLUDE USING gist (berth WITH &&, during WITH &&) WHERE (boat IS NOT NULL)
);
INSERT INTO "shop internal".berths VALUES
    ('[1,1]', '[2025-05-01 12:00+00,2025-09-30 12:00+00)', 'Möwe'), ('[2,4]', '[2025-05-01 12:00+00,)', 'Great Eastern'),
    ('[1,1]', '[2025-09-30 12:00+00,infinity)', 'Möwe'), ('empty', 'empty', 'Flying Dutchman'), ('(,)', '(,)', NULL);

-- Inheritance: the parent has rows of its own.
CREATE TABLE "shop internal".media (id integer PRIMARY KEY, title text NOT NULL, CHECK (id > 0));
CREATE TABLE "shop internal".photos (width integer, height integer, exif jsonb) INHERITS ("shop internal".media);
CREATE TABLE "shop internal".films (seconds interval, UNIQUE (title)) INHERITS ("shop internal".media);
ALTER TABLE "shop internal".films ALTER COLUMN title SET DEFAULT 'Ohne Titel';
INSERT INTO "shop internal".media VALUES (1, 'Logo');
INSERT INTO "shop internal".photos VALUES (2, 'Hafen bei Nacht', 4032, 3024, '{"ISO": 6400}'), (3, '港', 800, 600, NULL);
INSERT INTO "shop internal".films VALUES (4, 'How to splice', '00:07:12.5'), (5, 'Sturm', '-1 days +02:03:04');

-- Rows, but no columns.
CREATE TABLE "shop internal"."nothing at all" ();
INSERT INTO "shop internal"."nothing at all" DEFAULT VALUES;
INSERT INTO "shop internal"."nothing at all" DEFAULT VALUES;
INSERT INTO "shop internal"."nothing at all" DEFAULT VALUES;

CREATE TABLE "shop internal"."Größen & Maße" ("Größe" text PRIMARY KEY, "Brustumfang in cm" int4range, "Übergröße?" boolean);
INSERT INTO "shop internal"."Größen & Maße" VALUES ('S', '[86,94)', false), ('XL', '[110,118)', false), ('XXXL', '[126,)', true);
CREATE TABLE "shop internal"."在庫" ("品名" text PRIMARY KEY, "数量" integer DEFAULT 0 NOT NULL, "備考" text);
INSERT INTO "shop internal"."在庫" VALUES ('係留ロープ', 12, NULL), ('救命胴衣', 3, '赤のみ'), ('やかん', 0, '');
CREATE TABLE "shop internal"."🎁 ideas" ("🧑" text, "💡" text);
INSERT INTO "shop internal"."🎁 ideas" VALUES ('👩‍👩‍👧', '⛵'), ('🏴󠁧󠁢󠁳󠁣󠁴󠁿', 'a kettle'), ('Zoë', NULL);
CREATE TABLE "shop internal"."say ""cheese"", it's $$ 5; -- DROP" ("a""b" integer, "c'd" integer, "e\f" integer, "%s {g}" integer, " " text);
INSERT INTO "shop internal"."say ""cheese"", it's $$ 5; -- DROP" VALUES (1, 2, 3, 4, 'space'), (NULL, NULL, NULL, NULL, NULL);
CREATE TABLE "shop internal"."this name has exactly sixty-three bytes, which is all there can" ("select" integer, "FROM" integer, "Where" integer);
INSERT INTO "shop internal"."this name has exactly sixty-three bytes, which is all there can" VALUES (1, 2, 3);
COMMENT ON TABLE "shop internal"."在庫" IS '倉庫にあるもの';
COMMENT ON TABLE "shop internal"."🎁 ideas" IS 'For 🎂 and 🎄';

CREATE TABLE "shop internal"."odd texts" (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text NOT NULL, value text);
INSERT INTO "shop internal"."odd texts" (what, value) VALUES
    ('NULL', NULL), ('empty', ''), ('end of COPY', E'\\.'), ('end of COPY in a line of its own', E'one\n\\.\nthree'), ('COPY''s NULL', E'\\N'),
    ('tab', E'a\tb'), ('newline', E'a\nb'), ('carriage return', E'a\rb'), ('Windows', E'a\r\nb\r\n'), ('backslashes', E'\\ \\\\ \\t \\x41 C:\\temp'),
    ('quotes', $$'single' "double" `back` $tag$ $$ || '$$'), ('comment', '-- not one /* nor this */'), ('statement', 'COPY public.orders FROM stdin;'),
    ('a grant', 'GRANT ALL ON SCHEMA public TO anon;'), ('psql', '\connect template1'), ('spaces', '  in front and behind  '),
    ('composed é', U&'\00E9'), ('decomposed é', U&'e\0301'), ('right to left', 'שלום, مرحبا'), ('family', '👨‍👩‍👧‍👦'), ('beyond the basic plane', '𝄞 𠮷 🏴‍☠️'),
    ('byte order mark', U&'\FEFFtext'), ('no-break space', U&'a\00A0b'), ('line separator', U&'a\2028b'), ('highest code point', U&'\+10FFFF'),
    ('braces', '{"a": [1, null]} ${HOME} %(x)s :variable :''variable'''), ('long', repeat('Ahoy! ', 20000));
INSERT INTO "shop internal"."odd texts" (what, value)
SELECT 'control character ' || code, '[' || chr(code) || ']' FROM generate_series(1, 31) AS code UNION ALL SELECT 'delete', '[' || chr(127) || ']';
INSERT INTO "shop internal"."odd texts" (what, value) SELECT 'all control characters', string_agg(chr(code), '') FROM generate_series(1, 31) AS code;

CREATE TABLE "shop internal"."numbers and times" (
    id integer PRIMARY KEY,
    "smallint" smallint, "integer" integer, "bigint" bigint, "numeric" numeric, "numeric(8,3)" numeric(8, 3),
    "real" real, "double precision" double precision,
    "date" date, "time" time, "time(2)" time(2), "timetz" timetz, "timestamp" timestamp, "timestamptz" timestamptz, "interval" interval,
    "years" interval year to month, "boolean" boolean
);
INSERT INTO "shop internal"."numbers and times" VALUES
    (1, 7, 42, 4711, 3.14, 2.5, 0.1, 0.1, '2025-02-28', '08:30', '08:30:15.25', '08:30+02', '2025-02-28 08:30', '2025-02-28 08:30+01', '1 day', '2 years 3 mons', true),
    (2, -32768, -2147483648, -9223372036854775808, '-1e-1000'::numeric, -99999.999, '-0', '-0', '4713-01-01 BC', '00:00', '00:00',
        '00:00+15:59:59', '4713-01-01 00:00:00 BC', '4713-01-01 00:00:00+00 BC', '-178000000 years', '-178000000 years', false),
    (3, 32767, 2147483647, 9223372036854775807, repeat('9', 2000)::numeric, 99999.999, '3.4028235e38', '1.7976931348623157e308', '5874897-12-31',
        '24:00', '24:00', '24:00-15:59:59', '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999+00',
        '178000000 years 11 mons 2147483647 days 2562047788:00:54.775807', '178000000 years', true),
    (4, 0, 0, 0, 'NaN', 'NaN', 'NaN', 'NaN', 'infinity', '23:59:59.999999', '12:00', '12:00-00:30', 'infinity', 'infinity', '00:00:00.000001', '1 mon', NULL),
    (5, 0, 0, 0, 'Infinity', 0, 'Infinity', 'Infinity', '-infinity', '12:00', '12:00', '12:00+05:45', '-infinity', '-infinity', '-1 mons +2 days -03:00', '-11 mons', NULL),
    (6, 0, 0, 0, '-Infinity', 0.000, '-Infinity', '-Infinity', '0001-12-31 BC', '12:00', '12:00', '12:00+00', '0044-03-15 12:00 BC', '1582-10-10 00:00+00', '0', '0', NULL),
    (7, 0, 0, 0, '1.50000', -0.001, '1e-45', '4.9406564584124654e-324', '2000-02-29', '12:00', '12:00', '12:00+00', '1999-12-31 23:59:59.5', '2024-10-27 02:30+02', 'P1Y2M3DT4H5M6S', '1', NULL);
INSERT INTO "shop internal"."numbers and times" (id) VALUES (8);

CREATE TABLE "shop internal"."other types" (
    id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    "bytea" bytea, "uuid" uuid, "inet" inet, "cidr" cidr, "macaddr" macaddr, "macaddr8" macaddr8, "bit(5)" bit(5), "varbit" bit varying,
    "char" "char", "char(4)" character(4), "name" name, "json" json, "jsonb" jsonb, "jsonpath" jsonpath, "tsvector" tsvector, "tsquery" tsquery,
    "point" point, "line" line, "lseg" lseg, "box" box, "path" path, "polygon" polygon, "circle" circle,
    "int[]" integer[], "text[][]" text[][], "date[]" date[], "stati" public.order_status[], "range" public.price_range, "multirange" public.price_ranges,
    "parcels" public.parcel[], "mail" public.email_address, "colours" public.colours, "regtype" regtype, "regclass" regclass, "lsn" pg_lsn
);
INSERT INTO "shop internal"."other types" (
    "bytea", "uuid", "inet", "cidr", "macaddr", "macaddr8", "bit(5)", "varbit", "char", "char(4)", "name", "json", "jsonb", "jsonpath", "tsvector", "tsquery",
    "point", "line", "lseg", "box", "path", "polygon", "circle", "int[]", "text[][]", "date[]", "stati", "range", "multirange",
    "parcels", "mail", "colours", "regtype", "regclass", "lsn") VALUES
    ('\x00ff5c2e0a0d09', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '192.0.2.17/24', '2001:db8::/32', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', B'10101', B'',
        'x', 'ab', 'a "name"', '{"b":1,  "a" : 2, "a":3}', '{"b":1,  "a" : 2, "a":3, "n": 1.000, "u": "\u00e9\n"}', '$.a[*] ? (@ > 1)', $$'can''t':1A stop:2,5B$$, $$'fat' & ( rat | !cat:AB ) <-> x:*$$,
        '(1.5,-0)', '{1,-1,0}', '[(0,0),(1,1)]', '((1,1),(0,0))', '[(0,0),(1,1),(2,0)]', '((0,0),(1,1),(2,0))', '<(0,0),Infinity>',
        '[0:1][-1:0]={{1,2},{3,NULL}}', '{{"a,b","c\"d"},{NULL,"NULL"}}', '{}', $${draft,"can't deliver",NULL}$$, '[1.50,)', '{[1,2),(5,10.0]}',
        ARRAY[ROW(ROW(1, NULL, 3), '{}', NULL)::public.parcel, ROW(NULL, '{"x,y","(z)"}', ROW('a "b" (c), \d', '', NULL, 'DE'))::public.parcel, NULL],
        'post@größe.example', '{grün,"signal red"}', 'public.order_status', 'public.orders', '16/B374D848'),
    (decode(repeat('deadbeef', 5000), 'hex'), '00000000-0000-0000-0000-000000000000', '::', '0.0.0.0/0', 'ff:ff:ff:ff:ff:ff', 'ff:ff:ff:ff:ff:ff:ff:ff', B'00000', B'1',
        '\', '', '', 'null', 'null', 'strict $', '', '', '(NaN,Infinity)', '{0,1,-5}', '[(1,2),(1,2)]', '((0,0),(0,0))', '((0,0))', '((0,0))', '<(1,1),0>',
        '{}', '{}', '{infinity,"0044-03-15 BC"}', '{}', 'empty', '{}', '{}', 'a@b', '{}', 'integer[]', 'pg_catalog.pg_class', '0/0');
INSERT INTO "shop internal"."other types" DEFAULT VALUES;

DO $virtual_columns$
BEGIN
    IF current_setting('server_version_num')::integer >= 180000 THEN
        EXECUTE 'ALTER TABLE "shop internal"."Größen & Maße" ADD COLUMN "Kürzel" text GENERATED ALWAYS AS (lower("Größe")) VIRTUAL';
    END IF;
END
$virtual_columns$;
