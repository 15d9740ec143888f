/* SPDX-License-Identifier: Apache-2.0 */
/*
 * testing.h - cmocka with what its header needs before it.
 */
#pragma once

/* The order matters. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
