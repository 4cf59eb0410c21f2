#!/usr/bin/env python3
"""Writes tests/models/golden/towers: tiny random models as transformers saves them, inputs of odd shapes and what
transformers makes of them (Python with transformers 5.23: scripts/requirements/rivals.txt).

Every parameter is random, LayerNorm weights too: with those at 1 a norm too many would not show.
"""

import pathlib
import shutil

import numpy as np
import tokenizers as tk
import torch
import transformers as tf
from PIL import Image
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.models import Normalize, Pooling, Transformer
from tokenizers import Tokenizer

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests/models/golden/towers"
TEXT = dict(vocab_size=61, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40)
SEEN = dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=4, intermediate_size=36, image_size=23, patch_size=7)
SHAPES = [(1, 1), (2, 3), (3, 7), (1, 16), (5, 11), (4, 13)]


def scramble(model, seed):
    random = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        size = 0.25 if parameter.dim() > 1 else 0.4
        centre = 1.0 if "norm" in name.lower() and name.endswith("weight") else 0.0
        parameter.data = centre + size * torch.randn(parameter.shape, generator=random)
    return model.eval().requires_grad_(False)


def masks(shape, random, left=False):
    rows, length = shape
    mask = torch.ones(shape, dtype=torch.long)
    for row in range(1, rows):
        padding = int(torch.randint(0, length, (1,), generator=random))
        mask[row, :padding] = 0 if left else 1
        if not left:
            mask[row, length - padding:] = 0
    return mask


def save(name, model, cases, prefix="", shard="1GB"):
    """`prefix`: as transformers 4 names the tensors."""
    folder = OUT / name
    model.save_pretrained(folder, max_shard_size=shard)
    (folder / "generation_config.json").unlink(missing_ok=True)
    if prefix:
        file = folder / "model.safetensors"
        save_file({prefix + key: value for key, value in load_file(file).items()}, file)
    tensors = {f"{i}/{key}": value.contiguous() for i, case in enumerate(cases) for key, value in case.items()
               if value is not None}
    save_file(tensors, folder / "cases.safetensors")
    print(name, sum(p.numel() for p in model.parameters()), "parameters")


def text_cases(model, shapes, pad=0, end=None, full_mask=False, left=False, longest=99):
    random = torch.Generator().manual_seed(5)
    for rows, length in shapes:
        length = min(length, longest)
        mask = torch.ones(rows, length, dtype=torch.long) if full_mask else masks((rows, length), random, left)
        ids = torch.randint(3, 60, (rows, length), generator=random)
        if end is not None:  # behind each text
            ids[torch.arange(rows), mask.sum(1) - 1] = end
        ids = torch.where(mask == 1, ids, torch.full_like(ids, pad))
        out = model(input_ids=ids, attention_mask=mask)
        keep = mask.unsqueeze(-1)  # what padding becomes is nobody's business
        yield {"ids": ids, "mask": mask, "hidden": out.last_hidden_state * keep,
               "pooled": getattr(out, "pooler_output", None)}


def image_cases(model, size):
    random = torch.Generator().manual_seed(6)
    for rows in (1, 2, 1, 3, 1, 2):
        pixels = torch.randn(rows, 3, size, size, generator=random)
        out = model(pixel_values=pixels)
        yield {"pixels": pixels, "hidden": out.last_hidden_state, "pooled": out.pooler_output}


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    bert = scramble(tf.BertModel(tf.BertConfig(**TEXT, max_position_embeddings=20)), 1)
    save("bert", bert, text_cases(bert, SHAPES), shard="15KB")
    bare = scramble(tf.BertModel(tf.BertConfig(**TEXT, max_position_embeddings=20, layer_norm_eps=1e-3),
                                 add_pooling_layer=False), 2)
    save("bert_without_pooler", bare, text_cases(bare, SHAPES, left=True))
    xlmr = scramble(tf.XLMRobertaModel(tf.XLMRobertaConfig(**TEXT, max_position_embeddings=20, type_vocab_size=1)), 3)
    save("xlm_roberta", xlmr, text_cases(xlmr, SHAPES, pad=1))
    clip_text = tf.CLIPTextConfig(**TEXT, max_position_embeddings=17, eos_token_id=60)
    clip = scramble(tf.CLIPTextModel(clip_text), 4)
    save("clip_text", clip, text_cases(clip, SHAPES, end=60))
    old = scramble(tf.CLIPTextModel(tf.CLIPTextConfig(**TEXT, max_position_embeddings=17, eos_token_id=2,
                                                      hidden_act="gelu")), 5)
    save("clip_text_old", old, text_cases(old, SHAPES, end=60), prefix="text_model.")
    siglip = scramble(tf.SiglipTextModel(tf.SiglipTextConfig(**TEXT, max_position_embeddings=18, projection_size=10)), 6)
    save("siglip_text", siglip, text_cases(siglip, SHAPES, full_mask=True))
    modern = scramble(tf.ModernBertModel(tf.ModernBertConfig(
        **{**TEXT, "num_hidden_layers": 4, "num_attention_heads": 2}, local_attention=8, max_position_embeddings=64,
        pad_token_id=0)), 7)
    save("modernbert", modern, text_cases(modern, [*SHAPES[:4], (3, 23), (2, 41)]))
    for name, model in (("clip_vision", tf.CLIPVisionModel(tf.CLIPVisionConfig(**SEEN))),
                        ("siglip_vision", tf.SiglipVisionModel(tf.SiglipVisionConfig(**SEEN))),
                        ("blip_vision", tf.BlipVisionModel(tf.BlipVisionConfig(**SEEN)))):
        save(name, scramble(model, 8), image_cases(model, SEEN["image_size"]),
             prefix="vision_model." if name == "blip_vision" else "")
    both = scramble(tf.CLIPModel(tf.CLIPConfig(text_config=clip_text.to_dict(), projection_dim=9,
                                               vision_config=tf.CLIPVisionConfig(**SEEN).to_dict())), 9)
    save("clip", both, clip_cases(both))


    column = scramble(tf.ColModernVBertForRetrieval(tf.ColModernVBertConfig(embedding_dim=6, vlm_config={
        "model_type": "modernvbert", "image_token_id": 60, "pixel_shuffle_factor": 2,
        "text_config": {**TEXT, "model_type": "modernbert", "num_attention_heads": 2, "local_attention": 8,
                        "pad_token_id": 0},
        "vision_config": {**SEEN, "model_type": "siglip_vision_model", "image_size": 28, "patch_size": 7}})), 10)
    save("colmodernvbert", column, column_cases(column))


    save_sentence_model(bert)
    save_image_model()


def save_image_model():
    """SigLIP's vision tower with its image processor, pictures of odd sizes, and their pooled outputs, L2 1."""
    folder = OUT / "images"
    model = scramble(tf.SiglipVisionModel(tf.SiglipVisionConfig(**SEEN)), 12)
    model.save_pretrained(folder)
    side = SEEN["image_size"]
    processor = tf.SiglipImageProcessor(size={"height": side, "width": side})
    processor.save_pretrained(folder)
    (folder / "pictures").mkdir()
    random = np.random.default_rng(13)
    pictures = []
    for i, (width, height) in enumerate([(23, 23), (40, 17), (9, 31), (64, 64)]):
        noise = random.integers(0, 256, (height // 3 + 1, width // 3 + 1, 3), dtype=np.uint8)
        pictures.append(Image.fromarray(noise).resize((width, height), Image.BILINEAR))
        pictures[-1].save(folder / f"pictures/{i}.png")
    out = model(**processor(pictures, return_tensors="pt"))
    save_file({"vectors": torch.nn.functional.normalize(out.pooler_output, dim=-1),
               "hidden": out.last_hidden_state.flatten(0, 1)}, folder / "cases.safetensors")


def save_sentence_model(bert):
    """A sentence-transformers folder with a tokenizer of letters, texts, and their vectors."""
    folder = OUT / "sentence"
    letters = "abcdefghijklmnopqrstuvwxyz"
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *("##" + c for c in letters), *".,!?-"]
    tokenizer = Tokenizer(tk.models.WordPiece({token: i for i, token in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.normalizer = tk.normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = tk.pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = tk.processors.TemplateProcessing("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1",
                                                                [("[CLS]", 2), ("[SEP]", 3)])
    bert.save_pretrained(folder)
    tf.PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
                               sep_token="[SEP]", model_max_length=20).save_pretrained(folder)
    tower = Transformer(str(folder))
    model = SentenceTransformer(modules=[tower, Pooling(24, "mean"), Normalize()], prompts={"query": "ask: "},
                                device="cpu")
    shutil.rmtree(folder)
    model.save(str(folder), create_model_card=False)
    texts = ["a cat", "Dogs!", "", "x" * 40, "one, two - three?", "\u00e9t\u00e9 \u4e2d", "the end.", "b"]
    (folder / "texts.txt").write_text("".join(text + "\n" for text in texts))
    vectors = {"vectors": model.encode(texts), "queries": model.encode(texts, prompt_name="query"),
               "tokens": torch.cat(model.encode(texts, output_value="token_embeddings"))}
    save_file({name: torch.as_tensor(value) for name, value in vectors.items()}, folder / "cases.safetensors")


def column_cases(model):
    """Rows with one image each (4 tokens), and rows without any."""
    random = torch.Generator().manual_seed(11)
    for case in text_cases(model.vlm.text_model, SHAPES[2:]):
        ids, mask = case["ids"], case["mask"]
        yield {"ids": ids, "mask": mask, "vectors": model(input_ids=ids, attention_mask=mask).embeddings}
        ids, mask = ids.clone(), mask.clone()
        ids[:, 1:5], mask[:, :5] = 60, 1
        pixels = torch.randn(len(ids), 3, 28, 28, generator=random)
        out = model(input_ids=ids, attention_mask=mask, pixel_values=pixels.unsqueeze(1))
        yield {"ids": ids, "mask": mask, "pixels": pixels, "vectors": out.embeddings}


def clip_cases(model):
    texts = list(text_cases(model.text_model, SHAPES, end=60))
    for text, image in zip(texts, image_cases(model.vision_model, SEEN["image_size"])):
        vectors = model.text_projection(text["pooled"]), model.visual_projection(image["pooled"])
        yield {"ids": text["ids"], "mask": text["mask"], "text_vectors": vectors[0], "pixels": image["pixels"],
               "image_vectors": vectors[1]}


if __name__ == "__main__":
    main()
