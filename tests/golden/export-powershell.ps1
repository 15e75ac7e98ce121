# TLS bindings for netsh http, as Windows Server 2022 has them. Run it on the server:
#     powershell.exe -ExecutionPolicy Bypass -File SCRIPT
# It stops at the first command that fails; what was done before stays.
# Read back are the thumbprint (without one: the appid), for an update that keeps
# it that show prints something else than before, and that what is deleted is gone.
# The values of other tags, of sslpropertyex and of iplisten are not read back.
#Requires -RunAsAdministrator
$ErrorActionPreference = 'Stop'

function Invoke-Netsh([string[]] $Words) {
    $output = & netsh.exe http @Words
    if ($LASTEXITCODE -ne 0) {
        throw "netsh http $Words`nfailed with exit code ${LASTEXITCODE}:`n$($output -join "`n")"
    }
    $output -join "`n"
}

# Server 2019 exits 0 and does nothing where it does not know a tag: hence the reading back.
function Set-SslCert([string[]] $Words, [string] $Expected) {
    $null = Invoke-Netsh $Words
    $shown = Invoke-Netsh @('show', 'sslcert', $Words[2])
    if ($shown.IndexOf($Expected, [StringComparison]::OrdinalIgnoreCase) -lt 0) {
        throw "netsh http $Words`nmade no binding with ${Expected}:`n$shown"
    }
}

function Edit-SslCert([string[]] $Words) {
    $before = Invoke-Netsh @('show', 'sslcert', $Words[2])
    $null = Invoke-Netsh $Words
    if ((Invoke-Netsh @('show', 'sslcert', $Words[2])) -ceq $before) {
        throw "netsh http $Words`nchanged nothing that show prints:`n$before"
    }
}

function Remove-SslCert([string[]] $Words) {
    $null = Invoke-Netsh $Words
    $shown = & netsh.exe http show sslcert $Words[2]
    if ($LASTEXITCODE -eq 0) {
        throw "netsh http $Words`nleft the binding there:`n$($shown -join "`n")"
    }
    $global:LASTEXITCODE = 0
}

$null = Invoke-Netsh @('add', 'iplisten', 'ipaddress=10.0.0.5')
$null = Invoke-Netsh @('add', 'iplisten', 'ipaddress=::1')
Set-SslCert @('add', 'sslcert', 'ipport=10.0.0.5:443', 'certhash=a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1', 'appid={4dc3e181-e14b-4a21-b022-59fc669b0914}', 'certstorename=a b', 'sslctlidentifier=it''s $(x) `y` %z% & ’’ |') 'a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1'
Set-SslCert @('add', 'sslcert', 'hostnameport=münchen.de:443', 'certhash=b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2', 'appid={9e977cef-28ef-4d7f-968a-bff2514384c4}', 'certstorename=MY', 'reject=enable') 'b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2'
$null = Invoke-Netsh @('update', 'sslpropertyex', 'hostnameport=münchen.de:443', 'propertyid=0', 'receivewindow=5')
Set-SslCert @('add', 'sslcert', 'ccs=443', 'appid={4dc3e181-e14b-4a21-b022-59fc669b0914}') '{4dc3e181-e14b-4a21-b022-59fc669b0914}'
Set-SslCert @('add', 'sslcert', 'scopedccs=*.contoso.com:443', 'appid={4dc3e181-e14b-4a21-b022-59fc669b0914}') '{4dc3e181-e14b-4a21-b022-59fc669b0914}'
