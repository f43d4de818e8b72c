# Several sources of a target are compiled as one: most of the time goes into the same headers and the same templates (JSON, Asio), and
# that way they are read and made once for eight sources (docs/decisions/0011-one-compile-for-several-sources.md).
# scripts/test.sh builds that way. Without it a change of one source compiles that source alone.
option(SHOAL_UNITY "Compile several sources of a target as one" OFF)
set(SHOAL_UNITY_SIZE 8 CACHE STRING "The most sources that are compiled as one")
# They need headers that exclude each other's.
set(shoal_unity_alone src/mesh/wire_info.cpp)  # <linux/tcp.h> against <netinet/tcp.h>

if(SHOAL_UNITY)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
endif()

# shoal_unity(TARGET SOURCE...): the sources with their full paths.
function(shoal_unity target)
  if(NOT SHOAL_UNITY)
    return()
  endif()
  set(sources ${ARGN})
  foreach(alone IN LISTS shoal_unity_alone)
    list(REMOVE_ITEM sources ${CMAKE_SOURCE_DIR}/${alone})
  endforeach()
  execute_process(COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/cmake/unity_groups.py ${SHOAL_UNITY_SIZE} ${sources}
    OUTPUT_VARIABLE groups OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  string(REPLACE ";" "|" groups "${groups}")
  string(REPLACE "\n" ";" groups "${groups}")
  set(number 0)
  foreach(group IN LISTS groups)
    string(REPLACE "|" ";" group "${group}")
    set_source_files_properties(${group} PROPERTIES UNITY_GROUP ${target}_${number})
    math(EXPR number "${number} + 1")
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
endfunction()
