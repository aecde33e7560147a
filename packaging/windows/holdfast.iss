; The installer for Windows; packaging/windows/make.py gives it to Inno Setup 6.3 or newer.
;
; Everything is the user's own, so that nobody needs to be an administrator; "/ALLUSERS" on the command line
; installs for all of them. Windows on ARM runs it, emulated. The mark at the start says that this is UTF-8.

#ifndef Version
  #error Call make.py, which knows the version
#endif
#define App "..\..\build\package\holdfast"

[Setup]
AppId={{13A76421-ACA0-4CD9-A49C-A9B14C7D3858}
AppName=Holdfast
AppVersion={#Version}
AppVerName=Holdfast {#Version}
VersionInfoVersion={#Numbers}
UninstallDisplayName=Holdfast
UninstallDisplayIcon={app}\holdfast.exe
DefaultDirName={autopf}\Holdfast
DisableProgramGroupPage=yes
PrivilegesRequired=lowest
PrivilegesRequiredOverridesAllowed=commandline
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
; Qt 6.11 wants Windows 10 1809.
MinVersion=10.0.17763
; Holdfast has no mutex: the Restart Manager asks whatever uses our files to end, and it ends in order.
CloseApplications=yes
CloseApplicationsFilter=*.exe,*.dll,*.pyd
RestartApplications=no
ChangesAssociations=yes
ChangesEnvironment=yes
SetupIconFile=..\..\build\icon.ico
WizardStyle=modern
Compression=lzma2/max
SolidCompression=yes
OutputDir=..\..\build
OutputBaseFilename=holdfast-{#Version}-windows-x86_64
#ifdef Sign
SignTool=holdfast
#endif

[Languages]
Name: "en"; MessagesFile: "compiler:Default.isl"
Name: "de"; MessagesFile: "compiler:Languages\German.isl"
Name: "es"; MessagesFile: "compiler:Languages\Spanish.isl"

[CustomMessages]
en.PathTask=Add the &command “holdfast” to the PATH
de.PathTask=Den &Befehl „holdfast“ in den PATH aufnehmen
es.PathTask=Añadir la &orden «holdfast» al PATH
en.DumpTask=Offer Holdfast for &dumps of PostgreSQL (.dump, .pgdump)
de.DumpTask=Holdfast für &Dumps von PostgreSQL anbieten (.dump, .pgdump)
es.DumpTask=Ofrecer Holdfast para &volcados de PostgreSQL (.dump, .pgdump)
en.DumpType=PostgreSQL dump
de.DumpType=PostgreSQL-Dump
es.DumpType=Volcado de PostgreSQL
en.Stays=Your backups are where you keep them, untouched.%n%nSettings and history are still in%n%1%nand passwords in Windows' Credential Manager. Delete them there if you want none of them any more.
de.Stays=Ihre Sicherungen liegen unverändert dort, wo Sie sie aufbewahren.%n%nEinstellungen und Verlauf sind noch in%n%1%nund Passwörter in der Anmeldeinformationsverwaltung von Windows. Löschen Sie sie dort, wenn Sie nichts davon behalten wollen.
es.Stays=Sus copias siguen intactas donde las guarda.%n%nLos ajustes y el historial siguen en%n%1%ny las contraseñas, en el Administrador de credenciales de Windows. Bórrelos allí si no quiere conservarlos.

[Tasks]
Name: "desktopicon"; Description: "{cm:CreateDesktopIcon}"; Flags: unchecked
Name: "path"; Description: "{cm:PathTask}"
Name: "dumps"; Description: "{cm:DumpTask}"

[InstallDelete]
; What the version before had and this one has not.
Type: filesandordirs; Name: "{app}\_internal"

[Files]
Source: "{#App}\*"; DestDir: "{app}"; Flags: ignoreversion recursesubdirs createallsubdirs
Source: "..\..\LICENSE"; DestDir: "{app}"; DestName: "LICENSE.txt"; Flags: ignoreversion
; In a folder of its own, because beside it holdfast.exe, the window, would be found first.
Source: "holdfast.cmd"; DestDir: "{app}\bin"; Flags: ignoreversion

[Icons]
Name: "{autoprograms}\Holdfast"; Filename: "{app}\holdfast.exe"
Name: "{autodesktop}\Holdfast"; Filename: "{app}\holdfast.exe"; Tasks: desktopicon

[Registry]
; Beside other programs: which of them opens a dump is asked by Windows and decided by the user.
Root: HKA; Subkey: "Software\Classes\Holdfast.Dump"; ValueType: string; ValueData: "{cm:DumpType}"; Flags: uninsdeletekey; Tasks: dumps
Root: HKA; Subkey: "Software\Classes\Holdfast.Dump\DefaultIcon"; ValueType: string; ValueData: "{app}\holdfast.exe,0"; Tasks: dumps
Root: HKA; Subkey: "Software\Classes\Holdfast.Dump\shell\open\command"; ValueType: string; ValueData: """{app}\holdfast.exe"" window ""%1"""; Tasks: dumps
Root: HKA; Subkey: "Software\Classes\.dump\OpenWithProgids"; ValueType: string; ValueName: "Holdfast.Dump"; ValueData: ""; Flags: uninsdeletevalue; Tasks: dumps
Root: HKA; Subkey: "Software\Classes\.pgdump\OpenWithProgids"; ValueType: string; ValueName: "Holdfast.Dump"; ValueData: ""; Flags: uninsdeletevalue; Tasks: dumps
; What "start at login" wrote, app/system/autostart.py.
Root: HKCU; Subkey: "Software\Microsoft\Windows\CurrentVersion\Run"; ValueType: none; ValueName: "Holdfast"; Flags: dontcreatekey uninsdeletevalue

[Run]
Filename: "{app}\holdfast.exe"; Description: "{cm:LaunchProgram,Holdfast}"; Flags: nowait postinstall skipifsilent

[UninstallRun]
; The task that would go on to start what is no longer there.
Filename: "{app}\holdfast-cli.exe"; Parameters: "schedules uninstall"; Flags: runhidden; RunOnceId: "timer"

[Code]
function PathRoot: Integer;
begin
  if IsAdminInstallMode then Result := HKEY_LOCAL_MACHINE else Result := HKEY_CURRENT_USER;
end;

function PathKey: String;
begin
  if IsAdminInstallMode then
    Result := 'SYSTEM\CurrentControlSet\Control\Session Manager\Environment'
  else
    Result := 'Environment';
end;

{ The PATH without our folder. }
function OtherFolders(Path: String): String;
var
  Place: Integer;
begin
  Result := ';' + Path + ';';
  Place := Pos(';' + Lowercase(ExpandConstant('{app}\bin')) + ';', Lowercase(Result));
  if Place > 0 then
    Delete(Result, Place, Length(ExpandConstant('{app}\bin')) + 1);
  if Length(Result) > 1 then
    Result := Copy(Result, 2, Length(Result) - 2)
  else
    Result := '';
end;

procedure SetPath(Wanted: Boolean);
var
  Path, Others: String;
begin
  if not RegQueryStringValue(PathRoot, PathKey, 'Path', Path) then
    Path := '';
  Others := OtherFolders(Path);
  if Wanted then
  begin
    if (Others <> '') and (Others[Length(Others)] <> ';') then
      Others := Others + ';';
    Others := Others + ExpandConstant('{app}\bin');
  end;
  if Others <> Path then
    RegWriteExpandStringValue(PathRoot, PathKey, 'Path', Others);
end;

procedure CurStepChanged(CurStep: TSetupStep);
begin
  if CurStep = ssPostInstall then
    SetPath(WizardIsTaskSelected('path'));
end;

procedure CurUninstallStepChanged(CurUninstallStep: TUninstallStep);
begin
  if CurUninstallStep = usUninstall then
    SetPath(False);
  if (CurUninstallStep = usPostUninstall) and not UninstallSilent then
    MsgBox(FmtMessage(CustomMessage('Stays'), [ExpandConstant('{localappdata}\holdfast')]), mbInformation, MB_OK);
end;
