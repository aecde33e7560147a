<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="es" sourcelanguage="en">
<context>
    <name>AdvancedPage</name>
    <message>
        <source>Advanced</source>
        <translation>Avanzado</translation>
    </message>
    <message>
        <source>Automatic</source>
        <translation>Automático</translation>
    </message>
    <message>
        <source> min</source>
        <translation> min</translation>
    </message>
    <message>
        <source>Open Folder</source>
        <translation>Abrir carpeta</translation>
    </message>
    <message>
        <source>Workers of one backup or restore. Automatic takes what this computer and the server allow.</source>
        <translation>Procesos de cada copia o restauración. «Automático» usa lo que permiten este equipo y el servidor.</translation>
    </message>
    <message>
        <source>Parallel jobs</source>
        <translation>Procesos paralelos</translation>
    </message>
    <message>
        <source>An operation without progress for this long is stopped and reported as stalled.</source>
        <translation>Una operación que no avanza durante este tiempo se detiene y se notifica como estancada.</translation>
    </message>
    <message>
        <source>Old backups</source>
        <translation>Copias antiguas</translation>
    </message>
    <message>
        <source>Copy Diagnostics</source>
        <translation>Copiar diagnóstico</translation>
    </message>
    <message>
        <source>Versions, tools, settings and the last lines of the log, without secrets and names. It is only put into the clipboard: read it before you send it.</source>
        <translation>Versiones, herramientas, ajustes y las últimas líneas del registro, sin secretos ni nombres. Solo se copia al portapapeles: conviene leerlo antes de enviarlo.</translation>
    </message>
    <message>
        <source>Diagnostics</source>
        <translation>Diagnóstico</translation>
    </message>
    <message>
        <source>Collecting…</source>
        <translation>Recopilando…</translation>
    </message>
    <message>
        <source>Copied</source>
        <translation>Copiado</translation>
    </message>
    <message>
        <source>The diagnostics were not collected</source>
        <translation>No se recopiló el diagnóstico</translation>
    </message>
    <message>
        <source>Stall limit</source>
        <translation>Límite sin avance</translation>
    </message>
    <message>
        <source>Prove the newest every week</source>
        <translation>Probar la más reciente cada semana</translation>
    </message>
    <message>
        <source>The newest backup of each project is restored and compared. Files of all backups are compared with their checksums every month in any case.</source>
        <translation>La copia más reciente de cada proyecto se restaura y se compara. Los archivos de todas las copias se comparan en todo caso cada mes con sus sumas de comprobación.</translation>
    </message>
    <message>
        <source>What Holdfast did, and a file for each operation. Passwords are never logged.</source>
        <translation>Lo que hizo Holdfast, y un archivo por operación. Las contraseñas nunca se registran.</translation>
    </message>
    <message>
        <source>Logs</source>
        <translation>Registros</translation>
    </message>
</context>
<context>
    <name>BackupOptionsForm</name>
    <message>
        <source>Why this backup, if you like</source>
        <translation>Motivo de la copia (opcional)</translation>
    </message>
    <message>
        <source>Everything</source>
        <translation>Todo</translation>
    </message>
    <message>
        <source>Schema</source>
        <translation>Esquema</translation>
    </message>
    <message>
        <source>Data</source>
        <translation>Datos</translation>
    </message>
    <message>
        <source>What</source>
        <translation>Qué</translation>
    </message>
    <message>
        <source>Roles</source>
        <translation>Roles</translation>
    </message>
    <message>
        <source>Storage files</source>
        <translation>Archivos de Storage</translation>
    </message>
    <message>
        <source>Edge functions</source>
        <translation>Edge Functions</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>Ajustes</translation>
    </message>
    <message>
        <source>Of sign-in, API, storage and realtime; of secrets the names alone.</source>
        <translation>De inicio de sesión, API, Storage y Realtime; de los secretos, solo los nombres.</translation>
    </message>
    <message>
        <source>Directory</source>
        <translation>Directorio</translation>
    </message>
    <message>
        <source>Parallel; one table can be restored alone.</source>
        <translation>En paralelo; se puede restaurar una sola tabla.</translation>
    </message>
    <message>
        <source>Custom</source>
        <translation>Personalizado</translation>
    </message>
    <message>
        <source>One file; one table can be restored alone.</source>
        <translation>Un archivo; se puede restaurar una sola tabla.</translation>
    </message>
    <message>
        <source>Plain SQL</source>
        <translation>SQL simple</translation>
    </message>
    <message>
        <source>A script to read; slow for large databases.</source>
        <translation>Un script legible; lento con bases de datos grandes.</translation>
    </message>
    <message>
        <source>Best that the tools have</source>
        <translation>La mejor disponible</translation>
    </message>
    <message>
        <source>zstd where pg_dump has it, else gzip.</source>
        <translation>zstd si pg_dump lo admite; si no, gzip.</translation>
    </message>
    <message>
        <source>zstd, level 3</source>
        <translation>zstd, nivel 3</translation>
    </message>
    <message>
        <source>About as fast as a server sends, and small.</source>
        <translation>Casi al ritmo del servidor, y compacta.</translation>
    </message>
    <message>
        <source>Read by everything, and three times as slow.</source>
        <translation>Compatible con todo, pero tres veces más lenta.</translation>
    </message>
    <message>
        <source>Costs hardly any time; the files are larger.</source>
        <translation>Apenas lleva tiempo; los archivos son más grandes.</translation>
    </message>
    <message>
        <source>For plain SQL alone: small and slow.</source>
        <translation>Solo para SQL simple: compacta y lenta.</translation>
    </message>
    <message>
        <source>None</source>
        <translation>Ninguna</translation>
    </message>
    <message>
        <source>For folders that compress or deduplicate by themselves.</source>
        <translation>Para carpetas que ya comprimen o deduplican.</translation>
    </message>
    <message>
        <source>Prove by restoring</source>
        <translation>Probar restaurando</translation>
    </message>
    <message>
        <source>Complete</source>
        <translation>Completa</translation>
    </message>
    <message>
        <source>Change…</source>
        <translation>Cambiar…</translation>
    </message>
    <message>
        <source>the roles</source>
        <translation>los roles</translation>
    </message>
    <message>
        <source>the storage files</source>
        <translation>los archivos de Storage</translation>
    </message>
    <message>
        <source>the edge functions</source>
        <translation>las Edge Functions</translation>
    </message>
    <message>
        <source>the settings</source>
        <translation>los ajustes</translation>
    </message>
    <message>
        <source>This is not a whole path: begin at the root, or choose the folder.</source>
        <translation>La ruta no está completa: empiece por la raíz o elija la carpeta.</translation>
    </message>
    <message>
        <source>This is a file, not a folder.</source>
        <translation>Es un archivo, no una carpeta.</translation>
    </message>
    <message>
        <source>Choose at least one table.</source>
        <translation>Elija al menos una tabla.</translation>
    </message>
    <message>
        <source>Choose a Folder</source>
        <translation>Elegir una carpeta</translation>
    </message>
    <message>
        <source>Restored here and compared byte for byte.</source>
        <translation>Se restaura aquí y se compara byte a byte.</translation>
    </message>
    <message>
        <source>Every row counted and hashed, not restored.</source>
        <translation>Filas contadas y con hash, sin restaurar.</translation>
    </message>
    <message>
        <source>Note</source>
        <translation>Nota</translation>
    </message>
    <message>
        <source>Parts</source>
        <translation>Partes</translation>
    </message>
    <message>
        <source>Format</source>
        <translation>Formato</translation>
    </message>
    <message>
        <source>Compression</source>
        <translation>Compresión</translation>
    </message>
    <message>
        <source>Proof</source>
        <translation>Prueba</translation>
    </message>
    <message>
        <source>Folder</source>
        <translation>Carpeta</translation>
    </message>
</context>
<context>
    <name>BackupPage</name>
    <message>
        <source>Back Up Now</source>
        <translation>Hacer copia</translation>
    </message>
    <message>
        <source>Options</source>
        <translation>Opciones</translation>
    </message>
    <message>
        <source>Reset Options</source>
        <translation>Restablecer</translation>
    </message>
    <message>
        <source>looking at the database…</source>
        <translation>examinando la base de datos…</translation>
    </message>
    <message>
        <source>the database could not be asked</source>
        <translation>no se pudo consultar la base de datos</translation>
    </message>
    <message>
        <source>Try Again</source>
        <translation>Reintentar</translation>
    </message>
    <message numerus="yes">
        <source>%n changed</source>
        <translation>
            <numerusform>%n cambio</numerusform>
            <numerusform>%n cambios</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 of %n table(s)</source>
        <translation>
            <numerusform>%1 de %n tabla</numerusform>
            <numerusform>%1 de %n tablas</numerusform>
        </translation>
    </message>
    <message>
        <source>%1 in the database</source>
        <translation>%1 en la base de datos</translation>
    </message>
    <message>
        <source>all tables of %1</source>
        <translation>todas las tablas de %1</translation>
    </message>
    <message numerus="yes">
        <source>%1 of %n table(s) of %2</source>
        <translation>
            <numerusform>%1 de %n tabla de %2</numerusform>
            <numerusform>%1 de %n tablas de %2</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n table(s) of %1</source>
        <translation>
            <numerusform>%n tabla de %1</numerusform>
            <numerusform>%n tablas de %1</numerusform>
        </translation>
    </message>
    <message>
        <source>the definitions of %1</source>
        <translation>las definiciones de %1</translation>
    </message>
    <message>
        <source>the rows of %1</source>
        <translation>las filas de %1</translation>
    </message>
    <message>
        <source>%1 and %2</source>
        <translation>%1 y %2</translation>
    </message>
    <message>
        <source>Back up %1 in one snapshot, then prove it by restoring it on this computer.</source>
        <translation>Copiar %1 en una sola instantánea y probar la copia restaurándola en este equipo.</translation>
    </message>
    <message>
        <source>Back up %1 in one snapshot, and count and hash every row.</source>
        <translation>Copiar %1 en una sola instantánea, contar todas las filas y calcular su hash.</translation>
    </message>
    <message>
        <source>about %1</source>
        <translation>aprox. %1</translation>
    </message>
    <message>
        <source>, proof %1</source>
        <translation>, prueba %1</translation>
    </message>
    <message>
        <source>%1 free</source>
        <translation>%1 libres</translation>
    </message>
    <message>
        <source>The folder has too little space for this backup.</source>
        <translation>No hay espacio suficiente en la carpeta para esta copia.</translation>
    </message>
    <message>
        <source>It needs about %1, and %2 are free. Choose another folder, or free some space.</source>
        <translation>Necesita unos %1 y hay %2 libres. Elija otra carpeta o libere espacio.</translation>
    </message>
    <message>
        <source>The proof was cancelled. The backup is kept; it is complete, but not proven.</source>
        <translation>Se canceló la prueba. La copia se conserva; está completa, pero sin probar.</translation>
    </message>
    <message>
        <source>The backup was cancelled. Nothing of it is left.</source>
        <translation>Se canceló la copia. No ha quedado nada de ella.</translation>
    </message>
    <message>
        <source>%1 is backed up and proven.</source>
        <translation>Copia de %1 hecha y probada.</translation>
    </message>
    <message>
        <source>%1 is backed up; every row was counted and hashed.</source>
        <translation>Copia de %1 hecha; todas las filas contadas y con hash.</translation>
    </message>
    <message>
        <source>%1 is backed up; its files are sealed.</source>
        <translation>Copia de %1 hecha; sus archivos están sellados.</translation>
    </message>
    <message>
        <source>%1 is backed up, but the proof failed.</source>
        <translation>Copia de %1 hecha, pero la prueba falló.</translation>
    </message>
    <message numerus="yes">
        <source>%n table(s), %1 rows, %2 in %3.</source>
        <translation>
            <numerusform>%n tabla, %1 filas, %2 en %3.</numerusform>
            <numerusform>%n tablas, %1 filas, %2 en %3.</numerusform>
        </translation>
    </message>
    <message>
        <source>Open Folder</source>
        <translation>Abrir carpeta</translation>
    </message>
    <message>
        <source>Show in History</source>
        <translation>Ver en el historial</translation>
    </message>
    <message>
        <source>Project</source>
        <translation>Proyecto</translation>
    </message>
    <message>
        <source>Backup</source>
        <translation>Copia</translation>
    </message>
    <message>
        <source>Add Project…</source>
        <translation>Añadir proyecto…</translation>
    </message>
    <message>
        <source>Try With Sample Data</source>
        <translation>Usar datos de ejemplo</translation>
    </message>
    <message>
        <source>There is nothing to back up yet</source>
        <translation>Aún no hay nada que copiar</translation>
    </message>
    <message>
        <source>Add a project: a Supabase project, or any PostgreSQL database.</source>
        <translation>Añada un proyecto: uno de Supabase o cualquier base de datos PostgreSQL.</translation>
    </message>
</context>
<context>
    <name>BackupRunning</name>
    <message>
        <source>Tables</source>
        <translation>Tablas</translation>
    </message>
    <message>
        <source>Started %1, into %2</source>
        <translation>Iniciada a las %1, en %2</translation>
    </message>
    <message numerus="yes">
        <source>%1 of %n table(s)</source>
        <translation>
            <numerusform>%1 de %n tabla</numerusform>
            <numerusform>%1 de %n tablas</numerusform>
        </translation>
    </message>
    <message>
        <source>%1 done, %2 in progress, %3 waiting</source>
        <translation>Hechas: %1, en curso: %2, en espera: %3</translation>
    </message>
    <message>
        <source>%1 written</source>
        <translation>%1 escritos</translation>
    </message>
</context>
<context>
    <name>ChangesView</name>
    <message>
        <source>Tables that changed</source>
        <translation>Tablas con cambios</translation>
    </message>
    <message numerus="yes">
        <source>Nothing changed in %n table(s) since the backup before (%1).</source>
        <translation>
            <numerusform>Nada ha cambiado en %n tabla desde la copia anterior (%1).</numerusform>
            <numerusform>Nada ha cambiado en %n tablas desde la copia anterior (%1).</numerusform>
        </translation>
    </message>
    <message>
        <source>Since the backup before: %1</source>
        <translation>Desde la copia anterior: %1</translation>
    </message>
    <message>
        <source>The backup before (%1) was made with another selection of tables.</source>
        <translation>La copia anterior (%1) se hizo con otra selección de tablas.</translation>
    </message>
    <message>
        <source>There is no backup before this one to compare it with.</source>
        <translation>No hay una copia anterior con la que compararla.</translation>
    </message>
    <message>
        <source>The backup before (%1) cannot be read, so there is nothing to compare with.</source>
        <translation>La copia anterior (%1) no se puede leer, así que no hay con qué comparar.</translation>
    </message>
    <message>
        <source>new table</source>
        <translation>tabla nueva</translation>
    </message>
    <message>
        <source>removed</source>
        <translation>eliminada</translation>
    </message>
    <message numerus="yes">
        <source>%1 row(s)</source>
        <translation>
            <numerusform>%1 fila</numerusform>
            <numerusform>%1 filas</numerusform>
        </translation>
    </message>
    <message>
        <source>other rows</source>
        <translation>otras filas</translation>
    </message>
    <message>
        <source>%1 before</source>
        <translation>antes: %1</translation>
    </message>
</context>
<context>
    <name>ConnectionChecklist</name>
    <message>
        <source>Connection check</source>
        <translation>Comprobación</translation>
    </message>
    <message>
        <source>%1 of %2 passed</source>
        <translation>%1 de %2 superadas</translation>
    </message>
    <message>
        <source>, %1 failed</source>
        <translation>, %1 con error</translation>
    </message>
</context>
<context>
    <name>ConnectionFields</name>
    <message>
        <source>Encrypt if the server offers it</source>
        <translation>Cifrar si el servidor lo ofrece</translation>
    </message>
    <message>
        <source>Encrypt, check no certificate</source>
        <translation>Cifrar sin verificar certificado</translation>
    </message>
    <message>
        <source>Verify certificate</source>
        <translation>Verificar certificado</translation>
    </message>
    <message>
        <source>Verify certificate and name</source>
        <translation>Verificar certificado y nombre</translation>
    </message>
    <message>
        <source>Do not encrypt</source>
        <translation>No cifrar</translation>
    </message>
    <message>
        <source>as the user</source>
        <translation>como el usuario</translation>
    </message>
    <message>
        <source>as you are called on this computer</source>
        <translation>su usuario en este equipo</translation>
    </message>
    <message>
        <source>Show the password</source>
        <translation>Mostrar la contraseña</translation>
    </message>
    <message>
        <source>Choose…</source>
        <translation>Elegir…</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>Nombre</translation>
    </message>
    <message>
        <source>Host</source>
        <translation>Host</translation>
    </message>
    <message>
        <source>Port</source>
        <translation>Puerto</translation>
    </message>
    <message>
        <source>Database</source>
        <translation>Base de datos</translation>
    </message>
    <message>
        <source>User</source>
        <translation>Usuario</translation>
    </message>
    <message>
        <source>Password</source>
        <translation>Contraseña</translation>
    </message>
    <message>
        <source>TLS</source>
        <translation>TLS</translation>
    </message>
    <message>
        <source>Authority</source>
        <translation>Autoridad</translation>
    </message>
    <message>
        <source>Options</source>
        <translation>Opciones</translation>
    </message>
    <message>
        <source>Choose the Authority&apos;s Certificate</source>
        <translation>Elegir el certificado de la autoridad</translation>
    </message>
    <message>
        <source>Certificates (*.crt *.pem *.cer)</source>
        <translation>Certificados (*.crt *.pem *.cer)</translation>
    </message>
    <message>
        <source>All files (*)</source>
        <translation>Todos los archivos (*)</translation>
    </message>
</context>
<context>
    <name>ConnectionString</name>
    <message>
        <source>Connection string</source>
        <translation>Cadena de conexión</translation>
    </message>
    <message>
        <source>Enter Another</source>
        <translation>Introducir otra</translation>
    </message>
    <message>
        <source>Filled in below.</source>
        <translation>Los campos de abajo están rellenos.</translation>
    </message>
    <message>
        <source>Filled in below. The password has been taken out of the text.</source>
        <translation>Los campos de abajo están rellenos. La contraseña se ha quitado del texto.</translation>
    </message>
</context>
<context>
    <name>DateRangeDialog</name>
    <message>
        <source>Choose Dates</source>
        <translation>Elegir fechas</translation>
    </message>
    <message>
        <source>Show These Dates</source>
        <translation>Mostrar estas fechas</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Cancelar</translation>
    </message>
    <message>
        <source>From</source>
        <translation>Desde</translation>
    </message>
    <message>
        <source>To</source>
        <translation>Hasta</translation>
    </message>
    <message>
        <source>The last day is before the first.</source>
        <translation>El último día es anterior al primero.</translation>
    </message>
</context>
<context>
    <name>DetailPages</name>
    <message>
        <source>Reading the backup…</source>
        <translation>Leyendo la copia…</translation>
    </message>
    <message>
        <source>Tables of the backup</source>
        <translation>Tablas de la copia</translation>
    </message>
    <message>
        <source>Log</source>
        <translation>Registro</translation>
    </message>
    <message>
        <source>No log of it is kept any more.</source>
        <translation>Su registro ya no se conserva.</translation>
    </message>
    <message>
        <source>Table</source>
        <translation>Tabla</translation>
    </message>
    <message>
        <source>Rows</source>
        <translation>Filas</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>Tamaño</translation>
    </message>
</context>
<context>
    <name>DropOverlay</name>
    <message>
        <source>Drop to look inside</source>
        <translation>Suelte para ver el contenido</translation>
    </message>
</context>
<context>
    <name>DropZone</name>
    <message>
        <source>Drop a backup here</source>
        <translation>Suelte aquí una copia</translation>
    </message>
    <message>
        <source>Choose File…</source>
        <translation>Elegir archivo…</translation>
    </message>
    <message>
        <source>Choose Folder…</source>
        <translation>Elegir carpeta…</translation>
    </message>
    <message>
        <source>A folder, .dump, .sql, .gz, .zst, .tar, or what the Supabase dashboard or CLI gave you</source>
        <translation>Una carpeta, .dump, .sql, .gz, .zst, .tar o lo que haya obtenido del panel o la CLI de Supabase</translation>
    </message>
    <message>
        <source>Nothing is changed until you have seen the plan.</source>
        <translation>No se cambia nada hasta que haya visto el plan.</translation>
    </message>
    <message>
        <source>Choose a Backup</source>
        <translation>Elegir una copia</translation>
    </message>
    <message>
        <source>Choose a Backup Folder</source>
        <translation>Elegir la carpeta de una copia</translation>
    </message>
</context>
<context>
    <name>DumpProgress</name>
    <message>
        <source>Table</source>
        <translation>Tabla</translation>
    </message>
    <message>
        <source>Rows</source>
        <translation>Filas</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>Tamaño</translation>
    </message>
    <message>
        <source>Progress</source>
        <translation>Progreso</translation>
    </message>
    <message>
        <source>%1 of %2</source>
        <translation>%1 de %2</translation>
    </message>
    <message>
        <source>done</source>
        <translation>hecha</translation>
    </message>
    <message>
        <source>waits</source>
        <translation>espera</translation>
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
        <translation>Qué hacer</translation>
    </message>
    <message>
        <source>Details</source>
        <translation>Detalles</translation>
    </message>
    <message>
        <source>An error in Holdfast itself</source>
        <translation>Un error del propio Holdfast</translation>
    </message>
    <message>
        <source>Copy the details and report them. Backups that are finished are not touched by this.</source>
        <translation>Copie los detalles y comuníquelos. Las copias terminadas no se ven afectadas.</translation>
    </message>
    <message>
        <source>Copy Details</source>
        <translation>Copiar detalles</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Cerrar</translation>
    </message>
</context>
<context>
    <name>FilesView</name>
    <message>
        <source>File</source>
        <translation>Archivo</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>Tamaño</translation>
    </message>
    <message>
        <source>SHA-256</source>
        <translation>SHA-256</translation>
    </message>
    <message>
        <source>Files of the backup</source>
        <translation>Archivos de la copia</translation>
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
        <translation>Carpeta de copias</translation>
    </message>
    <message>
        <source>Change…</source>
        <translation>Cambiar…</translation>
    </message>
    <message>
        <source>Choose another folder for backups</source>
        <translation>Elegir otra carpeta para las copias</translation>
    </message>
    <message>
        <source>Create Folder</source>
        <translation>Crear carpeta</translation>
    </message>
    <message>
        <source>Give the whole path, from the root on.</source>
        <translation>Indique la ruta completa, desde la raíz.</translation>
    </message>
    <message>
        <source>Looking…</source>
        <translation>Examinando…</translation>
    </message>
    <message>
        <source>Choose the Folder for Backups</source>
        <translation>Elegir la carpeta de copias</translation>
    </message>
    <message>
        <source>There is no such folder</source>
        <translation>Esta carpeta no existe</translation>
    </message>
    <message>
        <source>It cannot be written to: %1.</source>
        <translation>No se puede escribir en ella: %1.</translation>
    </message>
    <message>
        <source>%1 free of %2</source>
        <translation>%1 libres de %2</translation>
    </message>
    <message>
        <source>Writable, %1.</source>
        <translation>Se puede escribir, %1.</translation>
    </message>
    <message numerus="yes">
        <source>%n backup(s), %1.</source>
        <translation>
            <numerusform>%n copia, %1.</numerusform>
            <numerusform>%n copias, %1.</numerusform>
        </translation>
    </message>
    <message>
        <source>It is not connected.</source>
        <translation>No está conectada.</translation>
    </message>
    <message>
        <source>The first backup creates it. %1.</source>
        <translation>La primera copia la crea. %1.</translation>
    </message>
</context>
<context>
    <name>Frame</name>
    <message>
        <source>%1 running</source>
        <translation>%1 en curso</translation>
    </message>
    <message>
        <source>%1 waiting</source>
        <translation>%1 en espera</translation>
    </message>
    <message>
        <source>%1: failed</source>
        <translation>%1: error</translation>
    </message>
    <message>
        <source>Stop and Quit</source>
        <translation>Detener y salir</translation>
    </message>
    <message>
        <source>Quit Holdfast</source>
        <translation>Salir de Holdfast</translation>
    </message>
    <message>
        <source>Keep Running in Background</source>
        <translation>Seguir en segundo plano</translation>
    </message>
    <message numerus="yes">
        <source>Quit while %n operation(s) are running?</source>
        <translation>
            <numerusform>¿Salir con %n operación en curso?</numerusform>
            <numerusform>¿Salir con %n operaciones en curso?</numerusform>
        </translation>
    </message>
    <message>
        <source>What is stopped leaves nothing behind. Backups that are finished stay.</source>
        <translation>Lo que se detiene no deja nada. Las copias terminadas se conservan.</translation>
    </message>
    <message>
        <source>Something was entered that is not saved.</source>
        <translation>Hay datos introducidos sin guardar.</translation>
    </message>
    <message>
        <source>It is lost when Holdfast quits.</source>
        <translation>Se pierden al salir de Holdfast.</translation>
    </message>
    <message>
        <source>Keep Holdfast running?</source>
        <translation>¿Mantener Holdfast abierto?</translation>
    </message>
    <message>
        <source>Schedules run, and failures are told, only while Holdfast runs.</source>
        <translation>Las programaciones y los avisos de fallos solo funcionan con Holdfast abierto.</translation>
    </message>
    <message>
        <source>Do not ask again</source>
        <translation>No volver a preguntar</translation>
    </message>
</context>
<context>
    <name>GeneralPage</name>
    <message>
        <source>General</source>
        <translation>General</translation>
    </message>
    <message>
        <source>Start Holdfast, hidden</source>
        <translation>Iniciar Holdfast oculto</translation>
    </message>
    <message>
        <source>Start Holdfast, hidden in the tray</source>
        <translation>Iniciar Holdfast oculto en la bandeja</translation>
    </message>
    <message>
        <source>Show an icon that tells how backups stand</source>
        <translation>Mostrar un icono con el estado de las copias</translation>
    </message>
    <message>
        <source>Keeps Holdfast running</source>
        <translation>Mantener Holdfast abierto</translation>
    </message>
    <message>
        <source>Keeps Holdfast running in the tray</source>
        <translation>Mantener Holdfast en la bandeja</translation>
    </message>
    <message>
        <source>Quits Holdfast</source>
        <translation>Salir de Holdfast</translation>
    </message>
    <message>
        <source>Asks each time</source>
        <translation>Preguntar cada vez</translation>
    </message>
    <message>
        <source>Follow System</source>
        <translation>Como el sistema</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>Claro</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>Oscuro</translation>
    </message>
    <message>
        <source>Appearance</source>
        <translation>Aspecto</translation>
    </message>
    <message>
        <source>The language changes when Holdfast starts again.</source>
        <translation>El idioma cambia al reiniciar Holdfast.</translation>
    </message>
    <message>
        <source>Backup folder</source>
        <translation>Carpeta de copias</translation>
    </message>
    <message>
        <source>Schedules run while Holdfast runs, or after “holdfast schedules install”.</source>
        <translation>Las programaciones se ejecutan mientras Holdfast está abierto, o tras «holdfast schedules install».</translation>
    </message>
    <message>
        <source>At login</source>
        <translation>Al iniciar sesión</translation>
    </message>
    <message>
        <source>Tray</source>
        <translation>Bandeja</translation>
    </message>
    <message>
        <source>Closing the window</source>
        <translation>Al cerrar la ventana</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>Idioma</translation>
    </message>
    <message>
        <source>UTC is in the tool tip of every time.</source>
        <translation>La hora UTC aparece al señalar cualquier hora.</translation>
    </message>
    <message>
        <source>Times</source>
        <translation>Horas</translation>
    </message>
    <message>
        <source>New versions</source>
        <translation>Versiones nuevas</translation>
    </message>
    <message>
        <source>Follow system (%1)</source>
        <translation>Como el sistema (%1)</translation>
    </message>
    <message>
        <source>Local time, %1</source>
        <translation>Hora local, %1</translation>
    </message>
</context>
<context>
    <name>HealthLine</name>
    <message>
        <source>Looking at your backups…</source>
        <translation>Examinando las copias…</translation>
    </message>
</context>
<context>
    <name>HistoryActs</name>
    <message>
        <source>Restore…</source>
        <translation>Restaurar…</translation>
    </message>
    <message>
        <source>Prove</source>
        <translation>Probar</translation>
    </message>
    <message>
        <source>Open a Copy</source>
        <translation>Consultar</translation>
    </message>
    <message>
        <source>Open Folder</source>
        <translation>Abrir carpeta</translation>
    </message>
    <message>
        <source>Verify Checksums</source>
        <translation>Verificar sumas</translation>
    </message>
    <message>
        <source>Export…</source>
        <translation>Exportar…</translation>
    </message>
    <message>
        <source>Pin</source>
        <translation>Fijar</translation>
    </message>
    <message>
        <source>Edit Note</source>
        <translation>Editar nota</translation>
    </message>
    <message>
        <source>Delete…</source>
        <translation>Eliminar…</translation>
    </message>
    <message>
        <source>Choose what to restore, and where</source>
        <translation>Elegir qué restaurar y dónde</translation>
    </message>
    <message>
        <source>Restore it into a throwaway server and compare everything</source>
        <translation>Restaurarla en un servidor desechable y compararlo todo</translation>
    </message>
    <message>
        <source>Restore it into a throwaway server to look at, until you close it</source>
        <translation>Restaurarla en un servidor desechable para consultarla hasta que la cierre</translation>
    </message>
    <message>
        <source>Read every file and hold it against its checksum</source>
        <translation>Leer cada archivo y contrastarlo con su suma de verificación</translation>
    </message>
    <message>
        <source>Write it as one file</source>
        <translation>Guardarla como un solo archivo</translation>
    </message>
    <message>
        <source>Unpin</source>
        <translation>Desfijar</translation>
    </message>
    <message>
        <source>Remove From History…</source>
        <translation>Quitar del historial…</translation>
    </message>
</context>
<context>
    <name>HistoryDetail</name>
    <message>
        <source>The backup cannot be shown</source>
        <translation>No se puede mostrar la copia</translation>
    </message>
    <message>
        <source>Parts of the detail</source>
        <translation>Secciones del detalle</translation>
    </message>
    <message>
        <source>What Happened</source>
        <translation>Qué pasó</translation>
    </message>
    <message>
        <source>What Changed</source>
        <translation>Cambios</translation>
    </message>
    <message>
        <source>Tables</source>
        <translation>Tablas</translation>
    </message>
    <message>
        <source>Proof Report</source>
        <translation>Informe</translation>
    </message>
    <message>
        <source>Files</source>
        <translation>Archivos</translation>
    </message>
    <message>
        <source>Log</source>
        <translation>Registro</translation>
    </message>
    <message>
        <source>Notes</source>
        <translation>Notas</translation>
    </message>
    <message>
        <source>Proof</source>
        <translation>Prueba</translation>
    </message>
    <message>
        <source>Chart</source>
        <translation>Gráfico</translation>
    </message>
</context>
<context>
    <name>HistoryFilters</name>
    <message>
        <source>Project</source>
        <translation>Proyecto</translation>
    </message>
    <message>
        <source>All projects</source>
        <translation>Proyecto: todos</translation>
    </message>
    <message>
        <source>Result</source>
        <translation>Resultado</translation>
    </message>
    <message>
        <source>Any result</source>
        <translation>Resultado: todos</translation>
    </message>
    <message>
        <source>Proof</source>
        <translation>Prueba</translation>
    </message>
    <message>
        <source>Any proof</source>
        <translation>Prueba: todas</translation>
    </message>
    <message>
        <source>No proof</source>
        <translation>Sin prueba</translation>
    </message>
    <message>
        <source>Kind</source>
        <translation>Tipo</translation>
    </message>
    <message>
        <source>Any kind</source>
        <translation>Tipo: todos</translation>
    </message>
    <message>
        <source>Dates</source>
        <translation>Fechas</translation>
    </message>
    <message>
        <source>Any time</source>
        <translation>Fecha: todas</translation>
    </message>
    <message>
        <source>Today</source>
        <translation>Hoy</translation>
    </message>
    <message>
        <source>Last 7 days</source>
        <translation>Últimos 7 días</translation>
    </message>
    <message>
        <source>Last 30 days</source>
        <translation>Últimos 30 días</translation>
    </message>
    <message>
        <source>Last 90 days</source>
        <translation>Últimos 90 días</translation>
    </message>
    <message>
        <source>Choose Dates…</source>
        <translation>Elegir fechas…</translation>
    </message>
    <message>
        <source>%1 shown</source>
        <translation>%1 en lista</translation>
    </message>
    <message>
        <source>Search</source>
        <translation>Buscar</translation>
    </message>
    <message>
        <source>Search in projects, notes and errors</source>
        <translation>Buscar en proyectos, notas y errores</translation>
    </message>
</context>
<context>
    <name>HistoryHead</name>
    <message>
        <source>Back</source>
        <translation>Atrás</translation>
    </message>
    <message>
        <source>More</source>
        <translation>Más</translation>
    </message>
</context>
<context>
    <name>HistoryModel</name>
    <message>
        <source>Size against the project&apos;s backup before it</source>
        <translation>Tamaño respecto a la copia anterior del proyecto</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>Hora</translation>
    </message>
    <message>
        <source>Project</source>
        <translation>Proyecto</translation>
    </message>
    <message>
        <source>Kind</source>
        <translation>Tipo</translation>
    </message>
    <message>
        <source>Result</source>
        <translation>Resultado</translation>
    </message>
    <message>
        <source>Proof</source>
        <translation>Prueba</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>Tamaño</translation>
    </message>
    <message>
        <source>Duration</source>
        <translation>Duración</translation>
    </message>
    <message>
        <source>Trend</source>
        <translation>Cambio</translation>
    </message>
</context>
<context>
    <name>HistoryPage</name>
    <message>
        <source>The backup folder was not read</source>
        <translation>No se leyó la carpeta de copias</translation>
    </message>
    <message>
        <source>History</source>
        <translation>Historial</translation>
    </message>
    <message numerus="yes">
        <source>%1 backup(s)</source>
        <translation>
            <numerusform>%1 copia</numerusform>
            <numerusform>%1 copias</numerusform>
        </translation>
    </message>
    <message>
        <source>The history cannot be read</source>
        <translation>No se puede leer el historial</translation>
    </message>
    <message>
        <source>Sort By</source>
        <translation>Ordenar por</translation>
    </message>
</context>
<context>
    <name>HistoryPanes</name>
    <message>
        <source>Back Up Now</source>
        <translation>Hacer copia</translation>
    </message>
    <message>
        <source>Clear Filters</source>
        <translation>Quitar filtros</translation>
    </message>
    <message>
        <source>Try Again</source>
        <translation>Reintentar</translation>
    </message>
    <message>
        <source>No backups yet</source>
        <translation>Aún no hay copias</translation>
    </message>
    <message>
        <source>Each backup that is made, or tried, is listed here with its proof and what changed.</source>
        <translation>Aquí aparece cada copia hecha o intentada, con su prueba y los cambios.</translation>
    </message>
    <message>
        <source>No backup matches</source>
        <translation>Ninguna copia coincide</translation>
    </message>
    <message>
        <source>There are backups, but none that all filters let through.</source>
        <translation>Hay copias, pero ninguna cumple todos los filtros.</translation>
    </message>
    <message>
        <source>The history cannot be read</source>
        <translation>No se puede leer el historial</translation>
    </message>
    <message>
        <source>Your backups in the folder are not touched by this.</source>
        <translation>Esto no afecta a las copias de la carpeta.</translation>
    </message>
</context>
<context>
    <name>HistoryRequests</name>
    <message>
        <source>The note was not saved</source>
        <translation>No se guardó la nota</translation>
    </message>
    <message>
        <source>The backup was not pinned</source>
        <translation>No se fijó la copia</translation>
    </message>
    <message>
        <source>One file, tar (*.tar)</source>
        <translation>Un archivo, tar (*.tar)</translation>
    </message>
    <message>
        <source>One file, zip (*.zip)</source>
        <translation>Un archivo, zip (*.zip)</translation>
    </message>
    <message>
        <source>Export Backup</source>
        <translation>Exportar copia</translation>
    </message>
    <message>
        <source>The history cannot be read</source>
        <translation>No se puede leer el historial</translation>
    </message>
    <message>
        <source>Delete Backup</source>
        <translation>Eliminar copia</translation>
    </message>
    <message>
        <source>Delete the backup “%1”?</source>
        <translation>¿Eliminar la copia «%1»?</translation>
    </message>
    <message>
        <source>Its folder (%1) goes to the trash.</source>
        <translation>Su carpeta (%1) se mueve a la papelera.</translation>
    </message>
    <message>
        <source>Remove Entry</source>
        <translation>Quitar entrada</translation>
    </message>
    <message>
        <source>Remove “%1” from the history?</source>
        <translation>¿Quitar «%1» del historial?</translation>
    </message>
    <message>
        <source>The entry is forgotten. Nothing on any disk is deleted.</source>
        <translation>Se olvida la entrada. No se elimina nada de ningún disco.</translation>
    </message>
    <message>
        <source>It is the only good backup of %1: none is left then.</source>
        <translation>Es la única copia correcta de %1: no quedará ninguna.</translation>
    </message>
    <message>
        <source>It is the only proven backup of %1.</source>
        <translation>Es la única copia probada de %1.</translation>
    </message>
    <message>
        <source>It is the newest good backup of %1.</source>
        <translation>Es la copia correcta más reciente de %1.</translation>
    </message>
    <message>
        <source>You pinned it.</source>
        <translation>Está fijada.</translation>
    </message>
</context>
<context>
    <name>HistoryTable</name>
    <message>
        <source>Backups</source>
        <translation>Copias</translation>
    </message>
    <message>
        <source>Scheduled</source>
        <translation>Programada</translation>
    </message>
    <message>
        <source>Manual</source>
        <translation>Manual</translation>
    </message>
    <message>
        <source>Safety</source>
        <translation>Previa</translation>
    </message>
</context>
<context>
    <name>LatestBackups</name>
    <message>
        <source>Restore…</source>
        <translation>Restaurar…</translation>
    </message>
    <message>
        <source>Restore %1 of %2</source>
        <translation>Restaurar %1, %2</translation>
    </message>
</context>
<context>
    <name>LogDrawer</name>
    <message>
        <source>Log</source>
        <translation>Registro</translation>
    </message>
    <message>
        <source>Hide Log</source>
        <translation>Ocultar registro</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>Copiar</translation>
    </message>
    <message>
        <source>Open Log Folder</source>
        <translation>Abrir registros</translation>
    </message>
</context>
<context>
    <name>LoginOffer</name>
    <message>
        <source>Start at Login</source>
        <translation>Iniciar con la sesión</translation>
    </message>
    <message>
        <source>Not Now</source>
        <translation>Ahora no</translation>
    </message>
    <message>
        <source>Change…</source>
        <translation>Cambiar…</translation>
    </message>
    <message>
        <source>Schedules run while Holdfast runs. It starts at login, hidden.</source>
        <translation>Las programaciones funcionan con Holdfast abierto. Se inicia oculto al iniciar sesión.</translation>
    </message>
    <message>
        <source>Schedules run while Holdfast runs, or after “holdfast schedules install”.</source>
        <translation>Las programaciones se ejecutan mientras Holdfast está abierto, o tras «holdfast schedules install».</translation>
    </message>
    <message>
        <source>Schedules run only while Holdfast runs. Let it start at login, hidden, or let the system start them with “holdfast schedules install”.</source>
        <translation>Las programaciones solo se ejecutan mientras Holdfast está abierto. Deje que se inicie oculto con la sesión, o que el sistema las inicie con «holdfast schedules install».</translation>
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
        <translation>Las próximas horas aparecen cuando los campos de arriba son correctos.</translation>
    </message>
</context>
<context>
    <name>NoteEditor</name>
    <message>
        <source>What should be known of this backup</source>
        <translation>Qué conviene saber de esta copia</translation>
    </message>
    <message>
        <source>Note</source>
        <translation>Nota</translation>
    </message>
    <message>
        <source>Save Note</source>
        <translation>Guardar nota</translation>
    </message>
    <message>
        <source>Discard Changes</source>
        <translation>Descartar cambios</translation>
    </message>
    <message>
        <source>The note is too long.</source>
        <translation>La nota es demasiado larga.</translation>
    </message>
</context>
<context>
    <name>Notifications</name>
    <message>
        <source>Notifications work</source>
        <translation>Las notificaciones funcionan</translation>
    </message>
    <message>
        <source>Holdfast tells of failures while its window is not in front.</source>
        <translation>Holdfast avisa de los fallos cuando su ventana no está delante.</translation>
    </message>
    <message>
        <source>%1: failed</source>
        <translation>%1: error</translation>
    </message>
    <message>
        <source>Open Holdfast</source>
        <translation>Abrir Holdfast</translation>
    </message>
    <message>
        <source>Back Up Now</source>
        <translation>Hacer copia</translation>
    </message>
    <message>
        <source>Change Folder…</source>
        <translation>Cambiar carpeta…</translation>
    </message>
</context>
<context>
    <name>NotificationsPage</name>
    <message>
        <source>Notifications</source>
        <translation>Notificaciones</translation>
    </message>
    <message>
        <source>A backup failed</source>
        <translation>Una copia falla</translation>
    </message>
    <message>
        <source>A backup is overdue</source>
        <translation>Una copia está atrasada</translation>
    </message>
    <message>
        <source>The backup folder is not connected</source>
        <translation>La carpeta de copias no está conectada</translation>
    </message>
    <message>
        <source>A proof failed</source>
        <translation>Una prueba falló</translation>
    </message>
    <message>
        <source>A backup is done</source>
        <translation>Una copia terminó</translation>
    </message>
    <message>
        <source>Test</source>
        <translation>Comprobación</translation>
    </message>
    <message>
        <source>Sent. It should show now.</source>
        <translation>Enviada. Debería mostrarse ahora.</translation>
    </message>
    <message>
        <source>Send Test</source>
        <translation>Enviar ejemplo</translation>
    </message>
    <message>
        <source>Only while no window of Holdfast is in front. There is one for each project, which is taken back when all is well again.</source>
        <translation>Solo cuando ninguna ventana de Holdfast está delante. Hay una por proyecto, y se retira cuando todo vuelve a estar bien.</translation>
    </message>
    <message>
        <source>Tell me when</source>
        <translation>Avisar cuando</translation>
    </message>
    <message>
        <source>This desktop has neither a notification service nor a tray.</source>
        <translation>Este escritorio no tiene servicio de notificaciones ni bandeja.</translation>
    </message>
</context>
<context>
    <name>OperationSignals</name>
    <message>
        <source>Backing up %1</source>
        <translation>Copiando %1</translation>
    </message>
    <message>
        <source>Proving %1</source>
        <translation>Probando %1</translation>
    </message>
    <message>
        <source>Checking %1</source>
        <translation>Verificando %1</translation>
    </message>
    <message>
        <source>Restoring into %1</source>
        <translation>Restaurando en %1</translation>
    </message>
    <message>
        <source>Opening a copy of %1</source>
        <translation>Abriendo %1 para consulta</translation>
    </message>
    <message>
        <source>Trying with sample data</source>
        <translation>Usando datos de ejemplo</translation>
    </message>
    <message>
        <source>Exporting %1</source>
        <translation>Exportando %1</translation>
    </message>
    <message>
        <source>Deleting a backup of %1</source>
        <translation>Eliminando una copia de %1</translation>
    </message>
    <message>
        <source>Removing old backups of %1</source>
        <translation>Eliminando copias antiguas de %1</translation>
    </message>
    <message>
        <source>waiting for its turn</source>
        <translation>en cola</translation>
    </message>
    <message>
        <source>stopping</source>
        <translation>deteniendo</translation>
    </message>
    <message>
        <source>open; Cancel closes it</source>
        <translation>abierta; «Cancelar» la cierra</translation>
    </message>
    <message>
        <source>%1 rows/s</source>
        <translation>%1 filas/s</translation>
    </message>
    <message>
        <source>%1/s</source>
        <translation>%1/s</translation>
    </message>
    <message>
        <source>about %1 left</source>
        <translation>queda aprox. %1</translation>
    </message>
</context>
<context>
    <name>OwnNews</name>
    <message>
        <source>Holdfast ended unexpectedly: %1</source>
        <translation>Holdfast terminó de forma inesperada: %1</translation>
    </message>
    <message>
        <source>A report stays on this computer unless you send it to somebody.</source>
        <translation>El informe queda en este equipo mientras nadie lo envíe.</translation>
    </message>
    <message>
        <source>Copy Report</source>
        <translation>Copiar informe</translation>
    </message>
    <message>
        <source>Open Folder</source>
        <translation>Abrir carpeta</translation>
    </message>
    <message>
        <source>Dismiss</source>
        <translation>Descartar</translation>
    </message>
    <message>
        <source>The report is in the clipboard. Read it before you send it.</source>
        <translation>El informe está en el portapapeles. Conviene leerlo antes de enviarlo.</translation>
    </message>
    <message>
        <source>Collecting…</source>
        <translation>Recopilando…</translation>
    </message>
    <message>
        <source>The report was not made</source>
        <translation>No se creó el informe</translation>
    </message>
    <message>
        <source>Holdfast cannot write its log: %1</source>
        <translation>Holdfast no puede escribir su registro: %1</translation>
    </message>
    <message>
        <source>Holdfast asks %1 for the newest version’s number. It downloads and installs nothing.</source>
        <translation>Holdfast pregunta a %1 por el número de la versión más reciente. No descarga ni instala nada.</translation>
    </message>
    <message>
        <source>Look for new versions once a day?</source>
        <translation>¿Buscar versiones nuevas una vez al día?</translation>
    </message>
    <message>
        <source>Do Not Look</source>
        <translation>No buscar</translation>
    </message>
    <message>
        <source>Look Once a Day</source>
        <translation>Buscar una vez al día</translation>
    </message>
    <message>
        <source>Holdfast %1 is there</source>
        <translation>Ya está Holdfast %1</translation>
    </message>
    <message>
        <source>Its page says what is new, and how to get it.</source>
        <translation>En su página se explica qué hay de nuevo y cómo obtenerla.</translation>
    </message>
    <message>
        <source>Skip This Version</source>
        <translation>Omitir esta versión</translation>
    </message>
    <message>
        <source>Open Page</source>
        <translation>Abrir página</translation>
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
        <translation>Atrás</translation>
    </message>
    <message>
        <source>Back Up Now</source>
        <translation>Hacer copia</translation>
    </message>
    <message>
        <source>Prove</source>
        <translation>Probar</translation>
    </message>
    <message>
        <source>Restore…</source>
        <translation>Restaurar…</translation>
    </message>
    <message>
        <source>More</source>
        <translation>Más</translation>
    </message>
    <message>
        <source>Edit and Test Connection…</source>
        <translation>Editar y comprobar conexión…</translation>
    </message>
    <message>
        <source>Show in History</source>
        <translation>Ver en el historial</translation>
    </message>
    <message>
        <source>Schedules</source>
        <translation>Programaciones</translation>
    </message>
    <message>
        <source>Delete Project…</source>
        <translation>Eliminar proyecto…</translation>
    </message>
    <message>
        <source>Edit Connection…</source>
        <translation>Editar conexión…</translation>
    </message>
    <message>
        <source>Use Session Pooler</source>
        <translation>Usar «session pooler»</translation>
    </message>
    <message numerus="yes">
        <source>%n attempt(s) failed in a row.</source>
        <translation>
            <numerusform>Falló %n intento.</numerusform>
            <numerusform>Fallaron %n intentos seguidos.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Overdue for %n day(s)</source>
        <translation>
            <numerusform>Con %n día de retraso</numerusform>
            <numerusform>Con %n días de retraso</numerusform>
        </translation>
    </message>
    <message>
        <source>Connection</source>
        <translation>Conexión</translation>
    </message>
    <message>
        <source>Content</source>
        <translation>Contenido</translation>
    </message>
    <message>
        <source>Protection</source>
        <translation>Protección</translation>
    </message>
    <message>
        <source>%1, as %2</source>
        <translation>%1, como %2</translation>
    </message>
    <message>
        <source>if the server offers it</source>
        <translation>si el servidor lo ofrece</translation>
    </message>
    <message>
        <source>required, not checked</source>
        <translation>obligatorio, sin verificar</translation>
    </message>
    <message>
        <source>certificate checked</source>
        <translation>certificado verificado</translation>
    </message>
    <message>
        <source>certificate and name checked</source>
        <translation>certificado y nombre verificados</translation>
    </message>
    <message>
        <source>off</source>
        <translation>desactivado</translation>
    </message>
    <message>
        <source>Host</source>
        <translation>Host</translation>
    </message>
    <message>
        <source>Database</source>
        <translation>Base de datos</translation>
    </message>
    <message>
        <source>TLS</source>
        <translation>TLS</translation>
    </message>
    <message>
        <source>Server</source>
        <translation>Servidor</translation>
    </message>
    <message>
        <source>Tool</source>
        <translation>Herramienta</translation>
    </message>
    <message numerus="yes">
        <source>in %n schema(s)</source>
        <translation>
            <numerusform>en %n esquema</numerusform>
            <numerusform>en %n esquemas</numerusform>
        </translation>
    </message>
    <message>
        <source>Tables</source>
        <translation>Tablas</translation>
    </message>
    <message>
        <source>Rows</source>
        <translation>Filas</translation>
    </message>
    <message>
        <source>Largest</source>
        <translation>Mayor</translation>
    </message>
    <message>
        <source>Extensions</source>
        <translation>Extensiones</translation>
    </message>
    <message>
        <source>Roles</source>
        <translation>Roles</translation>
    </message>
    <message>
        <source>%1 on disk, %2</source>
        <translation>%1 en disco, %2</translation>
    </message>
    <message>
        <source>Schedule</source>
        <translation>Programación</translation>
    </message>
    <message>
        <source>none</source>
        <translation>ninguna</translation>
    </message>
    <message>
        <source>Backups</source>
        <translation>Copias</translation>
    </message>
    <message>
        <source>Last proven</source>
        <translation>Última probada</translation>
    </message>
    <message>
        <source>never</source>
        <translation>nunca</translation>
    </message>
    <message>
        <source>Retention</source>
        <translation>Conservación</translation>
    </message>
    <message>
        <source>keep all</source>
        <translation>conservar todas</translation>
    </message>
    <message>
        <source>Folder</source>
        <translation>Carpeta</translation>
    </message>
</context>
<context>
    <name>ProjectDialog</name>
    <message>
        <source>Edit %1</source>
        <translation>Editar %1</translation>
    </message>
    <message>
        <source>Add Project</source>
        <translation>Añadir proyecto</translation>
    </message>
    <message>
        <source>Connection String</source>
        <translation>Cadena de conexión</translation>
    </message>
    <message>
        <source>From Supabase…</source>
        <translation>Desde Supabase…</translation>
    </message>
    <message>
        <source>Fields Only</source>
        <translation>Solo campos</translation>
    </message>
    <message>
        <source>How to enter the connection</source>
        <translation>Cómo introducir la conexión</translation>
    </message>
    <message>
        <source>Test Connection</source>
        <translation>Comprobar conexión</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Cancelar</translation>
    </message>
    <message>
        <source>Save Project</source>
        <translation>Guardar proyecto</translation>
    </message>
    <message>
        <source>Testing…</source>
        <translation>Comprobando…</translation>
    </message>
    <message>
        <source>%1 is busy: cancel what runs, or wait for it, then rename it.</source>
        <translation>%1 está ocupado: cancele lo que está en curso o espere, y después cambie el nombre.</translation>
    </message>
    <message>
        <source>Storing the password…</source>
        <translation>Guardando la contraseña…</translation>
    </message>
    <message>
        <source>Asking the keyring…</source>
        <translation>Consultando el llavero…</translation>
    </message>
    <message>
        <source>kept only until Holdfast ends: the keyring is locked</source>
        <translation>se conserva solo hasta cerrar Holdfast: el llavero está bloqueado</translation>
    </message>
    <message>
        <source>kept only until Holdfast ends: there is no keyring that can be used</source>
        <translation>se conserva solo hasta que Holdfast se cierre: no hay ningún llavero utilizable</translation>
    </message>
    <message>
        <source>kept only until Holdfast ends</source>
        <translation>se conserva solo hasta cerrar Holdfast</translation>
    </message>
    <message>
        <source>will be stored in %1</source>
        <translation>se guardará en %1</translation>
    </message>
    <message>
        <source>A backup would fail like this. The red line says what to do.</source>
        <translation>Así fallaría una copia. La línea roja dice qué hacer.</translation>
    </message>
    <message>
        <source>Choose the project: the way that works from here is filled in.</source>
        <translation>Elija el proyecto: se rellena la vía que funciona desde aquí.</translation>
    </message>
    <message>
        <source>stored in %1</source>
        <translation>guardada en %1</translation>
    </message>
    <message>
        <source>unchanged</source>
        <translation>sin cambios</translation>
    </message>
    <message>
        <source>none, or from ~/.pgpass</source>
        <translation>ninguna, o de ~/.pgpass</translation>
    </message>
    <message>
        <source>Fix the port, then test the connection.</source>
        <translation>Corrija el puerto y compruebe la conexión.</translation>
    </message>
    <message>
        <source>Enter the password: the one that is kept belongs to %1.</source>
        <translation>Introduzca la contraseña: la guardada es de %1.</translation>
    </message>
    <message>
        <source>Everything that a backup needs is there.</source>
        <translation>Está todo lo que necesita una copia.</translation>
    </message>
    <message>
        <source>Discard what you entered?</source>
        <translation>¿Descartar lo introducido?</translation>
    </message>
    <message>
        <source>The project is not kept yet.</source>
        <translation>El proyecto aún no se ha guardado.</translation>
    </message>
    <message>
        <source>Discard</source>
        <translation>Descartar</translation>
    </message>
</context>
<context>
    <name>ProjectList</name>
    <message>
        <source>Projects</source>
        <translation>Proyectos</translation>
    </message>
    <message>
        <source>888.8 GB</source>
        <translation>888,8 GB</translation>
    </message>
    <message>
        <source>Last good backup</source>
        <translation>Última correcta</translation>
    </message>
    <message>
        <source>for mains power</source>
        <translation>de corriente eléctrica</translation>
    </message>
    <message>
        <source>Backing up, 88%</source>
        <translation>Copiando, 88%</translation>
    </message>
    <message>
        <source>Tomorrow</source>
        <translation>Mañana</translation>
    </message>
</context>
<context>
    <name>ProjectPanes</name>
    <message>
        <source>Details</source>
        <translation>Detalles</translation>
    </message>
    <message>
        <source>No project has this in its name or its host.</source>
        <translation>Ningún proyecto tiene esto en su nombre o en su servidor.</translation>
    </message>
</context>
<context>
    <name>ProjectTable</name>
    <message>
        <source>Project</source>
        <translation>Proyecto</translation>
    </message>
    <message>
        <source>PostgreSQL</source>
        <translation>PostgreSQL</translation>
    </message>
    <message>
        <source>Last 30 days</source>
        <translation>Últimos 30 días</translation>
    </message>
    <message>
        <source>Last good backup</source>
        <translation>Última correcta</translation>
    </message>
    <message>
        <source>Next</source>
        <translation>Próxima</translation>
    </message>
    <message>
        <source>Supabase</source>
        <translation>Supabase</translation>
    </message>
    <message>
        <source>None yet</source>
        <translation>Ninguna aún</translation>
    </message>
    <message>
        <source>Now</source>
        <translation>Ahora</translation>
    </message>
    <message>
        <source>for %1</source>
        <translation>de %1</translation>
    </message>
    <message>
        <source>no schedule</source>
        <translation>sin programación</translation>
    </message>
    <message>
        <source>Waiting</source>
        <translation>En espera</translation>
    </message>
    <message>
        <source>Paused</source>
        <translation>En pausa</translation>
    </message>
    <message>
        <source>until %1</source>
        <translation>hasta %1</translation>
    </message>
    <message>
        <source>attempt %1</source>
        <translation>intento %1</translation>
    </message>
    <message>
        <source>Retry %1</source>
        <translation>Reintento %1</translation>
    </message>
    <message>
        <source>Due now</source>
        <translation>Pendiente</translation>
    </message>
</context>
<context>
    <name>ProjectsPage</name>
    <message>
        <source>Search</source>
        <translation>Buscar</translation>
    </message>
    <message>
        <source>Search projects</source>
        <translation>Buscar proyectos</translation>
    </message>
    <message>
        <source>Add Project…</source>
        <translation>Añadir proyecto…</translation>
    </message>
    <message>
        <source>Try With Sample Data</source>
        <translation>Usar datos de ejemplo</translation>
    </message>
    <message>
        <source>%1 is busy: cancel what runs, or wait for it.</source>
        <translation>%1 está ocupado: cancele la operación en curso o espere a que termine.</translation>
    </message>
    <message>
        <source>Its connection, its schedules and its password are forgotten.</source>
        <translation>Se olvidan su conexión, sus programaciones y su contraseña.</translation>
    </message>
    <message numerus="yes">
        <source>Its %n backup(s), %1, stay in their folder and in History.</source>
        <translation>
            <numerusform>Su %n copia, %1, se queda en su carpeta y en el historial.</numerusform>
            <numerusform>Sus %n copias, %1, se quedan en su carpeta y en el historial.</numerusform>
        </translation>
    </message>
    <message>
        <source>Move its backups to the trash, too</source>
        <translation>Mover también sus copias a la papelera</translation>
    </message>
    <message>
        <source>Delete the project “%1”?</source>
        <translation>¿Eliminar el proyecto «%1»?</translation>
    </message>
    <message>
        <source>Delete Project</source>
        <translation>Eliminar proyecto</translation>
    </message>
    <message>
        <source>The password of %1 is kept only until Holdfast ends.</source>
        <translation>La contraseña de %1 solo se conserva hasta que Holdfast se cierre.</translation>
    </message>
    <message>
        <source>Show Keyring</source>
        <translation>Ver llavero</translation>
    </message>
    <message>
        <source>The password of %1 is still in the keyring.</source>
        <translation>La contraseña de %1 sigue en el llavero.</translation>
    </message>
    <message>
        <source>%1 was not deleted</source>
        <translation>No se eliminó %1</translation>
    </message>
    <message>
        <source>Holdfast copies a Supabase project or any PostgreSQL database into a folder, and proves that the copy can be restored.</source>
        <translation>Holdfast copia en una carpeta un proyecto de Supabase o cualquier base de datos PostgreSQL, y prueba que la copia se puede restaurar.</translation>
    </message>
    <message>
        <source>The sample runs on this computer only: a small PostgreSQL is started, backed up, proven, and left in History for you to restore.</source>
        <translation>El ejemplo solo usa este equipo: se inicia un PostgreSQL pequeño, se copia, se prueba y queda en el historial para que pueda restaurarlo.</translation>
    </message>
    <message>
        <source>Add a project to back it up</source>
        <translation>Añada un proyecto para copiarlo</translation>
    </message>
    <message>
        <source>Projects</source>
        <translation>Proyectos</translation>
    </message>
</context>
<context>
    <name>ProofReport</name>
    <message>
        <source>Object</source>
        <translation>Objeto</translation>
    </message>
    <message>
        <source>Outcome</source>
        <translation>Resultado</translation>
    </message>
    <message>
        <source>Reason</source>
        <translation>Motivo</translation>
    </message>
    <message>
        <source>Objects of the backup</source>
        <translation>Objetos de la copia</translation>
    </message>
    <message>
        <source>The proof failed</source>
        <translation>La prueba falló</translation>
    </message>
    <message>
        <source>Restored into PostgreSQL %1 and compared, %2, in %3</source>
        <translation>Restaurada en PostgreSQL %1 y comparada, %2, en %3</translation>
    </message>
    <message>
        <source>Every file is hashed and its table of contents was read. Nothing was restored.</source>
        <translation>Se calculó el hash de cada archivo y se leyó su índice. No se restauró nada.</translation>
    </message>
    <message>
        <source>Every row was read back to its end, and there are as many as the server counted. Nothing was restored yet.</source>
        <translation>Se releyeron todas las filas hasta el final y son tantas como contó el servidor. Aún no se ha restaurado nada.</translation>
    </message>
    <message>
        <source>Every row was read back to its end. Nothing was restored yet.</source>
        <translation>Se releyeron todas las filas hasta el final. Aún no se ha restaurado nada.</translation>
    </message>
</context>
<context>
    <name>ProofSummary</name>
    <message>
        <source>Not restored yet: Prove does that.</source>
        <translation>Aún no restaurada: use «Probar».</translation>
    </message>
    <message numerus="yes">
        <source>%1 table(s)</source>
        <translation>
            <numerusform>%1 tabla</numerusform>
            <numerusform>%1 tablas</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 row(s)</source>
        <translation>
            <numerusform>%1 fila</numerusform>
            <numerusform>%1 filas</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 sequence(s)</source>
        <translation>
            <numerusform>%1 secuencia</numerusform>
            <numerusform>%1 secuencias</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 large object(s)</source>
        <translation>
            <numerusform>%1 objeto grande</numerusform>
            <numerusform>%1 objetos grandes</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 object(s)</source>
        <translation>
            <numerusform>%1 objeto</numerusform>
            <numerusform>%1 objetos</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 file(s)</source>
        <translation>
            <numerusform>%1 archivo</numerusform>
            <numerusform>%1 archivos</numerusform>
        </translation>
    </message>
    <message>
        <source>Proof failed, took %1</source>
        <translation>Prueba fallida, duró %1</translation>
    </message>
    <message>
        <source>Proof, took %1</source>
        <translation>Prueba, duró %1</translation>
    </message>
    <message>
        <source>Proof failed</source>
        <translation>Prueba fallida</translation>
    </message>
    <message>
        <source>Checked while it was made</source>
        <translation>Verificada al hacerse</translation>
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
        <translation>Cancelar</translation>
    </message>
</context>
<context>
    <name>Rail</name>
    <message>
        <source>not connected</source>
        <translation>no conectada</translation>
    </message>
    <message>
        <source>%1 free</source>
        <translation>%1 libres</translation>
    </message>
    <message>
        <source>Projects</source>
        <translation>Proyectos</translation>
    </message>
    <message>
        <source>Backup</source>
        <translation>Copia</translation>
    </message>
    <message>
        <source>History</source>
        <translation>Historial</translation>
    </message>
    <message>
        <source>Schedule</source>
        <translation>Programación</translation>
    </message>
    <message>
        <source>Restore</source>
        <translation>Restaurar</translation>
    </message>
    <message>
        <source>Settings…</source>
        <translation>Ajustes…</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>Ajustes</translation>
    </message>
    <message>
        <source>Backup folder</source>
        <translation>Carpeta de copias</translation>
    </message>
    <message>
        <source>Open Backup Folder</source>
        <translation>Abrir carpeta de copias</translation>
    </message>
</context>
<context>
    <name>ReminderFields</name>
    <message>
        <source>A quote is not closed.</source>
        <translation>Hay unas comillas sin cerrar.</translation>
    </message>
    <message>
        <source>unchanged</source>
        <translation>sin cambios</translation>
    </message>
    <message>
        <source>Port</source>
        <translation>Puerto</translation>
    </message>
    <message>
        <source>none, if the server asks for no sign-in</source>
        <translation>ninguna, si el servidor no pide inicio de sesión</translation>
    </message>
    <message>
        <source>one or more, with commas</source>
        <translation>una o varias, separadas por comas</translation>
    </message>
    <message>
        <source>STARTTLS</source>
        <translation>STARTTLS</translation>
    </message>
    <message>
        <source>TLS from the start</source>
        <translation>TLS desde el inicio</translation>
    </message>
    <message>
        <source>None: for this computer</source>
        <translation>Ninguno: para este equipo</translation>
    </message>
    <message>
        <source>Server</source>
        <translation>Servidor</translation>
    </message>
    <message>
        <source>Encryption</source>
        <translation>Cifrado</translation>
    </message>
    <message>
        <source>From</source>
        <translation>De</translation>
    </message>
    <message>
        <source>To</source>
        <translation>Para</translation>
    </message>
    <message>
        <source>User</source>
        <translation>Usuario</translation>
    </message>
    <message>
        <source>Password</source>
        <translation>Contraseña</translation>
    </message>
    <message>
        <source>Command</source>
        <translation>Orden</translation>
    </message>
    <message>
        <source>Send a token, as “Authorization: Bearer”</source>
        <translation>Enviar un token, como «Authorization: Bearer»</translation>
    </message>
    <message>
        <source>Address</source>
        <translation>Dirección</translation>
    </message>
    <message>
        <source>Token</source>
        <translation>Token</translation>
    </message>
    <message>
        <source>Tell of failures, too, at this address with /fail</source>
        <translation>Avisar también de los fallos, en esta dirección con /fail</translation>
    </message>
    <message>
        <source>Show what was entered</source>
        <translation>Mostrar lo introducido</translation>
    </message>
</context>
<context>
    <name>ReminderForm</name>
    <message>
        <source>Tell by %1</source>
        <translation>Avisar: %1</translation>
    </message>
    <message>
        <source>Send Test</source>
        <translation>Enviar prueba</translation>
    </message>
    <message>
        <source>Test</source>
        <translation>Comprobación</translation>
    </message>
    <message>
        <source>Tell me when</source>
        <translation>Avisar cuando</translation>
    </message>
    <message>
        <source>On</source>
        <translation>Activado</translation>
    </message>
    <message>
        <source>Off</source>
        <translation>Desactivado</translation>
    </message>
    <message>
        <source>Not on yet: something is missing below</source>
        <translation>Aún no está activo: falta algo abajo</translation>
    </message>
    <message>
        <source>Reminders do not get through. First try in vain: %1.</source>
        <translation>Los avisos no llegan. Primer intento fallido: %1.</translation>
    </message>
    <message>
        <source>Storing it…</source>
        <translation>Guardando…</translation>
    </message>
    <message>
        <source>There is no keyring that can be used: set %1 in the environment.</source>
        <translation>No hay ningún depósito de claves utilizable: defina %1 en el entorno.</translation>
    </message>
    <message>
        <source>stored in %1</source>
        <translation>guardada en %1</translation>
    </message>
    <message>
        <source>will be stored in %1</source>
        <translation>se guardará en %1</translation>
    </message>
    <message>
        <source>Something is missing above.</source>
        <translation>Falta algo arriba.</translation>
    </message>
    <message>
        <source>Sending…</source>
        <translation>Enviando…</translation>
    </message>
    <message>
        <source>Sent. Look into the mailbox, and among junk.</source>
        <translation>Enviado. Mire en el buzón, también entre el correo no deseado.</translation>
    </message>
    <message>
        <source>The command ended without an error.</source>
        <translation>La orden terminó sin errores.</translation>
    </message>
    <message>
        <source>Sent, and taken.</source>
        <translation>Enviado y aceptado.</translation>
    </message>
    <message>
        <source>The address answered. Its service counts this as a success.</source>
        <translation>La dirección respondió. Su servicio lo cuenta como un éxito.</translation>
    </message>
</context>
<context>
    <name>RemindersPage</name>
    <message>
        <source>Reminders</source>
        <translation>Avisos</translation>
    </message>
    <message>
        <source>Way of telling</source>
        <translation>Medio de aviso</translation>
    </message>
</context>
<context>
    <name>RestoreChoice</name>
    <message>
        <source>Other Source…</source>
        <translation>Otro origen…</translation>
    </message>
    <message>
        <source>Storage files</source>
        <translation>Archivos de Storage</translation>
    </message>
    <message>
        <source>Edge functions</source>
        <translation>Edge Functions</translation>
    </message>
    <message>
        <source>Restore</source>
        <translation>Restaurar</translation>
    </message>
    <message>
        <source>Format</source>
        <translation>Formato</translation>
    </message>
    <message>
        <source>Server</source>
        <translation>Servidor</translation>
    </message>
    <message>
        <source>Encoding</source>
        <translation>Codificación</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>Tamaño</translation>
    </message>
    <message>
        <source>Made</source>
        <translation>Fecha</translation>
    </message>
    <message numerus="yes">
        <source>%1 of %n table(s)</source>
        <translation>
            <numerusform>%1 de %n tabla</numerusform>
            <numerusform>%1 de %n tablas</numerusform>
        </translation>
    </message>
    <message>
        <source>Name a target to see the plan.</source>
        <translation>Indique un destino para ver el plan.</translation>
    </message>
    <message>
        <source>Choose at least one table to see the plan.</source>
        <translation>Elija al menos una tabla para ver el plan.</translation>
    </message>
    <message>
        <source>looking at the target…</source>
        <translation>examinando el destino…</translation>
    </message>
    <message>
        <source>checked %1, nothing has been changed</source>
        <translation>examinado a las %1, sin cambiar nada</translation>
    </message>
    <message>
        <source>%1 holds data. A safety backup of it is taken first. Type its name to go on:</source>
        <translation>%1 contiene datos. Antes se hace una copia previa. Escriba su nombre para continuar:</translation>
    </message>
    <message>
        <source>%1 holds data, and no safety backup of it is taken. Type its name to go on:</source>
        <translation>%1 contiene datos y no se hace copia previa. Escriba su nombre para continuar:</translation>
    </message>
    <message>
        <source>The plan could not be made</source>
        <translation>No se pudo preparar el plan</translation>
    </message>
    <message>
        <source>Restore “%1” into “%2”</source>
        <translation>Restaurar «%1» en «%2»</translation>
    </message>
    <message>
        <source>Save Plan</source>
        <translation>Guardar plan</translation>
    </message>
    <message>
        <source>The plan was not saved</source>
        <translation>No se guardó el plan</translation>
    </message>
    <message>
        <source>Contents</source>
        <translation>Contenido</translation>
    </message>
    <message>
        <source>Into</source>
        <translation>Destino</translation>
    </message>
    <message>
        <source>Plan</source>
        <translation>Plan</translation>
    </message>
    <message>
        <source>Name of the target</source>
        <translation>Nombre del destino</translation>
    </message>
    <message>
        <source>Save Plan…</source>
        <translation>Guardar plan…</translation>
    </message>
    <message>
        <source>Rows are compared at the end</source>
        <translation>Al final se comparan las filas</translation>
    </message>
</context>
<context>
    <name>RestorePage</name>
    <message>
        <source>Looking into %1</source>
        <translation>Examinando %1</translation>
    </message>
    <message>
        <source>Choose a Backup</source>
        <translation>Elegir una copia</translation>
    </message>
    <message>
        <source>These are %1 backups that do not belong together</source>
        <translation>Son %1 copias que no van juntas</translation>
    </message>
    <message>
        <source>Drop one of them, or the scripts of one database together.</source>
        <translation>Suelte una de ellas, o juntos los scripts de una misma base de datos.</translation>
    </message>
    <message>
        <source>%1 could not be looked into</source>
        <translation>No se pudo examinar %1</translation>
    </message>
    <message>
        <source>Latest backups</source>
        <translation>Últimas copias</translation>
    </message>
    <message>
        <source>All in History</source>
        <translation>Ver todas</translation>
    </message>
    <message>
        <source>Restore</source>
        <translation>Restaurar</translation>
    </message>
    <message>
        <source>Looking into the source</source>
        <translation>Examinando el origen</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Cancelar</translation>
    </message>
</context>
<context>
    <name>RestoreReportView</name>
    <message>
        <source>Export Report…</source>
        <translation>Exportar informe…</translation>
    </message>
    <message>
        <source>Restore Another…</source>
        <translation>Restaurar otra…</translation>
    </message>
    <message>
        <source>Undo This Restore…</source>
        <translation>Deshacer restauración…</translation>
    </message>
    <message>
        <source>All</source>
        <translation>Todas</translation>
    </message>
    <message>
        <source>Different</source>
        <translation>Distintas</translation>
    </message>
    <message>
        <source>Which tables</source>
        <translation>Qué tablas</translation>
    </message>
    <message>
        <source>Restore report</source>
        <translation>Informe de restauración</translation>
    </message>
    <message>
        <source>“%1” into “%2”, %3.</source>
        <translation>«%1» en «%2», %3.</translation>
    </message>
    <message>
        <source>What was there is kept as a safety backup.</source>
        <translation>Lo que había se conserva como copia previa.</translation>
    </message>
    <message>
        <source>Rows compared</source>
        <translation>Filas comparadas</translation>
    </message>
    <message>
        <source>All %1</source>
        <translation>Todas %1</translation>
    </message>
    <message>
        <source>Different %1</source>
        <translation>Distintas %1</translation>
    </message>
    <message>
        <source>%1 of %2 rows</source>
        <translation>%1 de %2 filas</translation>
    </message>
    <message>
        <source>The restore was cancelled.</source>
        <translation>Se canceló la restauración.</translation>
    </message>
    <message>
        <source>Nothing was restored.</source>
        <translation>No se restauró nada.</translation>
    </message>
    <message>
        <source>The restore failed.</source>
        <translation>La restauración falló.</translation>
    </message>
    <message numerus="yes">
        <source>%1 of %n table(s) match the source, row for row.</source>
        <translation>
            <numerusform>%1 de %n tabla coincide con el origen, fila por fila.</numerusform>
            <numerusform>%1 de %n tablas coinciden con el origen, fila por fila.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>All rows are there, but %n statement(s) failed.</source>
        <translation>
            <numerusform>Están todas las filas, pero falló %n sentencia.</numerusform>
            <numerusform>Están todas las filas, pero fallaron %n sentencias.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n object(s) restored.</source>
        <translation>
            <numerusform>%n objeto restaurado.</numerusform>
            <numerusform>%n objetos restaurados.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>All %n table(s) match the source, row for row.</source>
        <translation>
            <numerusform>La tabla coincide con el origen, fila por fila.</numerusform>
            <numerusform>Las %n tablas coinciden con el origen, fila por fila.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n statement(s) failed</source>
        <translation>
            <numerusform>Falló %n sentencia</numerusform>
            <numerusform>Fallaron %n sentencias</numerusform>
        </translation>
    </message>
    <message>
        <source>Left out or changed</source>
        <translation>Omitido o modificado</translation>
    </message>
    <message>
        <source>Safety backup</source>
        <translation>Copia previa</translation>
    </message>
    <message>
        <source>Statement and the server&apos;s words</source>
        <translation>Sentencia y respuesta del servidor</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>Copiar</translation>
    </message>
    <message>
        <source>Open Folder</source>
        <translation>Abrir carpeta</translation>
    </message>
    <message>
        <source>Export Report</source>
        <translation>Exportar informe</translation>
    </message>
    <message>
        <source>The report was not exported</source>
        <translation>No se exportó el informe</translation>
    </message>
</context>
<context>
    <name>RetentionCells</name>
    <message>
        <source>keeps %1, removes %2</source>
        <translation>conserva %1, elimina %2</translation>
    </message>
    <message>
        <source>kept</source>
        <translation>se conserva</translation>
    </message>
    <message>
        <source>%1, removed: %2</source>
        <translation>%1, se elimina: %2</translation>
    </message>
</context>
<context>
    <name>RowChecks</name>
    <message>
        <source>Table</source>
        <translation>Tabla</translation>
    </message>
    <message>
        <source>In source</source>
        <translation>En origen</translation>
    </message>
    <message>
        <source>In target</source>
        <translation>En destino</translation>
    </message>
    <message>
        <source>Result</source>
        <translation>Resultado</translation>
    </message>
    <message>
        <source>equal</source>
        <translation>igual</translation>
    </message>
</context>
<context>
    <name>RowsPreview</name>
    <message>
        <source>First rows</source>
        <translation>Primeras filas</translation>
    </message>
    <message>
        <source>Select a table to see its first rows</source>
        <translation>Seleccione una tabla para ver sus primeras filas</translation>
    </message>
    <message>
        <source>Reading the first rows of %1…</source>
        <translation>Leyendo las primeras filas de %1…</translation>
    </message>
    <message>
        <source>%1 has no rows</source>
        <translation>%1 no tiene filas</translation>
    </message>
    <message>
        <source>First rows of %1</source>
        <translation>Primeras filas de %1</translation>
    </message>
</context>
<context>
    <name>ScheduleEditor</name>
    <message>
        <source>Name, if you like</source>
        <translation>Nombre (opcional)</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>Nombre</translation>
    </message>
    <message>
        <source>Delete Schedule…</source>
        <translation>Eliminar programación…</translation>
    </message>
    <message>
        <source>Proof</source>
        <translation>Prueba</translation>
    </message>
    <message>
        <source>Change…</source>
        <translation>Cambiar…</translation>
    </message>
    <message>
        <source>On mains power</source>
        <translation>Con corriente</translation>
    </message>
    <message>
        <source>Not metered</source>
        <translation>Red sin límite</translation>
    </message>
    <message>
        <source>Server answers</source>
        <translation>Servidor responde</translation>
    </message>
    <message>
        <source>Only some of the tables, as the command line was told.</source>
        <translation>Solo algunas tablas, según se indicó en la línea de órdenes.</translation>
    </message>
    <message>
        <source>This is a file, not a folder.</source>
        <translation>Es un archivo, no una carpeta.</translation>
    </message>
    <message>
        <source>Choose a Folder</source>
        <translation>Elegir una carpeta</translation>
    </message>
    <message>
        <source>When</source>
        <translation>Cuándo</translation>
    </message>
    <message>
        <source>Project</source>
        <translation>Proyecto</translation>
    </message>
    <message>
        <source>Repeat</source>
        <translation>Repetir</translation>
    </message>
    <message>
        <source>Next five</source>
        <translation>Próximas 5</translation>
    </message>
    <message>
        <source>Back up</source>
        <translation>Copiar</translation>
    </message>
    <message>
        <source>Folder</source>
        <translation>Carpeta</translation>
    </message>
    <message>
        <source>Only when</source>
        <translation>Solo si</translation>
    </message>
    <message>
        <source>Keep</source>
        <translation>Conservar</translation>
    </message>
    <message>
        <source>At most</source>
        <translation>Máximo</translation>
    </message>
    <message>
        <source>Removes</source>
        <translation>Elimina</translation>
    </message>
</context>
<context>
    <name>ScheduleEmpty</name>
    <message>
        <source>Add Project…</source>
        <translation>Añadir proyecto…</translation>
    </message>
    <message>
        <source>Try With Sample Data</source>
        <translation>Usar datos de ejemplo</translation>
    </message>
    <message>
        <source>New Schedule…</source>
        <translation>Nueva programación…</translation>
    </message>
    <message>
        <source>There is nothing to schedule yet</source>
        <translation>Aún no hay nada que programar</translation>
    </message>
    <message>
        <source>Add a project first: a Supabase project, or any PostgreSQL database.</source>
        <translation>Primero añada un proyecto: uno de Supabase o cualquier base de datos PostgreSQL.</translation>
    </message>
    <message>
        <source>Nothing is backed up by itself yet</source>
        <translation>Aún no se copia nada automáticamente</translation>
    </message>
    <message>
        <source>A schedule backs up a project each hour, day, week or month, and removes old backups.</source>
        <translation>Una programación copia un proyecto cada hora, día, semana o mes, y elimina las copias antiguas.</translation>
    </message>
    <message>
        <source>Schedules run while Holdfast runs, or after “holdfast schedules install”.</source>
        <translation>Las programaciones se ejecutan mientras Holdfast está abierto, o tras «holdfast schedules install».</translation>
    </message>
</context>
<context>
    <name>ScheduleFooter</name>
    <message>
        <source>Discard Changes</source>
        <translation>Descartar cambios</translation>
    </message>
    <message>
        <source>Save Schedule</source>
        <translation>Guardar</translation>
    </message>
    <message>
        <source>New schedule, not saved yet</source>
        <translation>Programación nueva, sin guardar</translation>
    </message>
    <message>
        <source>Changed: %1</source>
        <translation>Cambios: %1</translation>
    </message>
</context>
<context>
    <name>ScheduleKeep</name>
    <message>
        <source>Into the trash</source>
        <translation>A la papelera</translation>
    </message>
    <message>
        <source>Otherwise they are removed for good. The trash frees no space.</source>
        <translation>Si no, se eliminan definitivamente. La papelera no libera espacio.</translation>
    </message>
    <message>
        <source>What would be removed cannot be told</source>
        <translation>No se puede saber qué se eliminaría</translation>
    </message>
    <message>
        <source>keeps %1</source>
        <translation>conserva %1</translation>
    </message>
    <message>
        <source>removes %1</source>
        <translation>elimina %1</translation>
    </message>
    <message>
        <source>There are no backups of this schedule yet.</source>
        <translation>Aún no hay copias de esta programación.</translation>
    </message>
    <message>
        <source>All backups will be kept.</source>
        <translation>Se conservarán todas las copias.</translation>
    </message>
    <message>
        <source>Keeps all %1, removes none.</source>
        <translation>Conserva todas (%1), no elimina ninguna.</translation>
    </message>
    <message>
        <source>Keeps %1, removes none now.</source>
        <translation>Conserva %1, por ahora no elimina ninguna.</translation>
    </message>
    <message>
        <source>Keeps %1, removes %2 (%3) after the next backup.</source>
        <translation>Conserva %1, elimina %2 (%3) tras la próxima copia.</translation>
    </message>
    <message>
        <source>Hide</source>
        <translation>Ocultar</translation>
    </message>
    <message>
        <source>Show</source>
        <translation>Mostrar</translation>
    </message>
    <message>
        <source>and %1 more, all of them older</source>
        <translation>y %1 más, todas anteriores</translation>
    </message>
    <message>
        <source>last</source>
        <translation>últimas</translation>
    </message>
    <message>
        <source>hourly</source>
        <translation>horarias</translation>
    </message>
    <message>
        <source>daily</source>
        <translation>diarias</translation>
    </message>
    <message>
        <source>weekly</source>
        <translation>semanales</translation>
    </message>
    <message>
        <source>monthly</source>
        <translation>mensuales</translation>
    </message>
    <message>
        <source>yearly</source>
        <translation>anuales</translation>
    </message>
    <message>
        <source>Keep, %1</source>
        <translation>Conservar, %1</translation>
    </message>
    <message>
        <source>any age</source>
        <translation>cualquier edad</translation>
    </message>
    <message>
        <source>days old</source>
        <translation>días</translation>
    </message>
    <message>
        <source>Remove those that are older, in days; 0 for any age</source>
        <translation>Eliminar las más antiguas, en días; 0 para cualquier edad</translation>
    </message>
    <message>
        <source>Older ones are removed, whatever the numbers above say</source>
        <translation>Las más antiguas se eliminan, digan lo que digan los números de arriba</translation>
    </message>
    <message>
        <source>any size</source>
        <translation>cualquier tamaño</translation>
    </message>
    <message>
        <source>GB together</source>
        <translation>GB en total</translation>
    </message>
    <message>
        <source>Most that all may take together, in GB; 0 for any size</source>
        <translation>Máximo que pueden ocupar entre todas, en GB; 0 para cualquier tamaño</translation>
    </message>
    <message>
        <source>The oldest are removed until all together are no larger</source>
        <translation>Se eliminan las más antiguas hasta que el total no lo supere</translation>
    </message>
    <message>
        <source>Keep 7 Daily, 4 Weekly, 12 Monthly</source>
        <translation>Conservar 7 diarias, 4 semanales, 12 mensuales</translation>
    </message>
</context>
<context>
    <name>ScheduleList</name>
    <message>
        <source>not saved</source>
        <translation>sin guardar</translation>
    </message>
</context>
<context>
    <name>ScheduleListView</name>
    <message>
        <source>Schedules</source>
        <translation>Programaciones</translation>
    </message>
</context>
<context>
    <name>SchedulePage</name>
    <message>
        <source>Its backups stay; no new ones are made.</source>
        <translation>Sus copias se conservan; no se crean más.</translation>
    </message>
    <message>
        <source>Delete the schedule of “%1”?</source>
        <translation>¿Eliminar la programación de «%1»?</translation>
    </message>
    <message>
        <source>Delete Schedule</source>
        <translation>Eliminar programación</translation>
    </message>
    <message>
        <source>Not saved yet</source>
        <translation>Sin guardar</translation>
    </message>
    <message>
        <source>All schedules are paused until %1.</source>
        <translation>Todas las programaciones están en pausa hasta %1.</translation>
    </message>
    <message>
        <source>Resume</source>
        <translation>Reanudar</translation>
    </message>
    <message>
        <source>Schedules</source>
        <translation>Programaciones</translation>
    </message>
    <message>
        <source>Pause All For…</source>
        <translation>Pausar todas…</translation>
    </message>
    <message>
        <source>New Schedule…</source>
        <translation>Nueva programación…</translation>
    </message>
    <message>
        <source>Schedule</source>
        <translation>Programación</translation>
    </message>
</context>
<context>
    <name>ScheduleWatch</name>
    <message>
        <source>The schedules could not be looked at</source>
        <translation>No se pudieron consultar las programaciones</translation>
    </message>
</context>
<context>
    <name>ScheduleWhen</name>
    <message>
        <source>Hourly</source>
        <translation>Horaria</translation>
    </message>
    <message>
        <source>Daily</source>
        <translation>Diaria</translation>
    </message>
    <message>
        <source>Weekly</source>
        <translation>Semanal</translation>
    </message>
    <message>
        <source>Monthly</source>
        <translation>Mensual</translation>
    </message>
    <message>
        <source>Cron</source>
        <translation>Cron</translation>
    </message>
    <message>
        <source>Repeat</source>
        <translation>Repetir</translation>
    </message>
    <message>
        <source>Day of the week</source>
        <translation>Día de la semana</translation>
    </message>
    <message>
        <source>Day %1</source>
        <translation>Día %1</translation>
    </message>
    <message>
        <source>Last day</source>
        <translation>Último día</translation>
    </message>
    <message>
        <source>Day of the month</source>
        <translation>Día del mes</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>Hora</translation>
    </message>
    <message>
        <source>Minute</source>
        <translation>Minuto</translation>
    </message>
    <message>
        <source>Cron expression</source>
        <translation>Expresión cron</translation>
    </message>
    <message>
        <source>Minute, hour, day of the month, month, day of the week</source>
        <translation>Minuto, hora, día del mes, mes, día de la semana</translation>
    </message>
    <message>
        <source>Time zone</source>
        <translation>Zona horaria</translation>
    </message>
    <message>
        <source>at</source>
        <translation>a las</translation>
    </message>
    <message>
        <source>minute</source>
        <translation>minuto</translation>
    </message>
</context>
<context>
    <name>SecurityPage</name>
    <message>
        <source>Security</source>
        <translation>Seguridad</translation>
    </message>
    <message>
        <source>Forget All Passwords…</source>
        <translation>Olvidar contraseñas…</translation>
    </message>
    <message>
        <source>Passwords are kept there and nowhere else: not in the settings, not in backups, not in logs.</source>
        <translation>Las contraseñas se guardan ahí y en ningún otro sitio: ni en los ajustes, ni en las copias, ni en los registros.</translation>
    </message>
    <message>
        <source>Keyring</source>
        <translation>Llavero</translation>
    </message>
    <message>
        <source>Passwords</source>
        <translation>Contraseñas</translation>
    </message>
    <message>
        <source>Asking the keyring…</source>
        <translation>Consultando el llavero…</translation>
    </message>
    <message>
        <source>There is none that can be used</source>
        <translation>No hay ninguno utilizable</translation>
    </message>
    <message>
        <source>Passwords are kept only until Holdfast ends</source>
        <translation>Las contraseñas solo se conservan hasta que Holdfast se cierre</translation>
    </message>
    <message>
        <source>None is stored.</source>
        <translation>No hay ninguna guardada.</translation>
    </message>
    <message numerus="yes">
        <source>%1 of %n project(s) has its password there.</source>
        <translation>
            <numerusform>%1 de %n proyecto tiene ahí su contraseña.</numerusform>
            <numerusform>%1 de %n proyectos tienen ahí su contraseña.</numerusform>
        </translation>
    </message>
    <message>
        <source>None is stored: there is no project yet.</source>
        <translation>No hay ninguna guardada: aún no hay proyectos.</translation>
    </message>
    <message>
        <source>It does not answer</source>
        <translation>No responde</translation>
    </message>
    <message>
        <source>Look Again</source>
        <translation>Reintentar</translation>
    </message>
    <message>
        <source>Forget all passwords?</source>
        <translation>¿Olvidar todas las contraseñas?</translation>
    </message>
    <message>
        <source>The keyring removes the password of each project. Schedules fail until the passwords are given again. Projects and backups stay.</source>
        <translation>El llavero elimina la contraseña de cada proyecto. Las programaciones fallarán hasta que vuelva a introducirlas. Los proyectos y las copias se conservan.</translation>
    </message>
    <message>
        <source>Forget All Passwords</source>
        <translation>Olvidar contraseñas</translation>
    </message>
</context>
<context>
    <name>SessionPooler</name>
    <message>
        <source>Cancel</source>
        <translation>Cancelar</translation>
    </message>
    <message>
        <source>Trying the session pooler of %1…</source>
        <translation>Probando el «session pooler» de %1…</translation>
    </message>
    <message>
        <source>%1 answers on port %2 and lets %3 in. Password, schedules and backups stay as they are.</source>
        <translation>%1 responde en el puerto %2 y deja entrar a %3. La contraseña, las programaciones y las copias quedan como están.</translation>
    </message>
    <message>
        <source>Reach %1 through its session pooler?</source>
        <translation>¿Llegar a %1 por su «session pooler»?</translation>
    </message>
    <message>
        <source>Use Session Pooler</source>
        <translation>Usar «session pooler»</translation>
    </message>
    <message>
        <source>%1 is reached through its session pooler now.</source>
        <translation>Ahora se llega a %1 por su «session pooler».</translation>
    </message>
    <message>
        <source>A backup of %1 would fail through its session pooler, too</source>
        <translation>Una copia de %1 también fallaría por su «session pooler»</translation>
    </message>
    <message>
        <source>Edit Connection…</source>
        <translation>Editar conexión…</translation>
    </message>
</context>
<context>
    <name>SettingsDialog</name>
    <message>
        <source>Settings</source>
        <translation>Ajustes</translation>
    </message>
    <message>
        <source>General</source>
        <translation>General</translation>
    </message>
    <message>
        <source>Tools</source>
        <translation>Herramientas</translation>
    </message>
    <message>
        <source>Security</source>
        <translation>Seguridad</translation>
    </message>
    <message>
        <source>Notifications</source>
        <translation>Notificaciones</translation>
    </message>
    <message>
        <source>Reminders</source>
        <translation>Avisos</translation>
    </message>
    <message>
        <source>Advanced</source>
        <translation>Avanzado</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Cerrar</translation>
    </message>
    <message>
        <source>Changes apply at once.</source>
        <translation>Los cambios se aplican al instante.</translation>
    </message>
</context>
<context>
    <name>SizeChart</name>
    <message>
        <source>Size and duration of the backups of %1</source>
        <translation>Tamaño y duración de las copias de %1</translation>
    </message>
    <message numerus="yes">
        <source>%n backup(s), from %1 to %2</source>
        <translation>
            <numerusform>%n copia, de %1 a %2</numerusform>
            <numerusform>%n copias, de %1 a %2</numerusform>
        </translation>
    </message>
    <message>
        <source>No backups yet</source>
        <translation>Aún no hay copias</translation>
    </message>
    <message>
        <source>Size, %1</source>
        <translation>Tamaño, %1</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>Tamaño</translation>
    </message>
    <message>
        <source>Duration</source>
        <translation>Duración</translation>
    </message>
    <message>
        <source>today</source>
        <translation>hoy</translation>
    </message>
    <message>
        <source>%1: no backup</source>
        <translation>%1: sin copia</translation>
    </message>
</context>
<context>
    <name>State</name>
    <message>
        <source>The settings were not read again</source>
        <translation>No se volvieron a leer los ajustes</translation>
    </message>
    <message>
        <source>The settings were not changed</source>
        <translation>No se cambiaron los ajustes</translation>
    </message>
</context>
<context>
    <name>SupabaseChooser</name>
    <message>
        <source>Access token</source>
        <translation>Token de acceso</translation>
    </message>
    <message>
        <source>Find Projects</source>
        <translation>Buscar proyectos</translation>
    </message>
    <message>
        <source>Use the Supabase CLI</source>
        <translation>Usar la CLI de Supabase</translation>
    </message>
    <message>
        <source>Get a Token</source>
        <translation>Obtener un token</translation>
    </message>
    <message>
        <source>Projects at Supabase</source>
        <translation>Proyectos en Supabase</translation>
    </message>
    <message>
        <source>Use Another Token</source>
        <translation>Usar otro token</translation>
    </message>
    <message>
        <source>With an access token Holdfast finds your projects, and reads their settings and keys. It is kept in the keyring.</source>
        <translation>Con un token de acceso, Holdfast encuentra sus proyectos y lee sus ajustes y claves. Se guarda en el llavero.</translation>
    </message>
    <message>
        <source>Enter an access token of your Supabase account.</source>
        <translation>Introduzca un token de acceso de su cuenta de Supabase.</translation>
    </message>
    <message>
        <source>Asking Supabase…</source>
        <translation>Consultando a Supabase…</translation>
    </message>
    <message>
        <source>paused</source>
        <translation>en pausa</translation>
    </message>
    <message>
        <source>This sign-in may see no project.</source>
        <translation>Esta cuenta no puede ver ningún proyecto.</translation>
    </message>
    <message>
        <source>The token is kept in %1.</source>
        <translation>El token se guarda en %1.</translation>
    </message>
    <message>
        <source>Choose a project.</source>
        <translation>Elija un proyecto.</translation>
    </message>
    <message>
        <source>Asking how to reach %1…</source>
        <translation>Consultando cómo llegar a %1…</translation>
    </message>
    <message>
        <source>Filled in below. Enter the database&apos;s password: Supabase gives it to nobody.</source>
        <translation>Rellenado abajo. Introduzca la contraseña de la base de datos: Supabase no se la da a nadie.</translation>
    </message>
    <message>
        <source>The new token takes the place of the one that is kept.</source>
        <translation>El nuevo token sustituye al guardado.</translation>
    </message>
</context>
<context>
    <name>TableTree</name>
    <message numerus="yes">
        <source>%n table(s)</source>
        <translation>
            <numerusform>%n tabla</numerusform>
            <numerusform>%n tablas</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 of %n table(s)</source>
        <translation>
            <numerusform>%1 de %n tabla</numerusform>
            <numerusform>%1 de %n tablas</numerusform>
        </translation>
    </message>
    <message>
        <source>1 row</source>
        <translation>1 fila</translation>
    </message>
    <message>
        <source>%1 rows</source>
        <translation>%1 filas</translation>
    </message>
</context>
<context>
    <name>TableTreeView</name>
    <message>
        <source>Filter tables</source>
        <translation>Filtrar tablas</translation>
    </message>
    <message>
        <source>All</source>
        <translation>Todas</translation>
    </message>
    <message>
        <source>None</source>
        <translation>Ninguna</translation>
    </message>
    <message>
        <source>Tables</source>
        <translation>Tablas</translation>
    </message>
</context>
<context>
    <name>TargetBox</name>
    <message>
        <source>Into</source>
        <translation>Destino</translation>
    </message>
    <message>
        <source>How</source>
        <translation>Cómo</translation>
    </message>
    <message>
        <source>All or nothing</source>
        <translation>Todo o nada</translation>
    </message>
    <message>
        <source>Parallel, list errors</source>
        <translation>Paralelo, anotar errores</translation>
    </message>
    <message>
        <source>Name of the new database</source>
        <translation>Nombre de la nueva base de datos</translation>
    </message>
    <message>
        <source>Server</source>
        <translation>Servidor</translation>
    </message>
    <message>
        <source>Connection string</source>
        <translation>Cadena de conexión</translation>
    </message>
    <message>
        <source>Password</source>
        <translation>Contraseña</translation>
    </message>
    <message>
        <source>What</source>
        <translation>Qué</translation>
    </message>
    <message>
        <source>Everything</source>
        <translation>Todo</translation>
    </message>
    <message>
        <source>Schema</source>
        <translation>Esquema</translation>
    </message>
    <message>
        <source>Data</source>
        <translation>Datos</translation>
    </message>
    <message>
        <source>Replace what is in the way</source>
        <translation>Reemplazar lo que estorbe</translation>
    </message>
    <message>
        <source>Owners</source>
        <translation>Propietarios</translation>
    </message>
    <message>
        <source>Privileges</source>
        <translation>Privilegios</translation>
    </message>
    <message>
        <source>Safety backup first</source>
        <translation>Copia previa</translation>
    </message>
    <message>
        <source>on</source>
        <translation>en</translation>
    </message>
    <message>
        <source>another server</source>
        <translation>otro servidor</translation>
    </message>
    <message>
        <source>New database…</source>
        <translation>Nueva base de datos…</translation>
    </message>
    <message>
        <source>Another database…</source>
        <translation>Otra base de datos…</translation>
    </message>
</context>
<context>
    <name>ToolRow</name>
    <message>
        <source>Test</source>
        <translation>Comprobar</translation>
    </message>
    <message>
        <source>Test %1</source>
        <translation>Comprobar %1</translation>
    </message>
    <message>
        <source>Not needed: a token does the same</source>
        <translation>No hace falta: un token hace lo mismo</translation>
    </message>
    <message>
        <source>Command line not found</source>
        <translation>Línea de órdenes no encontrada</translation>
    </message>
    <message>
        <source>Does not run: %1</source>
        <translation>No funciona: %1</translation>
    </message>
    <message>
        <source>Command line of Supabase</source>
        <translation>Línea de órdenes de Supabase</translation>
    </message>
    <message>
        <source>Not used: others fit every server as well or better</source>
        <translation>No se usa: otras sirven igual o mejor para cada servidor</translation>
    </message>
    <message>
        <source>Bundled with Holdfast</source>
        <translation>Incluida en Holdfast</translation>
    </message>
    <message>
        <source>On the PATH</source>
        <translation>En el PATH</translation>
    </message>
    <message>
        <source>Trying…</source>
        <translation>Comprobando…</translation>
    </message>
    <message>
        <source>Runs in %1 s: %2</source>
        <translation>Funciona en %1 s: %2</translation>
    </message>
    <message>
        <source>Starts in %1 s</source>
        <translation>Arranca en %1 s</translation>
    </message>
    <message>
        <source>signed in</source>
        <translation>con sesión iniciada</translation>
    </message>
    <message>
        <source>not signed in</source>
        <translation>sin sesión iniciada</translation>
    </message>
</context>
<context>
    <name>ToolsPage</name>
    <message>
        <source>Look Again</source>
        <translation>Buscar de nuevo</translation>
    </message>
    <message>
        <source>Tools</source>
        <translation>Herramientas</translation>
    </message>
    <message>
        <source>Looking for PostgreSQL&apos;s programs…</source>
        <translation>Buscando los programas de PostgreSQL…</translation>
    </message>
    <message>
        <source>The one that fits the server best is used. Servers up to PostgreSQL %1 can be backed up.</source>
        <translation>Se usa la más adecuada para el servidor. Se pueden copiar servidores hasta PostgreSQL %1.</translation>
    </message>
    <message>
        <source>No program that works was found, so nothing can be backed up.</source>
        <translation>No se encontró ningún programa que funcione, así que no se puede copiar nada.</translation>
    </message>
    <message>
        <source>for PostgreSQL %1</source>
        <translation>para PostgreSQL %1</translation>
    </message>
    <message>
        <source>%1 to %2</source>
        <translation>%1 a %2</translation>
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
        <translation>Abrir Holdfast</translation>
    </message>
    <message>
        <source>Back Up Now</source>
        <translation>Hacer copia</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>Pausar</translation>
    </message>
    <message>
        <source>Open Backup Folder</source>
        <translation>Abrir carpeta de copias</translation>
    </message>
    <message>
        <source>Settings…</source>
        <translation>Ajustes…</translation>
    </message>
    <message>
        <source>Quit Holdfast</source>
        <translation>Salir de Holdfast</translation>
    </message>
    <message>
        <source>Cancel Backup of %1</source>
        <translation>Cancelar copia de %1</translation>
    </message>
    <message>
        <source>Cancel Proof of %1</source>
        <translation>Cancelar prueba de %1</translation>
    </message>
    <message>
        <source>Cancel Check of %1</source>
        <translation>Cancelar verificación de %1</translation>
    </message>
    <message>
        <source>Cancel Restore into %1</source>
        <translation>Cancelar restauración en %1</translation>
    </message>
    <message>
        <source>Close Copy of %1</source>
        <translation>Cerrar consulta de %1</translation>
    </message>
    <message>
        <source>Cancel Trying With Sample Data</source>
        <translation>Cancelar datos de ejemplo</translation>
    </message>
    <message>
        <source>Cancel Export of %1</source>
        <translation>Cancelar exportación de %1</translation>
    </message>
    <message>
        <source>Cancel Deleting a Backup of %1</source>
        <translation>Cancelar eliminación de copia de %1</translation>
    </message>
    <message>
        <source>Cancel Removing Old Backups of %1</source>
        <translation>Cancelar limpieza de copias de %1</translation>
    </message>
</context>
<context>
    <name>UpdateField</name>
    <message>
        <source>Look once a day</source>
        <translation>Consultar una vez al día</translation>
    </message>
    <message>
        <source>Look Now</source>
        <translation>Consultar ahora</translation>
    </message>
    <message>
        <source>Open Page</source>
        <translation>Abrir página</translation>
    </message>
    <message>
        <source>Looking…</source>
        <translation>Examinando…</translation>
    </message>
    <message>
        <source>This is %1.</source>
        <translation>Esta es la %1.</translation>
    </message>
    <message>
        <source>This is %1; %2 is there.</source>
        <translation>Esta es la %1; ya está la %2.</translation>
    </message>
    <message>
        <source>This is %1. The last look failed: %2</source>
        <translation>Esta es la %1. La última consulta falló: %2</translation>
    </message>
    <message>
        <source>This is %1, the newest version. Looked: %2</source>
        <translation>Esta es la %1, la versión más reciente. Consultado: %2</translation>
    </message>
</context>
<context>
    <name>WhatHappened</name>
    <message>
        <source>It was stopped after %1. Nothing of it is left.</source>
        <translation>Se detuvo tras %1. No ha quedado nada de ella.</translation>
    </message>
    <message>
        <source>Cancelled</source>
        <translation>Cancelada</translation>
    </message>
    <message>
        <source>Interrupted</source>
        <translation>Interrumpida</translation>
    </message>
    <message>
        <source>Holdfast or the computer stopped while it was made. What it left was removed.</source>
        <translation>Holdfast o el equipo se detuvieron mientras se hacía. Se eliminaron los restos.</translation>
    </message>
    <message>
        <source>The backup failed</source>
        <translation>La copia falló</translation>
    </message>
    <message>
        <source>Connect the disk that it is on, or put it back if it was moved.</source>
        <translation>Conecte el disco donde está, o devuélvala a su sitio si se movió.</translation>
    </message>
    <message>
        <source>The backup’s folder is not there</source>
        <translation>La carpeta de la copia no está</translation>
    </message>
    <message>
        <source>Look Again</source>
        <translation>Reintentar</translation>
    </message>
    <message>
        <source>Remove From History…</source>
        <translation>Quitar del historial…</translation>
    </message>
    <message>
        <source>Open Folder</source>
        <translation>Abrir carpeta</translation>
    </message>
    <message>
        <source>Back Up Now</source>
        <translation>Hacer copia</translation>
    </message>
</context>
<context>
    <name>_Line</name>
    <message>
        <source>checking…</source>
        <translation>comprobando…</translation>
    </message>
    <message>
        <source>not tried</source>
        <translation>sin comprobar</translation>
    </message>
</context>
<context>
    <name>_RowWidget</name>
    <message>
        <source>Cancel</source>
        <translation>Cancelar</translation>
    </message>
</context>
<context>
    <name>check</name>
    <message>
        <source>Host found</source>
        <translation>Host encontrado</translation>
    </message>
    <message>
        <source>Reached</source>
        <translation>Accesible</translation>
    </message>
    <message>
        <source>TLS</source>
        <translation>TLS</translation>
    </message>
    <message>
        <source>Signed in</source>
        <translation>Sesión iniciada</translation>
    </message>
    <message>
        <source>Version and tool</source>
        <translation>Versión y herramienta</translation>
    </message>
    <message>
        <source>Privileges</source>
        <translation>Privilegios</translation>
    </message>
    <message>
        <source>Row security</source>
        <translation>Seguridad de filas</translation>
    </message>
    <message>
        <source>Size and time</source>
        <translation>Tamaño y tiempo</translation>
    </message>
</context>
<context>
    <name>cron</name>
    <message>
        <source>at %1</source>
        <translation>a las %1</translation>
    </message>
    <message>
        <source>every %1 minutes</source>
        <translation>cada %1 minutos</translation>
    </message>
    <message>
        <source>every minute</source>
        <translation>cada minuto</translation>
    </message>
    <message>
        <source>every %1 hours at minute %2</source>
        <translation>cada %1 horas en el minuto %2</translation>
    </message>
    <message>
        <source>every hour at minute %1</source>
        <translation>cada hora en el minuto %1</translation>
    </message>
    <message>
        <source>%1, from %2 to %3</source>
        <translation>%1, de %2 a %3</translation>
    </message>
    <message>
        <source>%1, in the hours %2</source>
        <translation>%1, en las horas %2</translation>
    </message>
    <message>
        <source>%1, only %2</source>
        <translation>%1, solo %2</translation>
    </message>
    <message>
        <source>%1 or %2</source>
        <translation>%1 o %2</translation>
    </message>
    <message>
        <source>on day %1 of the month</source>
        <translation>el día %1 del mes</translation>
    </message>
    <message>
        <source>on the last day of the month</source>
        <translation>el último día del mes</translation>
    </message>
    <message>
        <source>on the last working day of the month</source>
        <translation>el último día laborable del mes</translation>
    </message>
    <message>
        <source>the first %1 of the month</source>
        <translation>primer %1 del mes</translation>
    </message>
    <message>
        <source>the second %1 of the month</source>
        <translation>segundo %1 del mes</translation>
    </message>
    <message>
        <source>the third %1 of the month</source>
        <translation>tercer %1 del mes</translation>
    </message>
    <message>
        <source>the fourth %1 of the month</source>
        <translation>cuarto %1 del mes</translation>
    </message>
    <message>
        <source>the fifth %1 of the month</source>
        <translation>quinto %1 del mes</translation>
    </message>
    <message>
        <source>the last %1 of the month</source>
        <translation>último %1 del mes</translation>
    </message>
    <message>
        <source>on %1</source>
        <translation>cada %1</translation>
    </message>
    <message>
        <source>in %1</source>
        <translation>en %1</translation>
    </message>
    <message>
        <source>%1 to %2</source>
        <translation>%1 a %2</translation>
    </message>
</context>
<context>
    <name>engine</name>
    <message>
        <source>given by a service</source>
        <translation>indicado por un servicio</translation>
    </message>
    <message>
        <source>given by libpq&apos;s own settings</source>
        <translation>indicado por los ajustes propios de libpq</translation>
    </message>
    <message>
        <source>libpq&apos;s own choice</source>
        <translation>elección propia de libpq</translation>
    </message>
    <message>
        <source>tried with the sign-in</source>
        <translation>se prueba al iniciar sesión</translation>
    </message>
    <message>
        <source>this computer</source>
        <translation>este equipo</translation>
    </message>
    <message>
        <source>by the socket in %1</source>
        <translation>por el socket de %1</translation>
    </message>
    <message>
        <source>%1 is %2 and %3 more, IPv4 and IPv6</source>
        <translation>%1 es %2 y %3 más, IPv4 e IPv6</translation>
    </message>
    <message>
        <source>%1 is %2 and %3 more, IPv4</source>
        <translation>%1 es %2 y %3 más, IPv4</translation>
    </message>
    <message>
        <source>%1 is %2 and %3 more, IPv6</source>
        <translation>%1 es %2 y %3 más, IPv6</translation>
    </message>
    <message>
        <source>%1 is %2, IPv4</source>
        <translation>%1 es %2, IPv4</translation>
    </message>
    <message>
        <source>%1 is %2, IPv6</source>
        <translation>%1 es %2, IPv6</translation>
    </message>
    <message>
        <source>%1 answers on port %2. %3</source>
        <translation>%1 responde en el puerto %2. %3</translation>
    </message>
    <message>
        <source>%1 answers on port %2</source>
        <translation>%1 responde en el puerto %2</translation>
    </message>
    <message>
        <source>Port 6432 is Azure&apos;s PgBouncer, on which a snapshot may not hold: port 5432, the server itself, is used instead.</source>
        <translation>El puerto 6432 es el PgBouncer de Azure, en el que una instantánea puede perderse: en su lugar se usa el puerto 5432, el propio servidor.</translation>
    </message>
    <message>
        <source>The host is Neon&apos;s transaction pooler, on which a snapshot does not hold: the same host without -pooler is used instead.</source>
        <translation>El host es el pooler de transacciones de Neon, en el que una instantánea no se mantiene: en su lugar se usa el mismo host sin -pooler.</translation>
    </message>
    <message>
        <source>Port 6543 is Supabase&apos;s transaction pooler, on which a snapshot does not hold: port 5432 of the same host is used instead.</source>
        <translation>El puerto 6543 es el pooler de transacciones de Supabase, en el que una instantánea no se mantiene: en su lugar se usa el puerto 5432 del mismo host.</translation>
    </message>
    <message>
        <source>Port 54329 is the local project&apos;s pooler: port 54322, the database itself, is used instead.</source>
        <translation>El puerto 54329 es el pooler del proyecto local: en su lugar se usa el puerto 54322, la propia base de datos.</translation>
    </message>
    <message>
        <source>Port 6543 is a transaction pooler, on which a snapshot does not hold: port 5432 of the same host, its session pooler, is used instead.</source>
        <translation>El puerto 6543 es un pooler de transacciones, en el que una instantánea no se mantiene: en su lugar se usa el puerto 5432 del mismo host, su pooler de sesiones.</translation>
    </message>
    <message>
        <source>not encrypted</source>
        <translation>sin cifrar</translation>
    </message>
    <message>
        <source>not encrypted, as sslmode=disable asks</source>
        <translation>sin cifrar, como pide sslmode=disable</translation>
    </message>
    <message>
        <source>%1, certificate of %2 issued by %3; %4</source>
        <translation>%1, certificado de %2 emitido por %3; %4</translation>
    </message>
    <message>
        <source>authority and name are checked</source>
        <translation>se verifican la autoridad y el nombre</translation>
    </message>
    <message>
        <source>its authority is checked, its name is not</source>
        <translation>se verifica su autoridad, pero no su nombre</translation>
    </message>
    <message>
        <source>it is not checked (sslmode=%1)</source>
        <translation>no se verifica (sslmode=%1)</translation>
    </message>
    <message>
        <source>%1, through a pooler in session mode</source>
        <translation>%1, a través de un pooler en modo de sesión</translation>
    </message>
    <message>
        <source>as %1 in database %2, in %3 ms</source>
        <translation>como %1 en la base de datos %2, en %3 ms</translation>
    </message>
    <message>
        <source>PostgreSQL %1; %2</source>
        <translation>PostgreSQL %1; %2</translation>
    </message>
    <message>
        <source>it fits the server, %1</source>
        <translation>la herramienta corresponde al servidor, %1</translation>
    </message>
    <message>
        <source>the newest of those that read PostgreSQL %1</source>
        <translation>la herramienta más nueva que lee PostgreSQL %1</translation>
    </message>
    <message>
        <source>%1 may read everything</source>
        <translation>%1 puede leerlo todo</translation>
    </message>
    <message>
        <source>no rows are hidden</source>
        <translation>no hay filas ocultas</translation>
    </message>
    <message>
        <source>%1. A backup takes about %2 and %3</source>
        <translation>%1. Una copia ocupa unos %2 y tarda %3</translation>
    </message>
    <message>
        <source>a moment</source>
        <translation>un momento</translation>
    </message>
    <message>
        <source>Check the host name for typing errors, and that this computer is online.</source>
        <translation>Compruebe que el nombre del host no tenga erratas y que este equipo tenga conexión.</translation>
    </message>
    <message>
        <source>Give its authority&apos;s certificate with sslrootcert=FILE, and check that it has not expired, that this computer&apos;s clock is right, and that this is the right server.</source>
        <translation>Indique el certificado de su autoridad con sslrootcert=ARCHIVO, y compruebe que no haya caducado, que el reloj de este equipo sea correcto y que este sea el servidor adecuado.</translation>
    </message>
    <message>
        <source>Give its authority&apos;s certificate with sslrootcert=FILE.</source>
        <translation>Indique el certificado de su autoridad con sslrootcert=ARCHIVO.</translation>
    </message>
    <message>
        <source>Use the host name that the certificate was made for, or sslmode=verify-ca.</source>
        <translation>Use el nombre de host para el que se emitió el certificado, o sslmode=verify-ca.</translation>
    </message>
    <message>
        <source>The root certificate was not found</source>
        <translation>No se encontró el certificado raíz</translation>
    </message>
    <message>
        <source>Check the path in sslrootcert; sslrootcert=system takes the authorities that this computer trusts.</source>
        <translation>Compruebe la ruta en sslrootcert; sslrootcert=system toma las autoridades en las que confía este equipo.</translation>
    </message>
    <message>
        <source>The client&apos;s certificate or its key cannot be used</source>
        <translation>El certificado del cliente o su clave no se puede usar</translation>
    </message>
    <message>
        <source>Check the files in sslcert and sslkey; the key must be readable by you alone.</source>
        <translation>Compruebe los archivos de sslcert y sslkey; solo usted debe poder leer la clave.</translation>
    </message>
    <message>
        <source>Check the network and that the server still runs, then start again.</source>
        <translation>Compruebe la red y que el servidor siga en marcha, y empiece de nuevo.</translation>
    </message>
    <message>
        <source>Set sslmode=require for a server that insists on TLS, or sslmode=prefer for one that has none.</source>
        <translation>Ponga sslmode=require si el servidor exige TLS, o sslmode=prefer si no lo tiene.</translation>
    </message>
    <message>
        <source>The server did not answer in time</source>
        <translation>El servidor no respondió a tiempo</translation>
    </message>
    <message>
        <source>Check host and port, and that no firewall stands between.</source>
        <translation>Compruebe el host y el puerto, y que no haya un cortafuegos de por medio.</translation>
    </message>
    <message>
        <source>The server is starting or shutting down</source>
        <translation>El servidor se está iniciando o apagando</translation>
    </message>
    <message>
        <source>Wait until it runs, then start again.</source>
        <translation>Espere a que funcione y empiece de nuevo.</translation>
    </message>
    <message>
        <source>Check the port, and that the server is running.</source>
        <translation>Compruebe el puerto y que el servidor esté en marcha.</translation>
    </message>
    <message>
        <source>Check the network, and that it knows the kind of address that the server has, IPv4 or IPv6.</source>
        <translation>Compruebe la red, y que admita el tipo de dirección del servidor, IPv4 o IPv6.</translation>
    </message>
    <message>
        <source>The server does not let this user in from here</source>
        <translation>El servidor no admite a este usuario desde aquí</translation>
    </message>
    <message>
        <source>The server&apos;s pg_hba.conf must allow this user, database and address, and the role needs LOGIN.</source>
        <translation>El pg_hba.conf del servidor debe permitir este usuario, base de datos y dirección, y el rol necesita LOGIN.</translation>
    </message>
    <message>
        <source>There is no password for this sign-in</source>
        <translation>No hay contraseña para este inicio de sesión</translation>
    </message>
    <message>
        <source>Set PGPASSWORD, add a line to ~/.pgpass (mode 0600), or put it into the connection string.</source>
        <translation>Introdúzcala en la conexión del proyecto, defina PGPASSWORD o añada una línea a ~/.pgpass (modo 0600).</translation>
    </message>
    <message>
        <source>Check user and password. A password in a URL must be percent-encoded where it has @ : / ? # or %.</source>
        <translation>Compruebe el usuario y la contraseña. En una URL, la contraseña debe ir codificada con porcentajes donde tenga @ : / ? # o %.</translation>
    </message>
    <message>
        <source>Check the name at the end of the connection string.</source>
        <translation>Compruebe el nombre al final de la cadena de conexión.</translation>
    </message>
    <message>
        <source>Close other programs that use it, or lower --jobs; roles and databases have limits, too.</source>
        <translation>Cierre otros programas que lo usen o elija menos tareas en paralelo; los roles y las bases de datos también tienen límites.</translation>
    </message>
    <message>
        <source>The server did not let us in</source>
        <translation>El servidor no nos dejó entrar</translation>
    </message>
    <message>
        <source>Check the connection string.</source>
        <translation>Compruebe la cadena de conexión.</translation>
    </message>
    <message>
        <source>The server&apos;s own disk is full</source>
        <translation>El disco del propio servidor está lleno</translation>
    </message>
    <message>
        <source>Free some space on the server; this computer&apos;s disk is not meant.</source>
        <translation>Libere espacio en el servidor; no se trata del disco de este equipo.</translation>
    </message>
    <message>
        <source>The server cannot lock that many tables at once</source>
        <translation>El servidor no puede bloquear tantas tablas a la vez</translation>
    </message>
    <message>
        <source>Raise max_locks_per_transaction on the server, or back up some schemas at a time.</source>
        <translation>Aumente max_locks_per_transaction en el servidor o copie solo algunos esquemas cada vez.</translation>
    </message>
    <message>
        <source>A table is locked by another session</source>
        <translation>Otra sesión tiene bloqueada una tabla</translation>
    </message>
    <message>
        <source>A file of the archive is missing</source>
        <translation>Falta un archivo del volcado</translation>
    </message>
    <message>
        <source>The archive is damaged</source>
        <translation>El volcado está dañado</translation>
    </message>
    <message>
        <source>Port 6543 is a transaction pooler</source>
        <translation>El puerto 6543 es un pooler de transacciones</translation>
    </message>
    <message>
        <source>A pooler in transaction mode stands before the server</source>
        <translation>Ante el servidor hay un pooler en modo de transacciones</translation>
    </message>
    <message>
        <source>Session settings leak to other clients through it, and a snapshot does not hold.</source>
        <translation>A través de él, los ajustes de sesión llegan a otros clientes y una instantánea no se mantiene.</translation>
    </message>
    <message>
        <source>A backup needs %1 connections at once, and the pooler has 1 free connection</source>
        <translation>Una copia necesita %1 conexiones a la vez, y el pooler tiene 1 libre</translation>
    </message>
    <message>
        <source>A backup needs %1 connections at once, and the pooler has %2 free ones</source>
        <translation>Una copia necesita %1 conexiones a la vez, y el pooler tiene %2 libres</translation>
    </message>
    <message>
        <source>Raise the size of its pool, close other programs that use it, or connect to the server itself.</source>
        <translation>Aumente el tamaño de su grupo, cierre otros programas que lo usen o conéctese al propio servidor.</translation>
    </message>
    <message>
        <source>Use the server&apos;s own port, or a pooler in session mode.</source>
        <translation>Use el puerto del propio servidor o un pooler en modo de sesión.</translation>
    </message>
    <message>
        <source>Use the endpoint of the instance or the cluster, not that of an RDS Proxy.</source>
        <translation>Use el punto de conexión de la instancia o del clúster, no el de un RDS Proxy.</translation>
    </message>
    <message>
        <source>Use port 5432, the server itself.</source>
        <translation>Use el puerto 5432, el propio servidor.</translation>
    </message>
    <message>
        <source>Use the string in DATABASE_URL, not the one in DATABASE_CONNECTION_POOL_URL.</source>
        <translation>Use la cadena de DATABASE_URL, no la de DATABASE_CONNECTION_POOL_URL.</translation>
    </message>
    <message>
        <source>Use the host without -pooler in its name.</source>
        <translation>Use el host que no lleva -pooler en su nombre.</translation>
    </message>
    <message>
        <source>Use port 5432: the direct connection or the session pooler.</source>
        <translation>Use el puerto 5432: la conexión directa o el pooler de sesiones.</translation>
    </message>
    <message>
        <source>Use port 5432: the session pooler, or the database itself.</source>
        <translation>Use el puerto 5432: el pooler de sesiones o la propia base de datos.</translation>
    </message>
    <message>
        <source>Run: GRANT pg_read_all_data TO &quot;%1&quot;; or use --exclude-table.</source>
        <translation>Ejecute: GRANT pg_read_all_data TO &quot;%1&quot;; o excluya tablas de la copia.</translation>
    </message>
    <message>
        <source>As a member of %1, run: GRANT pg_read_all_data TO &quot;%2&quot;; or use --exclude-table.</source>
        <translation>Como miembro de %1, ejecute: GRANT pg_read_all_data TO &quot;%2&quot;; o excluya tablas de la copia.</translation>
    </message>
    <message>
        <source>Back up with the default credential, which owns the database; or use --exclude-table.</source>
        <translation>Haga la copia con la credencial predeterminada, propietaria de la base de datos; o excluya tablas de la copia.</translation>
    </message>
    <message>
        <source>Back up as the role postgres, which may read everything; or use --exclude-table.</source>
        <translation>Haga la copia con el rol postgres, que puede leerlo todo; o excluya tablas de la copia.</translation>
    </message>
    <message>
        <source>Back up as postgres or supabase_admin, which may read everything; or use --exclude-table.</source>
        <translation>Haga la copia como postgres o supabase_admin, que pueden leerlo todo; o excluya tablas de la copia.</translation>
    </message>
    <message>
        <source>Run: ALTER ROLE &quot;%1&quot; BYPASSRLS; or back up as a role that has it.</source>
        <translation>Ejecute: ALTER ROLE &quot;%1&quot; BYPASSRLS; o haga la copia con un rol que lo tenga.</translation>
    </message>
    <message>
        <source>Back up as the owner of these tables, or as a role with BYPASSRLS. The master user is only a member of rds_superuser, which is no superuser.</source>
        <translation>Haga la copia como propietario de estas tablas o con un rol que tenga BYPASSRLS. El usuario maestro solo es miembro de rds_superuser, que no es superusuario.</translation>
    </message>
    <message>
        <source>Back up as the server&apos;s administrator, a member of azure_pg_admin; from version 16 on it can also run: ALTER ROLE &quot;%1&quot; BYPASSRLS;</source>
        <translation>Haga la copia como administrador del servidor, miembro de azure_pg_admin; desde la versión 16 también puede ejecutar: ALTER ROLE &quot;%1&quot; BYPASSRLS;</translation>
    </message>
    <message>
        <source>Back up with the default credential, if it owns these tables; nobody gets BYPASSRLS.</source>
        <translation>Haga la copia con la credencial predeterminada, si es propietaria de estas tablas; nadie recibe BYPASSRLS.</translation>
    </message>
    <message>
        <source>Back up as the owner of these tables, or as a role with BYPASSRLS: those made in Neon&apos;s console have it.</source>
        <translation>Haga la copia como propietario de estas tablas o con un rol que tenga BYPASSRLS: los creados en la consola de Neon lo tienen.</translation>
    </message>
    <message>
        <source>Back up as the role postgres, which has BYPASSRLS.</source>
        <translation>Haga la copia con el rol postgres, que tiene BYPASSRLS.</translation>
    </message>
    <message>
        <source>Back up as postgres or supabase_admin, which have BYPASSRLS.</source>
        <translation>Haga la copia como postgres o supabase_admin, que tienen BYPASSRLS.</translation>
    </message>
    <message>
        <source>Download global-bundle.pem from %1, and give it with sslrootcert=FILE.</source>
        <translation>Descargue global-bundle.pem de %1 e indíquelo con sslrootcert=ARCHIVO.</translation>
    </message>
    <message>
        <source>Its certificate is one that this computer should trust: use sslrootcert=system.</source>
        <translation>Este equipo debería confiar en su certificado: use sslrootcert=system.</translation>
    </message>
    <message>
        <source>Its certificate is one that this computer trusts: use sslrootcert=system.</source>
        <translation>Este equipo confía en su certificado: use sslrootcert=system.</translation>
    </message>
    <message>
        <source>Heroku&apos;s certificates sign themselves and cannot be checked: use sslmode=require.</source>
        <translation>Los certificados de Heroku están autofirmados y no se pueden verificar: use sslmode=require.</translation>
    </message>
    <message>
        <source>Download the certificate from the project&apos;s database settings (SSL configuration), and give it with sslrootcert=FILE.</source>
        <translation>Descargue el certificado de los ajustes de base de datos del proyecto (SSL configuration) e indíquelo con sslrootcert=ARCHIVO.</translation>
    </message>
    <message>
        <source>An instance that is not publicly accessible can be reached from its own network alone, and its security group must let this computer in.</source>
        <translation>A una instancia sin acceso público solo se llega desde su propia red, y su grupo de seguridad debe admitir este equipo.</translation>
    </message>
    <message>
        <source>The server&apos;s firewall rules must let this computer&apos;s address in.</source>
        <translation>Las reglas del cortafuegos del servidor deben admitir la dirección de este equipo.</translation>
    </message>
    <message>
        <source>Host and password of a Heroku database change now and again: “heroku config” has those of today.</source>
        <translation>El host y la contraseña de una base de datos de Heroku cambian de vez en cuando: «heroku config» muestra los actuales.</translation>
    </message>
    <message>
        <source>The direct host of a Supabase project has an IPv6 address only, unless it has the IPv4 add-on: use its session pooler. A project that is paused or removed has no host at all.</source>
        <translation>El host directo de un proyecto de Supabase solo tiene dirección IPv6, salvo con el complemento IPv4: use su pooler de sesiones. Un proyecto en pausa o eliminado no tiene host.</translation>
    </message>
    <message>
        <source>“supabase start” starts it, and “supabase status” tells where it answers.</source>
        <translation>«supabase start» lo inicia, y «supabase status» dice dónde responde.</translation>
    </message>
    <message>
        <source>The connection string cannot be read</source>
        <translation>La cadena de conexión no se puede leer</translation>
    </message>
    <message>
        <source>it is neither a URL nor keyword=value pairs</source>
        <translation>no es una URL ni pares clave=valor</translation>
    </message>
    <message>
        <source>it is empty</source>
        <translation>está vacío</translation>
    </message>
    <message>
        <source>invalid connection option</source>
        <translation>opción de conexión no válida</translation>
    </message>
    <message>
        <source>invalid integer value</source>
        <translation>número entero no válido</translation>
    </message>
    <message>
        <source>invalid percent-encoded</source>
        <translation>codificación con porcentajes no válida</translation>
    </message>
    <message>
        <source>missing &quot;=&quot;</source>
        <translation>falta un «=»</translation>
    </message>
    <message>
        <source>Use postgresql://user:password@host:5432/database, or host=… user=… dbname=….</source>
        <translation>Use postgresql://user:password@host:5432/database, o host=… user=… dbname=….</translation>
    </message>
    <message>
        <source>%1 cannot be given in a connection string</source>
        <translation>%1 no se puede indicar en una cadena de conexión</translation>
    </message>
    <message>
        <source>PostgreSQL&apos;s tools would need it in their command line, which all users can read</source>
        <translation>las herramientas de PostgreSQL lo necesitarían en su línea de órdenes, que todos los usuarios pueden leer</translation>
    </message>
    <message>
        <source>Use a client key without a passphrase, readable by you alone.</source>
        <translation>Use una clave de cliente sin contraseña que solo usted pueda leer.</translation>
    </message>
    <message>
        <source>The other options cannot be read</source>
        <translation>Las demás opciones no se pueden leer</translation>
    </message>
    <message>
        <source>Use keyword=value pairs with spaces between them.</source>
        <translation>Use pares clave=valor separados por espacios.</translation>
    </message>
    <message>
        <source>There is already a project “%1”</source>
        <translation>Ya existe un proyecto «%1»</translation>
    </message>
    <message>
        <source>Choose another name, or remove that project first.</source>
        <translation>Elija otro nombre o elimine antes ese proyecto.</translation>
    </message>
    <message>
        <source>There is no project “%1”</source>
        <translation>No existe el proyecto «%1»</translation>
    </message>
    <message>
        <source>%1 cannot be a project&apos;s name</source>
        <translation>%1 no puede ser el nombre de un proyecto</translation>
    </message>
    <message>
        <source>Use 1 to %1 letters, digits, signs and spaces, none at either end.</source>
        <translation>Use de 1 a %1 letras, cifras, signos y espacios, sin espacios al principio ni al final.</translation>
    </message>
    <message>
        <source>Another Holdfast is changing the settings</source>
        <translation>Otro Holdfast está cambiando los ajustes</translation>
    </message>
    <message>
        <source>Another Holdfast is using the catalog of backups</source>
        <translation>Otro Holdfast está usando el catálogo de copias</translation>
    </message>
    <message>
        <source>Close the other one, then try again.</source>
        <translation>Cierre el otro e inténtelo de nuevo.</translation>
    </message>
    <message>
        <source>“%1” does not have five fields</source>
        <translation>«%1» no tiene cinco campos</translation>
    </message>
    <message>
        <source>The fields are minute, hour, day of the month, month, day of the week.</source>
        <translation>Los campos son minuto, hora, día del mes, mes y día de la semana.</translation>
    </message>
    <message>
        <source>“%1” never comes</source>
        <translation>«%1» no llega nunca</translation>
    </message>
    <message>
        <source>Choose a day that the months have.</source>
        <translation>Elija un día que exista en los meses.</translation>
    </message>
    <message>
        <source>“%1” is not a cron expression</source>
        <translation>«%1» no es una expresión cron</translation>
    </message>
    <message>
        <source>“%1” is no minute</source>
        <translation>«%1» no es un minuto</translation>
    </message>
    <message>
        <source>“%1” is no hour</source>
        <translation>«%1» no es una hora</translation>
    </message>
    <message>
        <source>“%1” is no day of the month</source>
        <translation>«%1» no es un día del mes</translation>
    </message>
    <message>
        <source>“%1” is no month</source>
        <translation>«%1» no es un mes</translation>
    </message>
    <message>
        <source>“%1” is no day of the week</source>
        <translation>«%1» no es un día de la semana</translation>
    </message>
    <message>
        <source>%1. Lists (1,2), ranges (1-5) and steps (*/2) can be used.</source>
        <translation>%1. Se pueden usar listas (1,2), intervalos (1-5) y pasos (*/2).</translation>
    </message>
    <message>
        <source>Minutes go from 0 to 59</source>
        <translation>Los minutos van de 0 a 59</translation>
    </message>
    <message>
        <source>Hours go from 0 to 23</source>
        <translation>Las horas van de 0 a 23</translation>
    </message>
    <message>
        <source>Days go from 1 to 31; L is the last one</source>
        <translation>Los días van de 1 a 31; L es el último</translation>
    </message>
    <message>
        <source>Months go from 1 to 12 or JAN to DEC</source>
        <translation>Los meses van de 1 a 12 o de JAN a DEC</translation>
    </message>
    <message>
        <source>Days of the week go from 0 (Sunday) to 7 (Sunday) or SUN to SAT</source>
        <translation>Los días de la semana van de 0 (domingo) a 7 (domingo) o de SUN a SAT</translation>
    </message>
    <message>
        <source>there is no time zone “%1”</source>
        <translation>no existe la zona horaria «%1»</translation>
    </message>
    <message>
        <source>Names look like Europe/Berlin or UTC.</source>
        <translation>Los nombres son como Europe/Berlin o UTC.</translation>
    </message>
    <message>
        <source>“%1” is not a whole path</source>
        <translation>«%1» no es una ruta completa</translation>
    </message>
    <message>
        <source>Begin at the root.</source>
        <translation>Empiece por la raíz.</translation>
    </message>
    <message>
        <source>%1 is not a number from 0 to %2</source>
        <translation>%1 no es un número de 0 a %2</translation>
    </message>
    <message>
        <source>0 switches the rule off.</source>
        <translation>0 desactiva la regla.</translation>
    </message>
    <message>
        <source>The selection names something that the database does not have</source>
        <translation>La selección nombra algo que la base de datos no tiene</translation>
    </message>
    <message>
        <source>Names fold to lower case; put &quot;Mixed&quot; in double quotes. * and ? are wild.</source>
        <translation>Los nombres pasan a minúsculas; ponga &quot;Mixtos&quot; entre comillas dobles. * y ? son comodines.</translation>
    </message>
    <message>
        <source>%1 may not read %2 and %3 more</source>
        <translation>%1 no puede leer %2 y %3 más</translation>
    </message>
    <message>
        <source>%1 may not read %2</source>
        <translation>%1 no puede leer %2</translation>
    </message>
    <message>
        <source>Row security would hide rows of %1 and %2 more from %3</source>
        <translation>La seguridad de filas ocultaría filas de %1 y %2 más a %3</translation>
    </message>
    <message>
        <source>Row security would hide rows of %1 from %2</source>
        <translation>La seguridad de filas ocultaría filas de %1 a %2</translation>
    </message>
    <message>
        <source>Back up as the tables&apos; owner, as a superuser, or as a role with BYPASSRLS.</source>
        <translation>Haga la copia como propietario de las tablas, como superusuario o con un rol que tenga BYPASSRLS.</translation>
    </message>
    <message>
        <source>Grant it SELECT on what is named (or the role pg_read_all_data), or leave that out.</source>
        <translation>Concédale SELECT sobre lo indicado (o el rol pg_read_all_data), o déjelo fuera.</translation>
    </message>
    <message>
        <source>PostgreSQL cannot write rows whose text form is over 1 GB (bytea doubles): split the value.</source>
        <translation>PostgreSQL no puede escribir filas cuya forma de texto supere 1 GB (bytea se duplica): divida el valor.</translation>
    </message>
    <message>
        <source>The folder has too little space for this backup</source>
        <translation>La carpeta tiene muy poco espacio para esta copia</translation>
    </message>
    <message>
        <source>%1 has %2 bytes left, the backup needs about %3</source>
        <translation>a %1 le quedan %2 bytes; la copia necesita unos %3</translation>
    </message>
    <message>
        <source>%1 has %2 bytes left</source>
        <translation>a %1 le quedan %2 bytes</translation>
    </message>
    <message>
        <source>Free some space or choose another folder, then start again.</source>
        <translation>Libere espacio o elija otra carpeta, y empiece de nuevo.</translation>
    </message>
    <message>
        <source>The folder cannot be used</source>
        <translation>La carpeta no se puede usar</translation>
    </message>
    <message>
        <source>Connect the disk that it is on, create it, or choose another folder.</source>
        <translation>Conecte el disco en el que está, créela o elija otra carpeta.</translation>
    </message>
    <message>
        <source>The server runs PostgreSQL %1, which is newer than every tool here</source>
        <translation>El servidor usa PostgreSQL %1, más nuevo que todas las herramientas de este equipo</translation>
    </message>
    <message>
        <source>No PostgreSQL tool here can reach a PostgreSQL %1 server over TLS</source>
        <translation>Ninguna herramienta de PostgreSQL de este equipo puede llegar por TLS a un servidor PostgreSQL %1</translation>
    </message>
    <message>
        <source>No working PostgreSQL tools were found</source>
        <translation>No se encontraron herramientas de PostgreSQL que funcionen</translation>
    </message>
    <message>
        <source>No PostgreSQL server of version %1 or newer is here to prove the backup with</source>
        <translation>No hay aquí un servidor PostgreSQL de la versión %1 o posterior con el que probar la copia</translation>
    </message>
    <message>
        <source>Found without TLS: %1</source>
        <translation>Encontradas sin TLS: %1</translation>
    </message>
    <message>
        <source>Servers found: %1</source>
        <translation>Servidores encontrados: %1</translation>
    </message>
    <message>
        <source>Found: %1</source>
        <translation>Encontradas: %1</translation>
    </message>
    <message>
        <source>Install newer tools with “brew install postgresql@%1”.</source>
        <translation>Instale herramientas más nuevas con «brew install postgresql@%1».</translation>
    </message>
    <message>
        <source>Install PostgreSQL %1 or newer from %2.</source>
        <translation>Instale PostgreSQL %1 o posterior desde %2.</translation>
    </message>
    <message>
        <source>Install newer tools: on Debian and Ubuntu “sudo apt install %1”, with %2 as a source where the system&apos;s own are older; on Red Hat and Fedora “sudo dnf install %3” from %4.</source>
        <translation>Instale herramientas más nuevas: en Debian y Ubuntu «sudo apt install %1», con %2 como fuente si las del sistema son más antiguas; en Red Hat y Fedora «sudo dnf install %3» desde %4.</translation>
    </message>
    <message>
        <source>The keyring does not work</source>
        <translation>El llavero no funciona</translation>
    </message>
    <message>
        <source>There is no keyring for the password</source>
        <translation>No hay llavero para la contraseña</translation>
    </message>
    <message>
        <source>The password is not text, so the keyring cannot store it</source>
        <translation>La contraseña no es texto, así que el llavero no puede guardarla</translation>
    </message>
    <message>
        <source>The password is too long for the Windows keyring</source>
        <translation>La contraseña es demasiado larga para el llavero de Windows</translation>
    </message>
    <message>
        <source>The keyring is locked, so the password cannot follow the new name</source>
        <translation>El llavero está bloqueado, así que la contraseña no puede seguir al nuevo nombre</translation>
    </message>
    <message>
        <source>Unlock it, then save again; or enter the password here.</source>
        <translation>Desbloquéelo y guarde de nuevo; o introduzca aquí la contraseña.</translation>
    </message>
    <message>
        <source>The mail server did not answer within %1 seconds</source>
        <translation>El servidor de correo no respondió en %1 segundos</translation>
    </message>
    <message>
        <source>The web server did not answer within %1 seconds</source>
        <translation>El servidor web no respondió en %1 segundos</translation>
    </message>
    <message>
        <source>The web server sends us to another address</source>
        <translation>El servidor web nos envía a otra dirección</translation>
    </message>
    <message>
        <source>The mail server shows a certificate that is not trusted</source>
        <translation>El servidor de correo muestra un certificado que no es de confianza</translation>
    </message>
    <message>
        <source>The web server shows a certificate that is not trusted</source>
        <translation>El servidor web muestra un certificado que no es de confianza</translation>
    </message>
    <message>
        <source>The mail server does not speak TLS there</source>
        <translation>El servidor de correo no habla TLS ahí</translation>
    </message>
    <message>
        <source>The web server does not speak TLS there</source>
        <translation>El servidor web no habla TLS ahí</translation>
    </message>
    <message>
        <source>The mail server refused the sign-in</source>
        <translation>El servidor de correo rechazó el inicio de sesión</translation>
    </message>
    <message>
        <source>The mail server does not offer what is asked for</source>
        <translation>El servidor de correo no ofrece lo que se pide</translation>
    </message>
    <message>
        <source>The mail server ended the connection</source>
        <translation>El servidor de correo terminó la conexión</translation>
    </message>
    <message>
        <source>The mail server refused every address</source>
        <translation>El servidor de correo rechazó todas las direcciones</translation>
    </message>
    <message>
        <source>The mail server refused the sender</source>
        <translation>El servidor de correo rechazó al remitente</translation>
    </message>
    <message>
        <source>The mail server refused the message</source>
        <translation>El servidor de correo rechazó el mensaje</translation>
    </message>
    <message>
        <source>The web server gave an answer that is none</source>
        <translation>El servidor web dio una respuesta que no se entiende</translation>
    </message>
    <message>
        <source>The mail server cannot be reached</source>
        <translation>El servidor de correo no está accesible</translation>
    </message>
    <message>
        <source>The web server cannot be reached</source>
        <translation>El servidor web no está accesible</translation>
    </message>
    <message>
        <source>There is no computer of that name</source>
        <translation>No existe un equipo con ese nombre</translation>
    </message>
    <message>
        <source>Nothing answers at the port of the mail server</source>
        <translation>Nada responde en el puerto del servidor de correo</translation>
    </message>
    <message>
        <source>Nothing answers at the port of the web server</source>
        <translation>Nada responde en el puerto del servidor web</translation>
    </message>
    <message>
        <source>The web server answered %1</source>
        <translation>El servidor web respondió %1</translation>
    </message>
    <message>
        <source>%1 and %2 more</source>
        <translation>%1 y %2 más</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <translation>%1: %2</translation>
    </message>
    <message>
        <source>The server is a standby, which cannot be written to</source>
        <translation>El servidor es un standby, en el que no se puede escribir</translation>
    </message>
    <message>
        <source>The source is from PostgreSQL %1, the target is %2</source>
        <translation>El origen es de PostgreSQL %1, el destino es %2</translation>
    </message>
    <message>
        <source>What the older server does not know will fail</source>
        <translation>Lo que el servidor más antiguo no conozca fallará</translation>
    </message>
    <message>
        <source>Large objects do not come along with a selection</source>
        <translation>Los objetos grandes no se incluyen en una selección</translation>
    </message>
    <message>
        <source>They belong to no table</source>
        <translation>No pertenecen a ninguna tabla</translation>
    </message>
    <message>
        <source>%1 is a superuser, and the source is not a Holdfast backup</source>
        <translation>%1 es superusuario, y el origen no es una copia de Holdfast</translation>
    </message>
    <message>
        <source>%1 is a superuser</source>
        <translation>%1 es superusuario</translation>
    </message>
    <message>
        <source>What the source holds may do anything to the server while it is restored</source>
        <translation>Lo que contiene el origen puede hacer cualquier cosa en el servidor mientras se restaura</translation>
    </message>
    <message>
        <source>Restore what you do not trust as another role.</source>
        <translation>Restaure con otro rol lo que no sea de confianza.</translation>
    </message>
    <message>
        <source>Unless you trust whoever made it, restore as a role with CREATEDB and is not a superuser, or into a sandbox first.</source>
        <translation>Si no confía en quien lo hizo, restaure con un rol que tenga CREATEDB y no sea superusuario, o primero en un entorno aislado.</translation>
    </message>
    <message>
        <source>Unless you trust whoever made it, restore as a role that owns %1 and is not a superuser, or into a sandbox first.</source>
        <translation>Si no confía en quien lo hizo, restaure con un rol que sea propietario de %1 y no superusuario, o primero en un entorno aislado.</translation>
    </message>
    <message>
        <source>There is a database %1 already</source>
        <translation>Ya existe una base de datos %1</translation>
    </message>
    <message>
        <source>Choose another name, or restore into it with --into.</source>
        <translation>Elija otro nombre o restaure en ella.</translation>
    </message>
    <message>
        <source>%1 may not create databases</source>
        <translation>%1 no puede crear bases de datos</translation>
    </message>
    <message>
        <source>Ask for CREATEDB, or restore into an empty database with --into.</source>
        <translation>Pida CREATEDB o restaure en una base de datos vacía.</translation>
    </message>
    <message>
        <source>PostgreSQL %1 does not have the source’s locale %2</source>
        <translation>PostgreSQL %1 no tiene la configuración regional %2 del origen</translation>
    </message>
    <message>
        <source>The new database sorts text in the same order, with the locale C; upper and lower case of letters beyond A to Z may differ</source>
        <translation>La nueva base de datos ordena el texto igual, con la configuración C; las mayúsculas y minúsculas más allá de la A a la Z pueden variar</translation>
    </message>
    <message>
        <source>The target may lack the source’s locale %1</source>
        <translation>Puede que al destino le falte la configuración regional %1 del origen</translation>
    </message>
    <message>
        <source>Without it the new database gets the server’s own, and text may sort in another order</source>
        <translation>Sin ella, la nueva base de datos recibe la del servidor, y el texto puede ordenarse de otra manera</translation>
    </message>
    <message>
        <source>The database %1 is read-only</source>
        <translation>La base de datos %1 es de solo lectura</translation>
    </message>
    <message>
        <source>Its default_transaction_read_only is on; a provider sets that when the disk is full.</source>
        <translation>Su default_transaction_read_only está activado; los proveedores lo hacen cuando el disco está lleno.</translation>
    </message>
    <message>
        <source>The source’s text is %1, the target’s is %2</source>
        <translation>El texto del origen es %1, el del destino %2</translation>
    </message>
    <message>
        <source>A character that the target’s encoding does not have makes the restore fail</source>
        <translation>Un carácter que la codificación del destino no tenga hace fallar la restauración</translation>
    </message>
    <message>
        <source>1 other session in the target</source>
        <translation>1 sesión más en el destino</translation>
    </message>
    <message>
        <source>%1 other sessions in the target</source>
        <translation>%1 sesiones más en el destino</translation>
    </message>
    <message>
        <source>What they write after the safety backup was taken is lost: stop them first.</source>
        <translation>Lo que escriban después de la copia previa se pierde: deténgalas antes.</translation>
    </message>
    <message>
        <source>One transaction needs about %1 locks; the server has room for %2</source>
        <translation>Una sola transacción necesita unos %1 bloqueos; el servidor admite %2</translation>
    </message>
    <message>
        <source>Restore into a new database, use --jobs 2, or raise max_locks_per_transaction.</source>
        <translation>Restaure en una base de datos nueva, elija --jobs 2 o aumente max_locks_per_transaction.</translation>
    </message>
    <message>
        <source>1 object of the target is in the way</source>
        <translation>1 objeto del destino estorba</translation>
    </message>
    <message>
        <source>%1 objects of the target are in the way</source>
        <translation>%1 objetos del destino estorban</translation>
    </message>
    <message>
        <source>Replace them with --clean, or restore into a new database with --new-database.</source>
        <translation>Sustitúyalos con --clean o restaure en una base de datos nueva.</translation>
    </message>
    <message>
        <source>Objects of another kind are in the way</source>
        <translation>Estorban objetos de otro tipo</translation>
    </message>
    <message>
        <source>Rename or drop them first.</source>
        <translation>Cámbieles el nombre o elimínelos antes.</translation>
    </message>
    <message>
        <source>%1 does not own what it would have to replace</source>
        <translation>%1 no es propietario de lo que habría que reemplazar</translation>
    </message>
    <message>
        <source>Objects of extensions are in the way</source>
        <translation>Estorban objetos de extensiones</translation>
    </message>
    <message>
        <source>Objects of the target that are not in the source need what would be replaced</source>
        <translation>Objetos del destino que no están en el origen necesitan lo que se reemplazaría</translation>
    </message>
    <message>
        <source>Drop them first, or restore into a new database with --new-database.</source>
        <translation>Elimínelos antes o restaure en una base de datos nueva.</translation>
    </message>
    <message>
        <source>Large objects of the target have the numbers of those in the source</source>
        <translation>Objetos grandes del destino tienen los números de los del origen</translation>
    </message>
    <message>
        <source>%1 may not create anything in the schema %2</source>
        <translation>%1 no puede crear nada en el esquema %2</translation>
    </message>
    <message>
        <source>The target has no schema %1, and the source does not create it</source>
        <translation>El destino no tiene el esquema %1, y el origen no lo crea</translation>
    </message>
    <message>
        <source>The role %1 may not create the schema %2</source>
        <translation>El rol %1 no puede crear el esquema %2</translation>
    </message>
    <message>
        <source>The extension %1 is in the schema %2 of the target</source>
        <translation>La extensión %1 está en el esquema %2 del destino</translation>
    </message>
    <message>
        <source>The source expects it in %1</source>
        <translation>El origen la espera en %1</translation>
    </message>
    <message>
        <source>The extension %1 cannot be had on the target: %2</source>
        <translation>La extensión %1 no está disponible en el destino: %2</translation>
    </message>
    <message>
        <source>the target&apos;s server does not have this extension</source>
        <translation>el servidor de destino no tiene esta extensión</translation>
    </message>
    <message>
        <source>Install it there first, or have a superuser run CREATE EXTENSION %1.</source>
        <translation>Instálela allí antes, o pida a un superusuario que ejecute CREATE EXTENSION %1.</translation>
    </message>
    <message>
        <source>Needed by %1</source>
        <translation>Lo necesita: %1</translation>
    </message>
    <message>
        <source>Nothing else in the source needs it</source>
        <translation>Nada más en el origen la necesita</translation>
    </message>
    <message>
        <source>Tables cannot be restored because of what they need</source>
        <translation>Hay tablas que no se pueden restaurar por lo que necesitan</translation>
    </message>
    <message>
        <source>Rows of extensions that the target will not have are left out</source>
        <translation>Se omiten filas de extensiones que el destino no tendrá</translation>
    </message>
    <message>
        <source>Install the extension on the target first, and they come along.</source>
        <translation>Instale antes la extensión en el destino y se incluirán.</translation>
    </message>
    <message>
        <source>Left out: %1</source>
        <translation>Se omite: %1</translation>
    </message>
    <message>
        <source>Subscriptions are restored switched off</source>
        <translation>Las suscripciones se restauran desactivadas</translation>
    </message>
    <message>
        <source>The target has no collation %1</source>
        <translation>El destino no tiene la intercalación %1</translation>
    </message>
    <message>
        <source>The server was built without ICU, or its system lacks the locale.</source>
        <translation>El servidor se compiló sin ICU, o a su sistema le falta esa configuración regional.</translation>
    </message>
    <message>
        <source>Rights that were taken from everybody stay: %1</source>
        <translation>Siguen vigentes derechos que se habían quitado a todos: %1</translation>
    </message>
    <message>
        <source>the target has no role %1</source>
        <translation>el destino no tiene el rol %1</translation>
    </message>
    <message>
        <source>the target has no roles %1</source>
        <translation>el destino no tiene los roles %1</translation>
    </message>
    <message>
        <source>Not all that belongs to the source&apos;s database itself is carried over</source>
        <translation>No se traslada todo lo que pertenece a la propia base de datos del origen</translation>
    </message>
    <message>
        <source>Set what you need for the new database.</source>
        <translation>Configure en la nueva base de datos lo que necesite.</translation>
    </message>
    <message>
        <source>The source’s role %1 will not be made</source>
        <translation>No se creará el rol %1 del origen</translation>
    </message>
    <message>
        <source>The source’s roles %1 will not be made</source>
        <translation>No se crearán los roles %1 del origen</translation>
    </message>
    <message>
        <source>Nothing that is restored needs them</source>
        <translation>Nada de lo que se restaura los necesita</translation>
    </message>
    <message>
        <source>%1 changes tables of the target that are not its own</source>
        <translation>%1 cambia tablas del destino que no son suyas</translation>
    </message>
    <message>
        <source>If you did not expect that, restore it into a new database.</source>
        <translation>Si no lo esperaba, restáurelo en una base de datos nueva.</translation>
    </message>
    <message>
        <source>Tables cannot be emptied while the archive is read from a packed file</source>
        <translation>No se pueden vaciar tablas mientras el volcado se lee de un archivo comprimido</translation>
    </message>
    <message>
        <source>Unpack it first.</source>
        <translation>Descomprímalo antes.</translation>
    </message>
    <message>
        <source>Rows are added to those that 1 table of the target have</source>
        <translation>Se añaden filas a las que tiene 1 tabla del destino</translation>
    </message>
    <message>
        <source>Rows are added to those that %1 tables of the target have</source>
        <translation>Se añaden filas a las que tienen %1 tablas del destino</translation>
    </message>
    <message>
        <source>Rows that are there already violate keys; --clean empties the tables first.</source>
        <translation>Las filas ya existentes violan claves; --clean vacía antes las tablas.</translation>
    </message>
    <message>
        <source>Foreign keys go round in a circle</source>
        <translation>Las claves foráneas forman un círculo</translation>
    </message>
    <message>
        <source>The target does not have %1</source>
        <translation>El destino no tiene %1</translation>
    </message>
    <message>
        <source>Restore everything, or the definitions first with --what schema.</source>
        <translation>Restaure todo, o antes las definiciones con --what schema.</translation>
    </message>
    <message>
        <source>Row security lets %1 copy nothing into table %2</source>
        <translation>La seguridad de filas no deja que %1 copie nada en la tabla %2</translation>
    </message>
    <message>
        <source>Row security lets %1 copy nothing into tables %2</source>
        <translation>La seguridad de filas no deja que %1 copie nada en las tablas %2</translation>
    </message>
    <message>
        <source>Restore as the tables’ owner, or as a role with BYPASSRLS.</source>
        <translation>Restaure como propietario de las tablas o con un rol que tenga BYPASSRLS.</translation>
    </message>
    <message>
        <source>Restore as a role with BYPASSRLS, which postgres has.</source>
        <translation>Restaure con un rol que tenga BYPASSRLS; postgres lo tiene.</translation>
    </message>
    <message>
        <source>Tables with rows refer to tables that would be emptied</source>
        <translation>Tablas con filas hacen referencia a tablas que se vaciarían</translation>
    </message>
    <message>
        <source>%1 does not own what would be emptied</source>
        <translation>%1 no es propietario de lo que se vaciaría</translation>
    </message>
    <message>
        <source>%1 does not own what the script drops</source>
        <translation>%1 no es propietario de lo que el script elimina</translation>
    </message>
    <message>
        <source>Objects of the target need what the script drops</source>
        <translation>Objetos del destino necesitan lo que el script elimina</translation>
    </message>
    <message>
        <source>Let it with --clean, or restore into a new database with --new-database.</source>
        <translation>Permítalo con --clean o restaure en una base de datos nueva.</translation>
    </message>
    <message>
        <source>Let it with --clean.</source>
        <translation>Permítalo con --clean.</translation>
    </message>
    <message>
        <source>%1 has commands that are never run</source>
        <translation>%1 contiene órdenes que nunca se ejecutan</translation>
    </message>
    <message>
        <source>Take them out, if you know what they are for.</source>
        <translation>Quítelas si sabe para qué sirven.</translation>
    </message>
    <message>
        <source>%1 reaches for the server&apos;s programs, files or settings</source>
        <translation>%1 accede a programas, archivos o ajustes del servidor</translation>
    </message>
    <message>
        <source>Restore it only when you trust where it comes from; --allow-server-access lets it pass.</source>
        <translation>Restáurelo solo si confía en su procedencia; la línea de órdenes puede permitirlo.</translation>
    </message>
    <message>
        <source>%1 does more than make objects</source>
        <translation>%1 hace más que crear objetos</translation>
    </message>
    <message>
        <source>The archive holds a link to another file</source>
        <translation>El volcado contiene un enlace a otro archivo</translation>
    </message>
    <message>
        <source>pg_dump makes no links: it was changed, do not use it.</source>
        <translation>pg_dump no crea enlaces: se ha modificado, no lo use.</translation>
    </message>
    <message>
        <source>The archive is not whole</source>
        <translation>El volcado no está completo</translation>
    </message>
    <message>
        <source>Get another copy of it, with all of its files.</source>
        <translation>Consiga otra copia, con todos sus archivos.</translation>
    </message>
    <message>
        <source>Get another copy of it.</source>
        <translation>Consiga otra copia.</translation>
    </message>
    <message>
        <source>It is cut off</source>
        <translation>Está cortado</translation>
    </message>
    <message>
        <source>The archive has statements that pg_dump does not write</source>
        <translation>El volcado tiene sentencias que pg_dump no escribe</translation>
    </message>
    <message>
        <source>It was changed: do not use it.</source>
        <translation>Se ha modificado: no lo use.</translation>
    </message>
    <message>
        <source>%1 is cut short</source>
        <translation>%1 está cortado</translation>
    </message>
    <message>
        <source>pg_dump&apos;s last line is missing.</source>
        <translation>Falta la última línea de pg_dump.</translation>
    </message>
    <message>
        <source>%1 undoes some of what it does</source>
        <translation>%1 deshace parte de lo que hace</translation>
    </message>
    <message>
        <source>Line %1: %2</source>
        <translation>Línea %1: %2</translation>
    </message>
    <message>
        <source>Restore it into a new database.</source>
        <translation>Restáurelo en una base de datos nueva.</translation>
    </message>
    <message>
        <source>%1 cannot be restored in one transaction</source>
        <translation>%1 no se puede restaurar en una sola transacción</translation>
    </message>
    <message>
        <source>Restore it into a new database, or with --jobs 2, which goes on after errors.</source>
        <translation>Restáurelo en una base de datos nueva, o con --jobs 2, que sigue tras los errores.</translation>
    </message>
    <message>
        <source>Triggers keep still while the rows are loaded, which come back as they were in the source</source>
        <translation>Los disparadores no actúan mientras se cargan las filas, que vuelven como estaban en el origen</translation>
    </message>
    <message>
        <source>Foreign keys are not checked while the rows are loaded, but afterwards</source>
        <translation>Las claves foráneas no se comprueban al cargar las filas, sino después</translation>
    </message>
    <message>
        <source>A key that does not hold undoes the restore.</source>
        <translation>Una clave que no se cumpla deshace la restauración.</translation>
    </message>
    <message>
        <source>A key that does not hold is named; the rows stay.</source>
        <translation>Se nombra la clave que no se cumpla; las filas se quedan.</translation>
    </message>
    <message>
        <source>Triggers fire while rows are loaded, and may change the rows</source>
        <translation>Los disparadores actúan al cargar las filas y pueden cambiarlas</translation>
    </message>
    <message>
        <source>Restore as the owner of the tables, in one transaction, or as a superuser.</source>
        <translation>Restaure como propietario de las tablas, en una sola transacción, o como superusuario.</translation>
    </message>
    <message>
        <source>What the target&apos;s objects have and the source&apos;s do not goes when they are replaced</source>
        <translation>Lo que tienen los objetos del destino y no los del origen se pierde al reemplazarlos</translation>
    </message>
    <message>
        <source>Make it again afterwards where it is needed; the safety backup has it.</source>
        <translation>Vuelva a crearlo después donde haga falta; la copia previa lo tiene.</translation>
    </message>
    <message>
        <source>Restored into PostgreSQL %1; the backup is of PostgreSQL %2.</source>
        <translation>Restaurada en PostgreSQL %1; la copia es de PostgreSQL %2.</translation>
    </message>
    <message>
        <source>The server did not count the rows of every table when they were dumped.</source>
        <translation>El servidor no contó las filas de todas las tablas al volcarlas.</translation>
    </message>
    <message>
        <source>The selection does not restore by itself: %1.</source>
        <translation>La selección no se restaura por sí sola: %1.</translation>
    </message>
    <message>
        <source>Not proven: the rows of %1 were not compared: %2.</source>
        <translation>Sin probar: las filas de %1 no se compararon: %2.</translation>
    </message>
    <message>
        <source>it did not come back as it was</source>
        <translation>no volvió como estaba</translation>
    </message>
    <message>
        <source>it did not come back</source>
        <translation>no volvió</translation>
    </message>
    <message>
        <source>it is not in the backup</source>
        <translation>no está en la copia</translation>
    </message>
    <message>
        <source>its bytes are not the same</source>
        <translation>sus bytes no son los mismos</translation>
    </message>
    <message>
        <source>its definition came back changed</source>
        <translation>su definición volvió cambiada</translation>
    </message>
    <message>
        <source>another major version writes its definition differently</source>
        <translation>otra versión principal escribe su definición de otra manera</translation>
    </message>
    <message>
        <source>the manifest does not tell of these rows</source>
        <translation>el manifiesto no menciona estas filas</translation>
    </message>
    <message>
        <source>The target is a Supabase project: 1 object of its platform stay as it has them</source>
        <translation>El destino es un proyecto de Supabase: 1 objeto de su plataforma queda como está</translation>
    </message>
    <message>
        <source>The target is a Supabase project: %1 objects of its platform stay as it has them</source>
        <translation>El destino es un proyecto de Supabase: %1 objetos de su plataforma quedan como están</translation>
    </message>
    <message>
        <source>Rows are left out: %1</source>
        <translation>Se omiten filas: %1</translation>
    </message>
    <message>
        <source>Schedule jobs again: SELECT cron.schedule(&apos;name&apos;, &apos;0 3 * * *&apos;, &apos;SELECT …&apos;);</source>
        <translation>Programe de nuevo las tareas: SELECT cron.schedule(&apos;name&apos;, &apos;0 3 * * *&apos;, &apos;SELECT …&apos;);</translation>
    </message>
    <message>
        <source>1 secret of the Vault cannot be restored</source>
        <translation>1 secreto de Vault no se puede restaurar</translation>
    </message>
    <message>
        <source>%1 secrets of the Vault cannot be restored</source>
        <translation>%1 secretos de Vault no se pueden restaurar</translation>
    </message>
    <message>
        <source>They are encrypted with a key of the source’s project</source>
        <translation>Están cifrados con una clave del proyecto de origen</translation>
    </message>
    <message>
        <source>Make them again: SELECT vault.create_secret(&apos;…&apos;, &apos;name&apos;);</source>
        <translation>Créelos de nuevo: SELECT vault.create_secret(&apos;…&apos;, &apos;name&apos;);</translation>
    </message>
    <message>
        <source>A Supabase project is restored in one transaction, by one session</source>
        <translation>Un proyecto de Supabase se restaura en una sola transacción y sesión</translation>
    </message>
    <message>
        <source>What is done about roles, rights and triggers is undone with the rest if anything fails</source>
        <translation>Lo que se haga con roles, derechos y disparadores se deshace con el resto si algo falla</translation>
    </message>
    <message>
        <source>%1 may not keep the platform’s triggers still</source>
        <translation>%1 no puede detener los disparadores de la plataforma</translation>
    </message>
    <message>
        <source>Rows of %1 would fire them</source>
        <translation>Filas de %1 los activarían</translation>
    </message>
    <message>
        <source>The rows of 1 table of the platform are deleted first</source>
        <translation>Antes se eliminan las filas de 1 tabla de la plataforma</translation>
    </message>
    <message>
        <source>The rows of %1 tables of the platform are deleted first</source>
        <translation>Antes se eliminan las filas de %1 tablas de la plataforma</translation>
    </message>
    <message>
        <source>Rows are added to those that 1 table of the platform have</source>
        <translation>Se añaden filas a las que tiene 1 tabla de la plataforma</translation>
    </message>
    <message>
        <source>Rows are added to those that %1 tables of the platform have</source>
        <translation>Se añaden filas a las que tienen %1 tablas de la plataforma</translation>
    </message>
    <message>
        <source>Rows that are there already violate keys; --clean deletes them first.</source>
        <translation>Las filas ya existentes violan claves; --clean las elimina antes.</translation>
    </message>
    <message>
        <source>Triggers fire even so, as they are enabled always or for replicas</source>
        <translation>Los disparadores actúan igualmente, pues están activados siempre o para réplicas</translation>
    </message>
    <message>
        <source>Triggers come along whose functions may need what is not restored</source>
        <translation>Se incluyen disparadores cuyas funciones pueden necesitar lo que no se restaura</translation>
    </message>
    <message>
        <source>Select that, too, or restore the rows alone.</source>
        <translation>Selecciónelo también o restaure solo las filas.</translation>
    </message>
    <message>
        <source>The project has no column %1</source>
        <translation>El proyecto no tiene la columna %1</translation>
    </message>
    <message>
        <source>The project has no columns %1</source>
        <translation>El proyecto no tiene las columnas %1</translation>
    </message>
    <message>
        <source>Its platform is older than the source’s</source>
        <translation>Su plataforma es más antigua que la del origen</translation>
    </message>
    <message>
        <source>Update the project in Supabase’s dashboard, or take a newer one.</source>
        <translation>Actualice el proyecto en el panel de Supabase o use uno más nuevo.</translation>
    </message>
    <message>
        <source>Rights on objects of the platform are left out</source>
        <translation>Se omiten derechos sobre objetos de la plataforma</translation>
    </message>
    <message>
        <source>Make the roles first where they are missing; other rights only the platform may give.</source>
        <translation>Cree antes los roles que falten; otros derechos solo los da la plataforma.</translation>
    </message>
    <message>
        <source>Those of the source take their place at the end.</source>
        <translation>Al final las sustituyen las del origen.</translation>
    </message>
    <message>
        <source>Set the passwords of role %1 again</source>
        <translation>Defina de nuevo la contraseña del rol %1</translation>
    </message>
    <message>
        <source>Set the passwords of roles %1 again</source>
        <translation>Defina de nuevo las contraseñas de los roles %1</translation>
    </message>
    <message>
        <source>A backup made by a project’s own role has no passwords</source>
        <translation>Una copia hecha con el propio rol del proyecto no contiene contraseñas</translation>
    </message>
    <message>
        <source>Memberships and settings of roles are left out that only the platform may give</source>
        <translation>Se omiten pertenencias y ajustes de roles que solo puede dar la plataforma</translation>
    </message>
    <message>
        <source>the platform’s own event trigger, which a project has by itself</source>
        <translation>un disparador de eventos de la plataforma, que un proyecto ya tiene</translation>
    </message>
    <message>
        <source>default privileges of the platform’s own role stay as the project has them</source>
        <translation>los privilegios predeterminados del rol de la plataforma quedan como los tiene el proyecto</translation>
    </message>
    <message>
        <source>an extension brings its own comment</source>
        <translation>una extensión trae su propio comentario</translation>
    </message>
    <message>
        <source>every project has it; the source’s tables are added to it</source>
        <translation>todos los proyectos la tienen; se le añaden las tablas del origen</translation>
    </message>
    <message>
        <source>the project’s publication has it already</source>
        <translation>la publicación del proyecto ya la tiene</translation>
    </message>
    <message>
        <source>secrets are encrypted with a key of the source’s project</source>
        <translation>los secretos están cifrados con una clave del proyecto de origen</translation>
    </message>
    <message>
        <source>the project has no such table: its platform is of another version</source>
        <translation>el proyecto no tiene esa tabla: su plataforma es de otra versión</translation>
    </message>
    <message>
        <source>the project’s role may not write them, or their extension is not there yet</source>
        <translation>el rol del proyecto no puede escribirlas, o su extensión aún no está</translation>
    </message>
    <message>
        <source>the project’s role may not write them</source>
        <translation>el rol del proyecto no puede escribirlas</translation>
    </message>
    <message>
        <source>rows of the platform, of which the project has its own</source>
        <translation>filas de la plataforma, de las que el proyecto tiene las suyas</translation>
    </message>
    <message>
        <source>the platform’s own, which a project has by itself</source>
        <translation>de la plataforma; un proyecto ya lo tiene</translation>
    </message>
    <message>
        <source>nobody but the platform may create anything in its schema</source>
        <translation>en su esquema solo la plataforma puede crear algo</translation>
    </message>
    <message>
        <source>the project’s platform does not have it</source>
        <translation>la plataforma del proyecto no lo tiene</translation>
    </message>
    <message>
        <source>it was not asked for</source>
        <translation>no se pidió</translation>
    </message>
</context>
<context>
    <name>error</name>
    <message>
        <source>Something that was given cannot be used</source>
        <translation>Un dato no se puede usar así</translation>
    </message>
    <message>
        <source>There is no such project</source>
        <translation>No existe tal proyecto</translation>
    </message>
    <message>
        <source>The host was not found</source>
        <translation>No se encontró el host</translation>
    </message>
    <message>
        <source>Check how its name is written, and the network.</source>
        <translation>Compruebe cómo está escrito su nombre, y la red.</translation>
    </message>
    <message>
        <source>The server cannot be reached from this network</source>
        <translation>No se puede llegar al servidor desde esta red</translation>
    </message>
    <message>
        <source>Check the network, or choose a way to the server that it allows.</source>
        <translation>Compruebe la red o elija una vía al servidor que esta permita.</translation>
    </message>
    <message>
        <source>Nothing answers at that address</source>
        <translation>Nada responde en esa dirección</translation>
    </message>
    <message>
        <source>Check host and port, and whether the server runs.</source>
        <translation>Compruebe el host y el puerto, y si el servidor está en marcha.</translation>
    </message>
    <message>
        <source>There was no answer in time</source>
        <translation>No hubo respuesta a tiempo</translation>
    </message>
    <message>
        <source>Try again; check the network if it stays so.</source>
        <translation>Inténtelo de nuevo; si continúa, compruebe la red.</translation>
    </message>
    <message>
        <source>The server and this computer do not agree on TLS</source>
        <translation>El servidor y este equipo no se ponen de acuerdo sobre TLS</translation>
    </message>
    <message>
        <source>Look at TLS in the project’s connection.</source>
        <translation>Revise TLS en la conexión del proyecto.</translation>
    </message>
    <message>
        <source>The server’s certificate is not trusted</source>
        <translation>El certificado del servidor no es de confianza</translation>
    </message>
    <message>
        <source>Choose the certificate of the authority that signed it, in the project’s connection.</source>
        <translation>Elija en la conexión del proyecto el certificado de la autoridad que lo firmó.</translation>
    </message>
    <message>
        <source>The server’s certificate is for another name</source>
        <translation>El certificado del servidor es para otro nombre</translation>
    </message>
    <message>
        <source>Use the name that stands in the certificate.</source>
        <translation>Use el nombre que figura en el certificado.</translation>
    </message>
    <message>
        <source>The server refused the sign-in</source>
        <translation>El servidor rechazó el inicio de sesión</translation>
    </message>
    <message>
        <source>Check user and password.</source>
        <translation>Compruebe el usuario y la contraseña.</translation>
    </message>
    <message>
        <source>There is no such database on the server</source>
        <translation>No existe esa base de datos en el servidor</translation>
    </message>
    <message>
        <source>Check how its name is written.</source>
        <translation>Compruebe cómo está escrito su nombre.</translation>
    </message>
    <message>
        <source>The server has no free connection</source>
        <translation>El servidor no tiene conexiones libres</translation>
    </message>
    <message>
        <source>Try again later, or close other programs that use it.</source>
        <translation>Inténtelo más tarde o cierre otros programas que lo usen.</translation>
    </message>
    <message>
        <source>This address leads to a transaction pooler</source>
        <translation>Esta dirección lleva a un pooler de transacciones</translation>
    </message>
    <message>
        <source>A backup needs the session pooler or the server itself.</source>
        <translation>Una copia necesita el pooler de sesiones o el propio servidor.</translation>
    </message>
    <message>
        <source>The server is newer than the PostgreSQL tools</source>
        <translation>El servidor es más nuevo que las herramientas de PostgreSQL</translation>
    </message>
    <message>
        <source>Install newer tools; the settings show which were found.</source>
        <translation>Instale herramientas más nuevas; los ajustes muestran las encontradas.</translation>
    </message>
    <message>
        <source>A PostgreSQL tool that this needs is missing</source>
        <translation>Falta una herramienta de PostgreSQL que esto necesita</translation>
    </message>
    <message>
        <source>The settings show which tools were found.</source>
        <translation>Los ajustes muestran qué herramientas se encontraron.</translation>
    </message>
    <message>
        <source>A program that this needs does not work</source>
        <translation>Un programa que esto necesita no funciona</translation>
    </message>
    <message>
        <source>The role may not read everything</source>
        <translation>El rol no puede leerlo todo</translation>
    </message>
    <message>
        <source>Row security would hide rows from the backup</source>
        <translation>La seguridad de filas ocultaría filas a la copia</translation>
    </message>
    <message>
        <source>Another session or program holds what this needs</source>
        <translation>Otra sesión u otro programa retiene lo que se necesita</translation>
    </message>
    <message>
        <source>Wait until it is done, or end it, then try again.</source>
        <translation>Espere a que termine, o termínelo, e inténtelo de nuevo.</translation>
    </message>
    <message>
        <source>Nothing moved for too long</source>
        <translation>Nada avanzó durante demasiado tiempo</translation>
    </message>
    <message>
        <source>Look for locks and for a broken network, then start again.</source>
        <translation>Busque bloqueos y problemas de red, y empiece de nuevo.</translation>
    </message>
    <message>
        <source>Cancelled</source>
        <translation>Cancelado</translation>
    </message>
    <message>
        <source>The connection to the server was lost</source>
        <translation>Se perdió la conexión con el servidor</translation>
    </message>
    <message>
        <source>Check the network, then try again.</source>
        <translation>Compruebe la red e inténtelo de nuevo.</translation>
    </message>
    <message>
        <source>The server refused a query</source>
        <translation>El servidor rechazó una consulta</translation>
    </message>
    <message>
        <source>What the server said stands with it.</source>
        <translation>Al lado está lo que dijo el servidor.</translation>
    </message>
    <message>
        <source>The dump failed</source>
        <translation>El volcado falló</translation>
    </message>
    <message>
        <source>No backup was kept.</source>
        <translation>No se conservó ninguna copia.</translation>
    </message>
    <message>
        <source>The disk is full</source>
        <translation>El disco está lleno</translation>
    </message>
    <message>
        <source>Free some space, or choose another folder.</source>
        <translation>Libere espacio o elija otra carpeta.</translation>
    </message>
    <message>
        <source>The folder is not there</source>
        <translation>La carpeta no está</translation>
    </message>
    <message>
        <source>Connect the disk that it is on, or choose another folder.</source>
        <translation>Conecte el disco en el que está o elija otra carpeta.</translation>
    </message>
    <message>
        <source>The folder cannot be written to</source>
        <translation>No se puede escribir en la carpeta</translation>
    </message>
    <message>
        <source>Change its permissions or choose another folder.</source>
        <translation>Cambie sus permisos o elija otra carpeta.</translation>
    </message>
    <message>
        <source>The backup cannot be moved to the trash</source>
        <translation>La copia no se puede mover a la papelera</translation>
    </message>
    <message>
        <source>Its disk may have no trash. Delete the backup for good, or keep it.</source>
        <translation>Es posible que su disco no tenga papelera. Elimine la copia definitivamente o consérvela.</translation>
    </message>
    <message>
        <source>There is no keyring for passwords that works</source>
        <translation>No hay un llavero de contraseñas que funcione</translation>
    </message>
    <message>
        <source>Passwords are kept only until Holdfast ends; the settings show which keyrings were found.</source>
        <translation>Las contraseñas se conservan solo hasta que Holdfast termine; los ajustes muestran los llaveros encontrados.</translation>
    </message>
    <message>
        <source>The keyring is locked</source>
        <translation>El llavero está bloqueado</translation>
    </message>
    <message>
        <source>Unlock it, then try again.</source>
        <translation>Desbloquéelo e inténtelo de nuevo.</translation>
    </message>
    <message>
        <source>A row is too large to be dumped</source>
        <translation>Una fila es demasiado grande para volcarla</translation>
    </message>
    <message>
        <source>The snapshot was lost</source>
        <translation>Se perdió la instantánea</translation>
    </message>
    <message>
        <source>Back up again; check what ends long sessions on the server.</source>
        <translation>Haga la copia de nuevo; compruebe qué termina las sesiones largas en el servidor.</translation>
    </message>
    <message>
        <source>A table was changed or dropped while it was dumped</source>
        <translation>Una tabla se modificó o se eliminó durante el volcado</translation>
    </message>
    <message>
        <source>Back up again when no migration runs.</source>
        <translation>Haga la copia de nuevo cuando no haya ninguna migración en curso.</translation>
    </message>
    <message>
        <source>The archive does not hold the rows that the server counted</source>
        <translation>El archivo no contiene las filas que contó el servidor</translation>
    </message>
    <message>
        <source>No backup was kept. Copy the details and report them.</source>
        <translation>No se conservó ninguna copia. Copie los detalles e informe de ello.</translation>
    </message>
    <message>
        <source>There is too little space to restore the backup for a proof</source>
        <translation>No hay espacio suficiente para restaurar la copia y probarla</translation>
    </message>
    <message>
        <source>Free some space, then prove it again.</source>
        <translation>Libere espacio y pruébela de nuevo.</translation>
    </message>
    <message>
        <source>The folder is not a backup of Holdfast</source>
        <translation>La carpeta no es una copia de Holdfast</translation>
    </message>
    <message>
        <source>Choose the folder that holds manifest.json.</source>
        <translation>Elija la carpeta que contiene manifest.json.</translation>
    </message>
    <message>
        <source>A file of the backup or dump is damaged</source>
        <translation>Un archivo de la copia o del volcado está dañado</translation>
    </message>
    <message>
        <source>Use another backup, or a whole copy of the file.</source>
        <translation>Use otra copia o una versión íntegra del archivo.</translation>
    </message>
    <message>
        <source>This is not a PostgreSQL dump that can be read</source>
        <translation>Esto no es un volcado de PostgreSQL que se pueda leer</translation>
    </message>
    <message>
        <source>This was made by a newer Holdfast</source>
        <translation>Esto lo hizo un Holdfast más nuevo</translation>
    </message>
    <message>
        <source>Update Holdfast.</source>
        <translation>Actualice Holdfast.</translation>
    </message>
    <message>
        <source>The backup’s folder holds what a backup never has</source>
        <translation>La carpeta de la copia contiene algo que una copia nunca tiene</translation>
    </message>
    <message>
        <source>Nothing was changed.</source>
        <translation>No se cambió nada.</translation>
    </message>
    <message>
        <source>The throwaway server did not work</source>
        <translation>El servidor desechable no funcionó</translation>
    </message>
    <message>
        <source>The restore failed</source>
        <translation>La restauración falló</translation>
    </message>
    <message>
        <source>There is something of that name already</source>
        <translation>Ya existe algo con ese nombre</translation>
    </message>
    <message>
        <source>Choose another name, or restore into what is there.</source>
        <translation>Elija otro nombre o restaure en lo que ya existe.</translation>
    </message>
    <message>
        <source>This cannot be restored in that way</source>
        <translation>Esto no se puede restaurar de esa manera</translation>
    </message>
    <message>
        <source>The SQL script was stopped</source>
        <translation>Se detuvo el script SQL</translation>
    </message>
    <message>
        <source>Nothing of what is named was run. Remove it from the script if you trust the rest.</source>
        <translation>No se ejecutó nada de lo indicado. Quítelo del script si confía en el resto.</translation>
    </message>
    <message>
        <source>The archive unpacks to far more than a dump would</source>
        <translation>El archivo se descomprime en mucho más que un volcado</translation>
    </message>
    <message>
        <source>It is refused. If you trust it, unpack it yourself and use what was in it.</source>
        <translation>Se rechaza. Si confía en él, descomprímalo usted y use su contenido.</translation>
    </message>
    <message>
        <source>The settings cannot be read</source>
        <translation>No se pueden leer los ajustes</translation>
    </message>
    <message>
        <source>Correct the file, or rename it to begin anew. Backups are not touched by this.</source>
        <translation>Corrija el archivo o cámbiele el nombre para empezar de nuevo. Las copias no se ven afectadas.</translation>
    </message>
    <message>
        <source>The operation ended in the middle</source>
        <translation>La operación terminó a medias</translation>
    </message>
    <message>
        <source>What it left is cleared up next time.</source>
        <translation>Lo que dejó se limpiará la próxima vez.</translation>
    </message>
    <message>
        <source>You are not signed in to Supabase</source>
        <translation>No ha iniciado sesión en Supabase</translation>
    </message>
    <message>
        <source>Sign in under From Supabase…</source>
        <translation>Inicie sesión en «Desde Supabase…».</translation>
    </message>
    <message>
        <source>This is not such a token or key of Supabase</source>
        <translation>Esto no es ese token o esa clave de Supabase</translation>
    </message>
    <message>
        <source>Supabase refused the access token</source>
        <translation>Supabase rechazó el token de acceso</translation>
    </message>
    <message>
        <source>Sign in with a new one.</source>
        <translation>Inicie sesión con uno nuevo.</translation>
    </message>
    <message>
        <source>Supabase cannot be reached</source>
        <translation>No se puede llegar a Supabase</translation>
    </message>
    <message>
        <source>Supabase did not give what was asked for</source>
        <translation>Supabase no dio lo que se pidió</translation>
    </message>
    <message>
        <source>The project is paused</source>
        <translation>El proyecto está en pausa</translation>
    </message>
    <message>
        <source>Start it in Supabase’s dashboard and wait until it runs, then try again.</source>
        <translation>Inícielo en el panel de Supabase, espere a que funcione e inténtelo de nuevo.</translation>
    </message>
</context>
<context>
    <name>formats</name>
    <message>
        <source>%1 bytes</source>
        <translation>%1 bytes</translation>
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
        <translation>Ayer</translation>
    </message>
    <message>
        <source>Today</source>
        <translation>Hoy</translation>
    </message>
    <message>
        <source>Tomorrow</source>
        <translation>Mañana</translation>
    </message>
    <message>
        <source>ddd d MMM</source>
        <translation>ddd d MMM</translation>
    </message>
    <message>
        <source>d MMM yyyy</source>
        <translation>d MMM yyyy</translation>
    </message>
    <message>
        <source>d MMM</source>
        <translation>d MMM</translation>
    </message>
</context>
<context>
    <name>health</name>
    <message>
        <source>All schedules are paused until %1</source>
        <translation>Todas las programaciones están en pausa (hasta %1)</translation>
    </message>
    <message>
        <source>just now</source>
        <translation>ahora mismo</translation>
    </message>
    <message numerus="yes">
        <source>%n minute(s) ago</source>
        <translation>
            <numerusform>hace %n minuto</numerusform>
            <numerusform>hace %n minutos</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n hour(s) ago</source>
        <translation>
            <numerusform>hace %n hora</numerusform>
            <numerusform>hace %n horas</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n day(s) ago</source>
        <translation>
            <numerusform>hace %n día</numerusform>
            <numerusform>hace %n días</numerusform>
        </translation>
    </message>
    <message>
        <source>It was interrupted.</source>
        <translation>Se interrumpió.</translation>
    </message>
    <message>
        <source>The reason is not known</source>
        <translation>No se conoce el motivo</translation>
    </message>
    <message>
        <source>last good backup %1, next %2</source>
        <translation>última copia correcta: %1; próxima: %2</translation>
    </message>
    <message>
        <source>last good backup %1</source>
        <translation>última copia correcta: %1</translation>
    </message>
    <message>
        <source>no good backup yet, next %2</source>
        <translation>aún sin copia correcta; próxima: %2</translation>
    </message>
    <message>
        <source>no good backup yet</source>
        <translation>aún sin copia correcta</translation>
    </message>
    <message>
        <source>running</source>
        <translation>en curso</translation>
    </message>
    <message>
        <source>proof is old</source>
        <translation>prueba antigua</translation>
    </message>
    <message>
        <source>not proven</source>
        <translation>sin probar</translation>
    </message>
    <message>
        <source>overdue</source>
        <translation>atrasado</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>con fallo</translation>
    </message>
    <message>
        <source>no backup yet</source>
        <translation>sin copias</translation>
    </message>
    <message>
        <source>waiting</source>
        <translation>en espera</translation>
    </message>
    <message>
        <source>paused</source>
        <translation>en pausa</translation>
    </message>
    <message>
        <source>proven</source>
        <translation>probado</translation>
    </message>
    <message>
        <source>Reminders by e-mail do not get through</source>
        <translation>Los avisos por correo no llegan</translation>
    </message>
    <message>
        <source>Reminders by command do not get through</source>
        <translation>Los avisos por orden no llegan</translation>
    </message>
    <message>
        <source>Reminders by webhook do not get through</source>
        <translation>Los avisos por webhook no llegan</translation>
    </message>
    <message>
        <source>The dead-man URL cannot be reached</source>
        <translation>No se puede acceder a la URL de hombre muerto</translation>
    </message>
    <message>
        <source>The backup folder is not connected</source>
        <translation>La carpeta de copias no está conectada</translation>
    </message>
    <message>
        <source>There is no project yet</source>
        <translation>Aún no hay proyectos</translation>
    </message>
    <message>
        <source>Reminders do not get through</source>
        <translation>Los avisos no llegan</translation>
    </message>
    <message>
        <source>Everything is backed up and proven</source>
        <translation>Todo está copiado y probado</translation>
    </message>
    <message>
        <source>%1 is overdue</source>
        <translation>%1 está atrasado</translation>
    </message>
    <message>
        <source>The last backup of %1 was interrupted</source>
        <translation>La última copia de %1 se interrumpió</translation>
    </message>
    <message>
        <source>The last backup of %1 failed</source>
        <translation>La última copia de %1 falló</translation>
    </message>
    <message>
        <source>The last backup of %1 is not good</source>
        <translation>La última copia de %1 no es correcta</translation>
    </message>
    <message>
        <source>An old backup of %1 is damaged</source>
        <translation>Una copia antigua de %1 está dañada</translation>
    </message>
    <message>
        <source>%1 has never been backed up</source>
        <translation>%1 nunca se ha copiado</translation>
    </message>
    <message>
        <source>%1 has never been proven</source>
        <translation>%1 nunca se ha probado</translation>
    </message>
    <message>
        <source>The last proof of %1 is long ago</source>
        <translation>La última prueba de %1 es antigua</translation>
    </message>
    <message>
        <source>%1 waits</source>
        <translation>%1 está en espera</translation>
    </message>
    <message>
        <source>%1 is being backed up</source>
        <translation>Copia de %1 en curso</translation>
    </message>
    <message>
        <source>The schedules of %1 are off</source>
        <translation>Las programaciones de %1 están desactivadas</translation>
    </message>
    <message numerus="yes">
        <source>%n project(s) are overdue</source>
        <translation>
            <numerusform>%n proyecto está atrasado</numerusform>
            <numerusform>%n proyectos están atrasados</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>The last backups of %n project(s) failed</source>
        <translation>
            <numerusform>La última copia de %n proyecto falló</numerusform>
            <numerusform>La última copia de %n proyectos falló</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>The last backups of %n project(s) are not good</source>
        <translation>
            <numerusform>La última copia de %n proyecto no es correcta</numerusform>
            <numerusform>La última copia de %n proyectos no es correcta</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Old backups of %n project(s) are damaged</source>
        <translation>
            <numerusform>Copias antiguas de %n proyecto están dañadas</numerusform>
            <numerusform>Copias antiguas de %n proyectos están dañadas</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n project(s) have never been backed up</source>
        <translation>
            <numerusform>%n proyecto nunca se ha copiado</numerusform>
            <numerusform>%n proyectos nunca se han copiado</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n project(s) have never been proven</source>
        <translation>
            <numerusform>%n proyecto nunca se ha probado</numerusform>
            <numerusform>%n proyectos nunca se han probado</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>The last proofs of %n project(s) are long ago</source>
        <translation>
            <numerusform>La última prueba de %n proyecto es antigua</numerusform>
            <numerusform>La última prueba de %n proyectos es antigua</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n project(s) wait</source>
        <translation>
            <numerusform>%n proyecto está en espera</numerusform>
            <numerusform>%n proyectos están en espera</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n project(s) are being backed up</source>
        <translation>
            <numerusform>Copia de %n proyecto en curso</numerusform>
            <numerusform>Copia de %n proyectos en curso</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>The schedules of %n project(s) are off</source>
        <translation>
            <numerusform>Las programaciones de %n proyecto están desactivadas</numerusform>
            <numerusform>Las programaciones de %n proyectos están desactivadas</numerusform>
        </translation>
    </message>
    <message>
        <source>last good backup %1.</source>
        <translation>la última copia correcta se hizo %1.</translation>
    </message>
    <message>
        <source>there is no good backup.</source>
        <translation>no hay ninguna copia correcta.</translation>
    </message>
    <message>
        <source>it needs %1.</source>
        <translation>necesita %1.</translation>
    </message>
    <message>
        <source>Change Folder…</source>
        <translation>Cambiar carpeta…</translation>
    </message>
    <message>
        <source>Back Up Now</source>
        <translation>Hacer copia</translation>
    </message>
    <message>
        <source>Prove Now</source>
        <translation>Probar ahora</translation>
    </message>
    <message>
        <source>Show Details</source>
        <translation>Ver detalles</translation>
    </message>
    <message>
        <source>Resume</source>
        <translation>Reanudar</translation>
    </message>
    <message>
        <source>Add Project…</source>
        <translation>Añadir proyecto…</translation>
    </message>
    <message>
        <source>Show Reminders</source>
        <translation>Mostrar avisos</translation>
    </message>
    <message numerus="yes">
        <source>%n more</source>
        <translation>
            <numerusform>%n más</numerusform>
            <numerusform>%n más</numerusform>
        </translation>
    </message>
    <message>
        <source>yesterday %1</source>
        <translation>ayer a las %1</translation>
    </message>
    <message>
        <source>tomorrow %1</source>
        <translation>mañana a las %1</translation>
    </message>
</context>
<context>
    <name>history</name>
    <message>
        <source>Pinned</source>
        <translation>Fijada</translation>
    </message>
    <message>
        <source>Missing</source>
        <translation>Falta</translation>
    </message>
    <message>
        <source>%1 seconds</source>
        <translation>%1 segundos</translation>
    </message>
    <message>
        <source>%1 before</source>
        <translation>antes: %1</translation>
    </message>
    <message>
        <source>Manual</source>
        <translation>Manual</translation>
    </message>
    <message>
        <source>Scheduled</source>
        <translation>Programada</translation>
    </message>
    <message>
        <source>Safety</source>
        <translation>Previa</translation>
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
        <translation>La carpeta de copias no está conectada</translation>
    </message>
    <message>
        <source>%1 is backed up</source>
        <translation>Copia de %1 hecha</translation>
    </message>
    <message>
        <source>%1 in %2</source>
        <translation>%1 en %2</translation>
    </message>
    <message>
        <source>There is no good backup.</source>
        <translation>No hay ninguna copia correcta.</translation>
    </message>
    <message>
        <source>The last good backup was made %1.</source>
        <translation>La última copia correcta se hizo %1.</translation>
    </message>
    <message>
        <source>%1 is overdue</source>
        <translation>%1 está atrasado</translation>
    </message>
    <message>
        <source>An old backup of %1 is damaged</source>
        <translation>Una copia antigua de %1 está dañada</translation>
    </message>
    <message>
        <source>The last backup of %1 is not good</source>
        <translation>La última copia de %1 no es correcta</translation>
    </message>
    <message>
        <source>Next attempt at %1.</source>
        <translation>Próximo intento a las %1.</translation>
    </message>
    <message>
        <source>Backup of %1 failed</source>
        <translation>La copia de %1 falló</translation>
    </message>
</context>
<context>
    <name>pause</name>
    <message>
        <source>1 Hour</source>
        <translation>1 hora</translation>
    </message>
    <message>
        <source>Until Tomorrow</source>
        <translation>Hasta mañana</translation>
    </message>
    <message>
        <source>Resume</source>
        <translation>Reanudar</translation>
    </message>
</context>
<context>
    <name>phase</name>
    <message>
        <source>checking the server</source>
        <translation>comprobando el servidor</translation>
    </message>
    <message>
        <source>taking a snapshot</source>
        <translation>tomando la instantánea</translation>
    </message>
    <message>
        <source>dumping</source>
        <translation>volcando</translation>
    </message>
    <message>
        <source>reading back</source>
        <translation>releyendo</translation>
    </message>
    <message>
        <source>sealing</source>
        <translation>sellando</translation>
    </message>
    <message>
        <source>checking the files</source>
        <translation>verificando los archivos</translation>
    </message>
    <message>
        <source>starting the sandbox</source>
        <translation>iniciando el entorno de pruebas</translation>
    </message>
    <message>
        <source>restoring into the sandbox</source>
        <translation>restaurando en el entorno de pruebas</translation>
    </message>
    <message>
        <source>comparing</source>
        <translation>comparando</translation>
    </message>
    <message>
        <source>loading the sample database</source>
        <translation>cargando los datos de ejemplo</translation>
    </message>
    <message>
        <source>restoring into a second database</source>
        <translation>restaurando en otra base de datos</translation>
    </message>
    <message>
        <source>backing up the target</source>
        <translation>copiando el destino</translation>
    </message>
    <message>
        <source>planning</source>
        <translation>preparando el plan</translation>
    </message>
    <message>
        <source>restoring</source>
        <translation>restaurando</translation>
    </message>
    <message>
        <source>counting rows</source>
        <translation>contando filas</translation>
    </message>
    <message>
        <source>writing the file</source>
        <translation>escribiendo el archivo</translation>
    </message>
</context>
<context>
    <name>plan</name>
    <message>
        <source>Creates %1</source>
        <translation>Crea %1</translation>
    </message>
    <message>
        <source>Replaces %1</source>
        <translation>Reemplaza %1</translation>
    </message>
    <message>
        <source>Changes %1</source>
        <translation>Modifica %1</translation>
    </message>
    <message>
        <source>Skips %1</source>
        <translation>Omite %1</translation>
    </message>
    <message numerus="yes">
        <source>the rows of %n table(s)</source>
        <translation>
            <numerusform>las filas de %n tabla</numerusform>
            <numerusform>las filas de %n tablas</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n other object(s)</source>
        <translation>
            <numerusform>%n objeto más</numerusform>
            <numerusform>%n objetos más</numerusform>
        </translation>
    </message>
    <message>
        <source>table</source>
        <translation>tabla</translation>
    </message>
    <message>
        <source>view</source>
        <translation>vista</translation>
    </message>
    <message>
        <source>materialized view</source>
        <translation>vista materializada</translation>
    </message>
    <message>
        <source>sequence</source>
        <translation>secuencia</translation>
    </message>
    <message>
        <source>index</source>
        <translation>índice</translation>
    </message>
    <message>
        <source>policy</source>
        <translation>política</translation>
    </message>
    <message>
        <source>function</source>
        <translation>función</translation>
    </message>
    <message>
        <source>trigger</source>
        <translation>disparador</translation>
    </message>
    <message>
        <source>type</source>
        <translation>tipo</translation>
    </message>
    <message>
        <source>tables</source>
        <translation>tablas</translation>
    </message>
    <message>
        <source>views</source>
        <translation>vistas</translation>
    </message>
    <message>
        <source>materialized views</source>
        <translation>vistas materializadas</translation>
    </message>
    <message>
        <source>sequences</source>
        <translation>secuencias</translation>
    </message>
    <message>
        <source>indexes</source>
        <translation>índices</translation>
    </message>
    <message>
        <source>policies</source>
        <translation>políticas</translation>
    </message>
    <message>
        <source>functions</source>
        <translation>funciones</translation>
    </message>
    <message>
        <source>triggers</source>
        <translation>disparadores</translation>
    </message>
    <message>
        <source>types</source>
        <translation>tipos</translation>
    </message>
    <message>
        <source>with %1 rows</source>
        <translation>con %1 filas</translation>
    </message>
    <message numerus="yes">
        <source>%1 and %n more</source>
        <translation>
            <numerusform>%1 y %n más</numerusform>
            <numerusform>%1 y %n más</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>project</name>
    <message>
        <source>Put your password in the place of [YOUR-PASSWORD].</source>
        <translation>Ponga su contraseña en lugar de [YOUR-PASSWORD].</translation>
    </message>
    <message>
        <source>Give the project a name.</source>
        <translation>Dé un nombre al proyecto.</translation>
    </message>
    <message>
        <source>Use up to 200 letters, digits, signs, and spaces.</source>
        <translation>Use hasta 200 letras, cifras, signos y espacios.</translation>
    </message>
    <message>
        <source>There is already a project of this name.</source>
        <translation>Ya hay un proyecto con este nombre.</translation>
    </message>
    <message>
        <source>A host has no spaces in its name.</source>
        <translation>El nombre de un host no lleva espacios.</translation>
    </message>
    <message>
        <source>Give the host alone, or paste the whole connection string above.</source>
        <translation>Indique solo el host, o pegue arriba la cadena de conexión completa.</translation>
    </message>
    <message>
        <source>Give the server&apos;s name or address.</source>
        <translation>Indique el nombre o la dirección del servidor.</translation>
    </message>
    <message>
        <source>A number from 1 to 65535.</source>
        <translation>Un número de 1 a 65535.</translation>
    </message>
    <message>
        <source>Transaction pooler. Use 5432.</source>
        <translation>«Transaction pooler». Use 5432.</translation>
    </message>
</context>
<context>
    <name>proof</name>
    <message>
        <source>byte for byte</source>
        <translation>byte a byte</translation>
    </message>
    <message>
        <source>equal</source>
        <translation>igual</translation>
    </message>
    <message>
        <source>in other order</source>
        <translation>en otro orden</translation>
    </message>
    <message>
        <source>recomputed</source>
        <translation>por recálculo</translation>
    </message>
    <message>
        <source>not checked</source>
        <translation>sin verificar</translation>
    </message>
    <message>
        <source>not restorable</source>
        <translation>no restaurable</translation>
    </message>
    <message>
        <source>differs</source>
        <translation>con diferencias</translation>
    </message>
    <message>
        <source>as counted</source>
        <translation>según el recuento</translation>
    </message>
    <message>
        <source>read back</source>
        <translation>con relectura</translation>
    </message>
    <message>
        <source>hashed</source>
        <translation>con hash</translation>
    </message>
</context>
<context>
    <name>quotes</name>
    <message>
        <source>“%1”</source>
        <translation>«%1»</translation>
    </message>
</context>
<context>
    <name>remedy</name>
    <message>
        <source>Use Session Pooler</source>
        <translation>Usar «session pooler»</translation>
    </message>
    <message>
        <source>Edit Connection…</source>
        <translation>Editar conexión…</translation>
    </message>
    <message>
        <source>Enter Password…</source>
        <translation>Poner contraseña…</translation>
    </message>
    <message>
        <source>Require TLS</source>
        <translation>Exigir TLS</translation>
    </message>
    <message>
        <source>Allow Without TLS</source>
        <translation>Permitir sin TLS</translation>
    </message>
    <message>
        <source>Choose Certificate…</source>
        <translation>Elegir certificado…</translation>
    </message>
    <message>
        <source>Choose Folder…</source>
        <translation>Elegir carpeta…</translation>
    </message>
    <message>
        <source>Show Largest Backups</source>
        <translation>Ver copias mayores</translation>
    </message>
    <message>
        <source>Show Tools</source>
        <translation>Ver herramientas</translation>
    </message>
    <message>
        <source>Show Keyring</source>
        <translation>Ver llavero</translation>
    </message>
    <message>
        <source>Try Again</source>
        <translation>Reintentar</translation>
    </message>
    <message>
        <source>Show History</source>
        <translation>Ver historial</translation>
    </message>
    <message>
        <source>Prove</source>
        <translation>Probar</translation>
    </message>
    <message>
        <source>Delete for Good…</source>
        <translation>Eliminar del todo…</translation>
    </message>
    <message>
        <source>Replace File</source>
        <translation>Reemplazar archivo</translation>
    </message>
</context>
<context>
    <name>reminders</name>
    <message>
        <source>E-Mail</source>
        <translation>Correo</translation>
    </message>
    <message>
        <source>Command</source>
        <translation>Orden</translation>
    </message>
    <message>
        <source>Webhook</source>
        <translation>Webhook</translation>
    </message>
    <message>
        <source>Dead-Man URL</source>
        <translation>URL de hombre muerto</translation>
    </message>
    <message>
        <source>Runs a program without a shell. It is told in variables that begin with HOLDFAST_, and as JSON on standard input.</source>
        <translation>Ejecuta un programa sin shell. Recibe los datos en variables que empiezan por HOLDFAST_ y como JSON por la entrada estándar.</translation>
    </message>
    <message>
        <source>Posts JSON to an address, a chat service’s for example.</source>
        <translation>Envía JSON a una dirección, por ejemplo la de un servicio de chat.</translation>
    </message>
    <message>
        <source>Asks for an address after each scheduled backup while all schedules are well. The service there raises the alarm when that stops, even if this computer is gone.</source>
        <translation>Consulta una dirección tras cada copia programada mientras todas las programaciones van bien. El servicio de allí da la alarma cuando eso cesa, aunque este equipo ya no exista.</translation>
    </message>
    <message>
        <source>A first attempt failed</source>
        <translation>Falló un primer intento</translation>
    </message>
    <message>
        <source>All attempts failed</source>
        <translation>Fallaron todos los intentos</translation>
    </message>
    <message>
        <source>A backup is not good</source>
        <translation>Una copia no es buena</translation>
    </message>
    <message>
        <source>A backup is overdue</source>
        <translation>Una copia está atrasada</translation>
    </message>
    <message>
        <source>All is well again</source>
        <translation>Todo vuelve a estar bien</translation>
    </message>
    <message>
        <source>A backup is done</source>
        <translation>Una copia terminó</translation>
    </message>
    <message>
        <source>This is needed.</source>
        <translation>Esto es necesario.</translation>
    </message>
    <message>
        <source>That is no name of a server.</source>
        <translation>Eso no es el nombre de un servidor.</translation>
    </message>
    <message>
        <source>Ports go from 1 to 65535.</source>
        <translation>Los puertos van de 1 a 65535.</translation>
    </message>
    <message>
        <source>That is no e-mail address.</source>
        <translation>Eso no es una dirección de correo.</translation>
    </message>
    <message>
        <source>Give a whole address that begins with https:// or http://.</source>
        <translation>Indique una dirección completa que empiece por https:// o http://.</translation>
    </message>
    <message>
        <source>It holds a user or password, which would be kept in plain text.</source>
        <translation>Contiene un usuario o una contraseña, que se guardarían como texto sin cifrar.</translation>
    </message>
    <message>
        <source>A password or token would go over the network in the open.</source>
        <translation>Una contraseña o un token viajarían por la red sin cifrar.</translation>
    </message>
</context>
<context>
    <name>schedule</name>
    <message>
        <source>Every hour on the hour</source>
        <translation>Cada hora en punto</translation>
    </message>
    <message>
        <source>Every hour at minute %1</source>
        <translation>Cada hora en el minuto %1</translation>
    </message>
    <message>
        <source>Every day at %1</source>
        <translation>Cada día a las %1</translation>
    </message>
    <message>
        <source>Every %1 at %2</source>
        <translation>Cada %1 a las %2</translation>
    </message>
    <message>
        <source>On the last day of every month at %1</source>
        <translation>El último día de cada mes a las %1</translation>
    </message>
    <message>
        <source>On day %1 of every month at %2</source>
        <translation>El día %1 de cada mes a las %2</translation>
    </message>
    <message>
        <source>the last %1</source>
        <translation>las últimas %1</translation>
    </message>
    <message>
        <source>%1 hourly</source>
        <translation>%1 horarias</translation>
    </message>
    <message>
        <source>%1 daily</source>
        <translation>%1 diarias</translation>
    </message>
    <message>
        <source>%1 weekly</source>
        <translation>%1 semanales</translation>
    </message>
    <message>
        <source>%1 monthly</source>
        <translation>%1 mensuales</translation>
    </message>
    <message>
        <source>%1 yearly</source>
        <translation>%1 anuales</translation>
    </message>
    <message>
        <source>all</source>
        <translation>todas</translation>
    </message>
    <message>
        <source>none older than %1 days</source>
        <translation>ninguna de más de %1 días</translation>
    </message>
    <message>
        <source>%1 at most</source>
        <translation>%1 como máximo</translation>
    </message>
    <message>
        <source>keep %1</source>
        <translation>conservar %1</translation>
    </message>
    <message>
        <source>no rule keeps it</source>
        <translation>ninguna regla la conserva</translation>
    </message>
    <message>
        <source>too old</source>
        <translation>demasiado antigua</translation>
    </message>
    <message>
        <source>all together are too large</source>
        <translation>entre todas ocupan demasiado</translation>
    </message>
    <message>
        <source>safety backup of more than 30 days ago</source>
        <translation>copia previa de hace más de 30 días</translation>
    </message>
    <message>
        <source>its proof failed more than 30 days ago</source>
        <translation>su prueba falló hace más de 30 días</translation>
    </message>
    <message>
        <source>clocks go forward, no %1</source>
        <translation>se adelanta el reloj, no hay %1</translation>
    </message>
    <message>
        <source>clocks go back, the first %1 of two</source>
        <translation>se atrasa el reloj, primera de dos %1</translation>
    </message>
    <message>
        <source>clocks go back, the second %1 of two</source>
        <translation>se atrasa el reloj, segunda de dos %1</translation>
    </message>
    <message>
        <source>Everything</source>
        <translation>Todo</translation>
    </message>
    <message>
        <source>Everything, with roles</source>
        <translation>Todo, con roles</translation>
    </message>
    <message>
        <source>Schema</source>
        <translation>Esquema</translation>
    </message>
    <message>
        <source>Schema, with roles</source>
        <translation>Esquema, con roles</translation>
    </message>
    <message>
        <source>Data</source>
        <translation>Datos</translation>
    </message>
    <message>
        <source>Data, with roles</source>
        <translation>Datos, con roles</translation>
    </message>
    <message>
        <source>Prove by restoring</source>
        <translation>Probar restaurando</translation>
    </message>
    <message>
        <source>Complete: every row counted</source>
        <translation>Completa: filas contadas</translation>
    </message>
    <message>
        <source>Sealed: files hashed</source>
        <translation>Sellada: archivos con hash</translation>
    </message>
    <message>
        <source>the backup folder</source>
        <translation>la carpeta de copias</translation>
    </message>
    <message>
        <source>mains power</source>
        <translation>corriente eléctrica</translation>
    </message>
    <message>
        <source>a network that is not metered</source>
        <translation>una red sin límite de datos</translation>
    </message>
    <message>
        <source>the server to answer</source>
        <translation>la respuesta del servidor</translation>
    </message>
    <message>
        <source>tomorrow %1</source>
        <translation>mañana a las %1</translation>
    </message>
    <message>
        <source>today %1</source>
        <translation>hoy a las %1</translation>
    </message>
    <message>
        <source>Until %1</source>
        <translation>Hasta %1</translation>
    </message>
    <message>
        <source>It never comes again</source>
        <translation>No se repetirá</translation>
    </message>
    <message>
        <source>Next: %1</source>
        <translation>Próxima: %1</translation>
    </message>
    <message>
        <source>Until you switch it on</source>
        <translation>Hasta que la active</translation>
    </message>
    <message>
        <source>Off</source>
        <translation>Desactivada</translation>
    </message>
    <message>
        <source>Retrying at %1</source>
        <translation>Reintento a las %1</translation>
    </message>
    <message>
        <source>%1 waits for %2</source>
        <translation>%1, a la espera de %2</translation>
    </message>
    <message>
        <source>Backing up now</source>
        <translation>Copiando ahora</translation>
    </message>
    <message>
        <source>Due now</source>
        <translation>Pendiente</translation>
    </message>
    <message>
        <source>off</source>
        <translation>no</translation>
    </message>
    <message>
        <source>on</source>
        <translation>sí</translation>
    </message>
    <message>
        <source>last</source>
        <translation>últimas</translation>
    </message>
    <message>
        <source>hourly</source>
        <translation>horarias</translation>
    </message>
    <message>
        <source>daily</source>
        <translation>diarias</translation>
    </message>
    <message>
        <source>weekly</source>
        <translation>semanales</translation>
    </message>
    <message>
        <source>monthly</source>
        <translation>mensuales</translation>
    </message>
    <message>
        <source>yearly</source>
        <translation>anuales</translation>
    </message>
    <message>
        <source>days at most</source>
        <translation>días como máximo</translation>
    </message>
    <message>
        <source>project</source>
        <translation>proyecto</translation>
    </message>
    <message>
        <source>name</source>
        <translation>nombre</translation>
    </message>
    <message>
        <source>times</source>
        <translation>horas</translation>
    </message>
    <message>
        <source>time zone</source>
        <translation>zona horaria</translation>
    </message>
    <message>
        <source>what</source>
        <translation>qué</translation>
    </message>
    <message>
        <source>proof</source>
        <translation>prueba</translation>
    </message>
    <message>
        <source>folder</source>
        <translation>carpeta</translation>
    </message>
    <message>
        <source>the default one</source>
        <translation>la predeterminada</translation>
    </message>
    <message>
        <source>not metered</source>
        <translation>red sin límite</translation>
    </message>
    <message>
        <source>server answers</source>
        <translation>servidor responde</translation>
    </message>
    <message>
        <source>size at most</source>
        <translation>tamaño máximo</translation>
    </message>
    <message>
        <source>trash</source>
        <translation>papelera</translation>
    </message>
    <message>
        <source>ddd d MMM yyyy</source>
        <translation>ddd d MMM yyyy</translation>
    </message>
    <message>
        <source>in %1</source>
        <translation>en %1</translation>
    </message>
    <message>
        <source>in %1 days</source>
        <translation>en %1 días</translation>
    </message>
</context>
<context>
    <name>state</name>
    <message>
        <source>Starting at login was not changed</source>
        <translation>No se cambió el inicio con la sesión</translation>
    </message>
    <message>
        <source>Starting at login could not be checked</source>
        <translation>No se pudo comprobar el inicio con la sesión</translation>
    </message>
</context>
<context>
    <name>status</name>
    <message>
        <source>Proven</source>
        <translation>Probada</translation>
    </message>
    <message>
        <source>Complete</source>
        <translation>Completa</translation>
    </message>
    <message>
        <source>Sealed</source>
        <translation>Sellada</translation>
    </message>
    <message>
        <source>Proof failed</source>
        <translation>Prueba fallida</translation>
    </message>
    <message>
        <source>Good</source>
        <translation>Correcta</translation>
    </message>
    <message>
        <source>Failed</source>
        <translation>Fallida</translation>
    </message>
    <message>
        <source>Overdue</source>
        <translation>Atrasada</translation>
    </message>
    <message>
        <source>Waiting</source>
        <translation>En espera</translation>
    </message>
    <message>
        <source>Paused</source>
        <translation>En pausa</translation>
    </message>
    <message>
        <source>Cancelled</source>
        <translation>Cancelada</translation>
    </message>
    <message>
        <source>Interrupted</source>
        <translation>Interrumpida</translation>
    </message>
    <message>
        <source>Missed</source>
        <translation>Omitida</translation>
    </message>
    <message>
        <source>No backup yet</source>
        <translation>Sin copias</translation>
    </message>
    <message>
        <source>Damaged</source>
        <translation>Dañada</translation>
    </message>
    <message>
        <source>Folder missing</source>
        <translation>Falta la carpeta</translation>
    </message>
    <message>
        <source>Running</source>
        <translation>En curso</translation>
    </message>
</context>
<context>
    <name>strip</name>
    <message>
        <source>%1 good</source>
        <translation>correctas: %1</translation>
    </message>
    <message>
        <source>%1 failed</source>
        <translation>fallidas: %1</translation>
    </message>
    <message>
        <source>%1 missed</source>
        <translation>omitidas: %1</translation>
    </message>
    <message>
        <source>running today</source>
        <translation>hoy en curso</translation>
    </message>
    <message>
        <source>no backups in %1 days</source>
        <translation>sin copias en %1 días</translation>
    </message>
    <message>
        <source>good</source>
        <translation>copia correcta</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>copia fallida</translation>
    </message>
    <message>
        <source>missed</source>
        <translation>copia omitida</translation>
    </message>
    <message>
        <source>nothing was scheduled</source>
        <translation>nada programado</translation>
    </message>
    <message>
        <source>running</source>
        <translation>en curso</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <translation>%1: %2</translation>
    </message>
    <message>
        <source>no backup at %1</source>
        <translation>sin copia a las %1</translation>
    </message>
    <message>
        <source>interrupted</source>
        <translation>interrumpida</translation>
    </message>
    <message>
        <source>%1 runs</source>
        <translation>%1 ejecuciones</translation>
    </message>
</context>
</TS>
