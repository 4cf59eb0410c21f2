"""What transformers and sentence-transformers make of texts and images with a Hugging Face folder: the reference of
`athanor parity`, which runs this.   reference_vectors.py JOB.json

JOB.json: {"model": DIR, "texts": [...], "images": [paths], "output": FILE.safetensors}. Inputs go one by one, so that no
padding takes part. Written for texts and images each: hidden (rows of all inputs), pooled and vectors, where the model
has them; and the texts' token ids.
"""
import json
import os
import sys
from pathlib import Path

os.environ.update(TRANSFORMERS_VERBOSITY="error", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
MISSING = 3  # the exit code where a package is missing
NEEDED = "torch transformers safetensors pillow torchvision"
try:
    import torch
    import transformers as tf
    from PIL import Image
    from safetensors.torch import save_file
except ImportError as error:
    print(f"{error}; pip install {NEEDED}", file=sys.stderr)
    sys.exit(MISSING)

CLASSES = {"bert": "BertModel", "xlm-roberta": "XLMRobertaModel", "modernbert": "ModernBertModel", "clip": "CLIPModel",
           "clip_text_model": "CLIPTextModel", "clip_vision_model": "CLIPVisionModel", "siglip": "SiglipModel",
           "siglip_text_model": "SiglipTextModel", "siglip_vision_model": "SiglipVisionModel", "blip": "BlipModel",
           "blip_vision_model": "BlipVisionModel"}
MEANS = ("bert", "xlm-roberta", "modernbert")


def normalized(x):
    return torch.nn.functional.normalize(x, dim=-1)


class Outputs:
    """Rows of each kind, by name."""

    def __init__(self):
        self.rows = {}

    def add(self, name, row):
        if row is not None:
            self.rows.setdefault(name, []).append(row.contiguous())

    def add_tower(self, side, out, rows=None):
        self.add(f"{side}/hidden", out.last_hidden_state[0, :rows])
        self.add(f"{side}/pooled", getattr(out, "pooler_output", None))

    def tensors(self):
        return {name: torch.cat(rows) for name, rows in self.rows.items()}


def text_length(folder, tokenizer, config):
    """Tokens at which texts are cut off."""
    lengths = [tokenizer.model_max_length, getattr(config, "max_position_embeddings", 512)]
    if config.model_type == "xlm-roberta":
        lengths[1] -= config.pad_token_id + 1
    extra = folder / "sentence_bert_config.json"
    if extra.exists():
        lengths.append(json.loads(extra.read_text()).get("max_seq_length") or lengths[0])
    return min(lengths)


def add_texts(folder, model, texts, out):
    config = getattr(model.config, "text_config", model.config)
    tower = getattr(model, "text_model", model)
    tokenizer = tf.AutoTokenizer.from_pretrained(folder)
    length = text_length(folder, tokenizer, config)
    padding = "max_length" if "siglip" in model.config.model_type else False
    has_modules = (folder / "modules.json").exists()
    for text in texts:
        tokens = len(tokenizer(text, truncation=True, max_length=length)["input_ids"])
        ids = tokenizer(text, truncation=True, max_length=length, padding=padding, return_tensors="pt")["input_ids"]
        out.add("text/ids", ids[0, :tokens])
        made = tower(input_ids=ids, attention_mask=torch.ones_like(ids))  # SigLIP sees its padding
        out.add_tower("text", made, tokens)
        if model.config.model_type in MEANS:
            if not has_modules:
                out.add("text/vectors", normalized(made.last_hidden_state.mean(1)))
        elif model.config.model_type == "clip":
            out.add("text/vectors", normalized(model.text_projection(made.pooler_output)))
        else:
            out.add("text/vectors", normalized(made.pooler_output))
    if has_modules:
        from sentence_transformers import SentenceTransformer
        out.add("text/vectors", SentenceTransformer(str(folder), device="cpu").encode(
            texts, batch_size=1, prompt="", convert_to_tensor=True))


def add_images(folder, model, images, out):
    tower = getattr(model, "vision_model", model)
    processor = tf.AutoImageProcessor.from_pretrained(folder, backend="torchvision")
    for path in images:
        pixels = processor(Image.open(path).convert("RGB"), return_tensors="pt")["pixel_values"]
        made = tower(pixel_values=pixels)
        out.add_tower("image", made)
        if made.pooler_output is None:
            continue
        pooled = made.pooler_output
        out.add("image/vectors", normalized(model.visual_projection(pooled) if model.config.model_type == "clip" else pooled))


def load(folder, kind):
    """Whole: what transformers does not find it would draw at random."""
    model, info = kind.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    missing = sorted(info["missing_keys"])
    if missing and all("pooler" in name for name in missing):
        model = kind.from_pretrained(folder, dtype=torch.float32, add_pooling_layer=False)
    elif missing:
        sys.exit(f"{kind.__name__} of transformers {tf.__version__} does not find {missing[0]} in {folder}")
    return model.eval()


def main():
    job = json.loads(Path(sys.argv[1]).read_text())
    folder = Path(job["model"])
    model_type = json.loads((folder / "config.json").read_text()).get("model_type")
    if model_type not in CLASSES:
        sys.exit(f"no reference for model_type {model_type!r} in transformers {tf.__version__}")
    torch.set_num_threads(job.get("threads") or torch.get_num_threads())
    model = load(folder, getattr(tf, CLASSES[model_type]))
    out = Outputs()
    with torch.inference_mode():
        if job["texts"]:
            add_texts(folder, model, job["texts"], out)
        if job["images"]:
            add_images(folder, model, job["images"], out)
    tensors = {name: tensor.to(torch.int64) if name == "text/ids" else tensor for name, tensor in out.tensors().items()}
    save_file(tensors, job["output"], {"transformers": tf.__version__, "torch": torch.__version__})


if __name__ == "__main__":
    try:
        main()
    except ImportError as error:
        print(f"{error}; pip install {NEEDED} sentence-transformers", file=sys.stderr)
        sys.exit(MISSING)
