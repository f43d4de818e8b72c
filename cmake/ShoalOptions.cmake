# Language level, warnings and the speed of a build.
option(SHOAL_TESTS "Build the tests" ON)
option(SHOAL_WERROR "Treat warnings as errors" OFF)
set(SHOAL_SANITIZE "" CACHE STRING "Sanitizers to build with: empty, 'address;undefined' or 'thread'")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

# -O3 buys nothing here (the time goes into OpenSSL and the kernel) and costs a third of the build.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

find_program(SHOAL_CCACHE ccache)
if(SHOAL_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${SHOAL_CCACHE})
endif()

# Of sources that are compiled as one (ShoalUnity) GCC says that a name hides another source's, and that a type of one source is used in a header.
set(shoal_in_unity $<BOOL:$<TARGET_PROPERTY:UNITY_BUILD>>)
add_library(shoal_warnings INTERFACE)
target_compile_options(shoal_warnings INTERFACE
  -Wall -Wextra -Wpedantic $<IF:${shoal_in_unity},-Wno-subobject-linkage,-Wshadow> -Wconversion -Wold-style-cast -Wcast-qual -Wnon-virtual-dtor
  -Woverloaded-virtual -Wsuggest-override -Wduplicated-cond -Wlogical-op -Wformat=2 -Wimplicit-fallthrough=5 -Wundef -Wredundant-decls -Wextra-semi
  -fno-omit-frame-pointer
  $<$<BOOL:${SHOAL_WERROR}>:-Werror>)
# Instrumented code misleads GCC where it follows values through functions, as in the frames of Asio's coroutines, and it does not know the fence of
# <atomic> under ThreadSanitizer. Of the same sources the other presets make these warnings errors.
if(SHOAL_SANITIZE)
  target_compile_options(shoal_warnings INTERFACE -Wno-error=maybe-uninitialized -Wno-error=mismatched-new-delete -Wno-error=array-bounds
    -Wno-error=stringop-overflow -Wno-error=stringop-overread -Wno-error=restrict -Wno-error=nonnull -Wno-error=free-nonheap-object
    -Wno-error=use-after-free -Wno-error=dangling-pointer -Wno-tsan)
endif()
# Hardening that Debian's own packages are built with.
target_compile_options(shoal_warnings INTERFACE -fstack-protector-strong
  $<$<CONFIG:Release>:-D_FORTIFY_SOURCE=2>)
target_link_options(shoal_warnings INTERFACE -Wl,-z,relro,-z,now)
