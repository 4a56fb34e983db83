# espat_precompile(TARGET [REUSE_FROM OTHER]): reads the headers of the standard library once for the
# whole target, and not once a file, which is half of what compiling ours costs. OTHER must be
# compiled with the same options. The builds of `make run` and `make test` do so (CMakePresets.json):
# in the others, and for clang-tidy, a file that forgets an include does not compile.
option(ESPAT_PRECOMPILE "precompile the headers of the standard library" OFF)

function(espat_precompile target)
  if(NOT ESPAT_PRECOMPILE)
    return()
  endif()
  # Without this gcc 12 takes the innards of std::string for ours, once they are inlined, and warns
  # of what it else knows for a false alarm of its own (GCC bug 105651).
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -fpch-preprocess
      -Wno-array-bounds -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread)
  else()
    target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  endif()
  if(ARGN)
    target_precompile_headers(${target} ${ARGN})
    return()
  endif()
  target_precompile_headers(${target} PRIVATE
    <algorithm> <array> <charconv> <chrono> <cstdint> <functional> <initializer_list> <map>
    <memory> <optional> <span> <string> <string_view> <utility> <variant> <vector>)
endfunction()
