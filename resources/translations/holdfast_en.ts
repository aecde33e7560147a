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
</TS>
