# SPDX-License-Identifier: Apache-2.0
foreach(name frame record feed)
    tally_fuzz(${name} SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_${name}.c DEPENDS tally_wire)
endforeach()
