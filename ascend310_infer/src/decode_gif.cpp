#include <algorithm>
#include <array>
#include <optional>

#include "decode_image.h"

namespace infer {
namespace {

using Palette = std::array<std::array<std::uint8_t, 3>, 256>;

/// The file from its start to its end; what lies beyond is "truncated".
class GifReader {
 public:
  GifReader(const std::vector<std::uint8_t>& data, const std::string& name) : data_(data), name_(name) {}

  unsigned byte() {
    if (at_ >= data_.size()) throw ImageError("truncated", name_);
    return data_[at_++];
  }
  unsigned word() {
    const unsigned low = byte();
    return low | byte() << 8;
  }
  void skip(std::size_t count) { at_ += std::min(count, data_.size() - at_); }
  bool at_end() const { return at_ >= data_.size(); }

  Palette palette(unsigned flags) {
    Palette colors{};
    for (std::size_t i = 0; i < std::size_t{2} << (flags & 7U); ++i) {
      for (std::uint8_t& part : colors[i]) part = static_cast<std::uint8_t>(byte());
    }
    return colors;
  }

  /// The bytes of a chain of blocks, up to the empty one; a cut-off chain gives what there is.
  std::vector<std::uint8_t> blocks() {
    std::vector<std::uint8_t> joined;
    while (!at_end()) {
      const std::size_t size = byte(), there = std::min(size, data_.size() - at_);
      if (size == 0) break;
      joined.insert(joined.end(), data_.data() + at_, data_.data() + at_ + there);
      at_ += there;
    }
    return joined;
  }

 private:
  const std::vector<std::uint8_t>& data_;
  const std::string& name_;
  std::size_t at_ = 0;
};

/// LZW codes of growing width -> `count` palette indices; fewer when the data end or are damaged.
std::vector<std::uint8_t> gif_indices(const std::vector<std::uint8_t>& data, unsigned bits, std::size_t count) {
  constexpr std::size_t most = 4096;
  const unsigned clear = 1U << bits, end = clear + 1;
  std::array<std::uint16_t, most> before{};  // code without its last index
  std::array<std::uint8_t, most> last{};
  std::array<std::uint8_t, most> reversed{};
  for (unsigned i = 0; i < clear; ++i) last[i] = static_cast<std::uint8_t>(i);
  std::vector<std::uint8_t> indices;
  unsigned width = bits + 1, next = clear + 2, held = 0, held_bits = 0, first = 0;
  unsigned previous = 0;
  bool has_previous = false;  // not after a clear code
  std::size_t at = 0;
  while (indices.size() < count) {
    for (; held_bits < width; held_bits += 8) {
      if (at == data.size()) return indices;
      held |= static_cast<unsigned>(data[at++]) << held_bits;
    }
    const unsigned code = held & ((1U << width) - 1);
    held >>= width;
    held_bits -= width;
    if (code == clear) {
      width = bits + 1;
      next = clear + 2;
      has_previous = false;
      continue;
    }
    if (code == end || code > next || (!has_previous && code > clear) || (code == next && next == most)) return indices;
    // A code that is only being made now ends with its own first index.
    unsigned walked = code == next ? previous : code;
    std::size_t length = 0;
    if (code == next) reversed[length++] = static_cast<std::uint8_t>(first);
    for (; walked >= clear; walked = before[walked]) reversed[length++] = last[walked];
    first = last[walked];
    indices.push_back(static_cast<std::uint8_t>(first));
    while (length > 0) indices.push_back(reversed[--length]);
    if (has_previous && next < most) {
      before[next] = static_cast<std::uint16_t>(previous);
      last[next++] = static_cast<std::uint8_t>(first);
      if (next == 1U << width && width < 12) ++width;
    }
    previous = code;
    has_previous = true;
  }
  return indices;
}

/// The stored rows of an interlaced image in the order in which they are shown.
std::vector<unsigned> interlaced_rows(unsigned height) {
  std::vector<unsigned> rows;
  constexpr std::array<std::array<unsigned, 2>, 4> passes = {{{0, 8}, {4, 8}, {2, 4}, {1, 2}}};
  for (const auto& [start, step] : passes) {
    for (unsigned y = start; y < height; y += step) rows.push_back(y);
  }
  return rows;
}

}  // namespace

/// The first image of a GIF; its transparent color, and what it does not cover, on white or in the first color.
Image decode_gif(const std::vector<std::uint8_t>& data, const std::string& name, std::int64_t max_pixels) {
  GifReader reader(data, name);
  reader.skip(6);
  const unsigned screen_width = reader.word(), screen_height = reader.word(), screen_flags = reader.byte();
  reader.skip(2);
  Palette palette;
  for (std::size_t i = 0; i < 256; ++i) palette[i].fill(static_cast<std::uint8_t>(i));  // gray, where there is none
  if ((screen_flags & 0x80U) != 0) palette = reader.palette(screen_flags);
  std::optional<unsigned> transparent;
  for (unsigned kind = reader.byte(); kind != 0x2C; kind = reader.byte()) {
    if (kind == 0x3B) throw ImageError("truncated", name, "no image in the file");
    if (kind != 0x21) continue;
    const unsigned label = reader.byte();
    const std::vector<std::uint8_t> block = reader.blocks();
    if (label == 0xF9 && block.size() >= 4 && (block[0] & 1U) != 0) transparent = block[3];
  }
  const unsigned left = reader.word(), top = reader.word(), width = reader.word(), height = reader.word();
  const unsigned flags = reader.byte();
  if ((flags & 0x80U) != 0) palette = reader.palette(flags);
  const unsigned bits = reader.byte();
  const unsigned full_width = std::max(screen_width, left + width), full_height = std::max(screen_height, top + height);
  check_size(full_height, full_width, name, max_pixels);
  if (bits < 1 || bits > 8) throw ImageError("truncated", name, "codes of " + std::to_string(bits) + " bits");

  const std::size_t count = static_cast<std::size_t>(width) * height;
  const std::vector<std::uint8_t> indices = gif_indices(reader.blocks(), bits, count);
  if (indices.size() < count) throw ImageError("truncated", name);
  if (transparent) palette[*transparent] = {255, 255, 255};
  Image image(static_cast<int>(full_height), static_cast<int>(full_width));
  const auto& around = palette[transparent.value_or(0)];
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = around[i % 3];
  const std::vector<unsigned> rows = (flags & 0x40U) != 0 ? interlaced_rows(height) : std::vector<unsigned>();
  for (unsigned y = 0; y < height; ++y) {
    std::uint8_t* to = image.row(static_cast<int>(top + (rows.empty() ? y : rows[y]))) + 3 * std::size_t{left};
    for (unsigned x = 0; x < width; ++x, to += 3) {
      std::copy_n(palette[indices[std::size_t{y} * width + x]].begin(), 3, to);
    }
  }
  return image;
}

}  // namespace infer
