# ESPAT_SANITIZE applies to everything in the build, since sanitizers must see every object. The
# first report ends the program: a sanitizer that recovers is a test that passes.
if(ESPAT_SANITIZE)
  add_compile_options(-fsanitize=${ESPAT_SANITIZE} -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${ESPAT_SANITIZE})
endif()
