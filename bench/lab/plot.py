"""Progress and utilisation over time, as an SVG by gnuplot: one row per system."""
import os
import subprocess
import tempfile

from . import measure

HEAD = """set terminal svg size 1000,{height} font 'sans,11' background rgb 'white'
set output '{svg}'
set multiplot layout {rows},2 title '{title}'
set xrange [0:{end}]
set yrange [0:1.1]
set xlabel 'seconds'
set grid back lc rgb '#dddddd'
set key below horizontal
"""


def smooth(rows, width=5):
    """Mean of a few samples: single ones show the bursts of the shaper."""
    out = []
    for number in range(0, len(rows) - width + 1, width):
        part = rows[number:number + width]
        out.append([part[-1][0]] + [sum(row[column] for row in part) / width for column in range(1, len(part[0]))])
    return out


def table(path, rows):
    with open(path, "w", encoding="ascii") as file:
        file.writelines(" ".join(f"{value:.4f}" for value in row) + "\n" for row in rows)


def progress(run, case):
    """[(time, share of node 1, ..)]: the bytes that each has received, without the frames' headers, over the size."""
    rows = []
    for sample in run.samples[::3]:
        shares = [(sample.hosts[host][2] - measure.HEADERS * sample.hosts[host][3]) / case.size for host in case.nodes]
        rows.append([sample.at] + [1.0 if run.done[host] <= sample.at else min(1.0, share) for host, share in zip(case.nodes, shares)])
    return rows


def system_panels(name, run, case, ideal, directory):
    """The two plots of a system as lines of a gnuplot program."""
    received, used = os.path.join(directory, f"{name}.progress"), os.path.join(directory, f"{name}.use")
    table(received, progress(run, case))
    table(used, smooth(measure.utilisation(run, case)))
    last = max(run.done.values())
    lines = [f"'{received}' using 1:{column + 2} with lines lw 1 lc rgb '#4477aa' notitle" for column in range(len(case.nodes))]
    ideal_line = f"set arrow 1 from {ideal},0 to {ideal},1.1 nohead dt 2 lc rgb '#888888'"
    names = ("source sends", "#cc6677"), ("nodes receive", "#4477aa"), ("nodes send", "#88ccee"), ("CPU of this machine", "#bbbbbb")
    uses = [f"'{used}' using 1:{column} with lines lw 1.5 lc rgb '{color}' title '{what}'" for column, (what, color) in enumerate(names, 2)]
    return [ideal_line, f"set title '{name}: received by each node (last {last:.1f} s, {last / ideal:.2f} x ideal)' noenhanced",
            "set ylabel 'share of the content'", "plot " + ", ".join(lines),
            f"set title '{name}: use of the links' noenhanced", "set ylabel 'share of the rate'", "plot " + ", ".join(uses)]


def draw(svg, title, results, case):
    """`results` maps a system to (run, ideal seconds)."""
    end = max(max(run.done.values()) for run, _ in results.values()) * 1.03
    with tempfile.TemporaryDirectory(prefix="shoal-plot-") as directory:
        text = HEAD.format(height=300 * len(results) + 40, svg=os.path.abspath(svg), rows=len(results), title=title, end=end)
        for name, (run, ideal) in results.items():
            text += "\n".join(system_panels(name, run, case, ideal, directory)) + "\n"
        subprocess.run(["gnuplot"], input=text + "unset multiplot\n", text=True, check=True, timeout=60)
