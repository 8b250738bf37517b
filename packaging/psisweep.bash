# Completion of psisweep in bash. Commands, options and keys of the job file are asked of the program
# that is being called, so they are those of its version.

# _psisweep_files PATTERN: folders, and files whose name matches
_psisweep_files() {
    local file
    compopt -o filenames 2>/dev/null
    while IFS= read -r file; do
        if [[ -d $file || $file =~ $1 ]]; then
            COMPREPLY+=("$file")
        fi
    done < <(compgen -f -- "$cur")
}

# _psisweep_value WHAT: a value of the kind that the help calls so
_psisweep_value() {
    case $1 in
    KEY=VALUE) _psisweep_set ;;
    *.yaml*) _psisweep_files '\.ya?ml$' ;;
    *.h5*) _psisweep_files '\.h5$' ;;
    *FILE*) _psisweep_files '' ;;
    *DIR*) _psisweep_files '^$' ;;
    esac
}

# KEY=VALUE: keys, then the values of those that take one of a few
_psisweep_set() {
    local rows key=${cur%%=*}
    rows=$("$program" run --print-keys 2>/dev/null)
    if [[ $cur == *=* ]]; then
        COMPREPLY=($(compgen -W "$(sed -n "s/^| \`$key\` | one of \([^|]*\) |.*/\1/p" <<<"$rows" |
            tr -d ,)" -- "${cur#*=}"))
    else
        compopt -o nospace 2>/dev/null
        COMPREPLY=($(compgen -S = -W "$(sed -n 's/^| `\([a-z0-9_.]*\)` .*/\1/p' <<<"$rows")" -- "$cur"))
    fi
}

_psisweep() {
    # split at blanks alone: bash would make three words of --set=train.epochs=3
    local words program command cur before help options
    read -ra words <<<"${COMP_LINE:0:COMP_POINT}"
    [[ ${COMP_LINE:0:COMP_POINT} != *[[:blank:]] ]] || words+=("")
    program=${words[0]} command=${words[1]} cur=${words[-1]} before=${words[-2]}
    COMPREPLY=()
    if [[ ${#words[@]} -eq 2 ]]; then
        COMPREPLY=($(compgen -W "--help --version $("$program" --help 2>/dev/null |
            sed -n '/^Commands/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p')" -- "$cur"))
        return
    fi
    help=$("$program" "$command" --help 2>/dev/null) || return
    options=$(grep -oE '^ {2,6}(-[a-z], )?--[a-z-]+(\[?=[^] ]+)?' <<<"$help") # as in "  -o, --output=FILE"
    if [[ $cur == --*=* ]]; then
        before=${cur%%=*} cur=${cur#*=}
    fi
    if [[ $before == -* ]]; then
        before=$(grep -E -- "(^ *|, )$before([=,[]| *$)" <<<"$options" | sed -n 's/^[^=]*[^=[]=//p')
        [[ -z $before ]] || { _psisweep_value "$before"; return; }
    fi
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "--help $(grep -oE -- '--[a-z-]+' <<<"$options")" -- "$cur"))
    else
        _psisweep_value "${help%%$'\n'*}" # the usage line
    fi
}

complete -F _psisweep psisweep
