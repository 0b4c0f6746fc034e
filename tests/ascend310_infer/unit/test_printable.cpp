#include "printable.h"
#include "unit_test.h"

UNIT_TEST(what_a_terminal_obeys_is_escaped) {
  CHECK(infer::one_line("a\nb\tc") == "a b c");
  CHECK(infer::one_line("\x1b[2J\x07\x7f") == "\\x1b[2J\\x07\\x7f");
  CHECK(infer::one_line("\xc2\x9b") == "\\x9b");                // a control character of two bytes
  CHECK(infer::one_line("\xe2\x80\xae") == "\\u202e");          // turns the direction of what follows
  CHECK(infer::one_line("caf\xe9") == "caf\\xe9");              // not UTF-8
  CHECK(infer::one_line("\xed\xa0\x80") == "\\xed\\xa0\\x80");  // a surrogate, which UTF-8 does not have
  CHECK(infer::one_line("\xe5\xad\x97\xf0\x9f\x98\x80") == "\xe5\xad\x97\xf0\x9f\x98\x80");
}

UNIT_TEST(long_lines_keep_both_ends) {
  CHECK(infer::one_line(std::string(300, 'x')) == std::string(300, 'x'));
  const std::string cut = infer::one_line("first" + std::string(5000, 'x') + "last");
  CHECK(cut.size() <= 300 && cut.substr(0, 5) == "first" && cut.substr(cut.size() - 4) == "last");
  std::string many;
  for (int i = 0; i < 200; ++i) many += "\xe5\xad\x97";
  const std::string characters = infer::one_line(many);
  CHECK(characters.size() <= 300 && characters.find("\\x") == std::string::npos);
  CHECK(infer::one_line(characters) == characters);  // no character is cut in two
  CHECK(infer::one_line("").empty());
}
