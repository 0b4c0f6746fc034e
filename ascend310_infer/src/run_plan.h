#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "network.h"
#include "options.h"
#include "output_names.h"

namespace infer {

/// The input sizes of a run: those of the files, and the options where these leave them free.
struct Plan {
  NetworkKind kind = NetworkKind::kCtpn;
  std::int64_t batch = 1;
  int height = 0;
  std::vector<int> widths;             // ascending; one for CTPN
  std::map<int, Network*> network_of;  // by width

  InputShape shape(int width) const { return {batch, kind == NetworkKind::kCtpn ? 3 : 1, height, width}; }
};

/// Bring networks and options together. Throws UserError, which names the option, where they do not fit.
Plan make_plan(const std::vector<std::unique_ptr<Network>>& networks, const Options& options);

}  // namespace infer
