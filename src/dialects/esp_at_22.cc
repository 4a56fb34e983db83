// ESP-AT 2.2, the firmware of the specification.
#include "at/line_reader.h"
#include "espat/dialect.h"

namespace espat {

constinit const Dialect kDialect22 = {
    .name = "2.2",
    .generation = Generation::v2_2,
    .line_max_bytes = 254,  // 256 with CR LF
    .lines = LineReader::make,
    .ready = "\r\nready\r\n",
    .ok = "\r\nOK\r\n",
    .error = "\r\nERROR\r\n",
    .busy = "\r\nbusy p...\r\n",
    .force_restart = "\r\nWill force to restart!!!\r\n",
    .prompt = "\r\n>",
    .received_head = "\r\nRecv ",
    .received_tail = " bytes\r\n",
    .send_ok = "\r\nSEND OK\r\n",
    .send_fail = "\r\nSEND FAIL\r\n",
    .send_canceled = "\r\nSEND Canceled\r\n",
    .ipd_head = "\r\n+IPD,",
    .ipd_tail = "\r\n",
    .server_port = 333,
    .dns_server = "208.67.222.222",
    .ntp_servers = {"cn.ntp.org.cn", "ntp.sjtu.edu.cn", "us.pool.ntp.org"},
};

}  // namespace espat
