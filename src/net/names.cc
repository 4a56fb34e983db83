#include "net/names.h"

#include <algorithm>
#include <utility>

namespace espat {

void Names::ask(NameUser& user, uint8_t tag, std::string_view host, Family family) {
  forget(user, tag);
  auto free = std::find_if(questions_.begin(), questions_.end(),
                           [](const Question& question) { return question.user == nullptr; });
  if (free == questions_.end()) free = questions_.emplace(free);
  *free = {&user, tag};
  world_.resolve(static_cast<QueryId>(free - questions_.begin()), host, family,
                 interfaces_.dns_servers());
}

void Names::forget(const NameUser& user, uint8_t tag) {
  for (Question& question : questions_) {
    if (question.user == &user && question.tag == tag) question = {};
  }
}

Family Names::any_family() const {
  return interfaces_.ipv6_enabled() ? Family::v4_preferred : Family::v4;
}

void Names::on_event(const Event& event) {
  const auto* answer = std::get_if<Resolved>(&event);
  if (answer == nullptr || answer->query >= questions_.size()) return;
  const Question question = std::exchange(questions_[answer->query], {});
  if (question.user != nullptr) question.user->name_resolved(question.tag, *answer);
}

}  // namespace espat
