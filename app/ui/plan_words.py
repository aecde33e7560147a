"""What the engine tells of restores and proofs, for the translators; `engine_words` says it."""

from __future__ import annotations

from app.ui.widgets.badge import QT_TRANSLATE_NOOP

SENTENCES = (
    # findings of a plan
    QT_TRANSLATE_NOOP("engine", "The server is a standby, which cannot be written to"),
    QT_TRANSLATE_NOOP("engine", "The source is from PostgreSQL %1, the target is %2"),
    QT_TRANSLATE_NOOP("engine", "What the older server does not know will fail"),
    QT_TRANSLATE_NOOP("engine", "Large objects do not come along with a selection"),
    QT_TRANSLATE_NOOP("engine", "They belong to no table"),
    QT_TRANSLATE_NOOP("engine", "%1 is a superuser, and the source is not a Holdfast backup"),
    QT_TRANSLATE_NOOP("engine", "%1 is a superuser"),
    QT_TRANSLATE_NOOP("engine", "What the source holds may do anything to the server while it is restored"),
    QT_TRANSLATE_NOOP("engine", "Restore what you do not trust as another role."),
    QT_TRANSLATE_NOOP(
        "engine",
        "Unless you trust whoever made it, restore as a role with CREATEDB and is not a superuser, or "
        "into a sandbox first.",
    ),
    QT_TRANSLATE_NOOP(
        "engine",
        "Unless you trust whoever made it, restore as a role that owns %1 and is not a superuser, or "
        "into a sandbox first.",
    ),
    QT_TRANSLATE_NOOP("engine", "There is a database %1 already"),
    QT_TRANSLATE_NOOP("engine", "Choose another name, or restore into it with --into."),
    QT_TRANSLATE_NOOP("engine", "%1 may not create databases"),
    QT_TRANSLATE_NOOP("engine", "Ask for CREATEDB, or restore into an empty database with --into."),
    QT_TRANSLATE_NOOP("engine", "PostgreSQL %1 does not have the source’s locale %2"),
    QT_TRANSLATE_NOOP(
        "engine",
        "The new database sorts text in the same order, with the locale C; upper and lower case of "
        "letters beyond A to Z may differ",
    ),
    QT_TRANSLATE_NOOP("engine", "The target may lack the source’s locale %1"),
    QT_TRANSLATE_NOOP(
        "engine", "Without it the new database gets the server’s own, and text may sort in another order"
    ),
    QT_TRANSLATE_NOOP("engine", "The database %1 is read-only"),
    QT_TRANSLATE_NOOP(
        "engine", "Its default_transaction_read_only is on; a provider sets that when the disk is full."
    ),
    QT_TRANSLATE_NOOP("engine", "The source’s text is %1, the target’s is %2"),
    QT_TRANSLATE_NOOP(
        "engine", "A character that the target’s encoding does not have makes the restore fail"
    ),
    QT_TRANSLATE_NOOP("engine", "1 other session in the target"),
    QT_TRANSLATE_NOOP("engine", "%1 other sessions in the target"),
    QT_TRANSLATE_NOOP(
        "engine", "What they write after the safety backup was taken is lost: stop them first."
    ),
    QT_TRANSLATE_NOOP("engine", "One transaction needs about %1 locks; the server has room for %2"),
    QT_TRANSLATE_NOOP(
        "engine", "Restore into a new database, use --jobs 2, or raise max_locks_per_transaction."
    ),
    QT_TRANSLATE_NOOP("engine", "1 object of the target is in the way"),
    QT_TRANSLATE_NOOP("engine", "%1 objects of the target are in the way"),
    QT_TRANSLATE_NOOP(
        "engine", "Replace them with --clean, or restore into a new database with --new-database."
    ),
    QT_TRANSLATE_NOOP("engine", "Objects of another kind are in the way"),
    QT_TRANSLATE_NOOP("engine", "Rename or drop them first."),
    QT_TRANSLATE_NOOP("engine", "%1 does not own what it would have to replace"),
    QT_TRANSLATE_NOOP("engine", "Objects of extensions are in the way"),
    QT_TRANSLATE_NOOP(
        "engine", "Objects of the target that are not in the source need what would be replaced"
    ),
    QT_TRANSLATE_NOOP("engine", "Drop them first, or restore into a new database with --new-database."),
    QT_TRANSLATE_NOOP("engine", "Large objects of the target have the numbers of those in the source"),
    QT_TRANSLATE_NOOP("engine", "%1 may not create anything in the schema %2"),
    QT_TRANSLATE_NOOP("engine", "The target has no schema %1, and the source does not create it"),
    QT_TRANSLATE_NOOP("engine", "The role %1 may not create the schema %2"),
    QT_TRANSLATE_NOOP("engine", "The extension %1 is in the schema %2 of the target"),
    QT_TRANSLATE_NOOP("engine", "The source expects it in %1"),
    QT_TRANSLATE_NOOP("engine", "The extension %1 cannot be had on the target: %2"),
    QT_TRANSLATE_NOOP("engine", "the target's server does not have this extension"),
    QT_TRANSLATE_NOOP("engine", "Install it there first, or have a superuser run CREATE EXTENSION %1."),
    QT_TRANSLATE_NOOP("engine", "Needed by %1"),
    QT_TRANSLATE_NOOP("engine", "Nothing else in the source needs it"),
    QT_TRANSLATE_NOOP("engine", "Tables cannot be restored because of what they need"),
    QT_TRANSLATE_NOOP("engine", "Rows of extensions that the target will not have are left out"),
    QT_TRANSLATE_NOOP("engine", "Install the extension on the target first, and they come along."),
    QT_TRANSLATE_NOOP("engine", "Left out: %1"),
    QT_TRANSLATE_NOOP("engine", "Subscriptions are restored switched off"),
    QT_TRANSLATE_NOOP("engine", "The target has no collation %1"),
    QT_TRANSLATE_NOOP("engine", "The server was built without ICU, or its system lacks the locale."),
    QT_TRANSLATE_NOOP("engine", "Rights that were taken from everybody stay: %1"),
    QT_TRANSLATE_NOOP("engine", "the target has no role %1"),
    QT_TRANSLATE_NOOP("engine", "the target has no roles %1"),
    QT_TRANSLATE_NOOP("engine", "Not all that belongs to the source's database itself is carried over"),
    QT_TRANSLATE_NOOP("engine", "Set what you need for the new database."),
    QT_TRANSLATE_NOOP("engine", "The source’s role %1 will not be made"),
    QT_TRANSLATE_NOOP("engine", "The source’s roles %1 will not be made"),
    QT_TRANSLATE_NOOP("engine", "Nothing that is restored needs them"),
    QT_TRANSLATE_NOOP("engine", "%1 changes tables of the target that are not its own"),
    QT_TRANSLATE_NOOP("engine", "If you did not expect that, restore it into a new database."),
    QT_TRANSLATE_NOOP("engine", "Tables cannot be emptied while the archive is read from a packed file"),
    QT_TRANSLATE_NOOP("engine", "Unpack it first."),
    QT_TRANSLATE_NOOP("engine", "Rows are added to those that 1 table of the target have"),
    QT_TRANSLATE_NOOP("engine", "Rows are added to those that %1 tables of the target have"),
    QT_TRANSLATE_NOOP(
        "engine", "Rows that are there already violate keys; --clean empties the tables first."
    ),
    QT_TRANSLATE_NOOP("engine", "Foreign keys go round in a circle"),
    QT_TRANSLATE_NOOP("engine", "The target does not have %1"),
    QT_TRANSLATE_NOOP("engine", "Restore everything, or the definitions first with --what schema."),
    QT_TRANSLATE_NOOP("engine", "Row security lets %1 copy nothing into table %2"),
    QT_TRANSLATE_NOOP("engine", "Row security lets %1 copy nothing into tables %2"),
    QT_TRANSLATE_NOOP("engine", "Restore as the tables’ owner, or as a role with BYPASSRLS."),
    QT_TRANSLATE_NOOP("engine", "Restore as a role with BYPASSRLS, which postgres has."),
    QT_TRANSLATE_NOOP("engine", "Tables with rows refer to tables that would be emptied"),
    QT_TRANSLATE_NOOP("engine", "%1 does not own what would be emptied"),
    QT_TRANSLATE_NOOP("engine", "%1 does not own what the script drops"),
    QT_TRANSLATE_NOOP("engine", "Objects of the target need what the script drops"),
    QT_TRANSLATE_NOOP("engine", "Let it with --clean, or restore into a new database with --new-database."),
    QT_TRANSLATE_NOOP("engine", "Let it with --clean."),
    QT_TRANSLATE_NOOP("engine", "%1 has commands that are never run"),
    QT_TRANSLATE_NOOP("engine", "Take them out, if you know what they are for."),
    QT_TRANSLATE_NOOP("engine", "%1 reaches for the server's programs, files or settings"),
    QT_TRANSLATE_NOOP(
        "engine", "Restore it only when you trust where it comes from; --allow-server-access lets it pass."
    ),
    QT_TRANSLATE_NOOP("engine", "%1 does more than make objects"),
    QT_TRANSLATE_NOOP("engine", "The archive holds a link to another file"),
    QT_TRANSLATE_NOOP("engine", "pg_dump makes no links: it was changed, do not use it."),
    QT_TRANSLATE_NOOP("engine", "The archive is not whole"),
    QT_TRANSLATE_NOOP("engine", "Get another copy of it, with all of its files."),
    QT_TRANSLATE_NOOP("engine", "Get another copy of it."),
    QT_TRANSLATE_NOOP("engine", "It is cut off"),
    QT_TRANSLATE_NOOP("engine", "The archive has statements that pg_dump does not write"),
    QT_TRANSLATE_NOOP("engine", "It was changed: do not use it."),
    QT_TRANSLATE_NOOP("engine", "%1 is cut short"),
    QT_TRANSLATE_NOOP("engine", "pg_dump's last line is missing."),
    QT_TRANSLATE_NOOP("engine", "%1 undoes some of what it does"),
    QT_TRANSLATE_NOOP("engine", "Line %1: %2"),
    QT_TRANSLATE_NOOP("engine", "Restore it into a new database."),
    QT_TRANSLATE_NOOP("engine", "%1 cannot be restored in one transaction"),
    QT_TRANSLATE_NOOP(
        "engine", "Restore it into a new database, or with --jobs 2, which goes on after errors."
    ),
    QT_TRANSLATE_NOOP(
        "engine", "Triggers keep still while the rows are loaded, which come back as they were in the source"
    ),
    QT_TRANSLATE_NOOP("engine", "Foreign keys are not checked while the rows are loaded, but afterwards"),
    QT_TRANSLATE_NOOP("engine", "A key that does not hold undoes the restore."),
    QT_TRANSLATE_NOOP("engine", "A key that does not hold is named; the rows stay."),
    QT_TRANSLATE_NOOP("engine", "Triggers fire while rows are loaded, and may change the rows"),
    QT_TRANSLATE_NOOP("engine", "Restore as the owner of the tables, in one transaction, or as a superuser."),
    QT_TRANSLATE_NOOP(
        "engine", "What the target's objects have and the source's do not goes when they are replaced"
    ),
    QT_TRANSLATE_NOOP("engine", "Make it again afterwards where it is needed; the safety backup has it."),
    # what a proof tells
    QT_TRANSLATE_NOOP("engine", "Restored into PostgreSQL %1; the backup is of PostgreSQL %2."),
    QT_TRANSLATE_NOOP("engine", "The server did not count the rows of every table when they were dumped."),
    QT_TRANSLATE_NOOP("engine", "The selection does not restore by itself: %1."),
    QT_TRANSLATE_NOOP("engine", "Not proven: the rows of %1 were not compared: %2."),
    QT_TRANSLATE_NOOP("engine", "it did not come back as it was"),
    QT_TRANSLATE_NOOP("engine", "it did not come back"),
    QT_TRANSLATE_NOOP("engine", "it is not in the backup"),
    QT_TRANSLATE_NOOP("engine", "its bytes are not the same"),
    QT_TRANSLATE_NOOP("engine", "its definition came back changed"),
    QT_TRANSLATE_NOOP("engine", "another major version writes its definition differently"),
    QT_TRANSLATE_NOOP("engine", "the manifest does not tell of these rows"),
    # restores into a Supabase project
    QT_TRANSLATE_NOOP(
        "engine", "The target is a Supabase project: 1 object of its platform stay as it has them"
    ),
    QT_TRANSLATE_NOOP(
        "engine", "The target is a Supabase project: %1 objects of its platform stay as it has them"
    ),
    QT_TRANSLATE_NOOP("engine", "Rows are left out: %1"),
    QT_TRANSLATE_NOOP(
        "engine", "Schedule jobs again: SELECT cron.schedule('name', '0 3 * * *', 'SELECT …');"
    ),
    QT_TRANSLATE_NOOP("engine", "1 secret of the Vault cannot be restored"),
    QT_TRANSLATE_NOOP("engine", "%1 secrets of the Vault cannot be restored"),
    QT_TRANSLATE_NOOP("engine", "They are encrypted with a key of the source’s project"),
    QT_TRANSLATE_NOOP("engine", "Make them again: SELECT vault.create_secret('…', 'name');"),
    QT_TRANSLATE_NOOP("engine", "A Supabase project is restored in one transaction, by one session"),
    QT_TRANSLATE_NOOP(
        "engine", "What is done about roles, rights and triggers is undone with the rest if anything fails"
    ),
    QT_TRANSLATE_NOOP("engine", "%1 may not keep the platform’s triggers still"),
    QT_TRANSLATE_NOOP("engine", "Rows of %1 would fire them"),
    QT_TRANSLATE_NOOP("engine", "The rows of 1 table of the platform are deleted first"),
    QT_TRANSLATE_NOOP("engine", "The rows of %1 tables of the platform are deleted first"),
    QT_TRANSLATE_NOOP("engine", "Rows are added to those that 1 table of the platform have"),
    QT_TRANSLATE_NOOP("engine", "Rows are added to those that %1 tables of the platform have"),
    QT_TRANSLATE_NOOP("engine", "Rows that are there already violate keys; --clean deletes them first."),
    QT_TRANSLATE_NOOP("engine", "Triggers fire even so, as they are enabled always or for replicas"),
    QT_TRANSLATE_NOOP("engine", "Triggers come along whose functions may need what is not restored"),
    QT_TRANSLATE_NOOP("engine", "Select that, too, or restore the rows alone."),
    QT_TRANSLATE_NOOP("engine", "The project has no column %1"),
    QT_TRANSLATE_NOOP("engine", "The project has no columns %1"),
    QT_TRANSLATE_NOOP("engine", "Its platform is older than the source’s"),
    QT_TRANSLATE_NOOP("engine", "Update the project in Supabase’s dashboard, or take a newer one."),
    QT_TRANSLATE_NOOP("engine", "Rights on objects of the platform are left out"),
    QT_TRANSLATE_NOOP(
        "engine", "Make the roles first where they are missing; other rights only the platform may give."
    ),
    QT_TRANSLATE_NOOP("engine", "Those of the source take their place at the end."),
    QT_TRANSLATE_NOOP("engine", "Set the passwords of role %1 again"),
    QT_TRANSLATE_NOOP("engine", "Set the passwords of roles %1 again"),
    QT_TRANSLATE_NOOP("engine", "A backup made by a project’s own role has no passwords"),
    QT_TRANSLATE_NOOP(
        "engine", "Memberships and settings of roles are left out that only the platform may give"
    ),
    QT_TRANSLATE_NOOP("engine", "the platform’s own event trigger, which a project has by itself"),
    QT_TRANSLATE_NOOP("engine", "default privileges of the platform’s own role stay as the project has them"),
    QT_TRANSLATE_NOOP("engine", "an extension brings its own comment"),
    QT_TRANSLATE_NOOP("engine", "every project has it; the source’s tables are added to it"),
    QT_TRANSLATE_NOOP("engine", "the project’s publication has it already"),
    QT_TRANSLATE_NOOP("engine", "secrets are encrypted with a key of the source’s project"),
    QT_TRANSLATE_NOOP("engine", "the project has no such table: its platform is of another version"),
    QT_TRANSLATE_NOOP("engine", "the project’s role may not write them, or their extension is not there yet"),
    QT_TRANSLATE_NOOP("engine", "the project’s role may not write them"),
    QT_TRANSLATE_NOOP("engine", "rows of the platform, of which the project has its own"),
    QT_TRANSLATE_NOOP("engine", "the platform’s own, which a project has by itself"),
    QT_TRANSLATE_NOOP("engine", "nobody but the platform may create anything in its schema"),
    QT_TRANSLATE_NOOP("engine", "the project’s platform does not have it"),
    QT_TRANSLATE_NOOP("engine", "it was not asked for"),
)
"""As in the engine, with %1 to %9 for values; of two that fit, the first counts."""
