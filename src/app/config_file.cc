#include "app/config_file.h"

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>
#include <utility>

namespace espat {

namespace {

[[noreturn]] void fail(const std::string& path, const std::string& reason) {
  throw UsageError("--config: " + path + ": " + reason);
}

/// A TOML value as the command line would have it.
class Values {
 public:
  Values(const std::string& path, const OptionRow& row, std::vector<GivenOption>& given)
      : path_(path), row_(row), given_(given) {}

  void take(const toml::node& node) {
    if (const auto* array = node.as_array(); array != nullptr && row_.has(OptionRow::kRepeatable)) {
      for (const toml::node& element : *array) take_one(element);
    } else {
      take_one(node);
    }
  }

 private:
  void take_one(const toml::node& node) {
    if (const auto text = node.value_exact<std::string>(); text && row_.takes_value()) {
      given_.push_back({&row_, *text});
    } else if (const auto number = node.value_exact<int64_t>(); number && row_.takes_value()) {
      given_.push_back({&row_, std::to_string(*number)});
    } else if (const auto flag = node.value_exact<bool>(); flag) {
      take_flag(*flag);
    } else {
      wrong_type();
    }
  }

  void take_flag(bool flag) {
    if (row_.takes_value() && !row_.value_optional()) {
      if (row_.value != "on|off") wrong_type();
      given_.push_back({&row_, flag ? "on" : "off"});
    } else if (flag) {
      given_.push_back({&row_, ""});
    }
  }

  [[noreturn]] void wrong_type() const {
    const std::string_view wanted = !row_.takes_value()     ? "true or false"
                                    : row_.value_optional() ? "a text or true"
                                                            : "a text";
    fail(path_, std::string(row_.name) + " must be " + std::string(wanted));
  }

  const std::string& path_;
  const OptionRow& row_;
  std::vector<GivenOption>& given_;
};

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  std::string content;
  std::array<char, 4096> piece{};
  while (file.read(piece.data(), piece.size()), file.gcount() > 0) {
    content.append(piece.data(), static_cast<size_t>(file.gcount()));
  }
  if (!file.is_open() || file.bad()) fail(path, "cannot be read");
  return content;
}

toml::table parse(const std::string& path) {
  try {
    return toml::parse(content_of(path));
  } catch (const toml::parse_error& error) {
    fail(path, "line " + std::to_string(error.source().begin.line) + ": " +
                   std::string(error.description()));
  }
}

}  // namespace

std::vector<GivenOption> read_config_file(const std::string& path) {
  const toml::table table = parse(path);
  // toml++ sorts its keys; errors are reported for the first one in the file.
  std::vector<std::pair<const toml::key*, const toml::node*>> entries;
  for (const auto& [key, node] : table) entries.emplace_back(&key, &node);
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    return a.first->source().begin < b.first->source().begin;
  });
  std::vector<GivenOption> given;
  for (const auto& [key, node] : entries) {
    const OptionRow* row = find_option(key->str());
    if (row == nullptr || row->has(OptionRow::kNotInFile)) {
      fail(path, "there is no option \"" + std::string(key->str()) + "\"");
    }
    Values(path, *row, given).take(*node);
  }
  return given;
}

}  // namespace espat
