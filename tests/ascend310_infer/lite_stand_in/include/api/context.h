// Stand-in for the header of MindSpore Lite of this name: what the application uses of it, and nothing else.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "include/api/types.h"

namespace mindspore {

class DeviceInfoContext {
 public:
  virtual ~DeviceInfoContext() = default;
};

class CPUDeviceInfo : public DeviceInfoContext {};

class AscendDeviceInfo : public DeviceInfoContext {
 public:
  void SetDeviceID(uint32_t device_id) { device_id_ = device_id; }
  uint32_t GetDeviceID() const { return device_id_; }
  void SetPrecisionMode(const std::string& mode) { precision_mode_ = mode; }
  std::string GetPrecisionMode() const { return precision_mode_; }

 private:
  uint32_t device_id_ = 0;
  std::string precision_mode_ = "enforce_fp16";
};

class Context {
 public:
  void SetThreadNum(int32_t thread_num) { thread_num_ = thread_num; }
  int32_t GetThreadNum() const { return thread_num_; }
  std::vector<std::shared_ptr<DeviceInfoContext>>& MutableDeviceInfo() { return devices_; }

 private:
  int32_t thread_num_ = 0;
  std::vector<std::shared_ptr<DeviceInfoContext>> devices_;
};

}  // namespace mindspore
