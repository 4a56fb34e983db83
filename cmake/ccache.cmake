# Compiles through ccache where there is one, unless a launcher was chosen.
find_program(ESPAT_CCACHE ccache)
mark_as_advanced(ESPAT_CCACHE)
if(ESPAT_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Without these it keeps nothing that was compiled with a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${ESPAT_CCACHE})
endif()
