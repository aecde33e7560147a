CREATE SCHEMA "Odd Schema";
CREATE SCHEMA empty_schema;
COMMENT ON SCHEMA "Odd Schema" IS 'it''s "odd"
\! touch /tmp/never';
CREATE TYPE public.mood AS ENUM ('sad', 'ok', 'happy', 'it''s');
CREATE TYPE public.pair AS (a int, b text);
CREATE DOMAIN public.even AS int CHECK (VALUE % 2 = 0) DEFAULT 4;
CREATE TYPE public.floats AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE TABLE floating (id int, f4 float4, f8 float8, n numeric, m money);
INSERT INTO floating VALUES (1, '-0', '-0', '-0', '-0.01'), (2, 'NaN', 'NaN', 'NaN', 12345.67),
 (3, 'Infinity', '-Infinity', 'Infinity', NULL), (4, 1.17549435e-38, 2.2250738585072014e-308, 1e-200, 0),
 (5, 0.1, 0.1, 0.10, 1), (6, 16777217, 9007199254740993, 12345678901234567890.123456789, 2), (7, 1e-45, 5e-324, 0.000, 3);
CREATE TABLE times (d date, ts timestamp, tz timestamptz, i interval, t time, ttz timetz);
INSERT INTO times VALUES ('4713-01-01 BC', '4713-01-01 00:00:00 BC', '0044-03-15 12:00:00+00 BC', '-1 year 2 mons -3 days 04:05:06.789', '24:00', '12:00:00.123456+15:59'),
 ('infinity', '-infinity', 'infinity', '178000000 years', '00:00', '00:00-15:59'), ('5874897-12-31', '294276-12-31 23:59:59.999999', '1883-11-18 12:03:58-07:52:58', '1 day -00:00:00.000001', NULL, NULL);
CREATE TABLE texts (id serial PRIMARY KEY, t text, v varchar(10), c char(7), ch "char", n name);
INSERT INTO texts (t) VALUES ('\.'), (E'\\.\n'), ('\N'), (''), (NULL), (E'tab\tnl\ncr\rbs\bff\fvt\x0b\\'), ('NULL'), ('"'), (repeat('x', 3000000));
INSERT INTO texts (t, v, c, ch) SELECT 'before' || chr(i) || 'after', chr(i), chr(i), 'a' FROM generate_series(1, 31) i;
CREATE TABLE "Odd Schema"."Odd ""Table""
name" ("a b" int, "c""d" text, "e,f" text, "ü" text, "select" text);
INSERT INTO "Odd Schema"."Odd ""Table""
name" VALUES (1, '1', '2', 'ü', '😀');
CREATE TABLE nothing ();
INSERT INTO nothing DEFAULT VALUES; INSERT INTO nothing DEFAULT VALUES;
CREATE TABLE dropped (a int, b text, c int); INSERT INTO dropped VALUES (1, 'x', 3); ALTER TABLE dropped DROP COLUMN b; INSERT INTO dropped VALUES (4, 5);
ALTER TABLE dropped ADD COLUMN late text DEFAULT 'late';
CREATE TABLE all_dropped (a int); INSERT INTO all_dropped VALUES (1), (2); ALTER TABLE all_dropped DROP COLUMN a;
CREATE TABLE many (b bytea, bi bit(5), vb varbit, ip inet, net cidr, mac macaddr, mac8 macaddr8, u uuid, j json, jb jsonb, jp jsonpath, tv tsvector, tq tsquery,
 p point, l line, ls lseg, bx box, pa path, po polygon, ci circle, lsn pg_lsn, snap pg_snapshot, x8 xid8, o oid, rt regtype, rc regclass, e mood, pr pair, ev even, ia int[], ta text[], ma mood[], pra pair[],
 ir int4range, tr tstzrange, fr floats, mr int4multirange, nmr nummultirange, i8 int8, i2 int2, bo bool, tid tid, iv int2vector, rr regrole, rn regnamespace, rp regprocedure);
INSERT INTO many (b, bi, vb, ip, net, mac, mac8, u, j, jb, jp, tv, tq, p, l, ls, bx, pa, po, ci, lsn, snap, x8, o, rt, rc, e, pr, ev, ia, ta, ma, pra, ir, tr, fr, mr, nmr, i8, i2, bo, tid, iv, rr, rn, rp) VALUES
 ((SELECT decode(string_agg(lpad(to_hex(i), 2, '0'), ''), 'hex') FROM generate_series(0, 255) i), B'10101', B'', '::1/64', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
 '{"a" : [1,  2], "a": null}', '{"b": 1.10, "a": "\u00e9"}', '$.a[*] ? (@ > 2)', 'a:1A fat:2B,4C', 'fat & (rat | !cat:A)', '(-0,1e300)', '{1,2,3}', '[(0,0),(1,1)]', '((0,0),(1,1))', '[(0,0),(1,1),(2,0)]', '((0,0),(1,1),(2,0))', '<(0,0),5>',
 '16/B374D848', '10:20:10,14,15', '18446744073709551615', 4294967295, 'int4', 'pg_class', 'it''s', '(1,"a,""b")', 8, '[0:1]={1,2}', '[-2:-1][3:4]={{"a","b,"},{NULL,"NULL"}}', '{sad,"it''s"}', '{"(1,x)","(,)"}',
 '(1,5]', '[2020-01-01,)', '[-0,NaN]', '{[1,3),[5,9)}', '{}', -9223372036854775808, -32768, true, '(1,2)', '1 2 3', 'pg_monitor', 'public', 'upper(text)'),
 (NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'{}','{}',NULL,NULL,'empty',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
-- dangling numbers
CREATE TABLE dangling (o oid, c regclass, p regproc, t regtype); INSERT INTO dangling VALUES (16384, 16384, 16390, 16400), (20000, 20000, 20001, 20002);
-- circular keys
CREATE TABLE hen (id int PRIMARY KEY, egg int); CREATE TABLE egg (id int PRIMARY KEY, hen int REFERENCES hen);
INSERT INTO hen VALUES (1, 1); INSERT INTO egg VALUES (1, 1); ALTER TABLE hen ADD FOREIGN KEY (egg) REFERENCES egg DEFERRABLE INITIALLY DEFERRED;
CREATE TABLE tree (id int PRIMARY KEY, parent int REFERENCES tree); INSERT INTO tree VALUES (2, NULL), (1, 2);
-- triggers and rules
CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.t := 'spoilt'; RETURN NEW; END$$;
CREATE TABLE triggered (t text); INSERT INTO triggered VALUES ('good');
CREATE TRIGGER always BEFORE INSERT ON triggered FOR EACH ROW EXECUTE FUNCTION spoil(); ALTER TABLE triggered ENABLE ALWAYS TRIGGER always;
CREATE TRIGGER repl BEFORE INSERT ON triggered FOR EACH ROW EXECUTE FUNCTION spoil(); ALTER TABLE triggered ENABLE REPLICA TRIGGER repl;
CREATE TRIGGER off BEFORE INSERT ON triggered FOR EACH ROW EXECUTE FUNCTION spoil(); ALTER TABLE triggered DISABLE TRIGGER off;
COMMENT ON TRIGGER off ON triggered IS 'off';
CREATE TABLE ruled (t text); INSERT INTO ruled VALUES ('x'); CREATE RULE nothing AS ON INSERT TO ruled DO INSTEAD NOTHING; CREATE RULE twice AS ON UPDATE TO ruled DO ALSO SELECT 1;
-- inheritance
CREATE TABLE parent (id int, t text CHECK (t <> '')); CREATE TABLE child (extra int) INHERITS (parent); INSERT INTO parent VALUES (1, 'p'); INSERT INTO child VALUES (2, 'c', 3);
-- partitions
CREATE TABLE parts (id int, at date, k mood) PARTITION BY RANGE (at); CREATE TABLE parts_a PARTITION OF parts FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE parts_b (k mood, at date, id int); ALTER TABLE parts ATTACH PARTITION parts_b DEFAULT; CREATE INDEX parts_id ON parts (id); ALTER TABLE parts ADD PRIMARY KEY (id, at); CREATE INDEX only_top ON ONLY parts (k);
INSERT INTO parts SELECT i, '2020-06-01'::date + i, 'ok' FROM generate_series(1, 400) i;
CREATE TABLE hashed (k mood, v int) PARTITION BY HASH (k);
CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 3, REMAINDER 0); CREATE TABLE hashed_1 PARTITION OF hashed FOR VALUES WITH (MODULUS 3, REMAINDER 1); CREATE TABLE hashed_2 PARTITION OF hashed FOR VALUES WITH (MODULUS 3, REMAINDER 2);
INSERT INTO hashed SELECT (ARRAY['sad','ok','happy','it''s'])[1 + i % 4]::mood, i FROM generate_series(1, 1000) i;
CREATE TABLE parts_ref (id int, at date, FOREIGN KEY (id, at) REFERENCES parts); INSERT INTO parts_ref VALUES (1, '2020-06-02');
-- sequences
CREATE SEQUENCE up; SELECT nextval('up'), nextval('up'); CREATE SEQUENCE fresh START 7; CREATE SEQUENCE down INCREMENT -3 MAXVALUE -1 START -5; SELECT nextval('down');
CREATE SEQUENCE small AS smallint CYCLE CACHE 5; CREATE SEQUENCE "Odd Schema"."se'q
x"; SELECT nextval('"Odd Schema"."se''q
x"');
CREATE SEQUENCE extreme MINVALUE -9223372036854775808 START -9223372036854775808; SELECT nextval('extreme');
CREATE TABLE ident (id int GENERATED ALWAYS AS IDENTITY (START 5 INCREMENT 5), b bigint GENERATED BY DEFAULT AS IDENTITY); INSERT INTO ident DEFAULT VALUES; INSERT INTO ident DEFAULT VALUES;
CREATE UNLOGGED TABLE unlogged (a int); INSERT INTO unlogged VALUES (1);
-- generated
CREATE TABLE gen (a int, b int GENERATED ALWAYS AS (a * 2) STORED, c text DEFAULT 'x'); INSERT INTO gen VALUES (1), (2);
-- views
CREATE VIEW plain_view AS SELECT t FROM texts; CREATE VIEW checked WITH (security_barrier) AS SELECT * FROM gen WHERE a > 0 WITH CASCADED CHECK OPTION;
CREATE RECURSIVE VIEW nums (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM nums WHERE n < 5;
CREATE MATERIALIZED VIEW full_view AS SELECT count(*), random() FROM texts; CREATE UNIQUE INDEX ON full_view (count);
CREATE MATERIALIZED VIEW empty_view AS SELECT 1 AS one WITH NO DATA; CREATE MATERIALIZED VIEW second AS SELECT * FROM full_view;
-- others
CREATE STATISTICS stats (ndistinct, dependencies, mcv) ON a, c FROM dropped; ALTER STATISTICS stats SET STATISTICS 500; ALTER TABLE texts ALTER v SET STATISTICS 7; ALTER TABLE texts ALTER t SET STORAGE EXTERNAL; ALTER TABLE texts ALTER t SET (n_distinct = 5); ALTER TABLE texts SET (fillfactor = 70);
CREATE TEXT SEARCH DICTIONARY dict (TEMPLATE = simple, STOPWORDS = 'english'); CREATE TEXT SEARCH CONFIGURATION conf (COPY = english); ALTER TEXT SEARCH CONFIGURATION conf ALTER MAPPING FOR asciiword WITH dict;
CREATE FUNCTION public.to_mood(int) RETURNS mood IMMUTABLE LANGUAGE sql AS 'SELECT ''ok''::public.mood'; CREATE CAST (int AS mood) WITH FUNCTION to_mood(int) AS ASSIGNMENT;
CREATE FUNCTION public.plus(a int, VARIADIC b int[] DEFAULT '{1}') RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a + b[1]';
CREATE FUNCTION public.same(pair, pair) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT ($1).a = ($2).a';
CREATE OPERATOR public.=== (LEFTARG = pair, RIGHTARG = pair, FUNCTION = same, COMMUTATOR = OPERATOR(public.===));
CREATE FUNCTION public.cmp(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT CASE WHEN $1 > $2 THEN -1 WHEN $1 < $2 THEN 1 ELSE 0 END';
CREATE OPERATOR CLASS public.backwards FOR TYPE int USING btree AS OPERATOR 1 >, OPERATOR 2 >=, OPERATOR 3 =, OPERATOR 4 <=, OPERATOR 5 <, FUNCTION 1 cmp(int, int);
CREATE AGGREGATE public.total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE PROCEDURE public.proc(INOUT a int) LANGUAGE plpgsql AS $$BEGIN a := 1; COMMIT; END$$;
CREATE FUNCTION public.atomic() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT count(*)::int FROM public.texts; END;
CREATE TABLE expr (id int, t text); INSERT INTO expr VALUES (1, 'A'); CREATE INDEX expr_lower ON expr (lower(t)) WHERE id > 0; CREATE UNIQUE INDEX expr_inc ON expr (id DESC NULLS LAST) INCLUDE (t); ALTER TABLE expr ADD CONSTRAINT ex EXCLUDE USING gist (int4range(id, id + 1) WITH &&); ALTER TABLE expr CLUSTER ON expr_inc; ALTER TABLE expr REPLICA IDENTITY FULL; ALTER TABLE expr ADD CONSTRAINT later CHECK (id > 1) NOT VALID;
ALTER TABLE expr ADD CONSTRAINT unvalid FOREIGN KEY (id) REFERENCES hen NOT VALID; CREATE INDEX expr_hash ON expr USING hash (t); CREATE INDEX expr_brin ON expr USING brin (id);
CREATE FUNCTION public.event_fn() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER events ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION event_fn(); ALTER EVENT TRIGGER events DISABLE;
CREATE TABLE guarded (owner text); INSERT INTO guarded VALUES ('a'), ('b'); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY; ALTER TABLE guarded FORCE ROW LEVEL SECURITY; CREATE POLICY own ON guarded FOR SELECT TO PUBLIC USING (owner = CURRENT_USER); CREATE POLICY odd ON guarded AS RESTRICTIVE USING (true) WITH CHECK (owner <> '');
CREATE ROLE odd_role; CREATE ROLE "Odd Role"; CREATE POLICY roles ON guarded TO odd_role, "Odd Role" USING (true); GRANT SELECT ON guarded TO odd_role; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO odd_role; GRANT SELECT (owner) ON guarded TO "Odd Role";
CREATE PUBLICATION pub FOR TABLE texts (id, t) WHERE (id > 0), gen; CREATE PUBLICATION pub_all FOR ALL TABLES; CREATE PUBLICATION pub_schema FOR TABLES IN SCHEMA "Odd Schema";
CREATE SUBSCRIPTION sub CONNECTION 'host=nowhere dbname=x' PUBLICATION pub WITH (connect = false, enabled = false, slot_name = NONE);
CREATE FOREIGN DATA WRAPPER own_fdw; CREATE SERVER own_server FOREIGN DATA WRAPPER own_fdw; CREATE FOREIGN TABLE far (a int, b text) SERVER own_server; CREATE USER MAPPING FOR odd_role SERVER own_server;
CREATE CONVERSION public.conv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE COLLATION public.coll (provider = libc, locale = 'C'); CREATE TABLE collated (t text COLLATE public.coll, u text COLLATE "C"); INSERT INTO collated VALUES ('a', 'b');
CREATE TABLE typed OF pair; INSERT INTO typed VALUES (1, 'x'); CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler;
COMMENT ON COLUMN many.b IS 'bytes'; COMMENT ON TYPE mood IS 'mood'; COMMENT ON FUNCTION plus(int, int[]) IS 'plus'; COMMENT ON INDEX expr_lower IS 'i'; COMMENT ON CONSTRAINT ex ON expr IS 'c'; COMMENT ON EVENT TRIGGER events IS 'e'; COMMENT ON PUBLICATION pub IS 'p'; COMMENT ON POLICY own ON guarded IS 'p'; COMMENT ON RULE nothing ON ruled IS 'r';
SELECT lo_create(70001); SELECT lo_from_bytea(70002, decode(repeat('00ff', 5000), 'hex')); SELECT lo_from_bytea(70003, 'x'); COMMENT ON LARGE OBJECT 70002 IS 'it''s';
SELECT lo_create(70004); SELECT lo_put(70004, 5000, 'sparse');
CREATE EXTENSION hstore; CREATE EXTENSION citext SCHEMA "Odd Schema"; CREATE TABLE ext (h hstore, c "Odd Schema".citext); INSERT INTO ext VALUES ('a=>1, "b"=>NULL', 'ABC');
