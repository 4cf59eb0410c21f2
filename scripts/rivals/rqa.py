"""What PyRQA, AccRQA and pyunicorn answer for one series, under the names of `athanor rqa one`, and series to ask about.

All in float64 where the rival can: pyunicorn rounds what it is given to float32, so every series here survives that.
None stands where a rival answers without a meaning: PyRQA says 0 for ENT and infinity for DIV without a line, AccRQA 0
or -0 for ENT, pyunicorn 0 (a number over 1e-8) for DET, LAM, L, TT and ENT.
"""
import os
import warnings

import numpy as np

os.environ.setdefault("PYOPENCL_CTX", "0")
os.environ.setdefault("PYOPENCL_COMPILER_OUTPUT", "0")
warnings.filterwarnings("ignore")

NORMS = {"pyrqa": ("L1", "L2", "Linf"), "accrqa": ("L2", "Linf"), "pyunicorn": ("L1", "L2", "Linf")}
DIMENSIONS = {"pyrqa": (1, 2), "accrqa": (1,), "pyunicorn": (1, 2)}  # of the series: AccRQA takes scalars alone
TOLERANCES = {"pyrqa": 1e-6, "accrqa": 1e-12, "pyunicorn": 1e-7}  # relative: float32, float64, 1e-8 in denominators


def delay_vectors(series, m, tau):
    """series [C,N] -> [M, m*C]: at each delay the coordinates, the order in which distances are summed."""
    count = series.shape[1] - (m - 1) * tau
    return np.stack([coordinate[d * tau:d * tau + count] for d in range(m) for coordinate in series], axis=1)


def _histogram(counts):
    return {int(length) + 1: int(counts[length]) for length in np.flatnonzero(counts)}


def ask_pyrqa(series, m, tau, eps, lmin, norm):
    from pyrqa.analysis_type import Classic
    from pyrqa.computation import RQAComputation
    from pyrqa.metric import EuclideanMetric, MaximumMetric, TaxicabMetric
    from pyrqa.neighbourhood import FixedRadius
    from pyrqa.settings import Settings
    from pyrqa.time_series import EmbeddedSeries
    measure = {"L1": TaxicabMetric, "L2": EuclideanMetric, "Linf": MaximumMetric}[norm]
    vectors = EmbeddedSeries(delay_vectors(series, m, tau), dtype=np.float64)
    settings = Settings(vectors, analysis_type=Classic, neighbourhood=FixedRadius(eps), similarity_measure=measure)
    result = RQAComputation.create(settings, verbose=False, variants_kwargs={"optimisations_enabled": True}).run()
    result.min_diagonal_line_length = result.min_vertical_line_length = lmin
    lines = result.number_of_diagonal_lines(lmin) > 0
    longest = int(result.longest_diagonal_line)
    return {
        "RR": result.recurrence_rate, "DET": result.determinism, "L": result.average_diagonal_line, "L_max": longest,
        "DIV": result.divergence if longest else None, "ENT": result.entropy_diagonal_lines if lines else None,
        "LAM": result.laminarity, "TT": result.trapping_time, "V_max": int(result.longest_vertical_line),
        "ratio": result.ratio_determinism_recurrence_rate,
        "diagonal_lines": _histogram(result.diagonal_frequency_distribution),
        "vertical_lines": _histogram(result.vertical_frequency_distribution),
    }


def ask_accrqa(series, m, tau, eps, lmin, norm):
    import accrqa
    def one(kind):
        return kind(np.ascontiguousarray(series[0]), np.array([tau], np.intc), np.array([m], np.intc),
                    np.array([lmin], np.intc), np.array([eps]),
                    accrqa.accrqaDistance({"L2": "euclidean", "Linf": "maximal"}[norm]), True,
                    accrqa.accrqaCompPlatform("cpu"), tidy_data=False).ravel()
    determinism, length, longest, entropy, rate = one(accrqa.DET)
    laminarity, trapping, vertical, _, _ = one(accrqa.LAM)
    return {"RR": rate, "DET": determinism, "L": length, "L_max": longest, "ENT": entropy,
            "LAM": laminarity, "TT": trapping, "V_max": vertical}


def ask_pyunicorn(series, m, tau, eps, lmin, norm):
    from pyunicorn.timeseries import RecurrencePlot
    plot = RecurrencePlot(delay_vectors(series, m, tau), threshold=eps, silence_level=3,
                          metric={"L1": "manhattan", "L2": "euclidean", "Linf": "supremum"}[norm])
    diagonal, vertical = plot.diagline_dist(), plot.vertline_dist()
    lines, trapped = diagonal[lmin - 1:].sum() > 0, vertical[lmin - 1:].sum() > 0
    return {
        "RR": plot.recurrence_rate(), "DET": plot.determinism(lmin) if diagonal.sum() else None,
        "L": plot.average_diaglength(lmin) if lines else None, "L_max": int(plot.max_diaglength()),
        "ENT": plot.diag_entropy(lmin) if lines else None,
        "LAM": plot.laminarity(lmin), "TT": plot.trapping_time(lmin) if trapped else None,
        "V_max": int(plot.max_vertlength()),
        "diagonal_lines": _histogram(diagonal), "vertical_lines": _histogram(vertical),
    }


ASK = {"pyrqa": ask_pyrqa, "accrqa": ask_accrqa, "pyunicorn": ask_pyunicorn}


def ask(rival, series, m, tau, eps, lmin, norm):
    """-> {metric: float or None} and, of those that tell, {"diagonal_lines": {length: count}, "vertical_lines": …}."""
    answer = ASK[rival](np.asarray(series, np.float64), m, tau, eps, lmin, norm)
    def number(value):
        return None if value is None or not np.isfinite(value) else float(value)
    return {name: value if isinstance(value, dict) else number(value) for name, value in answer.items()}


def _gaze(rng, count):
    """Fixations with jitter, jumps between them."""
    positions, at = [], rng.random(2)
    while len(positions) < count:
        positions += [at + rng.normal(0, 0.01, 2) for _ in range(rng.integers(4, 15))]
        at = rng.random(2)
    return np.array(positions[:count]).T


def series_to_ask(seed):
    """-> [(name, series [2,N], eps)]: random, gaze-like, with distances exactly on eps, without recurrences, constant."""
    rng, out = np.random.default_rng(seed), []
    for k in range(6):
        out.append((f"random {k}", rng.random((2, int(rng.integers(12, 60)))), float(rng.uniform(0.05, 0.6))))
    for k in range(6):
        out.append((f"gaze {k}", _gaze(rng, int(rng.integers(30, 90))), float(rng.uniform(0.02, 0.1))))
    for k in range(8):
        series = rng.integers(0, 16, (2, int(rng.integers(10, 50)))) / 64
        out.append((f"ties {k}", series, float(rng.integers(1, 20)) / 64))
    out.append(("pythagorean ties", rng.integers(0, 6, (2, 40)) / 16, 5 / 16))
    out.append(("no recurrences", np.stack([2.0 ** np.arange(12), 3.0 ** np.arange(12)]), 0.25))
    out.append(("single recurrences", np.array([[0, 10, 20, 10, 80, 160, 300.0]] * 2), 0.5))
    out.append(("alternating", np.array([[0, 1.0] * 10] * 2), 0.5))
    out.append(("constant but for its end", np.array([[1.0] * 14 + [9.0]] * 2), 0.5))
    return [(name, series.astype(np.float32).astype(np.float64), eps) for name, series, eps in out]


def questions(rival, seed):
    """-> (name, series [C,N], m, tau, eps, lmin, norm) for every series that the rival can be asked about."""
    rng = np.random.default_rng(seed)
    for name, series, eps in series_to_ask(seed):
        for dimensions in DIMENSIONS[rival]:
            norm = NORMS[rival][int(rng.integers(len(NORMS[rival])))]
            m, tau, lmin = (int(rng.integers(1, high)) for high in (4, 4, 5))
            tau = min(tau, (series.shape[1] - 4) // m)  # some vectors remain
            yield f"{name}, {dimensions}D", series[:dimensions], m, tau, eps, lmin, norm
