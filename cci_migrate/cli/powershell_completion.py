"""Completion for PowerShell, which click does not have, by the protocol that it has for others.

https://click.palletsprojects.com/en/stable/shell-completion/#adding-support-for-a-shell and
https://learn.microsoft.com/powershell/module/microsoft.powershell.core/register-argumentcompleter
"""

from __future__ import annotations

import os
from typing import ClassVar

from click.shell_completion import CompletionItem, ShellComplete, add_completion_class

#: The words before the one that is being typed are handed over line by line. Where nothing comes
#: back, PowerShell completes the names of files by itself.
_SCRIPT = """\
Register-ArgumentCompleter -Native -CommandName '%(prog_name)s' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
        ForEach-Object {
            if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) {
                $_.Value
            } else {
                $_.Extent.Text
            }
        })
    $env:COMP_WORDS = $words -join "`n"
    $env:COMP_CWORD = $wordToComplete
    $env:%(complete_var)s = 'powershell_complete'
    try {
        %(prog_name)s | Where-Object { $_ } | ForEach-Object {
            $value, $help = $_ -split "`t", 2
            if (-not $help) { $help = $value }
            [System.Management.Automation.CompletionResult]::new(
                $value, $value, 'ParameterValue', $help)
        }
    } finally {
        Remove-Item -ErrorAction Ignore 'Env:COMP_WORDS', 'Env:COMP_CWORD', 'Env:%(complete_var)s'
    }
}
"""


@add_completion_class
class PowerShellComplete(ShellComplete):
    """Answers what the script asks, and has the script itself."""

    name: ClassVar[str] = "powershell"
    source_template: ClassVar[str] = _SCRIPT

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the one that is being typed, and that one."""
        # PowerShell has no environment variables that are empty.
        words = os.environ.get("COMP_WORDS", "").split("\n")
        return [word for word in words if word], os.environ.get("COMP_CWORD", "")

    def complete(self) -> str:
        """A line for each value, with its help after a tab."""
        items = self.get_completions(*self.get_completion_args())
        return "\n".join(self.format_completion(item) for item in items if item.type == "plain")

    def format_completion(self, item: CompletionItem[str]) -> str:
        """The value and its help, on one line."""
        return f"{item.value}\t{' '.join(item.help.split())}" if item.help else str(item.value)
