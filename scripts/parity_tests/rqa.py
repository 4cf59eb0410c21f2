"""Recurrence analysis beside PyRQA, AccRQA and pyunicorn on their presets, and its group tests beside SciPy and statsmodels.

Line counts must be equal where the rival tells them, metrics within the rival's own precision. Where the rival gives 0
or infinity without a line or a recurrent cell, the program says null (scripts/rivals/rqa.py). Group tests: a made study
is swept, and every tested column of the report's table is computed again from the sweep's file.
"""
import csv
import itertools
import json
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import h5py
import numpy as np
from scipy import stats
from statsmodels.stats.meta_analysis import effectsize_smd
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.oneway import anova_oneway

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "scripts/rivals"))
import rqa  # noqa: E402

PROGRAM = os.environ.get("ATHANOR", REPOSITORY / "build/athanor")
SEED = 4
GRID = ["--m", "1:3", "--tau", "1:2", "--eps", "0.002,0.05,0.1", "--lmin", "2:3"]
failures = []


def athanor(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"athanor {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


def check(what, good, detail):
    print(f"{'ok  ' if good else 'FAIL'} {what}: {detail}")
    if not good:
        failures.append(what)


def ask_athanor(folder, rival, series, m, tau, eps, lmin, norm):
    recording, counts = folder / "recording.csv", folder / "counts.json"
    columns = zip(series[0], series[-1])
    recording.write_text("x,y\n" + "".join(f"{x!r},{y!r}\n" for x, y in ((float(x), float(y)) for x, y in columns)))
    analysis = "1d_x" if len(series) == 1 else "2d"
    answer = json.loads(athanor("rqa", "one", recording, "--m", m, "--tau", tau, "--eps", repr(float(eps)), "--lmin", lmin,
                                "--preset", rival, "--norm", norm, "--json", "--histograms", counts))[analysis]
    lines = json.loads(counts.read_text())[analysis]
    answer["diagonal_lines"] = {length: 2 * count for length, count in lines["diagonal_lines"]}
    answer["vertical_lines"] = dict(map(tuple, lines["vertical_lines"]))
    return answer


def compare_rival(rival, folder):
    asked = numbers = counts = 0
    worst, wrong = 0.0, []
    for name, *question in rqa.questions(rival, SEED):
        theirs, ours = rqa.ask(rival, *question), ask_athanor(folder, rival, *question)
        asked += 1
        for metric, value in theirs.items():
            if isinstance(value, dict):
                counts += 1
                good = ours[metric] == value
            elif value is None or ours[metric] is None:
                good = value is ours[metric]
            else:
                numbers += 1
                apart = abs(ours[metric] - value) / max(1.0, abs(value))
                worst, good = max(worst, apart), apart <= rqa.TOLERANCES[rival]
            if not good:
                wrong.append(f"{name}: {metric} {ours[metric]}, not {value}")
    assert asked >= 20 and numbers >= 150, f"{rival}: too little was compared"
    check(f"{rival}, {asked} series, {numbers} metrics and {counts} histograms", not wrong,
          wrong[0] if wrong else f"largest relative difference {worst:.1e}")


def subject_means(sweep, analysis, metric_index):
    """-> values [subject, m, tau, eps, l_min] and the subjects' groups."""
    subjects, groups = (np.array([each.decode() for each in sweep[name][:]]) for name in ("subject", "group"))
    groups = dict(zip(subjects, groups))
    names = sorted(groups)
    values = sweep[analysis][..., metric_index]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.stack([np.nanmean(values[subjects == name], axis=0) for name in names]), [groups[name] for name in names]


def compare_statistics(folder):
    athanor("rqa", "synth", "--output", folder / "study")
    athanor("rqa", "sweep", "--input", folder / "study", "--output", folder / "swept", *GRID)
    athanor("rqa", "report", folder / "swept", "--output", folder / "report.html", "--table", folder / "table.csv",
            "--permutations", 20)
    rows = list(csv.DictReader((folder / "table.csv").open()))
    order, worst = ["control", "mci", "ad"], {}
    def apart(what, ours, theirs):
        worst[what] = max(worst.get(what, 0), abs(float(ours) - theirs) / max(abs(theirs), 1e-300))
    with h5py.File(folder / "swept" / "sweep.h5") as sweep:
        axes = {name: sweep[name][:].tolist() for name in ("m", "tau", "eps", "l_min")}
        metrics = [each.decode() for each in sweep["metric"][:]]
        means = {}
        for row in rows:
            key = (row["analysis"], row["metric"])
            if key not in means:
                means[key] = subject_means(sweep, key[0], metrics.index(key[1]))
            values, groups = means[key]
            place = tuple(axis.index(float(row[name.replace("_", "")])) for name, axis in axes.items())
            column = values[(slice(None), *place)]
            parts = [column[[g == name for g in groups]] for name in order]
            h, p = stats.kruskal(*parts)
            apart("H", row["H"], h), apart("p", row["p"], p)
            welch = anova_oneway(parts, use_var="unequal", welch_correction=True)
            apart("Welch F", row["welch_F"], welch.statistic), apart("Welch p", row["welch_p"], welch.pvalue)
            for a, b in itertools.combinations(range(3), 2):
                one, two = parts[b], parts[a]
                g, variance = effectsize_smd(one.mean(), one.std(ddof=1), len(one), two.mean(), two.std(ddof=1), len(two))
                pair = f"{order[b]}-{order[a]}"
                error = max(abs(float(row[f"g {pair}"]) - g),
                            abs(float(row[f"low {pair}"]) - (g - stats.norm.ppf(0.975) * np.sqrt(variance))))
                worst["Hedges g"] = max(worst.get("Hedges g", 0), error)
    q = multipletests([float(row["p"]) for row in rows], method="fdr_bh")[1]
    for row, theirs in zip(rows, q):
        apart("q", row["q"], theirs)
    assert len(rows) > 100, "too few columns tested"
    for what, difference in worst.items():
        check(f"{what} of {len(rows)} columns", difference < 1e-8, f"largest difference {difference:.1e}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        for rival in rqa.ASK:
            compare_rival(rival, Path(folder))
        compare_statistics(Path(folder))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
