/** What each shell needs to complete the words of portd: a few lines that ask `portd __complete WORDS`. Pure. */

/** The shells. */
export const SHELLS = ["bash", "zsh", "fish", "powershell"] as const;

/** One of them. */
export type Shell = (typeof SHELLS)[number];

/** The word after which `portd` is asked for proposals. */
export const COMPLETE = "__complete";

/**
 * Bash cuts words at @, : and = too. A proposal is without what stands before the last of them; the @ itself, with which
 * a host's name begins for bash, belongs to the word.
 */
const BASH = `_portd() {
  local line=\${COMP_LINE:0:COMP_POINT} words current tail
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  current=\${words[-1]}
  tail=\${current##*[:=]}
  [[ $tail == *@* ]] && tail=@\${tail##*@}
  mapfile -t COMPREPLY < <("\${words[0]}" ${COMPLETE} "\${words[@]:1}" 2>/dev/null | cut -f 1)
  COMPREPLY=("\${COMPREPLY[@]#"\${current%"$tail"}"}")
}
complete -o default -F _portd portd
`;

const ZSH = `#compdef portd
_portd() {
  local -a found values
  local line
  found=("\${(@f)$("\${words[1]}" ${COMPLETE} "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  for line in $found; do
    values+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  if (( \${#values} )); then _describe portd values; else _files; fi
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -u; }
compdef _portd portd
`;

const FISH = `function __portd_complete
    set -l words (commandline -opc)
    $words[1] ${COMPLETE} $words[2..] (commandline -ct) 2>/dev/null
end
complete -c portd -f -a '(__portd_complete)'
complete -c portd -n 'contains -- -- (commandline -opc)' -F
`;

/** PowerShell takes commas for its own, and completes the part behind the last one alone. */
const POWERSHELL = `Register-ArgumentCompleter -Native -CommandName portd -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.ToString() })
    $current = if ($words.Count -gt 0) { $words[-1] } else { '' }
    if ($wordToComplete -eq '' -and -not $current.EndsWith(',')) { $words += '""'; $current = '' }
    $head = ''
    if ($current.EndsWith($wordToComplete)) {
        $head = $current.Substring(0, $current.Length - $wordToComplete.Length)
    }
    portd ${COMPLETE} @words 2>$null | ForEach-Object {
        $value, $brief = $_ -split "\`t", 2
        if (-not $brief) { $brief = $value }
        if ($value.StartsWith($head)) { $value = $value.Substring($head.Length) }
        [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $brief)
    }
}
`;

/** The script of a shell. */
export function completionScript(shell: Shell): string {
  return { bash: BASH, zsh: ZSH, fish: FISH, powershell: POWERSHELL }[shell];
}
