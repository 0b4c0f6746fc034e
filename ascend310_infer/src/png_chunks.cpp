#include "png_chunks.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <map>
#include <set>

#include "errors.h"
#include "png_rows.h"

namespace infer {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::array<std::uint8_t, 8> kSignature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
constexpr std::array<std::uint8_t, 12> kEnd = {0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xAE, 0x42, 0x60, 0x82};
constexpr int kGray = 0, kRgb = 2, kPalette = 3;
constexpr std::size_t kMostChunks = 200000;

std::uint32_t big_endian(const std::uint8_t* from) {
  return std::uint32_t{from[0]} << 24 | std::uint32_t{from[1]} << 16 | std::uint32_t{from[2]} << 8 | from[3];
}

void append(Bytes& to, std::uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<std::uint8_t>(number >> shift));
}

std::uint32_t checksum(const std::uint8_t* from, std::size_t size) {
  return static_cast<std::uint32_t>(crc32(crc32(0, nullptr, 0), from, static_cast<uInt>(size)));
}

/// A chunk as it stands in the file, or what is left of it where the file ends.
struct Chunk {
  std::string kind;
  const std::uint8_t* stored = nullptr;  // length, kind, body, checksum
  std::size_t length = 0;                // of the body that is there
  bool whole = false, sound = false;     // whether all is there; whether the checksum is right

  const std::uint8_t* body() const { return stored + 8; }
};

bool is_letter(std::uint8_t byte) { return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z'); }

/// Gives each chunk up to IEND, the end of the data, or a place where no chunk begins.
void for_each_chunk(const Bytes& data, const std::string& name, const std::function<void(const Chunk&)>& use) {
  std::size_t at = kSignature.size();
  for (std::size_t number = 0; at + 8 <= data.size() && std::all_of(&data[at + 4], &data[at] + 8, is_letter);
       ++number) {
    if (number == kMostChunks) {
      throw ImageError("unsupported", name, "a PNG of more than " + std::to_string(kMostChunks) + " chunks");
    }
    const std::size_t claimed = big_endian(&data[at]), left = data.size() - at - 8;
    Chunk chunk;
    chunk.stored = &data[at];
    chunk.kind.assign(reinterpret_cast<const char*>(chunk.stored) + 4, 4);
    chunk.length = std::min(claimed, left);
    chunk.whole = left >= claimed + 4;
    chunk.sound = chunk.whole && checksum(chunk.stored + 4, claimed + 4) == big_endian(chunk.body() + claimed);
    use(chunk);
    if (!chunk.whole || chunk.kind == "IEND") return;
    at += 12 + claimed;
  }
}

PngHeader header_of(const Chunk& chunk, const std::string& name) {
  if (chunk.kind != "IHDR" || chunk.length != 13 || !chunk.whole) throw ImageError("truncated", name, "no header");
  if (!chunk.sound) throw ImageError("truncated", name, "IHDR has a wrong checksum");
  const std::uint8_t* body = chunk.body();
  PngHeader header{big_endian(body), big_endian(body + 4), body[8], body[9], body[12] == 1};
  if (channels_of(header.color, header.depth) == 0 || body[10] != 0 || body[11] != 0 || body[12] > 1) {
    throw ImageError("truncated", name, "the header cannot be");
  }
  return header;
}

/// Whether a palette, or what tells which colors are transparent, may be so long with this color type.
bool fits(const std::string& kind, std::size_t length, int color, bool has_palette) {
  if (kind == "PLTE") return color == kPalette && length % 3 == 0 && length >= 3 && length <= 768;
  if (color == kPalette) return has_palette && length >= 1 && length <= 256;
  return (color == kGray && length == 2) || (color == kRgb && length == 6);
}

/// Whether a chunk after the header is given to the decoder; `seen` are the kinds before it.
bool counts(const Chunk& chunk, const PngHeader& header, std::set<std::string>& seen, const std::string& name) {
  static const std::map<std::string, std::size_t> lengths = {{"pHYs", 9}, {"gAMA", 4}, {"cHRM", 32},
                                                             {"sRGB", 1}, {"acTL", 8}, {"fcTL", 26}};
  const std::string& kind = chunk.kind;
  const bool after_pixels = seen.count("IDAT") != 0;
  if (kind == "IDAT") {
    if (header.color == kPalette && seen.count("PLTE") == 0) throw ImageError("truncated", name, "no palette");
    return seen.count("end of pixels") == 0;
  }
  if (after_pixels) seen.insert("end of pixels");
  if (kind == "PLTE" && !chunk.sound) throw ImageError("truncated", name, "PLTE has a wrong checksum");
  const bool only_once = kind == "PLTE" || kind == "tRNS" || kind == "eXIf";
  if (!chunk.whole || (only_once && seen.count(kind) != 0)) return false;
  if (const auto length = lengths.find(kind); length != lengths.end() && length->second != chunk.length) return false;
  if (kind == "PLTE" || kind == "tRNS") {
    return chunk.sound && !after_pixels && fits(kind, chunk.length, header.color, seen.count("PLTE") != 0);
  }
  const bool is_ancillary = (kind[0] & 0x20) != 0, of_a_frame = kind == "fcTL" || kind == "fdAT";
  return kind == "IEND" || (is_ancillary && (chunk.sound || of_a_frame));
}

/// A chunk of the kind IDAT.
void append_pixels(Bytes& to, const std::uint8_t* body, std::size_t length) {
  append(to, static_cast<std::uint32_t>(length));
  const std::size_t kind = to.size();
  to.insert(to.end(), {'I', 'D', 'A', 'T'});
  to.insert(to.end(), body, body + length);
  append(to, checksum(&to[kind], length + 4));
}

}  // namespace

SoundPng sound_png(const Bytes& file, const std::string& name) {
  if (file.size() < kSignature.size() || !std::equal(kSignature.begin(), kSignature.end(), file.begin())) {
    throw ImageError("truncated", name, "no signature");
  }
  SoundPng png;
  png.data.assign(kSignature.begin(), kSignature.end());
  std::set<std::string> seen;
  for_each_chunk(file, name, [&](const Chunk& chunk) {
    if (seen.empty()) {
      png.header = header_of(chunk, name);
    } else if (!counts(chunk, png.header, seen, name)) {
      return;
    }
    seen.insert(chunk.kind);
    if (chunk.kind == "IDAT") {
      png.pixels.insert(png.pixels.end(), chunk.body(), chunk.body() + chunk.length);
      png.right_checksums = png.right_checksums && chunk.sound;
    }
    if (chunk.whole) {
      png.data.insert(png.data.end(), chunk.stored, chunk.stored + 12 + chunk.length);
    } else {
      append_pixels(png.data, chunk.body(), chunk.length);
    }
  });
  if (seen.count("IDAT") == 0) throw ImageError("truncated", name, "no pixels");
  if (seen.count("IEND") == 0) png.data.insert(png.data.end(), kEnd.begin(), kEnd.end());
  return png;
}

Bytes with_rows_anew(const SoundPng& png) {
  const Bytes pixels = deflated_rows(png);
  if (pixels.empty()) return {};
  Bytes made(kSignature.begin(), kSignature.end());
  for_each_chunk(png.data, "", [&](const Chunk& chunk) {
    const bool of_the_image = chunk.kind != "IDAT" && chunk.kind != "IEND";
    if (of_the_image) made.insert(made.end(), chunk.stored, chunk.stored + 12 + chunk.length);
  });
  append_pixels(made, pixels.data(), pixels.size());
  made.insert(made.end(), kEnd.begin(), kEnd.end());
  return made;
}

}  // namespace infer
