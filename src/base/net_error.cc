#include "base/net_error.h"

namespace espat {

std::string_view text_of(NetError error) {
  switch (error) {
    case NetError::none:
      return "closed by the peer";
    case NetError::refused:
      return "connection refused";
    case NetError::unreachable:
      return "host unreachable";
    case NetError::timed_out:
      return "timed out";
    case NetError::reset:
      return "reset by the peer";
    case NetError::address_in_use:
      return "local address in use";
    case NetError::address_unavailable:
      return "local address not available";
    case NetError::out_of_resources:
      return "out of resources";
    case NetError::no_such_name:
      return "no such name";
    case NetError::tls:
      return "TLS failed";
    case NetError::other:
      return "failed";
  }
  return "failed";
}

int32_t error_number(NetError error) {
  switch (error) {  // ESP-IDF's newlib, sys/errno.h
    case NetError::none:
      return 0;
    case NetError::refused:
      return 111;
    case NetError::unreachable:
      return 118;
    case NetError::timed_out:
      return 116;
    case NetError::reset:
      return 104;
    case NetError::address_in_use:
      return 112;
    case NetError::address_unavailable:
      return 125;
    case NetError::out_of_resources:
      return 12;
    case NetError::no_such_name:
    case NetError::tls:
    case NetError::other:
      break;
  }
  return -1;
}

}  // namespace espat
