"""Writes tests/trainers/evaluators/metrics_golden.json: what scikit-learn says of small random predictions.

    python3 -m venv venv && venv/bin/pip install scikit-learn==1.7.2 numpy==2.4.6
    venv/bin/python scripts/golden/make_metrics.py
"""
import json
import warnings
from pathlib import Path

import numpy as np
import sklearn
from sklearn import metrics

SEED = 20240611
OUTPUT = Path(__file__).resolve().parents[2] / "tests/trainers/evaluators/metrics_golden.json"


def classification_case(name, logits, truth):
    """What scikit-learn says of rows of logits against classes."""
    logits = np.asarray(logits, dtype=np.float32)
    guess = logits.argmax(1)
    shifted = logits.astype(np.float64) - logits.max(1, keepdims=True)
    probabilities = np.exp(shifted) / np.exp(shifted).sum(1, keepdims=True)
    labels = list(range(logits.shape[1]))
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        truth, guess, labels=labels, zero_division=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # classes that do not occur
        balanced_accuracy = metrics.balanced_accuracy_score(truth, guess)
    return {
        "name": name,
        "logits": [[float(value) for value in row] for row in logits],
        "truth": [int(label) for label in truth],
        "accuracy": metrics.accuracy_score(truth, guess),
        "balanced_accuracy": balanced_accuracy,
        "macro_f1": metrics.f1_score(truth, guess, average="macro", zero_division=0),
        "mcc": metrics.matthews_corrcoef(truth, guess),
        "log_loss": metrics.log_loss(truth, probabilities, labels=labels),
        "confusion": metrics.confusion_matrix(truth, guess, labels=labels).tolist(),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
    }


def regression_case(truth, said):
    return {
        "truth": [float(value) for value in truth],
        "said": [float(value) for value in said],
        "mse": metrics.mean_squared_error(truth, said),
        "mae": metrics.mean_absolute_error(truth, said),
        "r2": metrics.r2_score(truth, said),
    }


def main():
    rng = np.random.default_rng(SEED)

    def logits(samples):
        return rng.normal(size=(samples, 3)).round(4)

    cases = [
        classification_case("three classes", logits(60), rng.integers(0, 3, 60)),
        classification_case("rare classes", logits(60), rng.choice(3, 60, p=[0.05, 0.9, 0.05])),
        classification_case("a class that never occurs", logits(40), rng.choice([0, 2], 40)),
        classification_case("a class that is never predicted", logits(40) - [0, 50, 0], rng.integers(0, 3, 40)),
        classification_case("always the same", np.tile([0.0, 1.0, 0.0], (30, 1)), rng.integers(0, 3, 30)),
        classification_case("all right", np.eye(3)[[0, 1, 2, 2, 1]] * 4, np.array([0, 1, 2, 2, 1])),
    ]
    truth = rng.gamma(2.0, 3.0, 50).astype(np.float32)
    said = (truth + rng.normal(size=50)).astype(np.float32)
    golden = {
        "made_by": f"scripts/golden/make_metrics.py, scikit-learn {sklearn.__version__}, numpy {np.__version__}",
        "seed": SEED,
        "classification": cases,
        "regression": regression_case(truth.astype(np.float64), said.astype(np.float64)),
    }
    OUTPUT.write_text(json.dumps(golden) + "\n")
    print(f"{OUTPUT}: {OUTPUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
