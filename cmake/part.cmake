include(GNUInstallDirs)

# espat_part(NAME [ABOVE PART...] SOURCES...): one folder of the module as a library that links
# nothing but the parts below it: it can do no I/O because it cannot name any.
function(espat_part name)
  cmake_parse_arguments(PARSE_ARGV 1 part "" "" "ABOVE;SOURCES")
  add_library(espat_${name} STATIC ${part_SOURCES})
  target_include_directories(espat_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/espat-unstable>)
  target_compile_features(espat_${name} PUBLIC cxx_std_20)
  foreach(below IN LISTS part_ABOVE)
    target_link_libraries(espat_${name} PUBLIC espat_${below})
  endforeach()
  target_link_libraries(espat_${name} PRIVATE $<BUILD_INTERFACE:espat_warnings>)
  if(name STREQUAL base)
    espat_precompile(espat_base)
  else()
    espat_precompile(espat_${name} REUSE_FROM espat_base)
  endif()
endfunction()
