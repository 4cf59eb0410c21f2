"""`athanor parity` on tiny random models of every tower, in the layouts of transformers 5 and of 4 (with prefixes), on
all-MiniLM-L6-v2 with 500 real sentences, and on photographs; and exported files run by torch.jit.load.

Every parameter is random, LayerNorm weights too. The real sentences are lines of the documents on this machine (the
licences and READMEs of Debian's packages and of this repository); MiniLM and the photographs are skipped aloud where absent.
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
import tokenizers as tk  # noqa: E402
import torch  # noqa: E402
import transformers as tf  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "scripts/rivals"))
import tokenizer_cases as cases  # noqa: E402

PROGRAM = os.environ.get("ATHANOR", REPOSITORY / "build/athanor")
PHOTOS = REPOSITORY.parent / "shared/data/photos"
CACHE = Path(os.environ.get("ATHANOR_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "athanor")
TEXT = dict(vocab_size=600, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40)
SEEN = dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=4, intermediate_size=36)
PROCESSORS = {45: lambda: tf.CLIPImageProcessor(size={"shortest_edge": 45}, crop_size={"height": 45, "width": 45}),
              39: lambda: tf.SiglipImageProcessor(size={"height": 39, "width": 39}),
              50: lambda: tf.BlipImageProcessor(size={"height": 50, "width": 50})}
REAL = 500
failures = []


def scramble(model, seed):
    random = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        centre = 1.0 if "norm" in name.lower() and name.endswith("weight") else 0.0
        size = 0.25 if parameter.dim() > 1 else 0.4
        parameter.data = centre + size * torch.randn(parameter.shape, generator=random)
    return model.eval().requires_grad_(False)


def word_pieces(folder, pad, longest):
    """A tokenizer of letters that ends each text, as all of these models' do. `pad`: its id, 0 or 1."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["[UNK]", "[UNK]", "[CLS]", "[SEP]", *letters, *("##" + c for c in letters), *".,!?-"]
    words[pad] = "[PAD]"
    tokenizer = tk.Tokenizer(tk.models.WordPiece({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = tk.normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = tk.pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = tk.processors.TemplateProcessing(
        "[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    tf.PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
                               sep_token="[SEP]", model_max_length=longest).save_pretrained(folder)


def towers():
    """(name, model, most tokens of a text or 0, pixels of an image's side or 0)"""
    clip_text = tf.CLIPTextConfig(**TEXT, max_position_embeddings=33, eos_token_id=3, pad_token_id=0)
    siglip_text = tf.SiglipTextConfig(**TEXT, max_position_embeddings=64, projection_size=10)
    clip_seen, siglip_seen, blip_seen = (config(**SEEN, image_size=size, patch_size=patch) for config, size, patch in (
        (tf.CLIPVisionConfig, 45, 11), (tf.SiglipVisionConfig, 39, 8), (tf.BlipVisionConfig, 50, 7)))
    return [
        ("bert", tf.BertModel(tf.BertConfig(**TEXT, max_position_embeddings=40)), 40, 0),
        ("xlm_roberta", tf.XLMRobertaModel(tf.XLMRobertaConfig(**TEXT, max_position_embeddings=42, type_vocab_size=1,
                                                               pad_token_id=1)), 40, 0),
        ("modernbert", tf.ModernBertModel(tf.ModernBertConfig(
            **{**TEXT, "num_hidden_layers": 4, "num_attention_heads": 2}, local_attention=8, max_position_embeddings=64,
            pad_token_id=0, cls_token_id=2, sep_token_id=3, bos_token_id=2, eos_token_id=3)), 64, 0),
        ("clip_text", tf.CLIPTextModel(clip_text), 33, 0), ("siglip_text", tf.SiglipTextModel(siglip_text), 64, 0),
        ("clip_vision", tf.CLIPVisionModel(clip_seen), 0, 45), ("siglip_vision", tf.SiglipVisionModel(siglip_seen), 0, 39),
        ("blip_vision", tf.BlipVisionModel(blip_seen), 0, 50),
        ("clip", tf.CLIPModel(tf.CLIPConfig(text_config=clip_text.to_dict(), vision_config=clip_seen.to_dict(),
                                            projection_dim=9)), 33, 45),
        ("siglip", tf.SiglipModel(tf.SiglipConfig(text_config={**siglip_text.to_dict(), "projection_size": 24},
                                                  vision_config=siglip_seen.to_dict())), 64, 39)]


def old_layout(folder, target, prefix):
    """As transformers 4 saves a tower that stands alone."""
    shutil.copytree(folder, target)
    file = target / "model.safetensors"
    tensors = {prefix + name: value for name, value in load_file(file).items()}
    save_file(tensors, file, {"format": "pt"})


def parity(what, folder, *more):
    done = subprocess.run([PROGRAM, "parity", "--model", folder, "--python", sys.executable, *map(str, more)],
                          capture_output=True, text=True)
    rows = [line.split() for line in done.stdout.splitlines() if "/" in line.split(" ")[0]]
    good = done.returncode == 0 and len(rows) > 1
    said = ", ".join(f"{row[0]} {row[1]}" for row in rows)
    print(f"{'ok  ' if good else 'FAIL'} {what}: {said or done.stderr.strip()[-300:]}", flush=True)
    if not good:
        failures.append(what)


def check_export(what, folder, model, longest, size, scratch):
    """Other batches and lengths than those it was traced with."""
    random = torch.Generator().manual_seed(9)
    for side in [side for side, there in (("text", longest), ("image", size)) if there]:
        done = subprocess.run([PROGRAM, "export", "--model", folder, "--side", side, "--output", scratch / "tower.pt"],
                              capture_output=True, text=True)
        if done.returncode != 0:
            print(f"FAIL {what} exported: {done.stderr}")
            failures.append(what)
            continue
        module, worst = torch.jit.load(scratch / "tower.pt"), 0.0
        for rows in (1, 4, 7):
            if side == "text":
                length = longest if "siglip" in what else 3 + rows * 4
                ids = torch.randint(4, 60, (rows, length), generator=random)
                ids[:, -1] = 3
                given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
                want = getattr(model, "text_model", model)(**given)
            else:
                given = {"pixel_values": torch.randn(rows, 3, size, size, generator=random)}
                want = getattr(model, "vision_model", model)(**given)
            got = module(**given)
            pairs = [(got["hidden"], want.last_hidden_state)]
            if "pooled" in got:
                pairs.append((got["pooled"], want.pooler_output))
            worst = max([worst, *((a - b).abs().max().item() / max(1, b.abs().max().item()) for a, b in pairs)])
        good = worst <= 1e-5
        print(f"{'ok  ' if good else 'FAIL'} {what}, {side} side exported: torch.jit.load at batches of 1, 4 and 7: {worst:.1e}",
              flush=True)
        if not good:
            failures.append(f"{what} exported")


def real_sentences():
    """Sentences of the documents at hand, no two alike."""
    found = {}
    for path in [*glob.glob("/usr/share/common-licenses/*"), *glob.glob("/usr/share/doc/*/README*"),
                 *map(str, REPOSITORY.glob("*.md"))]:
        if path.endswith(".gz"):
            continue
        words = " ".join(Path(path).read_text(errors="replace").split())
        for sentence in re.split(r"(?<=[.!?]) +", words):
            if 20 < len(sentence) < 600 and "\ufffd" not in sentence:
                found[sentence] = None
    step = max(1, len(found) // REAL)
    return list(found)[::step][:REAL]


def check_minilm(scratch):
    folders = sorted(CACHE.glob("minilm-*"))
    sentences = real_sentences()
    if not folders:
        print("SKIPPED: all-MiniLM-L6-v2 is not there; scripts/encode fetches it")
        return
    cases.json_lines(scratch / "real.jsonl", sentences)
    parity(f"all-MiniLM-L6-v2 on {len(sentences)} real sentences", folders[-1], "--text", scratch / "real.jsonl")
    if len(sentences) < REAL:
        print(f"SKIPPED: {REAL - len(sentences)} of {REAL} real sentences are not there")


def main():
    torch.set_num_threads(1)
    print(f"transformers {tf.__version__}, torch {torch.__version__}")
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        for seed, (title, model, longest, size) in enumerate(towers()):
            folder = scratch / title
            scramble(model, seed).save_pretrained(folder)
            if longest:
                word_pieces(folder, 1 if title == "xlm_roberta" or "siglip" in title else 0, longest)
            if size:
                PROCESSORS[size]().save_pretrained(folder)
            parity(title, folder)
            if title in ("clip_text", "clip_vision", "siglip_text", "siglip_vision"):  # BLIP's is the same in both
                old_layout(folder, scratch / f"{title}_4", f"{title.split('_')[1]}_model.")
                parity(f"{title} in transformers 4's layout", scratch / f"{title}_4")
            check_export(title, folder, model, longest, size, scratch)
        photos = sorted(PHOTOS.glob("*.jpg"))[:12]
        if photos:
            (scratch / "photos.txt").write_text("".join(f"{photo}\n" for photo in photos))
            for title in ("clip_vision", "siglip_vision", "blip_vision"):
                parity(f"{title} on {len(photos)} photographs", scratch / title, "--images", scratch / "photos.txt")
        else:
            print(f"SKIPPED: no photographs in {PHOTOS}")
        check_minilm(scratch)
    if failures:
        sys.exit("differs: " + "; ".join(failures))


if __name__ == "__main__":
    main()
