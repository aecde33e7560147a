"""What a script would do beyond its database is named, however it is written."""

from __future__ import annotations

import pytest

from app.postgres.script_dangers import Danger, Severity, danger_of_command
from app.postgres.script_outline import outline_script
from app.postgres.shown_text import shortened


def dangers(script: str) -> list[Danger]:
    return list(outline_script([script.encode()]).dangers)


@pytest.mark.parametrize(
    ("statement", "severity"),
    [
        ("COPY t FROM PROGRAM 'id'", "program"),
        ("copy/* */t/**/(a, \"from\") -- x\n to\tPrOgRaM 'id'", "program"),
        ("COPY (SELECT 1 FROM t) TO PROGRAM 'id'", "program"),
        ("COPY t FROM '/etc/passwd'", "file"),
        ("COPY t TO E'/tmp/\\x41' CSV", "file"),
        ("COPY t TO $$/tmp/x$$", "file"),
        ("SELECT pg_read_file('x')", "file"),
        ("SELECT PG_CATALOG . /**/ Pg_Read_Binary_File /**/ ('x')", "file"),
        ("SELECT \"pg_read_file\"('x')", "file"),
        ("SELECT U&\"pg\\005fread_file\"('x')", "file"),
        ("SELECT u&\"\\+000070g_ls_dir\"('x')", "file"),
        ("INSERT INTO t VALUES (lo_import('/etc/passwd'))", "file"),
        ("INSERT INTO t SELECT \"lo_export\"(1, 'x')", "file"),
        ("CREATE TABLE t AS SELECT pg_ls_dir('.')", "file"),
        ("CREATE TABLE t (a text DEFAULT pg_stat_file('x'))", "file"),
        ("WITH a AS (SELECT pg_read_file('x')) INSERT INTO t SELECT * FROM a", "file"),
        ("SELECT query_to_xml('SELECT pg_read_file(''x'')', true, true, '')", "file"),
        ("DO $$ BEGIN COPY t TO PROGRAM 'id'; END $$", "program"),
        ("DO LANGUAGE plpgsql 'BEGIN EXECUTE ''COPY t TO PROGRAM ''''id''''''; END'", "program"),
        ("DO $$ BEGIN PERFORM pg_read_file('x'); END $$", "file"),
        ("CREATE FUNCTION f() RETURNS int AS 'x', 'y' LANGUAGE C", "program"),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE 'internal' AS 'x'", "program"),
        ('CREATE FUNCTION f() RETURNS int LANGUAGE "plpython3u" AS $$ x $$', "program"),
        ("CREATE OR REPLACE PROCEDURE f() LANGUAGE/**/plperlu AS $$ x $$", "program"),
        ("CREATE EXTENSION IF NOT EXISTS plpython3u", "program"),
        ('CREATE EXTENSION "file_fdw"', "file"),
        ("ALTER EXTENSION adminpack UPDATE", "file"),
        ("CREATE EXTENSION dblink", "hint"),
        ("CREATE LANGUAGE plperlu", "program"),
        ("SELECT * FROM dblink('host=x', 'SELECT 1') AS t(a int)", "server"),
        ("SELECT dblink_connect('x')", "server"),
        ("ALTER SYSTEM SET archive_command = 'x'", "server"),
        ("LOAD 'x'", "program"),
        ("CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p", "server"),
        ("CREATE SERVER s FOREIGN DATA WRAPPER w", "defines"),
        ("CREATE USER MAPPING FOR joe SERVER s", "defines"),
        ("CREATE FOREIGN DATA WRAPPER w", "defines"),
        ("IMPORT FOREIGN SCHEMA a FROM SERVER s INTO b", "server"),
        ("CREATE FOREIGN TABLE t (a text) SERVER s OPTIONS (program 'id')", "program"),
        ("CREATE TABLESPACE t LOCATION '/tmp'", "file"),
        ("CREATE ROLE joe SUPERUSER", "server"),
        ("ALTER USER joe WITH LOGIN SuperUser", "server"),
        ("GRANT pg_execute_server_program TO joe", "server"),
        ("SET ROLE joe", "server"),
        ("SET LOCAL ROLE 'joe'", "server"),
        ("SET SESSION AUTHORIZATION 'joe'", "server"),
        ("ALTER ROLE joe PASSWORD 'x'", "server"),
        ("GRANT joe TO jane", "hint"),
        ("DO LANGUAGE plpython3u $$ import os $$", "program"),
        ("DO $$ x $$ LANGUAGE 'plperlu'", "program"),
        ("SELECT set_config('role', 'joe', false)", "server"),
        ("SELECT 1, pg_catalog.SET_CONFIG(/**/'Session_Authorization', 'joe', true)", "server"),
        ("INSERT INTO t VALUES (set_config('role', 'joe', false))", "server"),
        ("DO $$ BEGIN PERFORM set_config('role', 'joe', true); END $$", "server"),
        ("SET role = 'joe'", "server"),
        ('SET LOCAL "role" TO joe', "server"),
        ("SET session_authorization TO joe", "server"),
        ("DO $$ BEGIN SET LOCAL ROLE joe; END $$", "server"),
        ("DO $$ BEGIN EXECUTE 'SET SESSION AUTHORIZATION joe'; END $$", "server"),
        ("DO $$ BEGIN EXECUTE 'SET RO' || 'LE joe'; END $$", "hint"),
        ("DO $$ BEGIN EXECUTE format('SET %s', 'x'); END $$", "hint"),
        ("ALTER ROLE CURRENT_USER SET search_path = evil", "server"),
        ("ALTER ROLE ALL IN DATABASE x SET work_mem = '1GB'", "server"),
        ("ALTER USER joe SET session_preload_libraries = 'x'", "server"),
        ("ALTER ROLE joe SET statement_timeout TO '3s'", "hint"),
        ("DROP DATABASE x", "destroys"),
        ("DROP OWNED BY joe", "destroys"),
        ("DROP SCHEMA IF EXISTS public CASCADE", "destroys"),
        ("TRUNCATE t", "destroys"),
        (
            "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN COPY t TO PROGRAM 'x'; END $$",
            "hint",
        ),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT pg_read_file(''x'')'", "hint"),
        ("SET client_encoding = 'SJIS'", "unreadable"),
        ("\\encoding GB18030", "unreadable"),
        ("\\! id", "meta-command"),
        ("SELECT 1 \\g |sh", "meta-command"),
        ("\\connect a joe elsewhere", "meta-command"),
    ],
)
def test_dangers_are_named(statement: str, severity: str) -> None:
    script = f"SELECT 1;\n\n{statement}\n;\n"
    found = dangers(script)
    assert [(danger.line, danger.severity) for danger in found] == [(3, severity)]
    danger = found[0]
    assert danger.what
    assert danger.statement
    assert danger.is_always_refused == (severity in ("meta-command", "unreadable"))
    assert danger.is_refused_unless_allowed == (severity in ("program", "file", "server"))


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO posts VALUES ('SELECT pg_read_file(''x''); COPY t TO PROGRAM ''id''')",
        "INSERT INTO posts VALUES ('pg_read_file(1)', $$lo_import('x')$$)",
        "COMMENT ON TABLE t IS 'COPY t TO PROGRAM ''id'''",
        "COPY t (program) FROM stdin;\n\\! id\n\\.\n",
        "COPY program FROM stdin;\nCOPY t FROM PROGRAM 'id';\n\\.\n",
        'CREATE TABLE program (pg_read_file text, "lo_import" text)',
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$",
        "CREATE FUNCTION f() RETURNS int RETURN 1",
        "CREATE EXTENSION pgcrypto",
        "CREATE ROLE joe NOSUPERUSER",
        "RESET ROLE",
        "SET ROLE NONE",
        "SET SESSION AUTHORIZATION DEFAULT",
        "SET client_encoding = 'LATIN1'",
        "SELECT pg_catalog.setval('a', 1)",
        "SELECT pg_catalog.set_config('search_path', '', false)",
        "SET role TO DEFAULT",
        "DO $$ BEGIN UPDATE t SET role = 'joe'; END $$",
        "DO $$ BEGIN UPDATE t SET a = b, role = 'joe' WHERE local = 1; END $$",
        "DO $$ BEGIN EXECUTE 'CREATE TYPE a AS ENUM ()'; END $$",
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE x; END $$",
        "ALTER ROLE joe NOLOGIN",
        "SELECT pg_catalog.lowrite(0, '\\x00')",
        "\\restrict abc\n\\unrestrict abc",
        "\\connect a",
        "DO $$ BEGIN RAISE NOTICE 'x'; END $$",
        "CREATE TABLE t (language text, c text)",
        "CREATE FUNCTION f(language text) RETURNS TABLE (language text) LANGUAGE sql AS $$ SELECT 'c' $$",
    ],
)
def test_what_only_looks_like_one_is_not(statement: str) -> None:
    assert dangers(f"{statement}\n;\n") == []


EVIL = """CREATE FUNCTION s.f(int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN COPY t TO PROGRAM 'x'; END $$;
ALTER FUNCTION s.f(int) OWNER TO x; COMMENT ON FUNCTION s.f(int) IS 'f()'; GRANT ALL ON FUNCTION f(int) TO x;
"""


@pytest.mark.parametrize(
    "runs",
    [
        "SELECT s.f(1)",
        'SELECT 1 FROM t WHERE "f"(1)',
        "CALL f(1)",
        "DO $$ BEGIN PERFORM s.f(1); END $$",
        "DO $$ BEGIN EXECUTE 'SELECT s.f(1)'; END $$",
        "INSERT INTO t VALUES (s.f(1))",
        "CREATE TABLE u (a int CHECK (s.f(a)))",
        "ALTER TABLE t ADD CONSTRAINT c CHECK (s.f(a))",
        "CREATE INDEX ON t (f(a))",
        "CREATE MATERIALIZED VIEW m AS SELECT f(1)",
        "CREATE FUNCTION g() RETURNS int LANGUAGE sql AS 'SELECT s.f(1)'; SELECT g()",
        "CREATE TRIGGER x BEFORE INSERT ON t EXECUTE FUNCTION s.f(); INSERT INTO t VALUES (1)",
        "CREATE VIEW v AS SELECT f(1); UPDATE t SET a = 1",
    ],
)
def test_a_dangerous_function_that_a_script_runs_is_more_than_a_hint(runs: str) -> None:
    defined, run = dangers(f"{EVIL}{runs};\n")
    assert (defined.severity, run.severity) == (Severity.HINT, Severity.PROGRAM)
    assert run.what.endswith("which runs a program on the server")
    assert run.line == 3


@pytest.mark.parametrize(
    "later",
    [
        "COPY t FROM stdin;\nf(1)\n\\.\nCREATE TRIGGER x BEFORE INSERT ON t EXECUTE FUNCTION s.f()",
        "CREATE VIEW v AS SELECT f(1)",
        "SELECT g(1)",
        "DROP FUNCTION s.f(int)",
        "CREATE TABLE s.f (f int); INSERT INTO s.f (f) VALUES (1); CREATE TABLE g (a int REFERENCES f (f))",
        "COPY f (f) FROM stdin;\n1\n\\.\nSELECT 1",
    ],
)
def test_a_dangerous_function_that_nothing_runs_stays_a_hint(later: str) -> None:
    assert [one.severity for one in dangers(f"{EVIL}{later};\n")] == [Severity.HINT]


def test_values_of_rows_are_not_shown() -> None:
    (danger,) = dangers("INSERT INTO t (a) VALUES ('secret', lo_import('x'));\n")
    assert danger.statement == "INSERT INTO t (a) VALUES …"
    assert danger.severity is Severity.FILE


def test_a_hostile_number_of_dangers_is_cut_off() -> None:
    assert len(dangers("LOAD 'x';\n" * 3000)) == 1000


@pytest.mark.parametrize(
    "command", ["\\echo hello", "\\timing off", "\\pset pager off", "\\set ON_ERROR_STOP on", "\\set QUIET 1"]
)
def test_commands_that_only_change_what_psql_shows_are_none(command: str) -> None:
    assert danger_of_command(command.encode(), 1) is None


@pytest.mark.parametrize("command", ["\\set x `id`", "\\echo a \\! id", "\\set AUTOCOMMIT off"])
def test_commands_that_do_more_are_refused(command: str) -> None:
    assert danger_of_command(command.encode(), 1) is not None


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER ROLE joe PASSWORD 'top''secret'",
        "CREATE USER MAPPING FOR joe SERVER s OPTIONS (user 'joe', password 'topsecret')",
        "CREATE SUBSCRIPTION s CONNECTION 'host=x password=topsecret' PUBLICATION p",
    ],
)
def test_secrets_are_not_shown(statement: str) -> None:
    assert "secret" not in shortened(statement.encode())
