#include "services/mdns.h"

#include <algorithm>
#include <array>

#include "base/net_error.h"

namespace espat {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// RFC 6762: sections 8.1, 8.3, 6, 10, 6.7.
constexpr int kProbes = 3;
constexpr milliseconds kProbeInterval(250);
constexpr int kAnnouncements = 2;
constexpr seconds kAnnounceInterval(1);
constexpr milliseconds kSharedDelayMin(20), kSharedDelayRange(101);
constexpr seconds kRepeatMin(1);
constexpr milliseconds kRepeatMinToProbe(250);
constexpr uint32_t kHostTtlS = 120, kOtherTtlS = 4500, kLegacyTtlS = 10;
constexpr seconds kDefer(1);
constexpr int kConflictsMax = 15;  // then one name every five seconds
constexpr seconds kConflictPause(5);

constexpr seconds kPause(60);
// To whoever asks for himself; the sender of a question need not be who gets the answer.
constexpr int kAnswersPerSecond = 20;
constexpr size_t kLegacyQuestionsMax = 4;  // what is repeated; one is what they ask

std::string of_port_and_host(uint16_t port, const std::string& host) {
  std::string data(4, '\0');  // priority and weight
  data.push_back(static_cast<char>(port >> 8));
  data.push_back(static_cast<char>(port));
  return data + host;
}

std::string of_address(const IpAddress& address) {
  const auto bytes = address.bytes();
  return {bytes.begin(), bytes.end()};
}

}  // namespace

Mdns::Mdns(World& world, Timers& timers, Log& log, const Interfaces& interfaces, Channels& channels)
    : world_(world),
      timers_(timers),
      log_(log),
      interfaces_(interfaces),
      channels_(channels),
      step_(timers, *this, On<&Mdns::on_step>{}),
      due_(timers, *this, On<&Mdns::on_due>{}) {}

void Mdns::configure(std::optional<Config> config) {
  if (claimed()) say_goodbye();
  stop();
  config_ = std::move(config);
  number_ = 1;
  conflicts_ = 0;
}

// --- its life -----------------------------------------------------------------------------------

void Mdns::on_event(const Event& event) {
  const auto* got = std::get_if<StationGotIp>(&event);
  if (got == nullptr) return;
  if (got->ip != lease_.ip) stop();
  lease_.ip = got->ip;
  lease_.netmask = got->netmask;
}

void Mdns::end_of_turn() {
  const bool wanted = config_ && interfaces_.has_ip() && lease_.ip;
  if (!wanted || (state_ != State::stopped && addresses() != addresses_)) {
    if (state_ != State::stopped) stop();
  }
  if (wanted && state_ == State::stopped) open();
}

void Mdns::reset() {
  state_ = State::stopped;
  channel_.reset();
  config_.reset();
  number_ = 1;
  conflicts_ = 0;
}

void Mdns::stop() {
  state_ = State::stopped;
  step_.cancel();
  due_.cancel();
  if (channel_) channels_.close(*std::exchange(channel_, std::nullopt));
}

void Mdns::open() {
  addresses_ = addresses();
  ChannelRequest channel;
  channel.transport = Transport::udp;
  channel.remote = kMdnsGroup;
  channel.local = lease_.ip;  // not the host's choice, which may be another network
  channel.local_port = kMdnsGroup.port;
  state_ = State::opening;
  channel_ = channels_.open(*this, channel);
  if (!channel_) pause();
}

void Mdns::pause() {
  state_ = State::pausing;
  step_.set_after(kPause);
}

void Mdns::channel_opened(const ChannelOpened&) {
  make_records();
  probe(random(kProbeInterval));
}

void Mdns::channel_ended(ChannelId, NetError error) {
  channel_.reset();
  due_.cancel();
  log_.line(LogLevel::warn, "mDNS: ", text_of(error));
  pause();
}

void Mdns::on_step() {
  switch (state_) {
    case State::pausing:
      return open();
    case State::probing:
      return probe_again();
    case State::announcing:
      return announce();
    case State::stopped:
    case State::opening:
    case State::running:
      return;
  }
}

// --- names and records --------------------------------------------------------------------------

std::vector<IpAddress> Mdns::addresses() const {
  std::vector<IpAddress> result;
  for (const IpAddress& address :
       {interfaces_.ip(), interfaces_.ip6_global(), interfaces_.ip6_link_local()}) {
    if (address) result.push_back(address);
  }
  return result;
}

std::string Mdns::host() const {
  if (number_ == 1) return config_->host;
  const std::string number = "-" + std::to_string(number_);
  return config_->host.substr(0, kDnsLabelMaxBytes - number.size()) + number;
}

void Mdns::make_records() {
  const std::string host = dns_name({this->host(), "local"});
  const std::string type = dns_name({config_->service, "_tcp", "local"});
  const std::string instance = dns_name({this->host(), config_->service, "_tcp", "local"});
  const std::string types = dns_name({"_services", "_dns-sd", "_udp", "local"});
  own_.clear();
  own_.push_back({{types, DnsType::ptr, false, kOtherTtlS, type}, true});
  own_.push_back({{type, DnsType::ptr, false, kOtherTtlS, instance}});
  own_.push_back(
      {{instance, DnsType::srv, true, kHostTtlS, of_port_and_host(config_->port, host)}});
  own_.push_back({{instance, DnsType::txt, true, kOtherTtlS, std::string(1, '\0')}});
  for (const IpAddress& address : addresses_) {
    const DnsType family = address.is_v4() ? DnsType::a : DnsType::aaaa;
    own_.push_back({{host, family, true, kHostTtlS, of_address(address)}});
  }
}

void Mdns::probe(Duration after) {
  state_ = State::probing;
  steps_ = kProbes;
  due_.cancel();
  step_.set_after(after);
}

void Mdns::probe_again() {
  if (steps_ == 0) {
    state_ = State::announcing;
    steps_ = kAnnouncements;
    return announce();
  }
  --steps_;
  DnsMessage probe;
  for (const Own& own : own_) {
    if (!own.record.unique) continue;
    DnsRecord proposed = own.record;
    proposed.unique = false;
    probe.authority.push_back(std::move(proposed));
    const bool asked =
        std::any_of(probe.questions.begin(), probe.questions.end(),
                    [&own](const DnsQuestion& q) { return same_name(q.name, own.record.name); });
    if (!asked) probe.questions.push_back({own.record.name, DnsType::any, true});
  }
  send(probe);
  step_.set_after(kProbeInterval);
}

void Mdns::announce() {
  DnsMessage all;
  all.response = true;
  for (Own& own : own_) {
    all.answers.push_back(own.record);
    own.sent_at = timers_.now();
    own.due.reset();
  }
  send(all);
  if (--steps_ > 0) return step_.set_after(kAnnounceInterval);
  state_ = State::running;
  conflicts_ = 0;
  log_.line(LogLevel::info, "mDNS: this is ", host(), ".local");
}

void Mdns::say_goodbye() {
  DnsMessage last;
  last.response = true;
  for (const Own& own : own_) {
    if (own.shared_by_all) continue;
    last.answers.push_back(own.record);
    last.answers.back().ttl_s = 0;
  }
  send(last);
}

void Mdns::rename() {
  log_.line(LogLevel::warn, "mDNS: somebody else is ", host());
  ++number_;
  ++conflicts_;
  make_records();
  probe(conflicts_ > kConflictsMax ? Duration(kConflictPause) : random(kProbeInterval));
}

// --- what others say ----------------------------------------------------------------------------

bool Mdns::is_neighbour(const IpAddress& address) const {
  if (!address.is_v4() || !lease_.ip.is_v4()) return false;
  for (size_t i = 0; i < 4 && lease_.netmask.is_v4(); ++i) {
    const unsigned differs = address.bytes()[i] ^ lease_.ip.bytes()[i];
    if ((differs & lease_.netmask.bytes()[i]) != 0) return false;
  }
  return true;
}

size_t Mdns::channel_received(ChannelId, Bytes data, const Endpoint& from) {
  if (!is_neighbour(from.address)) return data.size();
  const auto message = read_dns(data);
  if (!message) return data.size();
  if (!message->response) {
    heard_query(*message, from);
  } else if (from.port == kMdnsGroup.port) {
    heard_response(*message);
  }
  return data.size();
}

void Mdns::heard_query(const DnsMessage& query, const Endpoint& from) {
  if (state_ == State::probing && loses_to(query)) return probe(kDefer);
  if (!claimed()) return;
  const std::vector<Own*> records = wanted(query);
  if (records.empty()) return;
  if (from.port != kMdnsGroup.port) return answer_at_once(query, records, from);
  answer_later(records, !query.authority.empty());
}

bool Mdns::loses_to(const DnsMessage& probe) const {
  // RFC 6762, section 8.2: the records of a name, in order; whose come later in it wins.
  using Records = std::vector<std::pair<DnsType, std::string>>;
  for (const Own& own : own_) {
    if (!own.record.unique) continue;
    Records ours, theirs;
    for (const Own& each : own_) {
      if (each.record.unique && same_name(each.record.name, own.record.name)) {
        ours.emplace_back(each.record.type, each.record.data);
      }
    }
    for (const DnsRecord& each : probe.authority) {
      if (same_name(each.name, own.record.name)) theirs.emplace_back(each.type, each.data);
    }
    std::sort(ours.begin(), ours.end());
    std::sort(theirs.begin(), theirs.end());
    if (!theirs.empty() && ours < theirs) return true;
  }
  return false;
}

void Mdns::heard_response(const DnsMessage& response) {
  const std::array<const std::vector<DnsRecord>*, 2> parts{&response.answers, &response.additional};
  for (const auto* part : parts) {
    for (const DnsRecord& theirs : *part) {
      if (is_conflict(theirs)) {
        // Who had the name already says so when he is asked.
        return claimed() ? probe(random(kProbeInterval)) : rename();
      }
      for (Own& own : own_) {
        const bool fades = theirs.ttl_s < own.record.ttl_s / 2;
        if (claimed() && fades && same_record(theirs, own.record)) set_due(own, timers_.now());
      }
    }
  }
}

bool Mdns::is_conflict(const DnsRecord& theirs) const {
  // Not before a name was asked for, so that whoever denies all of them is heard a few times only.
  const bool asks = state_ == State::probing && steps_ < kProbes;
  if (theirs.ttl_s == 0 || (!asks && !claimed())) return false;
  bool same_place = false;
  for (const Own& own : own_) {
    if (!own.record.unique || !same_name(own.record.name, theirs.name)) continue;
    if (same_record(own.record, theirs)) return false;
    same_place |= asks || own.record.type == theirs.type;
  }
  return same_place;
}

// --- answers ------------------------------------------------------------------------------------

std::vector<Mdns::Own*> Mdns::wanted(const DnsMessage& query) {
  std::vector<Own*> result;
  for (Own& own : own_) {
    const bool asked =
        std::any_of(query.questions.begin(), query.questions.end(), [&own](const DnsQuestion& q) {
          const bool of_type = q.type == own.record.type || q.type == DnsType::any;
          return of_type && same_name(q.name, own.record.name);
        });
    const bool known =
        std::any_of(query.answers.begin(), query.answers.end(), [&own](const DnsRecord& theirs) {
          return same_record(theirs, own.record) && theirs.ttl_s >= own.record.ttl_s / 2;
        });
    if (asked && !known) result.push_back(&own);
  }
  return result;
}

void Mdns::answer_later(const std::vector<Own*>& wanted, bool probe) {
  const bool shared =
      std::any_of(wanted.begin(), wanted.end(), [](const Own* own) { return !own->record.unique; });
  const Time begin =
      timers_.now() + (shared ? kSharedDelayMin + random(kSharedDelayRange) : Duration::zero());
  const Duration least = probe ? Duration(kRepeatMinToProbe) : Duration(kRepeatMin);
  for (Own* own : wanted) {
    set_due(*own, own->sent_at ? std::max(begin, *own->sent_at + least) : begin);
  }
}

void Mdns::set_due(Own& own, Time due) {
  own.due = own.due ? std::min(*own.due, due) : due;
  Time first = *own.due;
  for (const Own& each : own_) {
    if (each.due) first = std::min(first, *each.due);
  }
  due_.set(first);
}

void Mdns::on_due() {
  DnsMessage answer;
  answer.response = true;
  std::optional<Time> next;
  for (Own& own : own_) {
    if (!own.due) continue;
    if (*own.due > timers_.now()) {
      next = next ? std::min(*next, *own.due) : *own.due;
      continue;
    }
    own.due.reset();
    answer.answers.push_back(own.record);
    own.sent_at = timers_.now();
  }
  if (next) due_.set(*next);
  if (answer.answers.empty()) return;
  add_companions(answer);
  send(answer);
}

/// Who learns of a service will ask where it is: RFC 6763, section 12.
void Mdns::add_companions(DnsMessage& answer) const {
  const bool service =
      std::any_of(answer.answers.begin(), answer.answers.end(), [](const DnsRecord& record) {
        return record.type == DnsType::ptr || record.type == DnsType::srv;
      });
  if (!service) return;
  for (const Own& own : own_) {
    const bool there =
        std::any_of(answer.answers.begin(), answer.answers.end(),
                    [&own](const DnsRecord& r) { return same_record(r, own.record); });
    if (own.record.unique && !there) answer.additional.push_back(own.record);
  }
}

/// To a resolver that knows nothing of multicast: RFC 6762, section 6.7.
void Mdns::answer_at_once(const DnsMessage& query, const std::vector<Own*>& wanted,
                          const Endpoint& to) {
  if (timers_.now() - second_ >= seconds(1)) {
    second_ = timers_.now();
    answers_left_ = kAnswersPerSecond;
  }
  if (answers_left_ == 0) return;
  --answers_left_;
  DnsMessage answer;
  answer.id = query.id;
  answer.response = true;
  answer.questions = query.questions;
  answer.questions.resize(std::min(answer.questions.size(), kLegacyQuestionsMax));
  for (const Own* own : wanted) answer.answers.push_back(own->record);
  add_companions(answer);
  for (auto* part : {&answer.answers, &answer.additional}) {
    for (DnsRecord& record : *part) {
      record.unique = false;
      record.ttl_s = std::min(record.ttl_s, kLegacyTtlS);
    }
  }
  send(answer, to);
}

void Mdns::send(const DnsMessage& message, const Endpoint& to) {
  channels_.send(*channel_, as_bytes(write_dns(message)), to);
}

Duration Mdns::random(milliseconds below) {
  return milliseconds(world_.random() % static_cast<uint64_t>(below.count()));
}

}  // namespace espat
