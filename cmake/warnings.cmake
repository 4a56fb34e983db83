# The warnings every target of ours is free of. Link it PRIVATE as
# $<BUILD_INTERFACE:espat_warnings>, so that an installed library does not ask for it.
add_library(espat_warnings INTERFACE)
target_compile_options(espat_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Werror)
