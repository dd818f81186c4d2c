# SPDX-License-Identifier: Apache-2.0
#
# One library per folder. Each publishes an include directory that holds a single
# symbolic link, FOLDER -> its sources, so that #include "model/model.h" compiles only
# for a target that links cs_model.

# Sets OUT to the directory to put on the include path for SOURCE_DIR.
function(cs_publish_headers out target source_dir)
  get_filename_component(folder "${source_dir}" NAME)
  set(published "${CMAKE_BINARY_DIR}/headers/${target}")
  file(MAKE_DIRECTORY "${published}")
  file(CREATE_LINK "${source_dir}" "${published}/${folder}" SYMBOLIC)
  set(${out} "${published}" PARENT_SCOPE)
endfunction()

# Sets OUT to the sources of DIR; files added later are found by the next build.
function(cs_sources out dir)
  file(GLOB sources CONFIGURE_DEPENDS "${dir}/*.c" "${dir}/*.S")
  set(${out} "${sources}" PARENT_SCOPE)
endfunction()

# Compiles every header of DIR alone, with the include paths of TARGET: a header that
# leans on what its users include first fails here.
function(cs_check_headers target dir)
  if(NOT CS_UNIT_TESTS)
    return()
  endif()
  get_filename_component(folder "${dir}" NAME)
  file(GLOB headers CONFIGURE_DEPENDS RELATIVE "${dir}" "${dir}/*.h")
  set(units "")
  foreach(header IN LISTS headers)
    string(MAKE_C_IDENTIFIER "${header}" id)
    set(unit "${CMAKE_BINARY_DIR}/header-check/${folder}/${id}.c")
    file(CONFIGURE OUTPUT "${unit}" CONTENT "#include \"${folder}/${header}\"\n")
    list(APPEND units "${unit}")
  endforeach()
  set(check ${target}_${folder}_headers)
  if(units)
    add_library(${check} OBJECT ${units})
    target_link_libraries(${check} PRIVATE cs_warnings ${target})
  endif()
endfunction()

# cs_library(NAME DIR [DEPENDS LIBRARY...] [PRIVATE LIBRARY...])
# DEPENDS are folders of ours whose headers NAME may include; PRIVATE are libraries of
# the system that only NAME may use.
function(cs_library name dir)
  cmake_parse_arguments(arg "" "" "DEPENDS;PRIVATE" ${ARGN})
  set(source_dir "${CMAKE_CURRENT_SOURCE_DIR}/${dir}")
  cs_sources(sources "${source_dir}")
  cs_publish_headers(published ${name} "${source_dir}")
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC "${published}")
  target_link_libraries(${name} PUBLIC ${arg_DEPENDS}
    PRIVATE cs_warnings cs_instrument cs_hardening ${arg_PRIVATE})
  cs_check_headers(${name} "${source_dir}")
endfunction()
