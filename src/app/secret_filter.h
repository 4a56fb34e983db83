// The bytes of one AT port as a transcript may show them: without passwords and keys.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "app/secret_line.h"
#include "espat/observer.h"

namespace espat {

/// Payload and passthrough are shown as they are; of command lines, of their echo and of answers to
/// queries each secret is `***`. It is told what an Observer is, in the same order.
class SecretFilter {
 public:
  /// `commands` must outlive it.
  explicit SecretFilter(const SecretCommands& commands) : commands_(commands) {}

  /// What is shown of these bytes; nothing of those that go on with a secret.
  std::string pass(Time now, Direction direction, Bytes data);

  void on_echo(Bytes echo, size_t behind_bytes);
  void on_phase(std::string_view phase);
  void on_command(Time now, std::string_view name);

 private:
  /// An echo on its way that has secrets: where in all output it begins, and which bytes they are.
  struct Echo {
    uint64_t at = 0;
    std::vector<bool> secret;
  };

  std::string pass_input(Time now, std::string_view data);
  std::string pass_output(std::string_view data);
  bool echoes_secret(uint64_t at);

  const SecretCommands& commands_;
  SecretLine input_{commands_, SecretLine::Kind::command};
  SecretLine echo_{commands_, SecretLine::Kind::command};
  SecretLine answer_{commands_, SecretLine::Kind::answer};
  SecretMask input_mask_, output_mask_;
  bool payload_ = false;        ///< what the MCU sends is no command
  std::deque<Echo> echoes_;     ///< in order
  uint64_t written_bytes_ = 0;  ///< to the MCU
  /// A secret has been asked for. What is not an answer is not searched: it may be anybody's.
  bool awaits_answer_ = false;
  Time answered_ = kNever;  ///< another command has ended since
};

}  // namespace espat
