// The module runs once more, below it a recorder, and below that a world which only returns what is
// in the recording. What the recorder writes must be the recording again, byte for byte: so the
// encoding of a call is known to the recorder alone.
#include "espat/replay.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/checksum.h"
#include "espat/modem.h"
#include "espat/observer.h"
#include "espat/profile.h"
#include "espat/recorder.h"
#include "layers/archive.h"
#include "layers/recording.h"

namespace espat {

namespace {

using layers::Entry;
using layers::kMagic;
using layers::name_of;
using layers::Reader;

// A module's clock of 73,000 years: what is beyond was not recorded.
constexpr Duration kTimeMax(int64_t{1} << 61);

/// The recording, as far as it was written again; and the first place where it was not the same.
class Comparison final : public RecordingSink {
 public:
  explicit Comparison(Bytes recording) : recording_(recording) {}

  size_t at() const { return at_; }
  Reader reader() const { return Reader(recording_, at_); }
  Entry next() const {
    uint8_t kind = 0;
    Reader reader = this->reader();
    reader(kind);
    return reader.failed() ? Entry::count : static_cast<Entry>(kind);
  }
  bool at_end() const { return at_ == recording_.size(); }
  bool differs() const { return !what_.empty(); }
  const std::string& what() const { return what_; }

  void differ(std::string what) {
    if (!differs()) what_ = std::move(what);
  }
  void skip(size_t bytes) { at_ += bytes; }
  /// The module does this next; `end` instead of a call: it does nothing more in this turn.
  void expect(Entry entry) {
    if (differs() || next() == entry) return;
    const std::string recorded = at_end() ? "breaks off" : "has " + std::string(name_of(next()));
    differ(std::string(name_of(entry)) + " where the recording " + recorded);
  }

  /// What the module did is written again.
  void write(Bytes entry) override {
    if (differs()) return;
    const Bytes recorded = recording_.subspan(at_, std::min(entry.size(), recording_.size() - at_));
    if (as_text(recorded) == as_text(entry)) return skip(entry.size());
    if (as_text(entry).starts_with(as_text(recorded))) return differ("the recording breaks off");
    explain(static_cast<Entry>(entry.front()), entry);
  }

 private:
  void explain(Entry entry, Bytes written) {
    expect(entry);
    if (differs()) return;
    if (entry != Entry::end) return differ(std::string(name_of(entry)) + ": other arguments");
    struct End {
      uint8_t kind = 0;
      uint64_t taken = 0;
      Duration deadline{};
    };
    const auto read = [](Reader reader) {
      End end;
      reader(end.kind, end.taken, end.deadline);
      return end;
    };
    const End now = read(Reader(written)), before = read(reader());
    if (now.taken != before.taken) {
      differ("takes " + std::to_string(now.taken) + " bytes instead of " +
             std::to_string(before.taken));
    } else if (now.deadline != before.deadline) {
      differ("is due at another time");
    } else {
      differ("the recording of this turn was changed");
    }
  }

  const Bytes recording_;
  size_t at_ = 0;
  std::string what_;
};

/// Returns what the world returned then. Once the replay differs, it takes everything and has
/// nothing.
class RecordedWorld final : public World {
 public:
  explicit RecordedWorld(Comparison& recording) : recording_(recording) {}

  size_t uart_write(std::span<const Bytes> parts) override {
    size_t offered = 0;
    for (const Bytes part : parts) offered += part.size();
    return taken(Entry::uart_write, offered);
  }
  void uart_resume() override { recording_.expect(Entry::uart_resume); }
  void uart_configure(const UartConfig&) override { recording_.expect(Entry::uart_configure); }
  void channel_open(ChannelId, const ChannelRequest&) override {
    recording_.expect(Entry::channel_open);
  }
  size_t channel_send(ChannelId, Bytes data, const Endpoint&) override {
    return taken(Entry::channel_send, data.size());
  }
  void channel_resume(ChannelId) override { recording_.expect(Entry::channel_resume); }
  void channel_configure(ChannelId, const ChannelOptions&) override {
    recording_.expect(Entry::channel_configure);
  }
  void channel_close(ChannelId, Closing) override { recording_.expect(Entry::channel_close); }
  void server_open(const ServerRequest&) override { recording_.expect(Entry::server_open); }
  void server_admit(std::optional<ChannelId>, const ChannelOptions&) override {
    recording_.expect(Entry::server_admit);
  }
  void server_close() override { recording_.expect(Entry::server_close); }
  PkiState pki_state(PkiFile, uint8_t) override {
    return result(Entry::pki_state, PkiState::missing);
  }
  void clock_set(Duration) override { recording_.expect(Entry::clock_set); }
  void resolve(QueryId, std::string_view, Family, std::span<const Endpoint>) override {
    recording_.expect(Entry::resolve);
  }
  void ping(const PingRequest&) override { recording_.expect(Entry::ping); }
  void ping_stop() override { recording_.expect(Entry::ping_stop); }
  uint64_t random() override { return result(Entry::random, uint64_t{0}); }
  void partition_erase(std::string_view) override { recording_.expect(Entry::partition_erase); }
  size_t partition_write(Bytes data) override { return taken(Entry::partition_write, data.size()); }
  void partition_commit() override { recording_.expect(Entry::partition_commit); }
  void partition_abandon() override { recording_.expect(Entry::partition_abandon); }
  size_t partition_read(std::string_view, uint32_t, std::span<std::byte> into) override {
    const Bytes contents = result(Entry::partition_read, Bytes());
    const size_t count = std::min(contents.size(), into.size());
    std::copy_n(contents.begin(), count, into.begin());
    return count;
  }
  void join(const JoinRequest&) override { recording_.expect(Entry::join); }
  void leave() override { recording_.expect(Entry::leave); }
  void scan(const ScanRequest&) override { recording_.expect(Entry::scan); }
  void softap_disconnect(const MacAddress&) override {
    recording_.expect(Entry::softap_disconnect);
  }
  std::string_view flash_get(std::string_view) override {
    const auto stored = result(Entry::flash_get, std::optional<std::string_view>());
    return stored.value_or(std::string_view());
  }
  void flash_put(std::span<const FlashEntry>) override { recording_.expect(Entry::flash_put); }
  void flash_erase(std::span<const FlashEntry>) override { recording_.expect(Entry::flash_erase); }
  void restart() override { recording_.expect(Entry::restart); }
  void log(LogLevel, std::string_view) override { recording_.expect(Entry::log); }

 private:
  template <typename Result>
  Result result(Entry entry, Result otherwise) {
    recording_.expect(entry);
    if (recording_.differs()) return otherwise;
    Reader reader = recording_.reader();
    uint8_t kind = 0;
    Result value{};
    reader(kind);
    reader.fixed();  // of the arguments: the recorder makes its own
    reader(value);
    if (!reader.failed()) return value;
    recording_.differ(std::string(name_of(entry)) + ": no result can be read");
    return otherwise;
  }

  size_t taken(Entry entry, size_t offered) {
    // More than that would have been taken of other arguments.
    return std::min(result(entry, offered), offered);
  }

  Comparison& recording_;
};

class Player {
 public:
  Player(Bytes recording, const CommandSet& commands, Observer* observer)
      : bytes_(recording),
        commands_(commands),
        observer_(observer),
        recording_(recording),
        world_(recording_) {}

  ReplayResult play() {
    begin();
    while (!recording_.differs() && !recording_.at_end()) {
      play_turn();
      if (!recording_.differs()) ++turns_;
    }
    ReplayResult result{turns_, std::nullopt};
    if (recording_.differs()) {
      const uint64_t turn = recorder_ ? turns_ + 1 : 0;
      result.difference = {turn, now_, recording_.at(), recording_.what()};
    }
    return result;
  }

 private:
  /// What stands before the first turn.
  void begin() {
    std::string_view profile_name, dialect_name;
    if (!as_text(bytes_).starts_with(kMagic)) return recording_.differ("not a recording");
    Reader reader(bytes_, kMagic.size());
    reader(profile_name, dialect_name, options_);
    const size_t head_bytes = reader.at();
    const uint64_t sum = reader.fixed();
    if (reader.failed() || sum != fnv1a(as_text(bytes_.first(head_bytes)))) {
      return recording_.differ("the head of the recording was changed");
    }
    profile_ = find_profile(profile_name);
    if (profile_ == nullptr || profile_->dialect->name != dialect_name) {
      return recording_.differ("made with a chip or firmware that is not known here: " +
                               std::string(profile_name) + ' ' + std::string(dialect_name));
    }
    options_.observer = observer_;
    recorder_ = std::make_unique<Recorder>(world_, recording_, *profile_, options_);
  }

  void play_turn() {
    uint8_t kind = 0;
    Duration delta{};
    Reader reader = recording_.reader();
    reader(kind, delta);
    if (reader.failed() || delta > kTimeMax || delta < -kTimeMax) return unreadable();
    now_ = std::clamp(now_ + delta, Time(-kTimeMax), Time(kTimeMax));
    const auto entry = static_cast<Entry>(kind);
    if (entry == Entry::power_on) return power_on();
    if (!modem_) return recording_.differ("no module has power yet");
    switch (entry) {
      case Entry::uart:
        return play_uart(reader);
      case Entry::channel_data:
        return play_channel_data(reader);
      case Entry::event:
        return play_event(reader);
      case Entry::deadline:
        return recorder_->on_deadline(now_);
      default:
        return recording_.differ("what begins no turn: " + std::string(name_of(entry)));
    }
  }

  void power_on() {
    recorder_->connect(nullptr);
    modem_.reset();
    modem_ = std::make_unique<Modem>(*recorder_, *profile_, commands_, options_);
    recorder_->connect(modem_.get());
    recorder_->power_on(now_);
  }

  void play_uart(Reader& reader) {
    Bytes data;
    reader(data);
    if (reader.failed()) return unreadable();
    (void)recorder_->on_uart(data, now_);
  }

  void play_channel_data(Reader& reader) {
    ChannelId channel = 0;
    Bytes data;
    Endpoint from;
    reader(channel, data, from);
    if (reader.failed()) return unreadable();
    (void)recorder_->on_channel_data(channel, data, from, now_);
  }

  void play_event(Reader& reader) {
    Event event;
    reader(event);
    if (reader.failed()) return unreadable();
    recorder_->on_event(event, now_);
  }

  void unreadable() { recording_.differ("no turn can be read here"); }

  const Bytes bytes_;
  const CommandSet& commands_;
  Observer* const observer_;
  Comparison recording_;
  RecordedWorld world_;
  ModemOptions options_;
  const Profile* profile_ = nullptr;
  std::unique_ptr<Recorder> recorder_;
  std::unique_ptr<Modem> modem_;
  Time now_{};
  uint64_t turns_ = 0;
};

}  // namespace

ReplayResult replay(Bytes recording, const CommandSet& commands, Observer* observer) {
  return Player(recording, commands, observer).play();
}

}  // namespace espat
