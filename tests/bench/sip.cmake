# SPDX-License-Identifier: Apache-2.0
add_executable(bench_sip_parse bench/bench_sip_parse.c)
target_link_libraries(bench_sip_parse PRIVATE tally_sip)
set_target_properties(bench_sip_parse PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
