// The wire format of protocol buffers: numbered fields that are a varint, 8 bytes, a length with as many
// bytes, or 4 bytes.
#include <cstring>

#include "data/text/sentence_piece.h"
#include "data/text/unicode.h"
#include "src/core/error.h"
#include "src/core/text.h"

namespace athanor {
namespace {

constexpr size_t kMostPieces = 10'000'000;

class Wire {
 public:
  Wire(std::string_view bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  // The next field; false at the end.
  bool next() {
    if (at_ == bytes_.size()) return false;
    const uint64_t key = varint();
    field_ = key >> 3;
    number_ = 0;
    data_ = {};
    if (const uint64_t kind = key & 7; kind == 0)
      number_ = varint();
    else if (kind == 1)
      data_ = take(8);
    else if (kind == 2)
      data_ = take(varint());
    else if (kind == 5)
      data_ = take(4);
    else
      fail(text("a field of kind ", kind));
    return true;
  }
  uint64_t field() const { return field_; }
  int64_t number() const { return static_cast<int64_t>(number_); }
  std::string_view data() const { return data_; }
  float real() const {
    float value = 0;
    if (data_.size() == sizeof value) std::memcpy(&value, data_.data(), sizeof value);
    return value;
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(
        {where_, "is no SentencePiece model: " + what, "", "", "a Git LFS pointer has to be fetched first"});
  }

 private:
  uint64_t varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at_ == bytes_.size()) fail("it ends within a field");
      const auto byte = static_cast<unsigned char>(bytes_[at_++]);
      value |= static_cast<uint64_t>(byte & 127) << shift;
      if (byte < 128) return value;
    }
    fail("a number of more than 64 bits");
  }
  std::string_view take(uint64_t size) {
    if (size > bytes_.size() - at_) fail("it ends within a field");
    at_ += size;
    return bytes_.substr(at_ - size, size);
  }

  std::string_view bytes_;
  const std::string& where_;
  size_t at_ = 0;
  uint64_t field_ = 0, number_ = 0;
  std::string_view data_;
};

SentencePieceFile::Piece read_piece(std::string_view bytes, const std::string& where) {
  SentencePieceFile::Piece piece;
  Wire wire(bytes, where);
  while (wire.next()) {
    if (wire.field() == 1) piece.text = wire.data();
    if (wire.field() == 2) piece.score = wire.real();
    if (wire.field() != 3) continue;
    if (wire.number() < 1 || wire.number() > 6) wire.fail(text("a piece of type ", wire.number()));
    piece.type = static_cast<SentencePieceFile::Type>(wire.number());
  }
  if (piece.text.empty()) wire.fail("an empty piece");
  if (find_invalid_utf8(piece.text) != std::string::npos) wire.fail("a piece that is no UTF-8");
  if (!(piece.score > -1e30F && piece.score < 1e30F)) wire.fail("a score that is no number");
  return piece;
}

void read_trainer(std::string_view bytes, const std::string& where, SentencePieceFile& out) {
  Wire wire(bytes, where);
  while (wire.next()) {
    switch (wire.field()) {
      case 3:
        out.model_type = wire.number();
        break;
      case 24:
        out.whitespace_as_suffix = wire.number() != 0;
        break;
      case 35:
        out.byte_fallback = wire.number() != 0;
        break;
      case 40:
        out.unknown_id = static_cast<int32_t>(wire.number());
        break;
      case 41:
        out.begin_id = static_cast<int32_t>(wire.number());
        break;
      case 42:
        out.end_id = static_cast<int32_t>(wire.number());
        break;
      case 43:
        out.pad_id = static_cast<int32_t>(wire.number());
        break;
      default:
        break;
    }
  }
}

void read_normalizer(std::string_view bytes, const std::string& where, SentencePieceFile& out) {
  Wire wire(bytes, where);
  while (wire.next()) {
    switch (wire.field()) {
      case 2:
        out.charsmap = wire.data();
        break;
      case 3:
        out.dummy_prefix = wire.number() != 0;
        break;
      case 4:
        out.remove_extra_whitespaces = wire.number() != 0;
        break;
      case 5:
        out.escape_whitespaces = wire.number() != 0;
        break;
      default:
        break;
    }
  }
}

}  // namespace

SentencePieceFile parse_sentence_piece(std::string_view bytes, const std::string& where) {
  SentencePieceFile out;
  Wire wire(bytes, where);
  while (wire.next()) {
    if (wire.field() == 1) out.pieces.push_back(read_piece(wire.data(), where));
    if (wire.field() == 2) read_trainer(wire.data(), where, out);
    if (wire.field() == 3) read_normalizer(wire.data(), where, out);
    if (out.pieces.size() > kMostPieces) wire.fail("too many pieces");
  }
  if (out.pieces.empty()) wire.fail("it has no pieces");
  if (out.model_type != 1 && out.model_type != 2)
    throw Error({where, "models of this type are not supported", "Unigram (1) or BPE (2)",
                 std::to_string(out.model_type)});
  return out;
}

}  // namespace athanor
