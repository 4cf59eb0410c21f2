"""Writes tests/trainers/evaluators/masks_golden.json: what scikit-learn says of small random masks.

    python3 -m venv venv && venv/bin/pip install scikit-learn==1.9.1
    venv/bin/python scripts/golden/make_mask_metrics.py
"""
import json
from pathlib import Path

import numpy as np
import sklearn
from sklearn import metrics

SEED, IGNORE, SIZE = 20240612, 255, (4, 6, 5)
OUTPUT = Path(__file__).resolve().parents[2] / "tests/trainers/evaluators/masks_golden.json"


def f_score(truth, guess):
    """The mean F1 over the classes that occur."""
    return metrics.f1_score(truth, guess, labels=np.unique(truth), average="macro", zero_division=0)


def case(name, truth, guess, classes):
    counted = truth != IGNORE
    said, right = guess[counted], truth[counted]
    labels = list(range(classes))
    return {
        "name": name, "classes": classes, "truth": truth.ravel().tolist(), "guess": guess.ravel().tolist(),
        "miou": metrics.jaccard_score(right, said, average="macro", zero_division=0),
        "f_score": f_score(right, said),
        "f_score_per_image": float(np.mean([f_score(t[t != IGNORE], g[t != IGNORE])
                                            for t, g in zip(truth, guess) if (t != IGNORE).any()])),
        "pixel_accuracy": metrics.accuracy_score(right, said),
        "iou": metrics.jaccard_score(right, said, labels=labels, average=None, zero_division=0).tolist(),
        "background_miou": metrics.jaccard_score(right, np.zeros_like(right), average="macro", zero_division=0),
        "confusion": metrics.confusion_matrix(right, said, labels=labels).tolist(),
    }


def main():
    rng = np.random.default_rng(SEED)
    truth, guess = rng.integers(0, 4, SIZE), rng.integers(0, 4, SIZE)
    right = np.where(rng.random(SIZE) < 0.7, truth, guess)
    some_ignored, one_ignored = truth.copy(), truth.copy()
    some_ignored[:, 2:4] = IGNORE
    one_ignored[1] = IGNORE
    cases = [
        case("four classes", truth, guess, 4),
        case("mostly right", truth, right, 4),
        case("a class that never occurs nor is predicted", truth, right, 6),
        case("a class that is predicted but never occurs", truth, np.where(rng.random(SIZE) < 0.1, 5, right), 6),
        case("a class that occurs in some images only", np.where(np.arange(4)[:, None, None] < 2, 4, truth), right, 5),
        case("ignored pixels", some_ignored, right, 4),
        case("an ignored image", one_ignored, right, 4),
        case("all right", truth, truth, 4),
    ]
    OUTPUT.write_text(json.dumps({"made_by": f"scripts/golden/make_mask_metrics.py, scikit-learn {sklearn.__version__}",
                                  "seed": SEED, "size": SIZE, "cases": cases}) + "\n")
    print(f"{OUTPUT}: {OUTPUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
