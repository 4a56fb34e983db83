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

void CommandSet::add(SettingRows settings) {
  for (const Setting& setting : settings) {
    const bool known = std::find(settings_.begin(), settings_.end(), &setting) != settings_.end();
    if (!known) settings_.push_back(&setting);
  }
}

}  // namespace espat
