#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "errors.h"

/// Names the function and adds it to the tests of its file, `test_options` for test_options.cpp.
#define UNIT_TEST(name)                                                      \
  static void name();                                                        \
  static const bool name##_is_known = unit::add_test(__FILE__, #name, name); \
  static void name()

#define CHECK(condition) unit::check((condition), __FILE__, __LINE__, #condition)

/// The expression raises a UserError whose message holds `words`.
#define CHECK_FAILS(expression, words) \
  unit::check_fails([&] { (void)(expression); }, words, __FILE__, __LINE__, #expression)

namespace unit {

bool add_test(const std::string& file, const std::string& name, std::function<void()> test);
void check(bool good, const char* file, int line, const std::string& what);
void check_fails(const std::function<void()>& action, const std::string& words, const char* file, int line,
                 const std::string& what);

/// An empty folder, removed at the end of the process.
std::filesystem::path new_folder();

}  // namespace unit
