#include "services/update.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/firmware_image.h"
#include "base/net_error.h"

namespace espat {

namespace {

constexpr std::string_view kRoot = "/v1/device/rom/?";

std::string_view text_of(DownloadError error) {
  switch (error) {
    case DownloadError::none:
      break;
    case DownloadError::broken_off:
      return "the connection ended too early";
    case DownloadError::header:
      return "the reply's header is too long";
    case DownloadError::not_an_image:
      return "what came is not a firmware image";
    case DownloadError::too_large:
      return "the image is larger than the partition";
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

Update::Update(World& world, Timers& timers, Log& log, Printer& printer, Interpreter& interpreter,
               Store& store, Names& names, Channels& channels, Power& power, const Profile& profile,
               const ModemOptions& options)
    : world_(world),
      log_(log),
      printer_(printer),
      interpreter_(interpreter),
      store_(store),
      names_(names),
      channels_(channels),
      power_(power),
      profile_(profile),
      options_(options),
      timer_(timers, *this, On<&Update::on_timer>{}) {}

void Update::boot() {
  const Settings& settings = store_.settings;
  running_slot_ = settings.ota_boot == 1 && settings.ota_1_valid != 0 ? 1 : 0;
  version_ = running_slot_ == 1 ? settings.ota_1_version : settings.ota_0_version;
}

bool Update::knows(std::string_view partition) const {
  const auto& all = profile_.partitions;
  return partition.starts_with("ota") ||
         std::any_of(all.begin(), all.end(),
                     [&](const Partition& each) { return each.name == partition; });
}

bool Update::roll_back() {
  Settings& settings = store_.settings;
  const int32_t valid = next_slot() == 1 ? settings.ota_1_valid : settings.ota_0_valid;
  if (valid == 0 || running()) return false;
  settings.ota_boot = next_slot();
  return true;
}

void Update::start(const UpdateRequest& request) {
  job_ = std::make_unique<Job>();
  job_->https = request.https;
  job_->blocking = request.blocking;
  job_->wanted = request.version;
  job_->partition = request.partition;
  state_ = 0;
  step_ = Step::starting;
  // On a turn of its own: OK comes before the first state, also where the server has no name.
  timer_.set_after(kBurstGap);
}

void Update::on_timer() {
  if (step_ != Step::starting) return fail("three minutes are over");
  timer_.set_after(kUpdateLimit);
  const UpdateServer& server = this->server(job_->https);
  job_->server.port = server.port;
  if (const auto literal = IpAddress::parse(server.host)) return found(*literal);
  step_ = Step::resolving;
  names_.ask(*this, 0, server.host, names_.any_family());
}

void Update::name_resolved(uint8_t, const Resolved& answer) {
  if (step_ == Step::resolving) found(answer.address());
}

void Update::found(const IpAddress& address) {
  if (!address) return fail("the name of the update server could not be resolved");
  job_->server.address = address;
  tell(1);
  // Without a version, and not blocking, the firmware asks for none either.
  if (!job_->wanted.empty() || !job_->blocking) return prepare_download();
  step_ = Step::asking;
  get("HTTP/1.0", std::string(kRoot) + "is_format_simple=true");
}

// --- the network --------------------------------------------------------------------------------

/// Connects, and asks as soon as it is connected.
void Update::get(std::string_view version, std::string_view target) {
  job_->request = "GET " + std::string(target) + ' ' + std::string(version) + "\r\n";
  // In this order, the blank at the end of the browser's name included (at_ota_cmd.c).
  job_->request +=
      host_header(job_->server) +
      "\r\nConnection: keep-alive\r\nCache-Control: no-cache\r\n"
      "User-Agent: Mozilla/5.0 (Windows NT 5.1) AppleWebKit/537.36 (KHTML, like Gecko) "
      "Chrome/30.0.1599.101 Safari/537.36 \r\nAccept: */*\r\nAuthorization: token " +
      options_.update_token +
      "\r\nAccept-Encoding: gzip,deflate,sdch\r\nAccept-Language: zh-CN,zh;q=0.8\r\n\r\n";
  job_->connected = false;
  ChannelRequest channel;
  channel.transport = job_->https ? Transport::ssl : Transport::tcp;  // no certificate is checked
  channel.remote = job_->server;
  channel.to_operators_server = true;
  job_->channel = channels_.open(*this, channel);
  if (!job_->channel) fail("no channel is free");
}

void Update::channel_opened(const ChannelOpened&) {
  job_->connected = true;
  if (step_ == Step::asking) tell(2);
  send_request();
}

void Update::channel_writable(ChannelId) { send_request(); }

void Update::send_request() {
  if (job_->request.empty()) return;
  job_->request.erase(0, channels_.send(*job_->channel, as_bytes(job_->request)));
}

size_t Update::channel_received(ChannelId, Bytes data, const Endpoint&) {
  if (step_ == Step::downloading) return take_download(data);
  job_->reply.feed(data);
  if (job_->reply.complete()) take_version();
  return data.size();
}

void Update::channel_ended(ChannelId, NetError error) {
  job_->channel.reset();
  if (error != NetError::none) {
    log_.line(LogLevel::info, "update server: ", espat::text_of(error));
  }
  if (!job_->connected) return fail("no connection to the update server");
  if (step_ == Step::asking) return take_version();
  job_->download->closed();
  if (job_->unwritten.empty()) download_ended();
}

void Update::hang_up() {
  if (job_->channel) channels_.close(*std::exchange(job_->channel, std::nullopt));
}

void Update::note_status(uint16_t status) {
  if (status == 0 || status == 200) return;
  log_.line(LogLevel::warn, "the update server answered ", status,
            ", which the firmware does not look at");
}

// --- version and image --------------------------------------------------------------------------

void Update::take_version() {
  hang_up();
  const std::string_view reply = job_->reply.text();
  note_status(http_status(reply));
  if (reply.empty()) return fail(text_of(DownloadError::broken_off));
  constexpr std::string_view kKey = "rom_version\": \"";
  const size_t key = reply.find(kKey);
  const size_t begin = key + kKey.size();
  const size_t end = key == std::string_view::npos ? key : reply.find("\",", begin);
  if (end == std::string_view::npos) return fail("the reply names no version");
  job_->wanted = reply.substr(begin, end - begin);
  // The next request must not become what the server likes.
  if (!fits_request(job_->wanted)) return fail("the version that the reply names is none");
  tell(3);
  prepare_download();
}

/// The slot is erased: from now on nobody may boot it, also not after a loss of power.
void Update::prepare_download() {
  if (!job_->is_firmware()) return download();
  set_slot(next_slot(), false, "");
  store_.settings.ota_boot = running_slot_;
  write(Step::erasing);
}

void Update::download() {
  step_ = Step::downloading;
  std::string_view partition = job_->partition;
  if (job_->is_firmware()) partition = next_slot() == 1 ? "ota_1" : "ota_0";
  uint32_t bytes = profile_.ota_slot_bytes;
  for (const Partition& each : profile_.partitions) {
    if (each.name == partition) bytes = each.bytes;
  }
  job_->download.emplace(bytes, job_->is_firmware());
  world_.partition_erase(partition);
  std::string target(kRoot);
  target += "action=download_rom&version=" + job_->wanted + "&filename=" + job_->partition + ".bin";
  log_.line(LogLevel::info, "downloading ", target);
  get("HTTP/1.1", target);
}

/// What the partition does not take is kept, and nothing more is taken until it has gone.
size_t Update::take_download(Bytes data) {
  if (!job_->unwritten.empty()) return 0;
  const Bytes body = job_->download->feed(data);
  const size_t written = body.empty() ? 0 : world_.partition_write(body);
  job_->unwritten = as_text(body.subspan(written));
  if (job_->download->ended()) {
    hang_up();
    if (job_->unwritten.empty()) download_ended();
  }
  return data.size();
}

void Update::write_rest() {
  if (job_->unwritten.empty()) return;
  job_->unwritten.erase(0, world_.partition_write(as_bytes(job_->unwritten)));
  if (!job_->unwritten.empty()) return;
  if (job_->download->ended()) return download_ended();
  if (job_->channel) channels_.resume(*job_->channel);
}

void Update::download_ended() {
  const Download::Result result = job_->download->result();
  note_status(result.status);
  if (result.error != DownloadError::none) return fail(text_of(result.error));
  step_ = Step::committing;
  world_.partition_commit();
}

void Update::on_event(const Event& event) {
  if (std::holds_alternative<PartitionWritable>(event)) {
    if (step_ == Step::downloading) write_rest();
  } else if (const auto* committed = std::get_if<PartitionCommitted>(&event)) {
    if (step_ == Step::committing) downloaded(committed->ok);
  }
}

void Update::downloaded(bool ok) {
  if (!ok) return fail("the partition could not be written");
  const Download::Result result = job_->download->result();
  log_.line(LogLevel::info, "downloaded ", result.bytes, " bytes to ", job_->partition);
  if (!job_->is_firmware()) return done();
  std::string version = image_version(result.text);
  if (version.empty()) version = without_v(job_->wanted);
  set_slot(next_slot(), true, version);
  store_.settings.ota_boot = next_slot();
  write(Step::storing);
}

void Update::set_slot(int32_t slot, bool valid, std::string_view version) {
  Settings& settings = store_.settings;
  (slot == 1 ? settings.ota_1_valid : settings.ota_0_valid) = valid ? 1 : 0;
  (slot == 1 ? settings.ota_1_version : settings.ota_0_version) = version;
}

void Update::write(Step step) {
  step_ = step;
  ++writes_;
  if (!store_.write({kFirmwareSettings}, *this)) stored(true);
}

void Update::stored(bool ok) {
  if (--writes_ > 0) return;  // that was for an update before this one
  if (step_ != Step::erasing && step_ != Step::storing) return;  // it failed meanwhile
  if (!ok) return fail("the flash could not be written");
  step_ == Step::erasing ? download() : done();
}

void Update::done() {
  tell(4);
  const auto job = end();
  if (!job->blocking) return;
  if (job->is_firmware()) interpreter_.after_ok([this] { power_.restart(); });
  interpreter_.finish(kOk);
}

void Update::tell(int state) {
  state_ = state;
  job_->blocking ? printer_.info("+CIPUPDATE:", state) : printer_.urc("+CIPUPDATE:", state);
}

void Update::network_lost() {
  if (running()) fail("the station has left the network");
}

void Update::fail(std::string_view reason) {
  names_.forget(*this, 0);
  hang_up();
  if (step_ == Step::downloading || step_ == Step::committing) world_.partition_abandon();
  const auto job = end();
  state_ = -1;
  if (job->blocking) return interpreter_.finish(interpreter_.refuse(reason));
  log_.line(LogLevel::warn, "AT+CIUPDATE: ", reason);
  printer_.urc("+CIPUPDATE:", state_);
}

/// What it was is given back to whoever has something to say of it.
std::unique_ptr<Update::Job> Update::end() {
  step_ = Step::none;
  timer_.cancel();
  return std::move(job_);
}

void Update::reset() {
  end();
  state_ = 0;
  writes_ = 0;
}

}  // namespace espat
