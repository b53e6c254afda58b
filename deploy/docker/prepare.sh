#!/bin/sh
# Prepare the files that compose.yaml reads, all below house/. What exists is kept.
#
#   ./prepare.sh                               everything that is missing
#   ./prepare.sh create --host 192.168.1.2     … with an address under which devices reach it
#   ./prepare.sh user relay2                   a device's password (see ../../mosquitto/README.md)
#   ./prepare.sh certificate wallpanel | remove NAME | server --host NAME | show
#
# After a change of users: docker compose kill --signal HUP mosquitto
set -eu
cd "$(dirname "$0")"
umask 077

access() {
    ../../mosquitto/access.py --folder house/mosquitto --secrets house/secrets "$@"
}

for data in mosquitto prometheus grafana; do
    mkdir -p "house/data/$data"
done
if [ "${1:-}" != create ]; then
    access create >/dev/null
fi
if [ "$#" -gt 0 ]; then
    access "$@"
fi
if [ ! -e house/config.toml ]; then
    cp ../../config.toml house/config.toml
    echo "house/config.toml is the example house: make it yours"
fi
if [ ! -e house/secrets/grafana.password ]; then
    openssl rand -hex 16 | tr -d '\n' > house/secrets/grafana.password
fi

# The containers run as whoever called this, so that they can read these files; never as root.
uid=$(id -u)
gid=$(id -g)
if [ "$uid" -eq 0 ]; then
    uid=${SUDO_UID:-65532}
    gid=${SUDO_GID:-65532}
    if [ "$uid" -eq 0 ]; then
        uid=65532
        gid=65532
    fi
    chown -R "$uid:$gid" house
fi
printf 'BALANCER_UID=%s\nBALANCER_GID=%s\n' "$uid" "$gid" > .env
