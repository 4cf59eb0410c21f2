"""Writes tests/rqa/golden/statistics.json: what SciPy and statsmodels say of small made columns.

    (. scripts/common.sh; need_rqa_rivals; "$rqa_python" scripts/golden/make_rqa_statistics.py)
"""
import itertools
import json
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
from scipy import stats
from statsmodels.stats.meta_analysis import effectsize_smd
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.oneway import anova_oneway

SEED = 20262
OUTPUT = Path(__file__).resolve().parents[2] / "tests/rqa/golden/statistics.json"
warnings.filterwarnings("ignore")


def split(values, groups):
    return [values[groups == g] for g in range(groups.max() + 1)]


def column(name, values, groups):
    parts = split(values, groups)
    h, p = stats.kruskal(*parts)
    welch = anova_oneway(parts, use_var="unequal", welch_correction=True)
    effects = []
    for a, b in itertools.combinations(range(len(parts)), 2):
        one, two = parts[a], parts[b]
        g, variance = effectsize_smd(one.mean(), one.std(ddof=1), len(one), two.mean(), two.std(ddof=1), len(two))
        reach = stats.norm.ppf(0.975) * np.sqrt(variance)
        effects.append([a, b, g, variance, g - reach, g + reach])
    return {"name": name, "values": values.tolist(), "groups": groups.tolist(), "h": h, "p": p,
            "welch": [welch.statistic, welch.df[0], welch.df[1], welch.pvalue], "effects": effects}


def columns(rng):
    sizes = {"21 20 20": [21, 20, 20], "two groups": [9, 14], "five groups": [4, 7, 5, 6, 8], "small": [3, 2, 4]}
    for name, size in sizes.items():
        groups = np.repeat(np.arange(len(size)), size)
        rng.shuffle(groups)
        noise = rng.normal(size=len(groups))
        yield column(f"{name}, no difference", noise, groups)
        yield column(f"{name}, a difference", noise + 0.8 * groups, groups)
        yield column(f"{name}, a large difference", noise * (1 + groups) + 40 * groups, groups)
        yield column(f"{name}, many ties", np.round(noise * 1.5 + groups), groups)
        yield column(f"{name}, far from zero", 1e6 + noise * 1e-2, groups)


def max_t(rng):
    """H of every column under every order of the labels, by scipy.stats.kruskal; the largest and the adjusted p."""
    groups = np.repeat(np.arange(3), [6, 5, 7])
    values = rng.normal(size=(8, len(groups)))
    values[0] += 1.6 * groups
    values[1] += 0.7 * groups
    values[2] = np.round(values[2])
    orders = [rng.permutation(len(groups)) for _ in range(60)]
    h = np.array([[stats.kruskal(*split(v, groups[order])).statistic for v in values] for order in orders])
    observed = np.array([stats.kruskal(*split(v, groups)).statistic for v in values])
    largest = h.max(axis=1)
    adjusted = [(1 + (largest >= o - 1e-9).sum()) / (1 + len(orders)) for o in observed]
    return {"groups": groups.tolist(), "values": values.tolist(), "orders": [o.tolist() for o in orders],
            "largest": largest.tolist(), "adjusted": adjusted}


def main():
    rng = np.random.default_rng(SEED)
    tails = [[float(x), float(df), stats.chi2.sf(x, df)] for df in (1, 2, 3, 7, 40)
             for x in (0.01, 0.5, 2, df, df + 1.0, 3 * df + 8, 55, 60)]
    f_tails = [[x, a, b, stats.f.sf(x, a, b)] for a in (1.0, 2.0, 4.0, 9.5) for b in (2.7, 11.3, 38.9, 250.0)
               for x in (0.01, 0.4, 1.0, 1.7, 6.0, 21.0, 40.0)]
    p = np.concatenate([rng.random(20), rng.random(10) * 1e-4, [0.3, 0.3, 0.3, 1.0, 0.0]])
    golden = {"made_by": "scripts/golden/make_rqa_statistics.py", "seed": SEED,
              "programs": {name: version(name) for name in ("numpy", "scipy", "statsmodels")},
              "chi_squared_upper": tails, "f_upper": f_tails, "columns": list(columns(rng)),
              "p": p.tolist(), "q": multipletests(p, method="fdr_bh")[1].tolist(), "max_t": max_t(rng)}
    OUTPUT.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(f"{OUTPUT}: {OUTPUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
