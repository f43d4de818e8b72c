"""Measures how fast one checkpoint crosses one link, with everything on: hashing, TLS, verification, durable files.

Each run does both, in turn, on the same files:
  https   curl over TLS 1.3 from nginx into a file, then `openssl dgst -sha256` of it
  shoal   `shoal pull` from one seeder, from the start of the process to its line "complete"
The figure is the ratio of the medians, https / shoal: above 1 we are faster. Memory is the peak of the resident set (VmHWM).
"""
import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "support"))
from fleet import Fleet, free_port  # noqa: E402

MB = 1000 * 1000

NGINX = """
daemon off; master_process off; pid {dir}/nginx.pid; error_log {dir}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off; sendfile on; tcp_nopush on; client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy;
  fastcgi_temp_path {dir}/fastcgi; uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl; ssl_certificate {dir}/cert.pem; ssl_certificate_key {dir}/key.pem;
    ssl_protocols TLSv1.3; root {root};
  }}
}}
"""


def make_checkpoint(directory, megabytes):
    """Four shards of one random tensor each; just written, so that both sides find them in the page cache."""
    os.makedirs(directory)
    for shard in range(4):
        write_shard(os.path.join(directory, f"model-{shard}.safetensors"), megabytes // 4)


def write_shard(path, megabytes):
    size = megabytes * MB
    header = json.dumps({"weight": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    with open(path, "wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for _ in range(megabytes):
            file.write(os.urandom(MB))


@contextlib.contextmanager
def nginx(directory, root):
    os.makedirs(directory)
    port = free_port()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{directory}/key.pem",
                    "-out", f"{directory}/cert.pem", "-subj", "/CN=localhost", "-days", "2"], check=True, capture_output=True)
    config = os.path.join(directory, "nginx.conf")
    with open(config, "w", encoding="utf-8") as file:
        file.write(NGINX.format(dir=directory, root=root, port=port))
    server = subprocess.Popen(["nginx", "-c", config, "-e", f"{directory}/error.log"], stderr=subprocess.DEVNULL)
    try:
        url = f"https://127.0.0.1:{port}"
        wait_for(lambda: subprocess.run(["curl", "-sk", "-o", "/dev/null", url], check=False).returncode == 0)
        yield url
    finally:
        server.terminate()
        server.wait(10)


def wait_for(condition, deadline=10):
    end = time.monotonic() + deadline
    while not condition():
        if time.monotonic() > end:
            sys.exit("nginx did not start")
        time.sleep(0.05)


def run_https(url, names, target):
    os.makedirs(target)
    started = time.monotonic()
    for name in names:
        subprocess.run(["curl", "-sk", "--tlsv1.3", "-o", f"{target}/{name}", f"{url}/{name}"], check=True)
        subprocess.run(["openssl", "dgst", "-sha256", f"{target}/{name}"], check=True, capture_output=True)
    seconds = time.monotonic() - started
    shutil.rmtree(target)
    return seconds


def peak_memory(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        line = next(line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def run_shoal(fleet, node):
    """A machine that is new to the seeder, as when a fleet is filled."""
    pull = fleet.pull(node, "bench/link", seed_for="30s")
    pull.complete()
    seconds = time.monotonic() - pull.started
    memory = peak_memory(pull.pid)
    pull.stop()
    shutil.rmtree(node.state)
    return seconds, memory


def measure(fleet, options, say):
    source = fleet.path("checkpoint")
    make_checkpoint(source, options.size_mb)
    names = sorted(os.listdir(source))
    size = sum(os.path.getsize(os.path.join(source, name)) for name in names)
    fleet.init()
    fleet.start_tracker()
    machine = fleet.join("source", role="seeder")
    fleet.publish(machine, source, "bench/link", "1")
    seeder = fleet.start_seeder(machine)
    https, shoal, memory = [], [], []
    with nginx(fleet.path("nginx"), source) as url:
        run_https(url, names, fleet.path("warm"))
        for number in range(options.runs):
            https.append(run_https(url, names, fleet.path("copy")))
            seconds, peak = run_shoal(fleet, fleet.join(f"node-{number}"))
            shoal.append(seconds)
            memory.append(peak)
            say(f"run {number + 1}: https {size / https[-1] / MB:.0f} MB/s, shoal {size / shoal[-1] / MB:.0f} MB/s")
    return {"type": "link", "size_bytes": size, "runs": options.runs,
            "https_mb_per_second": round(size / statistics.median(https) / MB, 1),
            "shoal_mb_per_second": round(size / statistics.median(shoal) / MB, 1),
            "ratio_to_https": round(statistics.median(https) / statistics.median(shoal), 3),
            "node_peak_bytes": max(memory), "seeder_peak_bytes": peak_memory(seeder.pid)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shoal", default=None, help="the binary; default: $SHOAL or the newest build")
    parser.add_argument("--size-mb", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    options = parser.parse_args()
    say = lambda text: print(text, file=sys.stderr, flush=True)  # noqa: E731
    with Fleet(shoal=options.shoal) as fleet:
        result = measure(fleet, options, say)
    if options.json:
        print(json.dumps(result))
        return
    print(f"https {result['https_mb_per_second']} MB/s, shoal {result['shoal_mb_per_second']} MB/s, ratio {result['ratio_to_https']}; peak memory "
          f"node {result['node_peak_bytes'] / MB:.0f} MB, seeder {result['seeder_peak_bytes'] / MB:.0f} MB")


if __name__ == "__main__":
    main()
