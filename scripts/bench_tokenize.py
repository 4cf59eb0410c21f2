#!/usr/bin/env python3
"""Tokenizing beside tokenizers, iree-tokenizer and SentencePiece: all processes warm, rounds alternating.

bench_tokenize.py ATHANOR [--python PYTHON] [--rounds 6] [--threads 1] [--texts 20000] [--cases mini_lm,clip,xlm_r]
PYTHON has the rivals (scripts/requirements/rivals.txt). One JSON object a measurement on stdout; a line for people on
stderr. A round tokenizes all texts once: made of sentences in 16 scripts, more than a quarter English. `xlm_r` is made
as transformers converts XLM-R's model; sentencepiece reads the model that it is converted from. Where a rival cannot
read a tokenizer, this is said and it is left out.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "rivals"))
import tokenizer_cases  # noqa: E402
from bench_train import Side, compare  # noqa: E402


def prepare(folder, case):
    """The case's folder; with the .model that SentencePiece reads, where there is one."""
    target = folder / case
    if case == "mini_lm":
        tokenizer_cases.mini_lm(target)
    elif case == "clip":
        tokenizer_cases.save(tokenizer_cases.clip_tokenizer(), target)
    elif case == "xlm_r":
        tokenizer_cases.save(tokenizer_cases.xlm_r_tokenizer(), target)
        (target / "spiece.model").write_bytes(tokenizer_cases.sentencepiece_model())
    else:
        sys.exit(f"unknown case '{case}': mini_lm, clip or xlm_r")
    return target


def rivals(args, model, texts):
    out = []
    for library in ("tokenizers", "iree", "sentencepiece"):
        path = model / ("spiece.model" if library == "sentencepiece" else "tokenizer.json")
        command = [args.python, HERE / "rivals/tokenizing.py", library, path, texts, args.threads]
        if not path.exists():
            continue
        probe = subprocess.run([str(word) for word in command], input="", capture_output=True, text=True)
        if probe.returncode == 0:
            out.append(Side(library, command))
        else:
            print(f"{library} cannot run {model.name}: {probe.stderr.strip().splitlines()[-1]}", file=sys.stderr)
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("athanor")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--texts", type=int, default=20000)
    parser.add_argument("--cases", default="mini_lm,clip,xlm_r")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        texts = folder / "texts.txt"
        texts.write_text("".join(line + "\n" for line in tokenizer_cases.prose(11, args.texts)))
        for case in args.cases.split(","):
            model = prepare(folder, case)
            common = ["--model", model / "tokenizer.json", "--text", texts, "--threads", args.threads]

            def ours(side, name):
                return Side(name, [args.athanor, "bench", "tokenize", "--serve", side, *common])

            compare(f"tokenize/{case}", "ids", args.threads, args.rounds, ours("product", "athanor"),
                    [ours("plain", "athanor's plain way"), *rivals(args, model, texts)])


if __name__ == "__main__":
    main()
