#include "store/param.h"

#include "espat/address.h"

namespace espat {

bool has_format(Param::Format format, std::string_view text) {
  switch (format) {
    case Param::Format::any:
      return true;
    case Param::Format::ip:
      return IpAddress::parse(text).has_value();
    case Param::Format::ipv4: {
      const auto address = IpAddress::parse(text);
      return address && address->is_v4();
    }
    case Param::Format::mac:
      return MacAddress::parse(text).has_value();
  }
  return false;
}

}  // namespace espat
