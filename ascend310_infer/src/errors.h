#pragma once

#include <stdexcept>
#include <string>

namespace infer {

/// A mistake of the user, or a file that cannot be used: reported in one line.
class UserError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A wrong command line.
class UsageError : public UserError {
 public:
  using UserError::UserError;
};

/// A file that does not give an image; the message names the file.
///
/// `reason` is one of "missing", "unreadable", "empty file", "not an image", "truncated", "too large" and
/// "unsupported", the words that the Python side uses for the same files.
class ImageError : public UserError {
 public:
  ImageError(const std::string& reason, const std::string& name, const std::string& detail = "")
      : UserError(name + ": " + reason + (detail.empty() ? "" : " (" + detail + ")")), reason_(reason) {}

  const std::string& reason() const { return reason_; }

 private:
  std::string reason_;
};

}  // namespace infer
