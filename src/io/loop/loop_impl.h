// What a loop is made of, for the files of this folder alone.
#pragma once

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>

#include "io/loop/loop.h"

namespace espat::io {

struct Loop::Impl {
  asio::io_context context{1};  // one thread runs it
  /// It waits even if there is nothing to wait for: another thread may post.
  asio::executor_work_guard<asio::io_context::executor_type> stay{context.get_executor()};
};

}  // namespace espat::io
