// unit_tests NAME: run the tests of NAME.cpp; the exit code says whether all checks held.

#include <unistd.h>

#include <iostream>
#include <map>
#include <vector>

#include "unit_test.h"

namespace unit {
namespace {

struct Test {
  std::string name;
  std::function<void()> run;
};

std::map<std::string, std::vector<Test>>& all_tests() {
  static std::map<std::string, std::vector<Test>> tests;
  return tests;
}

int failures = 0;

struct Folders {
  std::filesystem::path root;
  int count = 0;
  ~Folders() {
    std::error_code ignored;
    if (!root.empty()) std::filesystem::remove_all(root, ignored);
  }
} folders;

}  // namespace

bool add_test(const std::string& file, const std::string& name, std::function<void()> test) {
  all_tests()[std::filesystem::path(file).stem().string()].push_back({name, std::move(test)});
  return true;
}

void check(bool good, const char* file, int line, const std::string& what) {
  if (good) return;
  ++failures;
  std::cerr << file << ":" << line << ": does not hold: " << what << "\n";
}

void check_fails(const std::function<void()>& action, const std::string& words, const char* file, int line,
                 const std::string& what) {
  try {
    action();
  } catch (const infer::UserError& error) {
    const std::string text = error.what();
    check(text.find(words) != std::string::npos, file, line, what + " says '" + text + "', not '" + words + "'");
    return;
  }
  check(false, file, line, what + " does not fail");
}

std::filesystem::path new_folder() {
  if (folders.root.empty()) {
    folders.root = std::filesystem::temp_directory_path() / ("infer unit " + std::to_string(getpid()));
  }
  const auto folder = folders.root / std::to_string(folders.count++);
  std::filesystem::create_directories(folder);
  return folder;
}

}  // namespace unit

int main(int count, char** values) {
  const auto tests = unit::all_tests().find(count > 1 ? values[1] : "");
  if (tests == unit::all_tests().end()) {
    std::cerr << "no such tests\n";
    return 2;
  }
  for (const auto& test : tests->second) {
    std::cout << test.name << std::endl;
    test.run();
  }
  return unit::failures == 0 ? 0 : 1;
}
