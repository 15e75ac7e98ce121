# PowerShell completion for sslbind

Register-ArgumentCompleter -Native -CommandName sslbind -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    # The words before the cursor as PowerShell will pass them, then the one at it. They go
    # through a variable, because an empty argument is lost on the way to a program.
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
        ForEach-Object {
            if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value }
            else { $_.Extent.Text }
        })
    $typed = "$wordToComplete".Trim("'", '"')
    $program = Get-Command sslbind -CommandType Application -ErrorAction SilentlyContinue |
        Select-Object -First 1
    if (-not $program) { return }

    $encoding = [Console]::OutputEncoding
    try {
        [Console]::OutputEncoding = [System.Text.UTF8Encoding]::new($false)
        $env:_SSLBIND_COMPLETE = 'powershell'
        $env:_SSLBIND_WORDS = ($words + $typed) -join "`n"
        $answer = & $program 2>$null
    }
    finally {
        Remove-Item Env:_SSLBIND_COMPLETE, Env:_SSLBIND_WORDS -ErrorAction SilentlyContinue
        [Console]::OutputEncoding = $encoding
    }

    foreach ($line in $answer) {
        $value, $text, $prefix = $line -split "`t", 3
        if ($value -eq '' -and $text -eq 'files') {
            $rest = $typed.Substring([Math]::Min("$prefix".Length, $typed.Length))
            [System.Management.Automation.CompletionCompleters]::CompleteFilename($rest) |
                ForEach-Object {
                    [System.Management.Automation.CompletionResult]::new(
                        "$prefix$($_.CompletionText)", $_.ListItemText, $_.ResultType, $_.ToolTip)
                }
            continue
        }
        $tip = if ($text) { $text } else { $value }
        # Whatever PowerShell could read as more than text stands in single quotes.
        $written = $value
        if ($value -notmatch '^[A-Za-z0-9_./:=-]+$') {
            $written = "'" + [System.Management.Automation.Language.CodeGeneration]::EscapeSingleQuotedStringContent($value) + "'"
        }
        [System.Management.Automation.CompletionResult]::new($written, $value, 'ParameterValue', $tip)
    }
}
