#!/bin/sh
# Install Balancer from this clone as a systemd service, or upgrade it; --undo takes it away again.
#
#   sudo ./install.sh [--password-file FILE | --no-password] [--python PYTHON]
#   sudo ./install.sh --undo [--purge]      --purge: /etc/balancer too
#
#   /opt/balancer                             the program, an environment of its own
#   /usr/local/bin/balancer                   a link to it
#   /etc/balancer/config.toml                 your house; an existing one is kept
#   /etc/balancer/mqtt_password               for root's eyes; the service gets a copy
#   /etc/systemd/system/balancer.service      and balancer.service.d/ with --no-password
#
# --root DIR puts all of it below DIR and leaves systemd alone.
set -eu
umask 022 # the service is nobody in particular and has to read the program
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)

root=
python=python3
password_file=
no_password=
undo=
purge=

fail() {
    echo "install.sh: $*" >&2
    exit 1
}

while [ "$#" -gt 0 ]; do
    case $1 in
        --password-file | --python | --root)
            [ "$#" -ge 2 ] || fail "$1 needs a value"
            case $1 in
                --password-file) password_file=$2 ;;
                --python) python=$2 ;;
                --root) root=${2%/} ;;
            esac
            shift
            ;;
        --no-password) no_password=yes ;;
        --undo) undo=yes ;;
        --purge) purge=yes ;;
        -h | --help) sed -n '2,/^set/ { /^set/d; s/^# \{0,1\}//p; }' "$0"; exit ;;
        *) fail "$1 is no option; see --help" ;;
    esac
    shift
done

program=$root/opt/balancer
link=$root/usr/local/bin/balancer
folder=$root/etc/balancer
unit=$root/etc/systemd/system/balancer.service
password=$folder/mqtt_password

systemd() {
    [ -n "$root" ] || systemctl "$@"
}

with_password() {
    rm -f "$unit.d/no-password.conf"
    rmdir "$unit.d" 2>/dev/null || true # or somebody's own drop-in is there
}

ours() {
    [ "$(readlink "$link" 2>/dev/null)" = /opt/balancer/bin/balancer ]
}

if [ -z "$root" ]; then
    [ "$(id -u)" -eq 0 ] || fail "has to run as root"
    [ -d /run/systemd/system ] || fail "systemd does not run here"
fi

if [ -n "$undo" ]; then
    if [ -e "$unit" ]; then
        systemd disable --now --quiet balancer.service
        rm "$unit"
    fi
    with_password
    systemd daemon-reload
    if ours; then
        rm "$link"
    fi
    if [ -e "$program/.installed" ]; then
        rm -rf "$program"
    fi
    if [ -n "$purge" ]; then
        rm -rf "$folder"
        echo "everything is gone"
    elif [ -d "$folder" ]; then
        echo "everything is gone but /etc/balancer; --purge removes that too"
    fi
    exit
fi

# --- see that it can work before anything is changed ------------------------------------------
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    fail "$python is not there or older than 3.11; name another one with --python"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "$python cannot make environments (Debian: apt install python3-venv)"
[ ! -e "$program" ] || [ -e "$program/.installed" ] ||
    fail "/opt/balancer is not of this script's making; move it away"
[ -z "$password_file" ] || [ -s "$password_file" ] || fail "$password_file is missing or empty"
if [ -z "$password_file$no_password" ] && [ ! -e "$password" ] && [ ! -e "$unit.d/no-password.conf" ]; then
    fail "how does it come in at the broker? --password-file FILE or --no-password"
fi

# --- the program -------------------------------------------------------------------------------
mkdir -p "$program" "$(dirname "$link")" "$(dirname "$unit")" "$folder"
touch "$program/.installed"
[ -x "$program/bin/python" ] || "$python" -m venv "$program"
"$program/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade "$source"
if [ ! -e "$link" ] && [ ! -L "$link" ]; then
    ln -s /opt/balancer/bin/balancer "$link"
fi

# --- its files -----------------------------------------------------------------------------------
fresh=
if [ ! -e "$folder/config.toml" ]; then
    fresh=yes
    uncomment=
    [ -n "$no_password" ] || uncomment='s/^# username = "balancer".*/username = "balancer"/'
    sed "$uncomment" "$source/config.toml" > "$folder/config.toml"
    chmod 644 "$folder/config.toml"
fi
if [ -n "$password_file" ]; then
    (umask 077 && tr -d '\r\n' < "$password_file" > "$password")
    chmod 600 "$password"
    with_password
elif [ -n "$no_password" ]; then
    mkdir -p "$unit.d"
    printf '[Service]\nLoadCredential=\nUnsetEnvironment=BALANCER_MQTT__PASSWORD_FILE\n' \
        > "$unit.d/no-password.conf"
fi
cp "$here/balancer.service" "$unit"
chmod 644 "$unit"
systemd daemon-reload

# --- start it ------------------------------------------------------------------------------------
if [ -n "$fresh" ]; then
    echo "Installed. /etc/balancer/config.toml is the example house; make it yours, then"
    echo "  balancer check --config /etc/balancer/config.toml"
    echo "  systemctl enable --now balancer"
    echo "  journalctl --follow --unit balancer"
elif [ -z "$root" ] && systemctl --quiet is-enabled balancer.service; then
    # a configuration with problems leaves the old process running until it is mended
    "$program/bin/balancer" check --config "$folder/config.toml" > /dev/null
    systemctl restart balancer.service
    echo "Upgraded and running again."
else
    echo "Upgraded."
fi
