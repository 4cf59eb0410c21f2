"""TensorBoard itself reads a run's events: every metric of metrics.jsonl at its step, once, also after a resume."""
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("ATHANOR", REPOSITORY / "build/athanor")
JOB = """
data: {name: bars, path: bars.h5, batch_size: 32}
model: {name: multi_timeframe_lstm, hidden: 8, layers: 1}
trainer: {max_steps: 12, log_every_steps: 2, eval_every_steps: 4, checkpoint_every_steps: 4}
prepare: {windows: {M1: 16, M5: 8}}
"""


def athanor(*arguments):
    subprocess.run([PROGRAM, *arguments], check=True, capture_output=True)


def train():
    Path("job.yaml").write_text(JOB)
    athanor("synth", "bars", "--output", "bars.csv", "--minutes", "4000")
    athanor("prepare", "bars", "--config", "job.yaml", "--input", "bars.csv", "--output", "bars.h5")
    athanor("train", "job.yaml", "--run-dir", "run")


def resume_from_step_4():
    """As if the run had been killed after step 4: later metrics and events are written again."""
    for checkpoint in Path("run/checkpoints").iterdir():
        if checkpoint.is_symlink():
            checkpoint.unlink()
        elif checkpoint.name != "step-00000004":
            shutil.rmtree(checkpoint)
    athanor("train", "--resume", "--run-dir", "run")


def check_events():
    """Compares what TensorBoard reads with metrics.jsonl. Returns how many values agree."""
    events = EventAccumulator("run/tensorboard", size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    tags = events.Tags()
    assert "config/text_summary" in tags["tensors"], tags
    config = events.Tensors("config/text_summary")[0].tensor_proto.string_val[0].decode()
    assert "multi_timeframe_lstm" in config, config
    expected = {}
    for line in Path("run/metrics.jsonl").read_text().splitlines():
        values = json.loads(line)
        step = values.pop("step")
        for name, value in values.items():
            if name not in ("epoch", "wall"):
                expected.setdefault(name, []).append((step, value))
    count = 0
    for name, points in expected.items():
        read = [(event.step, event.value) for event in events.Scalars(name)]
        assert [step for step, _ in read] == [step for step, _ in points], (name, read, points)
        for (step, got), (_, want) in zip(read, points):
            assert math.isclose(got, want, rel_tol=1e-6), (name, step, got, want)
            count += 1
    assert count > 30, count
    return count


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        train()
        print(f"a whole run: {check_events()} values as in metrics.jsonl")
        resume_from_step_4()
        assert len(list(Path("run/tensorboard").iterdir())) == 2
        print(f"a resumed run: {check_events()} values as in metrics.jsonl, each step once")


if __name__ == "__main__":
    sys.exit(main())
