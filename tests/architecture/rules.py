"""Which room may include which, and which files may include which library. The table of docs/architecture.md as data: a change of the rules is a diff here."""

# A folder may include itself, what it names here, and whatever those may include.
MAY_INCLUDE = {
    "src/base": [],
    "src/crypto": ["src/base"],
    "src/manifest": ["src/crypto"],
    "src/identity": ["src/crypto"],
    "src/http": ["src/identity"],
    "src/registry": ["src/identity", "src/http", "src/manifest"],
    "src/metrics": ["src/http"],
    "src/mesh": ["src/identity"],
    "src/store": ["src/crypto"],
    "src/fanout": ["src/base"],
    "src/member": ["src/registry"],
    "src/metainfo": ["src/manifest", "src/store"],
    "src/swarm": ["src/fanout", "src/metainfo", "src/mesh", "src/registry", "src/metrics"],
    "src/cli": ["src/base"],
    "src/overview": ["src/registry"],
    "tracker/page": ["src/overview"],
    "tracker": ["tracker/page", "src/registry", "src/metrics", "src/cli"],
    "publisher": ["src/member", "src/metainfo", "src/metrics", "src/cli"],
    "seeder": ["publisher", "src/swarm"],
    "node/gateway": ["src/http", "src/manifest"],
    "node": ["node/gateway", "src/member", "src/swarm", "src/cli"],
    "top": ["src/overview", "src/member", "src/cli"],
}

# main.cpp gathers the commands of the roles, after what must happen before the first thread starts, and knows nothing else.
MAIN = "src/main.cpp"
MAIN_MAY_INCLUDE = ["cli/run.hpp", "identity/system_authorities.hpp", "tracker/commands.hpp", "publisher/commands.hpp", "seeder/commands.hpp", "node/commands.hpp", "top/commands.hpp"]

# Headers of ours that fewer may see than their folder: what signs certificates stays with the tracker.
RESTRICTED = {
    "identity/authority.hpp": ["src/identity/authority.cpp", "tracker/"],
}

# Third-party headers by the start of their name (the longest start that fits decides), and the files that may include them. A start
# that ends in "/" is a folder. Nobody else may, whatever the include table says.
FENCES = {
    "libtorrent/": ["src/swarm/"],
    # The parser and what it returns.
    "libtorrent/bdecode": ["src/swarm/", "src/metainfo/"],
    "libtorrent/bencode": ["src/swarm/", "src/metainfo/"],
    "libtorrent/entry": ["src/swarm/", "src/metainfo/"],
    "libtorrent/load_torrent": ["src/metainfo/"],
    "libtorrent/torrent_info": ["src/swarm/", "src/metainfo/"],
    "libtorrent/add_torrent_params": ["src/swarm/", "src/metainfo/"],
    "sqlite3": ["tracker/database.cpp"],
    "boost/beast": ["src/http/"],
    "boost/asio": ["src/base/asio.hpp"],
    "boost/asio/ssl": ["src/http/", "src/mesh/"],
    "boost/crc": ["src/store/journal.hpp", "src/store/journal.cpp"],
    "boost/endian": ["src/base/bytes.hpp"],
    "boost/": [],
    "openssl/": ["src/crypto/", "src/identity/", "src/mesh/", "src/http/"],
    "CLI/": ["src/cli/*.cpp"],
    "spdlog/": ["src/base/log.cpp"],
    "fmt/": ["src/base/log.cpp"],
    "toml++/": ["src/base/config.cpp"],
    "ncurses": ["top/screen.cpp"],
    "xxhash": ["src/store/fingerprint.cpp"],
    "doctest/": [],
}

# CMake targets that are not named after a folder.
TARGET_FOLDERS = {"authority": "src/identity"}
# Targets that only some targets may link.
RESTRICTED_TARGETS = {"authority": ["tracker"]}
