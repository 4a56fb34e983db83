#include "net/names.h"

#include <algorithm>
#include <utility>

namespace espat {

Names::Names(World& world, Timers& timers, const Interfaces& interfaces, OwnEvents& own_events)
    : world_(world),
      interfaces_(interfaces),
      own_events_(own_events),
      hopeless_timer_(timers, *this, On<&Names::answer_hopeless>{}) {}

void Names::ask(NameUser& user, uint8_t tag, std::string_view host, Family family) {
  forget(user, tag);
  auto free = std::find_if(questions_.begin(), questions_.end(),
                           [](const Question& question) { return question.user == nullptr; });
  if (free == questions_.end()) free = questions_.emplace(free);
  *free = {.user = &user, .tag = tag};
  if (const auto servers = interfaces_.reachable_dns_servers()) {
    world_.resolve(static_cast<QueryId>(free - questions_.begin()), host, family, *servers);
  } else {
    free->hopeless = true;
    hopeless_timer_.set_after(Duration::zero());
  }
}

void Names::answer_hopeless() {
  hopeless_timer_.cancel();
  for (size_t i = 0; i < questions_.size(); ++i) {  // whoever hears of it may ask again
    if (!questions_[i].hopeless) continue;
    own_events_.happens(Resolved{static_cast<QueryId>(i), {}, NetError::none});
  }
}

void Names::forget(const NameUser& user, uint8_t tag) {
  for (Question& question : questions_) {
    if (question.user == &user && question.tag == tag) question = {};
  }
}

Family Names::any_family() const {
  return interfaces_.ipv6_usable() ? Family::v4_preferred : Family::v4;
}

void Names::on_event(const Event& event) {
  const auto* answer = std::get_if<Resolved>(&event);
  if (answer == nullptr || answer->query >= questions_.size()) return;
  const Question question = std::exchange(questions_[answer->query], {});
  if (question.user != nullptr) question.user->name_resolved(question.tag, *answer);
}

}  // namespace espat
