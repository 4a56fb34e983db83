#include "store/store.h"

namespace espat {

Settings Store::saved() const {
  Settings saved = factory();
  load_settings(saved, all_, world_);
  return saved;
}

bool Store::write(const SettingsOfCommand& rows, StoreUser& user) {
  const Job job{&user, rows, false};
  if (jobs_.empty() && !begin(job)) return false;
  jobs_.push_back(job);
  return true;
}

void Store::erase(StoreUser& user) {
  const Job job{&user, {}, true};
  if (jobs_.empty()) begin(job);
  jobs_.push_back(job);
}

bool Store::begin(const Job& job) {
  writing_ = true;
  if (job.erase) {
    erase_settings(all_, world_);
  } else {
    writing_ = store_settings(settings, job.rows, world_);
  }
  return writing_;
}

void Store::on_event(const Event& event) {
  const auto* written = std::get_if<FlashWritten>(&event);
  if (written == nullptr || !writing_) return;
  bool ok = written->ok;
  // What another has stored meanwhile may leave the next with nothing to do.
  do {
    writing_ = false;
    StoreUser* const user = jobs_.front().user;
    jobs_.erase(jobs_.begin());
    user->stored(ok);  // it may write again, at once if nobody else waits
    ok = true;
  } while (!writing_ && !jobs_.empty() && !begin(jobs_.front()));
}

}  // namespace espat
