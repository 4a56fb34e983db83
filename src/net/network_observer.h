// Whoever must know that the network is gone, before the MCU is told: the board.
#pragma once

namespace espat {

class NetworkObserver {
 public:
  virtual void network_lost() = 0;

 protected:
  ~NetworkObserver() = default;
};

}  // namespace espat
