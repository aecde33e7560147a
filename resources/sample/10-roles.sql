-- The roles that a Supabase project has, and one of the shop's own. Roles belong to the whole
-- server, so those that exist stay as they are. None can sign in.

DO $roles$
DECLARE
    superuser constant boolean := (SELECT rolsuper FROM pg_roles WHERE rolname = current_user);
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['anon', 'authenticated', 'service_role', 'authenticator', 'shop manager'] LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = name);
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT', name);
            IF name = 'authenticator' THEN
                GRANT anon, authenticated, service_role TO authenticator;
            ELSIF name = 'service_role' AND superuser THEN
                ALTER ROLE service_role BYPASSRLS;
            END IF;
            EXECUTE format('COMMENT ON ROLE %I IS %L', name, 'Sample role of Holdfast');
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL; -- another session was faster
        END;
    END LOOP;
END
$roles$;
