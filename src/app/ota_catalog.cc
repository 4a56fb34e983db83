#include "app/ota_catalog.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "base/firmware_image.h"
#include "base/text.h"

namespace espat {

namespace {

/// The numbers of a version: 2, 10, 0 of "v2.10.0-dev". Empty if it begins with none.
std::vector<int> numbers_of(std::string_view version) {
  std::vector<int> numbers;
  std::string_view rest = without_v(version);
  for (int number = 0; !rest.empty();) {
    const auto [end, failure] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (failure != std::errc()) break;
    numbers.push_back(number);
    rest.remove_prefix(static_cast<size_t>(end - rest.data()));
    if (!rest.starts_with('.')) break;
    rest.remove_prefix(1);
  }
  return numbers;
}

/// The value of `name` in a query; none if it is not there.
std::optional<std::string> value_of(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    const size_t equals = std::min(pair.find('='), pair.size());
    if (pair.substr(0, equals) != name) continue;
    return std::string(pair.substr(std::min(equals + 1, pair.size())));
  }
  return std::nullopt;
}

/// Not a way out of the folder, and not a file that is hidden in it.
bool is_plain(std::string_view name) {
  return !name.empty() && name.front() != '.' && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

}  // namespace

std::string OtaCatalog::latest() const {
  if (const auto file = folder_.open("latest")) {
    std::array<char, 64> begin;
    const ssize_t count = file->read(0, begin.data(), begin.size());
    const std::string_view said(begin.data(), static_cast<size_t>(std::max<ssize_t>(count, 0)));
    return std::string(said.substr(0, said.find_first_of(" \t\r\n")));
  }
  std::string best;
  for (const std::string& name : folder_.folders()) {
    if (numbers_of(name).empty()) continue;
    if (best.empty() || numbers_of(best) < numbers_of(name)) best = name;
  }
  return best;
}

std::shared_ptr<const OtaFile> OtaCatalog::file(const std::string& version,
                                                const std::string& name) const {
  if (!is_plain(name)) return nullptr;
  const std::string wanted = version.empty() ? latest() : version;
  for (const std::string& folder : folder_.folders()) {
    // The manual writes versions with "v" and with "V".
    if (without_v(folder) == without_v(wanted)) {
      return folder_.open(std::filesystem::path(folder) / name);
    }
  }
  return nullptr;
}

OtaReply OtaCatalog::reply(std::string_view target) const {
  constexpr std::string_view kPath = "/v1/device/rom/";
  OtaReply not_found = {404, "text/plain", "not found\n", nullptr};
  const size_t question = std::min(target.find('?'), target.size());
  if (target.substr(0, question) != kPath) return not_found;
  const std::string_view query = target.substr(std::min(question + 1, target.size()));
  if (value_of(query, "action") == "download_rom") {
    auto found =
        file(value_of(query, "version").value_or(""), value_of(query, "filename").value_or(""));
    if (!found) return not_found;
    return {200, "application/octet-stream", "", std::move(found)};
  }
  const std::string version = latest();
  if (version.empty()) return not_found;
  // The module looks for these very characters, the comma included.
  return {200, "application/json", "{\"rom_version\": \"" + version + "\", \"status\": 200}\n",
          nullptr};
}

}  // namespace espat
