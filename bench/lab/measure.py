"""One run: starts all hosts, samples the counters until all are complete, and turns the samples into figures."""
import contextlib
import dataclasses
import filecmp
import os
import statistics
import time

from .systems import SystemFailed

INTERVAL = 0.1  # seconds between samples
FRAME = 1514  # bytes of a full Ethernet frame; of them 1448 are TCP's payload
HEADERS = 66  # Ethernet 14, IP 20, TCP 32 with timestamps
BUSY = 0.85  # share of the machine above which the figures say little


@dataclasses.dataclass
class Sample:
    at: float  # seconds since the start
    hosts: dict  # {host: (bytes sent, packets sent, bytes received, packets received)} since the start
    busy: float  # seconds of CPU since the start
    total: float
    spent: tuple  # (user, system): seconds of CPU of the system's own processes since the start


@dataclasses.dataclass
class Run:
    samples: list
    started: dict  # {host: seconds after the common start}
    done: dict  # {host: seconds after the common start}
    claims: dict


def cpu():
    """(busy, total) in ticks."""
    with open("/proc/stat", encoding="ascii") as file:
        fields = [int(field) for field in file.readline().split()[1:9]]
    return sum(fields) - fields[3] - fields[4], sum(fields)


def spent_by(pids):
    """(user, system) in seconds, used by these processes and the children that they waited for. A process that has ended counts nothing."""
    ticks = [0, 0]
    for pid in pids:
        with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            user, system, user_of_children, system_of_children = map(int, file.read().rpartition(")")[2].split()[11:15])
            ticks[0] += user + user_of_children
            ticks[1] += system + system_of_children
    return tuple(each / os.sysconf("SC_CLK_TCK") for each in ticks)


class Sampler:
    def __init__(self, lab, system):
        self._lab = lab
        self._system = system
        self._before = lab.counters()
        self._cpu_before = cpu()
        self._spent_before = spent_by(system.pids())

    def take(self, at):
        now, (busy, total) = self._lab.counters(), cpu()
        hosts = {host: tuple(new - old for new, old in zip(now[host], self._before[host])) for host in now}
        spent = tuple(new - old for new, old in zip(spent_by(self._system.pids()), self._spent_before))
        return Sample(at, hosts, busy - self._cpu_before[0], total - self._cpu_before[1], spent)


def settle(lab, deadline=5.0):
    """Waits until the queues are empty, so that the next run does not count their bytes."""
    end, before = time.monotonic() + deadline, None
    while time.monotonic() < end:
        now = lab.counters()
        if before and sum(sum(now[host]) - sum(before[host]) for host in now) < 5000:
            return
        before = now
        time.sleep(0.2)


def run_once(system, case, lab, gates, deadline):
    """`gates` are (common, late); both are closed."""
    settle(lab)
    system.begin()
    try:
        for host in case.nodes:
            system.start_node(host, gates[1] if host in case.late else gates[0])
        time.sleep(0.5)  # the programs reach the gate
        return _watch(system, case, lab, gates, deadline)
    finally:
        for gate in gates:
            gate.open()
        system.end()


def _watch(system, case, lab, gates, deadline):
    sampler = Sampler(lab, system)
    samples, done = [sampler.take(0.0)], {}
    start = gates[0].open()
    started = {host: 0.0 for host in case.nodes if host not in case.late}
    while len(done) < len(case.nodes):
        at = time.time() - start
        if at > deadline:
            missing = [host for host in case.nodes if host not in done]
            raise SystemFailed(f"{system.name}: {', '.join(missing)} not complete after {deadline:.0f} s")
        if case.late and at >= case.late_after and len(started) < len(case.nodes):
            late_start = gates[1].open() - start
            started |= {host: late_start for host in case.late}
        for host in case.nodes:
            when = system.nodes[host].completed_at() if host not in done else None
            if when is not None:
                done[host] = when - start
        time.sleep(max(0.0, samples[-1].at + INTERVAL - (time.time() - start)))
        samples.append(sampler.take(time.time() - start))
    verify(system, case)
    return Run(samples, started, done, {host: system.nodes[host].claims() for host in case.nodes})


def verify(system, case):
    for host in case.nodes:
        directory = system.nodes[host].directory
        for name in os.listdir(system.payload):
            there = os.path.join(directory, name)
            if not os.path.exists(there) or not filecmp.cmp(os.path.join(system.payload, name), there, shallow=False):
                raise SystemFailed(f"{system.name}: {there} is missing or differs from what was published")


# --- figures ---


def first_data(run, host, size):
    """The time at which the host had received 128 KiB or 0.5 % of the content, whichever is more: beyond handshakes and messages."""
    enough = max(128 * 1024, size // 200)
    return next((sample.at for sample in run.samples if sample.hosts[host][2] >= enough), run.samples[-1].at)


def payload_sent(sample, host):
    sent, packets = sample.hosts[host][:2]
    return sent - HEADERS * packets


def sent_by_sources(sample, case, count=lambda sample, host: sample.hosts[host][0]):
    return sum(count(sample, source) for source in case.sources)


def utilisation(run, case):
    """[(time, source's upload, nodes' download, nodes' upload, CPU)] per interval, as shares of the links."""
    down = sum(case.node_mbit.values())
    rows = []
    for old, new in zip(run.samples, run.samples[1:]):
        span = (new.at - old.at) * 1e6 / 8
        grown = {host: [b - a for a, b in zip(old.hosts[host], new.hosts[host])] for host in [*case.nodes, *case.sources]}
        busy = (new.busy - old.busy) / max(1, new.total - old.total)
        rows.append((new.at, sum(grown[source][0] for source in case.sources) / span / case.source_mbit / len(case.sources), sum(grown[host][2] for host in case.nodes) / span / down,
                     sum(grown[host][0] for host in case.nodes) / span / down, busy))
    return rows


def mean_between(rows, column, start, end):
    """Rows are as long as the interval, within a few per cent."""
    values = [row[column] for row in rows if start < row[0] <= end]
    return statistics.fmean(values) if values else 0.0


def percentile(values, share):
    """The smallest value that at least this share does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * share // 100) - 1))]


def profile(rows, columns=(1, 2), parts=16):
    """Mean utilisation of source and nodes in equal parts of the run."""
    end = rows[-1][0]
    edges = [end * part / parts for part in range(parts + 1)]
    return [[round(mean_between(rows, column, low, high), 2) for low, high in zip(edges, edges[1:])] for column in columns]


def figures(run, case, piece_bytes):
    """All of one run. Times in seconds from the common start; `_over_ideal` as multiples of `ideal_seconds`."""
    rows, ideal, last_sample = utilisation(run, case), case.ideal(piece_bytes), run.samples[-1]
    times = list(run.done.values())
    last = max(times)
    starts = [first_data(run, host, case.size) - run.started[host] for host in case.nodes]
    begun = statistics.median(starts)
    copy_at = next((sample.at for sample in run.samples if sent_by_sources(sample, case, payload_sent) >= case.size), last)
    result = {
        "ideal_seconds": ideal, "piece_kib": piece_bytes / 1024,
        "first_over_ideal": min(times) / ideal, "median_over_ideal": statistics.median(times) / ideal,
        "p90_over_ideal": percentile(times, 90) / ideal, "last_over_ideal": last / ideal,
        "first_seconds": min(times), "last_seconds": last,
        "source_copies": sent_by_sources(last_sample, case) / case.size,
        "source_payload_copies": sent_by_sources(last_sample, case, payload_sent) / case.size,
        "bytes_received_per_node": statistics.fmean(last_sample.hosts[host][2] for host in case.nodes),
        "bytes_sent_per_node": statistics.fmean(last_sample.hosts[host][0] for host in case.nodes),
        "received_over_size": statistics.fmean(last_sample.hosts[host][2] for host in case.nodes) / case.size,
        "tracker_bytes": sum(last_sample.hosts["tracker"][0::2]),
        "first_data_seconds": begun, "first_data_worst_seconds": max(starts),
        "first_copy_sent_seconds": copy_at, "tail_seconds": last - copy_at, "spread_seconds": last - min(times),
        "source_utilisation": mean_between(rows, 1, begun, copy_at), "nodes_utilisation": mean_between(rows, 2, begun, min(times)),
        "cpu_busy": last_sample.busy / max(1, last_sample.total), "profile_source": profile(rows)[0], "profile_nodes": profile(rows)[1],
    }
    delivered = case.size * len(case.nodes) / 1e9
    result |= {"cpu_user_seconds_per_gb": last_sample.spent[0] / delivered, "cpu_system_seconds_per_gb": last_sample.spent[1] / delivered,
               "cpu_seconds_per_gb": sum(last_sample.spent) / delivered}
    if case.apart:
        others = [host for host in case.nodes if host not in case.apart]
        result |= {"others_last_seconds": max(run.done[host] for host in others),
                   "apart_seconds": max(run.done[host] - run.started[host] for host in case.apart)}
    if case.sites:
        across = last_sample.hosts["between"]
        far = sum(1 for node in case.nodes if case.sites[node])
        # between0 is in the source's bridge: what it sends goes to the other site.
        result |= {"between_sites_copies": across[2] / case.size, "between_sites_copies_back": across[0] / case.size, "far_nodes": far}
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in result.items()}


def summary(runs):
    """Medians over the runs of every number, and the worst value of the most important ones."""
    numbers = {key for key, value in runs[0].items() if isinstance(value, (int, float))}
    result = {key: round(statistics.median(run[key] for run in runs), 4) for key in runs[0] if key in numbers}
    result["worst_last_over_ideal"] = max(run["last_over_ideal"] for run in runs)
    result["cpu_saturated"] = any(run["cpu_busy"] > BUSY for run in runs)
    return result | {"profile_source": runs[-1]["profile_source"], "profile_nodes": runs[-1]["profile_nodes"], "complete": True, "verified": True,
                     "runs": runs}
