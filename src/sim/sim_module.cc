#include "sim/sim_module.h"

#include <algorithm>

namespace espat::sim {

namespace {
constexpr size_t kRandomChunkMaxBytes = 64;
}

SimModule::SimModule(const CommandSet& commands, SimOptions options)
    : options_(std::move(options)),
      commands_(commands),
      world_(options_.seed),
      faults_(world_, ~options_.seed),  // another chance than the world's
      chunks_(options_.chunking.seed) {
  if (options_.recording == nullptr) return;
  recorder_ =
      std::make_unique<Recorder>(faults_, *options_.recording, *options_.profile, options_.modem);
}

void SimModule::power_on() {
  World& below = recorder_ ? static_cast<World&>(*recorder_) : faults_;
  modem_ = std::make_unique<Modem>(below, *options_.profile, commands_, options_.modem);
  if (recorder_) recorder_->connect(modem_.get());
  faults_.connect(recorder_ ? static_cast<ModemFace*>(recorder_.get()) : modem_.get());
  world_.turns().attach(&faults_);
  world_.turns().power_on();
}

void SimModule::power_loss() {
  world_.turns().attach(nullptr);
  faults_.connect(nullptr);
  if (recorder_) recorder_->connect(nullptr);
  modem_.reset();
  world_.power_loss();
}

size_t SimModule::next_chunk(size_t left) {
  const Chunking& how = options_.chunking;
  switch (how.kind) {
    case Chunking::Kind::whole:
      return left;
    case Chunking::Kind::cut_at:
      return how.position > fed_
                 ? static_cast<size_t>(std::min<uint64_t>(left, how.position - fed_))
                 : left;
    case Chunking::Kind::bytewise:
      return 1;
    case Chunking::Kind::random:
      return std::min(left, static_cast<size_t>(chunks_.between(1, kRandomChunkMaxBytes)));
  }
  return left;
}

void SimModule::feed(std::string_view bytes) {
  if (!modem_) return;
  while (!bytes.empty()) {
    const size_t n = next_chunk(bytes.size());
    world_.uart().send(as_bytes(bytes.substr(0, n)));
    bytes.remove_prefix(n);
    fed_ += n;
  }
}

void SimModule::run_for(Duration duration) {
  const Time until = now() + duration;
  while (world_.turns().run_next(until)) {
  }
}

bool SimModule::run_until(const std::function<bool()>& done, Duration limit) {
  const Time until = now() + limit;
  while (!done()) {
    if (!world_.turns().run_next(until)) return done();
  }
  return true;
}

bool SimModule::run_until_idle(Duration limit) {
  return run_until(
      [this] {
        return modem_ && modem_->idle() && !faults_.pending() &&
               world_.turns().scheduler().empty() && world_.uart().unread_bytes() == 0;
      },
      limit);
}

std::string SimModule::command(std::string_view line, Duration limit) {
  feed(std::string(line) + "\r\n");
  run_until_idle(limit);
  return take_output();
}

}  // namespace espat::sim
