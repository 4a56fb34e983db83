// The end of a TCP connection after its module has let go of it.
#pragma once

#include <cstdint>

#include "io/loop/loop.h"
#include "io/loop/unique_fd.h"

namespace espat::io {

/// Closes so that the peer gets every byte that was sent, then the end of the stream. Whatever the
/// peer still sends is thrown away. Plain close() would answer unread bytes with a reset, which
/// destroys what is under way, and would block the whole shard where SO_LINGER is on.
/// `linger_s` as in ChannelOptions: 0 resets at once, > 0 resets after so many seconds.
void close_gracefully(Loop& loop, UniqueFd socket, int32_t linger_s);

}  // namespace espat::io
