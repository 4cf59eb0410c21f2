#!/usr/bin/env python3
"""Training steps beside PyTorch's: all processes warm, rounds alternating, every round printed.

bench_train.py ATHANOR [--python PYTHON] [--rounds 6] [--threads 2] [--cases lstm,attention,faces,tiny] [--skip-plain]
PYTHON has torch (scripts/requirements/rivals.txt). One JSON object a measurement on stdout; a line for people on
stderr. A round is one step of the LSTMs and of MicroSegFormer (four faces of 512 x 512 pixels), 2000 of the tiny
model; figures are milliseconds a step. Rivals: eager PyTorch `plain` and `tuned` (see scripts/rivals/train_step.py;
tuned also keeps freed memory, as the program does), for the tiny model also a bare LibTorch loop.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
SHAPES = {"tiny": ["--batch", "64", "--steps", "2000"], "faces": ["--batch", "4", "--size", "512"]}


# What the program tells the C library and LibTorch of itself (src/core/memory.h): freed memory is kept, in huge pages.
KEPT_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "2147483647", "MALLOC_TOP_PAD_": "67108864",
               "THP_MEM_ALLOC_ENABLE": "1"}


class Side:
    """A process that answers "round" with its milliseconds a step."""

    def __init__(self, name, command, environment=None):
        self.name, self.rounds = name, []
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env={**os.environ, **(environment or {})})
        self.ready = self.process.stdout.readline().strip()
        if not self.ready.startswith("ready"):
            sys.exit(f"{name} did not start: {' '.join(map(str, command))}")
        self.round()  # warm

    def round(self):
        self.process.stdin.write("round\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"{self.name} ended in the middle of a round")
        return float(answer)

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def median(self):
        return statistics.median(self.rounds)


def compare(name, precision, threads, rounds, ours, rivals):
    sides = [ours, *rivals]
    for number in range(rounds):
        for side in sides:
            side.rounds.append(round(side.round(), 4))
        times = ", ".join(f"{side.name} {side.rounds[-1]:.3f}" for side in sides)
        print(f"{name} {precision} round {number + 1}: {times} ms", file=sys.stderr)
    for side in sides:
        side.close()
    compared = [{"name": side.name, "rounds_ms": side.rounds, "median_ms": side.median(),
                 "times_faster": round(side.median() / ours.median(), 2)} for side in rivals]
    print(json.dumps({"name": name, "shape": ours.ready.removeprefix("ready "), "threads": threads,
                      "precision": precision, "rounds_ms": ours.rounds, "median_ms": ours.median(),
                      "compared_with": compared}), flush=True)
    for rival in compared:
        print(f"{name} {precision}: {ours.median():.3f} ms a step, {rival['times_faster']:.2f} times faster than "
              f"{rival['name']} ({rival['median_ms']:.3f} ms)", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("athanor")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cases", default="lstm,attention,faces,tiny")
    parser.add_argument("--precisions", default="fp32,bf16")
    parser.add_argument("--skip-plain", action="store_true", help="without the plain LSTMs, which take minutes")
    args = parser.parse_args()
    for case in args.cases.split(","):
        for precision in ["fp32"] if case == "tiny" else args.precisions.split(","):
            run_case(args, case, precision)


def run_case(args, case, precision):
    common = ["--threads", args.threads, "--precision", precision, *SHAPES.get(case, [])]

    def ours(side, name):
        return Side(name, [args.athanor, "bench", "train", "--case", case, "--serve", side, *common])

    def pytorch(mode):
        return Side(f"eager PyTorch, {mode}", [args.python, HERE / "rivals/train_step.py", case, mode, *common],
                    KEPT_MEMORY if mode == "tuned" else None)

    rivals = [pytorch("tuned")]
    if case in SHAPES or not args.skip_plain:
        rivals.append(pytorch("plain"))
    if case == "tiny":
        rivals.append(ours("bare", "bare LibTorch loop"))
    compare(f"train_step/{case}", precision, args.threads, args.rounds, ours("trainer", "athanor"), rivals)


if __name__ == "__main__":
    main()
