"""Tokenizers beside the `tokenizers` library, SentencePiece and transformers: the same ids, for every text.

20,000 texts in 16 scripts (ATHANOR_TEXTS of them), with emoji, combining marks, control characters and words of thousands of
letters; bytes that are no UTF-8; truncation and padding on both sides; pairs. Each tokenizer also goes the plain way.
"""
import json
import os
import random
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
import sentencepiece  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402
from transformers import SiglipTokenizer  # noqa: E402

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "scripts/rivals"))
import tokenizer_cases as cases  # noqa: E402

PROGRAM = os.environ.get("ATHANOR", REPOSITORY / "build/athanor")
COUNT = int(os.environ.get("ATHANOR_TEXTS", 20000))
FEW = max(COUNT // 40, 500)
XLM_R = {0: 3, 1: 0, 2: 2}  # of SentencePiece's ids; the others move by one
SENTENCEPIECE = {
    "unigram": {}, "case_folded": {"normalization_rule_name": "nmt_nfkc_cf"},
    "identity": {"normalization_rule_name": "identity", "add_dummy_prefix": False, "remove_extra_whitespaces": False},
    "user_defined": {"user_defined_symbols": ["<added>", "été", "[CLS]", "ab"]},
    "byte_fallback": {"byte_fallback": True, "vocab_size": 1200}, "suffix": {"treat_whitespace_as_suffix": True},
    "bpe": {"model_type": "bpe"},
    "bpe_bytes": {"model_type": "bpe", "byte_fallback": True, "vocab_size": 1200, "user_defined_symbols": ["<added>"]},
}
failures = []


def tokenize(model, text, *more):
    done = subprocess.run([PROGRAM, "tokenize", "--json", "--threads", "2", "--model", model, "--text", text, *map(str, more)],
                          capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"athanor tokenize --model {model}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.split("\n")[:-1]]


def check(what, texts, got, want):
    wrong = [i for i in range(len(want)) if i >= len(got) or got[i] != want[i]]
    print(f"{'FAIL' if wrong else 'ok  '} {what}: {len(want) - len(wrong)} of {len(want)} texts alike")
    for i in sorted(wrong, key=lambda i: len(texts[i]))[:3]:
        print(f"     {ascii(texts[i])[:200]}\n     got  {str(got[i] if i < len(got) else None)[:200]}\n"
              f"     want {str(want[i])[:200]}")
    if wrong:
        failures.append(what)


def everything(encoding):
    """ids, type ids and which of them are no padding; as athanor tokenize --json prints them."""
    mask = encoding.attention_mask
    out = {"ids": encoding.ids}
    if any(encoding.type_ids):
        out["type_ids"] = encoding.type_ids
    return {**out, "attention": [mask.index(1) if 1 in mask else len(mask), sum(mask)]}


def comparable(row):
    count = row["attention"][1]
    return {**row, "attention": row["attention"] if count else [len(row["ids"]), 0]}


def check_ids(name, folder, texts, path, few):
    """`few`: a file of the first FEW texts, for the plain way, which is many times slower."""
    rival = Tokenizer.from_file(str(folder / "tokenizer.json"))
    rival.no_padding()
    rival.no_truncation()
    want = [e.ids for e in rival.encode_batch(texts)]
    for title, file, count, *way in ((name, path, len(texts)), (f"{name} the plain way", few, FEW, "--plain")):
        got = tokenize(folder / "tokenizer.json", file, "--max-length", 0, "--padding", "none", *way)
        check(title, texts[:count], [row["ids"] for row in got], want[:count])


def check_lengths(name, folder, scratch):
    """Truncation, padding and pairs. Pairs short and one by one: the rival also makes each pair of the parts cut off."""
    texts, seconds = ([text[:50] for text in cases.strings(seed, FEW)] for seed in (21, 22))
    cases.json_lines(scratch / "single.jsonl", texts)
    cases.json_lines(scratch / "pairs.jsonl", texts, seconds)
    model = folder / "tokenizer.json"
    r = random.Random(name)
    for left in (False, True):
        side, length, multiple = ("left" if left else "right"), r.choice([9, 12, 16, 33]), r.choice([1, 8])
        rival = Tokenizer.from_file(str(model))
        rival.enable_truncation(length, direction=side)
        flags = ["--max-length", length, "--truncation-side", side, "--padding-side", side, "--multiple", multiple]
        pad = rival.padding or {}
        common = {"direction": side, "pad_id": pad.get("pad_id", 0), "pad_type_id": pad.get("pad_type_id", 0),
                  "pad_to_multiple_of": multiple if multiple > 1 else None}
        rival.enable_padding(**common)
        got = tokenize(model, scratch / "single.jsonl", *flags, "--padding", "longest")
        check(f"{name} cut off and padded at the {side}", texts, list(map(comparable, got)),
              [comparable(everything(e)) for e in rival.encode_batch(texts)])
        rival.enable_padding(length=24, **common)
        got = tokenize(model, scratch / "pairs.jsonl", *flags, "--padding", 24)
        check(f"{name} pairs cut off and padded to 24 at the {side}", texts, list(map(comparable, got)),
              [comparable(everything(rival.encode(a, b))) for a, b in zip(texts, seconds)])
    rival = Tokenizer.from_file(str(model))
    rival.no_padding()
    rival.no_truncation()
    got = tokenize(model, scratch / "pairs.jsonl", "--max-length", 0, "--padding", "none", "--no-special-tokens")
    check(f"{name} pairs without special tokens", texts, [row["ids"] for row in got],
          [e.ids for e in rival.encode_batch(list(zip(texts, seconds)), add_special_tokens=False)])


def check_broken(name, folder, scratch):
    lines = cases.broken_bytes(23, FEW)
    (scratch / "broken.txt").write_bytes(b"".join(line + b"\n" for line in lines))
    texts = [line.decode(errors="replace") for line in lines]
    rival = Tokenizer.from_file(str(folder / "tokenizer.json"))
    rival.no_padding()
    rival.no_truncation()
    got = tokenize(folder / "tokenizer.json", scratch / "broken.txt", "--max-length", 0, "--padding", "none")
    check(f"{name} bytes that are no UTF-8", texts, [row["ids"] for row in got], [e.ids for e in rival.encode_batch(texts)])


def check_sentencepiece(scratch, texts, path):
    for name, options in SENTENCEPIECE.items():
        folder = scratch / name
        folder.mkdir()
        (folder / "spiece.model").write_bytes(cases.sentencepiece_model(**options))
        rival = sentencepiece.SentencePieceProcessor(model_file=str(folder / "spiece.model"))
        check(f"SentencePiece {name}", texts, [row["ids"] for row in tokenize(folder, path)], rival.encode(texts))
    folder = scratch / "fairseq"
    folder.mkdir()
    (folder / "sentencepiece.bpe.model").write_bytes((scratch / "unigram/spiece.model").read_bytes())
    rival = sentencepiece.SentencePieceProcessor(model_file=str(folder / "sentencepiece.bpe.model"))
    check("XLM-R's ids of a SentencePiece model", texts, [row["ids"] for row in tokenize(folder, path)],
          [[0, *(XLM_R.get(i, i + 1) for i in ids), 2] for ids in rival.encode(texts)])


def check_siglip(scratch):
    """Without texts that name special tokens, which SiglipTokenizer takes for them and this program for text."""
    texts = [t for t in cases.strings(24, FEW) if "</s>" not in t and "<unk>" not in t]
    cases.json_lines(scratch / "siglip.jsonl", texts)
    folder = scratch / "siglip"
    folder.mkdir()
    (folder / "spiece.model").write_bytes((scratch / "unigram/spiece.model").read_bytes())
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "SiglipTokenizer", "model_max_length": 64}')
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rival = SiglipTokenizer(str(folder / "spiece.model"))
        want = [rival(t, padding="max_length", truncation=True, max_length=64)["input_ids"] for t in texts]
    check("SiglipTokenizer of transformers", texts, [row["ids"] for row in tokenize(folder, scratch / "siglip.jsonl")], want)


def main():
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        texts = cases.strings(20, COUNT)
        cases.json_lines(scratch / "texts.jsonl", texts)
        cases.json_lines(scratch / "few.jsonl", texts[:FEW])
        cases.mini_lm(scratch / "mini_lm")
        cases.save(cases.clip_tokenizer(), scratch / "clip")
        for case, tokenizer in cases.small_cases().items():
            cases.save(tokenizer, scratch / case)
        folders = sorted(path.parent for path in scratch.glob("*/tokenizer.json"))
        for folder in folders:
            check_ids(folder.name, folder, texts, scratch / "texts.jsonl", scratch / "few.jsonl")
            check_lengths(folder.name, folder, scratch)
            check_broken(folder.name, folder, scratch)
        longest = tokenize(scratch / "mini_lm", scratch / "texts.jsonl")
        check("mini_lm is cut off at its folder's 256 tokens", [""], [max(len(row["ids"]) for row in longest)], [256])
        check_sentencepiece(scratch, texts, scratch / "texts.jsonl")
        check_siglip(scratch)
    if failures:
        sys.exit("differs: " + "; ".join(failures))


if __name__ == "__main__":
    main()
