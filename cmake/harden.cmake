# What makes a fault in the program harder to use, where the build is for use: not in debug builds,
# and not with sanitizers, which look closer.
#
# The stack is checked at returns, copies of known size are checked (glibc's _FORTIFY_SOURCE, which
# needs optimization), the program is placed at random (PIE), its table of functions is complete and
# read-only before main (RELRO, BIND_NOW), and jumps must land where jumps may (CET, where the
# processor has it).
option(ESPAT_HARDEN "protect the program against its own faults" ON)

set(espat_hardens OFF)
if(ESPAT_HARDEN AND NOT ESPAT_SANITIZE AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  set(espat_hardens ON)
endif()

if(espat_hardens)
  include(CheckCXXCompilerFlag)
  add_compile_options(-fstack-protector-strong -fPIE)
  # Undefined first: a compiler that defines it by itself would warn.
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  check_cxx_compiler_flag(-fcf-protection=full ESPAT_HAS_CF_PROTECTION)
  if(ESPAT_HAS_CF_PROTECTION)
    add_compile_options(-fcf-protection=full)
  endif()
  add_link_options(-pie -Wl,-z,relro,-z,now,-z,noexecstack)
endif()
