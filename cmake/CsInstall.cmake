# SPDX-License-Identifier: Apache-2.0
#
# What `cmake --install` puts where. The command and the agent keep their relative
# places: the one finds the other by them.
include(GNUInstallDirs)

if(TARGET coroscope)
  install(TARGETS coroscope RUNTIME DESTINATION bin)
endif()
if(TARGET coroscope-agent)
  install(TARGETS coroscope-agent LIBRARY DESTINATION lib/coroscope)
endif()
if(TARGET coroscope-top)
  install(TARGETS coroscope-top RUNTIME DESTINATION lib/coroscope)
endif()

file(GLOB manual_pages CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/docs/man/*.1")
install(FILES ${manual_pages} DESTINATION share/man/man1)

# Completion comes from the table that runs the commands, so the command itself prints it.
function(cs_install_completion shell destination name)
  set(generated "${CMAKE_BINARY_DIR}/completion/${name}")
  install(CODE "
    file(MAKE_DIRECTORY \"${CMAKE_BINARY_DIR}/completion\")
    execute_process(COMMAND \"$<TARGET_FILE:coroscope>\" completion ${shell}
      OUTPUT_FILE \"${generated}\" ERROR_VARIABLE complaint RESULT_VARIABLE status)
    if(status EQUAL 0)
      file(INSTALL \"${generated}\" DESTINATION \"\${CMAKE_INSTALL_PREFIX}/${destination}\")
    else()
      message(WARNING \"no completion for ${shell}: \${complaint}\")
    endif()")
endfunction()

if(TARGET coroscope)
  cs_install_completion(bash share/bash-completion/completions coroscope)
  cs_install_completion(zsh share/zsh/site-functions _coroscope)
endif()
