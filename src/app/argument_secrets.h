// What the command line shows of secrets to whoever looks at the process.
#pragma once

namespace espat {

/// Overwrites the values of options that are secrets, where the kernel shows them as
/// /proc/PID/cmdline: `--join lab,********`. @FILE is none.
void hide_secret_arguments(int argc, char** argv);

}  // namespace espat
