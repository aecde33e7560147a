# Signs files with Authenticode: sign.ps1 FILE...
#
# HOLDFAST_WINDOWS_CERTIFICATE           a .pfx file in Base64
# HOLDFAST_WINDOWS_CERTIFICATE_PASSWORD  what opens it
# HOLDFAST_WINDOWS_TIMESTAMP             an RFC 3161 time stamping service; by default DigiCert's
#
# The certificate goes to the user's store while it is needed, because signtool takes a .pfx file's password on
# its command line alone, where other programs can read it.

param([Parameter(Mandatory = $true, ValueFromRemainingArguments = $true)][string[]] $Files)

$ErrorActionPreference = 'Stop'
Set-StrictMode -Version Latest

foreach ($name in 'HOLDFAST_WINDOWS_CERTIFICATE', 'HOLDFAST_WINDOWS_CERTIFICATE_PASSWORD') {
    if (-not [Environment]::GetEnvironmentVariable($name)) {
        throw "$name is not set: it is needed to sign. See packaging/README.md."
    }
}
foreach ($file in $Files) {
    if (-not (Test-Path -LiteralPath $file -PathType Leaf)) { throw "There is no file $file to sign." }
}

$signtool = Get-Command signtool.exe -ErrorAction SilentlyContinue | Select-Object -First 1 -ExpandProperty Source
if (-not $signtool) {
    $kits = "${env:ProgramFiles(x86)}\Windows Kits\10\bin"
    $signtool = Get-ChildItem -Path "$kits\10.*\x64\signtool.exe" -ErrorAction SilentlyContinue |
        Sort-Object { [version] $_.Directory.Parent.Name } |
        Select-Object -Last 1 -ExpandProperty FullName
}
if (-not $signtool) { throw 'signtool was not found. Install the Windows SDK.' }

$timestamp = $env:HOLDFAST_WINDOWS_TIMESTAMP
if (-not $timestamp) { $timestamp = 'http://timestamp.digicert.com' }

$pfx = [IO.Path]::GetTempFileName()
$certificate = $null
try {
    [IO.File]::WriteAllBytes($pfx, [Convert]::FromBase64String($env:HOLDFAST_WINDOWS_CERTIFICATE))
    $password = ConvertTo-SecureString $env:HOLDFAST_WINDOWS_CERTIFICATE_PASSWORD -AsPlainText -Force
    $certificate = Import-PfxCertificate -FilePath $pfx -CertStoreLocation Cert:\CurrentUser\My -Password $password |
        Where-Object HasPrivateKey | Select-Object -First 1
    if (-not $certificate) { throw 'HOLDFAST_WINDOWS_CERTIFICATE holds no private key.' }
    & $signtool sign /sha1 $certificate.Thumbprint /fd sha256 /tr $timestamp /td sha256 /d Holdfast @Files
    if ($LASTEXITCODE -ne 0) { throw "signtool ended with status $LASTEXITCODE." }
    & $signtool verify /pa @Files
    if ($LASTEXITCODE -ne 0) { throw 'What was signed does not verify.' }
}
finally {
    Remove-Item -LiteralPath $pfx -Force
    if ($certificate) { Remove-Item -LiteralPath "Cert:\CurrentUser\My\$($certificate.Thumbprint)" -Force }
}
