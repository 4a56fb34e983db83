# ESPAT_SANITIZE applies to everything in the build, since sanitizers must see every object. The
# first report ends the program: a sanitizer that recovers is a test that passes.
#
# espat_compile_fast(TARGET): a target whose speed matters to nobody once sanitizers are in it is
# then compiled without optimization, which is most of what compiling it costs (measured: asio and
# OpenSSL with ASan and UBSan, 16.3 s against 6.3 s a file).
function(espat_compile_fast target)
  if(ESPAT_SANITIZE)
    target_compile_options(${target} PRIVATE -O0)
  endif()
endfunction()

if(ESPAT_SANITIZE)
  add_compile_options(-fsanitize=${ESPAT_SANITIZE} -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${ESPAT_SANITIZE})
endif()
