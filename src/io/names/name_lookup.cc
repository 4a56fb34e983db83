#include "io/names/name_lookup.h"

#include <ares.h>
#include <fmt/format.h>
#include <sys/time.h>

#include <chrono>
#include <cstring>
#include <utility>

#include "io/sockets/sockets.h"

namespace espat::io {

namespace {

constexpr int kTimeoutMs = 2000;  // of the first round over all servers; the next takes double
constexpr int kRounds = 2;

/// As c-ares reads it: "192.0.2.1:53,[2001:db8::1]:53".
std::string server_list(const std::vector<Endpoint>& servers) {
  std::string list;
  for (const Endpoint& server : servers) {
    const bool v6 = server.address.is_v6();
    list += fmt::format("{}{}{}{}:{}", list.empty() ? "" : ",", v6 ? "[" : "",
                        server.address.text(), v6 ? "]" : "", server.port);
  }
  return list;
}

/// The addresses of this family in the answer.
std::vector<IpAddress> addresses_in(const ares_addrinfo* answer, int family) {
  std::vector<IpAddress> addresses;
  const ares_addrinfo_node* node = answer != nullptr ? answer->nodes : nullptr;
  for (; node != nullptr; node = node->ai_next) {
    if (node->ai_family == family) addresses.push_back(from_sockaddr(node->ai_addr));
  }
  return addresses;
}

NetError error_of(int status) {
  switch (status) {
    case ARES_ENODATA:
    case ARES_ENOTFOUND:
    case ARES_EBADNAME:
      return NetError::no_such_name;
    case ARES_ETIMEOUT:
      return NetError::timed_out;
    case ARES_ECONNREFUSED:
      return NetError::refused;
    case ARES_ENOMEM:
      return NetError::out_of_resources;
    default:
      return NetError::other;
  }
}

}  // namespace

std::shared_ptr<NameLookup> NameLookup::start(Loop& loop, const LookupRequest& request, Done done) {
  std::shared_ptr<NameLookup> lookup(new NameLookup(loop, request, std::move(done)));
  if (lookup->make_channel(request)) {
    lookup->ask(request.family == Family::v6 ? AF_INET6 : AF_INET);
  } else {
    lookup->answered_ = true;
  }
  if (!lookup->answered_) {
    lookup->wait_on();
  } else {
    loop.post([lookup] { lookup->deliver(); });
  }
  return lookup;
}

NameLookup::NameLookup(Loop& loop, const LookupRequest& request, Done done)
    : done_(std::move(done)),
      host_(request.host),
      family_(request.family),
      sockets_(loop),
      timer_(loop) {}

NameLookup::~NameLookup() {
  if (channel_ != nullptr) ares_destroy(channel_);
}

bool NameLookup::make_channel(const LookupRequest& request) {
  if (request.forbidden) {
    error_ = NetError::unreachable;
    reason_ = "no name server may be asked";
    return false;
  }
  char dns_only[] = "b", files_first[] = "fb";
  ares_options options{};
  options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
  options.timeout = kTimeoutMs;
  options.tries = kRounds;
  options.ndomains = 0;
  // c-ares asks nobody for localhost (RFC 6761, 6.3), so it must find it in /etc/hosts.
  const bool as_host = request.servers.empty() || request.host == "localhost";
  options.lookups = as_host ? files_first : dns_only;
  options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
    static_cast<NameLookup*>(self)->sockets_.want(fd, readable != 0, writable != 0);
  };
  options.sock_state_cb_data = this;
  const int given = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_DOMAINS |
                    ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB | ARES_OPT_NOROTATE;
  int status = ares_init_options(&channel_, &options, given);
  if (status == ARES_SUCCESS && !request.servers.empty()) {
    status = ares_set_servers_ports_csv(channel_, server_list(request.servers).c_str());
  }
  if (status != ARES_SUCCESS) {
    fail(status);
    return false;
  }
  if (request.local_v4) {
    uint32_t in_network_order = 0;
    std::memcpy(&in_network_order, request.local_v4.bytes().data(), sizeof in_network_order);
    ares_set_local_ip4(channel_, ntohl(in_network_order));
  }
  if (request.local_v6) ares_set_local_ip6(channel_, request.local_v6.bytes().data());
  return true;
}

void NameLookup::ask(int family) {
  asked_v6_ = family == AF_INET6;
  ares_addrinfo_hints hints{};
  hints.ai_family = family;
  hints.ai_flags = ARES_AI_NOSORT;
  ares_getaddrinfo(
      channel_, host_.c_str(), nullptr, &hints,
      [](void* self, int status, int, ares_addrinfo* answer) {
        if (status != ARES_EDESTRUCTION) static_cast<NameLookup*>(self)->answered(status, answer);
        if (answer != nullptr) ares_freeaddrinfo(answer);
      },
      this);
}

/// c-ares is on the stack: what follows waits for its return.
void NameLookup::answered(int status, const ares_addrinfo* answer) {
  addresses_ = addresses_in(answer, asked_v6_ ? AF_INET6 : AF_INET);
  const bool none_of_this_family =
      status == ARES_SUCCESS || status == ARES_ENODATA || status == ARES_ENOTFOUND;
  if (addresses_.empty() && none_of_this_family && family_ == Family::v4_preferred && !asked_v6_) {
    return ask(AF_INET6);
  }
  answered_ = true;
  if (addresses_.empty()) fail(status == ARES_SUCCESS ? ARES_ENODATA : status);
}

void NameLookup::fail(int status) {
  error_ = error_of(status);
  reason_ = ares_strerror(status);
}

void NameLookup::process(int readable_fd, int writable_fd) {
  if (channel_ == nullptr) return;
  ares_process_fd(channel_, readable_fd, writable_fd);
  if (answered_) return deliver();
  wait_on();
}

/// Waits for whatever c-ares wants next.
void NameLookup::wait_on() {
  sockets_.wait([self = shared_from_this()](int fd, bool readable) {
    self->process(readable ? fd : ARES_SOCKET_BAD, readable ? ARES_SOCKET_BAD : fd);
  });
  timeval buffer{};
  const timeval* left = ares_timeout(channel_, nullptr, &buffer);
  if (left == nullptr) return;
  timer_.start(std::chrono::seconds(left->tv_sec) + std::chrono::microseconds(left->tv_usec),
               [self = shared_from_this()] { self->process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); });
}

void NameLookup::deliver() {
  close_channel();
  const Done done = std::exchange(done_, nullptr);
  if (done) done(addresses_, error_, reason_);
}

void NameLookup::cancel() {
  done_ = nullptr;
  close_channel();
}

void NameLookup::close_channel() {
  timer_.cancel();
  if (channel_ != nullptr) ares_destroy(std::exchange(channel_, nullptr));
}

}  // namespace espat::io
