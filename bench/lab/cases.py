"""The cases: which hosts there are, how fast their links are, and the ideal time in each."""
import dataclasses
import math

MB = 1000 * 1000


@dataclasses.dataclass
class Case:
    """Rates in Mbit/s. `late` hosts start `late_after` seconds after the others; `apart` hosts are shown separately."""
    nodes: list
    source_mbit: float
    node_mbit: dict
    size: int
    isolated: tuple = ()
    late: tuple = ()
    late_after: float = 0.0
    sites: dict = dataclasses.field(default_factory=dict)
    site_mbit: float = 0.0
    apart: tuple = ()
    sources: tuple = ("source",)
    note: str = ""

    def rates(self):
        return {"tracker": None} | {source: self.source_mbit for source in self.sources} | self.node_mbit

    def seconds(self, mbit):
        """Seconds in which one copy passes."""
        return self.size * 8 / MB / mbit

    def ideal(self, piece_bytes):
        """No fan-out can be faster, even if headers cost nothing: the slowest stage, plus the time for the last piece to go down a tree of nodes."""
        count = len(self.nodes)
        pieces = max(1, math.ceil(self.size / piece_bytes))
        if self.isolated:
            return max(self.seconds(self.source_mbit) * count, self.seconds(min(self.node_mbit.values())))
        sources = self.source_mbit * len(self.sources)
        up = sources + sum(self.node_mbit.values())
        stages = [self.seconds(sources), self.seconds(min(self.node_mbit.values())), self.seconds(up) * count]
        if self.site_mbit:
            stages.append(self.seconds(self.site_mbit))
        late = self.late_after + self.seconds(min(self.node_mbit[host] for host in self.late)) if self.late else 0.0
        return max(max(stages) * (1 + math.floor(math.log2(count)) / pieces), late)


def make(name, count, rate, size_mb, site_mbit=None):
    count = {"n1": 1, "n2": 2}.get(name, count)
    nodes = [f"node{number}" for number in range(1, count + 1)]
    case = Case(nodes, rate, {node: rate for node in nodes}, size_mb * MB)
    last = nodes[-1]
    if name == "nopeers":
        case.isolated, case.note = tuple(nodes), "nodes cannot reach each other"
    elif name == "late":
        case.late, case.late_after, case.apart = (last,), case.seconds(rate) / 2, (last,)
        case.note = f"{last} starts {case.late_after:.1f} s after the others"
    elif name == "slow":
        case.node_mbit[last], case.apart = rate / 4, (last,)
        case.note = f"{last} has {rate / 4:g} Mbit/s"
    elif name in ("slowsource", "fastsource"):
        case.source_mbit = rate / 2 if name == "slowsource" else rate * 4
        case.note = f"the source has {case.source_mbit:g} Mbit/s"
    elif name == "sources2":
        case.sources, case.note = ("source", "source2"), "two sources; the second is a seeder that fetched the release before"
    elif name == "sites":
        near = math.ceil(count / 2)
        case.sites = {node: int(number >= near) for number, node in enumerate(nodes)} | {"source": 0}
        case.site_mbit = site_mbit or rate / 2
        case.note = f"{near} nodes beside the source, {count - near} behind a link of {case.site_mbit:g} Mbit/s"
    return case


NAMES = ("plain", "n1", "n2", "nopeers", "late", "slow", "slowsource", "fastsource", "sources2", "sites")
