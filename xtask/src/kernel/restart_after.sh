# The same machine's second life: its disk, its configuration, no registry.
set -e
mkdir /disk
mount -t ext4 /dev/vda /disk
export MARROW_NODE_CONFIG=/disk/node.toml
if grep -q /etc/passwd /disk/events/*.jsonl; then
    echo "the events of this life are there before it"
    exit 1
fi

now() { cut -d ' ' -f 1 /proc/uptime; }
begun=$(now)
node daemon >/tmp/node.out 2>/tmp/node.errors &
node=$!
wanted=never
here=never
for turn in $(seq 600); do
    cat /etc/passwd >/dev/null
    [ $wanted = never ] && grep -q /etc/passwd /disk/events/wanted.jsonl && wanted=$(now)
    [ $here = never ] && grep -q /etc/passwd /disk/events/started-here.jsonl && here=$(now)
    [ $wanted != never ] && [ $here != never ] && break
    sleep 0.1
done
node status
cat /tmp/node.errors
if [ $wanted = never ] || [ $here = never ]; then
    echo "events of this life: wanted $wanted, started here $here"
    exit 1
fi
node registry
kill -TERM $node
wait $node
echo "$begun $wanted $here" | awk '{
    printf "after a reset, without the registry: events of what it wants %.1f s after the start of the daemon, of what was started here %.1f s\n", $2 - $1, $3 - $1
    exit ($2 - $1 > 10 || $3 - $1 > 10)
}'
