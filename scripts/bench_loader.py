#!/usr/bin/env python3
"""The chunk loader beside its rivals: all processes warm, rounds alternating, every round printed.

bench_loader.py ATHANOR [--python PYTHON] [--folder DIR] [--samples 4000] [--small-samples 20000]
                [--gzip-samples 1000] [--rounds 6]
PYTHON has torch and h5py (scripts/requirements/rivals.txt). One JSON object a measurement on stdout, a line for people
on stderr. A round is one epoch over the file; scripts/rivals/loader.py says how a batch is used. Threads are those that
read and inflate: athanor's 1 beside DataLoader without workers and the seed's loader, athanor's 2 beside 2 workers.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


class Side:
    """A process that answers "round" with its milliseconds."""

    def __init__(self, name, threads, command):
        self.name, self.threads, self.rounds, self.peak_mib = name, threads, [], None
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ready = self.process.stdout.readline().strip()
        if not self.ready.startswith("ready"):
            sys.exit(f"{name} did not start: {' '.join(map(str, command))}")
        self.total = self.round()  # warm

    def round(self):
        self.process.stdin.write("round\n")
        self.process.stdin.flush()
        words = self.process.stdout.readline().split()
        if len(words) < 2:
            sys.exit(f"{self.name} ended in the middle of a round")
        self.last_ms = float(words[0])
        if len(words) > 2:
            self.peak_mib = float(words[2])
        return float(words[1])

    def measured_round(self):
        total = self.round()
        if abs(total - self.total) > 1e-3 * max(1.0, abs(self.total)):
            sys.exit(f"{self.name}: the sums of two rounds differ: {total}, {self.total}")
        self.rounds.append(round(self.last_ms, 1))

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def median(self):
        return statistics.median(self.rounds)


def compare(name, shape, rounds, ours, rivals):
    sides = [ours, *rivals]
    for side in sides[1:]:
        if abs(side.total - ours.total) > 1e-3 * max(1.0, abs(ours.total)):
            sys.exit(f"{side.name} and {ours.name} did not read the same: {side.total}, {ours.total}")
    for _ in range(rounds):
        for side in sides:
            side.measured_round()
    for side in sides:
        side.close()
    samples = int(ours.ready.split()[1])
    result = {"name": name, "shape": shape, "threads": ours.threads, "precision": "fp32", "rounds_ms": ours.rounds,
              "median_ms": ours.median(), "samples_per_s": round(samples / ours.median() * 1e3),
              "side": ours.name, "setting": ours.ready.removeprefix("ready "), "compared_with": []}
    if ours.peak_mib is not None:
        result["peak_mib"] = ours.peak_mib
    for side in rivals:
        result["compared_with"].append({"name": side.name, "threads": side.threads, "rounds_ms": side.rounds,
                                        "median_ms": side.median(),
                                        "times_faster": round(side.median() / ours.median(), 2)})
    print(json.dumps(result), flush=True)
    for rival in result["compared_with"]:
        print(f"{name}: {result['median_ms']:.0f} ms, {rival['times_faster']:.2f} times faster than {rival['name']} "
              f"({rival['median_ms']:.0f} ms)", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("athanor")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--folder")
    parser.add_argument("--samples", type=int, default=4000)
    parser.add_argument("--gzip-samples", type=int, default=1000)
    parser.add_argument("--small-samples", type=int, default=20000)
    parser.add_argument("--rounds", type=int, default=6)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(args.folder or temporary)
        if not (folder / "gzip.h5").exists():
            subprocess.run([args.athanor, "bench", "loader", "--make-data", folder, "--samples", str(args.samples),
                            "--gzip-samples", str(args.gzip_samples), "--small-samples", str(args.small_samples)],
                           check=True)
        if not (folder / "windows.h5").exists():
            make_windows(args.athanor, folder)
        run_all(args, folder)


def make_windows(athanor, folder):
    """Made bars in both layouts: windows.h5 (stored) and bars.h5 (cut on the fly)."""
    quiet = {"check": True, "stdout": subprocess.DEVNULL}
    subprocess.run([athanor, "synth", "bars", "--output", folder / "M1.csv", "--minutes", "60000"], **quiet)
    for layout in ("windows", "bars"):
        subprocess.run([athanor, "prepare", "bars", "--input", folder / "M1.csv", "--output", folder / f"{layout}.h5",
                        "--layout", layout], **quiet)


def window_shape(path):
    return f"training split of {path.name}: M1 480, M5 288, M15 192, H1 96, H4 48 bars"


def run_all(args, folder):
    plain, small, gzip, windows, bars = (folder / f"{name}.h5" for name in
                                         ("contiguous", "small", "gzip", "windows", "bars"))
    shapes = {plain: f"{args.samples}x360x167", small: f"{args.small_samples}x96x18",
              gzip: f"{args.gzip_samples}x360x167"}

    def ours(path, threads, order, *more):
        command = [args.athanor, "bench", "loader", "--serve", path, "--threads", str(threads), "--order", order, *more]
        return Side(f"athanor, {order}", threads, list(map(str, command)))

    def rival(path, mode, threads, *more):
        workers = 0 if threads == 1 else threads
        command = [args.python, HERE / "rivals/loader.py", path, mode, "--workers", str(workers), *more]
        label = {"naive": "h5py + DataLoader", "tuned": "h5py + DataLoader, tuned",
                 "seed": "the seed's ChunkDataLoader"}[mode]
        setting = ", ".join([f"{workers} workers" if mode != "seed" else "in order", *more])
        return Side(f"{label} ({setting})", threads, list(map(str, command)))

    for path, kind in ((plain, "contiguous"), (small, "small")):
        compare(f"loader/{kind}/random/1_thread", shapes[path], args.rounds, ours(path, 1, "shuffled"),
                [rival(path, "naive", 1), rival(path, "tuned", 1)])
        compare(f"loader/{kind}/random/2_threads", shapes[path], args.rounds, ours(path, 2, "shuffled"),
                [rival(path, "naive", 2), rival(path, "tuned", 2)])
    more = ["--dataset", "windows"]
    for threads in (1, 2):
        compare(f"loader/windows/random/{threads}_thread{'s' * (threads - 1)}", window_shape(windows), args.rounds,
                ours(windows, threads, "shuffled", *more), [rival(windows, "naive", threads),
                                                            rival(windows, "tuned", threads)])
    cut = ours(bars, 2, "shuffled", "--dataset", "bars")
    stored = ours(windows, 2, "shuffled", *more)
    cut.name, stored.name = (f"windows {how}, {path.stat().st_size / 2**20:.1f} MiB"
                             for how, path in (("cut on the fly", bars), ("stored", windows)))
    compare("loader/windows_on_the_fly", window_shape(windows), args.rounds, cut, [stored])
    # A split that fits one chunk and keeps its order would be read once for all epochs.
    quarter_gb = min(0.25, plain.stat().st_size / 4 / 2**30)
    compare("loader/contiguous/in_order/1_thread", shapes[plain], args.rounds,
            ours(plain, 1, "sequential", "--chunk-gb", f"{quarter_gb:.4f}"),
            [rival(plain, "seed", 1), rival(plain, "seed", 1, "--chunk-gb", f"{quarter_gb:.4f}")])
    compare("loader/gzip/random/1_thread", shapes[gzip], args.rounds, ours(gzip, 1, "shuffled"),
            [rival(gzip, "seed", 1)])
    compare("loader/gzip/random/2_threads", shapes[gzip], args.rounds, ours(gzip, 2, "shuffled"),
            [ours(gzip, 1, "shuffled")])


if __name__ == "__main__":
    main()
