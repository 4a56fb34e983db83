#include "espat/profile.h"

namespace espat {

namespace {

constexpr uint32_t kKiB = 1024;
constexpr uint32_t kPkiBytes = 8 * kKiB;

constexpr Partition kEsp32Partitions[] = {
    {"ble_data", 12 * kKiB},  {"server_cert", kPkiBytes},  {"server_key", kPkiBytes},
    {"server_ca", kPkiBytes}, {"client_cert", kPkiBytes},  {"client_key", kPkiBytes},
    {"client_ca", kPkiBytes}, {"factory_param", 4 * kKiB}, {"wpa2_cert", kPkiBytes},
    {"wpa2_key", kPkiBytes},  {"wpa2_ca", kPkiBytes},      {"mqtt_cert", kPkiBytes},
    {"mqtt_key", kPkiBytes},  {"mqtt_ca", kPkiBytes},      {"fatfs", 576 * kKiB},
};

constexpr Partition kEsp8266Partitions[] = {
    {"factory_param", 4 * kKiB}, {"server_cert", kPkiBytes}, {"server_key", kPkiBytes},
    {"server_ca", kPkiBytes},    {"client_cert", kPkiBytes}, {"client_key", kPkiBytes},
    {"client_ca", kPkiBytes},    {"wpa2_cert", kPkiBytes},   {"wpa2_key", kPkiBytes},
    {"wpa2_ca", kPkiBytes},      {"mqtt_cert", kPkiBytes},   {"mqtt_key", kPkiBytes},
    {"mqtt_ca", kPkiBytes},
};

}  // namespace

const Profile kEsp32 = {
    .dialect = &kDialect22,
    .name = "esp32",
    .chip = "ESP32",
    .at_version = "2.2.0.0",
    .at_hash = "c6fa6bf",
    .at_built = "Jul  2 2021 06:44:05",
    .sdk_version = "v4.2.2-76-gefa6eca",
    .compile_hash = "3a696ba",
    .compiled = "Jul  2 2021 11:54:43",
    .bin_version = "2.2.0(WROOM-32)",
    .baud_max = 5'000'000,
    .baud_fraction_bits = 4,
    .heap_bytes = 148'408,
    .deep_sleep_max_ms = 0x7fffffff,
    .sleep_zero_restarts = true,
    .ipd_max_bytes = 1460,
    .receive_window_bytes = 5744,
    .passthrough_packet_bytes = 2920,
    .passthrough_buffer_bytes = 8192,
    .ssl_links_max = 5,
    .ssl_counts_encrypted = true,
    .server_has_types = true,
    .rf_levels = {{{40, 34}, {44, 44}, {52, 52}, {56, 56}, {60, 60}, {66, 66}, {72, 72}, {78, 78}}},
    .rf_power_max = 78,
    .rf_power_has_ble = true,
    .gpio_count = 40,
    .default_phy = 7,
    .asctime_day_padding = ' ',
    .boot_time = std::chrono::milliseconds(400),
    .ota_slot_bytes = 0x180000,
    .partitions = kEsp32Partitions,
};

const Profile kEsp8266 = {
    .dialect = &kDialect22,
    .name = "esp8266",
    .chip = "ESP8266",
    .at_version = "2.2.0.0",
    .at_hash = "b097cdf",
    .at_built = "Jun 17 2021 12:57:45",
    .sdk_version = "v3.4-22-g967752e2",
    .compile_hash = "6800286",
    .compiled = "Aug  4 2021 17:34:06",
    .bin_version = "2.2.0(WROOM-02)",
    .baud_max = 4'500'000,
    .baud_fraction_bits = 0,
    .heap_bytes = 46'712,
    .deep_sleep_max_ms = 3 * 3600 * 1000,
    .sleep_zero_restarts = false,
    .ipd_max_bytes = 1460,
    .receive_window_bytes = 5760,
    .passthrough_packet_bytes = 1460,
    .passthrough_buffer_bytes = 2048,
    .ssl_links_max = 1,
    .ssl_counts_encrypted = true,
    .server_has_types = false,
    .rf_levels = {{{40, 32}, {48, 48}, {56, 56}, {64, 64}, {68, 68}, {74, 74}, {78, 78}, {82, 82}}},
    .rf_power_max = 82,
    .rf_power_has_ble = false,
    .gpio_count = 16,  // GPIO16 cannot wake it up
    .default_phy = 3,
    .asctime_day_padding = '0',
    .boot_time = std::chrono::milliseconds(400),
    .ota_slot_bytes = 0xe0000,
    .partitions = kEsp8266Partitions,
};

const Profile* find_profile(std::string_view name) {
  for (const Profile* profile : {&kEsp32, &kEsp8266}) {
    if (profile->name == name) return profile;
  }
  return nullptr;
}

}  // namespace espat
