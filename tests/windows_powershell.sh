# A powershell for the servers of sshd.py: a real one ($PWSH), after functions that stand in for
# the drives of Windows: certificates (the .cer files of $SERVER/My, with keys), the registry, IIS
# (none). Only the encoded form is taken, as only that is sent.
for last; do :; done
prelude='
function Get-ChildItem {
    $my = "$env:SERVER/My"
    if (-not [IO.Directory]::Exists($my)) { return }
    if ($args[-1] -eq "Cert:\LocalMachine") { return [pscustomobject]@{ Name = "My" } }
    foreach ($file in [IO.Directory]::GetFiles($my, "*.cer")) {
        [pscustomobject]@{ RawData = [IO.File]::ReadAllBytes($file); HasPrivateKey = $true }
    }
}
function Get-Item { }
function Get-ItemProperty {
    [pscustomobject]@{ CurrentBuild = "20348"; ProductName = "Windows Server 2022"; ReleaseId = "2009" } }
$env:COMPUTERNAME = "SERVER"
'
encoded=$({ printf '%s' "$prelude" | iconv -t UTF-16LE; printf '%s' "$last" | base64 -d; } | base64 -w0)
exec "$PWSH" -NoProfile -NonInteractive -EncodedCommand "$encoded"
