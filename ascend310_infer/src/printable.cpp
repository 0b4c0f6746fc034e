#include "printable.h"

#include <array>
#include <cstdio>

namespace infer {
namespace {

constexpr std::size_t kLongest = 300;

bool is_shown(char32_t code) {
  const bool controls = code < 0x20 || (code >= 0x7F && code < 0xA0);
  const bool directions = (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
                          (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF;
  return !controls && !directions && (code < 0xD800 || code >= 0xE000);
}

std::string escaped(char32_t code) {
  std::array<char, 12> text{};
  const bool is_byte = code < 0x100 || (code >= 0xDC80 && code < 0xDD00);
  std::snprintf(text.data(), text.size(), is_byte ? "\\x%02x" : "\\u%04x",
                static_cast<unsigned>(is_byte ? code & 0xFFU : code));
  return text.data();
}

}  // namespace

char32_t next_code_point(const std::string& text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(at++);
  if (lead < 0x80) return lead;
  const std::size_t more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
  constexpr std::array<char32_t, 4> smallest = {0, 0x80, 0x800, 0x10000};
  char32_t code = lead & (0x3FU >> more);
  bool valid = lead >= 0xC2 && lead <= 0xF4 && more <= text.size() - at;
  for (std::size_t i = 0; valid && i < more; ++i) {
    valid = (byte(at + i) & 0xC0U) == 0x80U;
    code = code << 6 | (byte(at + i) & 0x3FU);
  }
  if (!valid || code < smallest[more] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return 0xDC00 + lead;
  at += more;
  return code;
}

std::string one_line(const std::string& text) {
  std::string line;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    const char32_t code = next_code_point(text, at);
    if (code == '\n' || code == '\r' || code == '\t') {
      line += ' ';
    } else if (is_shown(code)) {
      line.append(text, start, at - start);
    } else {
      line += escaped(code);
    }
  }
  if (line.size() <= kLongest) return line;
  const auto is_inside = [&](std::size_t i) { return (static_cast<unsigned char>(line[i]) & 0xC0U) == 0x80U; };
  std::size_t first = (kLongest - 3) / 2, second = line.size() - first;  // no character is cut in two
  while (is_inside(first)) --first;
  while (second < line.size() && is_inside(second)) ++second;
  return line.substr(0, first) + "..." + line.substr(second);
}

}  // namespace infer
