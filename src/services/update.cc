#include "services/update.h"

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

#include "module/session.h"
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

void Update::boot() {
  const Settings& settings = s_.settings;
  running_slot_ = settings.ota_boot == 1 && settings.ota_1_valid != 0 ? 1 : 0;
  version_ = running_slot_ == 1 ? settings.ota_1_version : settings.ota_0_version;
}

bool Update::knows(std::string_view partition) const {
  const auto& all = s_.profile.partitions;
  return partition.starts_with("ota") ||
         std::any_of(all.begin(), all.end(),
                     [&](const Partition& each) { return each.name == partition; });
}

bool Update::roll_back() {
  Settings& settings = s_.settings;
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
  s_.timers.set(Timer::update, s_.now() + kBurstGap);
}

void Update::on_timer() {
  if (step_ != Step::starting) return fail("three minutes are over");
  s_.timers.set(Timer::update, s_.now() + kUpdateLimit);
  const UpdateServer& server = https_ ? s_.options.update_https : s_.options.update_http;
  server_.port = server.port;
  if (const auto literal = IpAddress::parse(server.host)) return found(*literal);
  step_ = Step::resolving;
  const Family family = s_.settings.ipv6 != 0 ? Family::v4_preferred : Family::v4;
  s_.world.resolve(kUpdateQuery, server.host, family, s_.station.dns_servers());
}

void Update::on_event(const Event& event) {
  if (const auto* resolved = std::get_if<Resolved>(&event)) {
    if (step_ == Step::resolving && resolved->query == kUpdateQuery) found(resolved->address());
  } else if (std::holds_alternative<FetchConnected>(event)) {
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
  const std::string token = "Authorization: token " + s_.options.update_token;
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
    request.partition_bytes = s_.profile.ota_slot_bytes;
    for (const Partition& each : s_.profile.partitions) {
      if (each.name == request.partition) request.partition_bytes = each.bytes;
    }
    request.firmware = is_firmware();
  }
  s_.world.fetch(request);
}

void Update::on(const Fetched& event) {
  if (event.status != 0 && event.status != 200) {
    s_.log(LogLevel::warn, "the update server answered ", event.status,
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
  s_.settings.ota_boot = running_slot_;
  write(Step::erasing);
}

void Update::download() {
  step_ = Step::downloading;
  std::string target(kRoot);
  target += "action=download_rom&version=" + wanted_ + "&filename=" + partition_ + ".bin";
  s_.log(LogLevel::info, "downloading ", target);
  fetch(false, target);
}

void Update::downloaded(const Fetched& event) {
  s_.log(LogLevel::info, "downloaded ", event.bytes, " bytes to ", partition_);
  if (!is_firmware()) return done();
  std::string version = image_version(event.text);
  if (version.empty()) version = without_v(wanted_);
  set_slot(next_slot(), true, version);
  s_.settings.ota_boot = next_slot();
  write(Step::storing);
}

void Update::set_slot(int32_t slot, bool valid, std::string_view version) {
  Settings& settings = s_.settings;
  (slot == 1 ? settings.ota_1_valid : settings.ota_0_valid) = valid ? 1 : 0;
  (slot == 1 ? settings.ota_1_version : settings.ota_0_version) = version;
}

void Update::write(Step step) {
  step_ = step;
  write_waits_ = true;
  if (s_.flash_free() && !writing_) write_now();
}

void Update::write_now() {
  if (!std::exchange(write_waits_, false)) return;
  writing_ = store_settings(s_.settings, Settings::kFirmware, s_.world);
  if (!writing_) written(true);
}

void Update::written(bool ok) {
  writing_ = false;
  if (write_waits_) return write_now();  // that was for an update before this one
  if (step_ != Step::erasing && step_ != Step::storing) return;  // it failed meanwhile
  if (!ok) return fail("the flash could not be written");
  step_ == Step::erasing ? download() : done();
}

void Update::done() {
  tell(4);
  end();
  if (!blocking_) return;
  if (is_firmware()) s_.after_ok(AfterOk::restart);
  s_.finish(kOk);
}

void Update::tell(int state) {
  state_ = state;
  blocking_ ? s_.info("+CIPUPDATE:", state) : s_.urc("+CIPUPDATE:", state);
}

void Update::network_lost() {
  if (running()) fail("the station has left the network");
}

void Update::fail(std::string_view reason) {
  s_.world.fetch_cancel();
  end();
  if (blocking_) {
    state_ = -1;
    s_.finish(s_.refuse(reason));
  } else {
    s_.log(LogLevel::warn, "AT+CIUPDATE: ", reason);
    tell(-1);
  }
}

void Update::end() {
  step_ = Step::none;
  write_waits_ = false;
  s_.timers.cancel(Timer::update);
}

void Update::reset() {
  step_ = Step::none;
  state_ = 0;
  writing_ = write_waits_ = false;
}

}  // namespace espat
