#!/bin/sh
# OpenDMARC as a filter, inside a private network and mount namespace (unshare -nm), because it asks only the name server
# of resolv.conf at port 53. Its socket is a file, which is reached from outside.
#
# opendmarc.sh NSD_CONF RESOLV_CONF OPENDMARC_CONF   runs until it is told to end
set -eu
ip link set lo up
mount --bind "$2" /etc/resolv.conf
nsd -d -c "$1" &
nsd=$!
opendmarc -f -c "$3" &
opendmarc=$!
trap 'kill "$opendmarc" "$nsd"; wait || true; exit 0' TERM INT
wait "$opendmarc"
kill "$nsd"
