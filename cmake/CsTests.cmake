# SPDX-License-Identifier: Apache-2.0
#
# How test files become tests. A comment among the first 12 lines of a file may say more:
#   cs-link: -ljemalloc -Wl,…     added to the link (programs)
#   cs-cflags: -fno-inline …      added to the compilation (programs)
#   cs-symbol: lua_resume         what the link must bring; not each release's library does
#   cs-test: release-only serial timeout=60    (scripts; in any combination)

# Sets OUT to the words behind "cs-KEY:" in FILE.
function(cs_file_directive out file key)
  file(STRINGS "${file}" lines LIMIT_COUNT 12)
  set(words "")
  foreach(line IN LISTS lines)
    if(line MATCHES "cs-${key}:(.*)")
      string(REGEX REPLACE "[*]/.*" "" text "${CMAKE_MATCH_1}")
      separate_arguments(more UNIX_COMMAND "${text}")
      list(APPEND words ${more})
    endif()
  endforeach()
  # A changed directive must reach the build: configure again when the file changes.
  if(words)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
  endif()
  set(${out} "${words}" PARENT_SCOPE)
endfunction()

# Sets OUT to whether a program of LANGUAGE links with FLAGS, and one in C finds SYMBOL, if any.
function(cs_links out language flags symbol)
  string(MD5 key "${language} ${flags} ${symbol}")
  set(CMAKE_REQUIRED_LIBRARIES ${flags})
  set(calls "")
  if(symbol)
    set(calls "char ${symbol}(void); int (*volatile calls)(void) = (int (*)(void))${symbol};")
  endif()
  set(CMAKE_REQUIRED_QUIET ON)
  if(language STREQUAL "CXX")
    check_cxx_source_compiles("int main() { return 0; }" CS_LINKS_${key})
  else()
    check_c_source_compiles("${calls} int main(void) { return 0; }" CS_LINKS_${key})
  endif()
  set(${out} "${CS_LINKS_${key}}" PARENT_SCOPE)
  # A package may come between this configuration and the next: a no is not remembered.
  if(NOT CS_LINKS_${key})
    unset(CS_LINKS_${key} CACHE)
  endif()
endfunction()

# A program of tests/targets: compiled as a user's program would be. lib*.c are shared
# objects for programs that load one.
function(cs_target_program file)
  get_filename_component(name "${file}" NAME_WE)
  get_filename_component(extension "${file}" LAST_EXT)
  cs_file_directive(links "${file}" link)
  cs_file_directive(flags "${file}" cflags)
  cs_file_directive(symbol "${file}" symbol)
  set(language C)
  if(extension STREQUAL ".cc")
    set(language CXX)
  endif()
  if(links)
    cs_links(possible ${language} "${links}" "${symbol}")
    if(NOT possible)
      message(STATUS "target program ${name} is left out: cannot link ${links}")
      # A program of an earlier build must not stand in for it.
      file(REMOVE "${CS_TARGETS}/${name}")
      return()
    endif()
  endif()
  if(name MATCHES "^lib")
    add_library(target_${name} SHARED "${file}")
    set_target_properties(target_${name} PROPERTIES PREFIX "" OUTPUT_NAME "${name}"
      C_VISIBILITY_PRESET default LIBRARY_OUTPUT_DIRECTORY "${CS_TARGETS}")
  else()
    add_executable(target_${name} "${file}")
    set_target_properties(target_${name} PROPERTIES OUTPUT_NAME "${name}"
      C_VISIBILITY_PRESET default ENABLE_EXPORTS ON
      RUNTIME_OUTPUT_DIRECTORY "${CS_TARGETS}")
  endif()
  # They do odd things on purpose: warnings are shown, and stop nothing.
  set_target_properties(target_${name} PROPERTIES COMPILE_WARNING_AS_ERROR OFF)
  target_compile_definitions(target_${name} PRIVATE
    $<$<COMPILE_LANGUAGE:C>:_GNU_SOURCE>)
  target_compile_options(target_${name} PRIVATE -Wall -g -O1 -fno-builtin -pthread ${flags})
  target_link_options(target_${name} PRIVATE -pthread)
  target_link_libraries(target_${name} PRIVATE ${links})
endfunction()

# The same for gccgo, whatever version there is.
function(cs_gccgo_target_program file)
  get_filename_component(name "${file}" NAME_WE)
  find_program(CS_GCCGO NAMES gccgo gccgo-15 gccgo-14 gccgo-13 gccgo-12)
  if(NOT CS_GCCGO)
    message(STATUS "target program ${name} is left out: there is no gccgo")
    file(REMOVE "${CS_TARGETS}/${name}")
    return()
  endif()
  add_custom_command(OUTPUT "${CS_TARGETS}/${name}"
    COMMAND "${CS_GCCGO}" -g -O1 -o "${CS_TARGETS}/${name}" "${file}"
    DEPENDS "${file}" VERBATIM)
  add_custom_target(target_${name} ALL DEPENDS "${CS_TARGETS}/${name}")
endfunction()

# Sets OUT to the libraries that a unit test in FOLDER (below tests/unit) may use.
function(cs_unit_libraries out folder)
  set(libraries cs_command)
  if(folder MATCHES "^agent")
    set(libraries csa_unit)
  elseif(folder MATCHES "^profiler/([^/]+)" AND TARGET cs_${CMAKE_MATCH_1})
    set(libraries cs_${CMAKE_MATCH_1})
  elseif(folder MATCHES "^viewer" AND TARGET cs_viewer)
    set(libraries cs_viewer)
  endif()
  set(${out} ${libraries} PARENT_SCOPE)
endfunction()

# Every tests/unit/FOLDER/test_*.c is one cmocka program; the folder's other sources are
# linked into each of them.
function(cs_unit_test root file)
  file(RELATIVE_PATH path "${root}" "${file}")
  get_filename_component(folder "${path}" DIRECTORY)
  get_filename_component(name "${path}" NAME_WE)
  get_filename_component(dir "${file}" DIRECTORY)
  file(GLOB helpers CONFIGURE_DEPENDS "${dir}/*.c")
  list(FILTER helpers EXCLUDE REGEX "/test_[^/]*[.]c$")
  string(MAKE_C_IDENTIFIER "unit_${folder}_${name}" target)
  cs_unit_libraries(libraries "${folder}")
  cs_file_directive(links "${file}" link)

  add_executable(${target} "${file}" ${helpers})
  set_target_properties(${target} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/unit/${folder}" OUTPUT_NAME "${name}")
  target_include_directories(${target} PRIVATE "${CMAKE_SOURCE_DIR}/tests")
  target_link_options(${target} PRIVATE -pthread)
  target_link_libraries(${target} PRIVATE ${links} ${libraries} PkgConfig::CMOCKA
    cs_warnings cs_instrument)
  add_test(NAME "unit/${folder}/${name}" COMMAND ${target})
  cs_test_settings("unit/${folder}/${name}" unit "${file}")
  if(folder MATCHES "^agent")
    add_dependencies(unit_agent ${target})
  endif()
  add_dependencies(unit ${target})
endfunction()

# A script: bash or python3, exit 77 for "skipped" with the reason as its last line.
function(cs_script_test label file)
  get_filename_component(name "${file}" NAME_WE)
  cs_file_directive(settings "${file}" test)
  if("release-only" IN_LIST settings AND NOT CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
    return()
  endif()
  set(interpreter bash)
  if(file MATCHES "[.]py$")
    set(interpreter "${Python3_EXECUTABLE}")
  endif()
  set(scratch "${CMAKE_BINARY_DIR}/scratch/${label}/${name}")
  file(MAKE_DIRECTORY "${scratch}")
  add_test(NAME "${label}/${name}" COMMAND ${interpreter} "${file}"
           WORKING_DIRECTORY "${scratch}")
  cs_test_settings("${label}/${name}" "${label}" "${file}")
endfunction()

# What every test gets: label, environment, timeout, the skip code.
function(cs_test_settings name label file)
  cs_file_directive(settings "${file}" test)
  # It ends what hangs: a machine that is slow and busy needs several times as long as ours.
  set(timeout 300)
  if("${settings}" MATCHES "timeout=([0-9]+)")
    set(timeout ${CMAKE_MATCH_1})
  endif()
  set(serial OFF)
  if("serial" IN_LIST settings)
    set(serial ON)
  endif()
  set_tests_properties("${name}" PROPERTIES LABELS "${label}" TIMEOUT ${timeout}
    RUN_SERIAL ${serial} SKIP_RETURN_CODE 77
    ENVIRONMENT "${CS_TEST_ENVIRONMENT};CS_TEST_TIMEOUT=${timeout}")
endfunction()
