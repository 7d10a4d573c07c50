# A node in a guest: three payloads are loaded, and see what is caused here.
status=0
for payload in opensnoop execsnoop filemon; do
    events=/tmp/$payload
    node run --json "/objects/$payload.bpf.o" >"$events" 2>"$events.errors" &
    node=$!
    seen=no
    for second in $(seq 60); do
        cat /etc/hosts >/dev/null
        if grep -q /etc/hosts "$events"; then
            seen=yes
            break
        fi
        kill -0 $node 2>/dev/null || break
        sleep 1
    done
    kill -INT $node 2>/dev/null
    wait $node
    echo "$payload: seen $seen, node's status $?, events $(wc -l <"$events")"
    if [ $seen = no ]; then
        cat "$events.errors"
        status=1
    else
        grep -m1 /etc/hosts "$events"
    fi
done
exit $status
