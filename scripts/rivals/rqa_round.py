#!/usr/bin/env python3
"""A round of recurrence analysis for each line on stdin: rqa_round.py RIVAL SERIES.csv THREADS NORM M TAU EPS LMIN

RIVAL: pyrqa (optimised kernels, no materialised matrix), accrqa or pyunicorn (scripts/rivals/rqa.py), on the column x of
SERIES; every metric that it knows of the one combination. Prints "ready", then each round's milliseconds.
"""
import contextlib
import os
import sys
import time

rival, path, threads, norm = sys.argv[1:5]
os.environ.update({"OMP_NUM_THREADS": threads, "POCL_MAX_PTHREAD_COUNT": threads, "POCL_CPU_MAX_CU_COUNT": threads})

import numpy  # noqa: E402
import rqa  # noqa: E402

m, tau, lmin = (int(sys.argv[k]) for k in (5, 6, 8))
eps = float(sys.argv[7])
series = numpy.loadtxt(path, delimiter=",", skiprows=1, usecols=0)[None, :]


def run():
    return rqa.ask(rival, series, m, tau, eps, lmin, norm)


with contextlib.redirect_stdout(sys.stderr):  # pyunicorn talks when it is imported
    answer = run()
print("ready RR", answer["RR"], "DET", answer["DET"], flush=True)
for _ in sys.stdin:
    start = time.perf_counter()
    run()
    print((time.perf_counter() - start) * 1000, flush=True)
