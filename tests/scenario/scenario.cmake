# SPDX-License-Identifier: Apache-2.0
# The scenario runner, and one test per scenario file.
set(scenario_dir ${CMAKE_CURRENT_SOURCE_DIR}/scenario)
add_executable(tally-scenario
    ${scenario_dir}/runner/main.c ${scenario_dir}/runner/script.c ${scenario_dir}/runner/world.c)
target_link_libraries(tally-scenario PRIVATE tally_core tally_crypto tally_wire tally_base)
set_target_properties(tally-scenario PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
file(GLOB scenarios CONFIGURE_DEPENDS ${scenario_dir}/*.scn)
foreach(scenario ${scenarios})
    get_filename_component(name ${scenario} NAME_WE)
    file(RELATIVE_PATH path ${CMAKE_SOURCE_DIR} ${scenario})
    add_test(NAME scenario.${name} COMMAND tally-scenario ${path} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(scenario.${name} PROPERTIES LABELS scenario)
endforeach()
