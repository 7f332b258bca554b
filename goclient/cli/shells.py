"""Scripts that make the shells ask goclient for completions; each is short, because goclient knows the words."""

PROGRAMS = ("goclient", "sendJob", "sendJob.py")

# bash ends words at more letters than blanks ($COMP_WORDBREAKS), and is given what follows the last of these.
_BASH = """\
_goclient() {
    COMPREPLY=()
    local IFS=$'\\n' found
    found=$(command goclient __complete bash "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null) || return
    [ -n "$found" ] && mapfile -t COMPREPLY <<<"$found"
    if [ ${#COMPREPLY[@]} = 1 ]; then
        case ${COMPREPLY[0]} in */) compopt -o nospace ;; esac
    fi
}
complete -F _goclient PROGRAMS
"""

_ZSH = """\
_goclient() {
    local line; local -a open_texts open_shown texts shown
    for line in "${(@f)$(command goclient __complete zsh "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}"; do
        [[ -z $line ]] && continue
        if [[ ${line%%$'\\t'*} == */ ]]; then
            open_texts+=("${line%%$'\\t'*}") open_shown+=("${line//$'\\t'/  -- }")
        else
            texts+=("${line%%$'\\t'*}") shown+=("${line//$'\\t'/  -- }")
        fi
    done
    (( $#open_texts )) && compadd -l -S '' -d open_shown -a open_texts
    (( $#texts )) && compadd -l -d shown -a texts
    (( $#open_texts + $#texts ))
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -u }
compdef _goclient PROGRAMS
"""

_FISH = """\
function __goclient_complete
    set -l current (commandline -ct)
    command goclient __complete fish (commandline -opc) "$current" 2>/dev/null
end
for program in PROGRAMS
    complete -c $program -f -a '(__goclient_complete)'
end
"""

_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def script(shell: str) -> str:
    """Return the script for a shell."""
    if shell == "tcsh":  # a line for each program, which eval joins to one; the line that is typed is COMMAND_LINE
        return "".join(f"complete {one} 'p@*@`goclient __complete tcsh`@@';\n" for one in PROGRAMS)
    return _SCRIPTS[shell].replace("PROGRAMS", " ".join(PROGRAMS))
