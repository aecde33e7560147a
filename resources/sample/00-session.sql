-- The sample database of Holdfast, a small ship chandler's shop in the manner of Supabase.
--
-- This file prepares the session: settings under which every load gives the same bytes, and
-- temporary functions that invent the data. Nothing of it stays in the database.
--
-- By hand, in an empty UTF-8 database of PostgreSQL 15 or later:
--     cat *.sql | psql --dbname shop --set ON_ERROR_STOP=1 --single-transaction --file -
-- The setting holdfast.scale says how much data to invent: 1 where it is not set, and 50,000 rows then.

SET LOCAL client_encoding = 'UTF8';
SET LOCAL search_path = '';
SET LOCAL timezone = 'UTC';
SET LOCAL datestyle = 'ISO, YMD';
SET LOCAL intervalstyle = 'postgres';
SET LOCAL extra_float_digits = 1;
SET LOCAL standard_conforming_strings = on;
SET LOCAL check_function_bodies = on;
SET LOCAL client_min_messages = 'warning';
SET LOCAL synchronous_commit = off;
SET LOCAL jit = off;
SET LOCAL work_mem = '64MB';
SET LOCAL maintenance_work_mem = '256MB';

-- A number of rows at the scale asked for. Called immutable, so that it is worked out once per statement.
CREATE FUNCTION pg_temp.n(at_scale_one integer) RETURNS bigint IMMUTABLE LANGUAGE sql AS
$$ SELECT greatest(1, round(at_scale_one * coalesce(nullif(current_setting('holdfast.scale', true), ''), '1')::float8)::bigint) $$;

-- A number from 0 to n - 1 that looks random and is the same in every load.
CREATE FUNCTION pg_temp.pick(i bigint, salt integer, n bigint) RETURNS bigint IMMUTABLE LANGUAGE sql AS
$$ SELECT (hashint8extended(i, salt::bigint) & 9223372036854775807) % n $$;

-- The same, but small numbers come up more often, as good sellers do.
CREATE FUNCTION pg_temp.pick_low(i bigint, salt integer, n bigint) RETURNS bigint IMMUTABLE LANGUAGE sql AS
$$ SELECT pg_temp.pick(i, salt, n) * pg_temp.pick(i, -salt, 1000) / 1000 $$;

CREATE FUNCTION pg_temp.one_of(options text[], i bigint, salt integer) RETURNS text IMMUTABLE LANGUAGE sql AS
$$ SELECT options[1 + pg_temp.pick(i, salt, cardinality(options))] $$;

CREATE FUNCTION pg_temp.id(kind text, i bigint) RETURNS uuid IMMUTABLE LANGUAGE sql AS
$$ SELECT md5(kind || i::text)::uuid $$;

CREATE FUNCTION pg_temp.first_name(i bigint) RETURNS text IMMUTABLE LANGUAGE sql AS $$
SELECT pg_temp.one_of(ARRAY['Ada', 'Akira', 'Amélie', 'Anouk', 'Asta', 'Björn', 'Carmen', 'Chiara', 'Dmitri', 'Eilidh',
    'Elif', 'Emeka', 'Fatima', 'Finn', 'Freya', 'Giulia', 'Grace', 'Hana', 'Håkon', 'Ines', 'Ivo', 'Jan', 'Jörg', 'Kofi',
    'Lars', 'Léa', 'Lina', 'Mateo', 'Mei', 'Mirela', 'Nils', 'Noor', 'Olu', 'Paulo', 'Priya', 'Ragnhild', 'Rosa',
    'Sakura', 'Siobhán', 'Søren', 'Tomasz', 'Uwe', 'Wanda', 'Yusuf', 'Zoë', 'Željko'], i, 1)
$$;

CREATE FUNCTION pg_temp.last_name(i bigint) RETURNS text IMMUTABLE LANGUAGE sql AS $$
SELECT pg_temp.one_of(ARRAY['Adeyemi', 'Andersen', 'Bianchi', 'Çelik', 'da Silva', 'Dubois', 'Eriksen', 'Fischer', 'García',
    'Haddad', 'Horvat', 'Ivanova', 'Jansen', 'Kaya', 'Kowalska', 'Lindqvist', 'MacLeod', 'Mensah', 'Moreau', 'Müller',
    'Nakamura', 'Ní Bhriain', 'Novák', 'O''Connor', 'Okafor', 'Papadopoulos', 'Petrov', 'Quispe', 'Rossi', 'Sánchez',
    'Sato', 'Schröder', 'Sharma', 'Straße', 'Tamm', 'Tran', 'van den Berg', 'Virtanen', 'Weiß', 'Yılmaz', 'Zhang'], i, 2)
$$;

CREATE FUNCTION pg_temp.city(i bigint) RETURNS text IMMUTABLE LANGUAGE sql AS $$
SELECT pg_temp.one_of(ARRAY['Hamburg|DE', 'Kiel|DE', 'Flensburg|DE', 'København|DK', 'Århus|DK', 'Göteborg|SE', 'Malmö|SE',
    'Bergen|NO', 'Ålesund|NO', 'Turku|FI', 'Gdańsk|PL', 'Tallinn|EE', 'Rotterdam|NL', 'Oostende|BE', 'Brest|FR',
    'La Rochelle|FR', 'Porto|PT', 'A Coruña|ES', 'Genova|IT', 'Split|HR', 'Πειραιάς|GR', 'İzmir|TR', 'Cork|IE',
    'Falmouth|GB', 'Oban|GB', '横浜|JP', '神戸|JP', 'Halifax|CA', 'Annapolis|US', 'Auckland|NZ'], i, 3)
$$;

CREATE FUNCTION pg_temp.sentence(i bigint, salt integer) RETURNS text IMMUTABLE LANGUAGE sql AS $$
SELECT pg_temp.one_of(ARRAY[
    'Arrived well packed after two days.', 'Held through a whole night of force 8.', 'The splice is neat and strong.',
    'A little stiff at first, soft after a week in salt water.', 'Colour is darker than in the picture.',
    'Mein Boot liegt damit seit Monaten ruhig.', 'Lieferung schnell, Größe passt genau.', 'Très bon rapport qualité-prix.',
    'Muy buena calidad, lo volvería a comprar.', '作りがしっかりしていて、満足です。', 'Does what it says, nothing more.',
    'I bought three, and gave one to my neighbour on the pontoon.', 'The stitching came loose after one season.',
    'Customer service answered within the hour.', 'No rust after a winter on deck.', 'Lighter than I thought it would be.',
    'The manual is only in Danish, but one can guess.', 'Fits the cleats of our 28 foot sloop.', 'Would not buy again. 👎',
    'Simply the best. ⛵', 'My third one in twenty years, and the first two still work.', 'Bit dear, but worth it.',
    'Good grip with wet gloves.', 'The box was damaged; the content was fine.', 'Half the weight of our old one.',
    'Tested in the harbour of Marstal in a northerly gale.', 'Sent it back without any trouble.', 'Dries in an hour.',
    'The zip sticks when there is sand in it.', 'Perfect present for somebody who has everything.',
    'Schöne Verarbeitung, kein Plastik.', 'Brighter than the one that came with the boat.'], i, salt)
$$;

-- The shop's own rules, so that sums agree: what an order holds and what a product costs.
CREATE FUNCTION pg_temp.lines_of(order_id bigint) RETURNS integer IMMUTABLE LANGUAGE sql AS
$$ SELECT 1 + pg_temp.pick(order_id, 10, 4)::integer $$;

CREATE FUNCTION pg_temp.product_of(order_id bigint, line integer) RETURNS bigint IMMUTABLE LANGUAGE sql AS
$$ SELECT 1 + pg_temp.pick_low(order_id * 8 + line, 11, pg_temp.n(300)) $$;

CREATE FUNCTION pg_temp.quantity_of(order_id bigint, line integer) RETURNS integer IMMUTABLE LANGUAGE sql AS
$$ SELECT 1 + pg_temp.pick_low(order_id * 8 + line, 12, 6)::integer $$;

CREATE FUNCTION pg_temp.price_of(product_id bigint) RETURNS numeric IMMUTABLE LANGUAGE sql AS $$
SELECT (ARRAY[2.95, 3.50, 4.90, 5.90, 6.50, 7.90, 8.90, 9.90, 9.95, 11.50, 12.90, 14.50, 14.90, 17.90, 19.90, 22.50,
    24.90, 27.90, 29.90, 34.50, 39.90, 44.90, 49.90, 59.00, 69.90, 89.00, 99.00, 129.90, 169.00, 249.00, 399.00, 1190.00
    ])[1 + pg_temp.pick(product_id, 13, 32)]
$$;

CREATE FUNCTION pg_temp.customer_of(order_id bigint) RETURNS uuid IMMUTABLE LANGUAGE sql AS
$$ SELECT pg_temp.id('user', 1 + pg_temp.pick(order_id, 14, pg_temp.n(1000))) $$;

-- Orders come in one after the other through 2024 and 2025.
CREATE FUNCTION pg_temp.placed_at(order_id bigint) RETURNS timestamptz STABLE LANGUAGE sql AS
$$ SELECT timestamptz '2024-01-01 06:00:00+00' + (order_id * 731.0 / pg_temp.n(6000)) * interval '23 hours 57 minutes' $$;
