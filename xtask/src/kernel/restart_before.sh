# A machine's first life: a registry, a node that follows it with its state on a disk, an instance that
# the registry wants and one that was started here. Then the reset button.
set -e
mkdir /disk /tmp/publisher
mount -t ext4 /dev/vda /disk
cd /tmp/publisher

registry --json serve >registry.out 2>registry.errors &
for turn in $(seq 600); do
    grep -q listening registry.out && break
    sleep 0.1
done
MARROW_TOKEN=$(sed -n 's/.*"admin_token":"\([^"]*\)".*/\1/p' registry.out)
export MARROW_TOKEN
packer keygen -o acme >/dev/null
packer key add acme.pub --namespace acme
packer publish /payload.wasm --key acme.key --channel stable
packer deploy wanted --payload acme/opensnoop --channel stable --selector '*' --instance wanted

mkdir /disk/keys
cp acme.pub /disk/keys
packer token new guest --scope enrol -o /disk/token
echo 'namespaces = ["acme"]
key_file = "acme.pub"' >/disk/keys/acme.toml
echo 'socket = "/run/node.sock"
legacy_listen = "none"
state_dir = "/disk/state"
trusted_keys = "/disk/keys"
[events]
dir = "/disk/events"
[registry]
url = "http://127.0.0.1:8528"
token_file = "/disk/token"' >/disk/node.toml
# What people write is on the disk. What the daemon writes it has to see to itself.
sync

export MARROW_NODE_CONFIG=/disk/node.toml
node daemon >node.out 2>node.errors &
for turn in $(seq 600); do
    [ -S /run/node.sock ] && node status wanted >/dev/null 2>&1 && break
    sleep 0.1
done
node update --instance started-here @/objects/opensnoop.bpf.o
seen=no
for turn in $(seq 600); do
    cat /etc/group >/dev/null
    if grep -q /etc/group /disk/events/wanted.jsonl && grep -q /etc/group /disk/events/started-here.jsonl; then
        seen=yes
        break
    fi
    sleep 0.1
done
node status
if [ $seen = no ]; then
    cat registry.errors node.errors
    exit 1
fi
# All that was printed is on its way: then nothing more is written, and nobody is asked to end.
stty -F /dev/ttyS1 raw -echo
echo reset >/dev/ttyS3
echo b >/proc/sysrq-trigger
