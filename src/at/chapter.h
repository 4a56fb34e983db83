// A chapter of the manual: its commands, with them the settings that they keep, and where it has
// one the service that lives beside them. A module is made from a set of chapters.
#pragma once

#include <cassert>
#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>
#include <typeinfo>
#include <vector>

#include "at/call.h"
#include "at/command.h"
#include "base/service.h"

namespace espat {

/// A service that a chapter has made, and as what handlers ask for it.
struct MadeService {
  std::unique_ptr<Service> service;
  void* part = nullptr;
  const std::type_info* type = nullptr;
};

/// Makes a service of a module from the parts that it uses, in the order of its constructor. They
/// are there: parts of every module, or services of chapters before this one.
template <typename Made, typename... Used>
MadeService make(Board& board) {
  assert((board.find<Used>() && ...) && "a chapter whose service needs what comes later, or never");
  auto service = std::make_unique<Made>(*board.find<Used>()...);
  void* const part = service.get();
  return {std::move(service), part, &typeid(Made)};
}

struct Chapter {
  std::string_view name;  ///< "TCP/IP"; several may be parts of one of the manual
  std::span<const Command> commands{};
  MadeService (*make)(Board& board) = nullptr;  ///< null: it has no service
  SettingRows settings{};                       ///< what the service keeps without a command
};

/// The chapters of a module, and what follows from them. Modules share one; it outlives them.
class CommandSet {
 public:
  /// Commands in this order, which is that of AT+CMD?.
  explicit CommandSet(std::vector<Chapter> chapters);
  CommandSet(const CommandSet&) = delete;
  CommandSet& operator=(const CommandSet&) = delete;

  /// A set of these chapters and, behind them, of more: `command_set().with({kOwnChapter})`.
  CommandSet with(std::initializer_list<Chapter> more) const;

  std::span<const Chapter> chapters() const { return chapters_; }
  /// All settings that a command or a service keeps, each once.
  std::span<const Setting* const> settings() const { return settings_; }

  // The commands as a range.
  auto begin() const { return commands_.begin(); }
  auto end() const { return commands_.end(); }
  size_t size() const { return commands_.size(); }
  const Command& operator[](size_t index) const { return commands_[index]; }

 private:
  const std::vector<Chapter> chapters_;
  void add(SettingRows settings);

  std::vector<Command> commands_;
  std::vector<const Setting*> settings_;
};

}  // namespace espat
