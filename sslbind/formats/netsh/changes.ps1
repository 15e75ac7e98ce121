# TLS bindings for netsh http on @RELEASE@. Run this script on the server:
#     powershell.exe -ExecutionPolicy Bypass -File SCRIPT [-WhatIf] [-Confirm] [-Verbose]
# It prints a line for each change and stops at the first that fails; run again, it skips what
# is already there and continues. A record is read back line by line, in any language; if this
# Windows prints lines that the script does not know, by its thumbprint, or by its
# application ID if it has none. What sslpropertyex sets is not read back.
#Requires -Version 5.1
#Requires -RunAsAdministrator
[CmdletBinding(SupportsShouldProcess = $true)]
param()

$ErrorActionPreference = 'Stop'
# A profile may turn this on, and then a netsh that reports a failure would end the script.
$PSNativeCommandUseErrorActionPreference = $false
$number = 0  # of $total, which is set below
$done = @{ add = 'added'; update = 'updated'; replace = 'replaced'; delete = 'deleted' }

function Invoke-Netsh([string[]] $Words) {
    Write-Verbose "netsh http $Words"
    $output = & netsh.exe http @Words
    [pscustomobject]@{ Code = $LASTEXITCODE; Text = (@($output) -join "`n") }
}

# Whether to make a change: -WhatIf describes it, -Confirm asks, and a "no" is printed as skipped.
function Test-Wanted([string] $Target, [string] $Action) {
    $wanted = $PSCmdlet.ShouldProcess($Target, $Action)
    if (-not $wanted -and -not $WhatIfPreference) { Write-Host "$number/$total skipped: $Action $Target" }
    return $wanted
}

function Stop-Script([string] $What, [string] $Why, [string] $Text) {
    "FAILED $number/$total ${What}: $Why"
    if ($Text.Trim()) { ($Text.Trim() -split '\r?\n') -replace '^', '    ' }
    "Done or already there: $($number - 1) of $total. Not done: this change and $($total - $number) after it."
    'Fix the cause and run the script again: it skips what is done.'
    exit 1
}

# Compares what show prints with what is wanted, by place: labels and words differ with the
# language. '=x' is the text x, '+1' and '-1' a flag that is on or off (2: a flag of the newer
# kind, which has words of its own), '' anything. $null where the lines are not those expected.
function Compare-Record([string] $Shown, [string[]] $Wanted) {
    $values = @(foreach ($line in $Shown -split '\r?\n') {
        if ($line -match '^\s+\S.*?\s*:(?:\s(.*))?$') { if ($Matches.ContainsKey(1)) { $Matches[1].Trim() } else { '' } }
    })
    if ($values.Count -ne $Wanted.Count) { return $null }
    $words = @{}
    for ($i = 0; $i -lt $Wanted.Count; $i++) {
        if ($Wanted[$i] -like '=*') {
            if ($Wanted[$i].Substring(1).Trim() -ne $values[$i]) { return $false }
        } elseif ($Wanted[$i]) {
            if (-not $words.ContainsKey($Wanted[$i])) { $words[$Wanted[$i]] = $values[$i] }
            if ($words[$Wanted[$i]] -ne $values[$i]) { return $false }
        }
    }
    foreach ($kind in '1', '2') {
        $on, $off = $words["+$kind"], $words["-$kind"]
        if ($on -and $off -and $on -eq $off) { return $false }
        if (($on -in 'Disabled', 'Not Set') -or ($off -in 'Enabled', 'Set')) { return $false }
    }
    return $true
}

function Test-Text([string] $Text, [string] $Part) {
    return $Text.IndexOf($Part, [StringComparison]::OrdinalIgnoreCase) -ge 0
}

# Makes the record of $Key what $Wanted says (nothing: gone), by $Lines. $Before and $After are
# what the text of the record has in every language, before and after; '' where it is absent.
function Set-Record([string] $Action, [string] $Key, [string] $Before, [string] $After, [string[]] $Wanted, [string[][]] $Lines) {
    $script:number++
    $there = Invoke-Netsh @('show', 'sslcert', $Key)
    $exists = $there.Code -eq 0
    $same = if ($After) { $exists -and (Compare-Record $there.Text $Wanted) } else { -not $exists }
    if ($exists -and $After -and $null -eq (Compare-Record $there.Text $Wanted)) {
        $same = ($Before -ne $After) -and (Test-Text $there.Text $After)
    }
    if ($same) {
        "$number/$total $Key is $(if ($After) { 'already there, as wanted' } else { 'already gone' })"
        return
    }
    if ($exists -and -not ($Before -and (Test-Text $there.Text $Before))) {
        Stop-Script "$Action $Key" 'the server has a different record there than this script expects.' $there.Text
    }
    if (-not $exists -and $Action -eq 'update') {
        Stop-Script "$Action $Key" 'the server has no such record.' $there.Text
    }
    if (-not (Test-Wanted $Key $Action)) { return }
    $answer = $null
    foreach ($words in $Lines) {
        if ($words[0] -eq 'delete' -and -not $exists) { continue }
        $answer = Invoke-Netsh $words
        if ($answer.Code -ne 0) { break }
    }
    $now = Invoke-Netsh @('show', 'sslcert', $Key)
    $right = if ($After) { $now.Code -eq 0 } else { $now.Code -ne 0 }
    if ($right -and $After) {
        $right = Compare-Record $now.Text $Wanted
        if ($null -eq $right) { $right = (Test-Text $now.Text $After) -and ($now.Text -cne $there.Text) }
    }
    if ($right) {
        "$number/$total $($done[$Action]) $Key"
        return
    }
    $why = "netsh answered with exit code $($answer.Code)."
    if ($answer.Code -eq 0) { $why = 'netsh reported success, and the record is not what was asked for.' }
    # That there is no record is no news after an error.
    $shown = if ($now.Code -eq 0 -or $answer.Code -eq 0) { $now.Text } else { '' }
    Stop-Script "$Action $Key" $why "$($answer.Text)`n$shown"
}

function Set-Property([string[]] $Words) {
    $script:number++
    if (-not (Test-Wanted "$($Words[2]) $($Words[3])" 'update sslpropertyex')) { return }
    $answer = Invoke-Netsh $Words
    if ($answer.Code -ne 0) {
        Stop-Script "update sslpropertyex $($Words[2])" "netsh answered with exit code $($answer.Code)." $answer.Text
    }
    "$number/$total updated sslpropertyex $($Words[2]) $($Words[3])"
}

function Set-Listen([string] $Verb, [string] $Address) {
    $script:number++
    $wanted = $Verb -eq 'add'
    $listed = { (@((Invoke-Netsh @('show', 'iplisten')).Text -split '\s+') -contains $Address) }
    if ((& $listed) -eq $wanted) {
        "$number/$total $Address is $(if ($wanted) { 'already in the IP listen list' } else { 'already gone from the IP listen list' })"
        return
    }
    if (-not (Test-Wanted "ipaddress=$Address" "$Verb iplisten")) { return }
    $answer = Invoke-Netsh @($Verb, 'iplisten', "ipaddress=$Address")
    if ((& $listed) -ne $wanted) {
        $why = "netsh answered with exit code $($answer.Code)."
        if ($answer.Code -eq 0) { $why = 'netsh reported success, and the list is as it was.' }
        Stop-Script "$Verb iplisten ipaddress=$Address" $why $answer.Text
    }
    "$number/$total $($done[$Verb]) iplisten ipaddress=$Address"
}

