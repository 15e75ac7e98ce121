# bash completion for sslbind; bash 4 or newer completes best, nothing else is needed.
#
# sslbind reads the line itself, because bash cuts words at "=" and ":", and
# answers with what belongs in place of "$2", quoted. It is taken from PATH: a
# program that merely has that name in some folder is not run by pressing Tab.

_sslbind() {
    local reply
    COMPREPLY=()
    while IFS= read -r reply; do
        case $reply in
            $'\tfiles'*) compopt -o default 2>/dev/null ;;
            *) COMPREPLY+=("$reply") ;;
        esac
    done < <(_SSLBIND_COMPLETE=bash command sslbind "${COMP_LINE:0:COMP_POINT}" "$2" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

complete -o nosort -F _sslbind sslbind 2>/dev/null || complete -F _sslbind sslbind
