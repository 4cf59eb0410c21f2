#!/usr/bin/env python3
"""Writes data/text/unicode_tables.inc: what each code point is to the `tokenizers` library, asked of the library itself.

Its parts (Rust's char, the crates regex, unicode_categories and unicode-normalization, Oniguruma) bring tables of four
Unicode versions; ids are equal only if ours are the same. Wants tokenizers 0.23.3 and sentencepiece.
"""
import ctypes
import io
import json
import pathlib
import tempfile
import unicodedata

import sentencepiece
import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

ALL = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
TEXT = "".join(map(chr, ALL))
CATEGORIES = ["Cn", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf",
              "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Co", "Cs"]
UTF8PROC = ctypes.CDLL("libutf8proc.so.2")
UTF8PROC.utf8proc_get_property.restype = ctypes.c_void_p


def matched(pattern):
    return {ord(c) for piece, _ in pre_tokenizers.Split(Regex(pattern), "removed", invert=True).pre_tokenize_str(TEXT)
            for c in piece}


def kept_by(pre_tokenizer):
    return {ord(c) for piece, _ in pre_tokenizer.pre_tokenize_str(TEXT) for c in piece}


def removed_by(normalizer):
    return {c for c in ALL if normalizer.normalize_str("a" + chr(c)) == "a"}


def isolated_by(pre_tokenizer):
    return {c for c in ALL if len(pre_tokenizer.pre_tokenize_str("a" + chr(c) + "a")) == 3}


def precompiled(rules):
    """A character map compiled by SentencePiece from {code point: text}."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "rules.tsv")
        path.write_text("".join(f"{k:X}\t{' '.join(f'{ord(c):X}' for c in v)}\n" for k, v in rules.items()))
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(["hello world"] * 10), model_writer=model,
                                                 vocab_size=12, normalization_rule_tsv=str(path), minloglevel=2)
    from sentencepiece import sentencepiece_model_pb2
    proto = sentencepiece_model_pb2.ModelProto.FromString(model.getvalue())
    return normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap)


def flags():
    """Bits of data/text/unicode.h, in its order, and the general category above them."""
    letter_a_to_x = precompiled({0x61: "X"})
    only_clean = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=False,
                                            lowercase=False)
    only_accents = normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True,
                                              lowercase=False)
    bits = [set(ALL) - kept_by(pre_tokenizers.WhitespaceSplit()),
            isolated_by(pre_tokenizers.BertPreTokenizer()),
            removed_by(only_clean),
            removed_by(only_accents),
            removed_by(normalizers.StripAccents()),
            isolated_by(pre_tokenizers.Digits(individual_digits=True)),
            {c for c in ALL if pre_tokenizers.Whitespace().pre_tokenize_str("a" + chr(c)) == [("a" + chr(c), (0, 2))]},
            matched(r"\w"),
            # Joined to the "a" before it, the pair is replaced as a whole.
            {c for c in ALL if letter_a_to_x.normalize_str("a" + chr(c)) == "X"},
            # Joined to what is before, "a" with its accent is too long to be replaced as a whole.
            {c for c in ALL if letter_a_to_x.normalize_str(chr(c) + "a\u0301").endswith("\u0301")}]
    # What stands for itself in a normal form, and composes with nothing before it. A combining class does not count.
    seconds = {int(unicodedata.decomposition(chr(c)).split()[1], 16) for c in ALL
               if len(unicodedata.decomposition(chr(c)).split()) == 2 and "<" not in unicodedata.decomposition(chr(c))}
    seconds |= {*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)}
    forms = [{c for c in ALL if form.normalize_str(chr(c)) == chr(c) and not (composes and c in seconds)}
             for form, composes in ((normalizers.NFC(), True), (normalizers.NFD(), False), (normalizers.NFKC(), True),
                                    (normalizers.NFKD(), False))]
    assert matched(r"\s") == bits[0] and isolated_by(pre_tokenizers.Punctuation()) == bits[1]
    out = {c: sum(1 << i for i, members in enumerate(bits) if c in members) for c in ALL}
    for number, name in enumerate(CATEGORIES):
        for c in matched(r"\p{%s}" % name) if name != "Cs" else ():
            out[c] |= number << 10
    for bit, members in enumerate(forms):
        for c in members:
            out[c] |= 1 << 17 + bit
    return out


def runs(value):
    last, out = None, []
    for c in ALL:
        if value[c] != last:
            out.append((c, value[c]))
            last = value[c]
    return out


def lower_runs():
    """(first, last, step, difference); U+0130 becomes two and is left to the code."""
    lower = normalizers.Lowercase()
    out = []
    for c in ALL:
        to = lower.normalize_str(chr(c))
        if to == chr(c) or c == 0x130:
            assert c != 0x130 or to == "i\u0307"
            continue
        difference = ord(to) - c
        if out and out[-1][3] == difference and (c - out[-1][1] == out[-1][2] or
                                                 (out[-1][0] == out[-1][1] and c - out[-1][1] in (1, 2))):
            out[-1] = (out[-1][0], c, c - out[-1][1], difference)
        else:
            out.append((c, c, 1, difference))
    return out


def newer():
    """Code points that utf8proc decomposes or orders and the library does not yet."""
    UTF8PROC.utf8proc_NFD.restype = UTF8PROC.utf8proc_NFKD.restype = ctypes.c_char_p
    out = []
    for c in ALL[1:]:
        text = chr(c).encode()
        # A combining class of its own: the mark changes places with U+0334 (class 1) or lets U+0301 (230) pass.
        probes = [text, b"a" + text + "\u0334".encode(), b"a\xcc\x81" + text]
        same = all(UTF8PROC.utf8proc_NFKD(p).decode() == normalizers.NFKD().normalize_str(p.decode()) and
                   UTF8PROC.utf8proc_NFD(p).decode() == normalizers.NFD().normalize_str(p.decode()) for p in probes)
        if not same:
            assert normalizers.NFKD().normalize_str(chr(c)) == chr(c), hex(c)
            out.append(c)
    return out


def ranges(points):
    out = []
    for c in points:
        if out and out[-1][1] == c - 1:
            out[-1] = (out[-1][0], c)
        else:
            out.append((c, c))
    return out


def array(kind, name, rows):
    cells = ["{" + ",".join(f"{v:#x}" if i == 0 else str(v) for i, v in enumerate(row)) + "}" for row in rows]
    lines, line = [], " "
    for cell in cells:
        if len(line) + len(cell) + 2 > 110:
            lines.append(line)
            line = " "
        line += " " + cell + ","
    return f"constexpr {kind} {name}[] = {{\n" + "\n".join([*lines, line]) + "\n};\n"


if __name__ == "__main__":
    target = pathlib.Path(__file__).resolve().parents[2] / "data/text/unicode_tables.inc"
    table, lower, unknown = runs(flags()), lower_runs(), ranges(newer())
    target.write_text(
        f"// Made by scripts/golden/make_unicode.py from tokenizers {tokenizers.__version__}; not for editing.\n"
        "// {first code point, bits of CharBits with the general category}, each until the next\n"
        + array("PropertyRun", "kPropertyRuns", table)
        + "// {first, last, step, difference to the lower case}\n" + array("LowerRun", "kLowerRuns", lower)
        + "// {first, last} that normalise to themselves there, being newer than its tables\n"
        + array("PointRange", "kUnknownToNormalizer", unknown))
    print(json.dumps({"runs": len(table), "lower": len(lower), "newer": unknown, "bytes": target.stat().st_size}))
