#include "app/secret_filter.h"

#include <algorithm>

namespace espat {

std::string SecretFilter::pass(Time now, Direction direction, Bytes data) {
  const std::string_view text = as_text(data);
  return direction == Direction::to_module ? pass_input(now, text) : pass_output(text);
}

std::string SecretFilter::pass_input(Time now, std::string_view data) {
  if (now > answered_) awaits_answer_ = false;
  if (payload_) return std::string(data);
  std::string shown;
  for (const char byte : data) input_mask_.show(byte, input_.take(byte), shown);
  if (input_.take_asked()) {
    awaits_answer_ = true;
    answered_ = kNever;
  }
  return shown;
}

std::string SecretFilter::pass_output(std::string_view data) {
  const uint64_t begin = written_bytes_;
  written_bytes_ += data.size();
  if (!awaits_answer_ && echoes_.empty()) return std::string(data);
  std::string shown;
  for (size_t i = 0; i < data.size(); ++i) {
    const bool echoed = echoes_secret(begin + i);
    const bool answered = awaits_answer_ && answer_.take(data[i]);
    output_mask_.show(data[i], echoed || answered, shown);
  }
  return shown;
}

bool SecretFilter::echoes_secret(uint64_t at) {
  while (!echoes_.empty() && at >= echoes_.front().at + echoes_.front().secret.size()) {
    echoes_.pop_front();
  }
  if (echoes_.empty() || at < echoes_.front().at) return false;
  return echoes_.front().secret[at - echoes_.front().at];
}

void SecretFilter::on_echo(Bytes echo, size_t behind_bytes) {
  std::vector<bool> secret;
  for (const char byte : as_text(echo)) secret.push_back(echo_.take(byte));
  if (std::find(secret.begin(), secret.end(), true) == secret.end()) return;
  echoes_.push_back({written_bytes_ + behind_bytes, std::move(secret)});
}

void SecretFilter::on_phase(std::string_view phase) {
  payload_ = phase == "data" || phase == "prompting" || phase == "passthrough";
}

/// The answer of a query was written before its command ended, and leaves with the output of that
/// turn: it is awaited until a turn after the next command.
void SecretFilter::on_command(Time now, std::string_view name) {
  if (awaits_answer_ && commands_.find(name) == nullptr) answered_ = std::min(answered_, now);
}

}  // namespace espat
