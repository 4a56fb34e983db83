// The AT command set of espat, chapter by chapter: hand it to a Modem.
#pragma once

namespace espat {

class CommandSet;

/// Every command espat knows, in the order in which AT+CMD? lists them. It lives for ever.
const CommandSet& command_set();

}  // namespace espat
