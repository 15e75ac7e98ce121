# Puts certificates with their private keys into stores of this server; sslbind apply --deliver
# sends it. It is the same for every server and certificate: what is secret is in $Lines, and
# only .NET calls touch that, since Windows logs the text of scripts and what cmdlets are given.
#
# $Lines[0] is LocalMachine; then four lines a certificate: the store's name (base64 of UTF-8),
# the thumbprint, the password of the PFX, the PFX (base64). Nothing is written to a disk but by
# the store itself, keys are not exportable, and one that is there is not imported again.
param([string[]]$Lines)
$ErrorActionPreference = 'Stop'
$held = ''
for ($i = 1; $i + 3 -lt $Lines.Count; $i += 4) {
    $name = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($Lines[$i]))
    $store = [Security.Cryptography.X509Certificates.X509Store]::new($name, $Lines[0])
    $store.Open('ReadWrite')
    $there = $store.Certificates.Find('FindByThumbprint', $Lines[$i + 1], $false)
    if ($there.Count -eq 0 -or -not $there[0].HasPrivateKey) {
        $pfx = [Security.Cryptography.X509Certificates.X509Certificate2Collection]::new()
        $pfx.Import([Convert]::FromBase64String($Lines[$i + 3]), $Lines[$i + 2], 'MachineKeySet, PersistKeySet')
        foreach ($one in $pfx) {
            if ($one.HasPrivateKey) { $store.Add($one); continue }
            # An issuer: HTTP.SYS sends it to clients from the store CA. No root is made trusted.
            if ($one.Subject -eq $one.Issuer) { continue }
            $issuers = [Security.Cryptography.X509Certificates.X509Store]::new('CA', $Lines[0])
            $issuers.Open('ReadWrite')
            $issuers.Add($one)
            $issuers.Close()
        }
    }
    $store.Close()
    # Read back: a store that is opened anew, and the certificate in it with its key.
    $store.Open('ReadOnly')
    $found = $store.Certificates.Find('FindByThumbprint', $Lines[$i + 1], $false)
    if ($found.Count -gt 0 -and $found[0].HasPrivateKey) {
        if ($held) { $held += ',' }
        $held += '"' + $Lines[$i] + ':' + $Lines[$i + 1] + '"'
    }
    $store.Close()
}
[Console]::Out.WriteLine('{"format":"sslbind-delivery","held":[' + $held + ']}')
