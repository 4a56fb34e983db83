#include "module/session.h"

#include <algorithm>
#include <utility>

#include "base/visible.h"

namespace espat {

// One call from the owner. Its end is the one place where texts leave, and where the world hears
// that it may offer again what it kept: so no other code has to think of that.
class Session::Turn {
 public:
  Turn(Session& session, Time now) : s_(session) { s_.now_ = std::max(s_.now_, now); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    // What is broken while the turn ends, by a world that calls back, is mended in this turn too.
    do {
      if (s_.broken_) s_.recover();
      s_.end_turn();
    } while (s_.broken_);
  }

 private:
  Session& s_;
};

Session::Session(World& the_world, const Profile& the_profile,
                 std::span<const Command> the_commands, ModemOptions the_options)
    : world(the_world),
      profile(the_profile),
      options(std::move(the_options)),
      commands(the_commands),
      links(*this),
      server(*this),
      passthrough(*this),
      station(*this),
      sntp(*this),
      update(*this),
      out_(the_world),
      least_heap_(the_profile.heap_bytes) {}

void Session::end_turn() {
  server.admit_next();
  sntp.follow_network();
  out_.flush();
  links.print_kept();
  out_.flush();
  full_since_ = out_.blocked() ? std::min(full_since_, now_) : kNever;
  // The MCU first: received data that fills the way out again would keep its commands waiting.
  resume_input();
  links.resume_stalled();
  note_heap();
}

void Session::power_on(Time now) {
  now_ = now;
  Turn turn(*this, now);
  boot();
}

size_t Session::on_uart(Bytes data, Time now) {
  Turn turn(*this, now);
  take_timers();
  if (input_stalled_ || std::exchange(input_resumed_, false)) {
    escape_.missed_silence(now_);
    passthrough.missed_silence(now_);
  }
  size_t taken = 0;
  while (taken < data.size() && accepts_input()) {
    taken += consume(data.subspan(taken));
    note_heap();  // not only at the end of the turn: the cut into calls must not show
  }
  if (taken > 0) last_input_ = now_;
  input_stalled_ = taken < data.size();
  return taken;
}

size_t Session::on_channel_data(ChannelId channel, Bytes data, const Endpoint& from, Time now) {
  Turn turn(*this, now);
  take_timers();
  return links.on_data(channel, data, from);
}

void Session::on_event(const Event& event, Time now) {
  Turn turn(*this, now);
  handle(event);
  // Only now: a timer that is due must not use a link of which the event says that it is gone.
  take_timers();
}

void Session::handle(const Event& event) {
  if (std::holds_alternative<UartWritable>(event)) {
    out_.on_writable();
    return;
  }
  links.on_event(event);
  server.on_event(event);
  station.on_event(event);
  sntp.on_event(event);
  update.on_event(event);
  if (const auto* written = std::get_if<FlashWritten>(&event)) flash_written(written->ok);
  if (const auto* writable = std::get_if<ChannelWritable>(&event)) {
    if (phase_ == Phase::sending && writable->channel == data_.link()) send_payload();
    if (phase_ == Phase::passthrough) passthrough.link_writable();
  }
  if (phase_ == Phase::passthrough && std::holds_alternative<StationGotIp>(event)) {
    passthrough.network_up();
  }
  if (phase_ == Phase::waiting) wait_->on_event(*this, event);
}

/// A command and an update beside it may both want to write: one after the other.
void Session::flash_written(bool ok) {
  if (update.writing()) {
    update.written(ok);
    if (phase_ == Phase::storing && !update.writing()) store();
  } else if (phase_ == Phase::storing) {
    finish_stored(ok);
    update.write_now();
  }
}

void Session::on_deadline(Time now) {
  Turn turn(*this, now);
  take_timers();
}

void Session::take_timers() {
  while (const auto timer = timers.take_due(now_)) on_timer(*timer);
}

void Session::on_timer(Timer timer) {
  switch (timer) {
    case Timer::command:
      if (verify(wait_ != nullptr, "a command timed out but none waits")) wait_->on_timeout(*this);
      break;
    case Timer::boot:
      boot();
      break;
    case Timer::gap:
      on_gap();
      break;
    case Timer::escape:
      phase_ == Phase::passthrough ? passthrough.on_escape_timer() : judge_escape();
      break;
    case Timer::send:
      if (verify(phase_ == Phase::sending, "a send timed out but none is under way")) {
        finish_send(false);
      }
      break;
    case Timer::notice:
      links.on_notice_timer();
      break;
    case Timer::packet:
      passthrough.on_packet_timer();
      break;
    case Timer::relink:
      passthrough.on_relink_timer();
      break;
    case Timer::server:
      server.on_idle_timer();
      break;
    case Timer::sntp:
      sntp.on_timer();
      break;
    case Timer::update:
      update.on_timer();
      break;
    case Timer::station:
      station.on_timer();
      break;
    case Timer::count:
      break;
  }
}

void Session::on_gap() {
  if (phase_ == Phase::scheduled) {
    run_line();
  } else if (phase_ == Phase::prompting) {
    write_prompt();
    if (phase_ == Phase::data && data_.complete()) payload_complete();
  } else if (verify(phase_ == Phase::received, "a gap ended that nobody began")) {
    begin_send();
  }
}

// --- input --------------------------------------------------------------------------------------

bool Session::accepts_input() const {
  if (phase_ == Phase::booting || phase_ == Phase::asleep) return true;  // to drop it
  // Bytes of the very instant at which the way out fills are taken too: it would show how they are
  // cut into calls, if those of the next call were not.
  const bool way_out = full_since_ >= now_ && out_.waiting_bytes() < kBacklogMaxBytes;
  if (phase_ == Phase::passthrough) return passthrough.accepts_input();
  if (phase_ == Phase::prompting && prompt_is_passthrough_) return false;
  return way_out && phase_ != Phase::scheduled;
}

size_t Session::consume(Bytes data) {
  switch (phase_) {
    case Phase::off:
    case Phase::booting:
    case Phase::asleep:
      return data.size();
    case Phase::passthrough:
      return passthrough.feed(data);
    case Phase::prompting:
    case Phase::data:
      if (!data_.complete()) return consume_data(data);
      [[fallthrough]];
    case Phase::received:
      // More than AT+CIPSEND announced: one answer for the burst, however it was cut.
      if (!std::exchange(surplus_, true)) say_busy();
      return data.size();
    default:
      return consume_line(data);
  }
}

size_t Session::consume_line(Bytes data) {
  if (line_.empty()) line_unechoed_ = false;
  const size_t taken = line_.feed(data);
  if (phase_ != Phase::idle) {
    line_unechoed_ = true;
  } else if (ram.echo && !line_unechoed_) {
    out_.write(as_text(data.first(taken)));
  }
  if (line_.complete()) line_complete();
  return taken;
}

void Session::line_complete() {
  if (phase_ != Phase::idle) {
    const bool restart_now = equal_ignoring_case(line_.view(), "AT+RST");
    line_.clear();
    restart_now ? force_restart() : say_busy();
    return;
  }
  if (ram.echo && line_unechoed_) {  // it began while a command ran
    out_.write(line_.view());
    out_.write("\r\n");
  }
  if (options.strict_events) {
    phase_ = Phase::scheduled;
    timers.set(Timer::gap, now_ + kStrictGap);
  } else {
    run_line();
  }
}

void Session::say_busy() {
  if (ram.error_codes) write_error_code(ErrorCode(SubCode::processing));
  out_.write("\r\nbusy p...\r\n");
}

void Session::resume_input() {
  if (input_stalled_ && accepts_input()) {
    input_stalled_ = false;
    input_resumed_ = true;
    world.uart_resume();
  }
}

// --- output -------------------------------------------------------------------------------------

bool Session::can_print_data() const {
  if (out_.blocked()) return false;
  return options.strict_events || !(phase_ == Phase::data || phase_ == Phase::received);
}

bool Session::idle() const {
  const bool nothing_runs =
      phase_ == Phase::passthrough ? passthrough.idle() : phase_ == Phase::idle;
  return nothing_runs && out_.empty();
}

bool Session::shows_urcs() const {
  constexpr int32_t kInPassthrough = 4;  // SYSMSG bit 2
  return phase_ != Phase::passthrough || (settings.sysmsg & kInPassthrough) != 0;
}

void Session::write_urc(std::string_view line) {
  if (!shows_urcs()) return;
  const bool hold = !options.strict_events && (phase_ == Phase::data || phase_ == Phase::received);
  if (hold && held_.size() + line.size() <= kHeldMaxBytes) {
    held_ += line;
  } else {
    out_.write(line);
  }
}

void Session::release_held() {
  out_.write(held_);
  std::string().swap(held_);
}

void Session::write_error_code(ErrorCode code) {
  Text<32> text;
  text.append("ERR CODE:0x").append_hex32(code.value).append("\r\n");
  out_.write(text.view());
}

uint32_t Session::free_heap() const {
  constexpr uint32_t kLinkBytes = 1100;  // lwIP's socket, netconn and control block
  size_t used = held_.size() + data_.size() + passthrough.kept_bytes();
  for (LinkId id = 0; id < Links::count(); ++id) {
    if (links[id].state != Link::State::free) used += kLinkBytes + links[id].unread_bytes();
  }
  return profile.heap_bytes - static_cast<uint32_t>(used);
}

// --- power --------------------------------------------------------------------------------------

void Session::boot() {
  ram = Volatile{};
  ram.echo = options.echo;
  ram.rf_power.wifi = profile.rf_power_max;
  ram.uart = options.line;
  settings = Settings::factory(profile, options);
  load_settings(settings, world);
  update.boot();
  const UartConfig line = settings.uart();
  if (line != ram.uart) world.uart_configure(line);
  ram.uart = line;
  line_.clear();
  phase_ = Phase::idle;
  booted_at_ = now_;
  out_.write("\r\nready\r\n");
  if (settings.boot_link != 0 && !settings.boot_link_host.empty()) boot_into_passthrough();
  station.boot();
}

void Session::restart() {
  phase_ = Phase::booting;
  release_held();
  links.close_all(Links::Order::ascending);
  station.power_off();
  stop();
  timers.set(Timer::boot, now_ + profile.boot_time);
}

void Session::fall_asleep() {
  phase_ = Phase::asleep;
  stop();
  const bool for_ever = ram.deep_sleep == Duration::zero() && !profile.sleep_zero_restarts;
  if (!for_ever) timers.set(Timer::boot, now_ + std::max(ram.deep_sleep, profile.boot_time));
}

void Session::set_clock(Duration since_1970) {
  ram.clock_offset = since_1970 - (now_ - booted_at_);
  world.clock_set(since_1970);
}

/// Everything that runs on the chip ends.
void Session::stop() {
  wait_ = nullptr;
  after_ok_ = AfterOk::nothing;
  forget_ = false;
  timers.cancel_all();
  data_.clear();
  std::string().swap(held_);
  line_.clear();
  escape_.reset(now_);
  passthrough.reset();
  world.restart();
  links.reset();
  server.reset();
  sntp.reset();
  update.reset();
}

void Session::force_restart() {
  out_.write("\r\nWill force to restart!!!\r\n");
  restart();
}

void Session::write_log(LogLevel level, std::string_view line) {
  if (is_visible(line)) return world.log(level, line);
  Text<4 * kInfoMaxBytes> escaped;
  for (const char c : line) escaped.append(Visible(c).view());
  world.log(level, escaped.view());
}

bool Session::verify(bool truth, std::string_view what) {
  if (!truth && !broken_) {
    broken_ = true;
    log(LogLevel::error, "module restarts, broken invariant: ", what,
        "; replay with the trace of its AT port, time since boot in us: ",
        (now_ - booted_at_).count());
  }
  return truth;
}

void Session::recover() {
  broken_ = false;
  crashed_ = true;
  restart();
}

}  // namespace espat
