#include "sim/sim_ntp.h"

namespace espat::sim {

namespace {

constexpr uint16_t kPort = 123;
constexpr size_t kPacketBytes = 48;

/// Seconds since 1900, modulo 2^32, and their fraction.
std::string timestamp(Duration since_1970) {
  constexpr int64_t kFrom1900S = 2'208'988'800;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_1970);
  const auto fraction_us = static_cast<uint64_t>((since_1970 - seconds).count());
  const uint64_t value = static_cast<uint64_t>(seconds.count() + kFrom1900S) << 32 |
                         ((fraction_us << 32) + 999'999) / 1'000'000;
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xff);
  return bytes;
}

}  // namespace

SimNtp::SimNtp(Turns& turns, SimNetwork& network) : turns_(turns), network_(network) {
  network.add_datagram_service(kPort,
                               [this](const Endpoint& from, const Endpoint& server, Bytes data) {
                                 if (data.size() == kPacketBytes) on_datagram(from, server, data);
                               });
}

void SimNtp::on_datagram(const Endpoint& from, const Endpoint& server, Bytes request) {
  const std::optional<Reply> answer = ask(server, request);
  if (!answer) return;
  turns_.scheduler().after(answer->after,
                           [this, server, to_port = from.port, packet = answer->packet] {
                             network_.deliver_datagram(server, to_port, packet);
                           });
}

/// Nothing if there is no answer.
std::optional<SimNtp::Reply> SimNtp::ask(const Endpoint& server, Bytes request) {
  asked_.push_back(server);
  last_request_ = as_text(request);
  const auto found = servers_.find(server.address);
  if (found == servers_.end() || server.port != kPort) return std::nullopt;
  const NtpServer& who = found->second.server;
  if (who.answer == NtpServer::Answer::silent) return std::nullopt;
  return Reply{reply(found->second, last_request_, turns_.now() + who.one_way),
               2 * who.one_way + who.thinks};
}

std::string SimNtp::reply(const Entry& entry, std::string_view request, Time arrived) {
  using Answer = NtpServer::Answer;
  const NtpServer& server = entry.server;
  const Duration received = server.clock + (arrived - entry.added);
  const bool kiss = server.answer == Answer::kiss;
  std::string packet(kPacketBytes, '\0');
  packet[0] = server.answer == Answer::wrong_mode ? '\x25' : '\x24';
  if (server.answer == Answer::unsynchronised || kiss) packet[0] = '\xe4';
  packet[1] = kiss ? '\0' : '\2';
  if (kiss) packet.replace(12, 4, server.code);
  const bool wrong = server.answer == Answer::wrong_origin;
  packet.replace(24, 8, wrong ? std::string(8, '\7') : std::string(request.substr(40, 8)));
  packet.replace(32, 8, timestamp(received));
  packet.replace(40, 8, timestamp(received + server.thinks));
  return packet;
}

}  // namespace espat::sim
