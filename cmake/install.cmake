# What an embedder gets beside the program: libraries, headers, a CMake package and a pkg-config
# file; docs/embedding.md is about them. The headers of include/espat go where they are included
# from. Those of our own folders, which a chapter, its service and the virtual world are made from,
# go below espat-unstable, which is on the include path too: the name says what to expect.
include(GNUInstallDirs)

# The libraries, each before those it uses: the order in which a linker wants them.
set(installed_parts sim layers commands module services net dialects at store base)
# The folders of src whose headers an embedder may include; they include nothing of the others.
set(installed_folders sim services net at store base)

list(TRANSFORM installed_parts PREPEND espat_ OUTPUT_VARIABLE installed_targets)
# All that is installed and compiled: what `make install` builds.
add_custom_target(installed DEPENDS espat ${installed_targets})

install(TARGETS espat RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS ${installed_targets} EXPORT espat ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT espat NAMESPACE espat:: FILE espatConfig.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/espat)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/espat
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
list(TRANSFORM installed_folders PREPEND ${PROJECT_SOURCE_DIR}/src/)
install(DIRECTORY ${installed_folders}
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/espat-unstable FILES_MATCHING PATTERN "*.h")
install(FILES ${CMAKE_CURRENT_LIST_DIR}/espat-unstable.txt
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/espat-unstable RENAME README)
install(FILES ${PROJECT_SOURCE_DIR}/docs/embedding.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

include(CMakePackageConfigHelpers)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/espatConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
# The pkg-config file finds its prefix from where it lies, so that `--prefix` may be given late.
file(RELATIVE_PATH ESPAT_PC_TO_PREFIX
  /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
list(TRANSFORM installed_targets PREPEND -l OUTPUT_VARIABLE ESPAT_PC_LIBRARIES)
list(JOIN ESPAT_PC_LIBRARIES " " ESPAT_PC_LIBRARIES)
configure_file(${CMAKE_CURRENT_LIST_DIR}/espat.pc.in ${PROJECT_BINARY_DIR}/espat.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/espatConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/espat)
install(FILES ${PROJECT_BINARY_DIR}/espat.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
