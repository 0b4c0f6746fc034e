#include <fcntl.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <iterator>

#include "output_files.h"
#include "unit_test.h"
#include "whole_file.h"

using infer::json_string;

static bool no_room_at_the_end = false;

/// `close` of the whole program, which can fail as on a network file system that is full.
extern "C" int close(int descriptor) {
  const int done = static_cast<int>(::syscall(SYS_close, descriptor));
  if (!no_room_at_the_end) return done;
  errno = ENOSPC;
  return -1;
}

static long files_in(const std::filesystem::path& folder) {
  const std::filesystem::directory_iterator entries(folder);
  return std::distance(begin(entries), end(entries));
}

static std::string content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

UNIT_TEST(names_as_json) {
  CHECK(json_string("a b") == "\"a b\"");
  CHECK(json_string("\"\\\n\t\x01\x7f") == "\"\\\"\\\\\\n\\t\\u0001\\u007f\"");
  CHECK(json_string("\xC3\xA9\xE5\xAD\x97") == "\"\\u00e9\\u5b57\"");
  CHECK(json_string("\xF0\x9F\x98\x80") == "\"\\ud83d\\ude00\"");
}

UNIT_TEST(bytes_that_are_not_utf8) {
  CHECK(json_string("\xFF") == "\"\\udcff\"");
  CHECK(json_string("\xC3") == "\"\\udcc3\"");                                   // cut off
  CHECK(json_string("\xC0\xAF") == "\"\\udcc0\\udcaf\"");                        // longer than needed
  CHECK(json_string("\xE0\x80\xAF") == "\"\\udce0\\udc80\\udcaf\"");             // the same
  CHECK(json_string("\xED\xA0\x80") == "\"\\udced\\udca0\\udc80\"");             // half of a pair
  CHECK(json_string("\xF4\x90\x80\x80") == "\"\\udcf4\\udc90\\udc80\\udc80\"");  // beyond the last character
  CHECK(json_string("\xE5\xAD"
                    "a") == "\"\\udce5\\udcada\"");
}

UNIT_TEST(files_of_an_image) {
  const auto folder = unit::new_folder();
  const infer::Tensor output{"mask", infer::DType::kBool, {1, 2}, {1, 0}};
  infer::write_outputs(folder / "made", "sub/a.v1.jpg", 3, 4, {output, output});
  CHECK(content(folder / "made/sub/a.v1.jpg_0.bin") == std::string("\x01\0", 2));
  CHECK(std::filesystem::exists(folder / "made/sub/a.v1.jpg_1.bin"));
  const std::string json = content(folder / "made/sub/a.v1.jpg.json");
  CHECK(json.find("\"image\": \"sub/a.v1.jpg\"") != std::string::npos);
  CHECK(json.find("\"file\": \"a.v1.jpg_1.bin\"") != std::string::npos);
  CHECK(files_in(folder / "made/sub") == 3);
}

UNIT_TEST(what_is_in_the_place_of_an_output) {
  const auto folder = unit::new_folder();
  const infer::Tensor output{"mask", infer::DType::kBool, {1, 2}, {1, 0}};
  std::ofstream(folder / "victim") << "precious";
  std::filesystem::create_symlink("victim", folder / "a.jpg_0.bin");
  infer::write_outputs(folder, "a.jpg", 3, 4, {output});
  CHECK(content(folder / "victim") == "precious");
  CHECK(content(folder / "a.jpg_0.bin") == std::string("\x01\0", 2));
  std::filesystem::create_directory(folder / "b.jpg.json");
  CHECK_FAILS(infer::write_outputs(folder, "b.jpg", 3, 4, {}), "b.jpg.json' cannot be written: Is a directory");
  CHECK(files_in(folder) == 4);  // nothing unfinished
}

UNIT_TEST(a_file_stands_until_the_new_one_is_closed) {
  const auto folder = unit::new_folder();
  std::ofstream(folder / "a.bin") << "old";
  no_room_at_the_end = true;
  CHECK_FAILS(infer::write_whole(folder / "a.bin", "new", 3), "a.bin' cannot be written: No space left on device");
  no_room_at_the_end = false;
  CHECK(content(folder / "a.bin") == "old");
  CHECK(files_in(folder) == 1);
}

UNIT_TEST(leftovers_of_a_killed_process_are_cleared) {
  const auto folder = unit::new_folder();
  const std::string digits(32, '0');
  const auto old = std::filesystem::file_time_type::clock::now() - std::chrono::minutes(1);
  for (const std::string& name : {"." + digits + ".tmp", ".a.bin." + digits + ".tmp", ".b." + digits + ".tmp"}) {
    std::ofstream(folder / name).put('x');
    std::filesystem::last_write_time(folder / name, old);
  }
  std::ofstream(folder / (".new." + digits + ".tmp")).put('x');
  const int held = ::open((folder / (".b." + digits + ".tmp")).c_str(), O_RDONLY | O_CLOEXEC);
  CHECK(::flock(held, LOCK_EX) == 0);
  infer::clear_leftovers(folder);
  ::close(held);
  CHECK(files_in(folder) == 3);
  CHECK(!std::filesystem::exists(folder / (".a.bin." + digits + ".tmp")));
  infer::clear_leftovers(folder / "not there");
}

UNIT_TEST(a_folder_that_cannot_be_made_is_named) {
  const auto folder = unit::new_folder();
  std::ofstream(folder / "taken").put('x');
  CHECK_FAILS(infer::write_outputs(folder / "taken", "a/b.jpg", 1, 1, {}), "taken");
}
