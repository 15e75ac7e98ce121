# fish completion for sslbind

function __sslbind_complete
    # fish 4 can expand what stands before; fish 3 gives the words unquoted.
    set -l before (commandline -xpc 2>/dev/null; or commandline -opc)
    set -l typed (commandline -ct)
    # The word as it is meant: a quote may still be open.
    set -l word (string unescape -- $typed; or string unescape -- $typed"'"; or string unescape -- $typed'"')
    for line in (_SSLBIND_COMPLETE=fish command sslbind $before[2..-1] "$word" 2>/dev/null)
        set -l parts (string split -m 2 \t -- $line)
        if test "$parts[2]" = files -a -z "$parts[1]"
            set -l start (string length -- "$parts[3]")
            for file in (__fish_complete_path (string sub -s (math $start + 1) -- "$word"))
                printf '%s%s\n' "$parts[3]" $file
            end
        else
            printf '%s\n' $line
        end
    end
end

complete -c sslbind -f -k -a '(__sslbind_complete)'
