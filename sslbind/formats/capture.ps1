<#
.SYNOPSIS
Writes what this server knows of its TLS bindings into one JSON file, for "sslbind import".

.DESCRIPTION
It reads, and changes nothing but that file. No private key, password or user name is in it:
bindings, public certificates, and the bindings of IIS's sites. Have a look at it before it
leaves the server. The fields are explained in sslbind's formats/capture.py.

.PARAMETER OutFile
The file; "-" is standard output, which then gets one line of ASCII.

.EXAMPLE
powershell -ExecutionPolicy Bypass -File capture.ps1 -OutFile web1.json
#>
#Requires -Version 5.1
#Requires -RunAsAdministrator
param([string]$OutFile = "$env:COMPUTERNAME.json")

$ErrorActionPreference = 'Stop'
# People's profiles may turn this on, and then netsh, which answers 1 where it has nothing to show,
# would end the script.
$PSNativeCommandUseErrorActionPreference = $false
if ([Environment]::Is64BitOperatingSystem -and -not [Environment]::Is64BitProcess) {
    throw 'A 32-bit PowerShell sees other registry keys and folders: run the 64-bit one.'
}

function Read-Netsh([string]$What) {
    # Host names may have any letter, and the console's code page has few of them. A remote
    # session has no console; there the code page stays as it is.
    $before = [Console]::OutputEncoding
    try { [Console]::OutputEncoding = New-Object Text.UTF8Encoding $false } catch { Write-Verbose "$_" }
    & "$env:SystemRoot\System32\netsh.exe" http show $What
    # 0 and 1 are its own answers; with any other code it died, and what it printed may be half.
    if ($LASTEXITCODE -notin 0, 1) { throw "netsh http show $What ended with exit code $LASTEXITCODE." }
    try { [Console]::OutputEncoding = $before } catch { Write-Verbose "$_" }
}

# AuthRoot and Disallowed are filled by Windows Update, and no binding uses them. RawData is the
# certificate without its key.
$stores = Get-ChildItem Cert:\LocalMachine | Where-Object Name -NotIn 'AuthRoot', 'Disallowed'
$certificates = @(foreach ($store in $stores) {
    foreach ($one in Get-ChildItem -LiteralPath "Cert:\LocalMachine\$($store.Name)") {
        $der = [Convert]::ToBase64String($one.RawData)
        [ordered]@{ store = $store.Name; key = $one.HasPrivateKey; der = $der }
    }
})

# Three values by name: the others are the account and the passwords of the central store. The
# files stay $null where only IIS's account may read the folder.
$central = $null
$provider = Get-Item 'HKLM:\SOFTWARE\Microsoft\IIS\CentralCertProvider' -ErrorAction SilentlyContinue
if ($provider) {
    $enabled = [bool]$provider.GetValue('Enabled')
    $folder = $provider.GetValue('CertStoreLocation')
    $seconds = $provider.GetValue('PollingInterval')
    $files = $null
    if ($folder -and (Test-Path -LiteralPath $folder -ErrorAction SilentlyContinue)) {
        $found = Get-ChildItem -LiteralPath $folder -Filter *.pfx -File -ErrorAction SilentlyContinue
        $files = [string[]]@($found | ForEach-Object { $_.Name })
    }
    $central = [ordered]@{ enabled = $enabled; location = $folder; pollingInterval = $seconds; files = $files }
}

# The file has passwords of application pools and virtual directories. Bindings, what asks for
# client certificates and a leftover that makes bindings vanish stay, with what is around them.
$config = $null
$path = "$env:SystemRoot\System32\inetsrv\config\applicationHost.config"
if (Test-Path -LiteralPath $path) {
    $document = New-Object Xml.XmlDocument
    $document.Load($path)
    $kept = 'bindings', 'access', 'property[@id="5506"]' | ForEach-Object { "descendant-or-self::$_" }
    $others = "/*//*[not($($kept -join ' or ') or ancestor::bindings)] | //comment()"
    foreach ($node in @($document.SelectNodes($others))) { [void]$node.ParentNode.RemoveChild($node) }
    $text = New-Object IO.StringWriter
    $writer = New-Object Xml.XmlTextWriter $text -Property @{ Formatting = 'Indented' }
    if ($document.DocumentElement) { $document.DocumentElement.WriteTo($writer) }
    $config = [string[]]($text.ToString() -split '\r?\n')
}

$nt = Get-ItemProperty 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion'
$capture = [ordered]@{
    format       = 'sslbind-capture'
    version      = 1
    computer     = $env:COMPUTERNAME
    date         = [DateTime]::UtcNow.ToString('s') + 'Z'
    windows      = [ordered]@{ build = [int]$nt.CurrentBuild; product = $nt.ProductName; release = $nt.ReleaseId }
    sslcert      = [string[]](Read-Netsh sslcert)  # the cast makes a plain array, however few lines
    iplisten     = [string[]](Read-Netsh iplisten)
    certificates = $certificates
    central      = $central
    config       = $config
}
$text = ConvertTo-Json -InputObject $capture -Depth 5 -Compress:($OutFile -eq '-')
if ($OutFile -eq '-') {
    # Whatever code page is between here and the reader, it has ASCII.
    $escape = { param($match) '\u{0:x4}' -f [int][char]$match.Value }
    [Console]::Out.WriteLine([regex]::Replace($text, '[^\x00-\x7f]', $escape))
} else {
    Set-Content -LiteralPath $OutFile -Value $text -Encoding UTF8
    Write-Host "$OutFile is written. It holds no secret; look at it before it leaves this server."
}
