#include "sim/turns.h"

#include <algorithm>
#include <utility>

namespace espat::sim {

void Turns::attach(ModemFace* modem) {
  modem_ = modem;
  forget_posted();
}

template <typename Call>
auto Turns::turn(Call call) {
  rule(!in_modem_, "the world called back into the modem");
  in_modem_ = true;
  struct Leave {
    bool& flag;
    ~Leave() { flag = false; }
  } leave{in_modem_};
  return call();
}

void Turns::power_on() {
  turn([&] { modem_->power_on(now()); });
}

size_t Turns::uart(Bytes data) {
  const size_t taken = turn([&] { return modem_->on_uart(data, now()); });
  rule(taken <= data.size(), "on_uart took more than it was given");
  return std::min(taken, data.size());
}

size_t Turns::channel_data(ChannelId channel, Bytes data, const Endpoint& from) {
  const size_t taken = turn([&] { return modem_->on_channel_data(channel, data, from, now()); });
  rule(taken <= data.size(), "on_channel_data took more than it was given");
  return std::min(taken, data.size());
}

void Turns::act(const std::function<void()>& act) { turn(act); }

void Turns::event(const Event& event) {
  if (watcher_) watcher_(event);
  turn([&] { modem_->on_event(event, now()); });
}

void Turns::post(Duration delay, Scheduler::Task task) {
  Time when = now() + delay;
  if (delay == Duration::zero() && turn_time_ != delay) {
    when = last_posted_ = std::max(when, last_posted_ + turn_time_);
  }
  scheduler_.at(when, [this, life = life_, task = std::move(task)] {
    if (life == life_ && modem_) task();
  });
}

void Turns::post_event(Duration delay, const Event& what) {
  post(delay, [this, what] { event(what); });
}

bool Turns::run_next(Time limit) {
  const Time deadline = modem_ ? modem_->deadline() : kNever;
  const Time task = scheduler_.next();
  if (std::min(deadline, task) > limit) {
    scheduler_.advance(std::max(now(), limit));
    return false;
  }
  if (task <= deadline) {
    scheduler_.run_next();
  } else {
    scheduler_.advance(std::max(now(), deadline));
    turn([&] { modem_->on_deadline(now()); });
  }
  check_progress(now());
  return true;
}

void Turns::check_progress(Time due) {
  turns_of_instant_ = due == last_turn_ ? turns_of_instant_ + 1 : 0;
  last_turn_ = due;
  if (turns_of_instant_ < kMaxTurnsOfOneInstant) return;
  rule(false, "time stands still: the modem's deadline never passes");
  // Lets the run end: the test is lost already, and is to report it.
  scheduler_.advance(std::min(scheduler_.next(), now() + Duration(1)));
}

void Turns::world_called(std::string_view function) {
  if (in_modem_) return;
  rule(false, std::string(function) + " was called outside a call on the modem");
}

void Turns::rule(bool kept, std::string_view text) {
  if (kept) return;
  constexpr size_t kKept = 20;
  if (broken_rules_.size() < kKept) broken_rules_.emplace_back(text);
}

}  // namespace espat::sim
