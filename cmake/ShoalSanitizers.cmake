# One list, SHOAL_SANITIZE, turned into flags for every target.
if(SHOAL_SANITIZE)
  list(JOIN SHOAL_SANITIZE "," shoal_sanitizers)
  add_compile_options(-fsanitize=${shoal_sanitizers} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${shoal_sanitizers})
  # fmt keeps the type information of its buffers in its own library, libtorrent that of its connections, where the check of vtables does not
  # find it.
  if("undefined" IN_LIST SHOAL_SANITIZE)
    set_source_files_properties(${CMAKE_SOURCE_DIR}/src/base/log.cpp ${CMAKE_SOURCE_DIR}/src/swarm/engine_penalties.cpp
      PROPERTIES COMPILE_OPTIONS -fno-sanitize=vptr)
  endif()
endif()
