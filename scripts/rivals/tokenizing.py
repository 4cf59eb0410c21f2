#!/usr/bin/env python3
"""A round of tokenizing for each line on stdin: tokenizing.py tokenizers|iree|sentencepiece MODEL TEXTS.txt THREADS

MODEL is a tokenizer.json, for sentencepiece a .model. Prints "ready", then each round's milliseconds. Texts become ids
and nothing else: encode_batch_fast of tokenizers, without offsets; no truncation, no padding.
"""
import os
import pathlib
import sys
import time

library, model, texts, threads = sys.argv[1], *sys.argv[2:5]
os.environ["RAYON_NUM_THREADS"] = threads
os.environ["TOKENIZERS_PARALLELISM"] = "false" if threads == "1" else "true"
lines = pathlib.Path(texts).read_text().splitlines()
if library == "tokenizers":
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(model)
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def run():
        return tokenizer.encode_batch_fast(lines)
elif library == "iree":
    from iree.tokenizer import Tokenizer
    tokenizer = Tokenizer.from_file(model)

    def run():
        return tokenizer.encode_batch(lines)
else:
    import sentencepiece
    processor = sentencepiece.SentencePieceProcessor(model_file=model)

    def run():
        return processor.encode(lines, num_threads=int(threads))

run()
print("ready", flush=True)
for _ in sys.stdin:
    start = time.perf_counter()
    kept = run()
    print((time.perf_counter() - start) * 1000, flush=True)
    del kept
