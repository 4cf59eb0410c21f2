#!/usr/bin/env python3
"""Recurrence analysis beside PyRQA, AccRQA and pyunicorn: all processes warm, rounds alternating, one thread each.

bench_rqa.py ATHANOR --python PYTHON [--rounds 6] [--sizes 1000,5000,20000] [--rivals pyrqa,accrqa,pyunicorn] [--grid]
PYTHON has the rivals (scripts/requirements/rqa_rivals*.txt). One combination (m 2, tau 1, eps 0.06, l_min 2) of one made
recording, all metrics on both sides, each rival with its own definitions and a norm that it has. pyunicorn keeps the
whole matrix, 2.7 GB for 20,000 samples. --grid: besides, the 10,200 combinations at 5,000 samples, ours whole,
PyRQA's from a sample of 6 of the 91 distinct (m, tau) at 3 of the 51 eps (l_min is read off the same run).
One JSON object a measurement on stdout; a line for people on stderr.
"""
import argparse
import json
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from bench_train import Side, compare  # noqa: E402

NORMS = {"pyrqa": "L1", "accrqa": "L2", "pyunicorn": "L1"}
NAMES = {"pyrqa": "PyRQA", "accrqa": "AccRQA", "pyunicorn": "pyunicorn"}


def make_series(args, rows, scratch):
    """Made gaze of `rows` samples: the recordings of `athanor rqa synth`, one after the other."""
    study = scratch / "study"
    if not study.exists():
        subprocess.run([args.athanor, "rqa", "synth", "--output", study], check=True, stdout=subprocess.DEVNULL)
    lines = []
    for path in sorted(study.glob("*.csv")):
        lines += [",".join(line.split(",")[:2]) for line in path.read_text().splitlines()[1:]]
        if len(lines) >= rows:
            break
    path = scratch / f"gaze{rows}.csv"
    path.write_text("\n".join(["x,y", *lines[:rows]]) + "\n")
    return path


def rival_side(args, rival, series, m, tau, eps):
    return Side(NAMES[rival], [args.python, HERE / "rivals/rqa_round.py", rival, series, 1, NORMS[rival], m, tau, eps, 2])


def one_combination(args, rows, scratch):
    series = make_series(args, rows, scratch)
    for rival in args.rivals.split(","):
        ours = Side("athanor", [args.athanor, "bench", "rqa", "--serve", "one", "--series", series, "--m", 2, "--tau", 1,
                                "--eps", 0.06, "--lmin", 2, "--preset", rival, "--norm", NORMS[rival], "--vertical"])
        compare(f"rqa/one/{rows}", "fp64", 1, args.rounds, ours, [rival_side(args, rival, series, 2, 1, 0.06)])


def whole_grid(args, scratch):
    series, rng = make_series(args, 5000, scratch), random.Random(1)
    ours = Side("athanor", [args.athanor, "bench", "rqa", "--serve", "grid_1d", "--series", series, "--preset", "pyrqa"])
    rounds = [ours.round() for _ in range(args.rounds)]
    times = []
    for _ in range(6):
        m, tau = rng.randint(1, 10), rng.randint(1, 10)
        for eps in rng.sample([k / 1000 for k in range(50, 101)], 3):
            side = rival_side(args, "pyrqa", series, m, tau, eps)
            times.append(side.round())
            side.close()
            rounds.append(ours.round())
    ours.close()
    median, theirs = statistics.median(rounds), statistics.mean(times) * 91 * 51
    print(json.dumps({"name": "rqa/grid_1d/5000", "threads": 1, "rounds_ms": rounds, "median_ms": median,
                      "compared_with": [{"name": "PyRQA, 91 x 51 times the mean of a sample", "sample_ms": times,
                                         "ms": theirs, "times_faster": round(theirs / median)}]}), flush=True)
    print(f"rqa/grid_1d/5000: {median:.1f} ms, {theirs / median:.0f} times faster than PyRQA ({theirs / 1000:.0f} s by a "
          f"sample of {len(times)})", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("athanor")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--sizes", default="1000,5000,20000")
    parser.add_argument("--rivals", default=",".join(NORMS))
    parser.add_argument("--grid", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for rows in map(int, args.sizes.split(",")):
            one_combination(args, rows, pathlib.Path(scratch))
        if args.grid:
            whole_grid(args, pathlib.Path(scratch))


if __name__ == "__main__":
    main()
