/// `dlopen` for programs with the address sanitizer: OpenVINO loads its plugins with RTLD_DEEPBIND, which the
/// sanitizer refuses, because a library that is bound to itself first would not see its `malloc`.

#include <dlfcn.h>

extern "C" __attribute__((visibility("default"))) void* dlopen(const char* file, int mode) {
  using Open = void* (*)(const char*, int);
  static const auto next = reinterpret_cast<Open>(dlsym(RTLD_NEXT, "dlopen"));
  return next(file, mode & ~RTLD_DEEPBIND);
}
