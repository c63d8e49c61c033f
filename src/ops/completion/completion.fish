# Completes `veza` in fish. Set before: __veza_words, an element for each verb (VERB…=WORDS) and for each option that has
# values of its own.
function __veza_complete
    set -l tokens (commandline -opc)
    set -l before $tokens[-1]
    set -l at ''
    set -l keys (string replace -r '=.*' '' -- $__veza_words)
    for word in $tokens[2..-1]
        if contains -- "$at $word" $keys
            set at "$at $word"
        end
    end
    if string match -q -- '-*' $before; and contains -- $before $keys
        set at $before
    end
    for line in $__veza_words
        set -l parts (string split -m 1 = -- $line)
        if test "$parts[1]" = "$at"
            string split ' ' -- $parts[2]
        end
    end
end
complete -c veza -f -a '(__veza_complete)'
