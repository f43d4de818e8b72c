"""One peer of Debian's libtorrent with its own settings, in plaintext, without discovery beyond the lab and without uTP.

    libtorrent_peer.py TORRENT DIRECTORY ADDRESS:PORT seed|fetch MARK    makes the file MARK when all is there and checked; runs until it is killed
"""
import sys

import libtorrent as lt

torrent, directory, listen, role, mark = sys.argv[1:]
session = lt.session({
    "listen_interfaces": listen, "enable_dht": False, "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False,
    "enable_incoming_utp": False, "enable_outgoing_utp": False, "allow_multiple_connections_per_ip": False,
    "alert_mask": lt.alert.category_t.status_notification | lt.alert.category_t.error_notification,
})
parameters = lt.add_torrent_params()
parameters.ti = lt.torrent_info(torrent)
parameters.save_path = directory
if role == "seed":
    parameters.flags |= lt.torrent_flags.seed_mode
parameters.flags &= ~lt.torrent_flags.auto_managed & ~lt.torrent_flags.paused
handle = session.add_torrent(parameters)
while True:
    session.wait_for_alert(1000)
    for alert in session.pop_alerts():
        print(alert, flush=True)
        if isinstance(alert, lt.torrent_finished_alert):
            open(mark, "w", encoding="utf-8").close()
