#!/usr/bin/env python3
"""Writes tests/data/text/golden: small trained tokenizers, texts in 16 scripts, and the ids that tokenizers (0.23.3),
SentencePiece and transformers' SiglipTokenizer give them."""
import json
import os
import pathlib
import shutil
import sys
import warnings

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
root = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(root / "scripts/rivals"))
import sentencepiece  # noqa: E402
import tokenizer_cases as cases  # noqa: E402
import tokenizers  # noqa: E402
from transformers import SiglipTokenizer  # noqa: E402

COUNT = 72
KEPT = ["bert_cased", "roberta", "llama_2", "llama_3", "suffix_bpe", "albert", "xlm_r"]
XLM_R = {0: 3, 1: 0, 2: 2}


# A little of what SentencePiece's nmt_nfkc does, whose map would weigh 240 KB.
RULES = {"\t": " ", "\n": " ", "\r": " ", "\u00a0": " ", "\u3000": " ", "\u200b": " ", "\ufeff": " ", "\x01": "",
         "\x1b": "", "\x7f": "", "™": "TM", "…": "...", "ﬁ": "fi", "①": "1", "½": "1\u20442", "e\u0301": "é", "a\u0308": "ä",
         "か\u3099": "が", "ｶﾞ": "ガ", "ｷﾞ": "ギ", "ｶ": "カ", "\uf900": "\u8c48", "\u2581": " ", "\ufffd": " ",
         **{chr(0xFF01 + i): chr(0x21 + i) for i in range(94)}}


def write_rules(path):
    path.write_text("".join(" ".join(f"{ord(c):X}" for c in key) + "\t" + " ".join(f"{ord(c):X}" for c in to) + "\n"
                            for key, to in RULES.items()))
    return str(path)


def write_ids(path, rows):
    path.write_text("".join(json.dumps(row).replace(" ", "") + "\n" for row in rows))


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else root / "tests/data/text/golden"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    texts = [t[:160] for t in cases.strings(31, COUNT)]
    cases.json_lines(folder / "texts.jsonl", texts, texts[1:] + texts[:1])
    rules = write_rules(folder / "rules.tsv")
    models = {"unigram": cases.sentencepiece_model(vocab_size=750, normalization_rule_tsv=rules,
                                                   user_defined_symbols=["<added>"]),
              "bpe": cases.sentencepiece_model(vocab_size=1000, normalization_rule_tsv=rules, model_type="bpe",
                                               byte_fallback=True)}
    pathlib.Path(rules).unlink()
    made = {**cases.small_cases(), "xlm_r": cases.xlm_r_tokenizer(models["unigram"])}
    for name in KEPT:
        tokenizer = made[name]
        document = json.loads(tokenizer.to_str())
        (folder / f"{name}.json").write_text(json.dumps(document, ensure_ascii=False, separators=(",", ":")))
        write_ids(folder / f"{name}.ids", [e.ids for e in tokenizer.encode_batch(texts)])
        # Pairs, cut off on the left and padded to a multiple of 8.
        tokenizer.enable_truncation(23, direction="left")
        tokenizer.enable_padding(direction="left", pad_to_multiple_of=8, pad_id=3, pad_token="<pad>")
        write_ids(folder / f"{name}_pairs.ids",
                  [e.ids for e in tokenizer.encode_batch(list(zip(texts, texts[1:] + texts[:1])))])
    for name, model in models.items():
        path = folder / f"{name}.model"
        path.write_bytes(model)
        rival = sentencepiece.SentencePieceProcessor(model_file=str(path))
        write_ids(folder / f"{name}.ids", rival.encode(texts))
        if name == "unigram":
            write_ids(folder / "fairseq.ids", [[0, *(XLM_R.get(i, i + 1) for i in ids), 2] for ids in rival.encode(texts)])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                siglip = SiglipTokenizer(str(path))
                write_ids(folder / "siglip.ids", [siglip(t, padding="max_length", truncation=True, max_length=64)["input_ids"]
                                                  if "</s>" not in t and "<unk>" not in t else [] for t in texts])
    (folder / "made_with.txt").write_text(
        f"tokenizers {tokenizers.__version__}, sentencepiece {sentencepiece.__version__}, texts of seed 31\n")
    files = list(folder.iterdir())
    print(f"{len(files)} files, {sum(f.stat().st_size for f in files)} bytes in {folder}")


if __name__ == "__main__":
    main()
