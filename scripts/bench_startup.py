"""Start-up: `athanor --help` beside an empty program that links LibTorch, start to first step of the quickstart, start
to the first vector of MiniLM.

bench_startup.py ATHANOR EMPTY_PROGRAM PREPARED_BARS MINILM   prints one JSON object a measurement, every round in it.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

athanor, empty, bars, minilm = sys.argv[1:5]
ROUNDS = 10


def wall_ms(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return (time.perf_counter() - start) * 1e3


def report(name: str, ours: list[float], compared_with: str, theirs: list[float]) -> None:
    result = {"name": name, "shape": "process", "threads": os.cpu_count(), "precision": "fp32",
              "rounds_ms": [round(v, 1) for v in ours], "median_ms": round(statistics.median(ours), 1),
              "compared_with": compared_with, "compared_rounds_ms": [round(v, 1) for v in theirs]}
    if theirs:
        result["compared_median_ms"] = round(statistics.median(theirs), 1)
        result["ratio"] = round(statistics.median(ours) / statistics.median(theirs), 3)
    print(json.dumps(result), flush=True)


pairs = [(wall_ms([athanor, "--help"]), wall_ms([empty])) for _ in range(ROUNDS + 1)][1:]
report("startup/help", [p[0] for p in pairs], "empty program that links LibTorch", [p[1] for p in pairs])

first_step = []
for _ in range(6):
    with tempfile.TemporaryDirectory() as folder:
        run = os.path.join(folder, "run")
        start = time.time()
        process = subprocess.Popen([athanor, "train", "configs/quickstart.yaml", f"data.path={bars}", "--run-dir", run,
                                    "trainer.max_steps=1", "trainer.log_every_steps=1"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        metrics = os.path.join(run, "metrics.jsonl")
        while process.poll() is None and not (os.path.exists(metrics) and os.path.getsize(metrics) > 0):
            time.sleep(0.005)
        first_step.append((time.time() - start) * 1e3)
        process.wait()
report("startup/first_step", first_step[1:], "the target of 2,000 ms", [])

first_vector = []
with tempfile.TemporaryDirectory() as folder:
    text = os.path.join(folder, "one.txt")
    with open(text, "w") as out:
        out.write("A single sentence.\n")
    for number in range(7):
        vectors = os.path.join(folder, f"{number}.safetensors")
        first_vector.append(wall_ms([athanor, "encode", "--model", minilm, "--text", text, "--output", vectors]))
report("startup/first_vector", first_vector[1:], "the target of 500 ms", [])
