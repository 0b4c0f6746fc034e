#include "whole_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <random>
#include <regex>
#include <string>
#include <system_error>

#include "errors.h"

namespace infer {
namespace {

constexpr std::time_t kYoungest = 10;  // seconds; a younger leftover may be one that its writer has not locked yet

/// A file descriptor that is closed when it goes.
class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags) : value_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int value() const { return value_; }
  bool close() {
    const bool done = value_ < 0 || ::close(value_) == 0;
    value_ = -1;
    return done;
  }

 private:
  int value_;
};

/// `.<start of the name>.<32 hexadecimal digits>.tmp` in the same folder.
std::filesystem::path temporary_beside(const std::filesystem::path& path) {
  std::random_device random;
  std::string digits;
  for (int i = 0; i < 4; ++i) {
    std::array<char, 9> text{};
    std::snprintf(text.data(), text.size(), "%08x", static_cast<unsigned>(random()));
    digits += text.data();
  }
  return path.parent_path() / ("." + path.filename().string().substr(0, 40) + "." + digits + ".tmp");
}

bool write_all(int descriptor, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(descriptor, data, size);
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) {
      data += written;
      size -= static_cast<std::size_t>(written);
    }
  }
  return true;
}

std::string reason(int number) { return std::error_code(number, std::generic_category()).message(); }

}  // namespace

void write_whole(const std::filesystem::path& path, const void* data, std::size_t size) {
  const std::filesystem::path temporary = temporary_beside(path);
  Descriptor file(temporary, O_WRONLY | O_CREAT | O_EXCL);
  bool done = file.value() >= 0;
  if (done) {
    static_cast<void>(::flock(file.value(), LOCK_EX | LOCK_NB));  // some network file systems have no locks
    done = write_all(file.value(), static_cast<const char*>(data), size);
  }
  // A network file system may say only at the end that there was no room, and then the old file must still stand.
  if (done && file.close() && ::rename(temporary.c_str(), path.c_str()) == 0) return;
  const std::string why = reason(errno);
  ::unlink(temporary.c_str());
  throw UserError("'" + path.string() + "' cannot be written: " + why);
}

void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error && std::filesystem::is_directory(folder)) return;
  if (!error) error = std::make_error_code(std::errc::not_a_directory);
  const std::string message = "'" + folder.string() + "' cannot be made: " + error.message();
  if (error == std::errc::not_a_directory || error == std::errc::file_exists ||
      error == std::errc::filename_too_long) {
    throw UsageError(message);
  }
  throw UserError(message);
}

void clear_leftovers(const std::filesystem::path& folder) {
  static const std::regex pattern(R"(\..+\.[0-9a-f]{32}\.tmp)");
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.size() > 100 || !std::regex_match(name, pattern)) continue;
    const Descriptor file(entry.path(), O_RDWR | O_NOFOLLOW | O_NONBLOCK);
    struct stat status{};
    if (file.value() < 0 || ::fstat(file.value(), &status) != 0) continue;
    if (std::time(nullptr) - status.st_mtime <= kYoungest || !S_ISREG(status.st_mode)) continue;
    if (::flock(file.value(), LOCK_EX | LOCK_NB) == 0) ::unlink(entry.path().c_str());
  }
}

}  // namespace infer
