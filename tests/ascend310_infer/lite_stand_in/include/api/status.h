// Stand-in for the header of MindSpore Lite of this name: what the application uses of it, and nothing else.
#pragma once

#include <cstdint>
#include <string>

namespace mindspore {

enum StatusCode : uint32_t { kSuccess = 0, kLiteError = 0xFFFFFFFF };

class Status {
 public:
  Status(enum StatusCode code, const std::string& message = "") : code_(code), message_(message) {}
  bool IsOk() const { return code_ == kSuccess; }
  bool IsError() const { return !IsOk(); }
  std::string ToString() const { return message_; }

 private:
  enum StatusCode code_;
  std::string message_;
};

}  // namespace mindspore
