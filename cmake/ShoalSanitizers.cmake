# One list, SHOAL_SANITIZE, turned into flags for every target.
if(SHOAL_SANITIZE)
  list(JOIN SHOAL_SANITIZE "," shoal_sanitizers)
  add_compile_options(-fsanitize=${shoal_sanitizers} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${shoal_sanitizers})
endif()
