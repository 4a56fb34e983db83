# Compiles through ccache where there is one, unless a launcher was chosen.
find_program(ESPAT_CCACHE ccache)
mark_as_advanced(ESPAT_CCACHE)
if(ESPAT_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${ESPAT_CCACHE})
endif()
