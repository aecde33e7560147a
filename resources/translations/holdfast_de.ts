<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>AdvancedPage</name>
    <message>
        <source>Advanced</source>
        <translation>Erweitert</translation>
    </message>
    <message>
        <source>Automatic</source>
        <translation>Automatisch</translation>
    </message>
    <message>
        <source> min</source>
        <translation> min</translation>
    </message>
    <message>
        <source>Open Folder</source>
        <translation>Ordner öffnen</translation>
    </message>
    <message>
        <source>Workers of one backup or restore. Automatic takes what this computer and the server allow.</source>
        <translation>Für jede Sicherung oder Wiederherstellung. „Automatisch“ nutzt, was dieser Computer und der Server zulassen.</translation>
    </message>
    <message>
        <source>Parallel jobs</source>
        <translation>Parallele Jobs</translation>
    </message>
    <message>
        <source>An operation without progress for this long is stopped and reported as stalled.</source>
        <translation>Ein Vorgang, der so lange nicht vorankommt, wird angehalten und als stehengeblieben gemeldet.</translation>
    </message>
    <message>
        <source>Old backups</source>
        <translation>Alte Sicherungen</translation>
    </message>
    <message>
        <source>Copy Diagnostics</source>
        <translation>Diagnose kopieren</translation>
    </message>
    <message>
        <source>Versions, tools, settings and the last lines of the log, without secrets and names. It is only put into the clipboard: read it before you send it.</source>
        <translation>Versionen, Werkzeuge, Einstellungen und die letzten Zeilen des Protokolls, ohne Geheimnisse und Namen. Das landet nur in der Zwischenablage: vor dem Versenden durchlesen.</translation>
    </message>
    <message>
        <source>Diagnostics</source>
        <translation>Diagnose</translation>
    </message>
    <message>
        <source>Collecting…</source>
        <translation>Wird gesammelt …</translation>
    </message>
    <message>
        <source>Copied</source>
        <translation>Kopiert</translation>
    </message>
    <message>
        <source>The diagnostics were not collected</source>
        <translation>Die Diagnose wurde nicht gesammelt</translation>
    </message>
    <message>
        <source>Stall limit</source>
        <translation>Zeitlimit</translation>
    </message>
    <message>
        <source>Prove the newest every week</source>
        <translation>Die neueste jede Woche nachweisen</translation>
    </message>
    <message>
        <source>The newest backup of each project is restored and compared. Files of all backups are compared with their checksums every month in any case.</source>
        <translation>Die neueste Sicherung jedes Projekts wird wiederhergestellt und verglichen. Die Dateien aller Sicherungen werden in jedem Fall monatlich mit ihren Prüfsummen verglichen.</translation>
    </message>
    <message>
        <source>What Holdfast did, and a file for each operation. Passwords are never logged.</source>
        <translation>Was Holdfast getan hat, und eine Datei je Vorgang. Passwörter werden nie protokolliert.</translation>
    </message>
    <message>
        <source>Logs</source>
        <translation>Protokolle</translation>
    </message>
</context>
<context>
    <name>BackupOptionsForm</name>
    <message>
        <source>Why this backup, if you like</source>
        <translation>Wozu diese Sicherung (optional)</translation>
    </message>
    <message>
        <source>Everything</source>
        <translation>Alles</translation>
    </message>
    <message>
        <source>Schema</source>
        <translation>Schema</translation>
    </message>
    <message>
        <source>Data</source>
        <translation>Daten</translation>
    </message>
    <message>
        <source>What</source>
        <translation>Inhalt</translation>
    </message>
    <message>
        <source>Roles</source>
        <translation>Rollen</translation>
    </message>
    <message>
        <source>Storage files</source>
        <translation>Storage-Dateien</translation>
    </message>
    <message>
        <source>Edge functions</source>
        <translation>Edge Functions</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>Einstellungen</translation>
    </message>
    <message>
        <source>Of sign-in, API, storage and realtime; of secrets the names alone.</source>
        <translation>Von Anmeldung, API, Storage und Realtime; von Geheimnissen nur die Namen.</translation>
    </message>
    <message>
        <source>Directory</source>
        <translation>Verzeichnis</translation>
    </message>
    <message>
        <source>Parallel; one table can be restored alone.</source>
        <translation>Parallel; Tabellen sind einzeln wiederherstellbar.</translation>
    </message>
    <message>
        <source>Custom</source>
        <translation>Custom</translation>
    </message>
    <message>
        <source>One file; one table can be restored alone.</source>
        <translation>Eine Datei; Tabellen sind einzeln wiederherstellbar.</translation>
    </message>
    <message>
        <source>Plain SQL</source>
        <translation>Reines SQL</translation>
    </message>
    <message>
        <source>A script to read; slow for large databases.</source>
        <translation>Ein lesbares Skript; langsam bei großen Datenbanken.</translation>
    </message>
    <message>
        <source>Best that the tools have</source>
        <translation>Das Beste, was die Werkzeuge bieten</translation>
    </message>
    <message>
        <source>zstd where pg_dump has it, else gzip.</source>
        <translation>zstd, wenn pg_dump es kann, sonst gzip.</translation>
    </message>
    <message>
        <source>zstd, level 3</source>
        <translation>zstd, Stufe 3</translation>
    </message>
    <message>
        <source>About as fast as a server sends, and small.</source>
        <translation>Etwa so schnell, wie ein Server sendet, und klein.</translation>
    </message>
    <message>
        <source>Read by everything, and three times as slow.</source>
        <translation>Überall lesbar, aber dreimal so langsam.</translation>
    </message>
    <message>
        <source>Costs hardly any time; the files are larger.</source>
        <translation>Kostet kaum Zeit; die Dateien sind größer.</translation>
    </message>
    <message>
        <source>For plain SQL alone: small and slow.</source>
        <translation>Nur für reines SQL: klein und langsam.</translation>
    </message>
    <message>
        <source>None</source>
        <translation>Keine</translation>
    </message>
    <message>
        <source>For folders that compress or deduplicate by themselves.</source>
        <translation>Für Ordner, die selbst komprimieren oder deduplizieren.</translation>
    </message>
    <message>
        <source>Prove by restoring</source>
        <translation>Durch Wiederherstellen</translation>
    </message>
    <message>
        <source>Complete</source>
        <translation>Vollständig</translation>
    </message>
    <message>
        <source>Change…</source>
        <translation>Ändern …</translation>
    </message>
    <message>
        <source>the roles</source>
        <translation>die Rollen</translation>
    </message>
    <message>
        <source>the storage files</source>
        <translation>die Storage-Dateien</translation>
    </message>
    <message>
        <source>the edge functions</source>
        <translation>die Edge Functions</translation>
    </message>
    <message>
        <source>the settings</source>
        <translation>die Einstellungen</translation>
    </message>
    <message>
        <source>This is not a whole path: begin at the root, or choose the folder.</source>
        <translation>Das ist kein vollständiger Pfad: Beginnen Sie an der Wurzel oder wählen Sie den Ordner.</translation>
    </message>
    <message>
        <source>This is a file, not a folder.</source>
        <translation>Das ist eine Datei, kein Ordner.</translation>
    </message>
    <message>
        <source>Choose at least one table.</source>
        <translation>Wählen Sie mindestens eine Tabelle.</translation>
    </message>
    <message>
        <source>Choose a Folder</source>
        <translation>Ordner wählen</translation>
    </message>
    <message>
        <source>Restored here and compared byte for byte.</source>
        <translation>Hier wiederhergestellt und Byte für Byte verglichen.</translation>
    </message>
    <message>
        <source>Every row counted and hashed, not restored.</source>
        <translation>Jede Zeile gezählt und gehasht, nicht wiederhergestellt.</translation>
    </message>
    <message>
        <source>Note</source>
        <translation>Notiz</translation>
    </message>
    <message>
        <source>Parts</source>
        <translation>Teile</translation>
    </message>
    <message>
        <source>Format</source>
        <translation>Format</translation>
    </message>
    <message>
        <source>Compression</source>
        <translation>Kompression</translation>
    </message>
    <message>
        <source>Proof</source>
        <translation>Nachweis</translation>
    </message>
    <message>
        <source>Folder</source>
        <translation>Ordner</translation>
    </message>
</context>
<context>
    <name>BackupPage</name>
    <message>
        <source>Back Up Now</source>
        <translation>Jetzt sichern</translation>
    </message>
    <message>
        <source>Options</source>
        <translation>Optionen</translation>
    </message>
    <message>
        <source>Reset Options</source>
        <translation>Optionen zurücksetzen</translation>
    </message>
    <message>
        <source>looking at the database…</source>
        <translation>Datenbank wird gelesen …</translation>
    </message>
    <message>
        <source>the database could not be asked</source>
        <translation>Die Datenbank konnte nicht abgefragt werden</translation>
    </message>
    <message>
        <source>Try Again</source>
        <translation>Erneut versuchen</translation>
    </message>
    <message numerus="yes">
        <source>%n changed</source>
        <translation>
            <numerusform>%n geändert</numerusform>
            <numerusform>%n geändert</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 of %n table(s)</source>
        <translation>
            <numerusform>%1 von %n Tabelle</numerusform>
            <numerusform>%1 von %n Tabellen</numerusform>
        </translation>
    </message>
    <message>
        <source>%1 in the database</source>
        <translation>%1 in der Datenbank</translation>
    </message>
    <message>
        <source>all tables of %1</source>
        <translation>alle Tabellen aus %1</translation>
    </message>
    <message numerus="yes">
        <source>%1 of %n table(s) of %2</source>
        <translation>
            <numerusform>%1 von %n Tabelle aus %2</numerusform>
            <numerusform>%1 von %n Tabellen aus %2</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n table(s) of %1</source>
        <translation>
            <numerusform>%n Tabelle aus %1</numerusform>
            <numerusform>%n Tabellen aus %1</numerusform>
        </translation>
    </message>
    <message>
        <source>the definitions of %1</source>
        <translation>%1 (nur Definitionen)</translation>
    </message>
    <message>
        <source>the rows of %1</source>
        <translation>%1 (nur Zeilen)</translation>
    </message>
    <message>
        <source>%1 and %2</source>
        <translation>%1 und %2</translation>
    </message>
    <message>
        <source>Back up %1 in one snapshot, then prove it by restoring it on this computer.</source>
        <translation>Sichert %1 in einem Snapshot und weist die Sicherung durch Wiederherstellen auf diesem Computer nach.</translation>
    </message>
    <message>
        <source>Back up %1 in one snapshot, and count and hash every row.</source>
        <translation>Sichert %1 in einem Snapshot und zählt und hasht jede Zeile.</translation>
    </message>
    <message>
        <source>about %1</source>
        <translation>etwa %1</translation>
    </message>
    <message>
        <source>, proof %1</source>
        <translation>, Nachweis %1</translation>
    </message>
    <message>
        <source>%1 free</source>
        <translation>%1 frei</translation>
    </message>
    <message>
        <source>The folder has too little space for this backup.</source>
        <translation>Der Ordner hat zu wenig Platz für diese Sicherung.</translation>
    </message>
    <message>
        <source>It needs about %1, and %2 are free. Choose another folder, or free some space.</source>
        <translation>Sie braucht etwa %1, frei sind %2. Wählen Sie einen anderen Ordner oder schaffen Sie Platz.</translation>
    </message>
    <message>
        <source>The proof was cancelled. The backup is kept; it is complete, but not proven.</source>
        <translation>Der Nachweis wurde abgebrochen. Die Sicherung bleibt erhalten; sie ist vollständig, aber nicht nachgewiesen.</translation>
    </message>
    <message>
        <source>The backup was cancelled. Nothing of it is left.</source>
        <translation>Die Sicherung wurde abgebrochen. Es ist nichts davon übrig.</translation>
    </message>
    <message>
        <source>%1 is backed up and proven.</source>
        <translation>%1 ist gesichert und nachgewiesen.</translation>
    </message>
    <message>
        <source>%1 is backed up; every row was counted and hashed.</source>
        <translation>%1 ist gesichert; jede Zeile wurde gezählt und gehasht.</translation>
    </message>
    <message>
        <source>%1 is backed up; its files are sealed.</source>
        <translation>%1 ist gesichert; die Dateien sind versiegelt.</translation>
    </message>
    <message>
        <source>%1 is backed up, but the proof failed.</source>
        <translation>%1 ist gesichert, aber der Nachweis ist fehlgeschlagen.</translation>
    </message>
    <message numerus="yes">
        <source>%n table(s), %1 rows, %2 in %3.</source>
        <translation>
            <numerusform>%n Tabelle, %1 Zeilen, %2 in %3.</numerusform>
            <numerusform>%n Tabellen, %1 Zeilen, %2 in %3.</numerusform>
        </translation>
    </message>
    <message>
        <source>Open Folder</source>
        <translation>Ordner öffnen</translation>
    </message>
    <message>
        <source>Show in History</source>
        <translation>Im Verlauf zeigen</translation>
    </message>
    <message>
        <source>Project</source>
        <translation>Projekt</translation>
    </message>
    <message>
        <source>Backup</source>
        <translation>Sicherung</translation>
    </message>
    <message>
        <source>Add Project…</source>
        <translation>Projekt anlegen …</translation>
    </message>
    <message>
        <source>Try With Sample Data</source>
        <translation>Mit Beispieldaten testen</translation>
    </message>
    <message>
        <source>There is nothing to back up yet</source>
        <translation>Es gibt noch nichts zu sichern</translation>
    </message>
    <message>
        <source>Add a project: a Supabase project, or any PostgreSQL database.</source>
        <translation>Legen Sie ein Projekt an: ein Supabase-Projekt oder eine beliebige PostgreSQL-Datenbank.</translation>
    </message>
</context>
<context>
    <name>BackupRunning</name>
    <message>
        <source>Tables</source>
        <translation>Tabellen</translation>
    </message>
    <message>
        <source>Started %1, into %2</source>
        <translation>Gestartet um %1, nach %2</translation>
    </message>
    <message numerus="yes">
        <source>%1 of %n table(s)</source>
        <translation>
            <numerusform>%1 von %n Tabelle</numerusform>
            <numerusform>%1 von %n Tabellen</numerusform>
        </translation>
    </message>
    <message>
        <source>%1 done, %2 in progress, %3 waiting</source>
        <translation>%1 fertig, %2 in Arbeit, %3 wartend</translation>
    </message>
    <message>
        <source>%1 written</source>
        <translation>%1 geschrieben</translation>
    </message>
</context>
<context>
    <name>ChangesView</name>
    <message>
        <source>Tables that changed</source>
        <translation>Geänderte Tabellen</translation>
    </message>
    <message numerus="yes">
        <source>Nothing changed in %n table(s) since the backup before (%1).</source>
        <translation>
            <numerusform>Keine Änderung in %n Tabelle seit der vorigen Sicherung (%1).</numerusform>
            <numerusform>Keine Änderung in %n Tabellen seit der vorigen Sicherung (%1).</numerusform>
        </translation>
    </message>
    <message>
        <source>Since the backup before: %1</source>
        <translation>Seit der vorigen Sicherung: %1</translation>
    </message>
    <message>
        <source>The backup before (%1) was made with another selection of tables.</source>
        <translation>Die vorige Sicherung (%1) wurde mit einer anderen Auswahl von Tabellen erstellt.</translation>
    </message>
    <message>
        <source>There is no backup before this one to compare it with.</source>
        <translation>Es gibt keine frühere Sicherung zum Vergleich.</translation>
    </message>
    <message>
        <source>The backup before (%1) cannot be read, so there is nothing to compare with.</source>
        <translation>Die vorige Sicherung (%1) ist nicht lesbar, daher gibt es nichts zu vergleichen.</translation>
    </message>
    <message>
        <source>new table</source>
        <translation>neue Tabelle</translation>
    </message>
    <message>
        <source>removed</source>
        <translation>entfernt</translation>
    </message>
    <message numerus="yes">
        <source>%1 row(s)</source>
        <translation>
            <numerusform>%1 Zeile</numerusform>
            <numerusform>%1 Zeilen</numerusform>
        </translation>
    </message>
    <message>
        <source>other rows</source>
        <translation>andere Zeilen</translation>
    </message>
    <message>
        <source>%1 before</source>
        <translation>vorher %1</translation>
    </message>
</context>
<context>
    <name>ConnectionChecklist</name>
    <message>
        <source>Connection check</source>
        <translation>Verbindungsprüfung</translation>
    </message>
    <message>
        <source>%1 of %2 passed</source>
        <translation>%1 von %2 bestanden</translation>
    </message>
    <message>
        <source>, %1 failed</source>
        <translation>, %1 fehlgeschlagen</translation>
    </message>
</context>
<context>
    <name>ConnectionFields</name>
    <message>
        <source>Encrypt if the server offers it</source>
        <translation>Verschlüsseln, wenn der Server es anbietet</translation>
    </message>
    <message>
        <source>Encrypt, check no certificate</source>
        <translation>Verschlüsseln, Zertifikat nicht prüfen</translation>
    </message>
    <message>
        <source>Verify certificate</source>
        <translation>Zertifikat prüfen</translation>
    </message>
    <message>
        <source>Verify certificate and name</source>
        <translation>Zertifikat und Name prüfen</translation>
    </message>
    <message>
        <source>Do not encrypt</source>
        <translation>Nicht verschlüsseln</translation>
    </message>
    <message>
        <source>as the user</source>
        <translation>wie der Benutzer</translation>
    </message>
    <message>
        <source>as you are called on this computer</source>
        <translation>Ihr Benutzername auf diesem Computer</translation>
    </message>
    <message>
        <source>Show the password</source>
        <translation>Passwort anzeigen</translation>
    </message>
    <message>
        <source>Choose…</source>
        <translation>Wählen …</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>Name</translation>
    </message>
    <message>
        <source>Host</source>
        <translation>Host</translation>
    </message>
    <message>
        <source>Port</source>
        <translation>Port</translation>
    </message>
    <message>
        <source>Database</source>
        <translation>Datenbank</translation>
    </message>
    <message>
        <source>User</source>
        <translation>Benutzer</translation>
    </message>
    <message>
        <source>Password</source>
        <translation>Passwort</translation>
    </message>
    <message>
        <source>TLS</source>
        <translation>TLS</translation>
    </message>
    <message>
        <source>Authority</source>
        <translation>CA-Zertifikat</translation>
    </message>
    <message>
        <source>Options</source>
        <translation>Optionen</translation>
    </message>
    <message>
        <source>Choose the Authority&apos;s Certificate</source>
        <translation>CA-Zertifikat wählen</translation>
    </message>
    <message>
        <source>Certificates (*.crt *.pem *.cer)</source>
        <translation>Zertifikate (*.crt *.pem *.cer)</translation>
    </message>
    <message>
        <source>All files (*)</source>
        <translation>Alle Dateien (*)</translation>
    </message>
</context>
<context>
    <name>ConnectionString</name>
    <message>
        <source>Connection string</source>
        <translation>Verbindungszeichenfolge</translation>
    </message>
    <message>
        <source>Enter Another</source>
        <translation>Andere eingeben</translation>
    </message>
    <message>
        <source>Filled in below.</source>
        <translation>Unten eingetragen.</translation>
    </message>
    <message>
        <source>Filled in below. The password has been taken out of the text.</source>
        <translation>Unten eingetragen. Das Passwort wurde aus dem Text entfernt.</translation>
    </message>
</context>
<context>
    <name>DateRangeDialog</name>
    <message>
        <source>Choose Dates</source>
        <translation>Zeitraum wählen</translation>
    </message>
    <message>
        <source>Show These Dates</source>
        <translation>Zeitraum anzeigen</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <source>From</source>
        <translation>Von</translation>
    </message>
    <message>
        <source>To</source>
        <translation>Bis</translation>
    </message>
    <message>
        <source>The last day is before the first.</source>
        <translation>Der letzte Tag liegt vor dem ersten.</translation>
    </message>
</context>
<context>
    <name>DetailPages</name>
    <message>
        <source>Reading the backup…</source>
        <translation>Sicherung wird gelesen …</translation>
    </message>
    <message>
        <source>Tables of the backup</source>
        <translation>Tabellen der Sicherung</translation>
    </message>
    <message>
        <source>Log</source>
        <translation>Protokoll</translation>
    </message>
    <message>
        <source>No log of it is kept any more.</source>
        <translation>Ein Protokoll davon gibt es nicht mehr.</translation>
    </message>
    <message>
        <source>Table</source>
        <translation>Tabelle</translation>
    </message>
    <message>
        <source>Rows</source>
        <translation>Zeilen</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>Größe</translation>
    </message>
</context>
<context>
    <name>DropOverlay</name>
    <message>
        <source>Drop to look inside</source>
        <translation>Zum Ansehen ablegen</translation>
    </message>
</context>
<context>
    <name>DropZone</name>
    <message>
        <source>Drop a backup here</source>
        <translation>Sicherung hier ablegen</translation>
    </message>
    <message>
        <source>Choose File…</source>
        <translation>Datei wählen …</translation>
    </message>
    <message>
        <source>Choose Folder…</source>
        <translation>Ordner wählen …</translation>
    </message>
    <message>
        <source>A folder, .dump, .sql, .gz, .zst, .tar, or what the Supabase dashboard or CLI gave you</source>
        <translation>Ein Ordner, .dump, .sql, .gz, .zst, .tar oder was Sie vom Supabase-Dashboard oder der CLI haben</translation>
    </message>
    <message>
        <source>Nothing is changed until you have seen the plan.</source>
        <translation>Nichts wird geändert, bevor Sie den Plan gesehen haben.</translation>
    </message>
    <message>
        <source>Choose a Backup</source>
        <translation>Sicherung wählen</translation>
    </message>
    <message>
        <source>Choose a Backup Folder</source>
        <translation>Sicherungsordner wählen</translation>
    </message>
</context>
<context>
    <name>DumpProgress</name>
    <message>
        <source>Table</source>
        <translation>Tabelle</translation>
    </message>
    <message>
        <source>Rows</source>
        <translation>Zeilen</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>Größe</translation>
    </message>
    <message>
        <source>Progress</source>
        <translation>Fortschritt</translation>
    </message>
    <message>
        <source>%1 of %2</source>
        <translation>%1 von %2</translation>
    </message>
    <message>
        <source>done</source>
        <translation>fertig</translation>
    </message>
    <message>
        <source>waits</source>
        <translation>wartet</translation>
    </message>
</context>
<context>
    <name>ErrorDialog</name>
    <message>
        <source>Holdfast</source>
        <translation>Holdfast</translation>
    </message>
    <message>
        <source>What to do</source>
        <translation>Was zu tun ist</translation>
    </message>
    <message>
        <source>Details</source>
        <translation>Details</translation>
    </message>
    <message>
        <source>An error in Holdfast itself</source>
        <translation>Ein Fehler in Holdfast selbst</translation>
    </message>
    <message>
        <source>Copy the details and report them. Backups that are finished are not touched by this.</source>
        <translation>Kopieren Sie die Details und melden Sie den Fehler. Fertige Sicherungen sind davon nicht betroffen.</translation>
    </message>
    <message>
        <source>Copy Details</source>
        <translation>Details kopieren</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Schließen</translation>
    </message>
</context>
<context>
    <name>FilesView</name>
    <message>
        <source>File</source>
        <translation>Datei</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>Größe</translation>
    </message>
    <message>
        <source>SHA-256</source>
        <translation>SHA-256</translation>
    </message>
    <message>
        <source>Files of the backup</source>
        <translation>Dateien der Sicherung</translation>
    </message>
    <message>
        <source>PostgreSQL %1</source>
        <translation>PostgreSQL %1</translation>
    </message>
</context>
<context>
    <name>FolderField</name>
    <message>
        <source>Backup folder</source>
        <translation>Sicherungsordner</translation>
    </message>
    <message>
        <source>Change…</source>
        <translation>Ändern …</translation>
    </message>
    <message>
        <source>Choose another folder for backups</source>
        <translation>Anderen Ordner für Sicherungen wählen</translation>
    </message>
    <message>
        <source>Create Folder</source>
        <translation>Ordner anlegen</translation>
    </message>
    <message>
        <source>Give the whole path, from the root on.</source>
        <translation>Geben Sie den vollständigen Pfad ab der Wurzel an.</translation>
    </message>
    <message>
        <source>Looking…</source>
        <translation>Wird geprüft …</translation>
    </message>
    <message>
        <source>Choose the Folder for Backups</source>
        <translation>Ordner für Sicherungen wählen</translation>
    </message>
    <message>
        <source>There is no such folder</source>
        <translation>Diesen Ordner gibt es nicht</translation>
    </message>
    <message>
        <source>It cannot be written to: %1.</source>
        <translation>Nicht beschreibbar: %1.</translation>
    </message>
    <message>
        <source>%1 free of %2</source>
        <translation>%1 von %2 frei</translation>
    </message>
    <message>
        <source>Writable, %1.</source>
        <translation>Beschreibbar, %1.</translation>
    </message>
    <message numerus="yes">
        <source>%n backup(s), %1.</source>
        <translation>
            <numerusform>%n Sicherung, %1.</numerusform>
            <numerusform>%n Sicherungen, %1.</numerusform>
        </translation>
    </message>
    <message>
        <source>It is not connected.</source>
        <translation>Er ist nicht verbunden.</translation>
    </message>
    <message>
        <source>The first backup creates it. %1.</source>
        <translation>Die erste Sicherung legt ihn an. %1.</translation>
    </message>
</context>
<context>
    <name>Frame</name>
    <message>
        <source>%1 running</source>
        <translation>%1 aktiv</translation>
    </message>
    <message>
        <source>%1 waiting</source>
        <translation>%1 wartend</translation>
    </message>
    <message>
        <source>%1: failed</source>
        <translation>%1: fehlgeschlagen</translation>
    </message>
    <message>
        <source>Stop and Quit</source>
        <translation>Anhalten und beenden</translation>
    </message>
    <message>
        <source>Quit Holdfast</source>
        <translation>Holdfast beenden</translation>
    </message>
    <message>
        <source>Keep Running in Background</source>
        <translation>Im Hintergrund weiterlaufen</translation>
    </message>
    <message numerus="yes">
        <source>Quit while %n operation(s) are running?</source>
        <translation>
            <numerusform>Beenden, während %n Vorgang läuft?</numerusform>
            <numerusform>Beenden, während %n Vorgänge laufen?</numerusform>
        </translation>
    </message>
    <message>
        <source>What is stopped leaves nothing behind. Backups that are finished stay.</source>
        <translation>Was angehalten wird, hinterlässt nichts. Fertige Sicherungen bleiben.</translation>
    </message>
    <message>
        <source>Keep Holdfast running?</source>
        <translation>Holdfast weiterlaufen lassen?</translation>
    </message>
    <message>
        <source>Something was entered that is not saved.</source>
        <translation>Es gibt ungespeicherte Eingaben.</translation>
    </message>
    <message>
        <source>It is lost when Holdfast quits.</source>
        <translation>Sie gehen verloren, wenn Holdfast beendet wird.</translation>
    </message>
    <message>
        <source>Schedules run, and failures are told, only while Holdfast runs.</source>
        <translation>Nur solange Holdfast läuft, laufen Zeitpläne und werden Fehler gemeldet.</translation>
    </message>
    <message>
        <source>Do not ask again</source>
        <translation>Nicht mehr fragen</translation>
    </message>
</context>
<context>
    <name>GeneralPage</name>
    <message>
        <source>General</source>
        <translation>Allgemein</translation>
    </message>
    <message>
        <source>Start Holdfast, hidden</source>
        <translation>Holdfast im Hintergrund starten</translation>
    </message>
    <message>
        <source>Start Holdfast, hidden in the tray</source>
        <translation>Holdfast im Infobereich starten</translation>
    </message>
    <message>
        <source>Show an icon that tells how backups stand</source>
        <translation>Symbol für den Stand der Sicherungen anzeigen</translation>
    </message>
    <message>
        <source>Keeps Holdfast running</source>
        <translation>Lässt Holdfast weiterlaufen</translation>
    </message>
    <message>
        <source>Keeps Holdfast running in the tray</source>
        <translation>Lässt Holdfast im Infobereich weiterlaufen</translation>
    </message>
    <message>
        <source>Quits Holdfast</source>
        <translation>Beendet Holdfast</translation>
    </message>
    <message>
        <source>Asks each time</source>
        <translation>Fragt jedes Mal</translation>
    </message>
    <message>
        <source>Follow System</source>
        <translation>Wie System</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>Hell</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>Dunkel</translation>
    </message>
    <message>
        <source>Appearance</source>
        <translation>Darstellung</translation>
    </message>
    <message>
        <source>The language changes when Holdfast starts again.</source>
        <translation>Die Sprache ändert sich beim nächsten Start von Holdfast.</translation>
    </message>
    <message>
        <source>Backup folder</source>
        <translation>Sicherungsordner</translation>
    </message>
    <message>
        <source>Schedules run while Holdfast runs, or after “holdfast schedules install”.</source>
        <translation>Zeitpläne laufen, solange Holdfast läuft, oder nach „holdfast schedules install“.</translation>
    </message>
    <message>
        <source>At login</source>
        <translation>Bei Anmeldung</translation>
    </message>
    <message>
        <source>Tray</source>
        <translation>Infobereich</translation>
    </message>
    <message>
        <source>Closing the window</source>
        <translation>Fenster schließen</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>Sprache</translation>
    </message>
    <message>
        <source>UTC is in the tool tip of every time.</source>
        <translation>UTC steht im Tooltip jeder Zeit.</translation>
    </message>
    <message>
        <source>Times</source>
        <translation>Zeiten</translation>
    </message>
    <message>
        <source>New versions</source>
        <translation>Neue Versionen</translation>
    </message>
    <message>
        <source>Follow system (%1)</source>
        <translation>Wie System (%1)</translation>
    </message>
    <message>
        <source>Local time, %1</source>
        <translation>Ortszeit, %1</translation>
    </message>
</context>
<context>
    <name>HealthLine</name>
    <message>
        <source>Looking at your backups…</source>
        <translation>Sicherungen werden angesehen …</translation>
    </message>
</context>
<context>
    <name>HistoryActs</name>
    <message>
        <source>Restore…</source>
        <translation>Wiederherstellen …</translation>
    </message>
    <message>
        <source>Prove</source>
        <translation>Nachweisen</translation>
    </message>
    <message>
        <source>Open a Copy</source>
        <translation>Kopie öffnen</translation>
    </message>
    <message>
        <source>Open Folder</source>
        <translation>Ordner öffnen</translation>
    </message>
    <message>
        <source>Verify Checksums</source>
        <translation>Prüfsummen prüfen</translation>
    </message>
    <message>
        <source>Export…</source>
        <translation>Exportieren …</translation>
    </message>
    <message>
        <source>Pin</source>
        <translation>Anheften</translation>
    </message>
    <message>
        <source>Edit Note</source>
        <translation>Notiz bearbeiten</translation>
    </message>
    <message>
        <source>Delete…</source>
        <translation>Löschen …</translation>
    </message>
    <message>
        <source>Choose what to restore, and where</source>
        <translation>Wählen, was wohin wiederhergestellt wird</translation>
    </message>
    <message>
        <source>Restore it into a throwaway server and compare everything</source>
        <translation>Auf einem Wegwerfserver wiederherstellen und alles vergleichen</translation>
    </message>
    <message>
        <source>Restore it into a throwaway server to look at, until you close it</source>
        <translation>Auf einem Wegwerfserver wiederherstellen und ansehen, bis Sie ihn schließen</translation>
    </message>
    <message>
        <source>Read every file and hold it against its checksum</source>
        <translation>Jede Datei lesen und mit ihrer Prüfsumme vergleichen</translation>
    </message>
    <message>
        <source>Write it as one file</source>
        <translation>Als eine Datei schreiben</translation>
    </message>
    <message>
        <source>Unpin</source>
        <translation>Lösen</translation>
    </message>
    <message>
        <source>Remove From History…</source>
        <translation>Aus Verlauf entfernen …</translation>
    </message>
</context>
<context>
    <name>HistoryDetail</name>
    <message>
        <source>The backup cannot be shown</source>
        <translation>Die Sicherung kann nicht angezeigt werden</translation>
    </message>
    <message>
        <source>Parts of the detail</source>
        <translation>Detailbereiche</translation>
    </message>
    <message>
        <source>What Happened</source>
        <translation>Was geschah</translation>
    </message>
    <message>
        <source>What Changed</source>
        <translation>Änderungen</translation>
    </message>
    <message>
        <source>Tables</source>
        <translation>Tabellen</translation>
    </message>
    <message>
        <source>Proof Report</source>
        <translation>Nachweisbericht</translation>
    </message>
    <message>
        <source>Files</source>
        <translation>Dateien</translation>
    </message>
    <message>
        <source>Log</source>
        <translation>Protokoll</translation>
    </message>
    <message>
        <source>Notes</source>
        <translation>Notizen</translation>
    </message>
    <message>
        <source>Proof</source>
        <translation>Nachweis</translation>
    </message>
    <message>
        <source>Chart</source>
        <translation>Diagramm</translation>
    </message>
</context>
<context>
    <name>HistoryFilters</name>
    <message>
        <source>Project</source>
        <translation>Projekt</translation>
    </message>
    <message>
        <source>All projects</source>
        <translation>Alle Projekte</translation>
    </message>
    <message>
        <source>Result</source>
        <translation>Ergebnis</translation>
    </message>
    <message>
        <source>Any result</source>
        <translation>Alle Ergebnisse</translation>
    </message>
    <message>
        <source>Proof</source>
        <translation>Nachweis</translation>
    </message>
    <message>
        <source>Any proof</source>
        <translation>Alle Nachweise</translation>
    </message>
    <message>
        <source>No proof</source>
        <translation>Ohne Nachweis</translation>
    </message>
    <message>
        <source>Kind</source>
        <translation>Art</translation>
    </message>
    <message>
        <source>Any kind</source>
        <translation>Alle Arten</translation>
    </message>
    <message>
        <source>Dates</source>
        <translation>Zeitraum</translation>
    </message>
    <message>
        <source>Any time</source>
        <translation>Beliebige Zeit</translation>
    </message>
    <message>
        <source>Today</source>
        <translation>Heute</translation>
    </message>
    <message>
        <source>Last 7 days</source>
        <translation>Letzte 7 Tage</translation>
    </message>
    <message>
        <source>Last 30 days</source>
        <translation>Letzte 30 Tage</translation>
    </message>
    <message>
        <source>Last 90 days</source>
        <translation>Letzte 90 Tage</translation>
    </message>
    <message>
        <source>Choose Dates…</source>
        <translation>Zeitraum wählen …</translation>
    </message>
    <message>
        <source>%1 shown</source>
        <translation>%1 angezeigt</translation>
    </message>
    <message>
        <source>Search</source>
        <translation>Suchen</translation>
    </message>
    <message>
        <source>Search in projects, notes and errors</source>
        <translation>In Projekten, Notizen und Fehlern suchen</translation>
    </message>
</context>
<context>
    <name>HistoryHead</name>
    <message>
        <source>Back</source>
        <translation>Zurück</translation>
    </message>
    <message>
        <source>More</source>
        <translation>Mehr</translation>
    </message>
</context>
<context>
    <name>HistoryModel</name>
    <message>
        <source>Size against the project&apos;s backup before it</source>
        <translation>Größe im Vergleich zur vorigen Sicherung des Projekts</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>Zeit</translation>
    </message>
    <message>
        <source>Project</source>
        <translation>Projekt</translation>
    </message>
    <message>
        <source>Kind</source>
        <translation>Art</translation>
    </message>
    <message>
        <source>Result</source>
        <translation>Ergebnis</translation>
    </message>
    <message>
        <source>Proof</source>
        <translation>Nachweis</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>Größe</translation>
    </message>
    <message>
        <source>Duration</source>
        <translation>Dauer</translation>
    </message>
    <message>
        <source>Trend</source>
        <translation>Trend</translation>
    </message>
</context>
<context>
    <name>HistoryPage</name>
    <message>
        <source>The backup folder was not read</source>
        <translation>Der Sicherungsordner wurde nicht gelesen</translation>
    </message>
    <message>
        <source>History</source>
        <translation>Verlauf</translation>
    </message>
    <message numerus="yes">
        <source>%1 backup(s)</source>
        <translation>
            <numerusform>%1 Sicherung</numerusform>
            <numerusform>%1 Sicherungen</numerusform>
        </translation>
    </message>
    <message>
        <source>The history cannot be read</source>
        <translation>Der Verlauf ist nicht lesbar</translation>
    </message>
    <message>
        <source>Sort By</source>
        <translation>Sortieren nach</translation>
    </message>
</context>
<context>
    <name>HistoryPanes</name>
    <message>
        <source>Back Up Now</source>
        <translation>Jetzt sichern</translation>
    </message>
    <message>
        <source>Clear Filters</source>
        <translation>Filter aufheben</translation>
    </message>
    <message>
        <source>Try Again</source>
        <translation>Erneut versuchen</translation>
    </message>
    <message>
        <source>No backups yet</source>
        <translation>Noch keine Sicherungen</translation>
    </message>
    <message>
        <source>Each backup that is made, or tried, is listed here with its proof and what changed.</source>
        <translation>Hier steht jede Sicherung, auch jeder Versuch, mit Nachweis und Änderungen.</translation>
    </message>
    <message>
        <source>No backup matches</source>
        <translation>Keine passende Sicherung</translation>
    </message>
    <message>
        <source>There are backups, but none that all filters let through.</source>
        <translation>Es gibt Sicherungen, aber keine passt zu allen Filtern.</translation>
    </message>
    <message>
        <source>The history cannot be read</source>
        <translation>Der Verlauf ist nicht lesbar</translation>
    </message>
    <message>
        <source>Your backups in the folder are not touched by this.</source>
        <translation>Ihre Sicherungen im Ordner sind davon nicht betroffen.</translation>
    </message>
</context>
<context>
    <name>HistoryRequests</name>
    <message>
        <source>The note was not saved</source>
        <translation>Die Notiz wurde nicht gespeichert</translation>
    </message>
    <message>
        <source>The backup was not pinned</source>
        <translation>Die Sicherung wurde nicht angeheftet</translation>
    </message>
    <message>
        <source>One file, tar (*.tar)</source>
        <translation>Eine Datei, tar (*.tar)</translation>
    </message>
    <message>
        <source>One file, zip (*.zip)</source>
        <translation>Eine Datei, zip (*.zip)</translation>
    </message>
    <message>
        <source>Export Backup</source>
        <translation>Sicherung exportieren</translation>
    </message>
    <message>
        <source>The history cannot be read</source>
        <translation>Der Verlauf ist nicht lesbar</translation>
    </message>
    <message>
        <source>Delete Backup</source>
        <translation>Sicherung löschen</translation>
    </message>
    <message>
        <source>Delete the backup “%1”?</source>
        <translation>Sicherung „%1“ löschen?</translation>
    </message>
    <message>
        <source>Its folder (%1) goes to the trash.</source>
        <translation>Ihr Ordner (%1) kommt in den Papierkorb.</translation>
    </message>
    <message>
        <source>Remove Entry</source>
        <translation>Eintrag entfernen</translation>
    </message>
    <message>
        <source>Remove “%1” from the history?</source>
        <translation>„%1“ aus dem Verlauf entfernen?</translation>
    </message>
    <message>
        <source>The entry is forgotten. Nothing on any disk is deleted.</source>
        <translation>Nur der Eintrag verschwindet. Auf keinem Laufwerk wird etwas gelöscht.</translation>
    </message>
    <message>
        <source>It is the only good backup of %1: none is left then.</source>
        <translation>Es ist die einzige gute Sicherung von %1: Danach gibt es keine mehr.</translation>
    </message>
    <message>
        <source>It is the only proven backup of %1.</source>
        <translation>Es ist die einzige nachgewiesene Sicherung von %1.</translation>
    </message>
    <message>
        <source>It is the newest good backup of %1.</source>
        <translation>Es ist die neueste gute Sicherung von %1.</translation>
    </message>
    <message>
        <source>You pinned it.</source>
        <translation>Sie haben sie angeheftet.</translation>
    </message>
</context>
<context>
    <name>HistoryTable</name>
    <message>
        <source>Backups</source>
        <translation>Sicherungen</translation>
    </message>
    <message>
        <source>Scheduled</source>
        <translation>Geplant</translation>
    </message>
    <message>
        <source>Manual</source>
        <translation>Manuell</translation>
    </message>
    <message>
        <source>Safety</source>
        <translation>Sicherheit</translation>
    </message>
</context>
<context>
    <name>LatestBackups</name>
    <message>
        <source>Restore…</source>
        <translation>Wiederherstellen …</translation>
    </message>
    <message>
        <source>Restore %1 of %2</source>
        <translation>Sicherung von %1 (%2) wiederherstellen</translation>
    </message>
</context>
<context>
    <name>LogDrawer</name>
    <message>
        <source>Log</source>
        <translation>Protokoll</translation>
    </message>
    <message>
        <source>Hide Log</source>
        <translation>Protokoll ausblenden</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>Kopieren</translation>
    </message>
    <message>
        <source>Open Log Folder</source>
        <translation>Protokollordner öffnen</translation>
    </message>
</context>
<context>
    <name>LoginOffer</name>
    <message>
        <source>Start at Login</source>
        <translation>Bei Anmeldung starten</translation>
    </message>
    <message>
        <source>Not Now</source>
        <translation>Nicht jetzt</translation>
    </message>
    <message>
        <source>Change…</source>
        <translation>Ändern …</translation>
    </message>
    <message>
        <source>Schedules run while Holdfast runs. It starts at login, hidden.</source>
        <translation>Zeitpläne laufen, solange Holdfast läuft. Es startet bei der Anmeldung im Hintergrund.</translation>
    </message>
    <message>
        <source>Schedules run while Holdfast runs, or after “holdfast schedules install”.</source>
        <translation>Zeitpläne laufen, solange Holdfast läuft, oder nach „holdfast schedules install“.</translation>
    </message>
    <message>
        <source>Schedules run only while Holdfast runs. Let it start at login, hidden, or let the system start them with “holdfast schedules install”.</source>
        <translation>Zeitpläne laufen nur, solange Holdfast läuft. Lassen Sie es bei der Anmeldung im Hintergrund starten, oder lassen Sie das System sie mit „holdfast schedules install“ starten.</translation>
    </message>
</context>
<context>
    <name>MainWindow</name>
    <message>
        <source>Holdfast</source>
        <translation>Holdfast</translation>
    </message>
</context>
<context>
    <name>NextFive</name>
    <message>
        <source>The next times show when the fields above are right.</source>
        <translation>Die nächsten Termine erscheinen, wenn die Felder oben stimmen.</translation>
    </message>
</context>
<context>
    <name>NoteEditor</name>
    <message>
        <source>What should be known of this backup</source>
        <translation>Was man über diese Sicherung wissen sollte</translation>
    </message>
    <message>
        <source>Note</source>
        <translation>Notiz</translation>
    </message>
    <message>
        <source>Save Note</source>
        <translation>Notiz speichern</translation>
    </message>
    <message>
        <source>Discard Changes</source>
        <translation>Änderungen verwerfen</translation>
    </message>
    <message>
        <source>The note is too long.</source>
        <translation>Die Notiz ist zu lang.</translation>
    </message>
</context>
<context>
    <name>Notifications</name>
    <message>
        <source>Notifications work</source>
        <translation>Benachrichtigungen funktionieren</translation>
    </message>
    <message>
        <source>Holdfast tells of failures while its window is not in front.</source>
        <translation>Holdfast meldet Fehler, solange sein Fenster nicht im Vordergrund ist.</translation>
    </message>
    <message>
        <source>%1: failed</source>
        <translation>%1: fehlgeschlagen</translation>
    </message>
    <message>
        <source>Open Holdfast</source>
        <translation>Holdfast öffnen</translation>
    </message>
    <message>
        <source>Back Up Now</source>
        <translation>Jetzt sichern</translation>
    </message>
    <message>
        <source>Change Folder…</source>
        <translation>Ordner ändern …</translation>
    </message>
</context>
<context>
    <name>NotificationsPage</name>
    <message>
        <source>Notifications</source>
        <translation>Benachrichtigungen</translation>
    </message>
    <message>
        <source>A backup failed</source>
        <translation>Sicherung fehlgeschlagen</translation>
    </message>
    <message>
        <source>A backup is overdue</source>
        <translation>Sicherung überfällig</translation>
    </message>
    <message>
        <source>The backup folder is not connected</source>
        <translation>Sicherungsordner nicht verbunden</translation>
    </message>
    <message>
        <source>A proof failed</source>
        <translation>Ein Nachweis ist fehlgeschlagen</translation>
    </message>
    <message>
        <source>A backup is done</source>
        <translation>Eine Sicherung ist fertig</translation>
    </message>
    <message>
        <source>Test</source>
        <translation>Test</translation>
    </message>
    <message>
        <source>Sent. It should show now.</source>
        <translation>Gesendet. Sie sollte jetzt erscheinen.</translation>
    </message>
    <message>
        <source>Send Test</source>
        <translation>Test senden</translation>
    </message>
    <message>
        <source>Only while no window of Holdfast is in front. There is one for each project, which is taken back when all is well again.</source>
        <translation>Nur solange kein Fenster von Holdfast im Vordergrund ist. Je Projekt gibt es eine Meldung; sie verschwindet, sobald alles wieder in Ordnung ist.</translation>
    </message>
    <message>
        <source>Tell me when</source>
        <translation>Melden</translation>
    </message>
    <message>
        <source>This desktop has neither a notification service nor a tray.</source>
        <translation>Dieser Desktop hat weder einen Benachrichtigungsdienst noch einen Infobereich.</translation>
    </message>
</context>
<context>
    <name>OperationSignals</name>
    <message>
        <source>Backing up %1</source>
        <translation>Sicherung von %1</translation>
    </message>
    <message>
        <source>Proving %1</source>
        <translation>Nachweis für %1</translation>
    </message>
    <message>
        <source>Checking %1</source>
        <translation>Prüfung von %1</translation>
    </message>
    <message>
        <source>Restoring into %1</source>
        <translation>Wiederherstellung in %1</translation>
    </message>
    <message>
        <source>Opening a copy of %1</source>
        <translation>Öffnen einer Kopie von %1</translation>
    </message>
    <message>
        <source>Trying with sample data</source>
        <translation>Test mit Beispieldaten</translation>
    </message>
    <message>
        <source>Exporting %1</source>
        <translation>Export von %1</translation>
    </message>
    <message>
        <source>Deleting a backup of %1</source>
        <translation>Löschen einer Sicherung von %1</translation>
    </message>
    <message>
        <source>Removing old backups of %1</source>
        <translation>Entfernen alter Sicherungen von %1</translation>
    </message>
    <message>
        <source>waiting for its turn</source>
        <translation>in der Warteschlange</translation>
    </message>
    <message>
        <source>stopping</source>
        <translation>wird angehalten</translation>
    </message>
    <message>
        <source>open; Cancel closes it</source>
        <translation>geöffnet; „Abbrechen“ schließt sie</translation>
    </message>
    <message>
        <source>%1 rows/s</source>
        <translation>%1 Zeilen/s</translation>
    </message>
    <message>
        <source>%1/s</source>
        <translation>%1/s</translation>
    </message>
    <message>
        <source>about %1 left</source>
        <translation>noch etwa %1</translation>
    </message>
</context>
<context>
    <name>OwnNews</name>
    <message>
        <source>Holdfast ended unexpectedly: %1</source>
        <translation>Holdfast wurde unerwartet beendet: %1</translation>
    </message>
    <message>
        <source>A report stays on this computer unless you send it to somebody.</source>
        <translation>Ein Bericht bleibt auf diesem Computer, solange niemand ihn versendet.</translation>
    </message>
    <message>
        <source>Copy Report</source>
        <translation>Bericht kopieren</translation>
    </message>
    <message>
        <source>Open Folder</source>
        <translation>Ordner öffnen</translation>
    </message>
    <message>
        <source>Dismiss</source>
        <translation>Ausblenden</translation>
    </message>
    <message>
        <source>The report is in the clipboard. Read it before you send it.</source>
        <translation>Der Bericht ist in der Zwischenablage. Vor dem Versenden durchlesen.</translation>
    </message>
    <message>
        <source>Collecting…</source>
        <translation>Wird gesammelt …</translation>
    </message>
    <message>
        <source>The report was not made</source>
        <translation>Der Bericht wurde nicht erstellt</translation>
    </message>
    <message>
        <source>Holdfast cannot write its log: %1</source>
        <translation>Holdfast kann sein Protokoll nicht schreiben: %1</translation>
    </message>
    <message>
        <source>Holdfast asks %1 for the newest version’s number. It downloads and installs nothing.</source>
        <translation>Holdfast fragt %1 nach der Nummer der neuesten Version. Geladen und installiert wird nichts.</translation>
    </message>
    <message>
        <source>Look for new versions once a day?</source>
        <translation>Einmal am Tag nach neuen Versionen sehen?</translation>
    </message>
    <message>
        <source>Do Not Look</source>
        <translation>Nicht nachsehen</translation>
    </message>
    <message>
        <source>Look Once a Day</source>
        <translation>Einmal am Tag nachsehen</translation>
    </message>
    <message>
        <source>Holdfast %1 is there</source>
        <translation>Holdfast %1 ist da</translation>
    </message>
    <message>
        <source>Its page says what is new, and how to get it.</source>
        <translation>Auf ihrer Seite steht, was neu ist und wie man sie bekommt.</translation>
    </message>
    <message>
        <source>Skip This Version</source>
        <translation>Diese Version überspringen</translation>
    </message>
    <message>
        <source>Open Page</source>
        <translation>Seite öffnen</translation>
    </message>
</context>
<context>
    <name>PlanList</name>
    <message>
        <source>Plan</source>
        <translation>Plan</translation>
    </message>
</context>
<context>
    <name>ProjectDetail</name>
    <message>
        <source>Back</source>
        <translation>Zurück</translation>
    </message>
    <message>
        <source>Back Up Now</source>
        <translation>Jetzt sichern</translation>
    </message>
    <message>
        <source>Prove</source>
        <translation>Nachweisen</translation>
    </message>
    <message>
        <source>Restore…</source>
        <translation>Wiederherstellen …</translation>
    </message>
    <message>
        <source>More</source>
        <translation>Mehr</translation>
    </message>
    <message>
        <source>Edit and Test Connection…</source>
        <translation>Verbindung bearbeiten und testen …</translation>
    </message>
    <message>
        <source>Show in History</source>
        <translation>Im Verlauf zeigen</translation>
    </message>
    <message>
        <source>Schedules</source>
        <translation>Zeitpläne</translation>
    </message>
    <message>
        <source>Delete Project…</source>
        <translation>Projekt löschen …</translation>
    </message>
    <message>
        <source>Edit Connection…</source>
        <translation>Verbindung bearbeiten …</translation>
    </message>
    <message>
        <source>Use Session Pooler</source>
        <translation>Session Pooler nutzen</translation>
    </message>
    <message numerus="yes">
        <source>%n attempt(s) failed in a row.</source>
        <translation>
            <numerusform>%n Versuch ist fehlgeschlagen.</numerusform>
            <numerusform>%n Versuche in Folge sind fehlgeschlagen.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Overdue for %n day(s)</source>
        <translation>
            <numerusform>Seit %n Tag überfällig</numerusform>
            <numerusform>Seit %n Tagen überfällig</numerusform>
        </translation>
    </message>
    <message>
        <source>Connection</source>
        <translation>Verbindung</translation>
    </message>
    <message>
        <source>Content</source>
        <translation>Inhalt</translation>
    </message>
    <message>
        <source>Protection</source>
        <translation>Schutz</translation>
    </message>
    <message>
        <source>%1, as %2</source>
        <translation>%1, als %2</translation>
    </message>
    <message>
        <source>if the server offers it</source>
        <translation>wenn der Server es anbietet</translation>
    </message>
    <message>
        <source>required, not checked</source>
        <translation>verlangt, nicht geprüft</translation>
    </message>
    <message>
        <source>certificate checked</source>
        <translation>Zertifikat geprüft</translation>
    </message>
    <message>
        <source>certificate and name checked</source>
        <translation>Zertifikat und Name geprüft</translation>
    </message>
    <message>
        <source>off</source>
        <translation>aus</translation>
    </message>
    <message>
        <source>Host</source>
        <translation>Host</translation>
    </message>
    <message>
        <source>Database</source>
        <translation>Datenbank</translation>
    </message>
    <message>
        <source>TLS</source>
        <translation>TLS</translation>
    </message>
    <message>
        <source>Server</source>
        <translation>Server</translation>
    </message>
    <message>
        <source>Tool</source>
        <translation>Werkzeug</translation>
    </message>
    <message numerus="yes">
        <source>in %n schema(s)</source>
        <translation>
            <numerusform>in %n Schema</numerusform>
            <numerusform>in %n Schemas</numerusform>
        </translation>
    </message>
    <message>
        <source>Tables</source>
        <translation>Tabellen</translation>
    </message>
    <message>
        <source>Rows</source>
        <translation>Zeilen</translation>
    </message>
    <message>
        <source>Largest</source>
        <translation>Größte</translation>
    </message>
    <message>
        <source>Extensions</source>
        <translation>Erweiterungen</translation>
    </message>
    <message>
        <source>Roles</source>
        <translation>Rollen</translation>
    </message>
    <message>
        <source>%1 on disk, %2</source>
        <translation>%1 gespeichert, %2</translation>
    </message>
    <message>
        <source>Schedule</source>
        <translation>Zeitplan</translation>
    </message>
    <message>
        <source>none</source>
        <translation>keiner</translation>
    </message>
    <message>
        <source>Backups</source>
        <translation>Sicherungen</translation>
    </message>
    <message>
        <source>Last proven</source>
        <translation>Letzter Nachweis</translation>
    </message>
    <message>
        <source>never</source>
        <translation>nie</translation>
    </message>
    <message>
        <source>Retention</source>
        <translation>Aufbewahrung</translation>
    </message>
    <message>
        <source>keep all</source>
        <translation>behält alle</translation>
    </message>
    <message>
        <source>Folder</source>
        <translation>Ordner</translation>
    </message>
</context>
<context>
    <name>ProjectDialog</name>
    <message>
        <source>Edit %1</source>
        <translation>%1 bearbeiten</translation>
    </message>
    <message>
        <source>Add Project</source>
        <translation>Projekt anlegen</translation>
    </message>
    <message>
        <source>Connection String</source>
        <translation>Verbindungszeichenfolge</translation>
    </message>
    <message>
        <source>From Supabase…</source>
        <translation>Von Supabase…</translation>
    </message>
    <message>
        <source>Fields Only</source>
        <translation>Nur Felder</translation>
    </message>
    <message>
        <source>How to enter the connection</source>
        <translation>Eingabeart der Verbindung</translation>
    </message>
    <message>
        <source>Test Connection</source>
        <translation>Verbindung testen</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <source>Save Project</source>
        <translation>Projekt speichern</translation>
    </message>
    <message>
        <source>Testing…</source>
        <translation>Wird getestet …</translation>
    </message>
    <message>
        <source>%1 is busy: cancel what runs, or wait for it, then rename it.</source>
        <translation>%1 ist beschäftigt: Brechen Sie den Vorgang ab oder warten Sie, und benennen Sie das Projekt dann um.</translation>
    </message>
    <message>
        <source>Storing the password…</source>
        <translation>Passwort wird gespeichert …</translation>
    </message>
    <message>
        <source>Asking the keyring…</source>
        <translation>Schlüsselbund wird abgefragt …</translation>
    </message>
    <message>
        <source>kept only until Holdfast ends: the keyring is locked</source>
        <translation>wird nur behalten, bis Holdfast endet: Schlüsselbund gesperrt</translation>
    </message>
    <message>
        <source>kept only until Holdfast ends: there is no keyring that can be used</source>
        <translation>wird nur behalten, bis Holdfast endet: kein nutzbarer Schlüsselbund</translation>
    </message>
    <message>
        <source>kept only until Holdfast ends</source>
        <translation>wird nur behalten, bis Holdfast endet</translation>
    </message>
    <message>
        <source>will be stored in %1</source>
        <translation>wird in %1 gespeichert</translation>
    </message>
    <message>
        <source>A backup would fail like this. The red line says what to do.</source>
        <translation>So würde eine Sicherung fehlschlagen. Die rote Zeile sagt, was zu tun ist.</translation>
    </message>
    <message>
        <source>Choose the project: the way that works from here is filled in.</source>
        <translation>Wählen Sie das Projekt: Der Weg, der von hier aus geht, wird eingetragen.</translation>
    </message>
    <message>
        <source>stored in %1</source>
        <translation>gespeichert in %1</translation>
    </message>
    <message>
        <source>unchanged</source>
        <translation>unverändert</translation>
    </message>
    <message>
        <source>none, or from ~/.pgpass</source>
        <translation>keins oder aus ~/.pgpass</translation>
    </message>
    <message>
        <source>Fix the port, then test the connection.</source>
        <translation>Berichtigen Sie den Port und testen Sie dann die Verbindung.</translation>
    </message>
    <message>
        <source>Enter the password: the one that is kept belongs to %1.</source>
        <translation>Geben Sie das Passwort ein: Das gespeicherte gehört zu %1.</translation>
    </message>
    <message>
        <source>Everything that a backup needs is there.</source>
        <translation>Alles, was eine Sicherung braucht, ist da.</translation>
    </message>
    <message>
        <source>Discard what you entered?</source>
        <translation>Eingaben verwerfen?</translation>
    </message>
    <message>
        <source>The project is not kept yet.</source>
        <translation>Das Projekt ist noch nicht gespeichert.</translation>
    </message>
    <message>
        <source>Discard</source>
        <translation>Verwerfen</translation>
    </message>
</context>
<context>
    <name>ProjectList</name>
    <message>
        <source>Projects</source>
        <translation>Projekte</translation>
    </message>
    <message>
        <source>888.8 GB</source>
        <translation>888,8 GB</translation>
    </message>
    <message>
        <source>Last good backup</source>
        <translation>Letzte gute Sicherung</translation>
    </message>
    <message>
        <source>for mains power</source>
        <translation>auf Netzstrom</translation>
    </message>
    <message>
        <source>Backing up, 88%</source>
        <translation>Dump schreiben, 88%</translation>
    </message>
    <message>
        <source>Tomorrow</source>
        <translation>Morgen</translation>
    </message>
</context>
<context>
    <name>ProjectPanes</name>
    <message>
        <source>Details</source>
        <translation>Einzelheiten</translation>
    </message>
    <message>
        <source>No project has this in its name or its host.</source>
        <translation>Kein Projekt hat das in seinem Namen oder Host.</translation>
    </message>
</context>
<context>
    <name>ProjectTable</name>
    <message>
        <source>Project</source>
        <translation>Projekt</translation>
    </message>
    <message>
        <source>PostgreSQL</source>
        <translation>PostgreSQL</translation>
    </message>
    <message>
        <source>Last 30 days</source>
        <translation>Letzte 30 Tage</translation>
    </message>
    <message>
        <source>Last good backup</source>
        <translation>Letzte gute Sicherung</translation>
    </message>
    <message>
        <source>Next</source>
        <translation>Nächste</translation>
    </message>
    <message>
        <source>Supabase</source>
        <translation>Supabase</translation>
    </message>
    <message>
        <source>None yet</source>
        <translation>Noch keine</translation>
    </message>
    <message>
        <source>Now</source>
        <translation>Jetzt</translation>
    </message>
    <message>
        <source>for %1</source>
        <translation>auf %1</translation>
    </message>
    <message>
        <source>no schedule</source>
        <translation>kein Zeitplan</translation>
    </message>
    <message>
        <source>Waiting</source>
        <translation>Wartet</translation>
    </message>
    <message>
        <source>Paused</source>
        <translation>Pausiert</translation>
    </message>
    <message>
        <source>until %1</source>
        <translation>bis %1</translation>
    </message>
    <message>
        <source>attempt %1</source>
        <translation>Versuch %1</translation>
    </message>
    <message>
        <source>Retry %1</source>
        <translation>Erneut %1</translation>
    </message>
    <message>
        <source>Due now</source>
        <translation>Jetzt fällig</translation>
    </message>
</context>
<context>
    <name>ProjectsPage</name>
    <message>
        <source>Search</source>
        <translation>Suchen</translation>
    </message>
    <message>
        <source>Search projects</source>
        <translation>Projekte durchsuchen</translation>
    </message>
    <message>
        <source>Add Project…</source>
        <translation>Projekt anlegen …</translation>
    </message>
    <message>
        <source>Try With Sample Data</source>
        <translation>Mit Beispieldaten testen</translation>
    </message>
    <message>
        <source>%1 is busy: cancel what runs, or wait for it.</source>
        <translation>%1 ist beschäftigt: Brechen Sie den Vorgang ab oder warten Sie.</translation>
    </message>
    <message>
        <source>Its connection, its schedules and its password are forgotten.</source>
        <translation>Verbindung, Zeitpläne und Passwort werden gelöscht.</translation>
    </message>
    <message numerus="yes">
        <source>Its %n backup(s), %1, stay in their folder and in History.</source>
        <translation>
            <numerusform>Seine Sicherung, %1, bleibt im Ordner und im Verlauf.</numerusform>
            <numerusform>Seine %n Sicherungen, %1, bleiben im Ordner und im Verlauf.</numerusform>
        </translation>
    </message>
    <message>
        <source>Move its backups to the trash, too</source>
        <translation>Auch seine Sicherungen in den Papierkorb legen</translation>
    </message>
    <message>
        <source>Delete the project “%1”?</source>
        <translation>Projekt „%1“ löschen?</translation>
    </message>
    <message>
        <source>Delete Project</source>
        <translation>Projekt löschen</translation>
    </message>
    <message>
        <source>The password of %1 is kept only until Holdfast ends.</source>
        <translation>Das Passwort von %1 wird nur behalten, bis Holdfast endet.</translation>
    </message>
    <message>
        <source>Show Keyring</source>
        <translation>Schlüsselbund zeigen</translation>
    </message>
    <message>
        <source>The password of %1 is still in the keyring.</source>
        <translation>Das Passwort von %1 ist noch im Schlüsselbund.</translation>
    </message>
    <message>
        <source>%1 was not deleted</source>
        <translation>%1 wurde nicht gelöscht</translation>
    </message>
    <message>
        <source>Holdfast copies a Supabase project or any PostgreSQL database into a folder, and proves that the copy can be restored.</source>
        <translation>Holdfast kopiert ein Supabase-Projekt oder eine beliebige PostgreSQL-Datenbank in einen Ordner und weist nach, dass sich die Kopie wiederherstellen lässt.</translation>
    </message>
    <message>
        <source>The sample runs on this computer only: a small PostgreSQL is started, backed up, proven, and left in History for you to restore.</source>
        <translation>Das Beispiel läuft nur auf diesem Computer: Ein kleines PostgreSQL wird gestartet, gesichert, nachgewiesen und steht dann im Verlauf zum Wiederherstellen bereit.</translation>
    </message>
    <message>
        <source>Add a project to back it up</source>
        <translation>Projekt anlegen, um es zu sichern</translation>
    </message>
    <message>
        <source>Projects</source>
        <translation>Projekte</translation>
    </message>
</context>
<context>
    <name>ProofReport</name>
    <message>
        <source>Object</source>
        <translation>Objekt</translation>
    </message>
    <message>
        <source>Outcome</source>
        <translation>Ergebnis</translation>
    </message>
    <message>
        <source>Reason</source>
        <translation>Grund</translation>
    </message>
    <message>
        <source>Objects of the backup</source>
        <translation>Objekte der Sicherung</translation>
    </message>
    <message>
        <source>The proof failed</source>
        <translation>Der Nachweis ist fehlgeschlagen</translation>
    </message>
    <message>
        <source>Restored into PostgreSQL %1 and compared, %2, in %3</source>
        <translation>In PostgreSQL %1 wiederhergestellt und verglichen, %2, in %3</translation>
    </message>
    <message>
        <source>Every file is hashed and its table of contents was read. Nothing was restored.</source>
        <translation>Jede Datei ist gehasht, ihr Inhaltsverzeichnis wurde gelesen. Wiederhergestellt wurde nichts.</translation>
    </message>
    <message>
        <source>Every row was read back to its end, and there are as many as the server counted. Nothing was restored yet.</source>
        <translation>Jede Zeile wurde bis zum Ende zurückgelesen, und es sind so viele, wie der Server gezählt hat. Wiederhergestellt wurde noch nichts.</translation>
    </message>
    <message>
        <source>Every row was read back to its end. Nothing was restored yet.</source>
        <translation>Jede Zeile wurde bis zum Ende zurückgelesen. Wiederhergestellt wurde noch nichts.</translation>
    </message>
</context>
<context>
    <name>ProofSummary</name>
    <message>
        <source>Not restored yet: Prove does that.</source>
        <translation>Noch nicht wiederhergestellt: „Nachweisen“ holt das nach.</translation>
    </message>
    <message numerus="yes">
        <source>%1 table(s)</source>
        <translation>
            <numerusform>%1 Tabelle</numerusform>
            <numerusform>%1 Tabellen</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 row(s)</source>
        <translation>
            <numerusform>%1 Zeile</numerusform>
            <numerusform>%1 Zeilen</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 sequence(s)</source>
        <translation>
            <numerusform>%1 Sequenz</numerusform>
            <numerusform>%1 Sequenzen</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 large object(s)</source>
        <translation>
            <numerusform>%1 Large Object</numerusform>
            <numerusform>%1 Large Objects</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 object(s)</source>
        <translation>
            <numerusform>%1 Objekt</numerusform>
            <numerusform>%1 Objekte</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 file(s)</source>
        <translation>
            <numerusform>%1 Datei</numerusform>
            <numerusform>%1 Dateien</numerusform>
        </translation>
    </message>
    <message>
        <source>Proof failed, took %1</source>
        <translation>Nachweis fehlgeschlagen, Dauer %1</translation>
    </message>
    <message>
        <source>Proof, took %1</source>
        <translation>Nachweis, Dauer %1</translation>
    </message>
    <message>
        <source>Proof failed</source>
        <translation>Nachweis fehlgeschlagen</translation>
    </message>
    <message>
        <source>Checked while it was made</source>
        <translation>Beim Erstellen geprüft</translation>
    </message>
</context>
<context>
    <name>Question</name>
    <message>
        <source>Holdfast</source>
        <translation>Holdfast</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
</context>
<context>
    <name>Rail</name>
    <message>
        <source>not connected</source>
        <translation>nicht verbunden</translation>
    </message>
    <message>
        <source>%1 free</source>
        <translation>%1 frei</translation>
    </message>
    <message>
        <source>Projects</source>
        <translation>Projekte</translation>
    </message>
    <message>
        <source>Backup</source>
        <translation>Sicherung</translation>
    </message>
    <message>
        <source>History</source>
        <translation>Verlauf</translation>
    </message>
    <message>
        <source>Schedule</source>
        <translation>Zeitplan</translation>
    </message>
    <message>
        <source>Restore</source>
        <translation>Wiederherstellen</translation>
    </message>
    <message>
        <source>Settings…</source>
        <translation>Einstellungen …</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>Einstellungen</translation>
    </message>
    <message>
        <source>Backup folder</source>
        <translation>Sicherungsordner</translation>
    </message>
    <message>
        <source>Open Backup Folder</source>
        <translation>Sicherungsordner öffnen</translation>
    </message>
</context>
<context>
    <name>ReminderFields</name>
    <message>
        <source>A quote is not closed.</source>
        <translation>Ein Anführungszeichen ist nicht geschlossen.</translation>
    </message>
    <message>
        <source>unchanged</source>
        <translation>unverändert</translation>
    </message>
    <message>
        <source>Port</source>
        <translation>Port</translation>
    </message>
    <message>
        <source>none, if the server asks for no sign-in</source>
        <translation>keins, wenn der Server keine Anmeldung verlangt</translation>
    </message>
    <message>
        <source>one or more, with commas</source>
        <translation>eine oder mehrere, mit Kommas</translation>
    </message>
    <message>
        <source>STARTTLS</source>
        <translation>STARTTLS</translation>
    </message>
    <message>
        <source>TLS from the start</source>
        <translation>TLS von Anfang an</translation>
    </message>
    <message>
        <source>None: for this computer</source>
        <translation>Keine: für diesen Computer</translation>
    </message>
    <message>
        <source>Server</source>
        <translation>Server</translation>
    </message>
    <message>
        <source>Encryption</source>
        <translation>Verschlüsselung</translation>
    </message>
    <message>
        <source>From</source>
        <translation>Von</translation>
    </message>
    <message>
        <source>To</source>
        <translation>An</translation>
    </message>
    <message>
        <source>User</source>
        <translation>Benutzer</translation>
    </message>
    <message>
        <source>Password</source>
        <translation>Passwort</translation>
    </message>
    <message>
        <source>Command</source>
        <translation>Befehl</translation>
    </message>
    <message>
        <source>Send a token, as “Authorization: Bearer”</source>
        <translation>Ein Token senden, als „Authorization: Bearer“</translation>
    </message>
    <message>
        <source>Address</source>
        <translation>Adresse</translation>
    </message>
    <message>
        <source>Token</source>
        <translation>Token</translation>
    </message>
    <message>
        <source>Tell of failures, too, at this address with /fail</source>
        <translation>Auch Fehlschläge melden, an dieser Adresse mit /fail</translation>
    </message>
    <message>
        <source>Show what was entered</source>
        <translation>Eingabe zeigen</translation>
    </message>
</context>
<context>
    <name>ReminderForm</name>
    <message>
        <source>Tell by %1</source>
        <translation>Melden: %1</translation>
    </message>
    <message>
        <source>Send Test</source>
        <translation>Test senden</translation>
    </message>
    <message>
        <source>Test</source>
        <translation>Test</translation>
    </message>
    <message>
        <source>Tell me when</source>
        <translation>Melden, wenn</translation>
    </message>
    <message>
        <source>On</source>
        <translation>Ein</translation>
    </message>
    <message>
        <source>Off</source>
        <translation>Aus</translation>
    </message>
    <message>
        <source>Not on yet: something is missing below</source>
        <translation>Noch nicht ein: Unten fehlt etwas</translation>
    </message>
    <message>
        <source>Reminders do not get through. First try in vain: %1.</source>
        <translation>Erinnerungen kommen nicht an. Erster vergeblicher Versuch: %1.</translation>
    </message>
    <message>
        <source>Storing it…</source>
        <translation>Wird gespeichert …</translation>
    </message>
    <message>
        <source>There is no keyring that can be used: set %1 in the environment.</source>
        <translation>Es gibt keinen Schlüsselbund, der benutzt werden kann: Setzen Sie %1 in der Umgebung.</translation>
    </message>
    <message>
        <source>stored in %1</source>
        <translation>gespeichert in %1</translation>
    </message>
    <message>
        <source>will be stored in %1</source>
        <translation>wird gespeichert in %1</translation>
    </message>
    <message>
        <source>Something is missing above.</source>
        <translation>Oben fehlt etwas.</translation>
    </message>
    <message>
        <source>Sending…</source>
        <translation>Wird gesendet …</translation>
    </message>
    <message>
        <source>Sent. Look into the mailbox, and among junk.</source>
        <translation>Gesendet. Sehen Sie im Postfach nach, auch unter Spam.</translation>
    </message>
    <message>
        <source>The command ended without an error.</source>
        <translation>Der Befehl endete ohne Fehler.</translation>
    </message>
    <message>
        <source>Sent, and taken.</source>
        <translation>Gesendet und angenommen.</translation>
    </message>
    <message>
        <source>The address answered. Its service counts this as a success.</source>
        <translation>Die Adresse hat geantwortet. Ihr Dienst zählt das als Erfolg.</translation>
    </message>
</context>
<context>
    <name>RemindersPage</name>
    <message>
        <source>Reminders</source>
        <translation>Erinnerungen</translation>
    </message>
    <message>
        <source>Way of telling</source>
        <translation>Weg der Meldung</translation>
    </message>
</context>
<context>
    <name>RestoreChoice</name>
    <message>
        <source>Other Source…</source>
        <translation>Andere Quelle …</translation>
    </message>
    <message>
        <source>Storage files</source>
        <translation>Storage-Dateien</translation>
    </message>
    <message>
        <source>Edge functions</source>
        <translation>Edge Functions</translation>
    </message>
    <message>
        <source>Restore</source>
        <translation>Wiederherstellen</translation>
    </message>
    <message>
        <source>Format</source>
        <translation>Format</translation>
    </message>
    <message>
        <source>Server</source>
        <translation>Server</translation>
    </message>
    <message>
        <source>Encoding</source>
        <translation>Kodierung</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>Größe</translation>
    </message>
    <message>
        <source>Made</source>
        <translation>Erstellt</translation>
    </message>
    <message numerus="yes">
        <source>%1 of %n table(s)</source>
        <translation>
            <numerusform>%1 von %n Tabelle</numerusform>
            <numerusform>%1 von %n Tabellen</numerusform>
        </translation>
    </message>
    <message>
        <source>Name a target to see the plan.</source>
        <translation>Geben Sie ein Ziel an, um den Plan zu sehen.</translation>
    </message>
    <message>
        <source>Choose at least one table to see the plan.</source>
        <translation>Wählen Sie mindestens eine Tabelle, um den Plan zu sehen.</translation>
    </message>
    <message>
        <source>looking at the target…</source>
        <translation>Ziel wird gelesen …</translation>
    </message>
    <message>
        <source>checked %1, nothing has been changed</source>
        <translation>geprüft um %1, nichts wurde geändert</translation>
    </message>
    <message>
        <source>%1 holds data. A safety backup of it is taken first. Type its name to go on:</source>
        <translation>%1 enthält Daten. Zuerst wird eine Sicherheitskopie davon erstellt. Geben Sie zum Fortfahren den Namen der Datenbank ein:</translation>
    </message>
    <message>
        <source>%1 holds data, and no safety backup of it is taken. Type its name to go on:</source>
        <translation>%1 enthält Daten, und es wird keine Sicherheitskopie davon erstellt. Geben Sie zum Fortfahren den Namen der Datenbank ein:</translation>
    </message>
    <message>
        <source>The plan could not be made</source>
        <translation>Der Plan konnte nicht erstellt werden</translation>
    </message>
    <message>
        <source>Restore “%1” into “%2”</source>
        <translation>„%1“ in „%2“ wiederherstellen</translation>
    </message>
    <message>
        <source>Save Plan</source>
        <translation>Plan speichern</translation>
    </message>
    <message>
        <source>The plan was not saved</source>
        <translation>Der Plan wurde nicht gespeichert</translation>
    </message>
    <message>
        <source>Contents</source>
        <translation>Inhalt</translation>
    </message>
    <message>
        <source>Into</source>
        <translation>Ziel</translation>
    </message>
    <message>
        <source>Plan</source>
        <translation>Plan</translation>
    </message>
    <message>
        <source>Name of the target</source>
        <translation>Name des Ziels</translation>
    </message>
    <message>
        <source>Save Plan…</source>
        <translation>Plan speichern …</translation>
    </message>
    <message>
        <source>Rows are compared at the end</source>
        <translation>Am Ende werden die Zeilen verglichen</translation>
    </message>
</context>
<context>
    <name>RestorePage</name>
    <message>
        <source>Looking into %1</source>
        <translation>%1 wird gelesen</translation>
    </message>
    <message>
        <source>Choose a Backup</source>
        <translation>Sicherung wählen</translation>
    </message>
    <message>
        <source>These are %1 backups that do not belong together</source>
        <translation>Das sind %1 Sicherungen, die nicht zusammengehören</translation>
    </message>
    <message>
        <source>Drop one of them, or the scripts of one database together.</source>
        <translation>Legen Sie eine davon ab oder die Skripte einer Datenbank gemeinsam.</translation>
    </message>
    <message>
        <source>%1 could not be looked into</source>
        <translation>%1 konnte nicht gelesen werden</translation>
    </message>
    <message>
        <source>Latest backups</source>
        <translation>Neueste Sicherungen</translation>
    </message>
    <message>
        <source>All in History</source>
        <translation>Alle im Verlauf</translation>
    </message>
    <message>
        <source>Restore</source>
        <translation>Wiederherstellen</translation>
    </message>
    <message>
        <source>Looking into the source</source>
        <translation>Quelle wird gelesen</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
</context>
<context>
    <name>RestoreReportView</name>
    <message>
        <source>Export Report…</source>
        <translation>Bericht exportieren …</translation>
    </message>
    <message>
        <source>Restore Another…</source>
        <translation>Weitere wiederherstellen …</translation>
    </message>
    <message>
        <source>Undo This Restore…</source>
        <translation>Rückgängig machen …</translation>
    </message>
    <message>
        <source>All</source>
        <translation>Alle</translation>
    </message>
    <message>
        <source>Different</source>
        <translation>Abweichend</translation>
    </message>
    <message>
        <source>Which tables</source>
        <translation>Welche Tabellen</translation>
    </message>
    <message>
        <source>Restore report</source>
        <translation>Wiederherstellungsbericht</translation>
    </message>
    <message>
        <source>“%1” into “%2”, %3.</source>
        <translation>„%1“ in „%2“, %3.</translation>
    </message>
    <message>
        <source>What was there is kept as a safety backup.</source>
        <translation>Was vorher da war, ist als Sicherheitskopie erhalten.</translation>
    </message>
    <message>
        <source>Rows compared</source>
        <translation>Zeilenvergleich</translation>
    </message>
    <message>
        <source>All %1</source>
        <translation>Alle %1</translation>
    </message>
    <message>
        <source>Different %1</source>
        <translation>Abweichend %1</translation>
    </message>
    <message>
        <source>%1 of %2 rows</source>
        <translation>%1 von %2 Zeilen</translation>
    </message>
    <message>
        <source>The restore was cancelled.</source>
        <translation>Die Wiederherstellung wurde abgebrochen.</translation>
    </message>
    <message>
        <source>Nothing was restored.</source>
        <translation>Nichts wurde wiederhergestellt.</translation>
    </message>
    <message>
        <source>The restore failed.</source>
        <translation>Die Wiederherstellung ist fehlgeschlagen.</translation>
    </message>
    <message numerus="yes">
        <source>%1 of %n table(s) match the source, row for row.</source>
        <translation>
            <numerusform>%1 von %n Tabelle stimmt Zeile für Zeile mit der Quelle überein.</numerusform>
            <numerusform>%1 von %n Tabellen stimmen Zeile für Zeile mit der Quelle überein.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>All rows are there, but %n statement(s) failed.</source>
        <translation>
            <numerusform>Alle Zeilen sind da, aber %n Anweisung ist fehlgeschlagen.</numerusform>
            <numerusform>Alle Zeilen sind da, aber %n Anweisungen sind fehlgeschlagen.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n object(s) restored.</source>
        <translation>
            <numerusform>%n Objekt wiederhergestellt.</numerusform>
            <numerusform>%n Objekte wiederhergestellt.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>All %n table(s) match the source, row for row.</source>
        <translation>
            <numerusform>Die Tabelle stimmt Zeile für Zeile mit der Quelle überein.</numerusform>
            <numerusform>Alle %n Tabellen stimmen Zeile für Zeile mit der Quelle überein.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n statement(s) failed</source>
        <translation>
            <numerusform>%n Anweisung fehlgeschlagen</numerusform>
            <numerusform>%n Anweisungen fehlgeschlagen</numerusform>
        </translation>
    </message>
    <message>
        <source>Left out or changed</source>
        <translation>Ausgelassen oder geändert</translation>
    </message>
    <message>
        <source>Safety backup</source>
        <translation>Sicherheitskopie</translation>
    </message>
    <message>
        <source>Statement and the server&apos;s words</source>
        <translation>Anweisung und Meldung des Servers</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>Kopieren</translation>
    </message>
    <message>
        <source>Open Folder</source>
        <translation>Ordner öffnen</translation>
    </message>
    <message>
        <source>Export Report</source>
        <translation>Bericht exportieren</translation>
    </message>
    <message>
        <source>The report was not exported</source>
        <translation>Der Bericht wurde nicht exportiert</translation>
    </message>
</context>
<context>
    <name>RetentionCells</name>
    <message>
        <source>keeps %1, removes %2</source>
        <translation>behält %1, entfernt %2</translation>
    </message>
    <message>
        <source>kept</source>
        <translation>bleibt</translation>
    </message>
    <message>
        <source>%1, removed: %2</source>
        <translation>%1, wird entfernt: %2</translation>
    </message>
</context>
<context>
    <name>RowChecks</name>
    <message>
        <source>Table</source>
        <translation>Tabelle</translation>
    </message>
    <message>
        <source>In source</source>
        <translation>Quelle</translation>
    </message>
    <message>
        <source>In target</source>
        <translation>Ziel</translation>
    </message>
    <message>
        <source>Result</source>
        <translation>Ergebnis</translation>
    </message>
    <message>
        <source>equal</source>
        <translation>gleich</translation>
    </message>
</context>
<context>
    <name>RowsPreview</name>
    <message>
        <source>First rows</source>
        <translation>Erste Zeilen</translation>
    </message>
    <message>
        <source>Select a table to see its first rows</source>
        <translation>Wählen Sie eine Tabelle, um ihre ersten Zeilen zu sehen</translation>
    </message>
    <message>
        <source>Reading the first rows of %1…</source>
        <translation>Erste Zeilen von %1 werden gelesen …</translation>
    </message>
    <message>
        <source>%1 has no rows</source>
        <translation>%1 enthält keine Zeilen</translation>
    </message>
    <message>
        <source>First rows of %1</source>
        <translation>Erste Zeilen von %1</translation>
    </message>
</context>
<context>
    <name>ScheduleEditor</name>
    <message>
        <source>Name, if you like</source>
        <translation>Name (optional)</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>Name</translation>
    </message>
    <message>
        <source>Delete Schedule…</source>
        <translation>Zeitplan löschen …</translation>
    </message>
    <message>
        <source>Proof</source>
        <translation>Nachweis</translation>
    </message>
    <message>
        <source>Change…</source>
        <translation>Ändern …</translation>
    </message>
    <message>
        <source>On mains power</source>
        <translation>Am Stromnetz</translation>
    </message>
    <message>
        <source>Not metered</source>
        <translation>Nicht getaktet</translation>
    </message>
    <message>
        <source>Server answers</source>
        <translation>Server antwortet</translation>
    </message>
    <message>
        <source>Only some of the tables, as the command line was told.</source>
        <translation>Nur einige Tabellen, wie auf der Befehlszeile festgelegt.</translation>
    </message>
    <message>
        <source>This is a file, not a folder.</source>
        <translation>Das ist eine Datei, kein Ordner.</translation>
    </message>
    <message>
        <source>Choose a Folder</source>
        <translation>Ordner wählen</translation>
    </message>
    <message>
        <source>When</source>
        <translation>Wann</translation>
    </message>
    <message>
        <source>Project</source>
        <translation>Projekt</translation>
    </message>
    <message>
        <source>Repeat</source>
        <translation>Wiederholen</translation>
    </message>
    <message>
        <source>Next five</source>
        <translation>Nächste fünf</translation>
    </message>
    <message>
        <source>Back up</source>
        <translation>Sichern</translation>
    </message>
    <message>
        <source>Folder</source>
        <translation>Ordner</translation>
    </message>
    <message>
        <source>Only when</source>
        <translation>Nur wenn</translation>
    </message>
    <message>
        <source>Keep</source>
        <translation>Behalten</translation>
    </message>
    <message>
        <source>At most</source>
        <translation>Höchstens</translation>
    </message>
    <message>
        <source>Removes</source>
        <translation>Entfernt</translation>
    </message>
</context>
<context>
    <name>ScheduleEmpty</name>
    <message>
        <source>Add Project…</source>
        <translation>Projekt anlegen …</translation>
    </message>
    <message>
        <source>Try With Sample Data</source>
        <translation>Mit Beispieldaten testen</translation>
    </message>
    <message>
        <source>New Schedule…</source>
        <translation>Neuer Zeitplan …</translation>
    </message>
    <message>
        <source>There is nothing to schedule yet</source>
        <translation>Es gibt noch nichts zu planen</translation>
    </message>
    <message>
        <source>Add a project first: a Supabase project, or any PostgreSQL database.</source>
        <translation>Legen Sie zuerst ein Projekt an: ein Supabase-Projekt oder eine beliebige PostgreSQL-Datenbank.</translation>
    </message>
    <message>
        <source>Nothing is backed up by itself yet</source>
        <translation>Noch wird nichts automatisch gesichert</translation>
    </message>
    <message>
        <source>A schedule backs up a project each hour, day, week or month, and removes old backups.</source>
        <translation>Ein Zeitplan sichert ein Projekt stündlich, täglich, wöchentlich oder monatlich und entfernt alte Sicherungen.</translation>
    </message>
    <message>
        <source>Schedules run while Holdfast runs, or after “holdfast schedules install”.</source>
        <translation>Zeitpläne laufen, solange Holdfast läuft, oder nach „holdfast schedules install“.</translation>
    </message>
</context>
<context>
    <name>ScheduleFooter</name>
    <message>
        <source>Discard Changes</source>
        <translation>Änderungen verwerfen</translation>
    </message>
    <message>
        <source>Save Schedule</source>
        <translation>Zeitplan speichern</translation>
    </message>
    <message>
        <source>New schedule, not saved yet</source>
        <translation>Neuer Zeitplan, noch nicht gespeichert</translation>
    </message>
    <message>
        <source>Changed: %1</source>
        <translation>Geändert: %1</translation>
    </message>
</context>
<context>
    <name>ScheduleKeep</name>
    <message>
        <source>Into the trash</source>
        <translation>In den Papierkorb</translation>
    </message>
    <message>
        <source>Otherwise they are removed for good. The trash frees no space.</source>
        <translation>Sonst werden sie endgültig entfernt. Der Papierkorb macht keinen Platz frei.</translation>
    </message>
    <message>
        <source>What would be removed cannot be told</source>
        <translation>Was entfernt würde, konnte nicht ermittelt werden</translation>
    </message>
    <message>
        <source>keeps %1</source>
        <translation>behält %1</translation>
    </message>
    <message>
        <source>removes %1</source>
        <translation>entfernt %1</translation>
    </message>
    <message>
        <source>There are no backups of this schedule yet.</source>
        <translation>Von diesem Zeitplan gibt es noch keine Sicherungen.</translation>
    </message>
    <message>
        <source>All backups will be kept.</source>
        <translation>Alle Sicherungen werden behalten.</translation>
    </message>
    <message>
        <source>Keeps all %1, removes none.</source>
        <translation>Behält alle %1, entfernt keine.</translation>
    </message>
    <message>
        <source>Keeps %1, removes none now.</source>
        <translation>Behält %1, entfernt jetzt keine.</translation>
    </message>
    <message>
        <source>Keeps %1, removes %2 (%3) after the next backup.</source>
        <translation>Behält %1, entfernt %2 (%3) nach der nächsten Sicherung.</translation>
    </message>
    <message>
        <source>Hide</source>
        <translation>Ausblenden</translation>
    </message>
    <message>
        <source>Show</source>
        <translation>Zeigen</translation>
    </message>
    <message>
        <source>and %1 more, all of them older</source>
        <translation>und %1 weitere, alle älter</translation>
    </message>
    <message>
        <source>last</source>
        <translation>letzte</translation>
    </message>
    <message>
        <source>hourly</source>
        <translation>stündlich</translation>
    </message>
    <message>
        <source>daily</source>
        <translation>täglich</translation>
    </message>
    <message>
        <source>weekly</source>
        <translation>wöchentlich</translation>
    </message>
    <message>
        <source>monthly</source>
        <translation>monatlich</translation>
    </message>
    <message>
        <source>yearly</source>
        <translation>jährlich</translation>
    </message>
    <message>
        <source>Keep, %1</source>
        <translation>Behalten, %1</translation>
    </message>
    <message>
        <source>any age</source>
        <translation>beliebig alt</translation>
    </message>
    <message>
        <source>days old</source>
        <translation>Tage alt</translation>
    </message>
    <message>
        <source>Remove those that are older, in days; 0 for any age</source>
        <translation>Ältere entfernen, in Tagen; 0 für beliebig alt</translation>
    </message>
    <message>
        <source>Older ones are removed, whatever the numbers above say</source>
        <translation>Ältere werden unabhängig von den Zahlen oben entfernt</translation>
    </message>
    <message>
        <source>any size</source>
        <translation>beliebig groß</translation>
    </message>
    <message>
        <source>GB together</source>
        <translation>GB insgesamt</translation>
    </message>
    <message>
        <source>Most that all may take together, in GB; 0 for any size</source>
        <translation>Was alle zusammen höchstens belegen, in GB; 0 für beliebig groß</translation>
    </message>
    <message>
        <source>The oldest are removed until all together are no larger</source>
        <translation>Die ältesten werden entfernt, bis die Gesamtgröße passt</translation>
    </message>
    <message>
        <source>Keep 7 Daily, 4 Weekly, 12 Monthly</source>
        <translation>7 tägliche, 4 wöchentliche, 12 monatliche behalten</translation>
    </message>
</context>
<context>
    <name>ScheduleList</name>
    <message>
        <source>not saved</source>
        <translation>nicht gespeichert</translation>
    </message>
</context>
<context>
    <name>ScheduleListView</name>
    <message>
        <source>Schedules</source>
        <translation>Zeitpläne</translation>
    </message>
</context>
<context>
    <name>SchedulePage</name>
    <message>
        <source>Its backups stay; no new ones are made.</source>
        <translation>Seine Sicherungen bleiben; neue entstehen nicht mehr.</translation>
    </message>
    <message>
        <source>Delete the schedule of “%1”?</source>
        <translation>Zeitplan von „%1“ löschen?</translation>
    </message>
    <message>
        <source>Delete Schedule</source>
        <translation>Zeitplan löschen</translation>
    </message>
    <message>
        <source>Not saved yet</source>
        <translation>Noch nicht gespeichert</translation>
    </message>
    <message>
        <source>All schedules are paused until %1.</source>
        <translation>Alle Zeitpläne sind bis %1 pausiert.</translation>
    </message>
    <message>
        <source>Resume</source>
        <translation>Fortsetzen</translation>
    </message>
    <message>
        <source>Schedules</source>
        <translation>Zeitpläne</translation>
    </message>
    <message>
        <source>Pause All For…</source>
        <translation>Alle pausieren …</translation>
    </message>
    <message>
        <source>New Schedule…</source>
        <translation>Neuer Zeitplan …</translation>
    </message>
    <message>
        <source>Schedule</source>
        <translation>Zeitplan</translation>
    </message>
</context>
<context>
    <name>ScheduleWatch</name>
    <message>
        <source>The schedules could not be looked at</source>
        <translation>Die Zeitpläne konnten nicht gelesen werden</translation>
    </message>
</context>
<context>
    <name>ScheduleWhen</name>
    <message>
        <source>Hourly</source>
        <translation>Stündlich</translation>
    </message>
    <message>
        <source>Daily</source>
        <translation>Täglich</translation>
    </message>
    <message>
        <source>Weekly</source>
        <translation>Wöchentlich</translation>
    </message>
    <message>
        <source>Monthly</source>
        <translation>Monatlich</translation>
    </message>
    <message>
        <source>Cron</source>
        <translation>Cron</translation>
    </message>
    <message>
        <source>Repeat</source>
        <translation>Wiederholen</translation>
    </message>
    <message>
        <source>Day of the week</source>
        <translation>Wochentag</translation>
    </message>
    <message>
        <source>Day %1</source>
        <translation>Tag %1</translation>
    </message>
    <message>
        <source>Last day</source>
        <translation>Letzter Tag</translation>
    </message>
    <message>
        <source>Day of the month</source>
        <translation>Tag des Monats</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>Uhrzeit</translation>
    </message>
    <message>
        <source>Minute</source>
        <translation>Minute</translation>
    </message>
    <message>
        <source>Cron expression</source>
        <translation>Cron-Ausdruck</translation>
    </message>
    <message>
        <source>Minute, hour, day of the month, month, day of the week</source>
        <translation>Minute, Stunde, Tag des Monats, Monat, Wochentag</translation>
    </message>
    <message>
        <source>Time zone</source>
        <translation>Zeitzone</translation>
    </message>
    <message>
        <source>at</source>
        <translation>um</translation>
    </message>
    <message>
        <source>minute</source>
        <translation>Minute</translation>
    </message>
</context>
<context>
    <name>SecurityPage</name>
    <message>
        <source>Security</source>
        <translation>Sicherheit</translation>
    </message>
    <message>
        <source>Forget All Passwords…</source>
        <translation>Alle Passwörter löschen …</translation>
    </message>
    <message>
        <source>Passwords are kept there and nowhere else: not in the settings, not in backups, not in logs.</source>
        <translation>Passwörter liegen nur dort: nicht in den Einstellungen, nicht in Sicherungen, nicht in Protokollen.</translation>
    </message>
    <message>
        <source>Keyring</source>
        <translation>Schlüsselbund</translation>
    </message>
    <message>
        <source>Passwords</source>
        <translation>Passwörter</translation>
    </message>
    <message>
        <source>Asking the keyring…</source>
        <translation>Schlüsselbund wird abgefragt …</translation>
    </message>
    <message>
        <source>There is none that can be used</source>
        <translation>Kein nutzbarer Schlüsselbund</translation>
    </message>
    <message>
        <source>Passwords are kept only until Holdfast ends</source>
        <translation>Passwörter werden nur behalten, bis Holdfast endet</translation>
    </message>
    <message>
        <source>None is stored.</source>
        <translation>Es ist keins gespeichert.</translation>
    </message>
    <message numerus="yes">
        <source>%1 of %n project(s) has its password there.</source>
        <translation>
            <numerusform>%1 von %n Projekt hat sein Passwort dort.</numerusform>
            <numerusform>%1 von %n Projekten haben ihr Passwort dort.</numerusform>
        </translation>
    </message>
    <message>
        <source>None is stored: there is no project yet.</source>
        <translation>Es ist keins gespeichert: Es gibt noch kein Projekt.</translation>
    </message>
    <message>
        <source>It does not answer</source>
        <translation>Antwortet nicht</translation>
    </message>
    <message>
        <source>Look Again</source>
        <translation>Erneut suchen</translation>
    </message>
    <message>
        <source>Forget all passwords?</source>
        <translation>Alle Passwörter löschen?</translation>
    </message>
    <message>
        <source>The keyring removes the password of each project. Schedules fail until the passwords are given again. Projects and backups stay.</source>
        <translation>Der Schlüsselbund entfernt das Passwort jedes Projekts. Zeitpläne schlagen fehl, bis die Passwörter wieder eingegeben sind. Projekte und Sicherungen bleiben.</translation>
    </message>
    <message>
        <source>Forget All Passwords</source>
        <translation>Alle Passwörter löschen</translation>
    </message>
</context>
<context>
    <name>SessionPooler</name>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <source>Trying the session pooler of %1…</source>
        <translation>Session Pooler von %1 wird versucht …</translation>
    </message>
    <message>
        <source>%1 answers on port %2 and lets %3 in. Password, schedules and backups stay as they are.</source>
        <translation>%1 antwortet auf Port %2 und lässt %3 ein. Passwort, Zeitpläne und Backups bleiben, wie sie sind.</translation>
    </message>
    <message>
        <source>Reach %1 through its session pooler?</source>
        <translation>%1 über den Session Pooler erreichen?</translation>
    </message>
    <message>
        <source>Use Session Pooler</source>
        <translation>Session Pooler nutzen</translation>
    </message>
    <message>
        <source>%1 is reached through its session pooler now.</source>
        <translation>%1 wird jetzt über den Session Pooler erreicht.</translation>
    </message>
    <message>
        <source>A backup of %1 would fail through its session pooler, too</source>
        <translation>Ein Backup von %1 würde auch über den Session Pooler fehlschlagen</translation>
    </message>
    <message>
        <source>Edit Connection…</source>
        <translation>Verbindung bearbeiten …</translation>
    </message>
</context>
<context>
    <name>SettingsDialog</name>
    <message>
        <source>Settings</source>
        <translation>Einstellungen</translation>
    </message>
    <message>
        <source>General</source>
        <translation>Allgemein</translation>
    </message>
    <message>
        <source>Tools</source>
        <translation>Werkzeuge</translation>
    </message>
    <message>
        <source>Security</source>
        <translation>Sicherheit</translation>
    </message>
    <message>
        <source>Notifications</source>
        <translation>Benachrichtigungen</translation>
    </message>
    <message>
        <source>Reminders</source>
        <translation>Erinnerungen</translation>
    </message>
    <message>
        <source>Advanced</source>
        <translation>Erweitert</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Schließen</translation>
    </message>
    <message>
        <source>Changes apply at once.</source>
        <translation>Änderungen gelten sofort.</translation>
    </message>
</context>
<context>
    <name>SizeChart</name>
    <message>
        <source>Size and duration of the backups of %1</source>
        <translation>Größe und Dauer der Sicherungen von %1</translation>
    </message>
    <message numerus="yes">
        <source>%n backup(s), from %1 to %2</source>
        <translation>
            <numerusform>%n Sicherung, von %1 bis %2</numerusform>
            <numerusform>%n Sicherungen, von %1 bis %2</numerusform>
        </translation>
    </message>
    <message>
        <source>No backups yet</source>
        <translation>Noch keine Sicherungen</translation>
    </message>
    <message>
        <source>Size, %1</source>
        <translation>Größe, %1</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>Größe</translation>
    </message>
    <message>
        <source>Duration</source>
        <translation>Dauer</translation>
    </message>
    <message>
        <source>today</source>
        <translation>heute</translation>
    </message>
    <message>
        <source>%1: no backup</source>
        <translation>%1: keine Sicherung</translation>
    </message>
</context>
<context>
    <name>State</name>
    <message>
        <source>The settings were not read again</source>
        <translation>Die Einstellungen wurden nicht neu gelesen</translation>
    </message>
    <message>
        <source>The settings were not changed</source>
        <translation>Die Einstellungen wurden nicht geändert</translation>
    </message>
</context>
<context>
    <name>SupabaseChooser</name>
    <message>
        <source>Access token</source>
        <translation>Zugriffstoken</translation>
    </message>
    <message>
        <source>Find Projects</source>
        <translation>Projekte suchen</translation>
    </message>
    <message>
        <source>Use the Supabase CLI</source>
        <translation>Supabase-CLI verwenden</translation>
    </message>
    <message>
        <source>Get a Token</source>
        <translation>Token erstellen</translation>
    </message>
    <message>
        <source>Projects at Supabase</source>
        <translation>Projekte bei Supabase</translation>
    </message>
    <message>
        <source>Use Another Token</source>
        <translation>Anderes Token verwenden</translation>
    </message>
    <message>
        <source>With an access token Holdfast finds your projects, and reads their settings and keys. It is kept in the keyring.</source>
        <translation>Mit einem Zugriffstoken findet Holdfast Ihre Projekte und liest ihre Einstellungen und Schlüssel. Es wird im Schlüsselbund aufbewahrt.</translation>
    </message>
    <message>
        <source>Enter an access token of your Supabase account.</source>
        <translation>Geben Sie ein Zugriffstoken Ihres Supabase-Kontos ein.</translation>
    </message>
    <message>
        <source>Asking Supabase…</source>
        <translation>Supabase wird gefragt…</translation>
    </message>
    <message>
        <source>paused</source>
        <translation>pausiert</translation>
    </message>
    <message>
        <source>This sign-in may see no project.</source>
        <translation>Diese Anmeldung darf kein Projekt sehen.</translation>
    </message>
    <message>
        <source>The token is kept in %1.</source>
        <translation>Das Token wird in %1 aufbewahrt.</translation>
    </message>
    <message>
        <source>Choose a project.</source>
        <translation>Wählen Sie ein Projekt.</translation>
    </message>
    <message>
        <source>Asking how to reach %1…</source>
        <translation>Weg zu %1 wird erfragt…</translation>
    </message>
    <message>
        <source>Filled in below. Enter the database&apos;s password: Supabase gives it to nobody.</source>
        <translation>Unten eingetragen. Geben Sie das Passwort der Datenbank ein: Supabase gibt es niemandem.</translation>
    </message>
    <message>
        <source>The new token takes the place of the one that is kept.</source>
        <translation>Das neue Token ersetzt das aufbewahrte.</translation>
    </message>
</context>
<context>
    <name>TableTree</name>
    <message numerus="yes">
        <source>%n table(s)</source>
        <translation>
            <numerusform>%n Tabelle</numerusform>
            <numerusform>%n Tabellen</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 of %n table(s)</source>
        <translation>
            <numerusform>%1 von %n Tabelle</numerusform>
            <numerusform>%1 von %n Tabellen</numerusform>
        </translation>
    </message>
    <message>
        <source>1 row</source>
        <translation>1 Zeile</translation>
    </message>
    <message>
        <source>%1 rows</source>
        <translation>%1 Zeilen</translation>
    </message>
</context>
<context>
    <name>TableTreeView</name>
    <message>
        <source>Filter tables</source>
        <translation>Tabellen filtern</translation>
    </message>
    <message>
        <source>All</source>
        <translation>Alle</translation>
    </message>
    <message>
        <source>None</source>
        <translation>Keine</translation>
    </message>
    <message>
        <source>Tables</source>
        <translation>Tabellen</translation>
    </message>
</context>
<context>
    <name>TargetBox</name>
    <message>
        <source>Into</source>
        <translation>Ziel</translation>
    </message>
    <message>
        <source>How</source>
        <translation>Verfahren</translation>
    </message>
    <message>
        <source>All or nothing</source>
        <translation>Alles oder nichts</translation>
    </message>
    <message>
        <source>Parallel, list errors</source>
        <translation>Parallel, Fehler auflisten</translation>
    </message>
    <message>
        <source>Name of the new database</source>
        <translation>Name der neuen Datenbank</translation>
    </message>
    <message>
        <source>Server</source>
        <translation>Server</translation>
    </message>
    <message>
        <source>Connection string</source>
        <translation>Verbindungszeichenfolge</translation>
    </message>
    <message>
        <source>Password</source>
        <translation>Passwort</translation>
    </message>
    <message>
        <source>What</source>
        <translation>Inhalt</translation>
    </message>
    <message>
        <source>Everything</source>
        <translation>Alles</translation>
    </message>
    <message>
        <source>Schema</source>
        <translation>Schema</translation>
    </message>
    <message>
        <source>Data</source>
        <translation>Daten</translation>
    </message>
    <message>
        <source>Replace what is in the way</source>
        <translation>Vorhandenes ersetzen</translation>
    </message>
    <message>
        <source>Owners</source>
        <translation>Eigentümer</translation>
    </message>
    <message>
        <source>Privileges</source>
        <translation>Rechte</translation>
    </message>
    <message>
        <source>Safety backup first</source>
        <translation>Erst Sicherheitskopie</translation>
    </message>
    <message>
        <source>on</source>
        <translation>auf</translation>
    </message>
    <message>
        <source>another server</source>
        <translation>anderer Server</translation>
    </message>
    <message>
        <source>New database…</source>
        <translation>Neue Datenbank …</translation>
    </message>
    <message>
        <source>Another database…</source>
        <translation>Andere Datenbank …</translation>
    </message>
</context>
<context>
    <name>ToolRow</name>
    <message>
        <source>Test</source>
        <translation>Testen</translation>
    </message>
    <message>
        <source>Test %1</source>
        <translation>%1 testen</translation>
    </message>
    <message>
        <source>Not needed: a token does the same</source>
        <translation>Nicht nötig: Ein Token leistet dasselbe</translation>
    </message>
    <message>
        <source>Command line not found</source>
        <translation>Befehlszeile nicht gefunden</translation>
    </message>
    <message>
        <source>Does not run: %1</source>
        <translation>Läuft nicht: %1</translation>
    </message>
    <message>
        <source>Command line of Supabase</source>
        <translation>Befehlszeile von Supabase</translation>
    </message>
    <message>
        <source>Not used: others fit every server as well or better</source>
        <translation>Nicht genutzt: Andere passen zu jedem Server ebenso gut oder besser</translation>
    </message>
    <message>
        <source>Bundled with Holdfast</source>
        <translation>In Holdfast enthalten</translation>
    </message>
    <message>
        <source>On the PATH</source>
        <translation>Im PATH</translation>
    </message>
    <message>
        <source>Trying…</source>
        <translation>Wird getestet …</translation>
    </message>
    <message>
        <source>Runs in %1 s: %2</source>
        <translation>Läuft (%1 s): %2</translation>
    </message>
    <message>
        <source>Starts in %1 s</source>
        <translation>Startet in %1 s</translation>
    </message>
    <message>
        <source>signed in</source>
        <translation>angemeldet</translation>
    </message>
    <message>
        <source>not signed in</source>
        <translation>nicht angemeldet</translation>
    </message>
</context>
<context>
    <name>ToolsPage</name>
    <message>
        <source>Look Again</source>
        <translation>Erneut suchen</translation>
    </message>
    <message>
        <source>Tools</source>
        <translation>Werkzeuge</translation>
    </message>
    <message>
        <source>Looking for PostgreSQL&apos;s programs…</source>
        <translation>PostgreSQL-Programme werden gesucht …</translation>
    </message>
    <message>
        <source>The one that fits the server best is used. Servers up to PostgreSQL %1 can be backed up.</source>
        <translation>Genutzt wird, was am besten zum Server passt. Server bis PostgreSQL %1 können gesichert werden.</translation>
    </message>
    <message>
        <source>No program that works was found, so nothing can be backed up.</source>
        <translation>Kein lauffähiges Programm gefunden, daher kann nichts gesichert werden.</translation>
    </message>
    <message>
        <source>for PostgreSQL %1</source>
        <translation>für PostgreSQL %1</translation>
    </message>
    <message>
        <source>%1 to %2</source>
        <translation>%1 bis %2</translation>
    </message>
</context>
<context>
    <name>Tray</name>
    <message>
        <source>Holdfast – %1</source>
        <translation>Holdfast – %1</translation>
    </message>
    <message>
        <source>Open Holdfast</source>
        <translation>Holdfast öffnen</translation>
    </message>
    <message>
        <source>Back Up Now</source>
        <translation>Jetzt sichern</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>Pausieren</translation>
    </message>
    <message>
        <source>Open Backup Folder</source>
        <translation>Sicherungsordner öffnen</translation>
    </message>
    <message>
        <source>Settings…</source>
        <translation>Einstellungen …</translation>
    </message>
    <message>
        <source>Quit Holdfast</source>
        <translation>Holdfast beenden</translation>
    </message>
    <message>
        <source>Cancel Backup of %1</source>
        <translation>Sicherung von %1 abbrechen</translation>
    </message>
    <message>
        <source>Cancel Proof of %1</source>
        <translation>Nachweis für %1 abbrechen</translation>
    </message>
    <message>
        <source>Cancel Check of %1</source>
        <translation>Prüfung von %1 abbrechen</translation>
    </message>
    <message>
        <source>Cancel Restore into %1</source>
        <translation>Wiederherstellung in %1 abbrechen</translation>
    </message>
    <message>
        <source>Close Copy of %1</source>
        <translation>Kopie von %1 schließen</translation>
    </message>
    <message>
        <source>Cancel Trying With Sample Data</source>
        <translation>Test mit Beispieldaten abbrechen</translation>
    </message>
    <message>
        <source>Cancel Export of %1</source>
        <translation>Export von %1 abbrechen</translation>
    </message>
    <message>
        <source>Cancel Deleting a Backup of %1</source>
        <translation>Löschen einer Sicherung von %1 abbrechen</translation>
    </message>
    <message>
        <source>Cancel Removing Old Backups of %1</source>
        <translation>Entfernen alter Sicherungen von %1 abbrechen</translation>
    </message>
</context>
<context>
    <name>UpdateField</name>
    <message>
        <source>Look once a day</source>
        <translation>Einmal am Tag nachsehen</translation>
    </message>
    <message>
        <source>Look Now</source>
        <translation>Jetzt nachsehen</translation>
    </message>
    <message>
        <source>Open Page</source>
        <translation>Seite öffnen</translation>
    </message>
    <message>
        <source>Looking…</source>
        <translation>Wird geprüft …</translation>
    </message>
    <message>
        <source>This is %1.</source>
        <translation>Dies ist %1.</translation>
    </message>
    <message>
        <source>This is %1; %2 is there.</source>
        <translation>Dies ist %1; %2 ist da.</translation>
    </message>
    <message>
        <source>This is %1. The last look failed: %2</source>
        <translation>Dies ist %1. Zuletzt war nichts zu erfahren: %2</translation>
    </message>
    <message>
        <source>This is %1, the newest version. Looked: %2</source>
        <translation>Dies ist %1, die neueste Version. Nachgesehen: %2</translation>
    </message>
</context>
<context>
    <name>WhatHappened</name>
    <message>
        <source>It was stopped after %1. Nothing of it is left.</source>
        <translation>Nach %1 angehalten. Es ist nichts davon übrig.</translation>
    </message>
    <message>
        <source>Cancelled</source>
        <translation>Abgebrochen</translation>
    </message>
    <message>
        <source>Interrupted</source>
        <translation>Unterbrochen</translation>
    </message>
    <message>
        <source>Holdfast or the computer stopped while it was made. What it left was removed.</source>
        <translation>Holdfast oder der Computer wurde dabei beendet. Die Reste wurden entfernt.</translation>
    </message>
    <message>
        <source>The backup failed</source>
        <translation>Die Sicherung ist fehlgeschlagen</translation>
    </message>
    <message>
        <source>Connect the disk that it is on, or put it back if it was moved.</source>
        <translation>Schließen Sie das Laufwerk an, auf dem er liegt, oder legen Sie ihn zurück, falls er verschoben wurde.</translation>
    </message>
    <message>
        <source>The backup’s folder is not there</source>
        <translation>Der Ordner der Sicherung ist nicht da</translation>
    </message>
    <message>
        <source>Look Again</source>
        <translation>Erneut suchen</translation>
    </message>
    <message>
        <source>Remove From History…</source>
        <translation>Aus Verlauf entfernen …</translation>
    </message>
    <message>
        <source>Open Folder</source>
        <translation>Ordner öffnen</translation>
    </message>
    <message>
        <source>Back Up Now</source>
        <translation>Jetzt sichern</translation>
    </message>
</context>
<context>
    <name>_Line</name>
    <message>
        <source>checking…</source>
        <translation>wird geprüft …</translation>
    </message>
    <message>
        <source>not tried</source>
        <translation>nicht versucht</translation>
    </message>
</context>
<context>
    <name>_RowWidget</name>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
</context>
<context>
    <name>check</name>
    <message>
        <source>Host found</source>
        <translation>Host gefunden</translation>
    </message>
    <message>
        <source>Reached</source>
        <translation>Erreicht</translation>
    </message>
    <message>
        <source>TLS</source>
        <translation>TLS</translation>
    </message>
    <message>
        <source>Signed in</source>
        <translation>Angemeldet</translation>
    </message>
    <message>
        <source>Version and tool</source>
        <translation>Version und Werkzeug</translation>
    </message>
    <message>
        <source>Privileges</source>
        <translation>Rechte</translation>
    </message>
    <message>
        <source>Row security</source>
        <translation>Zeilensicherheit</translation>
    </message>
    <message>
        <source>Size and time</source>
        <translation>Größe und Zeit</translation>
    </message>
</context>
<context>
    <name>cron</name>
    <message>
        <source>at %1</source>
        <translation>um %1</translation>
    </message>
    <message>
        <source>every %1 minutes</source>
        <translation>alle %1 Minuten</translation>
    </message>
    <message>
        <source>every minute</source>
        <translation>jede Minute</translation>
    </message>
    <message>
        <source>every %1 hours at minute %2</source>
        <translation>alle %1 Stunden zur Minute %2</translation>
    </message>
    <message>
        <source>every hour at minute %1</source>
        <translation>jede Stunde zur Minute %1</translation>
    </message>
    <message>
        <source>%1, from %2 to %3</source>
        <translation>%1, von %2 bis %3</translation>
    </message>
    <message>
        <source>%1, in the hours %2</source>
        <translation>%1, in den Stunden %2</translation>
    </message>
    <message>
        <source>%1, only %2</source>
        <translation>%1, nur %2</translation>
    </message>
    <message>
        <source>%1 or %2</source>
        <translation>%1 oder %2</translation>
    </message>
    <message>
        <source>on day %1 of the month</source>
        <translation>an Tag %1 des Monats</translation>
    </message>
    <message>
        <source>on the last day of the month</source>
        <translation>am letzten Tag des Monats</translation>
    </message>
    <message>
        <source>on the last working day of the month</source>
        <translation>am letzten Arbeitstag des Monats</translation>
    </message>
    <message>
        <source>the first %1 of the month</source>
        <translation>am ersten %1 des Monats</translation>
    </message>
    <message>
        <source>the second %1 of the month</source>
        <translation>am zweiten %1 des Monats</translation>
    </message>
    <message>
        <source>the third %1 of the month</source>
        <translation>am dritten %1 des Monats</translation>
    </message>
    <message>
        <source>the fourth %1 of the month</source>
        <translation>am vierten %1 des Monats</translation>
    </message>
    <message>
        <source>the fifth %1 of the month</source>
        <translation>am fünften %1 des Monats</translation>
    </message>
    <message>
        <source>the last %1 of the month</source>
        <translation>am letzten %1 des Monats</translation>
    </message>
    <message>
        <source>on %1</source>
        <translation>%1</translation>
    </message>
    <message>
        <source>in %1</source>
        <translation>im %1</translation>
    </message>
    <message>
        <source>%1 to %2</source>
        <translation>%1 bis %2</translation>
    </message>
</context>
<context>
    <name>engine</name>
    <message>
        <source>given by a service</source>
        <translation>durch einen Dienst angegeben</translation>
    </message>
    <message>
        <source>given by libpq&apos;s own settings</source>
        <translation>durch libpqs eigene Einstellungen angegeben</translation>
    </message>
    <message>
        <source>libpq&apos;s own choice</source>
        <translation>libpqs eigene Wahl</translation>
    </message>
    <message>
        <source>tried with the sign-in</source>
        <translation>wird mit der Anmeldung versucht</translation>
    </message>
    <message>
        <source>this computer</source>
        <translation>dieser Computer</translation>
    </message>
    <message>
        <source>by the socket in %1</source>
        <translation>über den Socket in %1</translation>
    </message>
    <message>
        <source>%1 is %2 and %3 more, IPv4 and IPv6</source>
        <translation>%1 ist %2 und %3 weitere, IPv4 und IPv6</translation>
    </message>
    <message>
        <source>%1 is %2 and %3 more, IPv4</source>
        <translation>%1 ist %2 und %3 weitere, IPv4</translation>
    </message>
    <message>
        <source>%1 is %2 and %3 more, IPv6</source>
        <translation>%1 ist %2 und %3 weitere, IPv6</translation>
    </message>
    <message>
        <source>%1 is %2, IPv4</source>
        <translation>%1 ist %2, IPv4</translation>
    </message>
    <message>
        <source>%1 is %2, IPv6</source>
        <translation>%1 ist %2, IPv6</translation>
    </message>
    <message>
        <source>%1 answers on port %2. %3</source>
        <translation>%1 antwortet an Port %2. %3</translation>
    </message>
    <message>
        <source>%1 answers on port %2</source>
        <translation>%1 antwortet an Port %2</translation>
    </message>
    <message>
        <source>Port 6432 is Azure&apos;s PgBouncer, on which a snapshot may not hold: port 5432, the server itself, is used instead.</source>
        <translation>Port 6432 ist Azures PgBouncer, auf dem ein Snapshot vielleicht nicht hält: Verwendet wird Port 5432, der Server selbst.</translation>
    </message>
    <message>
        <source>The host is Neon&apos;s transaction pooler, on which a snapshot does not hold: the same host without -pooler is used instead.</source>
        <translation>Der Host ist Neons Transaction Pooler, auf dem ein Snapshot nicht hält: Verwendet wird derselbe Host ohne -pooler.</translation>
    </message>
    <message>
        <source>Port 6543 is Supabase&apos;s transaction pooler, on which a snapshot does not hold: port 5432 of the same host is used instead.</source>
        <translation>Port 6543 ist Supabases Transaction Pooler, auf dem ein Snapshot nicht hält: Verwendet wird Port 5432 desselben Hosts.</translation>
    </message>
    <message>
        <source>Port 54329 is the local project&apos;s pooler: port 54322, the database itself, is used instead.</source>
        <translation>Port 54329 ist der Pooler des lokalen Projekts: Verwendet wird Port 54322, die Datenbank selbst.</translation>
    </message>
    <message>
        <source>Port 6543 is a transaction pooler, on which a snapshot does not hold: port 5432 of the same host, its session pooler, is used instead.</source>
        <translation>Port 6543 ist ein Transaction Pooler, auf dem ein Snapshot nicht hält: Verwendet wird Port 5432 desselben Hosts, sein Session Pooler.</translation>
    </message>
    <message>
        <source>not encrypted</source>
        <translation>nicht verschlüsselt</translation>
    </message>
    <message>
        <source>not encrypted, as sslmode=disable asks</source>
        <translation>nicht verschlüsselt, wie sslmode=disable es verlangt</translation>
    </message>
    <message>
        <source>%1, certificate of %2 issued by %3; %4</source>
        <translation>%1, Zertifikat von %2, ausgestellt von %3; %4</translation>
    </message>
    <message>
        <source>authority and name are checked</source>
        <translation>Aussteller und Name werden geprüft</translation>
    </message>
    <message>
        <source>its authority is checked, its name is not</source>
        <translation>der Aussteller wird geprüft, der Name nicht</translation>
    </message>
    <message>
        <source>it is not checked (sslmode=%1)</source>
        <translation>es wird nicht geprüft (sslmode=%1)</translation>
    </message>
    <message>
        <source>%1, through a pooler in session mode</source>
        <translation>%1, über einen Pooler im Session-Modus</translation>
    </message>
    <message>
        <source>as %1 in database %2, in %3 ms</source>
        <translation>als %1 in der Datenbank %2, in %3 ms</translation>
    </message>
    <message>
        <source>PostgreSQL %1; %2</source>
        <translation>PostgreSQL %1; %2</translation>
    </message>
    <message>
        <source>it fits the server, %1</source>
        <translation>das Werkzeug passt zum Server, %1</translation>
    </message>
    <message>
        <source>the newest of those that read PostgreSQL %1</source>
        <translation>das neueste Werkzeug, das PostgreSQL %1 liest</translation>
    </message>
    <message>
        <source>%1 may read everything</source>
        <translation>%1 darf alles lesen</translation>
    </message>
    <message>
        <source>no rows are hidden</source>
        <translation>keine Zeilen sind verborgen</translation>
    </message>
    <message>
        <source>%1. A backup takes about %2 and %3</source>
        <translation>%1. Eine Sicherung braucht etwa %2 und %3</translation>
    </message>
    <message>
        <source>a moment</source>
        <translation>einen Augenblick</translation>
    </message>
    <message>
        <source>Check the host name for typing errors, and that this computer is online.</source>
        <translation>Den Hostnamen auf Tippfehler prüfen, und ob dieser Computer online ist.</translation>
    </message>
    <message>
        <source>Give its authority&apos;s certificate with sslrootcert=FILE, and check that it has not expired, that this computer&apos;s clock is right, and that this is the right server.</source>
        <translation>Das Zertifikat des Ausstellers mit sslrootcert=DATEI angeben, und prüfen, ob es noch gilt, ob die Uhr dieses Computers stimmt und ob es der richtige Server ist.</translation>
    </message>
    <message>
        <source>Give its authority&apos;s certificate with sslrootcert=FILE.</source>
        <translation>Das Zertifikat des Ausstellers mit sslrootcert=DATEI angeben.</translation>
    </message>
    <message>
        <source>Use the host name that the certificate was made for, or sslmode=verify-ca.</source>
        <translation>Den Hostnamen verwenden, für den das Zertifikat ausgestellt ist, oder sslmode=verify-ca.</translation>
    </message>
    <message>
        <source>The root certificate was not found</source>
        <translation>Das Stammzertifikat wurde nicht gefunden</translation>
    </message>
    <message>
        <source>Check the path in sslrootcert; sslrootcert=system takes the authorities that this computer trusts.</source>
        <translation>Den Pfad in sslrootcert prüfen; sslrootcert=system nimmt die Aussteller, denen dieser Computer vertraut.</translation>
    </message>
    <message>
        <source>The client&apos;s certificate or its key cannot be used</source>
        <translation>Das Client-Zertifikat oder sein Schlüssel ist nicht verwendbar</translation>
    </message>
    <message>
        <source>Check the files in sslcert and sslkey; the key must be readable by you alone.</source>
        <translation>Die Dateien in sslcert und sslkey prüfen; den Schlüssel darf niemand sonst lesen können.</translation>
    </message>
    <message>
        <source>Check the network and that the server still runs, then start again.</source>
        <translation>Netzwerk prüfen, und ob der Server noch läuft, dann erneut beginnen.</translation>
    </message>
    <message>
        <source>Set sslmode=require for a server that insists on TLS, or sslmode=prefer for one that has none.</source>
        <translation>sslmode=require für einen Server setzen, der auf TLS besteht, oder sslmode=prefer für einen ohne TLS.</translation>
    </message>
    <message>
        <source>The server did not answer in time</source>
        <translation>Der Server hat nicht rechtzeitig geantwortet</translation>
    </message>
    <message>
        <source>Check host and port, and that no firewall stands between.</source>
        <translation>Host und Port prüfen, und ob eine Firewall dazwischen steht.</translation>
    </message>
    <message>
        <source>The server is starting or shutting down</source>
        <translation>Der Server startet oder fährt herunter</translation>
    </message>
    <message>
        <source>Wait until it runs, then start again.</source>
        <translation>Warten, bis er läuft, dann erneut beginnen.</translation>
    </message>
    <message>
        <source>Check the port, and that the server is running.</source>
        <translation>Den Port prüfen, und ob der Server läuft.</translation>
    </message>
    <message>
        <source>Check the network, and that it knows the kind of address that the server has, IPv4 or IPv6.</source>
        <translation>Das Netzwerk prüfen, und ob es die Art der Adresse kennt, die der Server hat, IPv4 oder IPv6.</translation>
    </message>
    <message>
        <source>The server does not let this user in from here</source>
        <translation>Der Server lässt diesen Benutzer von hier aus nicht hinein</translation>
    </message>
    <message>
        <source>The server&apos;s pg_hba.conf must allow this user, database and address, and the role needs LOGIN.</source>
        <translation>Die pg_hba.conf des Servers muss Benutzer, Datenbank und Adresse zulassen, und die Rolle braucht LOGIN.</translation>
    </message>
    <message>
        <source>There is no password for this sign-in</source>
        <translation>Für diese Anmeldung gibt es kein Passwort</translation>
    </message>
    <message>
        <source>Set PGPASSWORD, add a line to ~/.pgpass (mode 0600), or put it into the connection string.</source>
        <translation>Es in die Verbindung des Projekts eintragen, PGPASSWORD setzen oder eine Zeile in ~/.pgpass (Modus 0600) anlegen.</translation>
    </message>
    <message>
        <source>Check user and password. A password in a URL must be percent-encoded where it has @ : / ? # or %.</source>
        <translation>Benutzer und Passwort prüfen. In einer URL muss ein Passwort mit Prozentzeichen kodiert sein, wo es @ : / ? # oder % enthält.</translation>
    </message>
    <message>
        <source>Check the name at the end of the connection string.</source>
        <translation>Den Namen am Ende der Verbindungszeichenfolge prüfen.</translation>
    </message>
    <message>
        <source>Close other programs that use it, or lower --jobs; roles and databases have limits, too.</source>
        <translation>Andere Programme schließen, die ihn nutzen, oder weniger parallele Aufträge wählen; auch Rollen und Datenbanken haben Grenzen.</translation>
    </message>
    <message>
        <source>The server did not let us in</source>
        <translation>Der Server hat uns nicht hineingelassen</translation>
    </message>
    <message>
        <source>Check the connection string.</source>
        <translation>Die Verbindungszeichenfolge prüfen.</translation>
    </message>
    <message>
        <source>The server&apos;s own disk is full</source>
        <translation>Der Datenträger des Servers ist voll</translation>
    </message>
    <message>
        <source>Free some space on the server; this computer&apos;s disk is not meant.</source>
        <translation>Auf dem Server Platz schaffen; der Datenträger dieses Computers ist nicht gemeint.</translation>
    </message>
    <message>
        <source>The server cannot lock that many tables at once</source>
        <translation>Der Server kann nicht so viele Tabellen auf einmal sperren</translation>
    </message>
    <message>
        <source>Raise max_locks_per_transaction on the server, or back up some schemas at a time.</source>
        <translation>Auf dem Server max_locks_per_transaction erhöhen oder nur einige Schemas auf einmal sichern.</translation>
    </message>
    <message>
        <source>A table is locked by another session</source>
        <translation>Eine Tabelle ist von einer anderen Sitzung gesperrt</translation>
    </message>
    <message>
        <source>A file of the archive is missing</source>
        <translation>Eine Datei des Archivs fehlt</translation>
    </message>
    <message>
        <source>The archive is damaged</source>
        <translation>Das Archiv ist beschädigt</translation>
    </message>
    <message>
        <source>Port 6543 is a transaction pooler</source>
        <translation>Port 6543 ist ein Transaction Pooler</translation>
    </message>
    <message>
        <source>A pooler in transaction mode stands before the server</source>
        <translation>Vor dem Server steht ein Pooler im Transaction-Modus</translation>
    </message>
    <message>
        <source>Session settings leak to other clients through it, and a snapshot does not hold.</source>
        <translation>Sitzungseinstellungen geraten durch ihn zu anderen Clients, und ein Snapshot hält nicht.</translation>
    </message>
    <message>
        <source>A backup needs %1 connections at once, and the pooler has 1 free connection</source>
        <translation>Eine Sicherung braucht %1 Verbindungen zugleich, und der Pooler hat 1 freie</translation>
    </message>
    <message>
        <source>A backup needs %1 connections at once, and the pooler has %2 free ones</source>
        <translation>Eine Sicherung braucht %1 Verbindungen zugleich, und der Pooler hat %2 freie</translation>
    </message>
    <message>
        <source>Raise the size of its pool, close other programs that use it, or connect to the server itself.</source>
        <translation>Seinen Pool vergrößern, andere Programme schließen, die ihn nutzen, oder direkt mit dem Server verbinden.</translation>
    </message>
    <message>
        <source>Use the server&apos;s own port, or a pooler in session mode.</source>
        <translation>Den Port des Servers selbst oder einen Pooler im Session-Modus verwenden.</translation>
    </message>
    <message>
        <source>Use the endpoint of the instance or the cluster, not that of an RDS Proxy.</source>
        <translation>Den Endpunkt der Instanz oder des Clusters verwenden, nicht den eines RDS Proxy.</translation>
    </message>
    <message>
        <source>Use port 5432, the server itself.</source>
        <translation>Port 5432 verwenden, den Server selbst.</translation>
    </message>
    <message>
        <source>Use the string in DATABASE_URL, not the one in DATABASE_CONNECTION_POOL_URL.</source>
        <translation>Die Zeichenfolge aus DATABASE_URL verwenden, nicht die aus DATABASE_CONNECTION_POOL_URL.</translation>
    </message>
    <message>
        <source>Use the host without -pooler in its name.</source>
        <translation>Den Host ohne -pooler im Namen verwenden.</translation>
    </message>
    <message>
        <source>Use port 5432: the direct connection or the session pooler.</source>
        <translation>Port 5432 verwenden: die direkte Verbindung oder den Session Pooler.</translation>
    </message>
    <message>
        <source>Use port 5432: the session pooler, or the database itself.</source>
        <translation>Port 5432 verwenden: den Session Pooler oder die Datenbank selbst.</translation>
    </message>
    <message>
        <source>Run: GRANT pg_read_all_data TO &quot;%1&quot;; or use --exclude-table.</source>
        <translation>Ausführen: GRANT pg_read_all_data TO &quot;%1&quot;; oder Tabellen von der Sicherung ausnehmen.</translation>
    </message>
    <message>
        <source>As a member of %1, run: GRANT pg_read_all_data TO &quot;%2&quot;; or use --exclude-table.</source>
        <translation>Als Mitglied von %1 ausführen: GRANT pg_read_all_data TO &quot;%2&quot;; oder Tabellen von der Sicherung ausnehmen.</translation>
    </message>
    <message>
        <source>Back up with the default credential, which owns the database; or use --exclude-table.</source>
        <translation>Mit der Standard-Anmeldung sichern, der die Datenbank gehört; oder Tabellen von der Sicherung ausnehmen.</translation>
    </message>
    <message>
        <source>Back up as the role postgres, which may read everything; or use --exclude-table.</source>
        <translation>Als Rolle postgres sichern, die alles lesen darf; oder Tabellen von der Sicherung ausnehmen.</translation>
    </message>
    <message>
        <source>Back up as postgres or supabase_admin, which may read everything; or use --exclude-table.</source>
        <translation>Als postgres oder supabase_admin sichern, die alles lesen dürfen; oder Tabellen von der Sicherung ausnehmen.</translation>
    </message>
    <message>
        <source>Run: ALTER ROLE &quot;%1&quot; BYPASSRLS; or back up as a role that has it.</source>
        <translation>Ausführen: ALTER ROLE &quot;%1&quot; BYPASSRLS; oder als Rolle sichern, die es hat.</translation>
    </message>
    <message>
        <source>Back up as the owner of these tables, or as a role with BYPASSRLS. The master user is only a member of rds_superuser, which is no superuser.</source>
        <translation>Als Eigentümer dieser Tabellen oder als Rolle mit BYPASSRLS sichern. Der Master-Benutzer ist nur Mitglied von rds_superuser, und das ist kein Superuser.</translation>
    </message>
    <message>
        <source>Back up as the server&apos;s administrator, a member of azure_pg_admin; from version 16 on it can also run: ALTER ROLE &quot;%1&quot; BYPASSRLS;</source>
        <translation>Als Administrator des Servers sichern, einem Mitglied von azure_pg_admin; ab Version 16 kann er auch ausführen: ALTER ROLE &quot;%1&quot; BYPASSRLS;</translation>
    </message>
    <message>
        <source>Back up with the default credential, if it owns these tables; nobody gets BYPASSRLS.</source>
        <translation>Mit der Standard-Anmeldung sichern, wenn ihr diese Tabellen gehören; BYPASSRLS bekommt niemand.</translation>
    </message>
    <message>
        <source>Back up as the owner of these tables, or as a role with BYPASSRLS: those made in Neon&apos;s console have it.</source>
        <translation>Als Eigentümer dieser Tabellen oder als Rolle mit BYPASSRLS sichern: In Neons Konsole angelegte haben es.</translation>
    </message>
    <message>
        <source>Back up as the role postgres, which has BYPASSRLS.</source>
        <translation>Als Rolle postgres sichern, die BYPASSRLS hat.</translation>
    </message>
    <message>
        <source>Back up as postgres or supabase_admin, which have BYPASSRLS.</source>
        <translation>Als postgres oder supabase_admin sichern, die BYPASSRLS haben.</translation>
    </message>
    <message>
        <source>Download global-bundle.pem from %1, and give it with sslrootcert=FILE.</source>
        <translation>global-bundle.pem von %1 herunterladen und mit sslrootcert=DATEI angeben.</translation>
    </message>
    <message>
        <source>Its certificate is one that this computer should trust: use sslrootcert=system.</source>
        <translation>Seinem Zertifikat sollte dieser Computer vertrauen: sslrootcert=system verwenden.</translation>
    </message>
    <message>
        <source>Its certificate is one that this computer trusts: use sslrootcert=system.</source>
        <translation>Seinem Zertifikat vertraut dieser Computer: sslrootcert=system verwenden.</translation>
    </message>
    <message>
        <source>Heroku&apos;s certificates sign themselves and cannot be checked: use sslmode=require.</source>
        <translation>Herokus Zertifikate sind selbst signiert und lassen sich nicht prüfen: sslmode=require verwenden.</translation>
    </message>
    <message>
        <source>Download the certificate from the project&apos;s database settings (SSL configuration), and give it with sslrootcert=FILE.</source>
        <translation>Das Zertifikat aus den Datenbankeinstellungen des Projekts (SSL configuration) herunterladen und mit sslrootcert=DATEI angeben.</translation>
    </message>
    <message>
        <source>An instance that is not publicly accessible can be reached from its own network alone, and its security group must let this computer in.</source>
        <translation>Eine nicht öffentlich zugängliche Instanz ist nur aus ihrem eigenen Netzwerk erreichbar, und ihre Sicherheitsgruppe muss diesen Computer zulassen.</translation>
    </message>
    <message>
        <source>The server&apos;s firewall rules must let this computer&apos;s address in.</source>
        <translation>Die Firewall-Regeln des Servers müssen die Adresse dieses Computers zulassen.</translation>
    </message>
    <message>
        <source>Host and password of a Heroku database change now and again: “heroku config” has those of today.</source>
        <translation>Host und Passwort einer Heroku-Datenbank ändern sich ab und zu: „heroku config“ zeigt die heutigen.</translation>
    </message>
    <message>
        <source>The direct host of a Supabase project has an IPv6 address only, unless it has the IPv4 add-on: use its session pooler. A project that is paused or removed has no host at all.</source>
        <translation>Der direkte Host eines Supabase-Projekts hat ohne das IPv4-Add-on nur eine IPv6-Adresse: den Session Pooler verwenden. Ein pausiertes oder entferntes Projekt hat gar keinen Host.</translation>
    </message>
    <message>
        <source>“supabase start” starts it, and “supabase status” tells where it answers.</source>
        <translation>„supabase start“ startet es, und „supabase status“ sagt, wo es antwortet.</translation>
    </message>
    <message>
        <source>The connection string cannot be read</source>
        <translation>Die Verbindungszeichenfolge ist nicht lesbar</translation>
    </message>
    <message>
        <source>it is neither a URL nor keyword=value pairs</source>
        <translation>sie ist weder eine URL noch besteht sie aus Paaren der Form Schlüssel=Wert</translation>
    </message>
    <message>
        <source>it is empty</source>
        <translation>das Feld ist leer</translation>
    </message>
    <message>
        <source>invalid connection option</source>
        <translation>ungültige Verbindungsoption</translation>
    </message>
    <message>
        <source>invalid integer value</source>
        <translation>ungültige Ganzzahl</translation>
    </message>
    <message>
        <source>invalid percent-encoded</source>
        <translation>ungültige Prozentkodierung</translation>
    </message>
    <message>
        <source>missing &quot;=&quot;</source>
        <translation>es fehlt ein „=“</translation>
    </message>
    <message>
        <source>Use postgresql://user:password@host:5432/database, or host=… user=… dbname=….</source>
        <translation>Verwendbar ist postgresql://user:password@host:5432/database oder host=… user=… dbname=….</translation>
    </message>
    <message>
        <source>%1 cannot be given in a connection string</source>
        <translation>%1 kann nicht in einer Verbindungszeichenfolge stehen</translation>
    </message>
    <message>
        <source>PostgreSQL&apos;s tools would need it in their command line, which all users can read</source>
        <translation>PostgreSQLs Werkzeuge bräuchten es in ihrer Befehlszeile, die alle Benutzer lesen können</translation>
    </message>
    <message>
        <source>Use a client key without a passphrase, readable by you alone.</source>
        <translation>Einen Client-Schlüssel ohne Passphrase verwenden, den niemand sonst lesen darf.</translation>
    </message>
    <message>
        <source>The other options cannot be read</source>
        <translation>Die weiteren Optionen sind nicht lesbar</translation>
    </message>
    <message>
        <source>Use keyword=value pairs with spaces between them.</source>
        <translation>Paare der Form Schlüssel=Wert mit Leerzeichen dazwischen verwenden.</translation>
    </message>
    <message>
        <source>There is already a project “%1”</source>
        <translation>Ein Projekt „%1“ gibt es schon</translation>
    </message>
    <message>
        <source>Choose another name, or remove that project first.</source>
        <translation>Einen anderen Namen wählen oder zuerst jenes Projekt entfernen.</translation>
    </message>
    <message>
        <source>There is no project “%1”</source>
        <translation>Ein Projekt „%1“ gibt es nicht</translation>
    </message>
    <message>
        <source>%1 cannot be a project&apos;s name</source>
        <translation>%1 kann kein Projektname sein</translation>
    </message>
    <message>
        <source>Use 1 to %1 letters, digits, signs and spaces, none at either end.</source>
        <translation>1 bis %1 Buchstaben, Ziffern, Zeichen und Leerzeichen verwenden, am Anfang und Ende keine Leerzeichen.</translation>
    </message>
    <message>
        <source>Another Holdfast is changing the settings</source>
        <translation>Ein anderes Holdfast ändert gerade die Einstellungen</translation>
    </message>
    <message>
        <source>Another Holdfast is using the catalog of backups</source>
        <translation>Ein anderes Holdfast verwendet gerade den Katalog der Sicherungen</translation>
    </message>
    <message>
        <source>Close the other one, then try again.</source>
        <translation>Das andere schließen, dann erneut versuchen.</translation>
    </message>
    <message>
        <source>“%1” does not have five fields</source>
        <translation>„%1“ hat nicht fünf Felder</translation>
    </message>
    <message>
        <source>The fields are minute, hour, day of the month, month, day of the week.</source>
        <translation>Die Felder sind Minute, Stunde, Tag des Monats, Monat, Wochentag.</translation>
    </message>
    <message>
        <source>“%1” never comes</source>
        <translation>„%1“ tritt nie ein</translation>
    </message>
    <message>
        <source>Choose a day that the months have.</source>
        <translation>Einen Tag wählen, den die Monate haben.</translation>
    </message>
    <message>
        <source>“%1” is not a cron expression</source>
        <translation>„%1“ ist kein Cron-Ausdruck</translation>
    </message>
    <message>
        <source>“%1” is no minute</source>
        <translation>„%1“ ist keine Minute</translation>
    </message>
    <message>
        <source>“%1” is no hour</source>
        <translation>„%1“ ist keine Stunde</translation>
    </message>
    <message>
        <source>“%1” is no day of the month</source>
        <translation>„%1“ ist kein Tag des Monats</translation>
    </message>
    <message>
        <source>“%1” is no month</source>
        <translation>„%1“ ist kein Monat</translation>
    </message>
    <message>
        <source>“%1” is no day of the week</source>
        <translation>„%1“ ist kein Wochentag</translation>
    </message>
    <message>
        <source>%1. Lists (1,2), ranges (1-5) and steps (*/2) can be used.</source>
        <translation>%1. Listen (1,2), Bereiche (1-5) und Schritte (*/2) sind möglich.</translation>
    </message>
    <message>
        <source>Minutes go from 0 to 59</source>
        <translation>Minuten gehen von 0 bis 59</translation>
    </message>
    <message>
        <source>Hours go from 0 to 23</source>
        <translation>Stunden gehen von 0 bis 23</translation>
    </message>
    <message>
        <source>Days go from 1 to 31; L is the last one</source>
        <translation>Tage gehen von 1 bis 31; L ist der letzte</translation>
    </message>
    <message>
        <source>Months go from 1 to 12 or JAN to DEC</source>
        <translation>Monate gehen von 1 bis 12 oder JAN bis DEC</translation>
    </message>
    <message>
        <source>Days of the week go from 0 (Sunday) to 7 (Sunday) or SUN to SAT</source>
        <translation>Wochentage gehen von 0 (Sonntag) bis 7 (Sonntag) oder SUN bis SAT</translation>
    </message>
    <message>
        <source>there is no time zone “%1”</source>
        <translation>eine Zeitzone „%1“ gibt es nicht</translation>
    </message>
    <message>
        <source>Names look like Europe/Berlin or UTC.</source>
        <translation>Namen lauten wie Europe/Berlin oder UTC.</translation>
    </message>
    <message>
        <source>“%1” is not a whole path</source>
        <translation>„%1“ ist kein vollständiger Pfad</translation>
    </message>
    <message>
        <source>Begin at the root.</source>
        <translation>Am Wurzelverzeichnis beginnen.</translation>
    </message>
    <message>
        <source>%1 is not a number from 0 to %2</source>
        <translation>%1 ist keine Zahl von 0 bis %2</translation>
    </message>
    <message>
        <source>0 switches the rule off.</source>
        <translation>0 schaltet die Regel aus.</translation>
    </message>
    <message>
        <source>The selection names something that the database does not have</source>
        <translation>Die Auswahl nennt etwas, das die Datenbank nicht hat</translation>
    </message>
    <message>
        <source>Names fold to lower case; put &quot;Mixed&quot; in double quotes. * and ? are wild.</source>
        <translation>Namen gelten in Kleinbuchstaben; &quot;Gemischte&quot; gehören in doppelte Anführungszeichen. * und ? sind Platzhalter.</translation>
    </message>
    <message>
        <source>%1 may not read %2 and %3 more</source>
        <translation>%1 darf %2 und %3 weitere nicht lesen</translation>
    </message>
    <message>
        <source>%1 may not read %2</source>
        <translation>%1 darf %2 nicht lesen</translation>
    </message>
    <message>
        <source>Row security would hide rows of %1 and %2 more from %3</source>
        <translation>Row Security würde Zeilen von %1 und %2 weiteren vor %3 verbergen</translation>
    </message>
    <message>
        <source>Row security would hide rows of %1 from %2</source>
        <translation>Row Security würde Zeilen von %1 vor %2 verbergen</translation>
    </message>
    <message>
        <source>Back up as the tables&apos; owner, as a superuser, or as a role with BYPASSRLS.</source>
        <translation>Als Eigentümer der Tabellen, als Superuser oder als Rolle mit BYPASSRLS sichern.</translation>
    </message>
    <message>
        <source>Grant it SELECT on what is named (or the role pg_read_all_data), or leave that out.</source>
        <translation>Ihr SELECT auf das Genannte (oder die Rolle pg_read_all_data) geben oder es auslassen.</translation>
    </message>
    <message>
        <source>PostgreSQL cannot write rows whose text form is over 1 GB (bytea doubles): split the value.</source>
        <translation>PostgreSQL kann keine Zeilen schreiben, deren Textform über 1 GB liegt (bytea verdoppelt sich): den Wert aufteilen.</translation>
    </message>
    <message>
        <source>The folder has too little space for this backup</source>
        <translation>Der Ordner hat zu wenig Platz für diese Sicherung</translation>
    </message>
    <message>
        <source>%1 has %2 bytes left, the backup needs about %3</source>
        <translation>%1 hat noch %2 Bytes frei, die Sicherung braucht etwa %3</translation>
    </message>
    <message>
        <source>%1 has %2 bytes left</source>
        <translation>%1 hat noch %2 Bytes frei</translation>
    </message>
    <message>
        <source>Free some space or choose another folder, then start again.</source>
        <translation>Platz schaffen oder einen anderen Ordner wählen, dann erneut beginnen.</translation>
    </message>
    <message>
        <source>The folder cannot be used</source>
        <translation>Der Ordner ist nicht verwendbar</translation>
    </message>
    <message>
        <source>Connect the disk that it is on, create it, or choose another folder.</source>
        <translation>Den Datenträger anschließen, auf dem er liegt, ihn anlegen oder einen anderen wählen.</translation>
    </message>
    <message>
        <source>The server runs PostgreSQL %1, which is newer than every tool here</source>
        <translation>Der Server hat PostgreSQL %1, neuer als jedes Werkzeug hier</translation>
    </message>
    <message>
        <source>No PostgreSQL tool here can reach a PostgreSQL %1 server over TLS</source>
        <translation>Kein PostgreSQL-Werkzeug hier kann einen Server mit PostgreSQL %1 über TLS erreichen</translation>
    </message>
    <message>
        <source>No working PostgreSQL tools were found</source>
        <translation>Es wurden keine funktionierenden PostgreSQL-Werkzeuge gefunden</translation>
    </message>
    <message>
        <source>No PostgreSQL server of version %1 or newer is here to prove the backup with</source>
        <translation>Hier ist kein PostgreSQL-Server der Version %1 oder neuer, um die Sicherung nachzuweisen</translation>
    </message>
    <message>
        <source>Found without TLS: %1</source>
        <translation>Gefunden ohne TLS: %1</translation>
    </message>
    <message>
        <source>Servers found: %1</source>
        <translation>Gefundene Server: %1</translation>
    </message>
    <message>
        <source>Found: %1</source>
        <translation>Gefunden: %1</translation>
    </message>
    <message>
        <source>Install newer tools with “brew install postgresql@%1”.</source>
        <translation>Neuere Werkzeuge mit „brew install postgresql@%1“ installieren.</translation>
    </message>
    <message>
        <source>Install PostgreSQL %1 or newer from %2.</source>
        <translation>PostgreSQL %1 oder neuer von %2 installieren.</translation>
    </message>
    <message>
        <source>Install newer tools: on Debian and Ubuntu “sudo apt install %1”, with %2 as a source where the system&apos;s own are older; on Red Hat and Fedora “sudo dnf install %3” from %4.</source>
        <translation>Neuere Werkzeuge installieren: auf Debian und Ubuntu „sudo apt install %1“, mit %2 als Quelle, wo die des Systems älter sind; auf Red Hat und Fedora „sudo dnf install %3“ von %4.</translation>
    </message>
    <message>
        <source>The keyring does not work</source>
        <translation>Der Schlüsselbund funktioniert nicht</translation>
    </message>
    <message>
        <source>There is no keyring for the password</source>
        <translation>Es gibt keinen Schlüsselbund für das Passwort</translation>
    </message>
    <message>
        <source>The password is not text, so the keyring cannot store it</source>
        <translation>Das Passwort ist kein Text, darum kann der Schlüsselbund es nicht speichern</translation>
    </message>
    <message>
        <source>The password is too long for the Windows keyring</source>
        <translation>Das Passwort ist zu lang für den Schlüsselbund von Windows</translation>
    </message>
    <message>
        <source>The keyring is locked, so the password cannot follow the new name</source>
        <translation>Der Schlüsselbund ist gesperrt, darum kann das Passwort dem neuen Namen nicht folgen</translation>
    </message>
    <message>
        <source>Unlock it, then save again; or enter the password here.</source>
        <translation>Ihn entsperren, dann erneut speichern; oder das Passwort hier eingeben.</translation>
    </message>
    <message>
        <source>The mail server did not answer within %1 seconds</source>
        <translation>Der Mailserver hat nicht innerhalb von %1 Sekunden geantwortet</translation>
    </message>
    <message>
        <source>The web server did not answer within %1 seconds</source>
        <translation>Der Webserver hat nicht innerhalb von %1 Sekunden geantwortet</translation>
    </message>
    <message>
        <source>The web server sends us to another address</source>
        <translation>Der Webserver schickt uns zu einer anderen Adresse</translation>
    </message>
    <message>
        <source>The mail server shows a certificate that is not trusted</source>
        <translation>Der Mailserver zeigt ein Zertifikat, dem nicht vertraut wird</translation>
    </message>
    <message>
        <source>The web server shows a certificate that is not trusted</source>
        <translation>Der Webserver zeigt ein Zertifikat, dem nicht vertraut wird</translation>
    </message>
    <message>
        <source>The mail server does not speak TLS there</source>
        <translation>Der Mailserver spricht dort kein TLS</translation>
    </message>
    <message>
        <source>The web server does not speak TLS there</source>
        <translation>Der Webserver spricht dort kein TLS</translation>
    </message>
    <message>
        <source>The mail server refused the sign-in</source>
        <translation>Der Mailserver hat die Anmeldung abgelehnt</translation>
    </message>
    <message>
        <source>The mail server does not offer what is asked for</source>
        <translation>Der Mailserver bietet das Verlangte nicht an</translation>
    </message>
    <message>
        <source>The mail server ended the connection</source>
        <translation>Der Mailserver hat die Verbindung beendet</translation>
    </message>
    <message>
        <source>The mail server refused every address</source>
        <translation>Der Mailserver hat jede Adresse abgelehnt</translation>
    </message>
    <message>
        <source>The mail server refused the sender</source>
        <translation>Der Mailserver hat den Absender abgelehnt</translation>
    </message>
    <message>
        <source>The mail server refused the message</source>
        <translation>Der Mailserver hat die Nachricht abgelehnt</translation>
    </message>
    <message>
        <source>The web server gave an answer that is none</source>
        <translation>Der Webserver hat keine verständliche Antwort gegeben</translation>
    </message>
    <message>
        <source>The mail server cannot be reached</source>
        <translation>Der Mailserver ist nicht erreichbar</translation>
    </message>
    <message>
        <source>The web server cannot be reached</source>
        <translation>Der Webserver ist nicht erreichbar</translation>
    </message>
    <message>
        <source>There is no computer of that name</source>
        <translation>Einen Computer dieses Namens gibt es nicht</translation>
    </message>
    <message>
        <source>Nothing answers at the port of the mail server</source>
        <translation>Am Port des Mailservers antwortet nichts</translation>
    </message>
    <message>
        <source>Nothing answers at the port of the web server</source>
        <translation>Am Port des Webservers antwortet nichts</translation>
    </message>
    <message>
        <source>The web server answered %1</source>
        <translation>Der Webserver hat mit %1 geantwortet</translation>
    </message>
    <message>
        <source>%1 and %2 more</source>
        <translation>%1 und %2 weitere</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <translation>%1: %2</translation>
    </message>
    <message>
        <source>The server is a standby, which cannot be written to</source>
        <translation>Der Server ist ein Standby, in den nicht geschrieben werden kann</translation>
    </message>
    <message>
        <source>The source is from PostgreSQL %1, the target is %2</source>
        <translation>Die Quelle ist von PostgreSQL %1, das Ziel ist %2</translation>
    </message>
    <message>
        <source>What the older server does not know will fail</source>
        <translation>Was der ältere Server nicht kennt, wird fehlschlagen</translation>
    </message>
    <message>
        <source>Large objects do not come along with a selection</source>
        <translation>Large Objects kommen bei einer Auswahl nicht mit</translation>
    </message>
    <message>
        <source>They belong to no table</source>
        <translation>Sie gehören zu keiner Tabelle</translation>
    </message>
    <message>
        <source>%1 is a superuser, and the source is not a Holdfast backup</source>
        <translation>%1 ist Superuser, und die Quelle ist keine Sicherung von Holdfast</translation>
    </message>
    <message>
        <source>%1 is a superuser</source>
        <translation>%1 ist Superuser</translation>
    </message>
    <message>
        <source>What the source holds may do anything to the server while it is restored</source>
        <translation>Was die Quelle enthält, kann beim Wiederherstellen alles mit dem Server tun</translation>
    </message>
    <message>
        <source>Restore what you do not trust as another role.</source>
        <translation>Nicht Vertrauenswürdiges als andere Rolle wiederherstellen.</translation>
    </message>
    <message>
        <source>Unless you trust whoever made it, restore as a role with CREATEDB and is not a superuser, or into a sandbox first.</source>
        <translation>Ist ihr Urheber nicht vertrauenswürdig, als Rolle wiederherstellen, die CREATEDB hat und kein Superuser ist, oder zuerst in eine Sandbox.</translation>
    </message>
    <message>
        <source>Unless you trust whoever made it, restore as a role that owns %1 and is not a superuser, or into a sandbox first.</source>
        <translation>Ist ihr Urheber nicht vertrauenswürdig, als Rolle wiederherstellen, der %1 gehört und die kein Superuser ist, oder zuerst in eine Sandbox.</translation>
    </message>
    <message>
        <source>There is a database %1 already</source>
        <translation>Eine Datenbank %1 gibt es schon</translation>
    </message>
    <message>
        <source>Choose another name, or restore into it with --into.</source>
        <translation>Einen anderen Namen wählen oder in sie wiederherstellen.</translation>
    </message>
    <message>
        <source>%1 may not create databases</source>
        <translation>%1 darf keine Datenbanken anlegen</translation>
    </message>
    <message>
        <source>Ask for CREATEDB, or restore into an empty database with --into.</source>
        <translation>Um CREATEDB bitten oder in eine leere Datenbank wiederherstellen.</translation>
    </message>
    <message>
        <source>PostgreSQL %1 does not have the source’s locale %2</source>
        <translation>PostgreSQL %1 hat die Locale %2 der Quelle nicht</translation>
    </message>
    <message>
        <source>The new database sorts text in the same order, with the locale C; upper and lower case of letters beyond A to Z may differ</source>
        <translation>Die neue Datenbank sortiert Text in derselben Reihenfolge, mit der Locale C; Groß- und Kleinschreibung jenseits von A bis Z kann abweichen</translation>
    </message>
    <message>
        <source>The target may lack the source’s locale %1</source>
        <translation>Dem Ziel fehlt vielleicht die Locale %1 der Quelle</translation>
    </message>
    <message>
        <source>Without it the new database gets the server’s own, and text may sort in another order</source>
        <translation>Ohne sie bekommt die neue Datenbank die des Servers, und Text kann anders sortiert sein</translation>
    </message>
    <message>
        <source>The database %1 is read-only</source>
        <translation>Die Datenbank %1 ist schreibgeschützt</translation>
    </message>
    <message>
        <source>Its default_transaction_read_only is on; a provider sets that when the disk is full.</source>
        <translation>Ihr default_transaction_read_only ist eingeschaltet; Anbieter tun das, wenn der Datenträger voll ist.</translation>
    </message>
    <message>
        <source>The source’s text is %1, the target’s is %2</source>
        <translation>Der Text der Quelle ist %1, der des Ziels %2</translation>
    </message>
    <message>
        <source>A character that the target’s encoding does not have makes the restore fail</source>
        <translation>Ein Zeichen, das die Kodierung des Ziels nicht hat, lässt das Wiederherstellen fehlschlagen</translation>
    </message>
    <message>
        <source>1 other session in the target</source>
        <translation>1 andere Sitzung im Ziel</translation>
    </message>
    <message>
        <source>%1 other sessions in the target</source>
        <translation>%1 andere Sitzungen im Ziel</translation>
    </message>
    <message>
        <source>What they write after the safety backup was taken is lost: stop them first.</source>
        <translation>Was sie nach der Sicherheitskopie schreiben, geht verloren: sie zuerst anhalten.</translation>
    </message>
    <message>
        <source>One transaction needs about %1 locks; the server has room for %2</source>
        <translation>Eine einzige Transaktion braucht etwa %1 Sperren; der Server hat Platz für %2</translation>
    </message>
    <message>
        <source>Restore into a new database, use --jobs 2, or raise max_locks_per_transaction.</source>
        <translation>In eine neue Datenbank wiederherstellen, --jobs 2 wählen oder max_locks_per_transaction erhöhen.</translation>
    </message>
    <message>
        <source>1 object of the target is in the way</source>
        <translation>1 Objekt des Ziels ist im Weg</translation>
    </message>
    <message>
        <source>%1 objects of the target are in the way</source>
        <translation>%1 Objekte des Ziels sind im Weg</translation>
    </message>
    <message>
        <source>Replace them with --clean, or restore into a new database with --new-database.</source>
        <translation>Sie mit --clean überschreiben oder in eine neue Datenbank wiederherstellen.</translation>
    </message>
    <message>
        <source>Objects of another kind are in the way</source>
        <translation>Objekte anderer Art sind im Weg</translation>
    </message>
    <message>
        <source>Rename or drop them first.</source>
        <translation>Sie zuerst umbenennen oder löschen.</translation>
    </message>
    <message>
        <source>%1 does not own what it would have to replace</source>
        <translation>%1 gehört nicht, was zu ersetzen wäre</translation>
    </message>
    <message>
        <source>Objects of extensions are in the way</source>
        <translation>Objekte von Erweiterungen sind im Weg</translation>
    </message>
    <message>
        <source>Objects of the target that are not in the source need what would be replaced</source>
        <translation>Objekte des Ziels, die nicht in der Quelle sind, brauchen, was ersetzt würde</translation>
    </message>
    <message>
        <source>Drop them first, or restore into a new database with --new-database.</source>
        <translation>Sie zuerst löschen oder in eine neue Datenbank wiederherstellen.</translation>
    </message>
    <message>
        <source>Large objects of the target have the numbers of those in the source</source>
        <translation>Large Objects des Ziels haben die Nummern derer in der Quelle</translation>
    </message>
    <message>
        <source>%1 may not create anything in the schema %2</source>
        <translation>%1 darf im Schema %2 nichts anlegen</translation>
    </message>
    <message>
        <source>The target has no schema %1, and the source does not create it</source>
        <translation>Das Ziel hat kein Schema %1, und die Quelle legt es nicht an</translation>
    </message>
    <message>
        <source>The role %1 may not create the schema %2</source>
        <translation>Die Rolle %1 darf das Schema %2 nicht anlegen</translation>
    </message>
    <message>
        <source>The extension %1 is in the schema %2 of the target</source>
        <translation>Die Erweiterung %1 liegt im Schema %2 des Ziels</translation>
    </message>
    <message>
        <source>The source expects it in %1</source>
        <translation>Die Quelle erwartet sie in %1</translation>
    </message>
    <message>
        <source>The extension %1 cannot be had on the target: %2</source>
        <translation>Die Erweiterung %1 ist auf dem Ziel nicht zu haben: %2</translation>
    </message>
    <message>
        <source>the target&apos;s server does not have this extension</source>
        <translation>der Server des Ziels hat diese Erweiterung nicht</translation>
    </message>
    <message>
        <source>Install it there first, or have a superuser run CREATE EXTENSION %1.</source>
        <translation>Sie dort zuerst installieren oder einen Superuser CREATE EXTENSION %1 ausführen lassen.</translation>
    </message>
    <message>
        <source>Needed by %1</source>
        <translation>Benötigt von %1</translation>
    </message>
    <message>
        <source>Nothing else in the source needs it</source>
        <translation>Sonst braucht sie nichts in der Quelle</translation>
    </message>
    <message>
        <source>Tables cannot be restored because of what they need</source>
        <translation>Tabellen können nicht wiederhergestellt werden, weil fehlt, was sie brauchen</translation>
    </message>
    <message>
        <source>Rows of extensions that the target will not have are left out</source>
        <translation>Zeilen von Erweiterungen, die das Ziel nicht haben wird, werden ausgelassen</translation>
    </message>
    <message>
        <source>Install the extension on the target first, and they come along.</source>
        <translation>Die Erweiterung zuerst auf dem Ziel installieren, dann kommen sie mit.</translation>
    </message>
    <message>
        <source>Left out: %1</source>
        <translation>Ausgelassen: %1</translation>
    </message>
    <message>
        <source>Subscriptions are restored switched off</source>
        <translation>Abonnements werden ausgeschaltet wiederhergestellt</translation>
    </message>
    <message>
        <source>The target has no collation %1</source>
        <translation>Das Ziel hat keine Sortierfolge %1</translation>
    </message>
    <message>
        <source>The server was built without ICU, or its system lacks the locale.</source>
        <translation>Der Server wurde ohne ICU gebaut, oder seinem System fehlt die Locale.</translation>
    </message>
    <message>
        <source>Rights that were taken from everybody stay: %1</source>
        <translation>Rechte, die allen entzogen wurden, bleiben: %1</translation>
    </message>
    <message>
        <source>the target has no role %1</source>
        <translation>das Ziel hat keine Rolle %1</translation>
    </message>
    <message>
        <source>the target has no roles %1</source>
        <translation>das Ziel hat die Rollen %1 nicht</translation>
    </message>
    <message>
        <source>Not all that belongs to the source&apos;s database itself is carried over</source>
        <translation>Nicht alles, was zur Datenbank der Quelle selbst gehört, wird übernommen</translation>
    </message>
    <message>
        <source>Set what you need for the new database.</source>
        <translation>Für die neue Datenbank einstellen, was gebraucht wird.</translation>
    </message>
    <message>
        <source>The source’s role %1 will not be made</source>
        <translation>Die Rolle %1 der Quelle wird nicht angelegt</translation>
    </message>
    <message>
        <source>The source’s roles %1 will not be made</source>
        <translation>Die Rollen %1 der Quelle werden nicht angelegt</translation>
    </message>
    <message>
        <source>Nothing that is restored needs them</source>
        <translation>Nichts davon braucht sie</translation>
    </message>
    <message>
        <source>%1 changes tables of the target that are not its own</source>
        <translation>%1 ändert Tabellen des Ziels, die nicht dazugehören</translation>
    </message>
    <message>
        <source>If you did not expect that, restore it into a new database.</source>
        <translation>Ist das unerwartet, in eine neue Datenbank wiederherstellen.</translation>
    </message>
    <message>
        <source>Tables cannot be emptied while the archive is read from a packed file</source>
        <translation>Tabellen können nicht geleert werden, während das Archiv aus einer gepackten Datei gelesen wird</translation>
    </message>
    <message>
        <source>Unpack it first.</source>
        <translation>Sie zuerst entpacken.</translation>
    </message>
    <message>
        <source>Rows are added to those that 1 table of the target have</source>
        <translation>Zeilen kommen zu denen hinzu, die 1 Tabelle des Ziels hat</translation>
    </message>
    <message>
        <source>Rows are added to those that %1 tables of the target have</source>
        <translation>Zeilen kommen zu denen hinzu, die %1 Tabellen des Ziels haben</translation>
    </message>
    <message>
        <source>Rows that are there already violate keys; --clean empties the tables first.</source>
        <translation>Schon vorhandene Zeilen verletzen Schlüssel; --clean leert die Tabellen zuerst.</translation>
    </message>
    <message>
        <source>Foreign keys go round in a circle</source>
        <translation>Fremdschlüssel gehen im Kreis</translation>
    </message>
    <message>
        <source>The target does not have %1</source>
        <translation>Das Ziel hat %1 nicht</translation>
    </message>
    <message>
        <source>Restore everything, or the definitions first with --what schema.</source>
        <translation>Alles wiederherstellen oder zuerst die Definitionen, mit --what schema.</translation>
    </message>
    <message>
        <source>Row security lets %1 copy nothing into table %2</source>
        <translation>Row Security lässt %1 nichts in die Tabelle %2 kopieren</translation>
    </message>
    <message>
        <source>Row security lets %1 copy nothing into tables %2</source>
        <translation>Row Security lässt %1 nichts in die Tabellen %2 kopieren</translation>
    </message>
    <message>
        <source>Restore as the tables’ owner, or as a role with BYPASSRLS.</source>
        <translation>Als Eigentümer der Tabellen oder als Rolle mit BYPASSRLS wiederherstellen.</translation>
    </message>
    <message>
        <source>Restore as a role with BYPASSRLS, which postgres has.</source>
        <translation>Als Rolle mit BYPASSRLS wiederherstellen; postgres hat es.</translation>
    </message>
    <message>
        <source>Tables with rows refer to tables that would be emptied</source>
        <translation>Tabellen mit Zeilen verweisen auf Tabellen, die geleert würden</translation>
    </message>
    <message>
        <source>%1 does not own what would be emptied</source>
        <translation>%1 gehört nicht, was geleert würde</translation>
    </message>
    <message>
        <source>%1 does not own what the script drops</source>
        <translation>%1 gehört nicht, was das Skript löscht</translation>
    </message>
    <message>
        <source>Objects of the target need what the script drops</source>
        <translation>Objekte des Ziels brauchen, was das Skript löscht</translation>
    </message>
    <message>
        <source>Let it with --clean, or restore into a new database with --new-database.</source>
        <translation>Es mit --clean zulassen oder in eine neue Datenbank wiederherstellen.</translation>
    </message>
    <message>
        <source>Let it with --clean.</source>
        <translation>Es mit --clean zulassen.</translation>
    </message>
    <message>
        <source>%1 has commands that are never run</source>
        <translation>%1 enthält Befehle, die nie ausgeführt werden</translation>
    </message>
    <message>
        <source>Take them out, if you know what they are for.</source>
        <translation>Sie entfernen, wenn bekannt ist, wozu sie dienen.</translation>
    </message>
    <message>
        <source>%1 reaches for the server&apos;s programs, files or settings</source>
        <translation>%1 greift auf Programme, Dateien oder Einstellungen des Servers zu</translation>
    </message>
    <message>
        <source>Restore it only when you trust where it comes from; --allow-server-access lets it pass.</source>
        <translation>Nur wiederherstellen, wenn die Herkunft vertrauenswürdig ist; über die Befehlszeile lässt es sich zulassen.</translation>
    </message>
    <message>
        <source>%1 does more than make objects</source>
        <translation>%1 tut mehr, als Objekte anzulegen</translation>
    </message>
    <message>
        <source>The archive holds a link to another file</source>
        <translation>Das Archiv enthält einen Verweis auf eine andere Datei</translation>
    </message>
    <message>
        <source>pg_dump makes no links: it was changed, do not use it.</source>
        <translation>pg_dump legt keine Verweise an: Es wurde verändert, nicht verwenden.</translation>
    </message>
    <message>
        <source>The archive is not whole</source>
        <translation>Das Archiv ist nicht vollständig</translation>
    </message>
    <message>
        <source>Get another copy of it, with all of its files.</source>
        <translation>Eine andere Kopie davon beschaffen, mit allen Dateien.</translation>
    </message>
    <message>
        <source>Get another copy of it.</source>
        <translation>Eine andere Kopie davon beschaffen.</translation>
    </message>
    <message>
        <source>It is cut off</source>
        <translation>Es ist abgeschnitten</translation>
    </message>
    <message>
        <source>The archive has statements that pg_dump does not write</source>
        <translation>Das Archiv hat Anweisungen, die pg_dump nicht schreibt</translation>
    </message>
    <message>
        <source>It was changed: do not use it.</source>
        <translation>Es wurde verändert: nicht verwenden.</translation>
    </message>
    <message>
        <source>%1 is cut short</source>
        <translation>%1 ist abgeschnitten</translation>
    </message>
    <message>
        <source>pg_dump&apos;s last line is missing.</source>
        <translation>Die letzte Zeile von pg_dump fehlt.</translation>
    </message>
    <message>
        <source>%1 undoes some of what it does</source>
        <translation>%1 macht einen Teil seiner Änderungen rückgängig</translation>
    </message>
    <message>
        <source>Line %1: %2</source>
        <translation>Zeile %1: %2</translation>
    </message>
    <message>
        <source>Restore it into a new database.</source>
        <translation>In eine neue Datenbank wiederherstellen.</translation>
    </message>
    <message>
        <source>%1 cannot be restored in one transaction</source>
        <translation>%1 kann nicht in einer einzigen Transaktion wiederhergestellt werden</translation>
    </message>
    <message>
        <source>Restore it into a new database, or with --jobs 2, which goes on after errors.</source>
        <translation>In eine neue Datenbank wiederherstellen oder mit --jobs 2, das nach Fehlern weitermacht.</translation>
    </message>
    <message>
        <source>Triggers keep still while the rows are loaded, which come back as they were in the source</source>
        <translation>Trigger ruhen, während die Zeilen geladen werden; sie kommen zurück, wie sie in der Quelle waren</translation>
    </message>
    <message>
        <source>Foreign keys are not checked while the rows are loaded, but afterwards</source>
        <translation>Fremdschlüssel werden nicht beim Laden der Zeilen geprüft, sondern danach</translation>
    </message>
    <message>
        <source>A key that does not hold undoes the restore.</source>
        <translation>Ein verletzter Schlüssel macht das Wiederherstellen rückgängig.</translation>
    </message>
    <message>
        <source>A key that does not hold is named; the rows stay.</source>
        <translation>Ein verletzter Schlüssel wird genannt; die Zeilen bleiben.</translation>
    </message>
    <message>
        <source>Triggers fire while rows are loaded, and may change the rows</source>
        <translation>Trigger lösen aus, während Zeilen geladen werden, und können die Zeilen ändern</translation>
    </message>
    <message>
        <source>Restore as the owner of the tables, in one transaction, or as a superuser.</source>
        <translation>Als Eigentümer der Tabellen, in einer einzigen Transaktion oder als Superuser wiederherstellen.</translation>
    </message>
    <message>
        <source>What the target&apos;s objects have and the source&apos;s do not goes when they are replaced</source>
        <translation>Was nur die Objekte des Ziels haben und die der Quelle nicht, geht beim Ersetzen verloren</translation>
    </message>
    <message>
        <source>Make it again afterwards where it is needed; the safety backup has it.</source>
        <translation>Es danach neu anlegen, wo es gebraucht wird; die Sicherheitskopie hat es.</translation>
    </message>
    <message>
        <source>Restored into PostgreSQL %1; the backup is of PostgreSQL %2.</source>
        <translation>In PostgreSQL %1 wiederhergestellt; die Sicherung ist von PostgreSQL %2.</translation>
    </message>
    <message>
        <source>The server did not count the rows of every table when they were dumped.</source>
        <translation>Der Server hat beim Dump nicht die Zeilen jeder Tabelle gezählt.</translation>
    </message>
    <message>
        <source>The selection does not restore by itself: %1.</source>
        <translation>Die Auswahl lässt sich allein nicht wiederherstellen: %1.</translation>
    </message>
    <message>
        <source>Not proven: the rows of %1 were not compared: %2.</source>
        <translation>Nicht nachgewiesen: die Zeilen von %1 wurden nicht verglichen: %2.</translation>
    </message>
    <message>
        <source>it did not come back as it was</source>
        <translation>es kam nicht so zurück, wie es war</translation>
    </message>
    <message>
        <source>it did not come back</source>
        <translation>es kam nicht zurück</translation>
    </message>
    <message>
        <source>it is not in the backup</source>
        <translation>es ist nicht in der Sicherung</translation>
    </message>
    <message>
        <source>its bytes are not the same</source>
        <translation>seine Bytes sind nicht dieselben</translation>
    </message>
    <message>
        <source>its definition came back changed</source>
        <translation>seine Definition kam verändert zurück</translation>
    </message>
    <message>
        <source>another major version writes its definition differently</source>
        <translation>eine andere Hauptversion schreibt seine Definition anders</translation>
    </message>
    <message>
        <source>the manifest does not tell of these rows</source>
        <translation>das Manifest nennt diese Zeilen nicht</translation>
    </message>
    <message>
        <source>The target is a Supabase project: 1 object of its platform stay as it has them</source>
        <translation>Das Ziel ist ein Supabase-Projekt: 1 Objekt seiner Plattform bleibt, wie es dort ist</translation>
    </message>
    <message>
        <source>The target is a Supabase project: %1 objects of its platform stay as it has them</source>
        <translation>Das Ziel ist ein Supabase-Projekt: %1 Objekte seiner Plattform bleiben, wie sie dort sind</translation>
    </message>
    <message>
        <source>Rows are left out: %1</source>
        <translation>Zeilen werden ausgelassen: %1</translation>
    </message>
    <message>
        <source>Schedule jobs again: SELECT cron.schedule(&apos;name&apos;, &apos;0 3 * * *&apos;, &apos;SELECT …&apos;);</source>
        <translation>Aufträge neu planen: SELECT cron.schedule(&apos;name&apos;, &apos;0 3 * * *&apos;, &apos;SELECT …&apos;);</translation>
    </message>
    <message>
        <source>1 secret of the Vault cannot be restored</source>
        <translation>1 Geheimnis des Vault kann nicht wiederhergestellt werden</translation>
    </message>
    <message>
        <source>%1 secrets of the Vault cannot be restored</source>
        <translation>%1 Geheimnisse des Vault können nicht wiederhergestellt werden</translation>
    </message>
    <message>
        <source>They are encrypted with a key of the source’s project</source>
        <translation>Sie sind mit einem Schlüssel des Projekts der Quelle verschlüsselt</translation>
    </message>
    <message>
        <source>Make them again: SELECT vault.create_secret(&apos;…&apos;, &apos;name&apos;);</source>
        <translation>Sie neu anlegen: SELECT vault.create_secret(&apos;…&apos;, &apos;name&apos;);</translation>
    </message>
    <message>
        <source>A Supabase project is restored in one transaction, by one session</source>
        <translation>Ein Supabase-Projekt wird in einer einzigen Transaktion und Sitzung wiederhergestellt</translation>
    </message>
    <message>
        <source>What is done about roles, rights and triggers is undone with the rest if anything fails</source>
        <translation>Was an Rollen, Rechten und Triggern geschieht, wird bei einem Fehler mit dem Rest rückgängig gemacht</translation>
    </message>
    <message>
        <source>%1 may not keep the platform’s triggers still</source>
        <translation>%1 darf die Trigger der Plattform nicht ruhen lassen</translation>
    </message>
    <message>
        <source>Rows of %1 would fire them</source>
        <translation>Zeilen von %1 würden sie auslösen</translation>
    </message>
    <message>
        <source>The rows of 1 table of the platform are deleted first</source>
        <translation>Die Zeilen von 1 Tabelle der Plattform werden zuerst gelöscht</translation>
    </message>
    <message>
        <source>The rows of %1 tables of the platform are deleted first</source>
        <translation>Die Zeilen von %1 Tabellen der Plattform werden zuerst gelöscht</translation>
    </message>
    <message>
        <source>Rows are added to those that 1 table of the platform have</source>
        <translation>Zeilen kommen zu denen hinzu, die 1 Tabelle der Plattform hat</translation>
    </message>
    <message>
        <source>Rows are added to those that %1 tables of the platform have</source>
        <translation>Zeilen kommen zu denen hinzu, die %1 Tabellen der Plattform haben</translation>
    </message>
    <message>
        <source>Rows that are there already violate keys; --clean deletes them first.</source>
        <translation>Schon vorhandene Zeilen verletzen Schlüssel; --clean löscht sie zuerst.</translation>
    </message>
    <message>
        <source>Triggers fire even so, as they are enabled always or for replicas</source>
        <translation>Trigger lösen trotzdem aus, da sie immer oder für Replikate eingeschaltet sind</translation>
    </message>
    <message>
        <source>Triggers come along whose functions may need what is not restored</source>
        <translation>Es kommen Trigger mit, deren Funktionen vielleicht brauchen, was nicht wiederhergestellt wird</translation>
    </message>
    <message>
        <source>Select that, too, or restore the rows alone.</source>
        <translation>Es ebenfalls auswählen oder nur die Zeilen wiederherstellen.</translation>
    </message>
    <message>
        <source>The project has no column %1</source>
        <translation>Das Projekt hat keine Spalte %1</translation>
    </message>
    <message>
        <source>The project has no columns %1</source>
        <translation>Das Projekt hat die Spalten %1 nicht</translation>
    </message>
    <message>
        <source>Its platform is older than the source’s</source>
        <translation>Seine Plattform ist älter als die der Quelle</translation>
    </message>
    <message>
        <source>Update the project in Supabase’s dashboard, or take a newer one.</source>
        <translation>Das Projekt im Dashboard von Supabase aktualisieren oder ein neueres nehmen.</translation>
    </message>
    <message>
        <source>Rights on objects of the platform are left out</source>
        <translation>Rechte an Objekten der Plattform werden ausgelassen</translation>
    </message>
    <message>
        <source>Make the roles first where they are missing; other rights only the platform may give.</source>
        <translation>Fehlende Rollen zuerst anlegen; andere Rechte kann nur die Plattform geben.</translation>
    </message>
    <message>
        <source>Those of the source take their place at the end.</source>
        <translation>Die der Quelle treten am Ende an ihre Stelle.</translation>
    </message>
    <message>
        <source>Set the passwords of role %1 again</source>
        <translation>Das Passwort der Rolle %1 neu setzen</translation>
    </message>
    <message>
        <source>Set the passwords of roles %1 again</source>
        <translation>Die Passwörter der Rollen %1 neu setzen</translation>
    </message>
    <message>
        <source>A backup made by a project’s own role has no passwords</source>
        <translation>Eine Sicherung durch die eigene Rolle eines Projekts enthält keine Passwörter</translation>
    </message>
    <message>
        <source>Memberships and settings of roles are left out that only the platform may give</source>
        <translation>Mitgliedschaften und Einstellungen von Rollen, die nur die Plattform geben kann, werden ausgelassen</translation>
    </message>
    <message>
        <source>the platform’s own event trigger, which a project has by itself</source>
        <translation>ein Event-Trigger der Plattform, den ein Projekt von selbst hat</translation>
    </message>
    <message>
        <source>default privileges of the platform’s own role stay as the project has them</source>
        <translation>Standardrechte der Rolle der Plattform bleiben, wie das Projekt sie hat</translation>
    </message>
    <message>
        <source>an extension brings its own comment</source>
        <translation>eine Erweiterung bringt ihren Kommentar mit</translation>
    </message>
    <message>
        <source>every project has it; the source’s tables are added to it</source>
        <translation>jedes Projekt hat sie; die Tabellen der Quelle kommen dazu</translation>
    </message>
    <message>
        <source>the project’s publication has it already</source>
        <translation>die Publikation des Projekts hat sie schon</translation>
    </message>
    <message>
        <source>secrets are encrypted with a key of the source’s project</source>
        <translation>Geheimnisse sind mit einem Schlüssel des Projekts der Quelle verschlüsselt</translation>
    </message>
    <message>
        <source>the project has no such table: its platform is of another version</source>
        <translation>das Projekt hat keine solche Tabelle: Seine Plattform ist von anderer Version</translation>
    </message>
    <message>
        <source>the project’s role may not write them, or their extension is not there yet</source>
        <translation>die Rolle des Projekts darf sie nicht schreiben, oder ihre Erweiterung ist noch nicht da</translation>
    </message>
    <message>
        <source>the project’s role may not write them</source>
        <translation>die Rolle des Projekts darf sie nicht schreiben</translation>
    </message>
    <message>
        <source>rows of the platform, of which the project has its own</source>
        <translation>Zeilen der Plattform, von denen das Projekt eigene hat</translation>
    </message>
    <message>
        <source>the platform’s own, which a project has by itself</source>
        <translation>von der Plattform, ein Projekt hat es von selbst</translation>
    </message>
    <message>
        <source>nobody but the platform may create anything in its schema</source>
        <translation>in ihrem Schema darf nur die Plattform etwas anlegen</translation>
    </message>
    <message>
        <source>the project’s platform does not have it</source>
        <translation>die Plattform des Projekts hat es nicht</translation>
    </message>
    <message>
        <source>it was not asked for</source>
        <translation>es wurde nicht verlangt</translation>
    </message>
</context>
<context>
    <name>error</name>
    <message>
        <source>Something that was given cannot be used</source>
        <translation>Eine Angabe ist so nicht verwendbar</translation>
    </message>
    <message>
        <source>There is no such project</source>
        <translation>Ein solches Projekt gibt es nicht</translation>
    </message>
    <message>
        <source>The host was not found</source>
        <translation>Der Host wurde nicht gefunden</translation>
    </message>
    <message>
        <source>Check how its name is written, and the network.</source>
        <translation>Schreibweise des Namens und Netzwerk prüfen.</translation>
    </message>
    <message>
        <source>The server cannot be reached from this network</source>
        <translation>Der Server ist aus diesem Netzwerk nicht erreichbar</translation>
    </message>
    <message>
        <source>Check the network, or choose a way to the server that it allows.</source>
        <translation>Das Netzwerk prüfen oder einen Weg zum Server wählen, den es zulässt.</translation>
    </message>
    <message>
        <source>Nothing answers at that address</source>
        <translation>Unter dieser Adresse antwortet nichts</translation>
    </message>
    <message>
        <source>Check host and port, and whether the server runs.</source>
        <translation>Host und Port prüfen, und ob der Server läuft.</translation>
    </message>
    <message>
        <source>There was no answer in time</source>
        <translation>Es kam nicht rechtzeitig eine Antwort</translation>
    </message>
    <message>
        <source>Try again; check the network if it stays so.</source>
        <translation>Erneut versuchen; wenn es so bleibt, das Netzwerk prüfen.</translation>
    </message>
    <message>
        <source>The server and this computer do not agree on TLS</source>
        <translation>Server und Computer werden sich über TLS nicht einig</translation>
    </message>
    <message>
        <source>Look at TLS in the project’s connection.</source>
        <translation>TLS in der Verbindung des Projekts prüfen.</translation>
    </message>
    <message>
        <source>The server’s certificate is not trusted</source>
        <translation>Dem Zertifikat des Servers wird nicht vertraut</translation>
    </message>
    <message>
        <source>Choose the certificate of the authority that signed it, in the project’s connection.</source>
        <translation>In der Verbindung des Projekts das Zertifikat der Stelle wählen, die es ausgestellt hat.</translation>
    </message>
    <message>
        <source>The server’s certificate is for another name</source>
        <translation>Das Zertifikat des Servers gilt für einen anderen Namen</translation>
    </message>
    <message>
        <source>Use the name that stands in the certificate.</source>
        <translation>Den Namen verwenden, der im Zertifikat steht.</translation>
    </message>
    <message>
        <source>The server refused the sign-in</source>
        <translation>Der Server hat die Anmeldung abgelehnt</translation>
    </message>
    <message>
        <source>Check user and password.</source>
        <translation>Benutzer und Passwort prüfen.</translation>
    </message>
    <message>
        <source>There is no such database on the server</source>
        <translation>Diese Datenbank gibt es auf dem Server nicht</translation>
    </message>
    <message>
        <source>Check how its name is written.</source>
        <translation>Schreibweise des Namens prüfen.</translation>
    </message>
    <message>
        <source>The server has no free connection</source>
        <translation>Der Server hat keine freie Verbindung</translation>
    </message>
    <message>
        <source>Try again later, or close other programs that use it.</source>
        <translation>Später erneut versuchen oder andere Programme schließen, die ihn nutzen.</translation>
    </message>
    <message>
        <source>This address leads to a transaction pooler</source>
        <translation>Diese Adresse führt zu einem Transaction-Pooler</translation>
    </message>
    <message>
        <source>A backup needs the session pooler or the server itself.</source>
        <translation>Eine Sicherung braucht den Session-Pooler oder den Server selbst.</translation>
    </message>
    <message>
        <source>The server is newer than the PostgreSQL tools</source>
        <translation>Der Server ist neuer als die PostgreSQL-Werkzeuge</translation>
    </message>
    <message>
        <source>Install newer tools; the settings show which were found.</source>
        <translation>Neuere Werkzeuge installieren; die Einstellungen zeigen, welche gefunden wurden.</translation>
    </message>
    <message>
        <source>A PostgreSQL tool that this needs is missing</source>
        <translation>Ein benötigtes PostgreSQL-Werkzeug fehlt</translation>
    </message>
    <message>
        <source>The settings show which tools were found.</source>
        <translation>Die Einstellungen zeigen, welche Werkzeuge gefunden wurden.</translation>
    </message>
    <message>
        <source>A program that this needs does not work</source>
        <translation>Ein benötigtes Programm funktioniert nicht</translation>
    </message>
    <message>
        <source>The role may not read everything</source>
        <translation>Die Rolle darf nicht alles lesen</translation>
    </message>
    <message>
        <source>Row security would hide rows from the backup</source>
        <translation>Row Security würde Zeilen vor der Sicherung verbergen</translation>
    </message>
    <message>
        <source>Another session or program holds what this needs</source>
        <translation>Eine andere Sitzung oder ein anderes Programm hält fest, was gebraucht wird</translation>
    </message>
    <message>
        <source>Wait until it is done, or end it, then try again.</source>
        <translation>Abwarten, bis sie fertig ist, oder sie beenden, dann erneut versuchen.</translation>
    </message>
    <message>
        <source>Nothing moved for too long</source>
        <translation>Zu lange hat sich nichts bewegt</translation>
    </message>
    <message>
        <source>Look for locks and for a broken network, then start again.</source>
        <translation>Nach Sperren und einem gestörten Netzwerk sehen, dann erneut beginnen.</translation>
    </message>
    <message>
        <source>Cancelled</source>
        <translation>Abgebrochen</translation>
    </message>
    <message>
        <source>The connection to the server was lost</source>
        <translation>Die Verbindung zum Server ging verloren</translation>
    </message>
    <message>
        <source>Check the network, then try again.</source>
        <translation>Das Netzwerk prüfen, dann erneut versuchen.</translation>
    </message>
    <message>
        <source>The server refused a query</source>
        <translation>Der Server hat eine Abfrage abgelehnt</translation>
    </message>
    <message>
        <source>What the server said stands with it.</source>
        <translation>Was der Server sagte, steht dabei.</translation>
    </message>
    <message>
        <source>The dump failed</source>
        <translation>Der Dump ist fehlgeschlagen</translation>
    </message>
    <message>
        <source>No backup was kept.</source>
        <translation>Es wurde keine Sicherung behalten.</translation>
    </message>
    <message>
        <source>The disk is full</source>
        <translation>Der Datenträger ist voll</translation>
    </message>
    <message>
        <source>Free some space, or choose another folder.</source>
        <translation>Platz schaffen oder einen anderen Ordner wählen.</translation>
    </message>
    <message>
        <source>The folder is not there</source>
        <translation>Der Ordner ist nicht da</translation>
    </message>
    <message>
        <source>Connect the disk that it is on, or choose another folder.</source>
        <translation>Den Datenträger anschließen, auf dem er liegt, oder einen anderen Ordner wählen.</translation>
    </message>
    <message>
        <source>The folder cannot be written to</source>
        <translation>In den Ordner kann nicht geschrieben werden</translation>
    </message>
    <message>
        <source>Change its permissions or choose another folder.</source>
        <translation>Seine Rechte ändern oder einen anderen Ordner wählen.</translation>
    </message>
    <message>
        <source>The backup cannot be moved to the trash</source>
        <translation>Die Sicherung kann nicht in den Papierkorb gelegt werden</translation>
    </message>
    <message>
        <source>Its disk may have no trash. Delete the backup for good, or keep it.</source>
        <translation>Ihr Datenträger hat vielleicht keinen. Die Sicherung endgültig löschen oder behalten.</translation>
    </message>
    <message>
        <source>There is no keyring for passwords that works</source>
        <translation>Es gibt keinen funktionierenden Schlüsselbund für Passwörter</translation>
    </message>
    <message>
        <source>Passwords are kept only until Holdfast ends; the settings show which keyrings were found.</source>
        <translation>Passwörter werden nur behalten, solange Holdfast läuft; die Einstellungen zeigen, welche Schlüsselbunde gefunden wurden.</translation>
    </message>
    <message>
        <source>The keyring is locked</source>
        <translation>Der Schlüsselbund ist gesperrt</translation>
    </message>
    <message>
        <source>Unlock it, then try again.</source>
        <translation>Ihn entsperren, dann erneut versuchen.</translation>
    </message>
    <message>
        <source>A row is too large to be dumped</source>
        <translation>Eine Zeile ist zu groß für einen Dump</translation>
    </message>
    <message>
        <source>The snapshot was lost</source>
        <translation>Der Snapshot ging verloren</translation>
    </message>
    <message>
        <source>Back up again; check what ends long sessions on the server.</source>
        <translation>Erneut sichern; prüfen, was auf dem Server lange Sitzungen beendet.</translation>
    </message>
    <message>
        <source>A table was changed or dropped while it was dumped</source>
        <translation>Eine Tabelle wurde während des Dumps geändert oder gelöscht</translation>
    </message>
    <message>
        <source>Back up again when no migration runs.</source>
        <translation>Erneut sichern, wenn keine Migration läuft.</translation>
    </message>
    <message>
        <source>The archive does not hold the rows that the server counted</source>
        <translation>Das Archiv enthält nicht die Zeilen, die der Server gezählt hat</translation>
    </message>
    <message>
        <source>No backup was kept. Copy the details and report them.</source>
        <translation>Es wurde keine Sicherung behalten. Die Details kopieren und melden.</translation>
    </message>
    <message>
        <source>There is too little space to restore the backup for a proof</source>
        <translation>Zum Wiederherstellen für einen Nachweis ist zu wenig Platz</translation>
    </message>
    <message>
        <source>Free some space, then prove it again.</source>
        <translation>Platz schaffen, dann erneut nachweisen.</translation>
    </message>
    <message>
        <source>The folder is not a backup of Holdfast</source>
        <translation>Der Ordner ist keine Sicherung von Holdfast</translation>
    </message>
    <message>
        <source>Choose the folder that holds manifest.json.</source>
        <translation>Den Ordner wählen, in dem manifest.json liegt.</translation>
    </message>
    <message>
        <source>A file of the backup or dump is damaged</source>
        <translation>Eine Datei der Sicherung oder des Dumps ist beschädigt</translation>
    </message>
    <message>
        <source>Use another backup, or a whole copy of the file.</source>
        <translation>Eine andere Sicherung oder eine unbeschädigte Kopie der Datei verwenden.</translation>
    </message>
    <message>
        <source>This is not a PostgreSQL dump that can be read</source>
        <translation>Das ist kein lesbarer PostgreSQL-Dump</translation>
    </message>
    <message>
        <source>This was made by a newer Holdfast</source>
        <translation>Das stammt von einem neueren Holdfast</translation>
    </message>
    <message>
        <source>Update Holdfast.</source>
        <translation>Holdfast aktualisieren.</translation>
    </message>
    <message>
        <source>The backup’s folder holds what a backup never has</source>
        <translation>Im Ordner der Sicherung liegt, was nie zu einer gehört</translation>
    </message>
    <message>
        <source>Nothing was changed.</source>
        <translation>Es wurde nichts geändert.</translation>
    </message>
    <message>
        <source>The throwaway server did not work</source>
        <translation>Der Wegwerf-Server hat nicht funktioniert</translation>
    </message>
    <message>
        <source>The restore failed</source>
        <translation>Das Wiederherstellen ist fehlgeschlagen</translation>
    </message>
    <message>
        <source>There is something of that name already</source>
        <translation>Unter diesem Namen gibt es schon etwas</translation>
    </message>
    <message>
        <source>Choose another name, or restore into what is there.</source>
        <translation>Einen anderen Namen wählen oder in das Vorhandene wiederherstellen.</translation>
    </message>
    <message>
        <source>This cannot be restored in that way</source>
        <translation>So lässt sich das nicht wiederherstellen</translation>
    </message>
    <message>
        <source>The SQL script was stopped</source>
        <translation>Das SQL-Skript wurde angehalten</translation>
    </message>
    <message>
        <source>Nothing of what is named was run. Remove it from the script if you trust the rest.</source>
        <translation>Nichts von dem Genannten wurde ausgeführt. Es aus dem Skript entfernen, wenn der Rest vertrauenswürdig ist.</translation>
    </message>
    <message>
        <source>The archive unpacks to far more than a dump would</source>
        <translation>Das Archiv wird entpackt viel größer als ein Dump</translation>
    </message>
    <message>
        <source>It is refused. If you trust it, unpack it yourself and use what was in it.</source>
        <translation>Es wird abgelehnt. Wer ihm vertraut, entpackt es selbst und verwendet den Inhalt.</translation>
    </message>
    <message>
        <source>The settings cannot be read</source>
        <translation>Die Einstellungen können nicht gelesen werden</translation>
    </message>
    <message>
        <source>Correct the file, or rename it to begin anew. Backups are not touched by this.</source>
        <translation>Die Datei korrigieren oder umbenennen, um neu zu beginnen. Sicherungen sind davon nicht betroffen.</translation>
    </message>
    <message>
        <source>The operation ended in the middle</source>
        <translation>Der Vorgang endete mittendrin</translation>
    </message>
    <message>
        <source>What it left is cleared up next time.</source>
        <translation>Was davon übrig ist, wird beim nächsten Mal aufgeräumt.</translation>
    </message>
    <message>
        <source>You are not signed in to Supabase</source>
        <translation>Es gibt keine Anmeldung bei Supabase</translation>
    </message>
    <message>
        <source>Sign in under From Supabase…</source>
        <translation>Unter „Von Supabase…“ anmelden.</translation>
    </message>
    <message>
        <source>This is not such a token or key of Supabase</source>
        <translation>Das ist kein solches Token und kein solcher Schlüssel von Supabase</translation>
    </message>
    <message>
        <source>Supabase refused the access token</source>
        <translation>Supabase hat das Zugriffstoken abgelehnt</translation>
    </message>
    <message>
        <source>Sign in with a new one.</source>
        <translation>Mit einem neuen anmelden.</translation>
    </message>
    <message>
        <source>Supabase cannot be reached</source>
        <translation>Supabase ist nicht erreichbar</translation>
    </message>
    <message>
        <source>Supabase did not give what was asked for</source>
        <translation>Supabase hat das Verlangte nicht geliefert</translation>
    </message>
    <message>
        <source>The project is paused</source>
        <translation>Das Projekt ist pausiert</translation>
    </message>
    <message>
        <source>Start it in Supabase’s dashboard and wait until it runs, then try again.</source>
        <translation>Es im Dashboard von Supabase starten und warten, bis es läuft, dann erneut versuchen.</translation>
    </message>
</context>
<context>
    <name>formats</name>
    <message>
        <source>%1 bytes</source>
        <translation>%1 Bytes</translation>
    </message>
    <message>
        <source>%1 s</source>
        <translation>%1 s</translation>
    </message>
    <message>
        <source>%1 min</source>
        <translation>%1 min</translation>
    </message>
    <message>
        <source>%1 h</source>
        <translation>%1 h</translation>
    </message>
    <message>
        <source>Yesterday</source>
        <translation>Gestern</translation>
    </message>
    <message>
        <source>Today</source>
        <translation>Heute</translation>
    </message>
    <message>
        <source>Tomorrow</source>
        <translation>Morgen</translation>
    </message>
    <message>
        <source>ddd d MMM</source>
        <translation>ddd d. MMM</translation>
    </message>
    <message>
        <source>d MMM yyyy</source>
        <translation>d. MMM yyyy</translation>
    </message>
    <message>
        <source>d MMM</source>
        <translation>d. MMM</translation>
    </message>
</context>
<context>
    <name>health</name>
    <message>
        <source>All schedules are paused until %1</source>
        <translation>Alle Zeitpläne sind bis %1 pausiert</translation>
    </message>
    <message>
        <source>just now</source>
        <translation>gerade eben</translation>
    </message>
    <message numerus="yes">
        <source>%n minute(s) ago</source>
        <translation>
            <numerusform>vor %n Minute</numerusform>
            <numerusform>vor %n Minuten</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n hour(s) ago</source>
        <translation>
            <numerusform>vor %n Stunde</numerusform>
            <numerusform>vor %n Stunden</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n day(s) ago</source>
        <translation>
            <numerusform>vor %n Tag</numerusform>
            <numerusform>vor %n Tagen</numerusform>
        </translation>
    </message>
    <message>
        <source>It was interrupted.</source>
        <translation>Sie wurde unterbrochen.</translation>
    </message>
    <message>
        <source>The reason is not known</source>
        <translation>Der Grund ist nicht bekannt</translation>
    </message>
    <message>
        <source>last good backup %1, next %2</source>
        <translation>letzte gute Sicherung %1, nächste %2</translation>
    </message>
    <message>
        <source>last good backup %1</source>
        <translation>letzte gute Sicherung %1</translation>
    </message>
    <message>
        <source>no good backup yet, next %2</source>
        <translation>noch keine gute Sicherung, nächste %2</translation>
    </message>
    <message>
        <source>no good backup yet</source>
        <translation>noch keine gute Sicherung</translation>
    </message>
    <message>
        <source>running</source>
        <translation>läuft</translation>
    </message>
    <message>
        <source>proof is old</source>
        <translation>Nachweis veraltet</translation>
    </message>
    <message>
        <source>not proven</source>
        <translation>nicht nachgewiesen</translation>
    </message>
    <message>
        <source>overdue</source>
        <translation>überfällig</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>fehlgeschlagen</translation>
    </message>
    <message>
        <source>no backup yet</source>
        <translation>noch keine Sicherung</translation>
    </message>
    <message>
        <source>waiting</source>
        <translation>wartet</translation>
    </message>
    <message>
        <source>paused</source>
        <translation>pausiert</translation>
    </message>
    <message>
        <source>proven</source>
        <translation>nachgewiesen</translation>
    </message>
    <message>
        <source>Reminders by e-mail do not get through</source>
        <translation>Erinnerungen per E-Mail kommen nicht an</translation>
    </message>
    <message>
        <source>Reminders by command do not get through</source>
        <translation>Erinnerungen per Befehl kommen nicht an</translation>
    </message>
    <message>
        <source>Reminders by webhook do not get through</source>
        <translation>Erinnerungen per Webhook kommen nicht an</translation>
    </message>
    <message>
        <source>The dead-man URL cannot be reached</source>
        <translation>Die Totmann-URL ist nicht erreichbar</translation>
    </message>
    <message>
        <source>The backup folder is not connected</source>
        <translation>Der Sicherungsordner ist nicht verbunden</translation>
    </message>
    <message>
        <source>There is no project yet</source>
        <translation>Es gibt noch kein Projekt</translation>
    </message>
    <message>
        <source>Reminders do not get through</source>
        <translation>Erinnerungen kommen nicht an</translation>
    </message>
    <message>
        <source>Everything is backed up and proven</source>
        <translation>Alles ist gesichert und nachgewiesen</translation>
    </message>
    <message>
        <source>%1 is overdue</source>
        <translation>%1 ist überfällig</translation>
    </message>
    <message>
        <source>The last backup of %1 was interrupted</source>
        <translation>Die letzte Sicherung von %1 wurde unterbrochen</translation>
    </message>
    <message>
        <source>The last backup of %1 failed</source>
        <translation>Die letzte Sicherung von %1 ist fehlgeschlagen</translation>
    </message>
    <message>
        <source>The last backup of %1 is not good</source>
        <translation>Die letzte Sicherung von %1 ist nicht in Ordnung</translation>
    </message>
    <message>
        <source>An old backup of %1 is damaged</source>
        <translation>Eine alte Sicherung von %1 ist beschädigt</translation>
    </message>
    <message>
        <source>%1 has never been backed up</source>
        <translation>%1 wurde noch nie gesichert</translation>
    </message>
    <message>
        <source>%1 has never been proven</source>
        <translation>Von %1 ist noch keine Sicherung nachgewiesen</translation>
    </message>
    <message>
        <source>The last proof of %1 is long ago</source>
        <translation>Der letzte Nachweis für %1 liegt lange zurück</translation>
    </message>
    <message>
        <source>%1 waits</source>
        <translation>%1 wartet</translation>
    </message>
    <message>
        <source>%1 is being backed up</source>
        <translation>%1 wird gesichert</translation>
    </message>
    <message>
        <source>The schedules of %1 are off</source>
        <translation>Die Zeitpläne von %1 sind aus</translation>
    </message>
    <message numerus="yes">
        <source>%n project(s) are overdue</source>
        <translation>
            <numerusform>%n Projekt ist überfällig</numerusform>
            <numerusform>%n Projekte sind überfällig</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>The last backups of %n project(s) failed</source>
        <translation>
            <numerusform>Die letzte Sicherung von %n Projekt ist fehlgeschlagen</numerusform>
            <numerusform>Die letzten Sicherungen von %n Projekten sind fehlgeschlagen</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>The last backups of %n project(s) are not good</source>
        <translation>
            <numerusform>Die letzte Sicherung von %n Projekt ist nicht in Ordnung</numerusform>
            <numerusform>Die letzten Sicherungen von %n Projekten sind nicht in Ordnung</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Old backups of %n project(s) are damaged</source>
        <translation>
            <numerusform>Alte Sicherungen von %n Projekt sind beschädigt</numerusform>
            <numerusform>Alte Sicherungen von %n Projekten sind beschädigt</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n project(s) have never been backed up</source>
        <translation>
            <numerusform>%n Projekt wurde noch nie gesichert</numerusform>
            <numerusform>%n Projekte wurden noch nie gesichert</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n project(s) have never been proven</source>
        <translation>
            <numerusform>Von %n Projekt ist noch keine Sicherung nachgewiesen</numerusform>
            <numerusform>Von %n Projekten ist noch keine Sicherung nachgewiesen</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>The last proofs of %n project(s) are long ago</source>
        <translation>
            <numerusform>Der letzte Nachweis für %n Projekt liegt lange zurück</numerusform>
            <numerusform>Die letzten Nachweise für %n Projekte liegen lange zurück</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n project(s) wait</source>
        <translation>
            <numerusform>%n Projekt wartet</numerusform>
            <numerusform>%n Projekte warten</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n project(s) are being backed up</source>
        <translation>
            <numerusform>%n Projekt wird gesichert</numerusform>
            <numerusform>%n Projekte werden gesichert</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>The schedules of %n project(s) are off</source>
        <translation>
            <numerusform>Die Zeitpläne von %n Projekt sind aus</numerusform>
            <numerusform>Die Zeitpläne von %n Projekten sind aus</numerusform>
        </translation>
    </message>
    <message>
        <source>last good backup %1.</source>
        <translation>letzte gute Sicherung %1.</translation>
    </message>
    <message>
        <source>there is no good backup.</source>
        <translation>Es gibt keine gute Sicherung.</translation>
    </message>
    <message>
        <source>it needs %1.</source>
        <translation>Es braucht %1.</translation>
    </message>
    <message>
        <source>Change Folder…</source>
        <translation>Ordner ändern …</translation>
    </message>
    <message>
        <source>Back Up Now</source>
        <translation>Jetzt sichern</translation>
    </message>
    <message>
        <source>Prove Now</source>
        <translation>Jetzt nachweisen</translation>
    </message>
    <message>
        <source>Show Details</source>
        <translation>Details zeigen</translation>
    </message>
    <message>
        <source>Resume</source>
        <translation>Fortsetzen</translation>
    </message>
    <message>
        <source>Add Project…</source>
        <translation>Projekt anlegen …</translation>
    </message>
    <message>
        <source>Show Reminders</source>
        <translation>Erinnerungen zeigen</translation>
    </message>
    <message numerus="yes">
        <source>%n more</source>
        <translation>
            <numerusform>%n weiteres</numerusform>
            <numerusform>%n weitere</numerusform>
        </translation>
    </message>
    <message>
        <source>yesterday %1</source>
        <translation>gestern %1</translation>
    </message>
    <message>
        <source>tomorrow %1</source>
        <translation>morgen %1</translation>
    </message>
</context>
<context>
    <name>history</name>
    <message>
        <source>Pinned</source>
        <translation>Angeheftet</translation>
    </message>
    <message>
        <source>Missing</source>
        <translation>Fehlt</translation>
    </message>
    <message>
        <source>%1 seconds</source>
        <translation>%1 Sekunden</translation>
    </message>
    <message>
        <source>%1 before</source>
        <translation>vorher %1</translation>
    </message>
    <message>
        <source>Manual</source>
        <translation>Manuell</translation>
    </message>
    <message>
        <source>Scheduled</source>
        <translation>Geplant</translation>
    </message>
    <message>
        <source>Safety</source>
        <translation>Sicherheit</translation>
    </message>
    <message>
        <source>%1, %2</source>
        <translation>%1, %2</translation>
    </message>
</context>
<context>
    <name>notifications</name>
    <message>
        <source>The backup folder is not connected</source>
        <translation>Der Sicherungsordner ist nicht verbunden</translation>
    </message>
    <message>
        <source>%1 is backed up</source>
        <translation>%1 ist gesichert</translation>
    </message>
    <message>
        <source>%1 in %2</source>
        <translation>%1 in %2</translation>
    </message>
    <message>
        <source>There is no good backup.</source>
        <translation>Es gibt keine gute Sicherung.</translation>
    </message>
    <message>
        <source>The last good backup was made %1.</source>
        <translation>Die letzte gute Sicherung wurde %1 erstellt.</translation>
    </message>
    <message>
        <source>%1 is overdue</source>
        <translation>%1 ist überfällig</translation>
    </message>
    <message>
        <source>An old backup of %1 is damaged</source>
        <translation>Eine alte Sicherung von %1 ist beschädigt</translation>
    </message>
    <message>
        <source>The last backup of %1 is not good</source>
        <translation>Die letzte Sicherung von %1 ist nicht in Ordnung</translation>
    </message>
    <message>
        <source>Next attempt at %1.</source>
        <translation>Nächster Versuch um %1.</translation>
    </message>
    <message>
        <source>Backup of %1 failed</source>
        <translation>Sicherung von %1 fehlgeschlagen</translation>
    </message>
</context>
<context>
    <name>pause</name>
    <message>
        <source>1 Hour</source>
        <translation>1 Stunde</translation>
    </message>
    <message>
        <source>Until Tomorrow</source>
        <translation>Bis morgen</translation>
    </message>
    <message>
        <source>Resume</source>
        <translation>Fortsetzen</translation>
    </message>
</context>
<context>
    <name>phase</name>
    <message>
        <source>checking the server</source>
        <translation>Server prüfen</translation>
    </message>
    <message>
        <source>taking a snapshot</source>
        <translation>Snapshot erstellen</translation>
    </message>
    <message>
        <source>dumping</source>
        <translation>Dump schreiben</translation>
    </message>
    <message>
        <source>reading back</source>
        <translation>Zurücklesen</translation>
    </message>
    <message>
        <source>sealing</source>
        <translation>Versiegeln</translation>
    </message>
    <message>
        <source>checking the files</source>
        <translation>Dateien prüfen</translation>
    </message>
    <message>
        <source>starting the sandbox</source>
        <translation>Sandbox starten</translation>
    </message>
    <message>
        <source>restoring into the sandbox</source>
        <translation>In Sandbox wiederherstellen</translation>
    </message>
    <message>
        <source>comparing</source>
        <translation>Vergleichen</translation>
    </message>
    <message>
        <source>loading the sample database</source>
        <translation>Beispieldatenbank laden</translation>
    </message>
    <message>
        <source>restoring into a second database</source>
        <translation>In zweite Datenbank wiederherstellen</translation>
    </message>
    <message>
        <source>backing up the target</source>
        <translation>Ziel sichern</translation>
    </message>
    <message>
        <source>planning</source>
        <translation>Planen</translation>
    </message>
    <message>
        <source>restoring</source>
        <translation>Wiederherstellen</translation>
    </message>
    <message>
        <source>counting rows</source>
        <translation>Zeilen zählen</translation>
    </message>
    <message>
        <source>writing the file</source>
        <translation>Datei schreiben</translation>
    </message>
</context>
<context>
    <name>plan</name>
    <message>
        <source>Creates %1</source>
        <translation>Legt %1 an</translation>
    </message>
    <message>
        <source>Replaces %1</source>
        <translation>Ersetzt %1</translation>
    </message>
    <message>
        <source>Changes %1</source>
        <translation>Ändert %1</translation>
    </message>
    <message>
        <source>Skips %1</source>
        <translation>Überspringt %1</translation>
    </message>
    <message numerus="yes">
        <source>the rows of %n table(s)</source>
        <translation>
            <numerusform>die Zeilen von %n Tabelle</numerusform>
            <numerusform>die Zeilen von %n Tabellen</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n other object(s)</source>
        <translation>
            <numerusform>%n weiteres Objekt</numerusform>
            <numerusform>%n weitere Objekte</numerusform>
        </translation>
    </message>
    <message>
        <source>table</source>
        <translation>Tabelle</translation>
    </message>
    <message>
        <source>view</source>
        <translation>Sicht</translation>
    </message>
    <message>
        <source>materialized view</source>
        <translation>materialisierte Sicht</translation>
    </message>
    <message>
        <source>sequence</source>
        <translation>Sequenz</translation>
    </message>
    <message>
        <source>index</source>
        <translation>Index</translation>
    </message>
    <message>
        <source>policy</source>
        <translation>Policy</translation>
    </message>
    <message>
        <source>function</source>
        <translation>Funktion</translation>
    </message>
    <message>
        <source>trigger</source>
        <translation>Trigger</translation>
    </message>
    <message>
        <source>type</source>
        <translation>Typ</translation>
    </message>
    <message>
        <source>tables</source>
        <translation>Tabellen</translation>
    </message>
    <message>
        <source>views</source>
        <translation>Sichten</translation>
    </message>
    <message>
        <source>materialized views</source>
        <translation>materialisierte Sichten</translation>
    </message>
    <message>
        <source>sequences</source>
        <translation>Sequenzen</translation>
    </message>
    <message>
        <source>indexes</source>
        <translation>Indizes</translation>
    </message>
    <message>
        <source>policies</source>
        <translation>Policies</translation>
    </message>
    <message>
        <source>functions</source>
        <translation>Funktionen</translation>
    </message>
    <message>
        <source>triggers</source>
        <translation>Trigger</translation>
    </message>
    <message>
        <source>types</source>
        <translation>Typen</translation>
    </message>
    <message>
        <source>with %1 rows</source>
        <translation>mit %1 Zeilen</translation>
    </message>
    <message numerus="yes">
        <source>%1 and %n more</source>
        <translation>
            <numerusform>%1 und %n weiteres</numerusform>
            <numerusform>%1 und %n weitere</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>project</name>
    <message>
        <source>Put your password in the place of [YOUR-PASSWORD].</source>
        <translation>Setzen Sie Ihr Passwort an die Stelle von [YOUR-PASSWORD].</translation>
    </message>
    <message>
        <source>Give the project a name.</source>
        <translation>Geben Sie dem Projekt einen Namen.</translation>
    </message>
    <message>
        <source>Use up to 200 letters, digits, signs, and spaces.</source>
        <translation>Höchstens 200 Buchstaben, Ziffern, Zeichen und Leerzeichen.</translation>
    </message>
    <message>
        <source>There is already a project of this name.</source>
        <translation>Ein Projekt mit diesem Namen gibt es schon.</translation>
    </message>
    <message>
        <source>A host has no spaces in its name.</source>
        <translation>Ein Hostname enthält keine Leerzeichen.</translation>
    </message>
    <message>
        <source>Give the host alone, or paste the whole connection string above.</source>
        <translation>Geben Sie nur den Host an oder fügen Sie oben die ganze Verbindungszeichenfolge ein.</translation>
    </message>
    <message>
        <source>Give the server&apos;s name or address.</source>
        <translation>Geben Sie Name oder Adresse des Servers an.</translation>
    </message>
    <message>
        <source>A number from 1 to 65535.</source>
        <translation>Eine Zahl von 1 bis 65535.</translation>
    </message>
    <message>
        <source>Transaction pooler. Use 5432.</source>
        <translation>Transaction Pooler. Nehmen Sie 5432.</translation>
    </message>
</context>
<context>
    <name>proof</name>
    <message>
        <source>byte for byte</source>
        <translation>Byte für Byte</translation>
    </message>
    <message>
        <source>equal</source>
        <translation>gleich</translation>
    </message>
    <message>
        <source>in other order</source>
        <translation>andere Reihenfolge</translation>
    </message>
    <message>
        <source>recomputed</source>
        <translation>neu berechnet</translation>
    </message>
    <message>
        <source>not checked</source>
        <translation>nicht geprüft</translation>
    </message>
    <message>
        <source>not restorable</source>
        <translation>nicht wiederherstellbar</translation>
    </message>
    <message>
        <source>differs</source>
        <translation>weicht ab</translation>
    </message>
    <message>
        <source>as counted</source>
        <translation>wie gezählt</translation>
    </message>
    <message>
        <source>read back</source>
        <translation>zurückgelesen</translation>
    </message>
    <message>
        <source>hashed</source>
        <translation>gehasht</translation>
    </message>
</context>
<context>
    <name>quotes</name>
    <message>
        <source>“%1”</source>
        <translation>„%1“</translation>
    </message>
</context>
<context>
    <name>remedy</name>
    <message>
        <source>Use Session Pooler</source>
        <translation>Session Pooler nutzen</translation>
    </message>
    <message>
        <source>Edit Connection…</source>
        <translation>Verbindung bearbeiten …</translation>
    </message>
    <message>
        <source>Enter Password…</source>
        <translation>Passwort eingeben …</translation>
    </message>
    <message>
        <source>Require TLS</source>
        <translation>TLS verlangen</translation>
    </message>
    <message>
        <source>Allow Without TLS</source>
        <translation>Ohne TLS zulassen</translation>
    </message>
    <message>
        <source>Choose Certificate…</source>
        <translation>Zertifikat wählen …</translation>
    </message>
    <message>
        <source>Choose Folder…</source>
        <translation>Ordner wählen …</translation>
    </message>
    <message>
        <source>Show Largest Backups</source>
        <translation>Größte Sicherungen zeigen</translation>
    </message>
    <message>
        <source>Show Tools</source>
        <translation>Werkzeuge zeigen</translation>
    </message>
    <message>
        <source>Show Keyring</source>
        <translation>Schlüsselbund zeigen</translation>
    </message>
    <message>
        <source>Try Again</source>
        <translation>Erneut versuchen</translation>
    </message>
    <message>
        <source>Show History</source>
        <translation>Verlauf zeigen</translation>
    </message>
    <message>
        <source>Prove</source>
        <translation>Nachweisen</translation>
    </message>
    <message>
        <source>Delete for Good…</source>
        <translation>Endgültig löschen …</translation>
    </message>
    <message>
        <source>Replace File</source>
        <translation>Datei ersetzen</translation>
    </message>
</context>
<context>
    <name>reminders</name>
    <message>
        <source>E-Mail</source>
        <translation>E-Mail</translation>
    </message>
    <message>
        <source>Command</source>
        <translation>Befehl</translation>
    </message>
    <message>
        <source>Webhook</source>
        <translation>Webhook</translation>
    </message>
    <message>
        <source>Dead-Man URL</source>
        <translation>Totmann-URL</translation>
    </message>
    <message>
        <source>Runs a program without a shell. It is told in variables that begin with HOLDFAST_, and as JSON on standard input.</source>
        <translation>Startet ein Programm ohne Shell. Es erfährt alles aus Variablen, die mit HOLDFAST_ beginnen, und als JSON von der Standardeingabe.</translation>
    </message>
    <message>
        <source>Posts JSON to an address, a chat service’s for example.</source>
        <translation>Sendet JSON an eine Adresse, etwa die eines Chat-Dienstes.</translation>
    </message>
    <message>
        <source>Asks for an address after each scheduled backup while all schedules are well. The service there raises the alarm when that stops, even if this computer is gone.</source>
        <translation>Ruft nach jeder geplanten Sicherung eine Adresse auf, solange alle Zeitpläne in Ordnung sind. Der Dienst dort schlägt Alarm, wenn das ausbleibt, selbst wenn es diesen Computer nicht mehr gibt.</translation>
    </message>
    <message>
        <source>A first attempt failed</source>
        <translation>Ein erster Versuch ist fehlgeschlagen</translation>
    </message>
    <message>
        <source>All attempts failed</source>
        <translation>Alle Versuche sind fehlgeschlagen</translation>
    </message>
    <message>
        <source>A backup is not good</source>
        <translation>Eine Sicherung ist nicht gut</translation>
    </message>
    <message>
        <source>A backup is overdue</source>
        <translation>Eine Sicherung ist überfällig</translation>
    </message>
    <message>
        <source>All is well again</source>
        <translation>Alles ist wieder in Ordnung</translation>
    </message>
    <message>
        <source>A backup is done</source>
        <translation>Eine Sicherung ist fertig</translation>
    </message>
    <message>
        <source>This is needed.</source>
        <translation>Das wird gebraucht.</translation>
    </message>
    <message>
        <source>That is no name of a server.</source>
        <translation>Das ist kein Name eines Servers.</translation>
    </message>
    <message>
        <source>Ports go from 1 to 65535.</source>
        <translation>Ports gehen von 1 bis 65535.</translation>
    </message>
    <message>
        <source>That is no e-mail address.</source>
        <translation>Das ist keine E-Mail-Adresse.</translation>
    </message>
    <message>
        <source>Give a whole address that begins with https:// or http://.</source>
        <translation>Geben Sie eine ganze Adresse an, die mit https:// oder http:// beginnt.</translation>
    </message>
    <message>
        <source>It holds a user or password, which would be kept in plain text.</source>
        <translation>Sie enthält Benutzer oder Passwort, die im Klartext gespeichert würden.</translation>
    </message>
    <message>
        <source>A password or token would go over the network in the open.</source>
        <translation>Ein Passwort oder Token ginge unverschlüsselt durchs Netz.</translation>
    </message>
</context>
<context>
    <name>schedule</name>
    <message>
        <source>Every hour on the hour</source>
        <translation>Zu jeder vollen Stunde</translation>
    </message>
    <message>
        <source>Every hour at minute %1</source>
        <translation>Jede Stunde zur Minute %1</translation>
    </message>
    <message>
        <source>Every day at %1</source>
        <translation>Jeden Tag um %1</translation>
    </message>
    <message>
        <source>Every %1 at %2</source>
        <translation>Jeden %1 um %2</translation>
    </message>
    <message>
        <source>On the last day of every month at %1</source>
        <translation>Am letzten Tag jedes Monats um %1</translation>
    </message>
    <message>
        <source>On day %1 of every month at %2</source>
        <translation>Am %1. jedes Monats um %2</translation>
    </message>
    <message>
        <source>the last %1</source>
        <translation>die letzten %1</translation>
    </message>
    <message>
        <source>%1 hourly</source>
        <translation>%1 stündliche</translation>
    </message>
    <message>
        <source>%1 daily</source>
        <translation>%1 tägliche</translation>
    </message>
    <message>
        <source>%1 weekly</source>
        <translation>%1 wöchentliche</translation>
    </message>
    <message>
        <source>%1 monthly</source>
        <translation>%1 monatliche</translation>
    </message>
    <message>
        <source>%1 yearly</source>
        <translation>%1 jährliche</translation>
    </message>
    <message>
        <source>all</source>
        <translation>alle</translation>
    </message>
    <message>
        <source>none older than %1 days</source>
        <translation>keine älter als %1 Tage</translation>
    </message>
    <message>
        <source>%1 at most</source>
        <translation>höchstens %1</translation>
    </message>
    <message>
        <source>keep %1</source>
        <translation>behält %1</translation>
    </message>
    <message>
        <source>no rule keeps it</source>
        <translation>keine Regel behält sie</translation>
    </message>
    <message>
        <source>too old</source>
        <translation>zu alt</translation>
    </message>
    <message>
        <source>all together are too large</source>
        <translation>alle zusammen sind zu groß</translation>
    </message>
    <message>
        <source>safety backup of more than 30 days ago</source>
        <translation>Sicherheitskopie, älter als 30 Tage</translation>
    </message>
    <message>
        <source>its proof failed more than 30 days ago</source>
        <translation>ihr Nachweis schlug vor mehr als 30 Tagen fehl</translation>
    </message>
    <message>
        <source>clocks go forward, no %1</source>
        <translation>Uhr springt vor, kein %1</translation>
    </message>
    <message>
        <source>clocks go back, the first %1 of two</source>
        <translation>Uhr springt zurück, erstes %1 von zweien</translation>
    </message>
    <message>
        <source>clocks go back, the second %1 of two</source>
        <translation>Uhr springt zurück, zweites %1 von zweien</translation>
    </message>
    <message>
        <source>Everything</source>
        <translation>Alles</translation>
    </message>
    <message>
        <source>Everything, with roles</source>
        <translation>Alles, mit Rollen</translation>
    </message>
    <message>
        <source>Schema</source>
        <translation>Schema</translation>
    </message>
    <message>
        <source>Schema, with roles</source>
        <translation>Schema, mit Rollen</translation>
    </message>
    <message>
        <source>Data</source>
        <translation>Daten</translation>
    </message>
    <message>
        <source>Data, with roles</source>
        <translation>Daten, mit Rollen</translation>
    </message>
    <message>
        <source>Prove by restoring</source>
        <translation>Nachgewiesen: wiederhergestellt</translation>
    </message>
    <message>
        <source>Complete: every row counted</source>
        <translation>Vollständig: jede Zeile gezählt</translation>
    </message>
    <message>
        <source>Sealed: files hashed</source>
        <translation>Versiegelt: Dateien gehasht</translation>
    </message>
    <message>
        <source>the backup folder</source>
        <translation>den Sicherungsordner</translation>
    </message>
    <message>
        <source>mains power</source>
        <translation>Netzstrom</translation>
    </message>
    <message>
        <source>a network that is not metered</source>
        <translation>ein nicht getaktetes Netz</translation>
    </message>
    <message>
        <source>the server to answer</source>
        <translation>eine Antwort des Servers</translation>
    </message>
    <message>
        <source>tomorrow %1</source>
        <translation>morgen %1</translation>
    </message>
    <message>
        <source>today %1</source>
        <translation>heute %1</translation>
    </message>
    <message>
        <source>Until %1</source>
        <translation>Bis %1</translation>
    </message>
    <message>
        <source>It never comes again</source>
        <translation>Kein weiterer Termin</translation>
    </message>
    <message>
        <source>Next: %1</source>
        <translation>Nächster Termin: %1</translation>
    </message>
    <message>
        <source>Until you switch it on</source>
        <translation>Bis Sie ihn einschalten</translation>
    </message>
    <message>
        <source>Off</source>
        <translation>Aus</translation>
    </message>
    <message>
        <source>Retrying at %1</source>
        <translation>Neuer Versuch um %1</translation>
    </message>
    <message>
        <source>%1 waits for %2</source>
        <translation>%1 wartet auf %2</translation>
    </message>
    <message>
        <source>Backing up now</source>
        <translation>Wird gerade gesichert</translation>
    </message>
    <message>
        <source>Due now</source>
        <translation>Jetzt fällig</translation>
    </message>
    <message>
        <source>off</source>
        <translation>aus</translation>
    </message>
    <message>
        <source>on</source>
        <translation>ein</translation>
    </message>
    <message>
        <source>last</source>
        <translation>letzte</translation>
    </message>
    <message>
        <source>hourly</source>
        <translation>stündlich</translation>
    </message>
    <message>
        <source>daily</source>
        <translation>täglich</translation>
    </message>
    <message>
        <source>weekly</source>
        <translation>wöchentlich</translation>
    </message>
    <message>
        <source>monthly</source>
        <translation>monatlich</translation>
    </message>
    <message>
        <source>yearly</source>
        <translation>jährlich</translation>
    </message>
    <message>
        <source>days at most</source>
        <translation>Tage höchstens</translation>
    </message>
    <message>
        <source>project</source>
        <translation>Projekt</translation>
    </message>
    <message>
        <source>name</source>
        <translation>Name</translation>
    </message>
    <message>
        <source>times</source>
        <translation>Zeiten</translation>
    </message>
    <message>
        <source>time zone</source>
        <translation>Zeitzone</translation>
    </message>
    <message>
        <source>what</source>
        <translation>Inhalt</translation>
    </message>
    <message>
        <source>proof</source>
        <translation>Nachweis</translation>
    </message>
    <message>
        <source>folder</source>
        <translation>Ordner</translation>
    </message>
    <message>
        <source>the default one</source>
        <translation>Standardordner</translation>
    </message>
    <message>
        <source>not metered</source>
        <translation>nicht getaktet</translation>
    </message>
    <message>
        <source>server answers</source>
        <translation>Server antwortet</translation>
    </message>
    <message>
        <source>size at most</source>
        <translation>Größe höchstens</translation>
    </message>
    <message>
        <source>trash</source>
        <translation>Papierkorb</translation>
    </message>
    <message>
        <source>ddd d MMM yyyy</source>
        <translation>ddd d. MMM yyyy</translation>
    </message>
    <message>
        <source>in %1</source>
        <translation>in %1</translation>
    </message>
    <message>
        <source>in %1 days</source>
        <translation>in %1 Tagen</translation>
    </message>
</context>
<context>
    <name>state</name>
    <message>
        <source>Starting at login was not changed</source>
        <translation>Der Start bei der Anmeldung wurde nicht geändert</translation>
    </message>
    <message>
        <source>Starting at login could not be checked</source>
        <translation>Der Start bei der Anmeldung konnte nicht geprüft werden</translation>
    </message>
</context>
<context>
    <name>status</name>
    <message>
        <source>Proven</source>
        <translation>Nachgewiesen</translation>
    </message>
    <message>
        <source>Complete</source>
        <translation>Vollständig</translation>
    </message>
    <message>
        <source>Sealed</source>
        <translation>Versiegelt</translation>
    </message>
    <message>
        <source>Proof failed</source>
        <translation>Nachweis fehlgeschlagen</translation>
    </message>
    <message>
        <source>Good</source>
        <translation>Gut</translation>
    </message>
    <message>
        <source>Failed</source>
        <translation>Fehlgeschlagen</translation>
    </message>
    <message>
        <source>Overdue</source>
        <translation>Überfällig</translation>
    </message>
    <message>
        <source>Waiting</source>
        <translation>Wartet</translation>
    </message>
    <message>
        <source>Paused</source>
        <translation>Pausiert</translation>
    </message>
    <message>
        <source>Cancelled</source>
        <translation>Abgebrochen</translation>
    </message>
    <message>
        <source>Interrupted</source>
        <translation>Unterbrochen</translation>
    </message>
    <message>
        <source>Missed</source>
        <translation>Verpasst</translation>
    </message>
    <message>
        <source>No backup yet</source>
        <translation>Noch keine Sicherung</translation>
    </message>
    <message>
        <source>Damaged</source>
        <translation>Beschädigt</translation>
    </message>
    <message>
        <source>Folder missing</source>
        <translation>Ordner fehlt</translation>
    </message>
    <message>
        <source>Running</source>
        <translation>Läuft</translation>
    </message>
</context>
<context>
    <name>strip</name>
    <message>
        <source>%1 good</source>
        <translation>%1 gut</translation>
    </message>
    <message>
        <source>%1 failed</source>
        <translation>%1 fehlgeschlagen</translation>
    </message>
    <message>
        <source>%1 missed</source>
        <translation>%1 verpasst</translation>
    </message>
    <message>
        <source>running today</source>
        <translation>heute laufend</translation>
    </message>
    <message>
        <source>no backups in %1 days</source>
        <translation>keine Sicherungen in %1 Tagen</translation>
    </message>
    <message>
        <source>good</source>
        <translation>gut</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>fehlgeschlagen</translation>
    </message>
    <message>
        <source>missed</source>
        <translation>verpasst</translation>
    </message>
    <message>
        <source>nothing was scheduled</source>
        <translation>nichts geplant</translation>
    </message>
    <message>
        <source>running</source>
        <translation>läuft</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <translation>%1: %2</translation>
    </message>
    <message>
        <source>no backup at %1</source>
        <translation>keine Sicherung um %1</translation>
    </message>
    <message>
        <source>interrupted</source>
        <translation>unterbrochen</translation>
    </message>
    <message>
        <source>%1 runs</source>
        <translation>%1 Läufe</translation>
    </message>
</context>
</TS>
