"""Writes tests/rqa/golden/rivals.json: what PyRQA, AccRQA and pyunicorn answer for small series, with ties on eps.

    (. scripts/common.sh; need_rqa_rivals; "$rqa_python" scripts/golden/make_rqa_rivals.py)
"""
import json
import sys
from importlib.metadata import version
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "scripts/rivals"))
import rqa  # noqa: E402

SEED = 20261
OUTPUT = REPOSITORY / "tests/rqa/golden/rivals.json"


def case(rival, name, series, m, tau, eps, lmin, norm):
    answer = rqa.ask(rival, series, m, tau, eps, lmin, norm)
    lines = {kind: [[length, count] for length, count in answer.pop(kind).items()]
             for kind in ("diagonal_lines", "vertical_lines") if kind in answer}
    return {"rival": rival, "name": name, "series": series.tolist(), "m": m, "tau": tau, "eps": eps, "lmin": lmin,
            "norm": norm, "metrics": answer, **lines}


def main():
    cases = [case(rival, *question) for rival in rqa.ASK for question in rqa.questions(rival, SEED)]
    programs = {name: version(name) for name in ("PyRQA", "accrqa", "pyunicorn")}
    text = ",\n".join(json.dumps(each, separators=(",", ":")) for each in cases)
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(f'{{"made_by":"scripts/golden/make_rqa_rivals.py","programs":{json.dumps(programs)},"seed":{SEED},'
                      f'"tolerances":{json.dumps(rqa.TOLERANCES)},"cases":[\n{text}\n]}}\n')
    print(f"{OUTPUT}: {len(cases)} cases, {OUTPUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
