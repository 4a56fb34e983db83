// Settings that commands of both the interfaces and the SoftAP change.
#pragma once

#include "store/setting.h"

namespace espat {

// Bits of CWDHCP.
inline constexpr int32_t kStationDhcp = 1;
inline constexpr int32_t kSoftApDhcp = 2;

/// CWDHCP.
inline constexpr Setting kDhcp[] = {{integer("dhcp", 0, 3), &Settings::dhcp, "dhcp"}};
/// CIPSTA.
inline constexpr Setting kStationIp[] = {
    {ipv4("ip"), &Settings::station_ip, "ip.station"},
    {opt(ipv4("gateway")), &Settings::station_gateway, "ip.station_gateway"},
    {opt(ipv4("netmask")), &Settings::station_netmask, "ip.station_netmask"},
};
/// CIPAP.
inline constexpr Setting kSoftApIp[] = {
    {ipv4("ip"), &Settings::ap_ip, "ip.ap"},
    {opt(ipv4("gateway")), &Settings::ap_gateway, "ip.ap_gateway"},
    {opt(ipv4("netmask")), &Settings::ap_netmask, "ip.ap_netmask"},
};

}  // namespace espat
