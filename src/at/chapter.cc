#include "at/chapter.h"

#include <algorithm>
#include <utility>

namespace espat {

CommandSet::CommandSet(std::vector<Chapter> chapters) : chapters_(std::move(chapters)) {
  for (const Chapter& chapter : chapters_) {
    add(chapter.settings);
    for (const Command& command : chapter.commands) {
      commands_.push_back(command);
      commands_.back().chapter = chapter.name;
      for (const SettingRows settings : command.settings) add(settings);
    }
  }
}

CommandSet CommandSet::with(std::initializer_list<Chapter> more) const {
  std::vector<Chapter> all = chapters_;
  all.insert(all.end(), more);
  return CommandSet(std::move(all));
}

void CommandSet::add(SettingRows settings) {
  for (const Setting& setting : settings) {
    const bool known = std::find(settings_.begin(), settings_.end(), &setting) != settings_.end();
    if (!known) settings_.push_back(&setting);
  }
}

}  // namespace espat
