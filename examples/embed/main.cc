// What it takes to embed espat: a module with a world of its own, and with a chapter of its own
// beside those of the manual. docs/embedding.md explains it.
//
// A module has neither clock nor sockets. Here time passes as the script in main() says and nobody
// is on the network, so that every run prints the same.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "at/chapter.h"
#include "at/handler.h"
#include "at/kept.h"
#include "at/printer.h"
#include "at/timers.h"
#include "espat/commands.h"
#include "espat/modem.h"
#include "espat/quiet_world.h"

using namespace espat;
using namespace std::chrono_literals;

// --- a chapter: its rows, what they keep, and the service that they are about -------------------

constexpr Setting kInterval[] = {{integer("interval_s", 0, 3600), {}, "heartbeat.interval"}};

// Tells the MCU every so many seconds that the module is alive; with an interval of 0, never.
class Heartbeat final : public Service {
 public:
  Heartbeat(Timers& timers, Printer& printer, const Settings& settings)
      : printer_(printer), settings_(settings), timer_(timers, *this, On<&Heartbeat::beat>{}) {}

  void boot() override { begin(); }      // the settings are read, `ready` is printed
  void reset() override { beats_ = 0; }  // as after power on; timers have ended already

  void begin() {
    const std::chrono::seconds interval(number_of(settings_, kInterval[0]));
    timer_.cancel();
    if (interval > 0s) timer_.set_after(interval);
  }
  int beats() const { return beats_; }

 private:
  void beat() {
    printer_.urc("+HEARTBEAT:", ++beats_);
    begin();
  }

  Printer& printer_;
  const Settings& settings_;
  Timer timer_;
  int beats_ = 0;
};

// A handler gets the checked values of the line by the call, and the parts that it asks for.
Outcome set_interval(Call& call, Heartbeat& heartbeat) {
  const Outcome outcome = set_kept(call);
  heartbeat.begin();
  return outcome;
}

Outcome show_beats(Call& call, const Heartbeat& heartbeat) {
  call.info(heartbeat.beats());
  return kOk;
}

constexpr Command kRows[] = {
    {.name = "+HEARTBEAT",
     .help = "seconds between two signs of life, 0 none",
     .query = show_kept,
     .set = {{{handle<set_interval>, kInterval}}},
     .execute = handle<show_beats>,
     .stored = Storing::sysstore,
     .settings = {kInterval}},
};

constexpr Chapter kHeartbeatChapter = {
    .name = "Heartbeat", .commands = kRows, .make = make<Heartbeat, Timers, Printer, Settings>};

// --- a world: an AT port that is stdout, and a flash; everything else is quiet ------------------

class Desk final : public QuietWorld {
 public:
  size_t uart_write(std::span<const Bytes> parts) override {
    size_t taken = 0;
    for (const Bytes part : parts) taken += std::fwrite(part.data(), 1, part.size(), stdout);
    return taken;
  }

  std::string_view flash_get(std::string_view key) override {
    const auto entry = flash_.find(key);
    return entry == flash_.end() ? std::string_view() : entry->second;
  }
  void flash_put(std::span<const FlashEntry> entries) override {
    for (const FlashEntry& entry : entries) flash_[std::string(entry.key)] = entry.value;
    answers_.push_back(FlashWritten{});
  }
  void flash_erase(std::span<const FlashEntry> kept) override {
    flash_.clear();
    flash_put(kept);
  }
  void restart() override { answers_.clear(); }

  // No function of a world may call the modem: its owner hands the answers over later.
  void answer(Modem& modem, Time now) {
    for (; !answers_.empty(); answers_.pop_front()) modem.on_event(answers_.front(), now);
  }

 private:
  std::map<std::string, std::string, std::less<>> flash_;
  std::deque<Event> answers_;
};

// --- the owner: tells the module what time it is, and what has happened -------------------------

struct Owner {
  void say(std::string_view line) {
    while (!line.empty()) {
      line.remove_prefix(modem.on_uart(as_bytes(line), now));  // may take a part: the rest later
      wait(10ms);
    }
  }
  void wait(Duration duration) {
    const Time end = now + duration;
    desk.answer(modem, now);
    while (modem.deadline() <= end) {
      now = std::max(now, modem.deadline());
      modem.on_deadline(now);
      desk.answer(modem, now);
    }
    now = end;
  }

  Desk desk;
  const CommandSet commands = command_set().with({kHeartbeatChapter});
  Modem modem{desk, kEsp32, commands, ModemOptions()};
  Time now{};
};

int main() {
  Owner owner;
  owner.modem.power_on(owner.now);
  owner.say("AT+HEARTBEAT=2\r\n");
  owner.wait(5s);
  owner.say("AT+HEARTBEAT\r\n");
  owner.say("AT+HEARTBEAT=3601\r\n");  // refused by the row
  owner.say("AT+RST\r\n");             // what is stored stays
  owner.wait(3s);
  owner.say("AT+HEARTBEAT?\r\n");
}
