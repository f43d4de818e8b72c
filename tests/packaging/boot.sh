#!/bin/bash
# Runs as a service in a Debian that systemd booted, with the package installed: a tracker, a seeder and a node by their units, on loopback.
# Says "name=value" on lines of their own in /root/boot.result, all else in /root/boot.log, and turns the machine off. For deb_test.py.
exec > /root/boot.log 2>&1
set -x
trap 'systemctl poweroff' EXIT
tell() { echo "$1=$2" >> /root/boot.result; }
by_service() { runuser -u shoal -- "$@"; }
# For up to a minute.
until_true() { for _ in {1..300}; do "$@" && return; sleep 0.2; done; return 1; }
property() { systemctl show --property "$2" --value "$1"; }
one_is_active() { [[ $(property shoal-node StatusText) == *'1 active'* ]]; }
restarted() { [[ $(property shoal-node NRestarts) -gt 0 && $(property shoal-node ActiveState) == active ]]; }

ip link set lo up
by_service shoal fleet init --state /var/lib/shoal/tracker --keys /var/tmp/keys --tracker https://127.0.0.1:7443
systemctl start shoal-tracker
tell tracker "$(property shoal-tracker ActiveState)"

# Seeder and node share one machine here, which the units do not allow: a copy, with a state of its own.
sed '/^Conflicts/d; s/^ExecStart=.*/& --state \/var\/lib\/shoal\/seeder --listen 127.0.0.1:0/' /lib/systemd/system/shoal-seeder.service > /etc/systemd/system/shoal-source.service
systemctl daemon-reload
by_service shoal join "$(by_service shoal token create --state /var/lib/shoal/tracker --role seeder)" --state /var/lib/shoal/seeder
mkdir -p /srv/model && (echo weights && head -c 15000000 /dev/urandom | base64) > /srv/model/weights.txt
by_service shoal publish /srv/model acme/m@1.0 --state /var/lib/shoal/seeder --key /var/tmp/keys/publisher.key
systemctl start shoal-source
tell seeder "$(property shoal-source ActiveState)"

# A node that enrols itself with the token that an installer left.
by_service shoal token create --state /var/lib/shoal/tracker --role node > /etc/shoal/join-token
chmod 600 /etc/shoal/join-token
printf '[[follow]]\nchannel = "acme/m:main"\n' >> /etc/shoal/node.toml
mkdir -p /etc/systemd/system/shoal-node.service.d
printf '[Service]\nWatchdogSec=6s\nRestartSec=1s\n' > /etc/systemd/system/shoal-node.service.d/quick.conf
systemctl daemon-reload
systemctl start shoal-node
tell node "$(property shoal-node ActiveState)"
until_true cmp -s /srv/model/weights.txt /var/lib/shoal/models/acme/m/main/weights.txt && tell fetched yes
until_true one_is_active && tell status yes

sed -i 's/^upload_limit = .*/upload_limit = "many"/' /etc/shoal/node.toml
systemctl reload shoal-node
until_true journalctl -q -u shoal-node -p 3 --grep reload_failed && tell refused_reload yes
sed -i 's/^upload_limit = .*/upload_limit = "0"/' /etc/shoal/node.toml

kill -STOP "$(property shoal-node MainPID)"
until_true restarted && tell watchdog yes
tell join_failed "$(journalctl -q -u shoal-join | grep -c 'Failed to start')"

for unit in shoal-node shoal-source shoal-tracker; do
  systemctl stop "$unit"
  tell "stopped_$unit" "$(property "$unit" Result)"
done
for role in tracker seeder node join; do
  tell "exposure_$role" "$(systemd-analyze security --no-pager "shoal-$role" | sed -n 's/.*exposure level.*: \([0-9.]*\).*/\1/p')"
done
rm /etc/shoal/join-token
journalctl -q --no-pager
