CREATE EXTENSION dblink; CREATE EXTENSION postgres_fdw;
CREATE FUNCTION public.evil2(a int) RETURNS bool LANGUAGE plpgsql AS $$BEGIN
 IF current_database() <> '@SOURCE@' THEN
   BEGIN EXECUTE 'COPY (SELECT 1) TO PROGRAM ''cat > @MARKERS@/copy'''; EXCEPTION WHEN insufficient_privilege THEN NULL; END;
   BEGIN EXECUTE 'COPY (SELECT 1) TO ''@MARKERS@/file'''; EXCEPTION WHEN insufficient_privilege THEN NULL; END;
   BEGIN EXECUTE 'GRANT pg_execute_server_program TO holdfast_restorer'; EXECUTE 'COPY (SELECT 1) TO PROGRAM ''cat > @MARKERS@/grant'''; EXCEPTION WHEN insufficient_privilege THEN NULL; END;
   BEGIN EXECUTE 'CREATE ROLE helper LOGIN IN ROLE pg_write_server_files'; EXECUTE 'SET ROLE helper'; EXECUTE 'COPY (SELECT 1) TO ''@MARKERS@/role'''; EXCEPTION WHEN insufficient_privilege OR duplicate_object THEN NULL; END;
   BEGIN EXECUTE 'ALTER ROLE holdfast_sandbox PASSWORD ''x'''; EXECUTE 'COPY (SELECT 1) TO PROGRAM ''cat > @MARKERS@/x'''; EXCEPTION WHEN insufficient_privilege THEN NULL; END;
   BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET search_path = public, pg_catalog'; EXCEPTION WHEN insufficient_privilege THEN NULL; END;
   BEGIN PERFORM public.dblink_connect_u('host=/tmp user=holdfast_sandbox dbname=postgres'); EXCEPTION WHEN OTHERS THEN RAISE WARNING 'dblink_u %', SQLERRM; END;
 END IF;
 RETURN true; END$$;
CREATE FUNCTION public.steal(text) RETURNS text LANGUAGE plpgsql AS $$BEGIN
 IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) AND current_database() <> '@SOURCE@' THEN COPY (SELECT 1) TO PROGRAM 'cat > @MARKERS@/search_path'; END IF; RETURN $1; END$$;
CREATE FUNCTION public.concat_oid(text, oid) RETURNS text LANGUAGE plpgsql AS $$BEGIN PERFORM public.steal($1); RETURN $1 || $2::text; END$$;
CREATE OPERATOR public.|| (LEFTARG = text, RIGHTARG = oid, FUNCTION = public.concat_oid);
CREATE FUNCTION public.ne(text, text) RETURNS bool LANGUAGE plpgsql AS $$BEGIN PERFORM public.steal($1); RETURN NOT ($1 OPERATOR(pg_catalog.=) $2); END$$;
CREATE OPERATOR public.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = public.ne);
CREATE FUNCTION public.nameq(name, name) RETURNS bool LANGUAGE plpgsql AS $$BEGIN PERFORM public.steal('x'); RETURN ($1 OPERATOR(pg_catalog.=) $2); END$$;
CREATE FUNCTION public.format(text, name, name, name) RETURNS text LANGUAGE plpgsql AS $$BEGIN PERFORM public.steal($1); RETURN 'x'; END$$;
CREATE FUNCTION public.max(int) RETURNS int LANGUAGE plpgsql AS $$BEGIN PERFORM public.steal('x'); RETURN $1; END$$;
CREATE FUNCTION public.evil(a int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$BEGIN PERFORM public.evil2(a); RETURN true; END$$;
CREATE TABLE t (a int CHECK (evil(a)), g bool GENERATED ALWAYS AS (evil(a)) STORED); INSERT INTO t VALUES (1);
CREATE INDEX ON t ((evil(a))); CREATE VIEW v AS SELECT evil(1); CREATE MATERIALIZED VIEW mv AS SELECT evil(2);
CREATE FUNCTION public.readfile(a int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$BEGIN IF current_database() <> '@SOURCE@' THEN PERFORM pg_read_file('PG_VERSION'); END IF; RETURN true; END$$;
CREATE TABLE reads (a int CHECK (readfile(a))); INSERT INTO reads VALUES (1);
CREATE TABLE refers (a int PRIMARY KEY CHECK (readfile(a))); INSERT INTO refers VALUES (1); CREATE TABLE refers2 (a int REFERENCES refers); INSERT INTO refers2 VALUES (1);
CREATE FUNCTION public.imports(a int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$BEGIN IF current_database() <> '@SOURCE@' THEN PERFORM lo_import('/etc/passwd'); END IF; RETURN true; END$$;
CREATE TABLE imp (a int CHECK (imports(a))); INSERT INTO imp VALUES (1);
CREATE FUNCTION public.systems(a int) RETURNS bool LANGUAGE plpgsql AS $$BEGIN IF current_database() <> '@SOURCE@' THEN EXECUTE 'ALTER SYSTEM SET archive_command = ''touch @MARKERS@/archive'''; END IF; RETURN true; END$$;
CREATE TABLE sys (a int CHECK (systems(a))); INSERT INTO sys VALUES (1);
CREATE FUNCTION public.dials(a int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$BEGIN IF current_database() <> '@SOURCE@' THEN PERFORM public.dblink_connect('host=localhost port=1 password=x'); END IF; RETURN true; END$$;
CREATE TABLE dial (a int CHECK (dials(a))); INSERT INTO dial VALUES (1);
CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'localhost', port '1'); CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (user 'x', password 'y'); CREATE FOREIGN TABLE ft (a int) SERVER far;

CREATE FUNCTION public.cfun() RETURNS int LANGUAGE c AS '$libdir/dblink', 'dblink_get_connections'; CREATE VIEW cview AS SELECT cfun();
CREATE FUNCTION public.internal() RETURNS void LANGUAGE internal AS 'pg_reload_conf';
CREATE FUNCTION public.far_rows() RETURNS int LANGUAGE plpgsql AS $$BEGIN IF current_database() <> '@SOURCE@' THEN PERFORM * FROM public.ft; END IF; RETURN 1; END$$;
CREATE MATERIALIZED VIEW far_view AS SELECT public.far_rows();
SELECT lo_create(7); COMMENT ON LARGE OBJECT 7 IS 'x';
