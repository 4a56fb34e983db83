// The parts of a recording. It begins with kMagic, the names of profile and dialect, the options of
// the module and a sum; behind that stands one turn after the other:
//
//   begin: kind, time since the turn before, what entered
//   World calls in their order: kind, sum of the arguments, what the world returned
//   end: kind, how many bytes were taken, when the module is due next, sum of the turn
//
// A sum is eight bytes, of everything since the one before. So a changed byte is always found.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace espat::layers {

inline constexpr std::string_view kMagic = "espat-recording 2\n";

enum class Entry : uint8_t {
  end,
  // what a turn begins with
  power_on,
  uart,
  channel_data,
  event,
  deadline,
  // calls on the world
  uart_write,
  uart_resume,
  uart_configure,
  channel_open,
  channel_send,
  channel_resume,
  channel_configure,
  channel_close,
  server_open,
  server_admit,
  server_close,
  pki_state,
  clock_set,
  resolve,
  ping,
  ping_stop,
  random,
  partition_erase,
  partition_write,
  partition_commit,
  partition_abandon,
  partition_read,
  join,
  leave,
  scan,
  softap_disconnect,
  flash_get,
  flash_put,
  flash_erase,
  restart,
  log,
  count,
};

/// As people know it: "on_uart", "World::uart_write".
constexpr std::string_view name_of(Entry entry) {
  constexpr std::array<std::string_view, static_cast<size_t>(Entry::count)> kNames = {
      "the end of the turn",
      "power_on",
      "on_uart",
      "on_channel_data",
      "on_event",
      "on_deadline",
      "World::uart_write",
      "World::uart_resume",
      "World::uart_configure",
      "World::channel_open",
      "World::channel_send",
      "World::channel_resume",
      "World::channel_configure",
      "World::channel_close",
      "World::server_open",
      "World::server_admit",
      "World::server_close",
      "World::pki_state",
      "World::clock_set",
      "World::resolve",
      "World::ping",
      "World::ping_stop",
      "World::random",
      "World::partition_erase",
      "World::partition_write",
      "World::partition_commit",
      "World::partition_abandon",
      "World::partition_read",
      "World::join",
      "World::leave",
      "World::scan",
      "World::softap_disconnect",
      "World::flash_get",
      "World::flash_put",
      "World::flash_erase",
      "World::restart",
      "World::log",
  };
  static_assert(!kNames.back().empty(), "a name is missing");
  const auto index = static_cast<size_t>(entry);
  return index < kNames.size() ? kNames[index] : "what no recording has";
}

}  // namespace espat::layers
