"""The questions that `target` asks of a database, with nothing but pg_catalog in the search path."""

from __future__ import annotations

SERVER = """
SELECT current_setting('server_version_num')::int, r.rolname, r.rolsuper, r.rolcreatedb, r.rolcreaterole,
       r.rolbypassrls,
       LEAST(current_setting('max_connections')::int
             - CASE WHEN r.rolsuper THEN 0 ELSE current_setting('superuser_reserved_connections')::int
                    + COALESCE(current_setting('reserved_connections', true)::int, 0) END
             - (SELECT sum(numbackends)::int FROM pg_stat_database),
             CASE WHEN r.rolconnlimit >= 0 AND NOT r.rolsuper THEN r.rolconnlimit - (
                 SELECT count(*)::int FROM pg_stat_activity WHERE usesysid = r.oid) END),
       pg_is_in_recovery(),
       current_setting('max_locks_per_transaction')::int
       * (current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int)
FROM pg_roles r WHERE r.rolname = current_user
"""
DATABASE = """
SELECT datname, pg_get_userbyid(datdba), pg_encoding_to_char(encoding), {provider}, datcollate, {locale},
       pg_database_size(oid), has_database_privilege(oid, 'CREATE'),
       (SELECT count(*)::int FROM pg_stat_activity
        WHERE datid = d.oid AND pid <> pg_backend_pid() AND backend_type = 'client backend'),
       (SELECT reset_val = 'on' FROM pg_settings WHERE name = 'default_transaction_read_only')
FROM pg_database d WHERE datname = current_database()
"""
COLLATIONS = """
SELECT collname, collprovider::text, CASE WHEN collprovider = 'c' THEN collcollate END FROM pg_collation
WHERE collnamespace = 'pg_catalog'::regnamespace
"""
AVAILABLE = """
SELECT v.name, v.superuser, v.trusted
FROM pg_available_extension_versions v JOIN pg_available_extensions e
     ON e.name = v.name AND e.default_version = v.version
"""
INSTALLED = """
SELECT e.extname, n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
"""
LABEL_PROVIDERS = "SELECT DISTINCT provider FROM pg_seclabels"
TABLESPACES = "SELECT spcname FROM pg_tablespace WHERE has_tablespace_privilege(oid, 'CREATE')"
_OWN = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
CREATABLE = f"SELECT nspname FROM pg_namespace n WHERE {_OWN} AND has_schema_privilege(oid, 'CREATE')"
CREATORS = f"""
SELECT r.rolname, n.nspname FROM pg_roles r, pg_namespace n
WHERE {_OWN} AND r.rolname !~ '^pg_' AND pg_has_role(r.oid, '{{right}}')
  AND has_schema_privilege(r.oid, n.oid, 'CREATE')
"""
_MEMBER = """COALESCE((SELECT extname FROM pg_depend m JOIN pg_extension e ON e.oid = m.refobjid
    WHERE m.classid = '{catalog}'::regclass AND m.objid = {oid} AND m.deptype = 'e'
      AND m.refclassid = 'pg_extension'::regclass), '')"""
ALL_RELATIONS = f"""
SELECT c.oid::int8, n.nspname, c.relname, c.relkind::text, pg_has_role(c.relowner, 'USAGE'),
       {_MEMBER.format(catalog="pg_class", oid="c.oid")}, COALESCE(i.indrelid, o.refobjid)::int8,
       pg_get_userbyid(c.relowner)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_index i ON i.indexrelid = c.oid
LEFT JOIN LATERAL (
    SELECT refobjid FROM pg_depend
    WHERE c.relkind = 'S' AND classid = 'pg_class'::regclass AND objid = c.oid AND objsubid = 0
      AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i') LIMIT 1
) o ON true
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'i', 'I', 'c') AND {_OWN}
"""
COLUMNS = f"""
SELECT c.oid::int8, array_agg(a.attname ORDER BY a.attnum)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND {_OWN}
GROUP BY c.oid
"""


def _named(catalog: str, kind: str, letters: str, schema: bool = True, condition: str = "true") -> str:
    """The query for objects of one catalog whose columns begin with these letters."""
    return f"""
    SELECT '{catalog}', x.oid::int8, {kind}, {"n.nspname" if schema else "''"}, x.{letters}name::text,
           pg_has_role(x.{letters}owner, 'USAGE'), {_MEMBER.format(catalog=catalog, oid="x.oid")},
           pg_get_userbyid(x.{letters}owner)
    FROM {catalog} x {f"JOIN pg_namespace n ON n.oid = x.{letters}namespace" if schema else ""}
    WHERE {_OWN if schema else "true"} AND {condition}"""


_NOT_INTERNAL = """NOT EXISTS (SELECT FROM pg_depend i WHERE i.classid = '{catalog}'::regclass
    AND i.objid = x.oid AND i.deptype = 'i')"""
_ROUTINE_KIND = "CASE x.prokind WHEN 'p' THEN 'PROCEDURE' WHEN 'a' THEN 'AGGREGATE' ELSE 'FUNCTION' END"
_SIGNATURE = """x.proname || '(' || CASE WHEN x.prokind = 'a' AND x.pronargs = 0 THEN '*' ELSE (
    SELECT COALESCE(string_agg(format_type(t, NULL), ', ' ORDER BY position), '')
    FROM unnest(x.proargtypes) WITH ORDINALITY AS a(t, position)) END || ')'"""
_OPERATORS = f"""
    SELECT 'pg_operator', x.oid::int8, 'OPERATOR', n.nspname,
           x.oprname || '(' || COALESCE(format_type(NULLIF(x.oprleft, 0), NULL), 'NONE') || ', '
               || COALESCE(format_type(NULLIF(x.oprright, 0), NULL), 'NONE') || ')',
           pg_has_role(x.oprowner, 'USAGE'), {_MEMBER.format(catalog="pg_operator", oid="x.oid")},
           pg_get_userbyid(x.oprowner)
    FROM pg_operator x JOIN pg_namespace n ON n.oid = x.oprnamespace WHERE {_OWN}"""
_CASTS = f"""
    SELECT 'pg_cast', x.oid::int8, 'CAST', '',
           '(' || format_type(castsource, NULL) || ' AS ' || format_type(casttarget, NULL) || ')',
           pg_has_role(s.typowner, 'USAGE') OR pg_has_role(t.typowner, 'USAGE'),
           {_MEMBER.format(catalog="pg_cast", oid="x.oid")}, pg_get_userbyid(s.typowner)
    FROM pg_cast x JOIN pg_type s ON s.oid = castsource JOIN pg_type t ON t.oid = casttarget
    WHERE x.oid >= 16384"""
OTHERS = " UNION ALL ".join(
    (
        f"""
    SELECT 'pg_namespace', n.oid::int8, 'SCHEMA', '', n.nspname::text, pg_has_role(n.nspowner, 'USAGE'),
           {_MEMBER.format(catalog="pg_namespace", oid="n.oid")}, pg_get_userbyid(n.nspowner)
    FROM pg_namespace n WHERE {_OWN}""",
        _named(
            "pg_type",
            "CASE x.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END",
            "typ",
            condition=f"x.typrelid = 0 AND {_NOT_INTERNAL.format(catalog='pg_type')}",
        ),
        _named("pg_proc", _ROUTINE_KIND, "pro", condition=_NOT_INTERNAL.format(catalog="pg_proc")).replace(
            "x.proname::text", _SIGNATURE
        ),
        _named("pg_collation", "'COLLATION'", "coll"),
        _named("pg_ts_config", "'TEXT SEARCH CONFIGURATION'", "cfg"),
        _named("pg_ts_dict", "'TEXT SEARCH DICTIONARY'", "dict"),
        _named("pg_statistic_ext", "'STATISTICS'", "stx"),
        _named("pg_conversion", "'CONVERSION'", "con"),
        _OPERATORS,
        _CASTS,
        _named("pg_event_trigger", "'EVENT TRIGGER'", "evt", schema=False),
        _named("pg_publication", "'PUBLICATION'", "pub", schema=False),
        _named("pg_foreign_data_wrapper", "'FOREIGN DATA WRAPPER'", "fdw", schema=False),
        _named("pg_foreign_server", "'SERVER'", "srv", schema=False),
    )
)
DEPENDENTS = """
SELECT DISTINCT CASE WHEN e.typrelid > 0 THEN 'pg_class' ELSE d.refclassid::regclass::text END,
       COALESCE(NULLIF(e.typrelid, 0), e.oid, d.refobjid)::int8,
       CASE WHEN k.contypid > 0 THEN 'pg_type' WHEN part.relation > 0 THEN 'pg_class'
            ELSE d.classid::regclass::text END,
       COALESCE(NULLIF(k.contypid, 0), part.relation, d.objid)::int8
FROM pg_depend d
LEFT JOIN pg_type t ON d.refclassid = 'pg_type'::regclass AND t.oid = d.refobjid
LEFT JOIN pg_type e ON e.oid = CASE WHEN t.typcategory = 'A' AND t.typelem > 0 THEN t.typelem ELSE t.oid END
LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
LEFT JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
LEFT JOIN pg_attrdef f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid
LEFT JOIN pg_trigger g ON d.classid = 'pg_trigger'::regclass AND g.oid = d.objid
LEFT JOIN pg_policy p ON d.classid = 'pg_policy'::regclass AND p.oid = d.objid
CROSS JOIN LATERAL (
    SELECT COALESCE(r.ev_class, NULLIF(k.conrelid, 0), f.adrelid, g.tgrelid, p.polrelid) AS relation
) part
WHERE d.refobjid >= 16384 AND d.refclassid NOT IN ('pg_namespace'::regclass, 'pg_extension'::regclass)
  AND (d.deptype = 'n' OR (d.deptype = 'a' AND d.classid = d.refclassid AND d.objid IN (
      SELECT oid FROM pg_class WHERE relispartition AND relkind IN ('r', 'p', 'f'))))
"""
FOREIGN_KEYS = f"""
SELECT k.conname, n.nspname, c.relname, m.nspname, f.relname, k.condeferrable, k.conparentid <> 0
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class f ON f.oid = k.confrelid JOIN pg_namespace m ON m.oid = f.relnamespace
WHERE k.contype = 'f' AND {_OWN} ORDER BY 2, 3, 1
"""
PARTITIONS = f"""
SELECT n.nspname, c.relname, m.nspname, p.relname
FROM pg_inherits i
JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace m ON m.oid = p.relnamespace
WHERE c.relispartition AND c.relkind IN ('r', 'p', 'f') AND {_OWN} ORDER BY 1, 2
"""
TRIGGERS = f"""
SELECT n.nspname, c.relname, t.tgname, t.tgenabled::text, t.tgtype & 4 > 0, t.tgtype & 32 > 0
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgtype & 36 > 0
  AND NOT (c.relkind = 'p' AND t.tgtype & 1 > 0) AND {_OWN} ORDER BY 1, 2, 3
"""
"""Of a partitioned table, those for each row are its partitions' own."""
WRITABLE = f"""
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'S') AND NOT pg_has_role(c.relowner, 'USAGE') AND {_OWN}
  AND has_schema_privilege(n.oid, 'USAGE')
  AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, 'UPDATE')
           ELSE has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'SELECT') END
"""
GRANTABLE = f"""
SELECT n.nspname, c.relname, a.privilege_type
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a
WHERE a.is_grantable AND a.grantee <> 0 AND pg_has_role(a.grantee, 'USAGE')
  AND NOT pg_has_role(c.relowner, 'USAGE') AND {_OWN}
"""
ADMIN_OF = """
SELECT rolname FROM pg_roles r
WHERE pg_has_role(oid, 'MEMBER WITH ADMIN OPTION')
   OR (current_setting('server_version_num')::int < 160000 AND NOT rolsuper
       AND (SELECT rolcreaterole FROM pg_roles WHERE rolname = current_user))
"""
"""Before PostgreSQL 16, CREATEROLE was enough."""
ROLE_SETTINGS = """
SELECT r.rolname, setting FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole,
     unnest(s.setconfig) setting
WHERE s.setdatabase = 0
"""
HIDES_ROWS = f"""
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relrowsecurity AND row_security_active(c.oid) AND {_OWN}
"""
TABLES = f"""
SELECT n.nspname, c.relname,
       has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE')
       AND NOT row_security_active(c.oid), c.relpages > 0 OR c.reltuples <> 0
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND {_OWN} AND {_MEMBER.format(catalog="pg_class", oid="c.oid")} = ''
ORDER BY c.relpages DESC, c.oid
"""
