#!/bin/sh
# Runs a script in a private network and mount namespace (unshare -nm) where NSD answers at port 53 and resolv.conf names it:
# OpenDKIM's tools ask no other.
#
# alone.sh NSD_CONF RESOLV_CONF SCRIPT ARGUMENT...
set -eu
ip link set lo up
mount --bind "$2" /etc/resolv.conf
nsd -d -c "$1" &
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
shift 2
sh "$@"
