# The version comes from the nearest tag; a checkout without one is 0.1.0 plus the commit.
find_package(Git QUIET)
set(SHOAL_VERSION "0.1.0")
if(Git_FOUND)
  execute_process(COMMAND ${GIT_EXECUTABLE} describe --tags --always --dirty
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} OUTPUT_VARIABLE shoal_describe
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE shoal_describe_failed)
  if(NOT shoal_describe_failed)
    if(shoal_describe MATCHES "^v[0-9]")
      string(SUBSTRING "${shoal_describe}" 1 -1 SHOAL_VERSION)
    else()
      set(SHOAL_VERSION "0.1.0+${shoal_describe}")
    endif()
  endif()
endif()
# Only main.cpp sees the definition, so a new commit rebuilds one file.
add_library(shoal_version INTERFACE)
target_compile_definitions(shoal_version INTERFACE SHOAL_VERSION="${SHOAL_VERSION}")
