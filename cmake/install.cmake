# What an embedder gets beside the program: the headers of include/espat, the module (core) with
# its command set as static libraries, a CMake package and a pkg-config file.
include(GNUInstallDirs)

install(TARGETS espat RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/espat
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(TARGETS
  espat_base espat_store espat_at espat_net espat_services espat_dialects espat_module
  espat_layers espat_commands EXPORT espat
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT espat NAMESPACE espat:: FILE espatConfig.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/espat)

include(CMakePackageConfigHelpers)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/espatConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
# The pkg-config file finds its prefix from where it lies, so that `--prefix` may be given late.
file(RELATIVE_PATH ESPAT_PC_TO_PREFIX
  /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(${CMAKE_CURRENT_LIST_DIR}/espat.pc.in ${PROJECT_BINARY_DIR}/espat.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/espatConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/espat)
install(FILES ${PROJECT_BINARY_DIR}/espat.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
