#include "base/air.h"

#include <algorithm>
#include <utility>

#include "base/checksum.h"

namespace espat {

namespace {

constexpr uint8_t kPmfRequired = 2;  // JoinRequest::pmf, bit 1
constexpr uint8_t kEcnOpen = 0;
constexpr uint8_t kEcnWpa2Psk = 3;
constexpr uint8_t kCipherNone = 0;
constexpr uint8_t kCipherCcmp = 4;

/// A locally administered unicast address that is always the same for one SSID.
MacAddress derive_bssid(std::string_view ssid) {
  const uint64_t hash = fnv1a(ssid);
  MacAddress mac;
  mac.bytes[0] = 0x02;
  for (size_t i = 1; i < mac.bytes.size(); ++i) {
    mac.bytes[i] = static_cast<uint8_t>(hash >> (8 * i));
  }
  return mac;
}

StationConnected connected_to(const AirAccessPoint& ap) {
  return {ap.bssid, ap.channel, ap.rssi_dbm};
}

/// What a scan shows of it; the text belongs to `ap`.
AccessPoint seen(const AirAccessPoint& ap) {
  const bool open = ap.password.empty();
  AccessPoint result;
  result.ssid = ap.ssid;
  result.bssid = ap.bssid;
  result.channel = ap.channel;
  result.rssi_dbm = ap.rssi_dbm;
  result.ecn = open ? kEcnOpen : kEcnWpa2Psk;
  result.pairwise_cipher = result.group_cipher = open ? kCipherNone : kCipherCcmp;
  return result;
}

/// That in which every join with this name ends. It has a password: whatever is said joins.
AccessPoint imagined(std::string_view ssid, const ScanRequest& request) {
  AirAccessPoint ap;
  ap.bssid = request.bssid_given && !request.ssid.empty() ? request.bssid : derive_bssid(ssid);
  ap.password = "any";
  AccessPoint result = seen(ap);
  result.ssid = ssid;
  return result;
}

}  // namespace

void Air::add(AirAccessPoint access_point) {
  const auto taken = [this](const MacAddress& bssid) {
    return std::any_of(access_points_.begin(), access_points_.end(),
                       [&](const AirAccessPoint& other) { return other.bssid == bssid; });
  };
  if (access_point.bssid == MacAddress{}) {
    access_point.bssid = derive_bssid(access_point.ssid);
    while (taken(access_point.bssid)) ++access_point.bssid.bytes.back();
  }
  access_points_.push_back(std::move(access_point));
}

Air::Joined Air::join(const JoinRequest& request) const {
  if (const auto imagined = imagine(request)) return connected_to(*imagined);
  const AirAccessPoint* best = nullptr;
  for (const AirAccessPoint& ap : access_points_) {
    if (ap.ssid != request.ssid) continue;
    if (request.bssid_given && ap.bssid != request.bssid) continue;
    if (request.refuse_open_and_wep && ap.password.empty()) continue;
    if (best == nullptr || ap.rssi_dbm > best->rssi_dbm) best = &ap;
  }
  if (best == nullptr) return JoinFailed{JoinError::no_access_point};
  if (best->fault == AirAccessPoint::Fault::silent) return std::monostate{};
  if (best->fault == AirAccessPoint::Fault::refuses) return JoinFailed{JoinError::failed};
  // No access point here protects management frames.
  if ((request.pmf & kPmfRequired) != 0) return JoinFailed{JoinError::failed};
  if (!best->password.empty() && best->password != request.password) {
    return JoinFailed{JoinError::wrong_password};
  }
  return connected_to(*best);
}

std::unique_ptr<AirAccessPoint> Air::imagine(const JoinRequest& request) const {
  if (!anything_goes()) return nullptr;
  auto ap = std::make_unique<AirAccessPoint>();
  ap->ssid = request.ssid;
  ap->password = request.password;
  ap->bssid = request.bssid_given ? request.bssid : derive_bssid(request.ssid);
  return ap;
}

std::vector<AccessPoint> Air::scan(const ScanRequest& request, const AirAccessPoint* joined) const {
  std::vector<AccessPoint> found;
  const auto look_at = [&](const AccessPoint& ap) {
    if (!request.ssid.empty() && ap.ssid != request.ssid) return;
    if (request.bssid_given && ap.bssid != request.bssid) return;
    if (request.channel != 0 && ap.channel != request.channel) return;
    found.push_back(ap);
  };
  for (const AirAccessPoint& ap : access_points_) look_at(seen(ap));
  if (anything_goes()) {
    constexpr std::string_view kEspat = "espat";
    const std::string_view asked = request.ssid.empty() ? kEspat : request.ssid;
    const bool is_joined = joined != nullptr && joined->ssid == asked;
    if (joined != nullptr) look_at(seen(*joined));
    if (!is_joined) look_at(imagined(asked, request));
  }
  std::stable_sort(found.begin(), found.end(), [](const AccessPoint& a, const AccessPoint& b) {
    return a.rssi_dbm > b.rssi_dbm;
  });
  return found;
}

}  // namespace espat
