# SPDX-License-Identifier: Apache-2.0
#
# Options of the build and the three flag sets that targets choose from:
#   cs_warnings    what every line of ours must pass, gcc and clang
#   cs_instrument  sanitizers and coverage of the preset: never the agent library, which
#                  lives in programs without them, and never the target programs
#   cs_hardening   the profiler reads what a hostile target wrote
set(CS_SANITIZE "" CACHE STRING "Sanitizers of profiler and unit tests, comma separated")
option(CS_UNIT_TESTS "Build tests/unit and the fuzzers' regression drivers" ON)
option(CS_FUZZ "Build tests/fuzz with libFuzzer (clang)" OFF)
option(CS_COVERAGE "Instrument profiler and unit tests for coverage" OFF)

if(NOT CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64" OR NOT CMAKE_SYSTEM_NAME STREQUAL "Linux")
  message(FATAL_ERROR "coroscope runs on x86-64 Linux, not on "
                      "${CMAKE_SYSTEM_PROCESSOR} ${CMAKE_SYSTEM_NAME}")
endif()
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C CXX)

# Assertions stay in release builds: the profiler would rather stop than show a lie.
# (The agent compiles without them, see agent/CMakeLists.txt.)
set(CMAKE_C_FLAGS_DEBUG "-g -O1 -fno-omit-frame-pointer")
set(CMAKE_CXX_FLAGS_DEBUG "${CMAKE_C_FLAGS_DEBUG}")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-g -O2")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "${CMAKE_C_FLAGS_RELWITHDEBINFO}")

add_library(cs_warnings INTERFACE)
target_compile_options(cs_warnings INTERFACE
  -Wall -Wextra -Wshadow -Wvla -Wundef -Wformat=2 -Wpointer-arith -Wwrite-strings
  -Wimplicit-fallthrough -Wredundant-decls -Wno-missing-field-initializers
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes
    -Wold-style-definition -Wnested-externs -Werror=implicit-function-declaration>
  $<$<COMPILE_LANG_AND_ID:C,GNU>:-Wlogical-op -Wduplicated-cond>)
target_compile_definitions(cs_warnings INTERFACE
  _GNU_SOURCE CS_VERSION="${PROJECT_VERSION}")

add_library(cs_instrument INTERFACE)
if(CS_SANITIZE)
  target_compile_options(cs_instrument INTERFACE
    -fsanitize=${CS_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(cs_instrument INTERFACE -fsanitize=${CS_SANITIZE})
endif()
if(CS_FUZZ)
  target_compile_options(cs_instrument INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(CS_COVERAGE)
  target_compile_options(cs_instrument INTERFACE --coverage)
  target_link_options(cs_instrument INTERFACE --coverage)
endif()

add_library(cs_hardening INTERFACE)
target_compile_options(cs_hardening INTERFACE
  -fstack-protector-strong -fstack-clash-protection -fcf-protection=full)
if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo" AND NOT CS_SANITIZE)
  target_compile_options(cs_hardening INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
target_link_options(cs_hardening INTERFACE -Wl,-z,relro,-z,now -Wl,--as-needed)
