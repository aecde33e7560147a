-- What needs an extension that the server may lack, or a superuser. What cannot be had is left out.

CREATE SCHEMA extensions;
COMMENT ON SCHEMA extensions IS 'Where Supabase keeps them';
GRANT USAGE ON SCHEMA extensions TO anon, authenticated, service_role;

DO $extensions$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['citext', 'hstore', 'ltree', 'pg_trgm', 'pgcrypto', 'uuid-ossp', 'vector', 'postgres_fdw'] LOOP
        CONTINUE WHEN NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = wanted);
        BEGIN
            EXECUTE format('CREATE EXTENSION %I SCHEMA extensions', wanted);
        EXCEPTION WHEN insufficient_privilege OR duplicate_object THEN
            NULL; -- not for this role, or there in another schema
        END;
    END LOOP;
END
$extensions$;

CREATE FUNCTION pg_temp.has(extension text) RETURNS boolean STABLE LANGUAGE sql AS
$$ SELECT EXISTS (SELECT FROM pg_extension WHERE extname = extension AND extnamespace = 'extensions'::regnamespace) $$;

DO $tables$
BEGIN
    IF pg_temp.has('citext') THEN
        CREATE TABLE public.newsletter (email extensions.citext PRIMARY KEY, since date NOT NULL);
        INSERT INTO public.newsletter SELECT 'Reader.' || i || '@Example.com', date '2023-01-01' + i FROM generate_series(1, 100) AS i;
    END IF;
    IF pg_temp.has('hstore') THEN
        CREATE TABLE "shop internal".settings (scope text PRIMARY KEY, options extensions.hstore NOT NULL);
        INSERT INTO "shop internal".settings VALUES ('till', '"printer"=>"EPSON \"TM\"", "drawer"=>NULL'), ('web', '');
    END IF;
    IF pg_temp.has('ltree') THEN
        CREATE TABLE "shop internal".shelves (place extensions.ltree PRIMARY KEY, capacity integer);
        INSERT INTO "shop internal".shelves SELECT ('hall_' || i % 3 || '.row_' || i % 7 || '.shelf_' || i)::extensions.ltree, i * 10
        FROM generate_series(1, 60) AS i;
        CREATE INDEX shelves_place_idx ON "shop internal".shelves USING gist (place);
    END IF;
    IF pg_temp.has('pg_trgm') THEN
        CREATE INDEX products_title_trgm_idx ON public.products USING gin (title extensions.gin_trgm_ops);
    END IF;
    IF pg_temp.has('vector') THEN
        CREATE TABLE public.product_embeddings (product_id bigint PRIMARY KEY REFERENCES public.products, embedding extensions.vector(8));
        INSERT INTO public.product_embeddings
        SELECT i, (SELECT array_agg(pg_temp.pick(i * 8 + n, 160, 2000) / 1000.0 - 1 ORDER BY n)::real[] FROM generate_series(1, 8) AS n)
        FROM generate_series(1, least(100, pg_temp.n(300))) AS i;
        CREATE INDEX product_embeddings_idx ON public.product_embeddings USING hnsw (embedding extensions.vector_l2_ops);
    END IF;
    IF pg_temp.has('postgres_fdw') THEN
        CREATE SERVER "book keeping" FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'books.example', dbname 'ledger', port '5432');
        CREATE USER MAPPING FOR PUBLIC SERVER "book keeping" OPTIONS (user 'reader');
        CREATE FOREIGN TABLE "shop internal".ledger (id bigint NOT NULL, booked_on date, amount numeric(12, 2) OPTIONS (column_name 'sum'))
            SERVER "book keeping" OPTIONS (schema_name 'public', table_name 'bookings');
        COMMENT ON FOREIGN TABLE "shop internal".ledger IS 'Lives elsewhere: a backup has its definition only';
        GRANT USAGE ON FOREIGN SERVER "book keeping" TO "shop manager";
    END IF;
END
$tables$;

-- Supabase's Realtime listens to a publication of this name.
CREATE PUBLICATION supabase_realtime FOR TABLE public.orders (id, status, customer_id) WHERE (id > 0), public.stock_movements
    WITH (publish = 'insert, update');
COMMENT ON PUBLICATION supabase_realtime IS 'Orders, as they change';

CREATE FUNCTION extensions.pgrst_ddl_watch() RETURNS event_trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    NOTIFY pgrst, 'reload schema';
END
$$;

DO $superuser$
BEGIN
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        CREATE EVENT TRIGGER pgrst_ddl_watch ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE', 'CREATE VIEW')
            EXECUTE FUNCTION extensions.pgrst_ddl_watch();
        COMMENT ON EVENT TRIGGER pgrst_ddl_watch IS 'Tells the API that there is something new';
        ALTER TABLE "shop internal"."audit log" OWNER TO "shop manager";
    END IF;
END
$superuser$;
