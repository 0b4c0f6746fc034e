#include "png_rows.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <set>
#include <utility>

namespace infer {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kPiece = std::size_t{1} << 16;

/// Bytes of a row with its filter, and their number, of the image or of each of its passes.
struct Rows {
  std::size_t count, length;
};

std::vector<Rows> rows_of(const PngHeader& header) {
  static const std::vector<std::array<std::int64_t, 4>> adam7 = {
      {0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
  static const std::vector<std::array<std::int64_t, 4>> whole = {{0, 0, 1, 1}};
  const std::int64_t bits = std::int64_t{header.depth} * channels_of(header.color, header.depth);
  std::vector<Rows> rows;
  for (const auto& [x, y, dx, dy] : header.interlaced ? adam7 : whole) {
    const std::int64_t width = (header.width - x + dx - 1) / dx, height = (header.height - y + dy - 1) / dy;
    if (header.width <= x || header.height <= y) continue;
    rows.push_back({static_cast<std::size_t>(height), static_cast<std::size_t>(1 + (width * bits + 7) / 8)});
  }
  return rows;
}

/// Whether a row that begins in this piece of the pixels, which begins at `place`, has no known filter.
bool has_unknown_filter(const Bytes& piece, std::size_t place, const std::vector<Rows>& rows) {
  std::size_t start = 0;
  for (const Rows& same : rows) {
    const std::size_t end = std::min(start + same.count * same.length, place + piece.size());
    const std::size_t skipped = place > start ? (place - start + same.length - 1) / same.length : 0;
    for (std::size_t at = start + skipped * same.length; at < end; at += same.length) {
      if (piece[at - place] > 4) return true;
    }
    start += same.count * same.length;
  }
  return false;
}

/// Inflates `from` to at most `most` bytes, piece by piece; false where the stream is wrong or `use` says so.
bool inflate_pieces(const Bytes& from, std::size_t most, bool checked, const std::function<bool(const Bytes&)>& use) {
  const int first = from.empty() ? 0 : from[0], flags = from.size() < 2 ? 0 : from[1];
  if ((first & 15) != Z_DEFLATED || first >> 4 > 7 || (flags & 32) != 0 || (first * 256 + flags) % 31 != 0)
    return false;
  z_stream stream{};
  if (inflateInit2(&stream, checked ? MAX_WBITS : -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  const auto close = [](z_stream* opened) { inflateEnd(opened); };
  const std::unique_ptr<z_stream, decltype(close)> closing(&stream, close);
  Bytes piece;
  std::size_t at = checked ? 0 : 2;
  for (int code = Z_OK; most > 0 && code != Z_STREAM_END;) {
    if (stream.avail_in == 0) {
      if (at == from.size()) break;
      stream.next_in = const_cast<Bytef*>(&from[at]);  // zlib does not write there
      stream.avail_in = static_cast<uInt>(std::min(kPiece, from.size() - at));
      at += stream.avail_in;
    }
    piece.resize(std::min(most, kPiece));
    stream.next_out = piece.data();
    stream.avail_out = static_cast<uInt>(piece.size());
    code = inflate(&stream, Z_SYNC_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) return false;
    piece.resize(piece.size() - stream.avail_out);
    if (!use(piece)) return false;
    most -= piece.size();
  }
  return true;
}

/// Gives the rows with their filters, in pieces; false where they are not all there or something is wrong.
bool for_rows(const SoundPng& png, const std::function<void(const std::uint8_t*, std::size_t)>& use) {
  const std::vector<Rows> rows = rows_of(png.header);
  std::size_t expected = 0, place = 0;
  for (const Rows& same : rows) expected += same.count * same.length;
  const bool sound = inflate_pieces(png.pixels, expected + 1, !png.right_checksums, [&](const Bytes& piece) {
    if (has_unknown_filter(piece, place, rows)) return false;
    use(piece.data(), std::min(piece.size(), expected - std::min(place, expected)));
    place += piece.size();
    return true;
  });
  return sound && place >= expected;
}

}  // namespace

/// Number of values per pixel by color type; 0 where there is no such type, or not in this depth.
int channels_of(int color, int depth) {
  static const std::map<int, std::pair<int, std::set<int>>> known = {
      {0, {1, {1, 2, 4, 8, 16}}}, {2, {3, {8, 16}}}, {3, {1, {1, 2, 4, 8}}}, {4, {2, {8, 16}}}, {6, {4, {8, 16}}}};
  const auto found = known.find(color);
  return found == known.end() || found->second.second.count(depth) == 0 ? 0 : found->second.first;
}

bool has_all_rows(const SoundPng& png) {
  return for_rows(png, [](const std::uint8_t*, std::size_t) {});
}

Bytes deflated_rows(const SoundPng& png) {
  z_stream stream{};
  if (deflateInit(&stream, 1) != Z_OK) throw std::bad_alloc();
  const auto close = [](z_stream* opened) { deflateEnd(opened); };
  const std::unique_ptr<z_stream, decltype(close)> closing(&stream, close);
  Bytes made, room(kPiece);
  const auto give = [&](const std::uint8_t* data, std::size_t size, int flush) {
    stream.next_in = const_cast<Bytef*>(data);  // zlib does not write there
    stream.avail_in = static_cast<uInt>(size);
    do {
      stream.next_out = room.data();
      stream.avail_out = static_cast<uInt>(room.size());
      deflate(&stream, flush);
      made.insert(made.end(), room.data(), stream.next_out);
    } while (stream.avail_out == 0);
  };
  const bool whole = for_rows(png, [&](const std::uint8_t* data, std::size_t size) { give(data, size, Z_NO_FLUSH); });
  if (!whole) return {};
  give(nullptr, 0, Z_FINISH);
  return made;
}

}  // namespace infer
