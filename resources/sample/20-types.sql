-- Schemas, types and what the tables need to exist before them: enums, domains, composite and
-- range types, a collation, a text search configuration, sequences, functions for generated columns.

CREATE SCHEMA auth;
CREATE SCHEMA storage;
CREATE SCHEMA "shop internal";
COMMENT ON SCHEMA auth IS 'Who may sign in, as Supabase keeps it, in miniature';
COMMENT ON SCHEMA storage IS 'Files, as Supabase lists them';
COMMENT ON SCHEMA "shop internal" IS 'Not for customers; nor for those who think that names are made of a-z';

CREATE TYPE public.order_status AS ENUM ('draft', 'paid', 'packed', 'shipped', 'delivered', 'returned', 'can''t deliver');
COMMENT ON TYPE public.order_status IS 'How far an order has come';
CREATE TYPE public.payment_provider AS ENUM ('card', 'paypal', 'invoice', 'gift card', 'Überweisung');
CREATE TYPE public.event_kind AS ENUM ('view', 'search', 'add to basket', 'checkout', 'sign in');

CREATE TYPE public.address AS (street text, postcode text, city text, country character(2));
COMMENT ON TYPE public.address IS 'Where a parcel goes';
COMMENT ON COLUMN public.address.country IS 'ISO 3166-1 alpha-2';
CREATE TYPE public.dimensions AS (length_mm integer, width_mm integer, height_mm integer);
CREATE TYPE public.parcel AS (size public.dimensions, labels text[], sent_to public.address);

CREATE TYPE public.price_range AS RANGE (subtype = numeric, multirange_type_name = public.price_ranges);
COMMENT ON TYPE public.price_range IS 'From … to, in euro';

CREATE DOMAIN public.email_address AS text
    CONSTRAINT "has one @" CHECK (VALUE ~ '^[^@[:space:]]+@[^@[:space:]]+$');
COMMENT ON DOMAIN public.email_address IS 'Good enough to send a message to';
COMMENT ON CONSTRAINT "has one @" ON DOMAIN public.email_address IS 'All that can be known without sending one';
CREATE DOMAIN public.euro AS numeric(12, 2) DEFAULT 0 NOT NULL CHECK (VALUE >= 0);
CREATE DOMAIN public.stars AS smallint CHECK (VALUE BETWEEN 1 AND 5);
CREATE DOMAIN public.colours AS text[] CHECK (cardinality(VALUE) <= 8);

CREATE COLLATION "shop internal"."by code point" (provider = libc, locale = 'C');
COMMENT ON COLLATION "shop internal"."by code point" IS 'Sorts alike on every server';

CREATE TEXT SEARCH DICTIONARY public.chandler_words (TEMPLATE = pg_catalog.simple);
CREATE TEXT SEARCH CONFIGURATION public.chandler (PARSER = pg_catalog."default");
ALTER TEXT SEARCH CONFIGURATION public.chandler
    ADD MAPPING FOR asciiword, word, numword, asciihword, hword, hword_asciipart, hword_part, int, uint
    WITH public.chandler_words;
COMMENT ON TEXT SEARCH DICTIONARY public.chandler_words IS 'Words as they are: a bow is a bow';
COMMENT ON TEXT SEARCH CONFIGURATION public.chandler IS 'For products, in any language';

CREATE SEQUENCE public.event_id AS bigint CACHE 100;
CREATE SEQUENCE "shop internal"."invoice №" AS integer START 240001 INCREMENT 1 MINVALUE 240001 MAXVALUE 999999 CYCLE;
CREATE SEQUENCE "shop internal"."count down" AS smallint INCREMENT -3 START 100 MINVALUE -100 MAXVALUE 100;
COMMENT ON SEQUENCE "shop internal"."invoice №" IS 'The tax office wants no gaps';
SELECT pg_catalog.setval('"shop internal"."invoice №"', 240815);
SELECT pg_catalog.setval('"shop internal"."count down"', 37, false);

CREATE FUNCTION public.volume(size public.dimensions) RETURNS numeric
    IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql
    AS $$ SELECT (size).length_mm::numeric * (size).width_mm * (size).height_mm / 1000000 $$;
COMMENT ON FUNCTION public.volume(public.dimensions) IS 'Litres';

CREATE FUNCTION public.slug(title text) RETURNS text
    IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql
    AS $$ SELECT pg_catalog.btrim(pg_catalog.regexp_replace(pg_catalog.lower(title), '[^a-z0-9]+', '-', 'g'), '-') $$;
COMMENT ON FUNCTION public.slug(text) IS 'What stands in the address of a page';
