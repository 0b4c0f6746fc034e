#pragma once

#include <string>

namespace infer {

/// The text on one line of at most 300 bytes, with control characters and bytes that are not UTF-8 as escapes: a
/// message may name a file, and a name may hold what a terminal obeys. As `one_line` in Python, its middle is left
/// out where it is too long.
std::string one_line(const std::string& text);

/// Code point at `at`, which moves on; 0xDC00 + byte for a byte that is no part of valid UTF-8.
char32_t next_code_point(const std::string& text, std::size_t& at);

}  // namespace infer
