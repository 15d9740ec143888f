# SPDX-License-Identifier: Apache-2.0
add_executable(feed_standin integration/feed_standin.c)
target_link_libraries(feed_standin PRIVATE tally_wire tally_base PkgConfig::ZMQ)
set_target_properties(feed_standin PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
