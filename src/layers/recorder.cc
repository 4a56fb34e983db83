#include "espat/recorder.h"

#include <utility>

#include "base/checksum.h"
#include "layers/archive.h"
#include "layers/recording.h"

namespace espat {

using layers::Entry;
using layers::Writer;

Recorder::Recorder(World& below, RecordingSink& sink, const Profile& profile,
                   const ModemOptions& options)
    : Layer(below), sink_(sink), sum_(kFnvBasis) {
  entry_ = layers::kMagic;
  Writer{entry_}(profile.name, profile.dialect->name, options);
  Writer{entry_}.fixed(fnv1a(entry_));
  sink_.write(as_bytes(entry_));
}

// --- turns --------------------------------------------------------------------------------------

void Recorder::write_entry() {
  sum_ = fnv1a(entry_, sum_);
  sink_.write(as_bytes(entry_));
}

/// What enters is written before the module sees it: if that ends the program, it is known. A call
/// from inside a turn is none, since the modem refuses it.
template <typename... Values>
bool Recorder::begin_turn(Entry kind, Time now, const Values&... values) {
  if (in_turn_) return false;
  entry_.clear();
  Writer{entry_}(kind, now - std::exchange(last_, now), values...);
  write_entry();
  in_turn_ = true;
  return true;
}

void Recorder::end_turn(size_t taken) {
  in_turn_ = false;
  entry_.clear();
  Writer{entry_}(Entry::end, taken, deadline().time_since_epoch());
  sum_ = fnv1a(entry_, sum_);
  Writer{entry_}.fixed(std::exchange(sum_, kFnvBasis));
  sink_.write(as_bytes(entry_));
}

void Recorder::power_on(Time now) {
  const bool recorded = begin_turn(Entry::power_on, now);
  Layer::power_on(now);
  if (recorded) end_turn(0);
}

size_t Recorder::on_uart(Bytes data, Time now) {
  const bool recorded = begin_turn(Entry::uart, now, data);
  const size_t taken = Layer::on_uart(data, now);
  if (recorded) end_turn(taken);
  return taken;
}

size_t Recorder::on_channel_data(ChannelId channel, Bytes data, const Endpoint& from, Time now) {
  const bool recorded = begin_turn(Entry::channel_data, now, channel, data, from);
  const size_t taken = Layer::on_channel_data(channel, data, from, now);
  if (recorded) end_turn(taken);
  return taken;
}

void Recorder::on_event(const Event& event, Time now) {
  const bool recorded = begin_turn(Entry::event, now, event);
  Layer::on_event(event, now);
  if (recorded) end_turn(0);
}

void Recorder::on_deadline(Time now) {
  const bool recorded = begin_turn(Entry::deadline, now);
  Layer::on_deadline(now);
  if (recorded) end_turn(0);
}

// --- calls on the world -------------------------------------------------------------------------

template <typename... Arguments>
void Recorder::note(Entry kind, const Arguments&... arguments) {
  begin_call(kind, arguments...);
  write_entry();
}

template <typename Result, typename... Arguments>
Result Recorder::note_result(Result result, Entry kind, const Arguments&... arguments) {
  begin_call(kind, arguments...);
  Writer{entry_}(result);
  write_entry();
  return result;
}

template <typename... Arguments>
void Recorder::begin_call(Entry kind, const Arguments&... arguments) {
  arguments_.clear();
  Writer{arguments_}(arguments...);
  entry_.clear();
  Writer{entry_}(kind);
  Writer{entry_}.fixed(fnv1a(arguments_));
}

size_t Recorder::uart_write(std::span<const Bytes> parts) {
  return note_result(below().uart_write(parts), Entry::uart_write, parts);
}

void Recorder::uart_resume() {
  below().uart_resume();
  note(Entry::uart_resume);
}

void Recorder::uart_configure(const UartConfig& config) {
  below().uart_configure(config);
  note(Entry::uart_configure, config);
}

void Recorder::channel_open(ChannelId channel, const ChannelRequest& request) {
  below().channel_open(channel, request);
  note(Entry::channel_open, channel, request);
}

size_t Recorder::channel_send(ChannelId channel, Bytes data, const Endpoint& to) {
  return note_result(below().channel_send(channel, data, to), Entry::channel_send, channel, data,
                     to);
}

void Recorder::channel_resume(ChannelId channel) {
  below().channel_resume(channel);
  note(Entry::channel_resume, channel);
}

void Recorder::channel_configure(ChannelId channel, const ChannelOptions& options) {
  below().channel_configure(channel, options);
  note(Entry::channel_configure, channel, options);
}

void Recorder::channel_close(ChannelId channel, Closing closing) {
  below().channel_close(channel, closing);
  note(Entry::channel_close, channel, closing);
}

void Recorder::server_open(const ServerRequest& request) {
  below().server_open(request);
  note(Entry::server_open, request);
}

void Recorder::server_admit(std::optional<ChannelId> channel, const ChannelOptions& options) {
  below().server_admit(channel, options);
  note(Entry::server_admit, channel, options);
}

void Recorder::server_close() {
  below().server_close();
  note(Entry::server_close);
}

PkiState Recorder::pki_state(PkiFile file, uint8_t number) {
  return note_result(below().pki_state(file, number), Entry::pki_state, file, number);
}

void Recorder::clock_set(Duration since_1970) {
  below().clock_set(since_1970);
  note(Entry::clock_set, since_1970);
}

void Recorder::resolve(QueryId query, std::string_view host, Family family,
                       std::span<const Endpoint> servers) {
  below().resolve(query, host, family, servers);
  note(Entry::resolve, query, host, family, servers);
}

void Recorder::ping(const PingRequest& request) {
  below().ping(request);
  note(Entry::ping, request);
}

void Recorder::ping_stop() {
  below().ping_stop();
  note(Entry::ping_stop);
}

uint64_t Recorder::random() { return note_result(below().random(), Entry::random); }

void Recorder::partition_erase(std::string_view partition) {
  below().partition_erase(partition);
  note(Entry::partition_erase, partition);
}

size_t Recorder::partition_write(Bytes data) {
  return note_result(below().partition_write(data), Entry::partition_write, data);
}

void Recorder::partition_commit() {
  below().partition_commit();
  note(Entry::partition_commit);
}

void Recorder::partition_abandon() {
  below().partition_abandon();
  note(Entry::partition_abandon);
}

size_t Recorder::partition_read(std::string_view partition, uint32_t offset,
                                std::span<std::byte> into) {
  const size_t count = below().partition_read(partition, offset, into);
  note_result(Bytes(into.first(count)), Entry::partition_read, partition, offset, into.size());
  return count;
}

void Recorder::join(const JoinRequest& request) {
  below().join(request);
  note(Entry::join, request);
}

void Recorder::leave() {
  below().leave();
  note(Entry::leave);
}

void Recorder::scan(const ScanRequest& request) {
  below().scan(request);
  note(Entry::scan, request);
}

void Recorder::softap_disconnect(const MacAddress& mac) {
  below().softap_disconnect(mac);
  note(Entry::softap_disconnect, mac);
}

std::string_view Recorder::flash_get(std::string_view key) {
  const std::string_view value = below().flash_get(key);
  note_result(value.data() != nullptr ? std::optional(value) : std::nullopt, Entry::flash_get, key);
  return value;
}

void Recorder::flash_put(std::span<const FlashEntry> entries) {
  below().flash_put(entries);
  note(Entry::flash_put, entries);
}

void Recorder::flash_erase(std::span<const FlashEntry> kept) {
  below().flash_erase(kept);
  note(Entry::flash_erase, kept);
}

void Recorder::restart() {
  below().restart();
  note(Entry::restart);
}

void Recorder::log(LogLevel level, std::string_view line) {
  below().log(level, line);
  note(Entry::log, level, line);
}

}  // namespace espat
