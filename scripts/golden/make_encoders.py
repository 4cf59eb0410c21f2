#!/usr/bin/env python3
"""Writes tests/models/golden/encoders: folders of two tiny random towers with their heads, a tiny ColModernVBERT, and
what a plain composition of PyTorch layers on transformers' towers makes of texts, images and pairs (Python with
transformers 5.23 and torchvision: scripts/requirements/rivals.txt).
"""

import json
import pathlib
import shutil

import numpy as np
import tokenizers as tk
import torch
import transformers as tf
from make_towers import masks, scramble
from PIL import Image
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from torch import nn
from torch.nn.functional import gelu, normalize, relu

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests/models/golden/encoders"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
TEXT = dict(vocab_size=64, hidden_size=12, num_hidden_layers=1, num_attention_heads=3, intermediate_size=20)
SEEN = dict(hidden_size=12, num_hidden_layers=1, num_attention_heads=2, intermediate_size=20, image_size=14, patch_size=5)
SHAPES = [(1, 1), (2, 5), (3, 12)]
TEXTS = ["a cat", "Dogs and more dogs, all over the long page of this book!", "", "one, two"]


class Heads(nn.Module):
    """The founding document's layers, with attention over tokens and masked means."""

    def __init__(self, kind, width, heads, crosses):
        super().__init__()
        self.modern, self.crosses = kind == "colmodernvbert", crosses
        inner = (2 if self.modern else 1) * width
        for name, inputs, outputs in (("text_projection", TEXT["hidden_size"], width), ("fusion_down", inner, width),
                                      ("vision_projection", SEEN["hidden_size"], width), ("fusion_up", 2 * width, inner)):
            setattr(self, name, nn.Linear(inputs, outputs))
            if self.modern:
                setattr(self, name + "_norm", nn.LayerNorm(outputs))
        if crosses:
            self.cross_attention = nn.MultiheadAttention(width, heads, batch_first=True)

    def layer(self, name, x, activation):
        x = getattr(self, name)(x)
        return activation(getattr(self, name + "_norm")(x) if self.modern else x)

    def project(self, name, x):
        return normalize(self.layer(name, x, gelu if self.modern else nn.Identity()), dim=-1)

    def vectors(self, text, counts, image):
        weights = counts.unsqueeze(-1).float()
        mean = lambda x: (x * weights).sum(1) / weights.sum(1)
        tokens = self.project("text_projection", text.last_hidden_state)
        patches = self.project("vision_projection", image.last_hidden_state)
        text_vector = self.project("text_projection", text.pooler_output if self.modern else mean(text.last_hidden_state))
        image_vector = self.project("vision_projection",
                                    image.pooler_output if self.modern else image.last_hidden_state.mean(1))
        seen = tokens + self.cross_attention(tokens, patches, patches)[0] if self.crosses else tokens
        whole = mean(seen) if self.crosses else text_vector
        fuse = lambda x: normalize(self.layer("fusion_down", self.layer(
            "fusion_up", torch.cat([x, image_vector if x.dim() == 2 else image_vector.unsqueeze(1).expand_as(x)], -1),
            gelu if self.modern else relu), nn.Identity()), dim=-1)
        return {"text": text_vector, "texts": tokens * weights, "image": image_vector, "images": patches,
                "pair": fuse(whole), "pairs": fuse(seen) * weights}


def letter_tokenizer(specials, ends, added=()):
    """`specials`: the first tokens, by id; `ends`: what stands around a text."""
    vocabulary = [*specials, *LETTERS, *("##" + c for c in LETTERS), *".,!?-"]
    ids = {token: i for i, token in enumerate(vocabulary)}
    tokenizer = tk.Tokenizer(tk.models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = tk.normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = tk.pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = tk.processors.TemplateProcessing(ends, None, [(s, ids[s]) for s in specials if s in ends])
    tokenizer.add_special_tokens(list(added))
    return tf.PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]")


def pictures():
    folder = OUT / "pictures"
    folder.mkdir()
    random = np.random.default_rng(13)
    images = []
    for i, (width, height) in enumerate([(14, 14), (40, 17), (9, 31), (25, 60)]):
        noise = random.integers(0, 256, (height // 5 + 1, width // 5 + 1, 3), dtype=np.uint8)
        images.append(Image.fromarray(noise).resize((width, height), Image.BILINEAR))
        images[-1].save(folder / f"{i}.png")
    (OUT / "texts.txt").write_text("".join(text + "\n" for text in TEXTS))
    (OUT / "pairs.jsonl").write_text("".join(
        json.dumps({"text": text, "image": f"pictures/{i}.png"}) + "\n" for i, text in enumerate(TEXTS)))
    return images


def write_encoder(name, kind, towers, heads, options, cases, shapes):
    folder = OUT / name
    folder.mkdir(exist_ok=True)
    (folder / "encoder.json").write_text(json.dumps({"kind": kind, **options}, indent=2) + "\n")
    save_file(heads.state_dict(), folder / "heads.safetensors")
    text, vision = towers
    random = torch.Generator().manual_seed(21)
    tensors = {}
    for i, (rows, length) in enumerate(shapes):
        counts = masks((rows, length), random)
        ids = torch.randint(4, 60, (rows, length), generator=random)
        mask = torch.ones_like(counts) if heads.modern else counts  # SigLIP sees its padding
        ids = torch.where(counts == 1, ids, torch.ones_like(ids))
        pixels = torch.randn(rows, 3, 14, 14, generator=random).half()
        out = heads.vectors(text(input_ids=ids, attention_mask=mask), counts, vision(pixel_values=pixels.float()))
        case = {"ids": ids, "mask": mask, "counts": counts, "pixels": pixels, **out}
        tensors |= {f"{i}/{key}": value.clone().contiguous() for key, value in case.items()}
    save_file(tensors | cases, folder / "cases.safetensors")


def program_cases(towers, heads, tokenizer, processor, images, before):
    """Vectors of all texts, pictures and pairs; `before`: prompts of texts and of pairs."""
    text, vision = towers
    seen = vision(**processor(images, return_tensors="pt"))
    cases = {}
    for prompt, wanted in zip(before, (("text", "image", "texts", "images"), ("pair", "pairs"))):
        length = dict(padding="max_length", max_length=12, truncation=True) if heads.modern else dict(padding=True)
        read = tokenizer([prompt + t for t in TEXTS], return_tensors="pt", **length)
        mask = torch.ones_like(read.attention_mask) if heads.modern else read.attention_mask
        out = heads.vectors(text(input_ids=read.input_ids, attention_mask=mask), read.attention_mask, seen)
        for key in wanted:  # a vector a token: those of all texts behind each other
            each = key in ("texts", "pairs")
            cases["program/" + key] = (out[key][read.attention_mask == 1] if each else
                                       out[key].flatten(0, 1) if key == "images" else out[key]).contiguous()
    return cases


def colvbert(images):
    text = scramble(tf.XLMRobertaModel(tf.XLMRobertaConfig(**TEXT, max_position_embeddings=80, type_vocab_size=1)), 31)
    vision = scramble(tf.BlipVisionModel(tf.BlipVisionConfig(**SEEN)), 32)
    tokenizer = letter_tokenizer(["[CLS]", "[PAD]", "[SEP]", "[UNK]"], "[CLS] $A [SEP]")
    processor = tf.BlipImageProcessor(size={"height": 14, "width": 14})
    return "colvbert", (text, vision), tokenizer, processor, ("query: ", "passage: ")


def colmodernvbert(images):
    text = scramble(tf.SiglipTextModel(tf.SiglipTextConfig(**TEXT, max_position_embeddings=12)), 33)
    vision = scramble(tf.SiglipVisionModel(tf.SiglipVisionConfig(**SEEN)), 34)
    tokenizer = letter_tokenizer(["[CLS]", "[PAD]", "[SEP]", "[UNK]"], "$A [SEP]")
    processor = tf.SiglipImageProcessor(size={"height": 14, "width": 14})
    return "colmodernvbert", (text, vision), tokenizer, processor, ("", "")


def two_towers(made, images):
    kind, towers, tokenizer, processor, prompts = made
    folder = OUT / kind
    towers[0].save_pretrained(folder / "text")
    tokenizer.save_pretrained(folder / "text")
    towers[1].save_pretrained(folder / "vision")
    processor.save_pretrained(folder / "vision")
    crosses = kind == "colmodernvbert"  # as the kind has it
    heads = scramble(Heads(kind, 15, 3, crosses), 41)
    cases = program_cases(towers, heads, tokenizer, processor, images, prompts)
    write_encoder(kind, kind, towers, heads, {"text": "text", "vision": "vision", "width": 15, "heads": 3}, cases,
                  SHAPES)
    for name, width, number, shapes in ((kind + "_other", 10, 5, [(2, 3), (1, 9)]), (kind + "_wide", 21, 1, [(3, 4)])):
        heads = scramble(Heads(kind, width, number, not crosses), 42)
        write_encoder(name, kind, towers, heads, {"text": f"../{kind}/text", "vision": f"../{kind}/vision", "width": width,
                                                  "heads": number, "cross_attention": not crosses}, {}, shapes)


def published(images):
    folder = OUT / "published"
    rows = [f"<row_{r}_col_{c}>" for r in (1, 2, 3) for c in (1, 2, 3)]
    added = ["<fake_token_around_image>", "<image>", "<end_of_utterance>", "<global-img>", *rows]
    tokenizer = letter_tokenizer(["[PAD]", "[CLS]", "[SEP]", "[UNK]"], "[CLS] $A [SEP]", added)
    model = scramble(tf.ColModernVBertForRetrieval(tf.ColModernVBertConfig(embedding_dim=6, vlm_config={
        "model_type": "modernvbert", "image_token_id": tokenizer.convert_tokens_to_ids("<image>"),
        "pixel_shuffle_factor": 2,
        "text_config": {**TEXT, "num_hidden_layers": 2, "vocab_size": len(tokenizer), "model_type": "modernbert", "num_attention_heads": 2,
                        "local_attention": 8, "pad_token_id": 0},
        "vision_config": {**SEEN, "model_type": "siglip_vision_model", "image_size": 20}})), 51)
    model.save_pretrained(folder)
    processor = tf.ColModernVBertProcessor(
        tf.Idefics3ImageProcessor(size={"longest_edge": 60}, max_image_size={"longest_edge": 20}), tokenizer,
        image_seq_len=4)
    processor.save_pretrained(folder)
    around = [f"<|begin_of_text|>User:<image>{t}<end_of_utterance>\nAssistant:" for t in TEXTS]
    inputs = {"queries": processor.process_queries(TEXTS), "passages": processor(text=TEXTS),
              "images": processor.process_images(images),
              "pairs": processor(text=around, images=[[image] for image in images], padding=True)}
    cases = {}
    for name, batch in inputs.items():
        batch.pop("token_type_ids", None)
        mask = batch["attention_mask"]
        cases[name] = model(**batch).embeddings[mask == 1].contiguous()
        cases[name + "_lengths"] = mask.sum(1)
    cases["pixels"] = inputs["images"]["pixel_values"][2, :4].clone()
    save_file(cases, folder / "cases.safetensors")


def without_prompt():
    """The sentence model of golden/towers, whose pooling leaves the prompt out."""
    folder = OUT.parent / "towers/sentence"
    model = SentenceTransformer(str(folder), device="cpu")
    model[1].include_prompt = False
    vectors = model.encode((folder / "texts.txt").read_text().split("\n")[:-1], prompt_name="query")
    save_file({"vectors": torch.as_tensor(vectors)}, OUT / "without_prompt.safetensors")


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    images = pictures()
    two_towers(colvbert(images), images)
    two_towers(colmodernvbert(images), images)
    published(images)
    without_prompt()
    for extra in (*OUT.rglob("generation_config.json"), *OUT.rglob("chat_template.jinja")):
        extra.unlink()


if __name__ == "__main__":
    main()
