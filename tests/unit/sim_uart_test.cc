#include "sim/sim_uart.h"

#include <gtest/gtest.h>

#include "espat/commands.h"
#include "sim/sim_module.h"

namespace espat::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

SimModule booted(Chunking chunking = {}) {
  SimOptions options;
  options.modem.echo = false;
  options.chunking = chunking;
  return SimModule(command_set(), options);
}

TEST(SimUart, AStoppedMcuHoldsTheModuleBack) {
  SimModule module = booted();
  module.power_on();
  module.take_output();
  module.world().uart().throttle(4, 0);
  for (int i = 0; i < 100; ++i) {
    module.feed("AT\r\n");
    module.run_for(milliseconds(1));
  }
  EXPECT_EQ(module.output(), "");
  // All but what fits, and the burst that filled it, stays outside.
  EXPECT_GT(module.world().uart().unread_bytes(), 300u);
  module.world().uart().throttle(4, 1);
  module.run_for(milliseconds(10));
  EXPECT_EQ(module.output().size(), 10u);
  module.world().uart().unthrottle();
  module.run_for(seconds(1));
  EXPECT_EQ(module.output().size(), 600u);
  EXPECT_EQ(module.world().uart().unread_bytes(), 0u);
}

TEST(SimUart, CutsAsAsked) {
  for (const Chunking& chunking :
       {Chunking{}, Chunking::bytewise(), Chunking::cut_at(3), Chunking::random(7)}) {
    SimModule module = booted(chunking);
    module.power_on();
    module.take_output();
    EXPECT_EQ(module.command("AT+CIPMUX?"), "+CIPMUX:0\r\n\r\nOK\r\n");
  }
}

TEST(SimUart, PowerLossEmptiesTheWire) {
  SimModule module = booted();
  module.power_on();
  module.take_output();
  module.world().uart().throttle(4, 0);
  module.feed("AT\r\nAT\r\n");
  module.power_loss();
  module.feed("AT\r\n");
  module.world().uart().unthrottle();
  module.run_for(seconds(1));
  EXPECT_EQ(module.output(), "");
  EXPECT_EQ(module.world().uart().unread_bytes(), 0u);
}

}  // namespace
}  // namespace espat::sim
