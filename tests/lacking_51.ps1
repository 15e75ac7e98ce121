# Prints what in scripts Windows PowerShell 5.1 cannot parse or does not have; exit code 1 where there is any.
param([string[]] $Path)
$newer = @{
    Tokens     = 'QuestionQuestion', 'QuestionQuestionEquals', 'QuestionDot', 'QuestionLBracket', 'AndAnd', 'OrOr'
    Variables  = 'IsWindows', 'IsLinux', 'IsMacOS', 'IsCoreCLR', 'PSStyle', 'EnabledExperimentalFeatures'
    Commands   = 'Join-String', 'Get-Uptime', 'Test-Json', 'Remove-Service', 'Get-Error', 'ConvertTo-CliXml',
                 'ConvertFrom-CliXml', 'ConvertFrom-Markdown', 'Get-SecureRandom'
    Parameters = 'Parallel', 'ThrottleLimit', 'AsHashtable', 'AsArray', 'EscapeHandling', 'AsByteStream',
                 'AdditionalChildPath', 'Raw:Select-String', 'SkipCertificateCheck', 'AsUTC', 'NoEmphasis', 'Top',
                 'Depth:ConvertFrom-Json', 'DateKind', 'Bottom', 'Stable', 'UnixTimeSeconds', 'TcpPort', 'Environment'
    Encodings  = 'utf8BOM', 'utf8NoBOM', 'ansi'
    Members    = 'ToHexString', 'FromHexString', 'HashData', 'ReplaceLineEndings', 'ExportCertificatePem', 'CreateFromPem'
}
$found = foreach ($file in $Path) {
    $bytes = [IO.File]::ReadAllBytes($file)
    $marked = $bytes.Length -gt 2 -and $bytes[0] -eq 0xEF -and $bytes[1] -eq 0xBB -and $bytes[2] -eq 0xBF
    if (-not $marked -and ($bytes -gt 127).Count) { "${file}: letters that are not ASCII, without a byte order mark" }
    $tokens = $errors = $null
    $tree = [Management.Automation.Language.Parser]::ParseFile($file, [ref] $tokens, [ref] $errors)
    foreach ($one in $errors) { "${file}:$($one.Extent.StartLineNumber): $($one.Message)" }
    foreach ($one in $tokens) { if ("$($one.Kind)" -in $newer.Tokens) { "${file}:$($one.Extent.StartLineNumber): $($one.Text)" } }
    foreach ($node in $tree.FindAll({ $true }, $true)) {
        $text = switch ($node.GetType().Name) {
            'TernaryExpressionAst' { 'a ternary' }
            'VariableExpressionAst' { if ($node.VariablePath.UserPath -in $newer.Variables) { "`$$($node.VariablePath.UserPath)" } }
            'CommandParameterAst' {
                $command = "$($node.Parent.GetCommandName())"
                if ($node.ParameterName -in $newer.Parameters -or "$($node.ParameterName):$command" -in $newer.Parameters) { "$command -$($node.ParameterName)" }
            }
            'CommandAst' { if ($node.GetCommandName() -in $newer.Commands) { $node.GetCommandName() } }
            'StringConstantExpressionAst' { if ($node.Parent.GetType().Name -eq 'CommandAst' -and $node.Value -cin $newer.Encodings) { $node.Value } }
            'InvokeMemberExpressionAst' { if ("$($node.Member)" -in $newer.Members) { "$($node.Member)" } }
            'BinaryExpressionAst' {
                $by = $node.Right
                if ($by.GetType().Name -eq 'ArrayLiteralAst') { $by = $by.Elements[-1] }
                if ("$($node.Operator)" -match 'replace$' -and $by.GetType().Name -eq 'ScriptBlockExpressionAst') { '-replace by a script block' }
            }
            'PipelineAst' { if ($node.Background) { 'a job by &' } }
            'ScriptBlockAst' { if ($node.CleanBlock) { 'a clean block' } }
        }
        if ($text) { "${file}:$($node.Extent.StartLineNumber): $text" }
    }
}
$found
exit [int][bool] $found
