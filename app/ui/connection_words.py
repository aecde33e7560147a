"""What the engine says of servers and of the way to them, for the translators; `engine_words` says it."""

from __future__ import annotations

from app.ui.widgets.badge import QT_TRANSLATE_NOOP

SENTENCES = (
    # of the connection check
    QT_TRANSLATE_NOOP("engine", "given by a service"),
    QT_TRANSLATE_NOOP("engine", "given by libpq's own settings"),
    QT_TRANSLATE_NOOP("engine", "libpq's own choice"),
    QT_TRANSLATE_NOOP("engine", "tried with the sign-in"),
    QT_TRANSLATE_NOOP("engine", "this computer"),
    QT_TRANSLATE_NOOP("engine", "by the socket in %1"),
    QT_TRANSLATE_NOOP("engine", "%1 is %2 and %3 more, IPv4 and IPv6"),
    QT_TRANSLATE_NOOP("engine", "%1 is %2 and %3 more, IPv4"),
    QT_TRANSLATE_NOOP("engine", "%1 is %2 and %3 more, IPv6"),
    QT_TRANSLATE_NOOP("engine", "%1 is %2, IPv4"),
    QT_TRANSLATE_NOOP("engine", "%1 is %2, IPv6"),
    QT_TRANSLATE_NOOP("engine", "%1 answers on port %2. %3"),
    QT_TRANSLATE_NOOP("engine", "%1 answers on port %2"),
    QT_TRANSLATE_NOOP(
        "engine",
        "Port 6432 is Azure's PgBouncer, on which a snapshot may not hold: port 5432, the server itself, "
        "is used instead.",
    ),
    QT_TRANSLATE_NOOP(
        "engine",
        "The host is Neon's transaction pooler, on which a snapshot does not hold: the same host without "
        "-pooler is used instead.",
    ),
    QT_TRANSLATE_NOOP(
        "engine",
        "Port 6543 is Supabase's transaction pooler, on which a snapshot does not hold: port 5432 of the "
        "same host is used instead.",
    ),
    QT_TRANSLATE_NOOP(
        "engine",
        "Port 54329 is the local project's pooler: port 54322, the database itself, is used instead.",
    ),
    QT_TRANSLATE_NOOP(
        "engine",
        "Port 6543 is a transaction pooler, on which a snapshot does not hold: port 5432 of the same "
        "host, its session pooler, is used instead.",
    ),
    QT_TRANSLATE_NOOP("engine", "not encrypted"),
    QT_TRANSLATE_NOOP("engine", "not encrypted, as sslmode=disable asks"),
    QT_TRANSLATE_NOOP("engine", "%1, certificate of %2 issued by %3; %4"),
    QT_TRANSLATE_NOOP("engine", "authority and name are checked"),
    QT_TRANSLATE_NOOP("engine", "its authority is checked, its name is not"),
    QT_TRANSLATE_NOOP("engine", "it is not checked (sslmode=%1)"),
    QT_TRANSLATE_NOOP("engine", "%1, through a pooler in session mode"),
    QT_TRANSLATE_NOOP("engine", "as %1 in database %2, in %3 ms"),
    QT_TRANSLATE_NOOP("engine", "PostgreSQL %1; %2"),
    QT_TRANSLATE_NOOP("engine", "it fits the server, %1"),
    QT_TRANSLATE_NOOP("engine", "the newest of those that read PostgreSQL %1"),
    QT_TRANSLATE_NOOP("engine", "%1 may read everything"),
    QT_TRANSLATE_NOOP("engine", "no rows are hidden"),
    QT_TRANSLATE_NOOP("engine", "%1. A backup takes about %2 and %3"),
    QT_TRANSLATE_NOOP("engine", "a moment"),
    # why a server cannot be used
    QT_TRANSLATE_NOOP("engine", "Check the host name for typing errors, and that this computer is online."),
    QT_TRANSLATE_NOOP(
        "engine",
        "Give its authority's certificate with sslrootcert=FILE, and check that it has not expired, that "
        "this computer's clock is right, and that this is the right server.",
    ),
    QT_TRANSLATE_NOOP("engine", "Give its authority's certificate with sslrootcert=FILE."),
    QT_TRANSLATE_NOOP("engine", "Use the host name that the certificate was made for, or sslmode=verify-ca."),
    QT_TRANSLATE_NOOP("engine", "The root certificate was not found"),
    QT_TRANSLATE_NOOP(
        "engine",
        "Check the path in sslrootcert; sslrootcert=system takes the authorities that this computer trusts.",
    ),
    QT_TRANSLATE_NOOP("engine", "The client's certificate or its key cannot be used"),
    QT_TRANSLATE_NOOP(
        "engine", "Check the files in sslcert and sslkey; the key must be readable by you alone."
    ),
    QT_TRANSLATE_NOOP("engine", "Check the network and that the server still runs, then start again."),
    QT_TRANSLATE_NOOP(
        "engine",
        "Set sslmode=require for a server that insists on TLS, or sslmode=prefer for one that has none.",
    ),
    QT_TRANSLATE_NOOP("engine", "The server did not answer in time"),
    QT_TRANSLATE_NOOP("engine", "Check host and port, and that no firewall stands between."),
    QT_TRANSLATE_NOOP("engine", "The server is starting or shutting down"),
    QT_TRANSLATE_NOOP("engine", "Wait until it runs, then start again."),
    QT_TRANSLATE_NOOP("engine", "Check the port, and that the server is running."),
    QT_TRANSLATE_NOOP(
        "engine",
        "Check the network, and that it knows the kind of address that the server has, IPv4 or IPv6.",
    ),
    QT_TRANSLATE_NOOP("engine", "The server does not let this user in from here"),
    QT_TRANSLATE_NOOP(
        "engine",
        "The server's pg_hba.conf must allow this user, database and address, and the role needs LOGIN.",
    ),
    QT_TRANSLATE_NOOP("engine", "There is no password for this sign-in"),
    QT_TRANSLATE_NOOP(
        "engine", "Set PGPASSWORD, add a line to ~/.pgpass (mode 0600), or put it into the connection string."
    ),
    QT_TRANSLATE_NOOP(
        "engine",
        "Check user and password. A password in a URL must be percent-encoded where it has @ : / ? # or %.",
    ),
    QT_TRANSLATE_NOOP("engine", "Check the name at the end of the connection string."),
    QT_TRANSLATE_NOOP(
        "engine", "Close other programs that use it, or lower --jobs; roles and databases have limits, too."
    ),
    QT_TRANSLATE_NOOP("engine", "The server did not let us in"),
    QT_TRANSLATE_NOOP("engine", "Check the connection string."),
    QT_TRANSLATE_NOOP("engine", "The server's own disk is full"),
    QT_TRANSLATE_NOOP("engine", "Free some space on the server; this computer's disk is not meant."),
    QT_TRANSLATE_NOOP("engine", "The server cannot lock that many tables at once"),
    QT_TRANSLATE_NOOP(
        "engine", "Raise max_locks_per_transaction on the server, or back up some schemas at a time."
    ),
    QT_TRANSLATE_NOOP("engine", "A table is locked by another session"),
    QT_TRANSLATE_NOOP("engine", "A file of the archive is missing"),
    QT_TRANSLATE_NOOP("engine", "The archive is damaged"),
    QT_TRANSLATE_NOOP("engine", "Port 6543 is a transaction pooler"),
    QT_TRANSLATE_NOOP("engine", "A pooler in transaction mode stands before the server"),
    QT_TRANSLATE_NOOP(
        "engine", "Session settings leak to other clients through it, and a snapshot does not hold."
    ),
    QT_TRANSLATE_NOOP(
        "engine", "A backup needs %1 connections at once, and the pooler has 1 free connection"
    ),
    QT_TRANSLATE_NOOP("engine", "A backup needs %1 connections at once, and the pooler has %2 free ones"),
    QT_TRANSLATE_NOOP(
        "engine",
        "Raise the size of its pool, close other programs that use it, or connect to the server itself.",
    ),
    # what helps with each kind of project
    QT_TRANSLATE_NOOP("engine", "Use the server's own port, or a pooler in session mode."),
    QT_TRANSLATE_NOOP("engine", "Use the endpoint of the instance or the cluster, not that of an RDS Proxy."),
    QT_TRANSLATE_NOOP("engine", "Use port 5432, the server itself."),
    QT_TRANSLATE_NOOP(
        "engine", "Use the string in DATABASE_URL, not the one in DATABASE_CONNECTION_POOL_URL."
    ),
    QT_TRANSLATE_NOOP("engine", "Use the host without -pooler in its name."),
    QT_TRANSLATE_NOOP("engine", "Use port 5432: the direct connection or the session pooler."),
    QT_TRANSLATE_NOOP("engine", "Use port 5432: the session pooler, or the database itself."),
    QT_TRANSLATE_NOOP("engine", 'Run: GRANT pg_read_all_data TO "%1"; or use --exclude-table.'),
    QT_TRANSLATE_NOOP(
        "engine", 'As a member of %1, run: GRANT pg_read_all_data TO "%2"; or use --exclude-table.'
    ),
    QT_TRANSLATE_NOOP(
        "engine", "Back up with the default credential, which owns the database; or use --exclude-table."
    ),
    QT_TRANSLATE_NOOP(
        "engine", "Back up as the role postgres, which may read everything; or use --exclude-table."
    ),
    QT_TRANSLATE_NOOP(
        "engine", "Back up as postgres or supabase_admin, which may read everything; or use --exclude-table."
    ),
    QT_TRANSLATE_NOOP("engine", 'Run: ALTER ROLE "%1" BYPASSRLS; or back up as a role that has it.'),
    QT_TRANSLATE_NOOP(
        "engine",
        "Back up as the owner of these tables, or as a role with BYPASSRLS. The master user is only a "
        "member of rds_superuser, which is no superuser.",
    ),
    QT_TRANSLATE_NOOP(
        "engine",
        "Back up as the server's administrator, a member of azure_pg_admin; from version 16 on it can "
        'also run: ALTER ROLE "%1" BYPASSRLS;',
    ),
    QT_TRANSLATE_NOOP(
        "engine", "Back up with the default credential, if it owns these tables; nobody gets BYPASSRLS."
    ),
    QT_TRANSLATE_NOOP(
        "engine",
        "Back up as the owner of these tables, or as a role with BYPASSRLS: those made in Neon's console "
        "have it.",
    ),
    QT_TRANSLATE_NOOP("engine", "Back up as the role postgres, which has BYPASSRLS."),
    QT_TRANSLATE_NOOP("engine", "Back up as postgres or supabase_admin, which have BYPASSRLS."),
    QT_TRANSLATE_NOOP("engine", "Download global-bundle.pem from %1, and give it with sslrootcert=FILE."),
    QT_TRANSLATE_NOOP(
        "engine", "Its certificate is one that this computer should trust: use sslrootcert=system."
    ),
    QT_TRANSLATE_NOOP("engine", "Its certificate is one that this computer trusts: use sslrootcert=system."),
    QT_TRANSLATE_NOOP(
        "engine", "Heroku's certificates sign themselves and cannot be checked: use sslmode=require."
    ),
    QT_TRANSLATE_NOOP(
        "engine",
        "Download the certificate from the project's database settings (SSL configuration), and give it "
        "with sslrootcert=FILE.",
    ),
    QT_TRANSLATE_NOOP(
        "engine",
        "An instance that is not publicly accessible can be reached from its own network alone, and its "
        "security group must let this computer in.",
    ),
    QT_TRANSLATE_NOOP("engine", "The server's firewall rules must let this computer's address in."),
    QT_TRANSLATE_NOOP(
        "engine",
        "Host and password of a Heroku database change now and again: “heroku config” has those of today.",
    ),
    QT_TRANSLATE_NOOP(
        "engine",
        "The direct host of a Supabase project has an IPv6 address only, unless it has the IPv4 add-on: "
        "use its session pooler. A project that is paused or removed has no host at all.",
    ),
    QT_TRANSLATE_NOOP("engine", "“supabase start” starts it, and “supabase status” tells where it answers."),
)
"""As in the engine, with %1 to %9 for values; of two that fit, the first counts."""
