#pragma once

#include <cstddef>
#include <filesystem>

namespace infer {

/// Write a file that is either the old one or the complete new one, whenever the process is killed.
///
/// It is written beside its place, under a name and with a lock as src/common/atomic_file.py has them, and renamed; a
/// link in its place is replaced and not followed. Throws UserError, after which the old file is as it was.
void write_whole(const std::filesystem::path& path, const void* data, std::size_t size);

/// Make a folder that is not there. Throws UsageError where a part of it is a file or too long for a name.
void make_folder(const std::filesystem::path& folder);

/// Remove what `write_whole` of a process that was killed left in `folder`; files of living ones stay.
void clear_leftovers(const std::filesystem::path& folder);

}  // namespace infer
