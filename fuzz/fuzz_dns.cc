// Arbitrary bytes as a DNS message: whatever is read of it can be written, and is then read again
// as the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "services/dns_packet.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto message = espat::read_dns({reinterpret_cast<const std::byte*>(data), size});
  if (!message) return 0;
  const auto again = espat::read_dns(espat::as_bytes(espat::write_dns(*message)));
  if (again != message) std::abort();
  return 0;
}
