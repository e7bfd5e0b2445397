#!/bin/sh
# opendkim-testmsg over many files, inside a private network and mount namespace (unshare -nm), because it asks
# only the name server of resolv.conf at port 53.
#
# testmsg.sh NSD_CONF RESOLV_CONF FILE...   prints "FILE<TAB>exit code"
set -eu
nsd_conf=$1
resolv_conf=$2
shift 2
ip link set lo up
mount --bind "$resolv_conf" /etc/resolv.conf
nsd -d -c "$nsd_conf" &
nsd=$!
trap 'kill "$nsd"; wait "$nsd" || true' EXIT
tries=0
until perl -MNet::DNS -e 'exit !Net::DNS::Resolver->new(udp_timeout => 1, retry => 1)->query("alpha.example", "SOA")'; do
    tries=$((tries + 1))
    if [ "$tries" -ge 50 ]; then
        echo "NSD does not answer in the namespace" >&2
        exit 1
    fi
    sleep 0.1
done
for file in "$@"; do
    code=0
    opendkim-testmsg <"$file" >/dev/null 2>&1 || code=$?
    printf '%s\t%s\n' "$file" "$code"
done
