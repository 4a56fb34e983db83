#include "services/update.h"

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

#include "services/download.h"

namespace espat {

namespace {

constexpr std::string_view kRoot = "/v1/device/rom/?";

std::string_view text_of(FetchError error) {
  switch (error) {
    case FetchError::none:
      break;
    case FetchError::not_connected:
      return "no connection to the update server";
    case FetchError::broken_off:
      return "the connection ended too early";
    case FetchError::header:
      return "the reply's header is too long";
    case FetchError::not_an_image:
      return "what came is not a firmware image";
    case FetchError::too_large:
      return "the image is larger than the partition";
    case FetchError::not_written:
      return "the partition could not be written";
  }
  return "nothing came";
}

/// What stands for the server in the header: dotted, as the firmware of v2.2 has it.
std::string host_header(const Endpoint& server) {
  const std::string address = server.address.text();
  return "Host: " + (server.address.is_v6() ? "[" + address + "]" : address) + ":" +
         std::to_string(server.port);
}

}  // namespace

Update::Update(const Parts& parts)
    : p_(parts), timer_(parts.timers, *this, On<&Update::on_timer>{}) {}

void Update::boot() {
  const Settings& settings = p_.store.settings;
  running_slot_ = settings.ota_boot == 1 && settings.ota_1_valid != 0 ? 1 : 0;
  version_ = running_slot_ == 1 ? settings.ota_1_version : settings.ota_0_version;
}

bool Update::knows(std::string_view partition) const {
  const auto& all = p_.profile.partitions;
  return partition.starts_with("ota") ||
         std::any_of(all.begin(), all.end(),
                     [&](const Partition& each) { return each.name == partition; });
}

bool Update::roll_back() {
  Settings& settings = p_.store.settings;
  const int32_t valid = next_slot() == 1 ? settings.ota_1_valid : settings.ota_0_valid;
  if (valid == 0 || running()) return false;
  settings.ota_boot = next_slot();
  return true;
}

void Update::start(const UpdateRequest& request) {
  https_ = request.https;
  blocking_ = request.blocking;
  wanted_ = request.version;
  partition_ = request.partition;
  state_ = 0;
  step_ = Step::starting;
  // On a turn of its own: OK comes before the first state, also where the server has no name.
  timer_.set_after(kBurstGap);
}

void Update::on_timer() {
  if (step_ != Step::starting) return fail("three minutes are over");
  timer_.set_after(kUpdateLimit);
  const UpdateServer& server = https_ ? p_.options.update_https : p_.options.update_http;
  server_.port = server.port;
  if (const auto literal = IpAddress::parse(server.host)) return found(*literal);
  step_ = Step::resolving;
  p_.names.ask(*this, 0, server.host, p_.names.any_family());
}

void Update::name_resolved(uint8_t, const Resolved& answer) {
  if (step_ == Step::resolving) found(answer.address());
}

void Update::on_event(const Event& event) {
  if (std::holds_alternative<FetchConnected>(event)) {
    if (step_ == Step::asking) tell(2);
  } else if (const auto* fetched = std::get_if<Fetched>(&event)) {
    if (step_ == Step::asking || step_ == Step::downloading) on(*fetched);
  }
}

void Update::found(const IpAddress& address) {
  if (!address) return fail("the name of the update server could not be resolved");
  server_.address = address;
  tell(1);
  // Without a version, and not blocking, the firmware asks for none either.
  if (!wanted_.empty() || !blocking_) return prepare_download();
  step_ = Step::asking;
  fetch(true, std::string(kRoot) + "is_format_simple=true");
}

void Update::fetch(bool into_memory, std::string_view target) {
  const std::string host = host_header(server_);
  const std::string token = "Authorization: token " + p_.options.update_token;
  // In this order, the blank at the end of the browser's name included (at_ota_cmd.c).
  const std::array<std::string_view, 8> headers = {
      host,
      "Connection: keep-alive",
      "Cache-Control: no-cache",
      "User-Agent: Mozilla/5.0 (Windows NT 5.1) AppleWebKit/537.36 (KHTML, like Gecko) "
      "Chrome/30.0.1599.101 Safari/537.36 ",
      "Accept: */*",
      token,
      "Accept-Encoding: gzip,deflate,sdch",
      "Accept-Language: zh-CN,zh;q=0.8",
  };
  FetchRequest request;
  request.server = server_;
  request.https = https_;
  request.http_1_0 = into_memory;
  request.target = target;
  request.headers = headers;
  if (!into_memory) {
    request.partition = partition_;
    if (is_firmware()) request.partition = next_slot() == 1 ? "ota_1" : "ota_0";
    request.partition_bytes = p_.profile.ota_slot_bytes;
    for (const Partition& each : p_.profile.partitions) {
      if (each.name == request.partition) request.partition_bytes = each.bytes;
    }
    request.firmware = is_firmware();
  }
  p_.world.fetch(request);
}

void Update::on(const Fetched& event) {
  if (event.status != 0 && event.status != 200) {
    p_.log.line(LogLevel::warn, "the update server answered ", event.status,
                ", which the firmware does not look at");
  }
  if (event.error != FetchError::none) {
    fail(text_of(event.error));
  } else if (step_ == Step::asking) {
    take_version(event.text);
  } else {
    downloaded(event);
  }
}

void Update::take_version(std::string_view reply) {
  constexpr std::string_view kKey = "rom_version\": \"";
  const size_t key = reply.find(kKey);
  const size_t begin = key + kKey.size();
  const size_t end = key == std::string_view::npos ? key : reply.find("\",", begin);
  if (end == std::string_view::npos) return fail("the reply names no version");
  wanted_ = reply.substr(begin, end - begin);
  // The next request must not become what the server likes.
  if (!fits_request(wanted_)) return fail("the version that the reply names is none");
  tell(3);
  prepare_download();
}

/// The slot is erased: from now on nobody may boot it, also not after a loss of power.
void Update::prepare_download() {
  if (!is_firmware()) return download();
  set_slot(next_slot(), false, "");
  p_.store.settings.ota_boot = running_slot_;
  write(Step::erasing);
}

void Update::download() {
  step_ = Step::downloading;
  std::string target(kRoot);
  target += "action=download_rom&version=" + wanted_ + "&filename=" + partition_ + ".bin";
  p_.log.line(LogLevel::info, "downloading ", target);
  fetch(false, target);
}

void Update::downloaded(const Fetched& event) {
  p_.log.line(LogLevel::info, "downloaded ", event.bytes, " bytes to ", partition_);
  if (!is_firmware()) return done();
  std::string version = image_version(event.text);
  if (version.empty()) version = without_v(wanted_);
  set_slot(next_slot(), true, version);
  p_.store.settings.ota_boot = next_slot();
  write(Step::storing);
}

void Update::set_slot(int32_t slot, bool valid, std::string_view version) {
  Settings& settings = p_.store.settings;
  (slot == 1 ? settings.ota_1_valid : settings.ota_0_valid) = valid ? 1 : 0;
  (slot == 1 ? settings.ota_1_version : settings.ota_0_version) = version;
}

void Update::write(Step step) {
  step_ = step;
  ++writes_;
  if (!p_.store.write(Settings::kFirmware, *this)) stored(true);
}

void Update::stored(bool ok) {
  if (--writes_ > 0) return;  // that was for an update before this one
  if (step_ != Step::erasing && step_ != Step::storing) return;  // it failed meanwhile
  if (!ok) return fail("the flash could not be written");
  step_ == Step::erasing ? download() : done();
}

void Update::done() {
  tell(4);
  end();
  if (!blocking_) return;
  if (is_firmware()) p_.interpreter.after_ok([this] { p_.power.restart(); });
  p_.interpreter.finish(kOk);
}

void Update::tell(int state) {
  state_ = state;
  blocking_ ? p_.printer.info("+CIPUPDATE:", state) : p_.printer.urc("+CIPUPDATE:", state);
}

void Update::network_lost() {
  if (running()) fail("the station has left the network");
}

void Update::fail(std::string_view reason) {
  p_.world.fetch_cancel();
  p_.names.forget(*this, 0);
  end();
  if (blocking_) {
    state_ = -1;
    p_.interpreter.finish(p_.interpreter.refuse(reason));
  } else {
    p_.log.line(LogLevel::warn, "AT+CIUPDATE: ", reason);
    tell(-1);
  }
}

void Update::end() {
  step_ = Step::none;
  timer_.cancel();
}

void Update::reset() {
  step_ = Step::none;
  state_ = 0;
  writes_ = 0;
}

}  // namespace espat
