<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en" sourcelanguage="en">
<context>
    <name>BackupPage</name>
    <message numerus="yes">
        <source>%n changed</source>
        <translation>
            <numerusform>%n changed</numerusform>
            <numerusform>%n changed</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 of %n table(s)</source>
        <translation>
            <numerusform>%1 of %n table</numerusform>
            <numerusform>%1 of %n tables</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 of %n table(s) of %2</source>
        <translation>
            <numerusform>%1 of %n table of %2</numerusform>
            <numerusform>%1 of %n tables of %2</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n table(s) of %1</source>
        <translation>
            <numerusform>%n table of %1</numerusform>
            <numerusform>%n tables of %1</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n table(s), %1 rows, %2 in %3.</source>
        <translation>
            <numerusform>%n table, %1 rows, %2 in %3.</numerusform>
            <numerusform>%n tables, %1 rows, %2 in %3.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>BackupRunning</name>
    <message numerus="yes">
        <source>%1 of %n table(s)</source>
        <translation>
            <numerusform>%1 of %n table</numerusform>
            <numerusform>%1 of %n tables</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>ChangesView</name>
    <message numerus="yes">
        <source>Nothing changed in %n table(s) since the backup before (%1).</source>
        <translation>
            <numerusform>Nothing changed in %n table since the backup before (%1).</numerusform>
            <numerusform>Nothing changed in %n tables since the backup before (%1).</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 row(s)</source>
        <translation>
            <numerusform>%1 row</numerusform>
            <numerusform>%1 rows</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>FolderField</name>
    <message numerus="yes">
        <source>%n backup(s), %1.</source>
        <translation>
            <numerusform>%n backup, %1.</numerusform>
            <numerusform>%n backups, %1.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Frame</name>
    <message numerus="yes">
        <source>Quit while %n operation(s) are running?</source>
        <translation>
            <numerusform>Quit while %n operation is running?</numerusform>
            <numerusform>Quit while %n operations are running?</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>HistoryPage</name>
    <message numerus="yes">
        <source>%1 backup(s)</source>
        <translation>
            <numerusform>%1 backup</numerusform>
            <numerusform>%1 backups</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>ProjectDetail</name>
    <message numerus="yes">
        <source>%n attempt(s) failed in a row.</source>
        <translation>
            <numerusform>%n attempt failed in a row.</numerusform>
            <numerusform>%n attempts failed in a row.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Overdue for %n day(s)</source>
        <translation>
            <numerusform>Overdue for %n day</numerusform>
            <numerusform>Overdue for %n days</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>in %n schema(s)</source>
        <translation>
            <numerusform>in %n schema</numerusform>
            <numerusform>in %n schemas</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>ProjectsPage</name>
    <message numerus="yes">
        <source>Its %n backup(s), %1, stay in their folder and in History.</source>
        <translation>
            <numerusform>Its %n backup, %1, stays in its folder and in History.</numerusform>
            <numerusform>Its %n backups, %1, stay in their folder and in History.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>ProofSummary</name>
    <message numerus="yes">
        <source>%1 table(s)</source>
        <translation>
            <numerusform>%1 table</numerusform>
            <numerusform>%1 tables</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 row(s)</source>
        <translation>
            <numerusform>%1 row</numerusform>
            <numerusform>%1 rows</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 sequence(s)</source>
        <translation>
            <numerusform>%1 sequence</numerusform>
            <numerusform>%1 sequences</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 large object(s)</source>
        <translation>
            <numerusform>%1 large object</numerusform>
            <numerusform>%1 large objects</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 object(s)</source>
        <translation>
            <numerusform>%1 object</numerusform>
            <numerusform>%1 objects</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 file(s)</source>
        <translation>
            <numerusform>%1 file</numerusform>
            <numerusform>%1 files</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>RestoreChoice</name>
    <message numerus="yes">
        <source>%1 of %n table(s)</source>
        <translation>
            <numerusform>%1 of %n table</numerusform>
            <numerusform>%1 of %n tables</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>RestoreReportView</name>
    <message numerus="yes">
        <source>%1 of %n table(s) match the source, row for row.</source>
        <translation>
            <numerusform>%1 of %n table match the source, row for row.</numerusform>
            <numerusform>%1 of %n tables match the source, row for row.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>All rows are there, but %n statement(s) failed.</source>
        <translation>
            <numerusform>All rows are there, but %n statement failed.</numerusform>
            <numerusform>All rows are there, but %n statements failed.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n object(s) restored.</source>
        <translation>
            <numerusform>%n object restored.</numerusform>
            <numerusform>%n objects restored.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>All %n table(s) match the source, row for row.</source>
        <translation>
            <numerusform>All %n table match the source, row for row.</numerusform>
            <numerusform>All %n tables match the source, row for row.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n statement(s) failed</source>
        <translation>
            <numerusform>%n statement failed</numerusform>
            <numerusform>%n statements failed</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>SecurityPage</name>
    <message numerus="yes">
        <source>%1 of %n project(s) has its password there.</source>
        <translation>
            <numerusform>%1 of %n project has its password there.</numerusform>
            <numerusform>%1 of %n projects have their passwords there.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>SizeChart</name>
    <message numerus="yes">
        <source>%n backup(s), from %1 to %2</source>
        <translation>
            <numerusform>%n backup, from %1 to %2</numerusform>
            <numerusform>%n backups, from %1 to %2</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>TableTree</name>
    <message numerus="yes">
        <source>%n table(s)</source>
        <translation>
            <numerusform>%n table</numerusform>
            <numerusform>%n tables</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 of %n table(s)</source>
        <translation>
            <numerusform>%1 of %n table</numerusform>
            <numerusform>%1 of %n tables</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>health</name>
    <message numerus="yes">
        <source>%n minute(s) ago</source>
        <translation>
            <numerusform>%n minute ago</numerusform>
            <numerusform>%n minutes ago</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n hour(s) ago</source>
        <translation>
            <numerusform>%n hour ago</numerusform>
            <numerusform>%n hours ago</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n day(s) ago</source>
        <translation>
            <numerusform>%n day ago</numerusform>
            <numerusform>%n days ago</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n project(s) are overdue</source>
        <translation>
            <numerusform>%n project is overdue</numerusform>
            <numerusform>%n projects are overdue</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>The last backups of %n project(s) failed</source>
        <translation>
            <numerusform>The last backup of %n project failed</numerusform>
            <numerusform>The last backups of %n projects failed</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>The last backups of %n project(s) are not good</source>
        <translation>
            <numerusform>The last backup of %n project is not good</numerusform>
            <numerusform>The last backups of %n projects are not good</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Old backups of %n project(s) are damaged</source>
        <translation>
            <numerusform>Old backups of %n project are damaged</numerusform>
            <numerusform>Old backups of %n projects are damaged</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n project(s) have never been backed up</source>
        <translation>
            <numerusform>%n project has never been backed up</numerusform>
            <numerusform>%n projects have never been backed up</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n project(s) have never been proven</source>
        <translation>
            <numerusform>%n project has never been proven</numerusform>
            <numerusform>%n projects have never been proven</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>The last proofs of %n project(s) are long ago</source>
        <translation>
            <numerusform>The last proof of %n project is long ago</numerusform>
            <numerusform>The last proofs of %n projects are long ago</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n project(s) wait</source>
        <translation>
            <numerusform>%n project waits</numerusform>
            <numerusform>%n projects wait</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n project(s) are being backed up</source>
        <translation>
            <numerusform>%n project is being backed up</numerusform>
            <numerusform>%n projects are being backed up</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>The schedules of %n project(s) are off</source>
        <translation>
            <numerusform>The schedules of %n project are off</numerusform>
            <numerusform>The schedules of %n projects are off</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n more</source>
        <translation>
            <numerusform>%n more</numerusform>
            <numerusform>%n more</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>plan</name>
    <message numerus="yes">
        <source>the rows of %n table(s)</source>
        <translation>
            <numerusform>the rows of %n table</numerusform>
            <numerusform>the rows of %n tables</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n other object(s)</source>
        <translation>
            <numerusform>%n other object</numerusform>
            <numerusform>%n other objects</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 and %n more</source>
        <translation>
            <numerusform>%1 and %n more</numerusform>
            <numerusform>%1 and %n more</numerusform>
        </translation>
    </message>
</context>
</TS>
